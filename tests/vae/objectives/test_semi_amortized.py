"""Refined posteriors, and the gradient through the refinement."""

import pytest
import torch

from src.vae.objectives import ELBO, SemiAmortized
from tests.vae.objectives.conftest import gradients, seeded


@torch.no_grad()
def mean_elbo(vae, cells_BTV, features_BF):
    return -torch.stack([vae.pass_through(cells_BTV, features_BF).negative_elbo for _ in range(200)]).mean().item()


def test_refining_raises_the_elbo(linear_vae, grey_cells):
    vae = linear_vae(SemiAmortized(refinements=20, lr=0.05))
    features_BF = vae.encoder(grey_cells)
    torch.manual_seed(0)
    refined_BF = vae.criterion.refine(vae, grey_cells, features_BF)
    before, after = (mean_elbo(vae, grey_cells, each.detach()) for each in (features_BF, refined_BF))
    assert after > before + 1


@pytest.mark.parametrize("name", ["encoder.body.0.0.weight", "decoder.network.network.weight", "inference.high.weight"])
def test_the_gradient_goes_through_the_refinements(linear_vae, grey_cells, name):
    """As differences of the loss say."""
    vae = linear_vae(SemiAmortized(refinements=3, lr=0.01, max_norm=1e9))
    weight = vae.get_parameter(name)
    slope = gradients(vae, seeded(vae, grey_cells)["loss"])[name]
    step = 0.01 * slope / slope.norm()
    losses = []
    for sign in (1, -1):
        weight.data += sign * step
        losses.append(seeded(vae, grey_cells)["loss"].item())
        weight.data -= sign * step
    assert (losses[0] - losses[1]) / 0.02 == pytest.approx(slope.norm().item(), rel=0.03)


def test_the_cheap_variant_has_the_same_loss_and_another_gradient(linear_vae, grey_cells):
    exact, cheap = (linear_vae(SemiAmortized(exact=exact)) for exact in (True, False))
    losses = [seeded(vae, grey_cells)["loss"] for vae in (exact, cheap)]
    torch.testing.assert_close(*losses)
    one, other = (gradients(vae, loss) for vae, loss in zip((exact, cheap), losses, strict=True))
    for network in ("encoder", "decoder"):
        assert any(one[name].any() and not torch.allclose(one[name], other[name]) for name in one if network in name)


def test_the_cheap_variant_gives_the_encoder_the_gradient_at_the_refined_features(linear_vae, grey_cells):
    vae = linear_vae(SemiAmortized(refinements=2, exact=False))
    slopes = []

    def watch(_, inputs, features_BF):
        features_BF.register_hook(slopes.append)

    handle = vae.encoder.register_forward_hook(watch)
    seeded(vae, grey_cells)["loss"].backward()
    handle.remove()
    torch.manual_seed(5)
    refined_BF = vae.criterion.refine(vae, grey_cells, vae.encoder(grey_cells)).detach().requires_grad_()
    (expected,) = torch.autograd.grad(vae.pass_through(grey_cells, refined_BF).negative_elbo, refined_BF)
    torch.testing.assert_close(slopes[0], expected)


def test_a_sample_moves_by_lr_times_its_norm_at_most(linear_vae, grey_cells):
    vae = linear_vae(SemiAmortized(refinements=1, lr=0.3, max_norm=0.01))
    outputs = seeded(vae, grey_cells)
    assert outputs["objective/refinement"].item() == pytest.approx(0.003, rel=1e-3)
    assert isinstance(vae.criterion, ELBO)
    assert outputs["loss"] == outputs["negative_elbo"]


def test_second_derivatives_are_not_compiled(make_vae):
    with pytest.raises(ValueError, match=r"compile=true.*vae\.objective\.exact=false"):
        make_vae(objective=SemiAmortized()).compile_networks()
    make_vae(objective=SemiAmortized(exact=False)).compile_networks()
