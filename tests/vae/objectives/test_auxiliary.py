"""Bag of words, and latents that are found again."""

from functools import partial

import pytest
import torch

from src.vae.decoders import Parallel
from src.vae.objectives import BagOfWords, LatentReconstruction
from tests.vae.objectives.conftest import gradients, seeded


@pytest.fixture
def cells(bars):
    return bars[:8].float()


def test_the_bag_is_predicted_from_latents_alone(make_vae, cells):
    """Σ_v n_v log p_v + (T − n_v) log(1 − p_v), with n_v hits of voice v in T steps."""
    vae = make_vae(objective=BagOfWords(weight=0.5, width=6)).eval()
    seen = []
    vae.criterion.bag.register_forward_hook(lambda _, inputs, output: seen.append((inputs[0], output)))
    outputs = seeded(vae, cells)
    ((latents_BZ, logits_BV),) = seen
    assert latents_BZ.shape == (8, 5)
    p_BV, hits_BV = logits_BV.sigmoid(), cells.sum(1)
    expected = -(hits_BV * p_BV.log() + (4 - hits_BV) * (1 - p_BV).log()).sum(1).mean()
    torch.testing.assert_close(outputs["loss"] - outputs["negative_elbo"], 0.5 * expected)
    torch.testing.assert_close(outputs["objective/bag_of_words"], expected.detach())


def test_the_bag_teaches_latents_and_not_the_decoder(make_vae, cells):
    vae = make_vae(objective=BagOfWords(width=6)).eval()
    outputs = seeded(vae, cells)
    reached = gradients(vae, outputs["loss"])
    plain = make_vae().eval()
    expected = gradients(plain, seeded(plain, cells)["loss"])
    for name, gradient in expected.items():
        same = torch.allclose(reached[name], gradient, atol=1e-6)
        assert same == name.startswith("decoder"), name
    assert all(reached[name].any() for name in reached if name.startswith("criterion"))


def test_a_bag_needs_cells_that_are_on_or_off(linear_vae):
    with pytest.raises(ValueError, match=r"vae\.objective=bag_of_words counts .*choose vae\.likelihood=bernoulli"):
        linear_vae(BagOfWords())


@pytest.mark.parametrize(("done", "weight"), [(0, 0.0), (1, 1.5), (5, 3.0)])
@pytest.mark.parametrize("sees", ["both", "low"])
def test_the_error_is_between_the_latents_and_those_found_again(linear_vae, grey_cells, sees, done, weight):
    vae = linear_vae(LatentReconstruction(weight=3.0, duration=0.2), decoder_sees=sees)
    vae.total_steps, vae.steps = 10, done
    outputs = seeded(vae, grey_cells)
    torch.manual_seed(5)
    latents = vae.infer(grey_cells)
    network = vae.decoder.network.network
    z_BZ = torch.cat(latents.z, 1) if sees == "both" else latents.z[-1]
    decoded_BTV = (z_BZ @ network.weight.T + network.bias).clamp(0, 1).view(5, 4, 3)
    high_BL, low_BL = vae.inference.means(vae.encoder(decoded_BTV), vae.prior).z
    found_BZ = torch.cat([high_BL, low_BL], 1) if sees == "both" else low_BL
    error = ((found_BZ - z_BZ) ** 2).sum(1).mean()
    torch.testing.assert_close(outputs["objective/latent_error"], error.detach())
    torch.testing.assert_close(outputs["loss"] - outputs["negative_elbo"], weight * error, atol=1e-4, rtol=1e-4)


def test_no_history_tells_what_was_decoded(make_vae, cells):
    """The second pass of an autoregressive decoder sees unknown cells only."""
    vae, seen = make_vae(objective=LatentReconstruction()), []
    vae.total_steps = 10
    vae.decoder.register_forward_hook(lambda _, inputs, output: seen.append(inputs[1]))
    seeded(vae, cells)
    assert torch.equal(seen[0], 2 * cells - 1)
    assert not seen[1].any()


def test_every_network_learns_to_keep_latents(make_vae, cells):
    decoder = partial(Parallel, width=8, depth=1, dropout=0.0)
    vae = make_vae(objective=LatentReconstruction(duration=0.0), decoder=decoder)
    vae.total_steps = 10
    outputs = seeded(vae, cells)
    reached = gradients(vae, outputs["loss"] - outputs["negative_elbo"])
    for network in ("encoder", "inference", "prior", "decoder"):
        assert any(reached[name].any() for name in reached if name.startswith(network)), network
