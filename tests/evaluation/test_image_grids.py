import numpy as np
import pytest
import torch
from PIL import Image

from src.evaluation import image_grids
from src.evaluation.image_grids import GAP, ZOOM, grid, kl_timeline, sorted_grid, timeline

INK = 100  # a grey that nothing else in a picture has


def images(count: int, channels: int = 1, height: int = 28, width: int = 28) -> torch.Tensor:
    return torch.full((count, channels, height, width), INK, dtype=torch.uint8)


@pytest.mark.parametrize(("count", "columns", "rows"), [(6, 3, 2), (7, 3, 3), (1, 4, 1)])
@pytest.mark.parametrize("side", [(28, 28), (16, 9)])
def test_grid_shape(count, columns, rows, side):
    picture = grid(images(count, 1, *side), columns)
    assert picture.shape == (rows * (side[0] + GAP) * ZOOM, columns * (side[1] + GAP) * ZOOM, 3)
    assert picture.dtype == np.uint8
    assert (picture == INK).all(2).sum() == count * side[0] * side[1] * ZOOM**2
    blank = (rows * columns - count) * side[0] * side[1] * ZOOM**2
    assert (picture == image_grids.BLANK_GREY).all(2).sum() == blank


def test_grid_puts_images_row_by_row():
    tones = torch.arange(10, 16, dtype=torch.uint8).view(6, 1, 1, 1).expand(6, 1, 4, 4)
    picture = grid(tones, 3)[:, :, 0]
    cell = (4 + GAP) * ZOOM
    middles = picture[cell // 2 + GAP :: cell, cell // 2 + GAP :: cell]
    assert middles.tolist() == [[10, 11, 12], [13, 14, 15]]


@pytest.mark.parametrize(("channels", "expected"), [(1, [50, 50, 50]), (2, [50, 60, 0]), (3, [50, 60, 70])])
def test_channels_are_colours(channels, expected):
    tones = torch.tensor([50, 60, 70], dtype=torch.uint8)[:channels].view(1, channels, 1, 1).expand(1, channels, 5, 5)
    assert grid(tones, 1)[-1, -1].tolist() == expected


def test_large_images_are_not_enlarged():
    assert grid(images(4, 3, 64, 64), 2).shape == (2 * (64 + GAP), 2 * (64 + GAP), 3)
    assert sorted_grid({"A": images(3, 3, 64, 64)}, 3).shape[0] == 64 + GAP


def test_names_of_classes_fit_beside_their_rows():
    names = [
        "disc",
        "a name of several words",
        "a name that is far too long for the margin of any picture of this kind",
    ]
    for name in names:
        picture = sorted_grid({name: images(3), "B": images(3)}, 3)
        margin = picture[:, : picture.shape[1] // 2 - 3 * ZOOM * (28 + GAP) - ZOOM * GAP]
        assert margin.shape[1] <= image_grids.LONGEST_LABEL
        assert (margin[:, 1:-1] < 128).any()
        assert (margin[:, :2] == 255).all(), "not cut off"


def test_one_block_is_as_tall_as_two_and_half_as_wide():
    rows = {name: images(3) for name in "ABCD"}
    two, one = sorted_grid(rows, 3), sorted_grid(rows, 3, num_blocks=1)
    assert (one.shape[0], one.shape[1]) == (2 * two.shape[0], two.shape[1] // 2)
    assert inked(one) == inked(two)


def quarters(picture: np.ndarray) -> list[np.ndarray]:
    """Of a sorted grid of four classes: A, B below each other at the left, C, D at the right."""
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    return [picture[y : y + height, x : x + width] for x in (0, width) for y in (0, height)]


def inked(picture: np.ndarray) -> int:
    return int((picture == INK).all(2).sum())


def red(picture: np.ndarray) -> int:
    levels = picture.astype(int)
    return int(((levels[..., 0] > 150) & (levels[..., 1] < 80) & (levels[..., 2] < 80)).sum())


@pytest.mark.parametrize("missing", [None, "A", "B", "C", "D"])
def test_a_missing_class_has_a_blank_row_and_a_red_label(missing):
    rows = {name: None if name == missing else images(5) for name in "ABCD"}
    for name, part in zip("ABCD", quarters(sorted_grid(rows, 5)), strict=True):
        if name == missing:
            assert inked(part) == 0
            assert (part == image_grids.BLANK_GREY).all(2).mean() > 0.5
            assert red(part) > 10
        else:
            assert inked(part) > 0.4 * part[..., 0].size
            assert red(part) == 0


def test_few_images_of_a_covered_class_leave_the_rest_of_its_row_blank():
    whole, few, none, _ = quarters(sorted_grid({"A": images(5), "B": images(2), "C": images(0), "D": images(5)}, 5))
    assert inked(few) == pytest.approx(0.4 * inked(whole), rel=0.1)
    assert inked(none) == 0
    assert red(few) == red(none) == 0


@pytest.mark.parametrize("rows", [{"A": images(3)}, {"A": None}, dict.fromkeys("ABCDE"), {"0": images(3, 2, 16, 9)}])
def test_sorted_grids_of_other_sizes(rows):
    picture = sorted_grid(rows, 3)
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8
    assert (inked(picture) > 0 or red(picture) > 10) or rows.get("0") is not None


@pytest.mark.parametrize("num_evaluations", [1, 2, 40])
@pytest.mark.parametrize("num_classes", [1, 26])
def test_timeline(num_evaluations, num_classes):
    shares = np.full((num_evaluations, num_classes), 1 / num_classes)
    names = [f"class {number}" for number in range(num_classes)]
    picture = timeline([1000 * (turn + 1) for turn in range(num_evaluations)], shares, names)
    assert picture.shape[0] == pytest.approx(100 * (1.4 + 0.2 * num_classes), abs=2)
    assert picture.shape[1:] == (750, 3)
    assert picture.dtype == np.uint8


def test_timeline_shows_what_is_gone_and_what_is_too_much():
    """Red where a class is overrepresented, blue where it is gone."""
    shares = np.array([[0.5, 0.5], [1.0, 0.0]])
    levels = timeline([1000, 2000], shares, ["A", "B"]).astype(int)
    middle = levels[:, 150:500]
    upper, lower = np.array_split(middle[10:-60], 2)
    blue = [((part[..., 2] > part[..., 0] + 60).sum()) for part in (upper, lower)]
    warm = [((part[..., 0] > part[..., 2] + 60).sum()) for part in (upper, lower)]
    assert blue[1] > max(100, 3 * blue[0])
    assert warm[0] > max(100, 3 * warm[1])


def test_save(tmp_path):
    """A grey picture is stored as one, in a third of the bytes, or so."""
    grey = grid(images(2), 2)
    coloured = grey.copy()
    coloured[0, 0] = (255, 0, 0)
    for picture, mode in ((grey, "L"), (coloured, "RGB")):
        image_grids.save(picture, tmp_path / "some.png")
        with Image.open(tmp_path / "some.png") as image:
            assert image.mode == mode
            assert np.array_equal(np.asarray(image.convert("RGB")), picture)


def greyish(picture: np.ndarray) -> np.ndarray:
    levels = picture.astype(int)
    return levels.max(2) - levels.min(2) < 10


@pytest.mark.parametrize("num_evaluations", [1, 2, 40])
def test_kl_timeline_has_a_row_for_each_dimension(num_evaluations: int):
    kl = {"high": np.full((num_evaluations, 4), 0.5), "low": np.full((num_evaluations, 12), 0.01)}
    picture = kl_timeline([1000 * (turn + 1) for turn in range(num_evaluations)], kl)
    assert picture.shape[0] == pytest.approx(100 * (1.4 + 0.2 * 16), abs=2)
    assert picture.shape[1:] == (750, 3)
    assert picture.dtype == np.uint8


def test_inactive_dimensions_are_grey():
    """The threshold is 0.1 nats, whatever the level; a KL of exactly 0 is drawn too."""
    turns = [1000, 2000]
    active, inactive = (
        kl_timeline(turns, {"high": np.full((2, 2), high), "low": np.full((2, 2), low)})
        for high, low in ((0.105, 3.0), (0.0, 0.095))
    )
    body = np.s_[20:120, 150:550]
    assert not greyish(active[body]).mean() > 0.1
    assert greyish(inactive[body]).mean() > 0.99


def test_rows_are_in_order():
    """z_high at the top, evaluations from left to right."""
    kl = {"high": np.array([[0.0] * 5, [1.0] * 5]), "low": np.zeros((2, 5))}
    grey = greyish(kl_timeline([1000, 2000], kl))
    upper, lower = grey[20:110], grey[170:250]
    assert upper[:, 100:300].mean() > 0.99 > 0.1 > upper[:, 400:580].mean()
    assert lower[:, 100:580].mean() > 0.99
