"""Published figures beside obtained ones."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from docs._results.__main__ import RESULTS
from docs._results.reproduction import Published, published, reproduced
from src.core.commands import CONFIGURATION
from src.core.metric_specs import METRICS
from src.report.records import Run

FIGURE = Published("GAN, ring: modes", "paper/pacgan_ring", "modes_any", 1.0, 6.3, 0.5, 10, 400_000, "Lin et al. 2018")


def run(value: float, steps: int = 40_000, name: str = "paper/pacgan_ring", status: str = "completed") -> Run:
    facts = {"generator_steps": steps}
    return Run(
        Path("x"),
        status,
        "pacgan_ring",
        "gan",
        0,
        metrics={"modes_any": value},
        facts=facts,
        overrides=(f"experiment={name}",),
    )


def test_the_difference_is_in_standard_errors_of_both():
    (one,) = reproduced([FIGURE], [run(5), run(7), run(6), run(8, name="paper/pacgan_grid"), run(9, status="failed")])
    assert list(one.values) == [5, 7, 6]
    assert one.se == pytest.approx(1 / math.sqrt(3))
    assert one.in_errors == pytest.approx((6 - 6.3) / math.sqrt(1 / 3 + 0.25))
    assert (one.share, one.verdict) == (0.1, "agrees")
    (one,) = reproduced([FIGURE], [run(2), run(3), run(2)])
    assert one.verdict == "differs"


def test_a_recipe_with_other_options_is_another_experiment():
    own = run(6)
    shorter = replace(own, overrides=(*own.overrides, "budget=40000"))
    penalised = replace(own, overrides=(*own.overrides, "gan.tricks=[r1]"), metrics={"modes_any": 8})
    (one,) = reproduced([FIGURE], [own, shorter, penalised])
    assert list(one.values) == [6, 6]


def test_only_the_longest_runs_count():
    (one,) = reproduced([FIGURE], [run(1, 100), run(6), run(7)])
    assert (list(one.values), one.updates) == ([6, 7], 40_000)


def test_few_trials_or_short_ones_have_no_verdict():
    (one,) = reproduced([FIGURE], [run(6), run(7)])
    assert (one.in_errors, one.verdict) == (None, "too few trials")
    (one,) = reproduced([FIGURE], [run(value, steps=39_000) for value in (6, 7, 6)])
    assert one.verdict == "too short"
    (one,) = reproduced([FIGURE], [run(8), run(8), run(8)])
    assert one.in_errors == pytest.approx((8 - 6.3) / 0.5), "trials that are all alike have no error of their own"
    (none,) = reproduced([FIGURE], [])
    assert (list(none.values), none.updates, none.share) == ([], None, None)


def test_a_percentage_is_a_hundred_times_a_share():
    figure = Published("q", "paper/pacgan_ring", "modes_any", 100.0, 98.2, None, 10, None, "")
    (one,) = reproduced([figure], [run(0.5), run(0.7), run(0.6)])
    assert list(one.values) == [50, 70, 60]
    assert one.in_errors == pytest.approx((60 - 98.2) / (10 / math.sqrt(3))), "of the obtained mean alone"


@pytest.mark.parametrize("figure", published(RESULTS / "published.csv"), ids=lambda figure: figure.row)
def test_every_published_figure_belongs_to_a_recipe_and_a_metric(figure: Published):
    assert (CONFIGURATION / "experiment" / f"{figure.recipe}.yaml").is_file()
    assert figure.metric in METRICS
    assert "arXiv:" in figure.source
