from collections.abc import Mapping, Sequence
from string import ascii_uppercase

import pytest

from src.report.collect import read_run
from src.report.document import Table
from src.report.figures import heatmaps
from src.report.figures.heatmaps import COLUMNS, survival_map
from src.report.grouping import group
from src.report.section import Section
from src.report.trajectories import (
    ModeTrajectory,
    characters,
    loss_table,
    lost_modes,
    onset_shares,
    onset_table,
    survival,
    trajectories,
    vanishing,
)

ABC = {"name": "strokes", "source": "strokes", "digest": "ab12", "classes": ["A", "B", "C"]}


def history(absent: Sequence[str], step: int = 100) -> list[dict[str, object]]:
    """A row per evaluation, which has these names missing."""
    return [{"images_seen": step * (turn + 1), "missing": names} for turn, names in enumerate(absent)]


@pytest.fixture
def section_of(make_run):
    """A section of runs by name, a list of names missing at each evaluation per seed; onsets in the same order."""

    def make(
        runs: Mapping[str, Sequence[Sequence[str]]],
        onsets: Mapping[str, Sequence[float | None]] | None = None,
        num_modes: int = 3,
        dataset: Mapping[str, object] = ABC,
        **results: object,
    ) -> Section:
        read = []
        for name, seeds in runs.items():
            for seed, absent in enumerate(seeds):
                missing = absent[-1].split()
                folder = make_run(
                    name,
                    seed,
                    history=history(absent),
                    metrics={"modes": num_modes - len(missing), "missing": missing},
                    onset=onsets[name][seed] if onsets else None,
                    images_seen=100 * len(absent),
                    dataset=dataset,
                    **results,
                )
                read.append(read_run(folder))
        return group(read)[0]

    return make


def column(table: Table, header: str) -> list[str]:
    index = list(table.header).index(header)
    return [row[index].text + (f" [{row[index].detail}]" if row[index].detail else "") for row in table.rows]


def test_trajectories_tell_losses_returns_and_the_last_loss(make_run) -> None:
    rows = history(["Q Z", "Q Z X", "Q", "Q X J", "Q X"])
    assert trajectories(read_run(make_run(history=rows))) == {
        "J": ModeTrajectory(True, first_loss=400.0),
        "Q": ModeTrajectory(False),
        "X": ModeTrajectory(True, first_loss=200.0, gone=400.0),
        "Z": ModeTrajectory(True),
    }


def test_survival_is_the_share_of_seeds_that_cover_a_class(section_of) -> None:
    section = section_of({"gan_standard": [["A", "", "B C"], ["", "C", "C"]]})
    seen, covered = survival(section, section.summaries[0])
    assert seen.tolist() == [100, 200, 300]
    assert covered.tolist() == [[0.5, 1, 1], [1, 1, 0.5], [1, 0.5, 0]]


def test_survival_is_averaged_where_every_seed_was_evaluated(make_run) -> None:
    metrics = {"modes": 3, "missing": []}
    runs = [make_run(seed=0, history=history(["A", "B", ""], 100), dataset=ABC, metrics=metrics)]
    runs += [make_run(seed=1, history=history(["B", "C"], 200), dataset=ABC, metrics=metrics)]
    section = group(map(read_run, runs))[0]
    seen, covered = survival(section, section.summaries[0])
    assert seen.tolist() == [200]
    assert covered.tolist() == [[1, 0, 1]]


def test_a_stacked_class_survives_by_the_modes_with_it(section_of) -> None:
    modes = [a + b for a in "ABC" for b in "ABC"]
    absent = ["AB CC", "AA AB AC BA CA", ""]
    section = section_of({"gan_standard": [absent]}, num_modes=9)
    assert characters(section) == 2
    _, covered = survival(section, section.summaries[0])
    for turn, names in enumerate(absent):
        for place, letter in enumerate("ABC"):
            with_it = [mode for mode in modes if letter in mode]
            kept = sum(mode not in names.split() for mode in with_it)
            assert covered[turn, place] == pytest.approx(kept / len(with_it))
    assert "which" not in loss_table(section).header


def test_modes_not_made_of_classes_have_no_map_but_are_counted(section_of) -> None:
    section = section_of({"gan_standard": [["m1 m2", "m1", "m1 m3"]]}, num_modes=8)
    assert characters(section) == 0
    assert survival_map(section) is None
    assert column(loss_table(section), "lost until the end") == ["1"]


