"""Maps of points: which modes have a sample shows in form, colour and words."""

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from src.data.gaussians import Mixture
from src.evaluation import point_plots
from src.evaluation.oracles.base import Predictions
from src.evaluation.point_plots import COLUMNS, FAR_COLOUR, MISSED_COLOUR, NEAR_COLOUR, Map

MIXTURE = Mixture({"left": (-1.0, 0.0), "right": (1.0, 0.0)}, sigma=0.1, reach=2)


def predictions(points: list, classes: list) -> Predictions:
    classes_N1 = torch.tensor(classes).unsqueeze(1)
    return Predictions((classes_N1[:, 0] >= 0).double(), classes_N1, torch.tensor(points, dtype=torch.double))


@pytest.fixture
def chart() -> Map:
    return Map(MIXTURE, predictions([[-1.0, 0.1], [1.0, -0.1]] * 20, [0, 1] * 20))


@pytest.fixture
def said(monkeypatch) -> list[str]:
    """Titles and texts of all pictures, in the order in which they were written."""
    words = []
    monkeypatch.setattr(Axes, "set_title", lambda axis, text, **_: words.append(text))
    monkeypatch.setattr(Axes, "text", lambda axis, x, y, text, **_: words.append(text))
    return words


def amount(pixels: np.ndarray, colour: str) -> int:
    return int((np.abs(pixels - 255 * np.array(to_rgb(colour))) < 3).all(2).sum())


def test_modes_with_a_sample_and_without(chart, said):
    both = chart.picture(predictions([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.5]], [0, 1, -1])).pixels_HW3
    left = chart.picture(predictions([[-1.0, 0.0], [-1.0, 0.1], [0.0, 1.5]], [0, 0, -1])).pixels_HW3
    assert said == [
        "2 of 2 modes with a sample, 67% of points within 3σ",
        "1 of 2 modes with a sample, 67% of points within 3σ",
    ]
    legend = amount(both, MISSED_COLOUR)
    assert amount(left, MISSED_COLOUR) > 1.5 * legend, "a cross beside the legend's"


def test_points_astray_have_a_colour_of_their_own(chart):
    spots = [[x / 10, 1.5] for x in range(-15, 15)]
    near = chart.picture(predictions(spots, [0] * 30)).pixels_HW3
    astray = chart.picture(predictions(spots, [-1] * 30)).pixels_HW3
    assert amount(near, NEAR_COLOUR) > 1.5 * amount(astray, NEAR_COLOUR)
    assert amount(astray, FAR_COLOUR) > 1.5 * amount(near, FAR_COLOUR)


def test_points_beyond_the_map_lie_on_its_edge(chart):
    far = predictions([[9.0, 0.0]] * 5, [-1] * 5)
    near = predictions([[2.0, 0.0]] * 5, [-1] * 5)
    assert np.array_equal(chart.picture(far).pixels_HW3, chart.picture(near).pixels_HW3)


def test_stacked_points_share_one_map(chart, said):
    stacked = Predictions(torch.tensor([0.0]), torch.tensor([[1, -1]]), torch.tensor([[1.0, 0.0, 0.0, 1.0]]))
    chart.picture(stacked)
    assert said == ["1 of 2 modes with a sample, 50% of points within 3σ"]
    assert chart.some(stacked) == [1, 0, 0, 1]


def test_a_history_keeps_some_points_rounded(chart):
    many = predictions([[0.12345, -1.0]] * 3000, [-1] * 3000)
    assert chart.some(many) == [0.123, -1.0] * point_plots.NUM_IN_FRAME


def row(seen: int, shares: list, recognisable: float = 0.5) -> dict:
    return {"images_seen": seen, "shares": shares, "recognisable": recognisable, "points": [-1.0, 0.0, 0.3, 0.4]}


def test_frames_say_when_and_how_much(chart, said):
    chart.frames([row(64_000, [1.0, 0.0]), row(128_000, [0.6, 0.4], 0.974)])
    assert said[:2] == ["64k · 1/2 · 50%", "128k · 2/2 · 97%"]
    assert said[2] == "points seen · modes with a sample · generated points within 3σ"


def test_every_evaluation_has_a_frame(chart, monkeypatch):
    sizes = []
    monkeypatch.setattr(point_plots, "Figure", lambda figsize, dpi: sizes.append(figsize) or Figure(figsize, dpi))
    few, more = (chart.frames([row(1000, [1.0, 0.0])] * number).pixels_HW3 for number in (COLUMNS, COLUMNS + 1))
    assert few.shape[1] == more.shape[1]
    assert more.shape[0] > few.shape[0], "another line"
    assert sizes[1][1] - sizes[0][1] == pytest.approx(point_plots.PANEL * 1.15)
    assert amount(more, MISSED_COLOUR) > amount(few, MISSED_COLOUR)


def test_points_alone():
    near, far = torch.tensor([[[[0.0, 0.5]]]]), torch.tensor([[[[0.0, 0.5]], [[-0.5, 0.2]]]])
    one, two = (amount(point_plots.cloud(points), NEAR_COLOUR) for points in (near, far))
    assert 0 < 1.5 * one < two, "of stacked points both"
