"""The evaluator on a few hundred drawn bars, stacked bars and smudges of 28×28 pixels, with tiny VAEs.

B batch, N samples, T steps, V voices, Z latent dims.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli

from src.callbacks.evaluation import Evaluation
from src.data import grammar
from src.data.module import Loaded, ResidentData
from src.data.spec import Split
from src.exhibits import Cloud, Picture, Sound
from src.music import drawing, style
from src.vae.decoders import Parallel
from src.vae.evaluation import VAEEvaluator
from src.vae.module import VAE, log_likelihood
from src.vae.networks import BottomUp, Standard

BOUND = {"elbo", "reconstruction", "kl_high", "kl_low", "active_high", "active_low", "mi_high", "mi_low", "mi_ceiling"}
BOUND |= {"usage_high", "usage_low", "onset_f1", "collapsed"}
FINAL = {"iwae_nll", "floor_nll", "importance_samples"}
MUSIC = {"validity", "diversity", "feature_distance", "style_accuracy"}
SIZES = {"train": 300, "val": 120, "test": 90}


class Bars(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        drawn = [grammar.draw(num, seed) for seed, num in enumerate(SIZES.values())]
        return Loaded(*(Split.of(bars.grids_NTV, bars.styles_N) for bars in drawn), grammar.STYLES, "toy", levels=1)

    def true_nll(self, images_NCHW: Tensor) -> Tensor:
        return torch.full((len(images_NCHW),), 15.0) + images_NCHW.sum((1, 2, 3))


class Smudges(ResidentData):
    name = "toy"

    def load(self) -> Loaded:
        random = torch.Generator().manual_seed(0)
        images = [torch.rand(num, 28, 28, generator=random).pow(3).mul(255).to(torch.uint8) for num in SIZES.values()]
        return Loaded(*(Split(split, torch.arange(len(split)) % 2) for split in images), ("A", "B"), "toy")


Evaluated = tuple[Evaluation, ResidentData]


@pytest.fixture
def evaluation_of(monkeypatch, tmp_path) -> Callable[..., Evaluated]:
    """An evaluation as a run has it, ready for the data; what costs most, the pictures of bars, only if asked for."""
    monkeypatch.setattr(style, "STEPS", 40)

    def make(kind: type[ResidentData] = Bars, stack: int = 1, pictures: bool = False, **changes: int) -> Evaluated:
        if not pictures:
            for name in ("bars", "reconstructions"):
                monkeypatch.setattr(drawing, name, lambda *grids: np.zeros((1, 1, 3), np.uint8))
        data = kind(root="", budget=8, batch_size=8, seed=0, stack=stack)
        data.setup()
        evaluator = VAEEvaluator(**({"num_samples": 60, "num_held_out": 50, "importance_samples": 20} | changes))
        evaluator.prepare(data, torch.device("cpu"))
        return Evaluation(evaluator, 1, "elbo", str(tmp_path)), data

    return make


def enlivened(vae: VAE) -> VAE:
    """Both levels far from their priors, and heard by the decoder."""
    for head in (vae.inference.high, vae.inference.low):
        (head[-1] if isinstance(head, nn.Sequential) else head).weight.data.mul_(4)
    for parameter in vae.decoder.parameters():
        if parameter.ndim > 1:
            parameter.data.mul_(2)
    return vae


@pytest.fixture
def vae_for(make_vae) -> Callable[..., VAE]:
    return lambda data, **changes: enlivened(make_vae(spec=data.spec, **changes))


def plain(metrics: dict) -> dict:
    """NaN is NaN."""
    return {name: str(value) for name, value in metrics.items()}


def test_metrics_of_the_contract(evaluation_of, vae_for):
    evaluation, data = evaluation_of(pictures=True)
    vae = vae_for(data)
    metrics, shown = evaluation.measure(vae, "test")
    assert set(metrics) >= BOUND | FINAL | MUSIC
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, list))
    assert metrics["elbo"] == pytest.approx(-metrics["reconstruction"] - metrics["kl_high"] - metrics["kl_low"])
    assert sum(metrics["kl_high_dims"]) == pytest.approx(metrics["kl_high"])
    assert sum(metrics["kl_low_dims"]) == pytest.approx(metrics["kl_low"])
    assert metrics["iwae_nll"] < -metrics["elbo"]
    assert metrics["mi_ceiling"] == pytest.approx(math.log(50))
    assert (metrics["importance_samples"], metrics["num_held_out"], metrics["num_samples"]) == (20, 50, 60)
    held_out = data.held_out("test").images[:50, 0].double()
    rate_TV = (data.splits["train"].images.double().sum(0) + 0.5) / 301
    assert metrics["floor_nll"] == pytest.approx(-Bernoulli(rate_TV).log_prob(held_out).sum((1, 2)).mean().item())
    assert metrics["entropy"] == pytest.approx(15 + held_out.sum((1, 2)).mean().item()), "of the very same bars"
    assert metrics["collapsed"] == []
    assert "mse" not in metrics
    kinds = {"prior": Picture, "reconstructions": Picture, "prior_bars": Sound, "z_high": Cloud, "z_low": Cloud}
    assert {name: type(exhibit) for name, exhibit in shown.items()} == kinds
    assert shown["z_high"].points_NL.shape == (50, 2)
    assert shown["z_low"].points_NL.shape == (50, 3)
    assert list(shown["z_low"].labels) == [grammar.STYLES[label] for label in data.held_out("test").labels[:50, 0]]


def test_along_training_without_what_is_slow(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    vae = vae_for(data)
    vae.annealed = {"beta_high": 0.5, "beta_low": torch.tensor(0.25), "temperature": 2.0}
    metrics, shown = evaluation.measure(vae, "val")
    assert set(metrics) >= BOUND | MUSIC
    assert not set(metrics) & FINAL
    assert set(shown) == {"prior", "reconstructions"}
    assert (metrics["beta_high"], metrics["beta_low"], metrics["temperature"]) == (0.5, 0.25, 2.0)
    assert metrics["mi_ceiling"] == pytest.approx(math.log(120))
    timeline = evaluation.evaluator.timeline([{"images_seen": 10} | metrics, {"images_seen": 20} | metrics])
    assert timeline["kl_dimensions"].pixels_HW3.dtype.name == "uint8"


def test_the_figures_are_those_of_the_model_whatever_training_annealed(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    vae = vae_for(data)
    metrics, _ = evaluation.measure(vae, "test")
    vae.annealed = {"beta_high": 0.0, "beta_low": 0.0, "temperature": 9.0}
    assert plain(evaluation.measure(vae, "test")[0]) == plain(metrics)


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
        logits = vae.decoder(torch.cat([latents.high_BL, latents.low_BL], 1), 2 * bars - 1)
    expected = -log_likelihood(logits, bars).mean().item()
    variance = 1e-6
    kl = 0.5 * (latents.posterior_low.mean.square() + variance - 1 - math.log(variance)).sum(1).mean().item()
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics["reconstruction"] == pytest.approx(expected, abs=0.01)
    assert metrics["kl_low"] == pytest.approx(kl, rel=1e-4)


class Deaf(nn.Module):
    """A decoder that takes both levels and hears one."""

    autoregressive = False

    def __init__(self, num_latents: int, shape: tuple[int, int], hears: slice):
        super().__init__()
        self.inner = Parallel(num_latents, shape, 8, 1, 0.0)
        self.hears = hears

    def heard(self, latents_BZ: Tensor) -> Tensor:
        heard_BZ = torch.zeros_like(latents_BZ)
        heard_BZ[..., self.hears] = latents_BZ[..., self.hears]
        return heard_BZ

    def forward(self, latents_BZ: Tensor, history_BTV: Tensor) -> Tensor:
        return self.inner(self.heard(latents_BZ), history_BTV)

    def generate(self, latents_BZ: Tensor, uniform_BTV: Tensor) -> tuple[Tensor, Tensor]:
        return self.inner.generate(self.heard(latents_BZ), uniform_BTV)


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


class Nameless(Bars):
    """Bars of one style, which nobody can mistake."""

    def load(self) -> Loaded:
        loaded = super().load()
        splits = [
            Split(split.images, torch.zeros_like(split.labels)) for split in (loaded.train, loaded.val, loaded.test)
        ]
        return Loaded(*splits, ("all",), "toy", levels=1)


def test_without_styles_no_style_is_found(evaluation_of, vae_for):
    evaluation, data = evaluation_of(Nameless)
    assert "style_accuracy" not in evaluation.measure(vae_for(data), "val")[0]
    assert "style_accuracy" not in evaluation.controls(torch.device("cpu"))["real"]
    assert "validity" in evaluation.controls(torch.device("cpu"))["real"]


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
    assert metrics["reconstruction"] < metrics["floor_nll"], "latents are worth something"
    assert metrics["onset_f1"] > 0.3


def test_the_same_weights_give_the_same_figures(evaluation_of, vae_for):
    evaluation, data = evaluation_of()
    vae = vae_for(data)
    torch.manual_seed(1)
    first, _ = evaluation.measure(vae, "test")
    torch.manual_seed(2)
    again, _ = evaluation.measure(vae, "test")
    assert plain(first) == plain(again)
    assert plain(first) != plain(evaluation.measure(vae_for(data, seed=1), "test")[0])


@pytest.mark.parametrize("split", ["val", "test"])
@pytest.mark.parametrize("mode", [True, False])
def test_evaluating_leaves_no_trace(evaluation_of, vae_for, split, mode):
    evaluation, data = evaluation_of()
    vae = vae_for(data).train(mode)
    weights, random = deepcopy(vae.state_dict()), torch.get_rng_state()
    evaluation.measure(vae, split)
    evaluation.controls(torch.device("cpu"))
    assert torch.equal(random, torch.get_rng_state())
    assert {module.training for module in vae.modules()} == {mode}
    assert all(torch.equal(weights[name], tensor) for name, tensor in vae.state_dict().items())
    assert all(parameter.grad is None for parameter in vae.parameters())


def test_fewer_held_out_samples_are_used_as_they_are(evaluation_of, vae_for):
    evaluation, data = evaluation_of(num_samples=5000, num_held_out=5000, importance_samples=3)
    metrics, _ = evaluation.measure(vae_for(data), "test")
    assert metrics["num_held_out"] == 90
    assert metrics["mi_ceiling"] == pytest.approx(math.log(90))


def test_more_importance_samples_tighten(evaluation_of, make_vae):
    evaluation, data = evaluation_of(num_held_out=90)
    vae, found = make_vae(spec=data.spec), []
    vae.inference.high.weight.data.mul_(12)  # a rate of several nats, but a reconstruction with little chance in it
    for evaluation.evaluator.importance_samples in (1, 10, 200):
        found.append(evaluation.measure(vae, "test")[0])
    loose, middle, tight = (metrics["iwae_nll"] for metrics in found)
    assert loose > middle > tight
    assert found[0]["kl_high"] > 6
    assert loose == pytest.approx(-found[0]["elbo"], abs=3), "k = 1 is another estimate of the bound, with more noise"


def test_controls(evaluation_of):
    controls = evaluation_of(num_samples=120)[0].controls(torch.device("cpu"))
    assert set(controls) == {"real", "noise", "single"}
    assert set(controls["real"]) == MUSIC
    assert controls["single"]["diversity"] == 0
    assert controls["noise"]["diversity"] > controls["real"]["diversity"] > 0.05
    assert 5 * controls["real"]["feature_distance"] < controls["noise"]["feature_distance"]
    assert 5 * controls["real"]["feature_distance"] < controls["single"]["feature_distance"]
    assert controls["real"]["style_accuracy"] > 0.5


def test_onset_of_each_level(evaluation_of):
    evaluator = evaluation_of()[0].evaluator
    history = [
        {"images_seen": 100, "kl_high": 2.0, "kl_low": 0.0},
        {"images_seen": 200, "kl_high": 0.09, "kl_low": 3.0},
        {"images_seen": 300, "kl_high": 0.01, "kl_low": 3.0},
    ]
    assert evaluator.onset(history) == {"high": 200, "low": None}


@pytest.mark.parametrize(("kind", "stack"), [(Bars, 2), (Bars, 3), (Smudges, 1), (Smudges, 2)])
def test_stacked_bars_and_images_have_a_bound_too(evaluation_of, vae_for, kind, stack):
    evaluation, data = evaluation_of(kind, stack, pictures=True)
    vae = vae_for(data)
    metrics, shown = evaluation.measure(vae, "test")
    assert set(metrics) >= BOUND | FINAL
    assert not set(metrics) & MUSIC
    assert ("entropy" in metrics) == (kind is Bars)
    assert all(math.isfinite(value) for value in metrics.values() if not isinstance(value, list))
    assert ("mse" in metrics) == (kind is Smudges)
    assert "prior_bars" not in shown
    assert {"prior", "reconstructions", "z_high", "z_low"} <= set(shown)
    assert evaluation.controls(torch.device("cpu")) == {}
    one, _ = evaluation_of(kind, 1)
    single = one.measure(vae_for(one.evaluator), "test")[0]
    assert metrics["floor_nll"] == pytest.approx(stack * single["floor_nll"], rel=0.05), "channels are independent"


def test_mse_is_that_of_the_reconstructed_images(evaluation_of, vae_for):
    evaluation, data = evaluation_of(Smudges, num_held_out=90)
    vae = vae_for(data, decoder=partial(Parallel, width=8, depth=1, dropout=0.0)).eval()
    images = data.splits["test"].images.float() / 255
    with torch.no_grad():
        means = vae.inference.means(vae.encoder(images), vae.prior)
        rebuilt = vae.decoder(torch.cat(means, 1), images).sigmoid()
    metrics, _ = evaluation.measure(vae, "test")
    assert metrics["mse"] == pytest.approx((rebuilt - images).square().mean().item(), abs=2e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 3}, r"evaluator\.num_samples=3 num_held_out=50: at least 10 each"),
        ({"num_held_out": 0}, r"num_held_out=0: at least 10 each"),
        ({"importance_samples": 0}, r"evaluator\.importance_samples=0: at least 1"),
    ],
)
def test_too_few(evaluation_of, changes, message):
    with pytest.raises(ValueError, match=message):
        evaluation_of(**changes)
