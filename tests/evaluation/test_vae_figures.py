"""The evaluator's figures of VAEs of which the truth is known.

B batch, T steps, V voices, Z latent dims.
"""

import math
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from src.vae.decoders import BERNOULLI, Decoder, Parallel
from src.vae.likelihoods import Likelihood
from src.vae.networks import BottomUp, Standard


def test_the_bound_is_that_of_the_held_out_bars(evaluation_of, vae_for):
    """A posterior of no width makes the reconstruction a number without chance."""
    evaluation, data = evaluation_of(num_held_out=90)
    vae = vae_for(data, inference=partial(BottomUp, width=8), prior=Standard).eval()
    bars = data.splits["test"].images.float()
    with torch.no_grad():
        for head, size in ((vae.inference.low, 3), (vae.inference.high[-1], 2)):
            head.weight[size:] = 0
            head.bias[size:] = -40
        latents = vae.infer(bars)
        logits = vae.decoder(torch.cat(latents.z, 1), 2 * bars - 1)
    expected = -BERNOULLI.log_prob(logits, bars).mean().item()
    variance = 1e-6
    kl = 0.5 * (latents.posteriors[1].mean.square() + variance - 1 - math.log(variance)).sum(1).mean().item()
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics["reconstruction"] == pytest.approx(expected, abs=0.01)
    assert metrics["kl_low"] == pytest.approx(kl, rel=1e-4)


