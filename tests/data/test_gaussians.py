"""The toys in the plane: where their Gaussians lie, how wide they are, and how a point is stored."""

import math
from types import SimpleNamespace

import pytest
import torch

from src.data import gaussians
from src.data.gaussians import LEVELS, GaussianGrid, GaussianPair, GaussianRing, Mixture
from src.data.spec import DataSpec

COMMON = {"root": "", "budget": 64, "batch_size": 8, "seed": 0}
TOYS = [GaussianRing, GaussianGrid, GaussianPair]


def made(toy, stack: int = 1):
    data = toy(stack=stack, **COMMON)
    data.setup()
    return data


@pytest.mark.parametrize(("toy", "modes"), [(GaussianRing, 8), (GaussianGrid, 25), (GaussianPair, 2)])
def test_spec(toy, modes):
    spec = made(toy).spec
    assert spec.name == spec.source == {8: "gaussian_ring", 25: "gaussian_grid", 2: "gaussian_pair"}[modes]
    assert (spec.kind, spec.shape, spec.dtype) == ("points", (1, 1, 2), torch.int32)
    assert spec.sizes == {"train": 100_000, "val": 2_000, "test": 2_000}
    assert len(set(spec.classes)) == modes
    assert not any(" " in name for name in spec.classes), "a history joins names by spaces"


def test_the_ring():
    centres, sigma = GaussianRing.mixture.centres, GaussianRing.mixture.sigma
    assert sigma == 0.02
    assert centres["0°"] == (2, 0)
    assert centres["90°"] == pytest.approx((0, 2))
    assert centres["225°"] == pytest.approx((-math.sqrt(2), -math.sqrt(2)))
    assert all(math.hypot(*centre) == pytest.approx(2) for centre in centres.values())


def test_the_grid():
    centres, sigma = GaussianGrid.mixture.centres, GaussianGrid.mixture.sigma
    assert sigma == 0.05
    assert all(name == f"({x},{y})" for name, (x, y) in centres.items())
    assert set(centres.values()) == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert list(centres)[:2] == ["(-4,4)", "(-2,4)"], "row by row from the top, as on the map"


def test_the_pair():
    points_N2 = GaussianPair.mixture.coordinates(GaussianPair.mixture.draw(100_000, 0).images.unsqueeze(1))[:, 0]
    expected = torch.tensor([[1.25, 0.0], [0.0, 0.25]], dtype=torch.double)
    torch.testing.assert_close(torch.cov(points_N2.T), expected, atol=0.01, rtol=0)


@pytest.mark.parametrize("toy", TOYS)
def test_points_are_gaussian_around_their_centre(toy):
    data = made(toy)
    split, mixture = data.splits["train"], data.mixture
    assert torch.bincount(split.labels).unique().numel() == 1, "as many of each"
    offset_N2 = mixture.coordinates(split.images.unsqueeze(1))[:, 0] - mixture.centres_K2[split.labels]
    assert offset_N2.mean(0).abs().max() < 4 * mixture.sigma / math.sqrt(len(split))
    torch.testing.assert_close(
        torch.cov(offset_N2.T) / mixture.sigma**2, torch.eye(2, dtype=torch.double), atol=0.02, rtol=0
    )
    within = (offset_N2.norm(dim=1) <= 3 * mixture.sigma).double().mean().item()
    assert within == pytest.approx(1 - math.exp(-9 / 2), abs=0.002), "Rayleigh's law"


@pytest.mark.parametrize("toy", TOYS)
def test_splits_differ_and_a_second_draw_does_not(toy):
    data = made(toy)
    assert not torch.equal(data.splits["val"].images, data.splits["test"].images)
    assert data.spec.digest == made(toy).spec.digest


def test_a_stored_step_is_far_below_sigma():
    for toy in TOYS:
        assert 2 * toy.mixture.reach / LEVELS < toy.mixture.sigma / 1000


def test_networks_see_the_square_as_minus_one_to_one():
    data = made(GaussianGrid)
    images = torch.tensor([[[[0, LEVELS]]], [[[LEVELS, LEVELS // 2]]]], dtype=torch.int32)
    assert data.mixture.coordinates(images)[:, 0].tolist() == [[-6, 6], [6, pytest.approx(0, abs=1e-5)]]
    floats = data.spec.to_float(images)
    torch.testing.assert_close(6 * floats.double()[:, 0], data.mixture.coordinates(images), atol=1e-5, rtol=0)
    assert torch.equal(data.spec.to_stored(floats), images)
    assert data.spec.to_stored(torch.tensor([[[[-7.0, 3.0]]]])).tolist() == [[[[0, LEVELS]]]], "at the edge"


def test_what_lies_beyond_reach_is_stored_at_the_edge():
    wide = Mixture({"a": (0.9, -0.9)}, sigma=1.0, reach=1.0).draw(200, 0).images
    assert wide.min() == 0
    assert wide.max() == LEVELS


def test_nearest_centre_within_three_sigma():
    mixture = Mixture({"left": (-1.0, 0.0), "right": (1.0, 0.0)}, sigma=0.1, reach=2)
    points = torch.tensor([[-1.0, 0.29], [-1.0, 0.31], [0.0, 0.0], [0.8, 0.2], [0.75, 0.2]], dtype=torch.double)
    assert mixture.nearest(points.unsqueeze(1))[:, 0].tolist() == [0, -1, -1, 1, -1]


def test_stacked_points():
    data = made(GaussianRing, stack=2)
    assert data.spec.shape == (2, 1, 2)
    held_out = data.held_out("val")
    assert held_out.images.shape == (2000, 2, 1, 2)
    found_NC = data.mixture.nearest(data.mixture.coordinates(held_out.images))
    assert ((found_NC == held_out.labels) | (found_NC < 0)).all()


def test_training_batches():
    data = made(GaussianRing)
    data.trainer = SimpleNamespace(
        strategy=SimpleNamespace(root_device=torch.device("cpu")),
        lightning_module=SimpleNamespace(needs_labels=False),
        global_rank=0,
        world_size=1,
    )
    batches = list(data.train_dataloader())
    assert len(batches) == 8
    assert {(batch.shape, batch.dtype) for batch in batches} == {((8, 1, 1, 2), torch.int32)}


def test_held_out_sizes_suit_both_toys():
    for num in gaussians.NUM_DRAWN.values():
        assert num % 8 == num % 25 == 0


@pytest.mark.parametrize(
    ("shape", "levels", "kind", "dtype"),
    [
        ((1, 1, 2), LEVELS, "points", torch.int32),
        ((2, 1, 2), LEVELS, "points", torch.int32),
        ((1, 28, 28), 255, "images", torch.uint8),
        ((1, 16, 9), 1, "drums", torch.uint8),
    ],
)
def test_kinds_and_types(shape, levels, kind, dtype):
    spec = DataSpec("a", "a", "0", ("all",), shape, {}, levels=levels)
    assert (spec.kind, spec.dtype) == (kind, dtype)