def test_losses_a_run_are_medians_with_their_range(section_of) -> None:
    section = section_of(
        {
            "gan_standard": [["", "A B", "A"], ["C", "A C", "A C"], ["", "A B C", "A B C"]],
            "gan_fm": [["A", "", ""], ["", "", ""], ["B", "", ""]],
        }
    )
    table = loss_table(section)
    assert column(table, "lost at some time") == ["2 [1 … 3]", "0"]
    assert column(table, "of these back at the end") == ["0 [0 … 1]", "0"]
    assert column(table, "lost until the end") == ["1 [1 … 3]", "0"]
    assert column(table, "never covered") == ["0 [0 … 1]", "0"]
    runs = [[trajectories(run) for run in summary.included] for summary in section.summaries]
    assert lost_modes(runs[0]) == (3, ["A", "B", "C"], 200, {"A": 3, "B": 1, "C": 1}, {"C": 1})
    assert lost_modes(runs[1]) == (3, [], None, {}, {})
    assert vanishing(section) == ({"A": (200, 200), "B": (200, 200), "C": (200, 200)}, {"C": 1})


def test_onsets_over_seeds(section_of) -> None:
    five = ["", "", "", "", ""]
    section = section_of(
        {"gan_standard": [five] * 4, "gan_fm": [five] * 3, "gan_r1": [five] * 3},
        {"gan_standard": [0, 200, 300, 500], "gan_fm": [None, 400, None], "gan_r1": [None] * 3},
    )
    table = onset_table(section)
    assert column(table, "with an onset") == ["3 [1 never covered half]", "1", "0"]
    assert column(table, "median onset") == ["300 [200 … 500]", "400", "–"]
    assert column(table, "collapsed") == ["3", "1", "0"]
    assert column(table, "learning") == ["1", "0", "0"]
    assert column(table, "covering") == ["0", "2", "3"]
    assert column(table, "without one at ¼ · ½ · ¾ · the end") == ["3 · 2 · 1 · 0", "3 · 3 · 3 · 2", "3 · 3 · 3 · 3"]
    assert onset_shares(section) == {
        "in some seeds": ["`gan_standard` (3 of 4)", "`gan_fm` (1 of 3)"],
        "in no seed": ["`gan_r1`"],
    }


def test_few_seeds_are_counted_where_all_of_them_agree(section_of) -> None:
    five = ["", "", "", "", ""]
    section = section_of(
        {"gan_standard": [five], "gan_fm": [five] * 2, "gan_hinge": [five] * 3},
        {"gan_standard": [300], "gan_fm": [None] * 2, "gan_hinge": [300] * 3},
    )
    assert onset_shares(section) == {
        "in every seed": ["`gan_standard` (1 seed)", "`gan_hinge`"],
        "in no seed": ["`gan_fm` (2 seeds)"],
    }


def test_runs_without_recorded_modes_say_nothing(make_run) -> None:
    (section,) = group([read_run(make_run(history=[{"images_seen": 100, "kl": 0.2}]))])
    assert [onset_table(section), loss_table(section)] == [None] * 2
    assert survival_map(section) is None
    assert onset_shares(section) == {}


def test_modes_of_a_vaes_samples_have_their_onset_beside_those_of_the_levels(make_vae) -> None:
    onset = {"high": None, "low": 100, "modes": 300}
    runs = [make_vae("none", seed, history=history(["rock", "", "jazz"]), onset=onset) for seed in range(3)]
    (section,) = group(map(read_run, runs))
    assert column(onset_table(section), "median onset") == ["300"]
    assert [*onset_shares(section)] == ["in every seed"]
    assert column(loss_table(section), "lost until the end") == ["1"]


@pytest.mark.parametrize("num_classes", [2, 26, 62])
def test_maps_fit_any_number_of_classes(section_of, num_classes: int) -> None:
    classes = [str(number) for number in range(num_classes)]
    section = section_of(
        {"gan_standard": [["", "0", "0"]], "gan_fm": [["", "", ""]]},
        {"gan_standard": [200], "gan_fm": [None]},
        num_modes=num_classes,
        dataset=ABC | {"classes": classes},
    )
    assert survival_map(section).startswith(b"\x89PNG")


def test_many_names_take_several_rows(section_of) -> None:
    few, many = (
        section_of({f"gan_{count}{letter}": [["", "A"]] for letter in ascii_uppercase[:count]})
        for count in (COLUMNS, COLUMNS + 1)
    )
    heights = [int.from_bytes(survival_map(section)[20:24], "big") for section in (few, many)]
    assert heights[1] > 1.5 * heights[0]


def test_the_longest_lasting_class_is_on_top(section_of, monkeypatch) -> None:
    rows, drawn = [], heatmaps.heat_map
    monkeypatch.setattr(heatmaps, "heat_map", lambda *given, **look: rows.append(given[2]) or drawn(*given, **look))
    survival_map(section_of({"gan_standard": [["A", "A B", ""]], "gan_a": [["C", "C", "C"]]}))
    assert rows == [["C", "B", "A"]] * 2
