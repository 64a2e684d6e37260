from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import pytest

from src.report.collect import read_run
from src.report.early_warning import Record, moved, not_warned, records, warning, warning_table
from src.report.figures.curves import signal_curves
from src.report.figures.style import COLOURS
from src.report.grouping import group
from src.report.records import History, Run
from src.report.templating import say
from src.report.write import write_report

pytestmark = pytest.mark.usefixtures("undrawn")

FLAT = [1.0, 1.1, 0.9, 1.0, 1.1, 0.9, 1.0, 1.1]


def run_of(values: Sequence[float]) -> Run:
    """A run with one signal, evaluated every 10 images."""
    rows = [{"images_seen": str(10 * (turn + 1)), "signal": str(value)} for turn, value in enumerate(values)]
    return Run(folder=None, status="completed", name="run", history=History(tuple(rows)))


@pytest.mark.parametrize(
    ("values", "when"),
    [
        (FLAT, None),
        ([*FLAT, 3, 3], 100),
        ([*FLAT, -1, -1, 1], 100),
        ([*FLAT, 3, 1, 3, 3], 120),  # one evaluation alone is no move
        ([*FLAT, 3, -1, 1], None),  # nor are two on both sides
        ([*FLAT, 3], None),  # nor is what no second one confirms
        ([*FLAT, 1.4, 1.4], None),  # within five deviations of 0.1
        ([*FLAT, 1.6, 1.6], 100),
        ([1, 1, 9, 9, 9, 9, 9], None),  # too few before
        ([1, 1, 1, 1, 9, 9], 60),
        ([1, 1, 1, 1, 1.09, 1.09, 1.09], None),  # a tenth of the median is slack
        (list(range(1, 40)), None),  # a trend is no move
        ([float("nan"), *FLAT, 3, float("nan"), 3], 120),  # what was not measured is passed over
    ],
)
def test_a_signal_has_moved_when_it_stays_out_of_the_range_of_its_past(values, when) -> None:
    assert moved(run_of(values), "signal") == when


def test_the_future_does_not_change_when_a_signal_moved() -> None:
    values = [*FLAT, 3, 3]
    assert all(moved(run_of([*values, *later]), "signal") == 100 for later in ([], [1, 1], [1e6] * 9, [-1e6] * 9))


def test_noise_rarely_moves() -> None:
    random = np.random.default_rng(0)
    moves = [moved(run_of(random.normal(size=20)), "signal") is not None for _ in range(400)]
    assert 0.06 < np.mean(moves) < 0.19


def test_a_random_walk_often_moves() -> None:
    random = np.random.default_rng(0)
    moves = [moved(run_of(random.normal(size=20).cumsum()), "signal") is not None for _ in range(400)]
    assert 0.4 < np.mean(moves) < 0.55


@pytest.fixture
def pulse(make_run):
    """Runs whose logit gap moves at one evaluation of twelve, and whose accuracy never does."""

    def make(name: str, seed: int, move: int | None, onset: float | None, **results: object) -> Run:
        gaps = [1.0] * 12 if move is None else [1.0] * move + [5.0] * (12 - move)
        rows = [
            {
                "images_seen": 100 * (turn + 1),
                "modes": 26,
                "missing": "",
                "logit_gap": gap,
                "discriminator_accuracy": 0.9,
            }
            for turn, gap in enumerate(gaps)
        ]
        return read_run(make_run(name, seed, history=rows, onset=onset, images_seen=1200, **results))

    return make


def test_leads_and_false_alarms_are_counted(pulse) -> None:
    """A move is seen at one evaluation and known at the next: at the onset itself it warns of nothing."""
    runs = [pulse("gan_standard", 0, 5, 900), pulse("gan_standard", 1, 7, 900), pulse("gan_hinge", 0, 9, 900)]
    runs += [pulse("gan_hinge", 1, None, 900)]
    runs += [pulse("gan_fm", 0, None, None), pulse("gan_fm", 1, 6, None), pulse("gan_fm", 2, None, None)]
    (section,) = group(runs)
    gap, accuracy = records(section)
    assert gap == Record("logit_gap", (-200.0, 200.0, 0.0), 4, 1, 3, collapsed_seeds=2, sound_seeds=3, pooled=True)
    assert accuracy == Record("discriminator_accuracy", (), 4, 0, 3, collapsed_seeds=2, sound_seeds=3, pooled=True)
    table = warning_table([gap, accuracy], "images")
    rows = [[cell.text for cell in row] for row in table.rows]
    assert rows == [["logit gap", "1 of 4", "0", "1 of 3"], ["pairwise accuracy", "0 of 4", "–", "0 of 3"]]
    assert table.rows[0][2].detail == "−200 … 200"


def test_a_signal_that_only_distinguishes_recipes_is_no_warning(pulse) -> None:
    """It moves under every name that ever collapses, and under no other, in sound runs as well."""
    runs = [pulse("gan_standard", seed, 5, 900) for seed in range(3)]
    runs += [pulse("gan_fm", seed, None, None) for seed in range(12)]
    pooled = records(group(runs)[0])
    assert (warning(pooled).state, warning(pooled).record.pooled) == ("warns", True)
    runs += [pulse("gan_hinge", seed, 5, 900 if seed < 3 else None) for seed in range(6)]
    within = records(group(runs)[0])
    assert within[0] == Record("logit_gap", (200.0,) * 3, 3, 3, 3, collapsed_seeds=3, sound_seeds=3)
    assert (warning(within).state, warning(within).others) == ("false alarms", [within[0]])


