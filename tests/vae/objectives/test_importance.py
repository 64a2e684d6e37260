"""Importance-weighted bounds: their values, and where they lie between the ELBO and the evidence."""

import math
from functools import partial

import pytest
import torch

from src.vae.anneal import Constant
from src.vae.networks import BottomUp, TopDown
from src.vae.objectives import CIWAE, IWAE, MIWAE, DReG
from tests.vae.objectives.conftest import evidence, gradients, seeded


def log_weights(vae, cells_BTV, *draws, seed=5):
    """log p(x, z)/q(z|x), written down, of the draws that the objective makes after the same seed."""
    torch.manual_seed(seed)
    features_BF = vae.encoder(cells_BTV)
    latents = vae.inference(features_BF.expand(*draws, *features_BF.shape), vae.prior)
    mean = vae.decoder(torch.cat(latents.z, -1), cells_BTV)
    p_x = torch.distributions.Normal(mean, vae.likelihood.std).log_prob(cells_BTV).sum((-2, -1)) - 12 * math.log(255)
    p_z = [torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(-1) for z in latents.z]
    q_high = latents.posteriors[0].log_prob(latents.z[0]).sum(-1)
    q_low = latents.posteriors[1].log_prob(latents.z[1]).sum(-1)
    return (p_x + sum(p_z) - q_high - q_low).double()  # whose exponentials are not zero yet


@torch.no_grad()
def test_the_bound_rises_with_k_to_the_evidence(linear_vae, grey_cells):
    cells_NTV = grey_cells.repeat(200, 1, 1)
    bounds = {k: -seeded(linear_vae(IWAE(k)), cells_NTV)["loss"].item() for k in (1, 4, 16, 64)}
    truth = evidence(linear_vae(), grey_cells).mean().item()
    assert bounds[1] < bounds[4] < bounds[16] < bounds[64] < truth
    far = -seeded(linear_vae(IWAE(50_000)), grey_cells)["loss"].item()
    assert far == pytest.approx(truth, abs=0.05)
    assert truth - bounds[1] > 1, "or the test would say little"


@torch.no_grad()
@pytest.mark.parametrize("inference", [TopDown, BottomUp])
def test_one_draw_is_the_elbo_in_the_mean(linear_vae, grey_cells, inference):
    """With the analytic KL, of the same model."""
    cells_NTV = grey_cells[:1].expand(40_000, -1, -1)
    losses = [
        seeded(linear_vae(objective, inference=partial(inference, width=8)), cells_NTV)["loss"].item()
        for objective in (IWAE(1), None)
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.1)


def test_bounds_are_those_of_the_papers(linear_vae, grey_cells):
    log_w = log_weights(linear_vae(), grey_cells, 6)
    iwae = log_w.exp().mean(0).log().mean().float()
    torch.testing.assert_close(-seeded(linear_vae(IWAE(6)), grey_cells)["loss"], iwae)
    torch.testing.assert_close(-seeded(linear_vae(DReG(6)), grey_cells)["loss"], iwae)
    ciwae = -seeded(linear_vae(CIWAE(6, share=0.25)), grey_cells)["loss"]
    torch.testing.assert_close(ciwae, 0.25 * log_w.mean().float() + 0.75 * iwae)
    log_w = log_weights(linear_vae(), grey_cells, 3, 6)
    miwae = -seeded(linear_vae(MIWAE(3, 6)), grey_cells)["loss"]
    torch.testing.assert_close(miwae, log_w.exp().mean(1).log().mean().float())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (CIWAE(6, share=0.0), IWAE(6)),
        (CIWAE(6, share=1.0), MIWAE(6, 1)),
        (MIWAE(1, 6), IWAE(6)),
        (MIWAE(1, 1), IWAE(1)),
        (CIWAE(1, share=0.3), IWAE(1)),
    ],
    ids=["no ELBO", "only ELBO", "M 1", "one draw", "K 1"],
)
def test_limits(linear_vae, grey_cells, one, other):
    """Values and gradients; MIWAE with K = 1 is the ELBO with M draws."""
    found, expected = linear_vae(one), linear_vae(other)
    found_loss, expected_loss = seeded(found, grey_cells)["loss"], seeded(expected, grey_cells)["loss"]
    torch.testing.assert_close(found_loss, expected_loss)
    torch.testing.assert_close(gradients(found, found_loss), gradients(expected, expected_loss))


def test_beta_weighs_the_latents_in_each_weight(linear_vae, grey_cells):
    vae = linear_vae(IWAE(6), anneal={"constant": Constant({"high": 0.25, "low": 0.5})})
    torch.manual_seed(5)
    features_BF = vae.encoder(grey_cells)
    latents = vae.inference(features_BF.expand(6, *features_BF.shape), vae.prior)
    high_KB, low_KB = latents.log_ratios_B()
    plain_KB = log_weights(vae, grey_cells, 6) + high_KB + low_KB
    expected = (plain_KB - 0.25 * high_KB - 0.5 * low_KB).exp().mean(0).log().mean()
    torch.testing.assert_close(-seeded(vae, grey_cells)["loss"], expected.float())


def test_what_is_logged_is_the_elbo_of_the_draws(linear_vae, grey_cells):
    """So that curves of all objectives compare."""
    vae = linear_vae(MIWAE(20, 50))
    outputs, plain = seeded(vae, grey_cells), linear_vae()
    expected = [seeded(plain, grey_cells, seed) for seed in range(300)]
    for name in ("reconstruction", "kl_high", "kl_low"):
        mean = torch.stack([each[name].mean() for each in expected]).mean()
        torch.testing.assert_close(outputs[name].mean(), mean, rtol=0.03, atol=0.1)
        assert outputs[name].shape == (5,)
    parts = sum(outputs[name].mean() for name in ("reconstruction", "kl_high", "kl_low"))
    torch.testing.assert_close(outputs["negative_elbo"], parts)
    assert outputs["objective/loss"] == outputs["loss"] < parts - 1
    assert ((outputs["objective/effective_samples"] >= 1) & (outputs["objective/effective_samples"] <= 50)).all()
