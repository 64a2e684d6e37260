"""Text in pictures: as it stands, and one warning for what the typeface lacks."""

import logging

import matplotlib as mpl
import numpy as np
import pytest
import torch

from src.core import plotting
from src.data.drums import drawing
from src.evaluation import image_grids
from src.report.figures.style import panels, png

NAMES = ("ca$$ette", "$x_1^2$", r"\frac{$a$}", "$_")


@pytest.fixture(autouse=True)
def nothing_lacked_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotting, "lacking", set())


def ink(text: str) -> int:
    figure, (axes,) = panels(1, 1.2)
    axes.set_axis_off()
    axes.text(0, 0.5, text, fontsize=20)
    return len(png(figure))


@pytest.mark.parametrize("name", NAMES)
def test_names_are_no_mathematics(name: str):
    image_grids.timeline([1, 2], np.full((2, 2), 0.5), [name, "rock"])
    assert ink(name) != ink(name.replace("$", ""))


def test_ticks_of_a_log_scale_without_a_format_of_their_own_are_not_left_as_markup():
    """Matplotlib's own formatter writes mathematics, which is switched off: every log scale here has another one."""
    figure, (axes,) = panels(1, 1.2)
    axes.set_yscale("log")
    axes.plot([1, 1000])
    figure.draw_without_rendering()
    assert "mathdefault" in axes.get_yticklabels()[1].get_text()


def test_signs_that_the_typeface_lacks_are_one_warning(caplog: pytest.LogCaptureFixture):
    names = ("太鼓の達人", "鼓童", "rock")
    blank = torch.zeros(1, 16, 9)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            image_grids.timeline([1, 2], np.full((2, 3), 1 / 3), names)
            drawing.sorted_bars(dict.fromkeys(names, blank))
            image_grids.sorted_grid(dict.fromkeys(names, torch.zeros(1, 1, 8, 8, dtype=torch.uint8)), 2)
    assert len(caplog.messages) == 1
    assert all(sign in caplog.messages[0] for sign in "太鼓達童")


def test_what_the_typeface_has_is_no_warning(caplog: pytest.LogCaptureFixture):
    drawing.sorted_bars({"Müller ’n’ Søn – ½ αβγ": torch.zeros(1, 16, 9), "tab\tand\nline": None})
    assert not caplog.messages


def test_a_user_s_settings_of_matplotlib_change_nothing():
    assert mpl.rcParams["text.usetex"] is False
    assert mpl.rcParams["font.sans-serif"][0] == "DejaVu Sans"


def test_long_names_are_cut_to_their_place():
    letters = plotting.lettering(11)
    short = plotting.fitted("a very long name of a drum", letters, 60)
    assert short.endswith("…")
    assert letters.getlength(short) <= 60
    assert plotting.fitted("kick", letters, 60) == "kick"
