import math
import os
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch

from src.core.class_properties import PROPERTIES
from src.data.letters.idx import class_indices, class_names, read_pair
from src.data.letters.strokes import draw
from src.data.spec import DataSpec, Split
from src.evaluation.class_statistics import class_properties, holes, nearest_neighbour, oracle_properties, perimeter
from src.evaluation.oracles.base import Predictions

REAL = Path(os.environ.get("DATA_DIR", "data")) / "letters"


def shape(*rows: str) -> torch.Tensor:
    """Bool [1, H, W] from a drawing in #."""
    return torch.tensor([[character == "#" for character in row] for row in rows])[None]


def described(num_classes: int, size: tuple[int, int] = (8, 8), levels: int = 255) -> DataSpec:
    return DataSpec("toy", "toy", "0", tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[:num_classes]), (1, *size), {}, levels)


def pieces(image: np.ndarray, diagonal: bool) -> int:
    """Connected parts, counted by flooding one after the other."""
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y or x) and (diagonal or not (y and x))]
    unseen, count = {tuple(place) for place in np.argwhere(image)}, 0
    while unseen:
        count += 1
        reached = deque([unseen.pop()])
        while reached:
            y, x = reached.popleft()
            for dy, dx in steps:
                if (y + dy, x + dx) in unseen:
                    unseen.remove((y + dy, x + dx))
                    reached.append((y + dy, x + dx))
    return count


def test_outline():
    ring = torch.zeros(2, 12, 12, dtype=torch.bool)
    ring[:, 2:9, 3:10] = True
    assert perimeter(ring).tolist() == [28, 28]
    ring[1, 4:7, 5:8] = False
    assert perimeter(ring).tolist() == [28, 40]
    assert perimeter(torch.ones(1, 5, 9, dtype=torch.bool)).item() == 28, "ink at the edge of the image counts"


def test_holes(letters):
    assert holes(shape("###", "#.#", "###")).item() == 1
    assert holes(shape("#####", "#.#.#", "#####")).item() == 2
    assert holes(shape(".#.", "#.#", ".#.")).item() == 1, "closed at its corners"
    assert holes(shape("###", "#.#", "#.#")).item() == 0
    inked = letters.images >= 128
    counted = [pieces(np.pad(~image, 1, constant_values=True), False) - 1 for image in inked.numpy()]
    assert holes(inked).tolist() == counted


def test_nearest_neighbour_of_points_on_a_line():
    line = torch.tensor([[0.0], [1.0], [3.0], [3.5]])
    assert nearest_neighbour(line).item() == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert math.isnan(nearest_neighbour(torch.tensor([[0.0, 1.0]])).item())


@pytest.fixture(scope="module")
def flat() -> dict[str, list[float]]:
    """Of three classes of 4×6 images: all grey alike; half black, half white; one pixel that wanders."""
    grey = torch.full((4, 4, 6), 102, dtype=torch.uint8)
    halves = torch.tensor([0, 255, 0, 255], dtype=torch.uint8)[:, None, None].expand(4, 4, 6)
    dots = torch.zeros(4, 24, dtype=torch.uint8)
    dots[range(4), range(4)] = 255
    images = torch.cat([grey, halves, dots.view(4, 4, 6)])
    return class_properties(described(3, (4, 6)), Split(images, torch.arange(3).repeat_interleave(4)))


def test_ink_variance_and_neighbours_of_known_pictures(flat):
    assert flat["ink"] == pytest.approx([0.4, 0.5, 1 / 24])
    assert flat["within_variance"] == pytest.approx([0, 24 * 0.25, 0.75**2 + 3 * 0.25**2], abs=1e-9)
    assert flat["nearest_neighbour"] == pytest.approx([0, 0, math.sqrt(2)], abs=1e-3)
    assert flat["skeleton"] == [0, pytest.approx(flat["skeleton"][1]), 0]
    assert flat["perimeter"] == [0, 10, 4]
    assert flat["holes"] == [0, 0, 0]
    assert "frequency" not in flat


def test_nearest_neighbours_are_sought_among_equally_many():
    points = torch.rand(1040, 1, 1, generator=torch.Generator().manual_seed(0)).mul(255).to(torch.uint8)
    labels = torch.tensor([0] * 1000 + [1] * 40)
    few, many = class_properties(described(2, (1, 1)), Split(points, labels))["nearest_neighbour"]
    assert few == pytest.approx(many, rel=0.7), "25 times as many would lie 25 times as close"


def test_frequency_only_of_unequal_classes():
    labels = torch.tensor([0] * 30 + [1] * 10)
    result = class_properties(described(2), Split(torch.zeros(40, 8, 8, dtype=torch.uint8), labels))
    assert result["frequency"] == [0.75, 0.25]


