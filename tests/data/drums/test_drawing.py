import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from src.data.drums.drawing import BLANK, HIT, INVENTED, MISSED, bars, reconstructions, side_by_side, sorted_bars


def pixels(picture: np.ndarray, colour: str) -> int:
    """How many have this colour, but for rounding."""
    return int((np.abs(picture.astype(int) - np.array(to_rgb(colour)) * 255) <= 2).all(2).sum())


def grids(*hits: tuple[int, int, int], num: int = 1) -> torch.Tensor:
    """[num, 16, 9] with hits at (bar, step, voice)."""
    grids_NTV = torch.zeros(num, 16, 9)
    for hit in hits:
        grids_NTV[hit] = 1
    return grids_NTV


@pytest.mark.parametrize(("num", "columns", "rows"), [(1, 4, 1), (4, 4, 1), (5, 4, 2), (6, 2, 3)])
def test_bars_are_laid_out_in_rows(num: int, columns: int, rows: int):
    one, picture = bars(grids(), columns=1), bars(grids(num=num), columns=columns)
    assert picture.dtype == np.uint8
    assert picture.shape[2] == 3
    assert picture.shape[0] == pytest.approx(rows * one.shape[0], abs=25 * rows)  # less the margin below the last
    assert picture.shape[1] > min(num, columns) * 230


def test_ink_follows_hits():
    none, one, three = (
        pixels(bars(grids(*hits)), HIT) for hits in ([], [(0, 0, 0)], [(0, 0, 0), (0, 5, 3), (0, 15, 8)])
    )
    assert none == 0
    assert one > 50
    assert three == pytest.approx(3 * one, rel=0.2)


def test_the_kick_is_at_the_bottom_and_time_runs_to_the_right():
    first_kick, last_ride = (
        np.argwhere((np.abs(bars(grids(hit)).astype(int) - np.array(to_rgb(HIT)) * 255) <= 2).all(2)).mean(0)
        for hit in ((0, 0, 0), (0, 15, 8))
    )
    assert first_kick[0] > last_ride[0] + 80
    assert first_kick[1] < last_ride[1] - 180


def test_probabilities_are_shades():
    darkness = [255 - bars(torch.full((1, 16, 9), each)).mean() for each in (0.0, 0.3, 0.7, 1.0)]
    assert np.diff(darkness).min() > 20


def test_titles_must_fit():
    assert bars(grids(num=2), ["rock", "jazz"]).shape == bars(grids(num=2)).shape
    with pytest.raises(ValueError, match="zip"):
        bars(grids(num=2), ["rock"])


def test_reconstructions_tell_three_kinds_of_hits_apart():
    real = grids((0, 0, 0), (0, 4, 1), (0, 6, 3), (0, 12, 1), (0, 14, 5))
    rebuilt = grids((0, 0, 0), (0, 4, 1), (0, 6, 3), (0, 8, 2)) * 0.9
    rebuilt[0, 12, 1] = 0.4
    legend = {colour: pixels(reconstructions(grids(), grids()), colour) for colour in (HIT, MISSED, INVENTED)}
    picture = reconstructions(real, rebuilt)
    drawn = {colour: pixels(picture, colour) - legend[colour] for colour in legend}
    assert drawn[HIT] == pytest.approx(3 * drawn[INVENTED], rel=0.25)
    assert drawn[MISSED] == pytest.approx(2 * drawn[INVENTED], rel=0.25)
    assert drawn[INVENTED] > 50


def test_a_row_a_style_and_what_is_missing_is_blank():
    rows = {"rock": grids((0, 0, 0), (5, 3, 1), num=6), "jazz": None, "latin": grids((0, 2, 2), num=2)}
    picture = sorted_bars(rows, columns=3)
    assert picture.shape == bars(grids(num=9), columns=3).shape
    one = pixels(bars(grids((0, 0, 0))), HIT)
    assert pixels(picture, HIT) == pytest.approx(2 * one, rel=0.2), "the sixth bar has no room"
    grey = (BLANK,) * 3
    assert pixels(picture, grey) == pytest.approx(4 * pixels(sorted_bars({"jazz": None}, columns=1), grey), rel=0.05)
    assert pixels(sorted_bars({"rock": grids()}, columns=1), grey) < 50, "edges of the writing at most"


def test_stacked_bars_lie_on_top_of_each_other():
    stacked = torch.zeros(1, 2, 16, 9)
    stacked[0, 1, 4, 3] = 1
    joined = side_by_side(stacked)
    assert joined.shape == (1, 16, 18)
    assert joined.nonzero().tolist() == [[0, 4, 12]]