def test_names_with_both_fates_are_judged_alone_only_if_they_have_enough_runs(pulse) -> None:
    runs = [pulse("gan_hinge", seed, 5, 900 if seed < 3 else None) for seed in range(5)]
    runs += [pulse("gan_fm", 0, None, None), pulse("gan_r1", 0, 5, 500)]
    assert [(record.collapsed, record.sound) for record in records(group(runs)[0]) if record.pooled] == [(3, 3)] * 2
    runs += [pulse("gan_hinge", 5, None, None)]
    assert [(record.collapsed, record.sound) for record in records(group(runs)[0])] == [(3, 3)] * 2
    assert not any(record.pooled for record in records(group(runs)[0]))


def test_runs_that_no_signal_could_have_warned_of(pulse, make_run) -> None:
    runs = [pulse("gan_standard", 0, 5, 900), pulse("gan_fm", 0, None, None)]
    assert not_warned(group(runs)[0]) == (0, 0)
    runs += [pulse("gan_r1", 0, 5, 500), pulse("gan_r1", 1, 5, 0), pulse("gan_r1", 2, 5, 0)]
    runs += [read_run(make_run("gan_r1", 3, onset=0))]  # older, without signals
    (section,) = group(runs)
    assert records(section)[0].collapsed == 1
    assert not_warned(section) == (1, 2)


def test_an_onset_right_after_the_first_possible_move_can_be_warned_of(pulse) -> None:
    (section,) = group([pulse("gan_standard", 0, 4, 700), pulse("gan_standard", 1, 4, 600)])
    assert records(section)[0].leads == (100.0,)


def test_an_older_run_counts_only_for_what_it_recorded(pulse, make_run) -> None:
    old = read_run(make_run("gan_standard", 9, onset=None))
    (section,) = group([pulse("gan_standard", 0, 5, 900), old])
    assert [(record.collapsed, record.sound) for record in records(section)] == [(1, 0), (1, 0)]
    assert records(group([old])[0]) == []
    assert signal_curves(group([old])[0]) == []


def seeded(signal: str, leads: Sequence[float], collapsed: int, alarms: int, sound: int) -> Record:
    """A record over runs of which each has a seed of its own."""
    return Record(signal, tuple(leads), collapsed, alarms, sound, collapsed_seeds=collapsed, sound_seeds=sound)


@pytest.mark.parametrize(
    ("found", "state", "signal"),
    [
        ([seeded("a", (9.0, 9.0), 2, 0, 9)], "too few collapses", "a"),
        ([seeded("a", (), 0, 0, 9)], "too few collapses", "a"),
        ([Record("a", (9.0,) * 6, 6, 0, 9, collapsed_seeds=1, sound_seeds=9)], "too few collapses", "a"),
        ([Record("a", (9.0,) * 3, 3, 0, 9, collapsed_seeds=3, sound_seeds=2)], "false alarms unknown", "a"),
        ([seeded("a", (9.0,), 3, 0, 9), seeded("b", (-5.0,), 3, 0, 9)], "none warns", "a"),
        ([seeded("a", (9.0,) * 3, 3, 2, 9)], "false alarms", "a"),
        ([seeded("a", (9.0,) * 3, 3, 0, 2)], "false alarms unknown", "a"),
        ([seeded("a", (9.0,) * 3, 3, 0, 3), seeded("b", (20.0,) * 3, 3, 0, 3)], "warns", "b"),
        ([seeded("a", (9.0,) * 3, 3, 0, 3), seeded("b", (20.0,) * 3, 3, 1, 3)], "warns", "a"),
        ([seeded("a", (9.0, 5.0, -3.0), 3, 1, 5)], "warns", "a"),
        ([seeded("a", (9.0,) * 3, 3, 0, 3), seeded("b", (20.0,), 1, 0, 3)], "warns", "a"),
        ([seeded("a", (9.0, 0.0, 0.0), 3, 0, 3)], "none warns", "a"),
    ],
)
def test_the_signal_that_warns_earliest(found, state, signal) -> None:
    outcome = warning(found)
    assert (outcome.state, outcome.record.signal) == (state, signal)
    assert say("warning", SimpleNamespace(unit="bars"), outcome).endswith(".")


def test_page_shows_the_rule_the_verdict_and_the_figure(pulse, tmp_path) -> None:
    for seed in range(3):
        pulse("gan_standard", seed, 5, 900)
        pulse("gan_fm", seed, None, None)
    report = write_report([tmp_path], tmp_path / "out")
    text = (report.folder / "report.md").read_text()
    assert "### How collapse unfolds" in text
    assert "### Early warnings" in text
    assert "**Logit gap**" in text
    assert (report.folder / "figures" / "signals_gan_ab12cd34_logit_gap.png").is_file()


def test_more_seeds_than_colours_are_drawn_as_far_as_they_go(pulse) -> None:
    (section,) = group([pulse("gan_standard", seed, 5, 900) for seed in range(8)])
    chart, still = signal_curves(section)
    assert (chart.key, still.key) == ("logit_gap", "discriminator_accuracy")
    assert len(chart.lines) == len(COLOURS) < 8
    assert chart.lines[0].times == {"onset": 900, "moved": 700}