class Deaf(Decoder):
    """A decoder that takes both levels and hears one."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], likelihood: Likelihood, hears: slice):
        super().__init__(likelihood)
        self.inner = Parallel(num_latents, shape, 8, 1, 0.0, likelihood)
        self.hears = hears

    def heard(self, latents_BZ: Tensor) -> Tensor:
        heard_BZ = torch.zeros_like(latents_BZ)
        heard_BZ[..., self.hears] = latents_BZ[..., self.hears]
        return heard_BZ

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return self.inner(self.heard(latents_BZ), history_BTV)

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor, temperature: float = 1.0) -> tuple[Tensor, Tensor]:
        return self.inner.generate(self.heard(latents_BZ), uniform_BTV, temperature)


@pytest.mark.parametrize(("gone", "hears"), [("low", slice(0, 2)), ("high", slice(2, 5))])
def test_a_level_that_is_switched_off_shows(evaluation_of, vae_for, gone, hears):
    evaluation, data = evaluation_of()
    vae = vae_for(data, decoder=partial(Deaf, hears=hears))
    head = vae.inference.high if gone == "high" else vae.inference.low[-1]
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    metrics, _ = evaluation.measure(vae, "test")
    alive = "high" if gone == "low" else "low"
    assert metrics["collapsed"] == [gone]
    assert metrics[f"kl_{gone}"] == pytest.approx(0, abs=1e-4)
    assert metrics[f"usage_{gone}"] == 0
    assert metrics[f"mi_{gone}"] == pytest.approx(0, abs=1e-4)
    assert metrics[f"active_{gone}"] == 0
    assert metrics[f"kl_{alive}"] > 0.5
    assert abs(metrics[f"usage_{alive}"]) > 0.05
    assert metrics[f"mi_{alive}"] > 0.1
    assert metrics[f"active_{alive}"] >= 1


def test_a_decoder_that_does_not_see_a_level_cannot_use_it(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    metrics, _ = evaluation.measure(vae_for(data, decoder_sees="low"), "val")
    assert metrics["usage_high"] is None
    assert metrics["usage_low"] is not None


def test_usage_is_what_a_wrong_level_costs(evaluation_of, make_vae):
    """Once the model has learnt to rely on it."""
    evaluation, data = evaluation_of()
    vae = make_vae(spec=data.spec, z_high=4, decoder=partial(Parallel, width=32, depth=1, dropout=0.0))
    optimizer = torch.optim.Adam(vae.parameters(), 1e-2)
    bars = data.splits["train"].images.float()
    for _ in range(150):
        optimizer.zero_grad()
        vae.objective(bars)["loss"].backward()
        optimizer.step()
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics["kl_high"] + metrics["kl_low"] > 1
    assert max(metrics["usage_high"], metrics["usage_low"]) > 1
    used = max(vae.levels, key=lambda level: metrics[f"usage_{level}"])
    assert used not in metrics["without_effect"] + metrics["collapsed"]
    assert metrics[f"au_{used}"] >= 1
    assert metrics["reconstruction"] < metrics["floor_nll"], "latents are worth something"
    assert metrics["onset_f1"] > 0.3


def test_more_importance_samples_tighten(evaluation_of, make_vae):
    evaluation, data = evaluation_of(num_held_out=90)
    vae, result = make_vae(spec=data.spec), []
    vae.inference.high.weight.data.mul_(12)  # a rate of several nats, but a reconstruction with little chance in it
    for evaluation.evaluator.importance_samples in (1, 10, 200):
        result.append(evaluation.measure(vae, "test")[0])
    loose, middle, tight = (metrics["iwae_nll"] for metrics in result)
    assert loose > middle > tight
    assert result[0]["kl_high"] > 6
    assert loose == pytest.approx(-result[0]["elbo"], abs=3), "k = 1 is another estimate of the bound, with more noise"


def test_mse_is_that_of_the_reconstructed_images(evaluation_of, vae_for):
    evaluation, data = evaluation_of("smudges", num_held_out=90)
    vae = vae_for(data, decoder=partial(Parallel, width=8, depth=1, dropout=0.0)).eval()
    images = data.splits["test"].images.float() / 255
    with torch.no_grad():
        means = vae.inference.means(vae.encoder(images), vae.prior)
        rebuilt = vae.decoder(torch.cat(means.z, 1), images).sigmoid()
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics["mse"] == pytest.approx((rebuilt - images).square().mean().item(), abs=2e-4)


def test_onset_of_each_level(evaluation_of):
    evaluator = evaluation_of()[0].evaluator
    history = [
        {"images_seen": 100, "kl_high": 2.0, "kl_low": 0.0},
        {"images_seen": 200, "kl_high": 0.09, "kl_low": 3.0},
        {"images_seen": 300, "kl_high": 0.01, "kl_low": 3.0},
    ]
    summary = evaluator.over_training(history, {"collapsed": [], "without_effect": ["high"]})
    assert summary == {"outcome": "without effect", "onset": {"high": 200, "low": None}}
    assert "outcome" not in evaluator.over_training(history, {}), "of a run that was cut short"


@pytest.mark.parametrize("forced", ["high", "low"])
def test_a_level_whose_kl_is_forced_but_says_nothing_is_without_effect(evaluation_of, vae_for, forced):
    """Every bar has the same posterior, far from the prior."""
    evaluation, data = evaluation_of()
    vae = vae_for(data)
    head = vae.inference.high if forced == "high" else vae.inference.low[-1]
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, 2.0)
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics[f"kl_{forced}"] > 1
    assert forced in metrics["without_effect"]
    assert metrics["collapsed"] == []
    assert metrics["au_high" if forced == "high" else "mi_low"] == pytest.approx(0, abs=1e-3)


def test_a_level_that_the_encoder_fills_and_the_decoder_ignores_is_without_effect(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    metrics, _ = evaluation.measure(vae_for(data, decoder=partial(Deaf, hears=slice(0, 3))), "test")
    assert metrics["kl_high"] > 0.1
    assert metrics["mi_high"] > 0.1
    assert "high" in metrics["without_effect"]


def test_many_draws_make_the_bound_repeatable(evaluation_of, vae_for, monkeypatch):
    """Its spread between streams of random numbers shrinks as draws grow, its mean stays."""
    evaluation, data = evaluation_of()
    vae = vae_for(data)

    def bounds(draws: int) -> torch.Tensor:
        monkeypatch.setattr("src.evaluation.vae.DRAWS", draws)
        result = []
        for seed in range(12):
            monkeypatch.setattr("src.evaluation.vae.SEED", seed)
            result.append(evaluation.measure(vae, "test")[0]["elbo"])
        return torch.tensor(result)

    one, many = bounds(1), bounds(16)
    assert many.std() < 0.5 * one.std()
    assert many.mean().item() == pytest.approx(one.mean().item(), abs=4 * one.std().item() / 12**0.5)


def test_the_bound_does_not_depend_on_how_many_cells_are_held_at_once(evaluation_of, vae_for, monkeypatch):
    evaluation, data = evaluation_of()
    vae = vae_for(data)
    whole, _ = evaluation.measure(vae, "test")
    monkeypatch.setattr("src.evaluation.vae.BOUND_CELLS", 5 * 16 * 144)
    parts, _ = evaluation.measure(vae, "test")
    assert parts["elbo"] == pytest.approx(whole["elbo"], rel=0.02)
