"""Models with other numbers of latent levels than two, alone and beside those with two."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from src.report.answers import answers, opening
from src.report.collect import collect
from src.report.figures.curves import level_curves, schedules
from src.report.figures.points import _points
from src.report.grouping import group
from src.report.outcomes import collapse, prevention
from src.report.section import Section
from src.report.stored import store, stored
from src.report.write import write_report
from tests.report.conftest import DRUM_CONTROLS, DRUMS

KINDS = {"kl": 1.0, "active": 2.0, "mi": 0.9, "usage": 1.5}


def metrics_of(kl: dict[str, float], nll: float) -> dict[str, Any]:
    rates = {f"{kind}_{level}": factor * nats for kind, factor in KINDS.items() for level, nats in kl.items()}
    lost = [level for level, nats in kl.items() if nats < 0.1]
    ends = {"elbo": -nll - 0.5, "reconstruction": nll + 0.5 - sum(kl.values()), "iwae_nll": nll, "entropy": 18.25}
    return (
        rates
        | ends
        | {"collapsed": lost, "without_effect": [], "named_1": 1.0, "style_probe_1": 0.9}
        | {f"style_probe_{level}": 0.4 for level in [*kl][1:]}
    )


@pytest.fixture
def make_levels(make_run: Callable[..., Path]) -> Callable[..., None]:
    """Three runs of a strategy with these KLs, of levels by name."""

    def make(name: str, nll: float, **kl: float) -> None:
        levels = {level.lstrip("z"): nats for level, nats in kl.items()}
        for seed in range(3):
            metrics = metrics_of({level: nats + 0.01 * seed for level, nats in levels.items()}, nll + 0.1 * seed)
            rows = [
                metrics_of({level: 1 + (nats - 1) * turn / 4 for level, nats in levels.items()}, nll)
                | {"images_seen": 100 * turn, "seconds": turn, "collapsed": "", "without_effect": "", "temperature": 1}
                | {f"beta_{level}": turn / 4 for level in levels}
                for turn in range(1, 5)
            ]
            onset = {level: 300 if level in metrics["collapsed"] else None for level in levels}
            record = {"model": "vae", "dataset": DRUMS, "controls": DRUM_CONTROLS, "oracle_accuracy": None}
            make_run(name, seed, history=rows, metrics=metrics, onset=onset, images_seen=400, **record)

    return make


@pytest.fixture
def section(make_levels, make_vae, tmp_path: Path) -> Section:
    """The baseline has two levels and loses the lower; of three levels one is lost under one strategy and none
    under another."""
    for seed in range(3):
        make_vae("none", seed, kl_low=0.02, images_seen=400)
    make_levels("vae_three", 24.0, z1=2.0, z2=1.5, z3=0.03)
    make_levels("vae_skips", 23.0, z1=2.0, z2=1.5, z3=0.8)
    (section,) = group(collect([tmp_path]))
    return section


def test_a_section_has_the_levels_of_all_its_runs(section: Section) -> None:
    assert section.family.levels == ("high", "low", "1", "2", "3")
    assert {"kl_high", "kl_1", "kl_3"} <= set(section.headline)
    assert [line.level for line in level_curves(section, "kl").lines] == ["high", "low", *"123", *"123"]
    rates = {summary.label: _points(summary.included)[0, 0] for summary in section.summaries}
    assert sorted(rates.values()) == pytest.approx([2.52, 3.53, 4.3], abs=0.05), "KL of all levels that a run has"
    assert {line.level for line in schedules(section).lines} == {"β"}, "levels whose β never differ share a line"


def test_what_is_lost_is_told_level_by_level(section: Section) -> None:
    _, levels = collapse(section)
    assert [one.name for one in levels] == ["high", "low"], "the baseline has no others"
    first = opening(section)[0].text
    assert "level low collapses" in first
    baseline, tried = prevention(section, "3")
    assert baseline.seeds == 0
    assert {label: one.collapsed for label, one in tried.items()} == {"vae_skips": 0, "vae_three": 3}
    assert prevention(section, "1") is None
    said = next(part.answer for part in answers(section) if part.heading == "How annealing prevented it")
    assert said.startswith("Level 3 is alive in every seed under `vae_skips`, and not under `vae_three` (collapsed in")


def test_the_page_shows_every_level(section: Section, tmp_path: Path) -> None:
    page = write_report([tmp_path]).page.read_text()
    for text in ("KL high", "KL z_1", "active z_3", "Does z_1 hold the style, and z_2 or z_3 the variation?"):
        assert text in page


def test_three_levels_alone(make_levels, tmp_path: Path) -> None:
    make_levels("vae_none", 24.0, z1=2.0, z2=0.0, z3=1.0)
    (section,) = group(collect([tmp_path]))
    assert section.family.levels == ("1", "2", "3")
    text = write_report([tmp_path]).page.read_text()
    assert "level 2 collapses" in text
    assert "while levels 1 and 3 stay alive" in text
    assert "KL high" not in text


@pytest.mark.parametrize(
    ("levels", "words"), [({"z1": 2.0}, "its level stays"), ({"z1": 2, "z2": 1, "z3": 1}, "all 3 levels stay")]
)
def test_nothing_lost(make_levels, tmp_path: Path, levels: dict[str, float], words: str) -> None:
    make_levels("vae_none", 24.0, **levels)
    (section,) = group(collect([tmp_path]))
    assert f"{words} alive" in opening(section)[0].text


def test_many_levels_have_looks_of_their_own(make_levels, tmp_path: Path) -> None:
    make_levels("vae_none", 24.0, **{f"z{level}": 1.0 + level for level in range(1, 12)})
    (section,) = group(collect([tmp_path]))
    assert section.family.levels == tuple(map(str, range(1, 12)))
    assert level_curves(section, "kl").png()


def test_stored_rows_keep_every_levels_curve(make_levels, tmp_path: Path) -> None:
    make_levels("vae_none", 24.0, z1=2.0, z2=0.0, z3=1.0)
    runs = collect([tmp_path])
    store(runs, tmp_path / "table.csv")
    for before, after in zip(runs, stored(tmp_path / "table.csv"), strict=True):
        assert after.metrics["kl_3"] == pytest.approx(before.metrics["kl_3"])
        for key in ("kl_1", "kl_3", "beta_2"):
            assert after.history.column(key).tolist() == pytest.approx(before.history.column(key).tolist())