def test_class_of_one_image_has_no_neighbour():
    result = class_properties(described(2), Split(torch.zeros(3, 8, 8, dtype=torch.uint8), torch.tensor([0, 0, 1])))
    assert all(map(math.isnan, result["nearest_neighbour"]))


def test_drum_grids_have_hits_but_no_strokes():
    bars = torch.zeros(6, 16, 9, dtype=torch.uint8)
    bars[:3, ::4, 0] = 1
    result = class_properties(described(2, (16, 9), levels=1), Split(bars, torch.arange(2).repeat_interleave(3)))
    assert result["ink"] == pytest.approx([4 / 144, 0])
    assert set(result) == {"ink", "within_variance", "nearest_neighbour"}


def test_points_have_neither_ink_nor_strokes():
    points = torch.tensor([[0, 0], [30, 40], [100, 0], [100, 10]], dtype=torch.int32).unsqueeze(1)
    result = class_properties(described(2, (1, 2), levels=1000), Split(points, torch.tensor([0, 0, 1, 1])))
    assert set(result) == {"within_variance", "nearest_neighbour"}
    assert result["nearest_neighbour"] == pytest.approx([0.05, 0.01])
    assert result["within_variance"] == pytest.approx([0.025**2, 0.005**2])


def test_same_images_whatever_the_run():
    images, labels = draw("AX", 350, seed=1)
    data = Split.of(images, labels)
    torch.manual_seed(0)
    first = class_properties(described(2, (28, 28)), data)
    torch.manual_seed(1)
    state = torch.get_rng_state()
    assert class_properties(described(2, (28, 28)), data) == first
    assert torch.equal(torch.get_rng_state(), state)


def test_what_the_oracle_tells():
    truth = torch.tensor([[0], [0], [0], [0], [1], [1], [2]])
    said = torch.tensor([[0], [0], [0], [2], [1], [1], [0]])
    features = torch.tensor([[0, 0], [0, 2], [0, 0], [0, 2], [3, 1], [3, 1], [3, 5]])
    result = oracle_properties(3, truth, Predictions(torch.ones(7), said, features))
    assert result["oracle_error"] == pytest.approx([0.25, 0, 1])
    assert result["distance_to_others"] == pytest.approx([3, 3, 4])


def test_a_class_without_an_image_tells_nothing_of_itself_only():
    truth, features = torch.tensor([[0], [1]]), torch.tensor([[0.0], [3.0]])
    result = oracle_properties(3, truth, Predictions(torch.ones(2), truth, features))
    assert result["distance_to_others"] == pytest.approx([3, 3, math.nan], nan_ok=True)
    assert result["oracle_error"] == pytest.approx([0, 0, math.nan], nan_ok=True)


def test_channels_of_stacked_characters_are_images_of_their_own():
    truth = torch.tensor([[0, 1], [1, 0]])
    said = torch.tensor([[0, 1], [0, 0]])
    features = torch.tensor([[0.0, 0, 1, 0], [3, 0, 0, 0]])  # two of each channel side by side
    result = oracle_properties(2, truth, Predictions(torch.ones(2), said, features))
    assert result == {"oracle_error": [0, 0.5], "distance_to_others": pytest.approx([2, 2])}


def test_every_property_has_words(letters):
    labels = torch.cat([letters.labels, letters.labels[:40]])
    data = Split(torch.cat([letters.images, letters.images[:40]]), labels)
    predictions = Predictions(torch.ones(140), labels[:, None], torch.rand(140, 4))
    result = class_properties(described(5, (28, 28)), data) | oracle_properties(5, labels[:, None], predictions)
    assert set(result) == set(PROPERTIES)
    assert all(len(values) == 5 for values in result.values())
    assert all(isinstance(value, float) for values in result.values() for value in values)


@pytest.mark.real_data
@pytest.mark.skipif(not REAL.is_dir(), reason="no letters in DATA_DIR")
def test_real_letters():
    files = REAL / "letters-train-images-idx3-ubyte.gz", REAL / "letters-train-labels-idx1-ubyte.gz"
    images, raw = read_pair(*files, transposed=True)
    values, names = class_names(raw)
    data = Split.of(images, class_indices(raw, values, files[1]))
    result = class_properties(described(26, (28, 28)), data)
    of = {key: dict(zip(names, values, strict=True)) for key, values in result.items()}
    assert of["holes"]["B"] > 0.8 > 0.1 > of["holes"]["X"]
    assert of["skeleton"]["I"] < 30 < 40 < of["skeleton"]["X"] < of["skeleton"]["B"]
    assert min(result["ink"]) == min(of["ink"]["I"], of["ink"]["L"])
