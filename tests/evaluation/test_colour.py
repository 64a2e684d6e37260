"""The evaluation of models of colour images."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from src.vae.decoders import Parallel
from src.vae.likelihoods import Bernoulli, LogisticMixture
from tests.coloured import CLASSES

CPU = torch.device("cpu")


def level_nll(train: np.ndarray, held_out: np.ndarray) -> float:
    """Of independent channels of pixels, in NumPy: each value starts with half a count."""
    train, held_out = (images.reshape(len(images), -1) for images in (train, held_out))
    counts = np.stack([np.bincount(column, minlength=256) for column in train.T]) + 0.5
    shares = counts / counts.sum(1, keepdims=True)
    return float(-np.log(shares[np.arange(shares.shape[0]), held_out]).sum(1).mean())


@pytest.mark.parametrize("likelihood", [Bernoulli, LogisticMixture])
def test_metrics_and_pictures_of_a_vae(evaluation_of, vae_for, likelihood):
    evaluation, data = evaluation_of("colours", importance_samples=8)
    vae = vae_for(data, likelihood=likelihood, decoder=partial(Parallel, width=8, depth=1, dropout=0.0))
    metrics, shown = evaluation.measure(vae, "test")
    assert all(math.isfinite(value) for value in metrics.values() if isinstance(value, float))
    assert {"mse", "modes", "iwae_nll", "floor_nll"} <= set(metrics)
    assert "onset_f1" not in metrics
    assert metrics["num_samples"] == 60
    for name in ("prior", "reconstructions"):
        pixels = shown[name].made.pixels_HW3.astype(int)
        assert (pixels.max(2) - pixels.min(2)).max() > 20, "in colour"
    if likelihood is Bernoulli:
        assert "bits_per_dim" not in metrics
        return
    assert metrics["bits_per_dim"] == pytest.approx(metrics["iwae_nll"] / (3 * 16 * 16 * math.log(2)))
    held_out = data.held_out("test").images[:50].numpy()
    assert metrics["floor_nll"] == pytest.approx(level_nll(data.splits["train"].images.numpy(), held_out))


def test_large_images_take_fewer_draws_at_once(evaluation_of, vae_for, monkeypatch):
    """The bound is the same but for the draws."""
    evaluation, data = evaluation_of("colours", importance_samples=64, num_held_out=16)
    vae = vae_for(data, likelihood=LogisticMixture, decoder=partial(Parallel, width=8, depth=1, dropout=0.0))
    whole, _ = evaluation.measure(vae, "test")
    for place in ("src.evaluation.vae_likelihood.MOST_NUMBERS", "src.vae.module.MOST_NUMBERS"):
        monkeypatch.setattr(place, 10 * vae.numbers)
    parts, _ = evaluation.measure(vae, "test")
    assert parts["iwae_nll"] == pytest.approx(whole["iwae_nll"], rel=0.01)
    assert parts["kl_high"] == pytest.approx(whole["kl_high"], rel=0.1)


def test_controls_and_properties(evaluation_of):
    evaluation, _ = evaluation_of("colours")
    controls = evaluation.controls(CPU)
    assert set(controls) == {"real", "train", "blurred", "noisy", "noise", "grey", "cut_up", "superposed", "single"}
    assert controls["single"]["modes"] == 1
    assert controls["real"]["modes"] >= controls["single"]["modes"]
    properties = evaluation.evaluator.facts()["class_properties"]
    assert {"within_variance", "nearest_neighbour", "oracle_error"} <= set(properties)
    assert not {"ink", "skeleton", "holes"} & set(properties)
    assert len(properties["within_variance"]) == len(CLASSES)
