"""A few cells of the simulation behind docs/statistics.md, small enough for every run of the tests."""

import pytest

from benchmarks.verdicts import END, KINDS, PAGE, START, STRESS, measure


@pytest.mark.parametrize("seeds", [3, 8])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != STRESS])
def test_intervals_cover_and_chance_makes_no_verdicts(kind: str, seeds: int) -> None:
    row = measure(KINDS[kind], names=3, seeds=seeds, replicates=500)
    assert row.coverage > 0.91
    assert row.false < 0.07


def test_many_names_make_no_verdicts_by_chance_and_keep_their_power() -> None:
    row = measure(KINDS["normal"], names=31, seeds=5, replicates=200)
    assert row.coverage > 0.91
    assert row.false < 0.07
    assert row.power > 0.8


def test_the_page_has_the_table() -> None:
    text = PAGE.read_text(encoding="utf-8").partition(START)[2].partition(END)[0]
    assert all(kind.title in text for kind in KINDS.values())
