"""What the evaluator reports of bars, stacked bars and images, and that it leaves no trace."""

import math
from copy import deepcopy

import pytest
import torch
from torch.distributions import Bernoulli

from src.data.drums import grammar
from src.evaluation.artifacts import Cloud, Picture, Sound

BOUND = {"elbo", "reconstruction", "kl_high", "kl_low", "active_high", "active_low", "mi_high", "mi_low", "mi_ceiling"}
BOUND |= {"usage_high", "usage_low", "onset_f1", "collapsed", "au_high", "au_low"}
FINAL = {"iwae_nll", "floor_nll", "importance_samples", "without_effect"}
MUSIC = {"validity", "diversity", "feature_distance", "style_accuracy"}


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
    kinds = {"prior": Picture, "reconstructions": Picture, "z_high": Cloud, "z_low": Cloud}
    kinds |= {"prior_bars": Sound, "reconstructions_bars": Sound}
    assert {name: type(getattr(artifact, "made", artifact)) for name, artifact in shown.items()} == kinds
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


def test_bars_are_examined_at_the_end_if_asked_for(evaluation_of, vae_for):
    evaluation, data = evaluation_of(pictures=True, interpret=True)
    vae = vae_for(data)
    along, _ = evaluation.measure(vae, "val")
    assert "told_apart" not in along
    metrics, shown = evaluation.measure(vae, "test")
    assert {"named_high", "mig", "style_probe_high", "transfer_high", "control_density_slope", "told_apart"} <= set(
        metrics
    )
    assert {"hierarchy", "latent_map", "transfer", "interpolation", "temperature"} <= set(shown)
    facts = evaluation.evaluator.facts()
    assert [entry["level"] for entry in facts["latents"]] == ["high"] * vae.levels["high"] + ["low"] * vae.levels["low"]
    assert facts["musicality"]["told_apart"]["share"] == metrics["told_apart"]


def test_nobody_examines_the_latents_of_images(evaluation_of, vae_for):
    evaluation, data = evaluation_of("smudges", interpret=True)
    metrics, _ = evaluation.measure(vae_for(data), "test")
    assert "told_apart" not in metrics


def test_fewer_held_out_samples_are_used_as_they_are(evaluation_of, vae_for):
    evaluation, data = evaluation_of(num_samples=5000, num_held_out=5000, importance_samples=3)
    metrics, _ = evaluation.measure(vae_for(data), "test")
    assert metrics["num_held_out"] == 90
    assert metrics["mi_ceiling"] == pytest.approx(math.log(90))


@pytest.mark.parametrize(("kind", "stack"), [("bars", 2), ("bars", 3), ("smudges", 1), ("smudges", 2)])
@pytest.mark.ci
def test_stacked_bars_and_images_have_a_bound_too(evaluation_of, vae_for, kind, stack):
    evaluation, data = evaluation_of(kind, stack, pictures=True)
    vae = vae_for(data)
    metrics, shown = evaluation.measure(vae, "test")
    assert set(metrics) >= BOUND | FINAL
    assert not set(metrics) & MUSIC
    assert ("entropy" in metrics) == (kind == "bars")
    assert all(math.isfinite(metrics[name]) for name in (BOUND | FINAL) - {"collapsed", "without_effect"})
    assert ("mse" in metrics) == (kind == "smudges")
    assert not {"prior_bars", "reconstructions_bars"} & set(shown)
    assert {"prior", "reconstructions", "z_high", "z_low"} <= set(shown)
    assert bool(evaluation.controls(torch.device("cpu"))) == (kind == "smudges")
    one, _ = evaluation_of(kind, 1)
    single = one.measure(vae_for(one.evaluator), "test")[0]
    assert metrics["floor_nll"] == pytest.approx(stack * single["floor_nll"], rel=0.05), "channels are independent"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_samples": 3}, r"evaluator\.num_samples=3: choose a whole number of at least 10"),
        ({"num_held_out": 0}, r"evaluator\.num_held_out=0: choose"),
        ({"importance_samples": 0}, r"evaluator\.importance_samples=0: choose"),
    ],
)
def test_too_few(evaluation_of, changes, message):
    with pytest.raises(ValueError, match=message):
        evaluation_of(**changes)
