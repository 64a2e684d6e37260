"""How long the strokes of characters are: thinning and skeletons."""

import math

import numpy as np
import pytest
import torch

from src.evaluation.class_statistics import stroke_length, thinned
from tests.evaluation.test_class_statistics import pieces, shape


def segment(degrees: float, length: float, width: float) -> torch.Tensor:
    """Bool [1, 28, 28] of a thick line with round ends, through the middle."""
    y, x = np.mgrid[:28, :28] - 13.4
    along_x, along_y = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    along = np.clip(x * along_x + y * along_y, -length / 2, length / 2)
    return torch.from_numpy(np.hypot(x - along * along_x, y - along * along_y) <= width / 2)[None]


@pytest.mark.parametrize("degrees", range(0, 180, 15))
@pytest.mark.parametrize("width", [2, 3, 5])
def test_stroke_length_does_not_depend_on_direction_or_width(degrees: int, width: float):
    length = stroke_length(thinned(segment(degrees, 18, width))).item()
    assert 16 <= length <= 1.083 * (18 + width), "ends may be cut or kept; steps of 45° lengthen others by up to 8 %"


def thinned_pixel_by_pixel(image: np.ndarray) -> np.ndarray:
    """The conditions of Guo & Hall's algorithm A1 with counts, one pixel after the other."""
    image = np.pad(image, 1).astype(int)
    changed = True
    while changed:
        changed = False
        for half in range(2):
            gone = []
            for y, x in np.argwhere(image):
                n, s, w, e = image[y - 1, x], image[y + 1, x], image[y, x - 1], image[y, x + 1]
                nw, ne, sw, se = image[y - 1, x - 1], image[y - 1, x + 1], image[y + 1, x - 1], image[y + 1, x + 1]
                crossings = ((1 - n) * (ne | e)) + ((1 - e) * (se | s)) + ((1 - s) * (sw | w)) + ((1 - w) * (nw | n))
                neighbours = min((nw | n) + (ne | e) + (se | s) + (sw | w), (n | ne) + (e | se) + (s | sw) + (w | nw))
                kept = (s | sw | (1 - nw)) * w if half else (n | ne | (1 - se)) * e
                if crossings == 1 and 2 <= neighbours <= 3 and not kept:
                    gone.append((y, x))
            for place in gone:
                image[place], changed = 0, True
    return image[1:-1, 1:-1].astype(bool)


def test_thinning_is_guo_and_halls(letters):
    ragged = torch.rand(30, 12, 12, generator=torch.Generator().manual_seed(0)) < 0.7
    for images in (ragged, letters.images[:10] >= 128):
        expected = np.stack([thinned_pixel_by_pixel(image) for image in images.numpy()])
        assert np.array_equal(thinned(images).numpy(), expected)


def test_length_of_known_skeletons():
    horizontal = shape("....", "####", "....")
    diagonal = shape("#...", ".#..", "..#.", "...#")
    corner = shape("##..", ".#..", ".#..")
    dot = shape("....", ".#..")
    assert stroke_length(horizontal).item() == 3
    assert stroke_length(diagonal).item() == pytest.approx(3 * math.sqrt(2))
    assert stroke_length(diagonal.flip(2)).item() == pytest.approx(3 * math.sqrt(2))
    assert stroke_length(corner).item() == 3
    assert stroke_length(dot).item() == 0


def test_thinning_keeps_parts_and_holes_together_and_leaves_lines(letters):
    inked = letters.images >= 128
    skeleton = thinned(inked)
    assert not (skeleton & ~inked).any()
    blocks = skeleton[:, 1:, 1:] & skeleton[:, 1:, :-1] & skeleton[:, :-1, 1:] & skeleton[:, :-1, :-1]
    assert blocks.sum() < 0.01 * skeleton.sum(), "squares are left at a few crossings only"
    for before, after in zip(inked.numpy(), skeleton.numpy(), strict=True):
        assert pieces(after, diagonal=True) == pieces(before, diagonal=True)
        assert pieces(np.pad(~after, 1, constant_values=True), False) == pieces(
            np.pad(~before, 1, constant_values=True), False
        )


def test_thinning_is_each_image_for_itself_and_changes_no_skeleton(letters):
    inked = letters.images[:6] >= 128
    together = thinned(inked)
    assert torch.equal(together, torch.cat([thinned(image[None]) for image in inked]))
    assert torch.equal(thinned(together), together)
