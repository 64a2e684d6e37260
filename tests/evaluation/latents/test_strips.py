"""Small bars in rows: where the ink is."""

import numpy as np
import torch
from matplotlib.colors import to_rgb

from src.data.drums.drawing import HIT
from src.evaluation.latents.strips import CELL, Row, strips


def ink(picture: np.ndarray) -> np.ndarray:
    """Rows and columns of inked pixels."""
    return np.argwhere((np.abs(picture.astype(int) - np.array(to_rgb(HIT)) * 255) <= 2).all(2))


def bars(num: int, *hits: tuple[int, int, int]) -> torch.Tensor:
    grids_KTV = torch.zeros(num, 16, 9)
    for hit in hits:
        grids_KTV[hit] = 1
    return grids_KTV


def test_a_hit_is_a_square():
    blank, one = (strips({"": [Row("a", bars(3, *hits), ["", "", ""])]}) for hits in ([], [(1, 5, 4)]))
    assert not len(ink(blank))
    assert len(ink(one)) == CELL**2
    assert blank.shape == one.shape
    assert one.dtype == np.uint8


def test_time_runs_to_the_right_the_kick_is_low_and_rows_follow_each_other():
    def middle(row: int, *hit: int) -> np.ndarray:
        rows = [Row(f"row {each}", bars(2, hit) if each == row else bars(2), ["x", "y"]) for each in range(2)]
        return ink(strips({"first": rows[:1], "second": rows[1:]})).mean(0)

    start = middle(0, 0, 2, 1)
    assert (middle(0, 0, 5, 1) - start).tolist() == [0, 3 * CELL]
    assert (middle(0, 0, 2, 4) - start).tolist() == [-3 * CELL, 0]
    assert middle(0, 1, 2, 1)[1] - start[1] >= 16 * CELL
    assert middle(1, 0, 2, 1)[0] - start[0] >= 9 * CELL


def test_probabilities_are_shades():
    darkness = [255 - strips({"": [Row("a", torch.full((1, 16, 9), p), [""])]}).mean() for p in (0.0, 0.5, 1.0)]
    assert np.diff(darkness).min() > 5
