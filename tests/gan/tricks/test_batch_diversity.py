"""gdpp and bures: distances between the features of two batches, against NumPy and SciPy."""

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import nn

from src.gan.interfaces import ScoredImages, Step
from src.gan.tricks import GDPP, Bures, TopK


def features(seed, num=6, dims=9):
    return np.random.default_rng(seed).normal(size=(num, dims))


def penalty(trick, fake, real):
    """Of the generator, from features alone."""
    real, fake = (ScoredImages(each, None, each.sum(1), each) for each in (real, fake))
    return trick.generator_penalty(Step(None, real, fake))


def gdpp_by_numpy(fake, real, magnitude):
    (fake_values, fake_vectors), (real_values, real_vectors) = (
        np.linalg.eigh(unit @ unit.T)
        for unit in (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (fake, real))
    )
    share = (real_values - real_values.min()) / (real_values.max() - real_values.min())
    similarity = np.abs((fake_vectors * real_vectors).sum(0))
    return magnitude * ((fake_values - real_values) ** 2).mean() - (share * similarity).sum()


def bures_by_scipy(fake, real):
    covariances = []
    for each in (fake, real):
        centred = each - each.mean(0)
        unit = centred / np.linalg.norm(centred, axis=1, keepdims=True)
        covariances.append(unit.T @ unit)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    return np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root)


def test_gdpp_of_two_images_by_hand():
    """[[1, c], [c, 1]] has the eigenvalues 1 ∓ |c| and the vectors (1, ∓1)/√2, whatever c, here 0.6 and 0.8."""
    real = torch.tensor([[1.0, 0.0], [0.8, 0.6]])
    fake = torch.tensor([[2.0, 0.0], [0.6 * 3, 0.8 * 3]])
    assert penalty(GDPP(2.0, magnitude=0.5), fake, real).item() == pytest.approx(2 * (0.5 * 0.2**2 - 1), rel=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_gdpp_against_numpy(seed):
    fake, real = features(seed), features(seed + 10)
    found = penalty(GDPP(magnitude=0.3), torch.tensor(fake), torch.tensor(real))
    assert found.item() == pytest.approx(gdpp_by_numpy(fake, real, 0.3), rel=1e-4)


def slope(function, fake, direction, step=1e-5):
    return (function(fake + step * direction) - function(fake - step * direction)) / (2 * step)


@pytest.mark.parametrize(
    ("trick", "function"),
    [
        (GDPP(magnitude=0.3), lambda fake, real: gdpp_by_numpy(fake, real, 0.3)),
        (Bures(iterations=60), bures_by_scipy),
    ],
    ids=["gdpp", "bures"],
)
def test_gradients_against_differences(trick, function):
    fake, real, direction = features(1), features(2), features(3)
    leaf = torch.tensor(fake, requires_grad=True)
    penalty(trick, leaf, torch.tensor(real)).backward()
    found = (leaf.grad.numpy() * direction).sum()
    assert found == pytest.approx(slope(lambda each: function(each, real), fake, direction), rel=1e-2)


def test_gdpp_of_images_alike_has_a_finite_gradient():
    """All eigenvalues but one coincide."""
    fake = torch.ones(5, 3, requires_grad=True)
    penalty(GDPP(), fake, torch.eye(5)[:, :3] + 0.1).backward()
    assert fake.grad.isfinite().all()
    assert penalty(GDPP(), torch.ones(5, 3), torch.eye(5)).isfinite(), "nor is there a spread of equal eigenvalues"


@pytest.mark.parametrize(("num", "dims"), [(6, 9), (9, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_bures_against_scipy(seed, num, dims):
    fake, real = features(seed, num, dims), 3 * features(seed + 10, num, dims) + 5
    found = penalty(Bures(2.0, iterations=60), torch.tensor(fake), torch.tensor(real))
    assert found.item() == pytest.approx(2 * bures_by_scipy(fake, real), rel=1e-3)


def test_fifteen_iterations_are_enough_for_a_batch_of_64():
    fake, real = features(0, 64, 128), features(1, 64, 128)
    found, exact = (penalty(Bures(iterations=n), torch.tensor(fake), torch.tensor(real)).item() for n in (15, 60))
    assert found == pytest.approx(exact, rel=1e-2)


def test_bures_of_the_same_batch_is_zero_and_of_one_image_repeated_the_variance_of_the_other():
    real = torch.tensor(features(0, 8))
    assert penalty(Bures(iterations=60), real.clone(), real).item() == pytest.approx(0, abs=2e-2)
    repeated = torch.ones_like(real, requires_grad=True)
    collapsed = penalty(Bures(), repeated, real)
    assert collapsed.item() == pytest.approx(8, rel=1e-4), "eight rows of length 1"
    collapsed.backward()
    assert repeated.grad.isfinite().all()


both = pytest.mark.parametrize("trick", [GDPP, Bures])


@both
def test_real_features_are_scored_for_the_generator_and_get_no_gradient(make_gan, fit, trick):
    plain, diverse = make_gan(), make_gan(tricks={"diverse": trick()})
    for gan in (plain, diverse):
        fit(gan, num_batches=2)
    assert diverse.discriminator_passes - plain.discriminator_passes == 2
    real = torch.tensor(features(0), requires_grad=True)
    penalty(trick(), torch.tensor(features(1), requires_grad=True), real).backward()
    assert real.grad is None


@both
def test_full_precision_under_autocast(trick):
    fake, real = (torch.tensor(features(seed, 16, 30), dtype=torch.float32) for seed in (0, 1))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = penalty(trick(), fake, real)
    assert found.item() == penalty(trick(), fake, real).item()


@both
def test_it_needs_features(make_gan, trick):
    class Own(nn.Module):
        def __init__(self, shape):
            super().__init__()
            self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))

        def forward(self, images):
            return self.layers(images)

    name = trick.__name__.lower()
    with pytest.raises(
        ValueError, match=rf"gan\.tricks={name} compares features, and the discriminator returns logits"
    ):
        make_gan(tricks={name: trick()}, discriminator=Own)


def test_gdpp_needs_batches_of_one_size(make_gan, fit):
    with pytest.raises(ValueError, match=r"gan\.tricks=gdpp compares batches of one size, but gan\.tricks=top_k"):
        make_gan(tricks={"gdpp": GDPP(), "top_k": TopK()})
    fit(make_gan(tricks={"bures": Bures(), "top_k": TopK(0.5, 0.5)}), num_batches=4)


def test_gdpp_waits_for_the_gpu_and_bures_does_not(make_gan):
    assert make_gan(tricks={"gdpp": GDPP()}).graph_key() is None
    assert make_gan(tricks={"bures": Bures()}).graph_key() is not None


def test_bures_counts_its_iterations():
    with pytest.raises(ValueError, match=r"gan\.tricks\.bures\.iterations=0: choose"):
        Bures(iterations=0)
