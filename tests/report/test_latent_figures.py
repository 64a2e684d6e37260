import io

import numpy as np
import pytest
from matplotlib.image import imread

from src.report.collect import collect, read_run
from src.report.figures.curves import level_curves, schedules
from src.report.figures.points import _points, _style, rate_distortion
from src.report.grouping import group
from src.report.write import write_report


@pytest.fixture
def section(annealing):
    return group(collect([annealing]))[0]


def drawn(content: bytes) -> np.ndarray:
    return imread(io.BytesIO(content), format="png")[..., :3]


def has_colour(picture: np.ndarray, colour: str) -> bool:
    wanted = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return bool((np.abs(picture - wanted).max(-1) < 0.02).sum() > 20)


def test_points_are_rate_and_distortion(section) -> None:
    (linear,) = [summary for summary in section.summaries if summary.label == "linear"]
    rates, distortions = _points(linear.included).T
    elbos = [run.scalars["elbo"] for run in linear.included]
    assert rates[1] == pytest.approx(2.6 + 1.9)
    assert (rates + distortions).tolist() == pytest.approx([-elbo for elbo in elbos])


@pytest.mark.parametrize("number", [3, 6, 7, 19])
def test_no_two_names_look_alike(number: int) -> None:
    assert len({_style(place) for place in range(number)}) == number


def test_every_name_is_in_the_plane(section) -> None:
    assert all(has_colour(drawn(rate_distortion(section)), colour) for colour in ("#2b2b2b", "#0072b2", "#d55e00"))


def test_the_schedule_is_drawn_as_every_step_used_it(make_vae) -> None:
    """Not as the evaluations happen to sample it, where β is 1 at both."""
    used = {"images": range(100, 900, 100), "beta_high": [0, 0.5, 1, 1] * 2, "temperature": [2, 2, 1, 1] * 2}
    used["beta_low"] = used["beta_high"]
    rows = [
        {"images_seen": 400 * (turn + 1), "beta_high": 1, "beta_low": 1, "temperature": 1}
        | {f"schedule_{key}": " ".join(map(str, values[4 * turn : 4 * turn + 4])) for key, values in used.items()}
        for turn in range(2)
    ]
    (section,) = group([read_run(make_vae("cyclical", history=rows))])
    chart = schedules(section)
    assert chart.label == "β, τ"
    assert {line.level: line.mean[1].tolist() for line in chart.lines} == {
        "β": used["beta_high"],
        "τ": used["temperature"],
    }
    assert chart.lines[0].mean[0].tolist() == [*used["images"]]
    assert "points" not in chart.marks


def test_earlier_runs_have_their_schedule_at_the_evaluations_only(make_vae) -> None:
    rows = [{"images_seen": i, "beta_high": 1, "beta_low": i} for i in range(3)]
    (section,) = group([read_run(make_vae("geco", history=rows))])
    chart = schedules(section)
    assert [line.level for line in chart.lines] == ["β, high", "β, low"]
    assert chart.marks == {"points"}


def test_without_histories_there_are_no_figures(make_vae) -> None:
    (section,) = group(
        [read_run(make_vae(history=[{"images_seen": 1, "elbo": -30.0}], metrics={"reconstruction": None}))]
    )
    figures = [rate_distortion(section), schedules(section), *(level_curves(section, q) for q in ("kl", "active"))]
    assert figures == [None] * 4


def test_unknown_entropy_and_floor_are_left_out(make_vae) -> None:
    (section,) = group([read_run(make_vae(metrics={"entropy": None, "floor_nll": None}))])
    assert drawn(rate_distortion(section)).shape[0] > 500


def test_page_shows_figures_and_pictures(annealing, tmp_path) -> None:
    report = write_report([annealing], tmp_path / "out")
    figures = {path.name for path in (report.folder / "figures").iterdir()}
    assert {"plane_vae_cd56ef78.png", "schedules_vae_cd56ef78.png"} <= figures
    assert {f"levels_vae_cd56ef78_{quantity}.png" for quantity in ("kl", "active")} <= figures
    assert sum(name.endswith("_kl_dimensions.png") for name in figures) == 3
    assert sum(name.endswith(("_prior.png", "_reconstructions.png")) for name in figures) == 6
    assert report.page.stat().st_size < 5e6


def test_every_strategy_has_a_panel_and_every_level_a_line_of_its_own(make_vae) -> None:
    few, many = (group([read_run(make_vae(f"{letter}_{n}")) for letter in "abcdefg"[:n]])[0] for n in (2, 7))
    pictures = [drawn(level_curves(section, "kl").png()) for section in (few, many)]
    for picture in pictures:
        assert has_colour(picture, "#0072b2")
        assert has_colour(picture, "#d55e00")
        assert not has_colour(picture, "#009e73")
    assert pictures[1].shape[0] > 1.4 * pictures[0].shape[0]  # two rows against one


def test_a_strategy_may_be_named_as_the_page_names_it(annealing) -> None:
    assert group(collect([annealing]), "linear")[0].baseline == "vae_drums vae.anneal=linear"
