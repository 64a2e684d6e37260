import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from src.music.drawing import HIT, INVENTED, MISSED, bars, reconstructions


def pixels(picture: np.ndarray, colour: str) -> int:
    """How many have this colour, but for rounding."""
    return int((np.abs(picture.astype(int) - np.array(to_rgb(colour)) * 255) <= 2).all(2).sum())


def grids(*hits: tuple[int, int, int], num: int = 1) -> torch.Tensor:
    """[num, 16, 9] with hits at (bar, step, voice)."""
    found = torch.zeros(num, 16, 9)
    for hit in hits:
        found[hit] = 1
    return found


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
