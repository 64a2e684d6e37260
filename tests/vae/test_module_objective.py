"""The VAE's objective, against few lines that know none of the project's seams.

B batch, K importance samples, N grids, C channels, H height, W width, T steps, V voices, L latent dims.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn.functional import softplus

from src.evaluation.metrics.bound import importance_weighted_nll
from src.vae.anneal import Constant
from src.vae.decoders import BERNOULLI, Parallel
from src.vae.module import VAE
from src.vae.networks import BottomUp, Conditional, Encoder, Standard, TopDown

ALL_NTV = torch.tensor(list(product((0.0, 1.0), repeat=6))).view(64, 2, 3)
PARALLEL = partial(Parallel, width=8, depth=1, dropout=0.1)


@pytest.fixture
def cells(bars) -> Tensor:
    return bars[:16].float()


@pytest.mark.parametrize(("channels", "levels"), [(1, 1), (2, 1), (1, 255), (2, 255), (3, 255)])
def test_cells_are_rows_with_their_channels_side_by_side(make_vae, bar_spec, channels, levels):
    vae = make_vae(spec=replace(bar_spec, shape=(channels, 4, 3), levels=levels))
    images_BCHW = torch.randint(0, levels + 1, (40, channels, 4, 3), dtype=torch.uint8)
    cells_BTV = vae.to_cells(images_BCHW)
    assert cells_BTV.shape == (40, 4, 3 * channels) == (40, *vae.shape)
    for c, h, w in product(range(channels), range(4), range(3)):
        assert torch.equal(cells_BTV[:, h, 3 * c + w], images_BCHW[:, c, h, w] / levels)
    assert vae.to_images(cells_BTV).dtype == torch.uint8
    assert torch.equal(vae.to_images(cells_BTV), images_BCHW)


def test_every_shade_survives_the_way_to_cells_and_back(make_vae, bar_spec):
    vae = make_vae(spec=replace(bar_spec, shape=(1, 16, 16), levels=255))
    shades = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(vae.to_images(vae.to_cells(shades)), shades)


def negative_elbo(vae: VAE, cells_BTV: Tensor) -> dict[str, Tensor]:
    """Top-down inference and a conditional prior, written down."""

    def posterior(output, mean=0.0, std=1.0):
        shift, raw = output.chunk(2, -1)
        return Normal(mean + std * shift, std * (softplus(raw + 0.5413) + 1e-3))

    features = vae.encoder(cells_BTV)
    q_high = posterior(vae.inference.high(features))
    z_high = q_high.rsample()
    p_low = posterior(vae.prior.network(z_high))
    q_low = posterior(vae.inference.low(torch.cat([features, z_high], 1)), p_low.mean, p_low.stddev)
    z_low = q_low.rsample()
    logits = vae.decoder(torch.cat([z_high, z_low], 1), 2 * cells_BTV - 1)
    reconstruction = -Bernoulli(logits=logits).log_prob(cells_BTV).sum((1, 2))
    kl_high, kl_low = kl_divergence(q_high, Normal(0, 1)).sum(1), kl_divergence(q_low, p_low).sum(1)
    loss = (reconstruction + kl_high + kl_low).mean()
    return {"loss": loss, "reconstruction": reconstruction, "kl_high": kl_high, "kl_low": kl_low}


def gradients(vae: VAE, loss: Tensor) -> list[Tensor]:
    return torch.autograd.grad(loss, list(vae.parameters()))


def test_without_annealers_the_objective_is_the_negative_elbo(make_vae, cells):
    vae = make_vae().eval()
    ours, plain = (seeded(objective, cells) for objective in (vae.objective, partial(negative_elbo, vae)))
    for name, value in plain.items():
        torch.testing.assert_close(ours[name], value, msg=name)
    for mine, theirs in zip(gradients(vae, ours["loss"]), gradients(vae, plain["loss"]), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)
    assert {name: ours[f"anneal/{name}"] for name in ("beta_high", "beta_low", "temperature")} == {
        "beta_high": 1,
        "beta_low": 1,
        "temperature": 1,
    }


def seeded(objective: Callable[[Tensor], dict[str, Tensor]], cells_BTV: Tensor) -> dict[str, Tensor]:
    torch.manual_seed(5)
    return objective(cells_BTV)


def test_annealers_weigh_the_loss_and_leave_the_reports_raw(make_vae, cells):
    anneal = {"constant": Constant(beta={"high": 0.25, "low": 3.0})}
    vae = make_vae(anneal=anneal).eval()
    ours, plain = (seeded(objective, cells) for objective in (vae.objective, partial(negative_elbo, vae)))
    parts = {name: plain[name].mean() for name in ("reconstruction", "kl_high", "kl_low")}
    expected = parts["reconstruction"] + 0.25 * parts["kl_high"] + 3 * parts["kl_low"]
    torch.testing.assert_close(ours["loss"], expected)
    for name in parts:
        torch.testing.assert_close(ours[name], plain[name])
        assert not ours[name].requires_grad
    assert (ours["anneal/beta_high"], ours["anneal/beta_low"]) == (0.25, 3.0)
    assert vae.annealed == {"beta_high": 0.25, "beta_low": 3.0, "temperature": 1}


@pytest.mark.parametrize("inference", [TopDown, BottomUp])
@pytest.mark.parametrize("prior", [Conditional, Standard])
@pytest.mark.parametrize("sees", ["both", "low"])
@torch.no_grad()
def test_all_grids_together_have_probability_one(make_vae, bar_spec, inference, prior, sees):
    """Importance sampling estimates each p(x) without bias, so the estimates of all grids must add up to one."""
    vae = make_vae(
        spec=replace(bar_spec, shape=(1, 2, 3)),
        inference=partial(inference, width=8),
        prior=partial(prior, width=8) if prior is Conditional else prior,
        decoder_sees=sees,
        **({"decoder": PARALLEL} if sees == "low" else {}),
    ).eval()
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.mul_(2)  # or the latents would hardly matter
    features_NF = vae.encoder(ALL_NTV)
    latents = vae.inference(features_NF.expand(2000, *features_NF.shape), vae.prior)
    logits_KNTV = vae.decoder(vae.decoder_input(latents.z), 2 * ALL_NTV - 1)
    log_weights_KN = BERNOULLI.log_prob(logits_KNTV, ALL_NTV) - latents.log_ratio_B()
    total = (-importance_weighted_nll(log_weights_KN)).exp().sum()
    error = log_weights_KN.exp().sum(1).std() / 2000**0.5
    assert (total - 1).abs() < 4 * error
    assert error < 0.05, "or the test would say nothing"


def test_grey_cells_count_as_the_expectation_over_their_binarisations():
    logits_BTV, grey_TV = torch.randn(1, 2, 3), torch.rand(2, 3)
    weight_N = Bernoulli(grey_TV).log_prob(ALL_NTV).sum((1, 2)).exp()
    likelihood_N = BERNOULLI.log_prob(logits_BTV.expand(64, -1, -1), ALL_NTV)
    torch.testing.assert_close(BERNOULLI.log_prob(logits_BTV, grey_TV.unsqueeze(0))[0], weight_N @ likelihood_N)


def test_importance_samples_are_judged_by_the_same_cells():
    logits_KBTV, cells_BTV = torch.randn(4, 5, 2, 3), ALL_NTV[20:25]
    expected = torch.stack([Bernoulli(logits=logits).log_prob(cells_BTV).sum((1, 2)) for logits in logits_KBTV])
    torch.testing.assert_close(BERNOULLI.log_prob(logits_KBTV, cells_BTV), expected)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warmup": 1.0}, r"vae\.warmup=1\.0: choose a share"),
        ({"warmup": -0.1}, r"vae\.warmup=-0\.1"),
        ({"decoder_sees": "hgih"}, r"vae\.decoder_sees=hgih: choose both or low"),
    ],
)
def test_impossible_choices(make_vae, changes, message):
    with pytest.raises(ValueError, match=message):
        make_vae(**changes)


def test_a_decoder_that_sees_low_alone_takes_no_other_latents(make_vae):
    vae = make_vae(decoder_sees="low", encoder=partial(Encoder, width=8))
    high_BL, low_BL = torch.randn(5, 2), torch.randn(5, 3)
    assert torch.equal(vae.decoder_input((high_BL, low_BL)), low_BL)
    assert make_vae().decoder_input((high_BL, low_BL)).tolist() == torch.cat([high_BL, low_BL], 1).tolist()
