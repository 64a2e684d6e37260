"""The pages on compared remedies, from made-up runs of which the outcome is known."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase

import numpy as np
import pytest

from docs._results.__main__ import rendered
from docs._results.comparison import Page
from docs._results.comparison_tables import overall_table, rate_table, verdict_table, win_table
from docs._results.pareto import pareto
from src.core.dataset import Dataset
from src.evaluation.metrics.onset import NEVER_HALF
from src.report.__main__ import main
from src.report.export import table_csv
from src.report.figures import style
from src.report.stored import store
from src.report.trials import COLUMNS, beside
from src.report.verdicts import Verdict
from tests.docs.comparison_runs import (
    BASELINE,
    CLIPPING,
    DRUMS,
    FONTS,
    GROOVE,
    MEANS,
    R1,
    SEEDS,
    SMOOTHING,
    STROKES,
    runs,
    trials,
)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Two data sets; on the second clipping is as good as R1, which takes twice the baseline's time on both."""
    path = tmp_path / "compare_gan.csv"
    for dataset, means in ((FONTS, MEANS), (STROKES, MEANS | {CLIPPING: 0.08})):
        store(
            [run for name, mean in means.items() for run in runs(name, mean, dataset, 40.0 if name == R1 else 20.0)],
            path,
        )
    rows = [
        *trials(FONTS, BASELINE, {(0.002, True): 0.6, (0.004, False): 0.4}, chosen=0.004),
        *trials(FONTS, R1, {(0.002, True): 0.3, (0.004, False): 0.25, (0.001, False): 0.1}, chosen=0.001),
        *trials(FONTS, SMOOTHING, {(0.002, True): 0.5, (0.004, False): 0.45, (0.001, False): 0.3}, chosen=0.001),
    ]
    beside(path).write_text(table_csv(("dataset", "setting", *COLUMNS), rows))
    return path


def labels(found) -> list[str]:
    return [one.summary.label for one in found]


def test_what_helps_and_what_hurts_on_each_data_set(table: Path):
    page = Page.read("gan", table)
    fonts, strokes = page.measured
    assert [one.label for one in page.measured] == ["typeset capitals", "pen strokes"]
    assert [one for one in page.missing if "typeset" not in one] == [
        "handwritten letters (`data=emnist`, or `data=idx` with letters)",
        "handwritten digits (`data=mnist`, or `data=idx` with digits)",
        "Stacked MNIST (the same with `data.stack=3`)",
    ]
    assert "typeset capitals with `gan.discriminator.width=32`" in page.missing
    assert (labels(fonts.of("helps")), labels(fonts.of("hurts"))) == (["r1"], ["weight_clipping"])
    assert labels(strokes.of("helps")) == ["weight_clipping", "r1"], "the largest difference first"
    (unclear,) = fonts.of(Verdict.UNCLEAR)
    assert (unclear.summary.label, unclear.compared.difference.mean) == ("label_smoothing", pytest.approx(0))
    assert unclear.seeds is None, "no number of seeds shows a difference of nothing"
    rows = {row[0].text: row for row in verdict_table(fonts).rows}
    assert rows["`r1`"][3].text == "−0.400"
    assert rows["`r1`"][-1].text == "2.00 ×"
    assert "over 200" in [cell.text for cell in rows["`label_smoothing`"]]


def test_stacked_digits_are_other_data_than_digits_alone(tmp_path: Path):
    digits = Dataset("mnist", "idx", "e" * 12, tuple("0123456789"), (1, 28, 28))
    stacked = replace(digits, shape=(3, 28, 28))
    store(
        [run for data in (stacked, digits) for name in (BASELINE, R1) for run in runs(name, 0.5, data)],
        path := tmp_path / "t.csv",
    )
    assert [one.label for one in Page.read("gan", path).measured] == ["handwritten digits", "Stacked MNIST"]


def test_in_how_many_seeds_modes_are_lost(tmp_path: Path):
    path, lost = tmp_path / "compare_gan.csv", runs(BASELINE, 0.5, FONTS)
    slow = [replace(run, outcome="learning", onset_reason=NEVER_HALF) for run in runs(CLIPPING, 0.9, FONTS)]
    store([*(replace(run, outcome="collapsed") for run in lost[:3]), *lost[3:], *runs(R1, 0.1, FONTS), *slow], path)
    (fonts,) = Page.read("gan", path).measured
    assert fonts.lost == {"3 of 10": ["mlp_standard"]}
    assert fonts.never_covered == {"10 of 10": ["weight_clipping"]}
    few = [replace(run, outcome="collapsed") for run in slow]
    store(few, path)
    (fonts,) = Page.read("gan", path).measured
    assert (fonts.lost["10 of 10"], fonts.never_covered) == (["weight_clipping"], {}), "few modes from the start"


def test_a_slow_hour_does_not_change_what_a_remedy_costs(tmp_path: Path):
    """Runs of one seed follow each other: the machine was slow for some seeds of both, and each has others too."""
    made = [*runs(BASELINE, 0.5, FONTS, 20.0)[:8], *runs(R1, 0.1, FONTS, 30.0)[2:]]
    slow = {5, 6, 7, 8, 9}
    facts = [run.facts | {"train_seconds": run.facts["train_seconds"] * (4 if run.seed in slow else 1)} for run in made]
    store([replace(run, facts=each) for run, each in zip(made, facts, strict=True)], path := tmp_path / "t.csv")
    (fonts,) = Page.read("gan", path).measured
    assert fonts.time(R1) == pytest.approx(1.5)


def test_that_hurting_samples_are_not_readable_is_said(tmp_path: Path):
    made = [run for name, mean in MEANS.items() for run in runs(name, mean, FONTS)]
    precision = [
        replace(run, metrics={**run.metrics, "precision": 0.01 if run.name == CLIPPING else 0.5}) for run in made
    ]
    store(
        [replace(run, controls={"real": {"kl_any": 0.0, "precision": 0.9}}) for run in precision],
        path := tmp_path / "t.csv",
    )
    (fonts,) = Page.read("gan", path).measured
    assert fonts.unreadable.unreadable == {"weight_clipping": pytest.approx(0.01)}


def test_the_order_changes_between_data_sets(table: Path):
    """Of six pairs those of clipping with the baseline and smoothing turn round, that with R1 too; one pair is tied."""
    ((one, other, found),) = Page.read("gan", table).agreements
    assert (one.label, other.label, found.names) == ("typeset capitals", "pen strokes", 4)
    assert found.tau < 0.5
    assert (found.moved, found.places) == (CLIPPING, (4, 1))


def test_over_all_data_sets(table: Path):
    page = Page.read("gan", table)
    first, *_ = page.aggregates
    assert (first.name, first.better.mean) == (R1, 1.0)
    by_name = {one.name: one for one in page.aggregates}
    worst = np.log(26 / 0.95)
    assert by_name[R1].iqm.mean == pytest.approx(1 - 0.1 / worst, abs=1e-3)
    assert by_name[CLIPPING].better.mean == pytest.approx(0.5), "worse on one data set, better on the other"
    assert by_name[SMOOTHING].better.low < 0.5 < by_name[SMOOTHING].better.high
    assert page.points == {BASELINE: 1, R1: 2, CLIPPING: 1, SMOOTHING: 1}
    assert overall_table(page).rows[0][0].text == "`r1`"
    wins = win_table(page)
    assert wins.rows[0][1].text == "–"
    assert wins.rows[0][1 + [one.name for one in page.aggregates].index(BASELINE)].text == "1.00"


def test_how_much_is_the_rate(table: Path):
    """Tuned, R1 is 0.3 better than the tuned baseline, 0.15 of it at the baseline's rate."""
    fonts, strokes = Page.read("gan", table).measured
    assert strokes.rates is None
    rates = fonts.rates
    assert (rates.baseline.own, rates.baseline.chosen.mean) == (0.6, 0.4)
    best = rates.best
    assert best.label == "r1"
    assert rates.gain(best.chosen.mean, rates.baseline.chosen.mean) == pytest.approx(0.3)
    assert rates.gain(best.at_baselines, rates.baseline.chosen.mean) == pytest.approx(0.15)
    assert (rates.ahead(tuned=False), rates.ahead(tuned=True)) == ((1, 2), (2, 2))
    assert rates.at_the_edge == ["mlp_standard", "r1", "label_smoothing"], "of the two rates tried, either is an edge"
    assert [cell.plain for cell in rate_table(rates).rows[0]] == [
        "`mlp_standard`",
        "0.600",
        "0.400",
        "0.400",
        "0.004, 0.5",
    ]


def test_a_page_says_only_what_was_measured(table: Path, tmp_path: Path):
    text = rendered(Page.read("gan", table))
    assert "handwritten digits (`data=mnist" in text
    assert "On typeset capitals: No conclusion on early warnings: no runs with an onset" in text
    assert "The best rate of `mlp_standard`, `r1`, `label_smoothing` is the highest or the lowest tried" in text
    assert all(f"## On {one.label}" in text for one in Page.read("gan", table).measured)
    nothing = Page.read("vae", tmp_path / "compare_vae.csv")
    assert (nothing.measured, nothing.picture) == ([], "")
    assert "bars of the drum grammar with `vae.decoder=parallel`" in nothing.missing
    assert "## On" not in rendered(nothing)


def test_one_data_set_is_enough_and_a_failed_seed_no_hindrance(tmp_path: Path):
    path = tmp_path / "compare_gan.csv"
    store([*runs(BASELINE, 0.5, FONTS), *runs(R1, 0.1, FONTS), *runs(CLIPPING, 0.5, FONTS, status="diverged")], path)
    page = Page.read("gan", path)
    (fonts,) = page.measured
    (worse,) = fonts.of("hurts")
    assert worse.compared.worse == (SEEDS, 0)
    by_name = {one.name: one for one in page.aggregates}
    assert by_name[CLIPPING].iqm.mean == 0
    assert page.agreements == []
    assert "10 of 10" in rendered(page)


def test_vaes_are_scored_between_the_collapse_floor_and_the_best(tmp_path: Path):
    path = tmp_path / "compare_vae.csv"
    for dataset in (DRUMS, GROOVE):
        for name, nll in (("vae_none", 22.0), ("vae_none vae.anneal=linear", 20.0)):
            store(runs(name, nll, dataset, key="iwae_nll"), path)
    page = Page.read("vae", path)
    assert [one.label for one in page.measured] == ["bars of the drum grammar", "real drumming"]
    assert {one.name: one.iqm.mean for one in page.aggregates} == {
        "vae_none": pytest.approx(0.8, abs=1e-2),
        "vae_none vae.anneal=linear": pytest.approx(1.0, abs=1e-2),
    }
    assert labels(page.measured[0].of("helps")) == ["linear"]
    assert "discriminator passes" not in rendered(page)


def test_another_network_has_its_own_baseline(tmp_path: Path):
    """Options beside the study's are a setting of their own; the rates that were chosen are none."""
    path = tmp_path / "compare_vae.csv"
    for added, shift in ((("vae.optimizer.lr=0.004",), 0.0), (("vae.decoder=parallel",), 5.0)):
        for name, nll in (("vae_none", 22.0), ("vae_none vae.anneal=linear", 20.0)):
            made = runs(name, nll + shift, DRUMS, key="iwae_nll")
            store([replace(run, overrides=(*run.overrides, *added)) for run in made], path)
    plain, parallel = Page.read("vae", path).measured
    assert (plain.setting, parallel.setting) == ("", "vae.decoder=parallel")
    for one in (plain, parallel):
        (linear,) = one.of("helps")
        assert linear.compared.difference.mean == pytest.approx(-2, abs=1e-6)
    assert Page.read("vae", path).missing == ["real drumming (`data=groove`)"]


def test_a_run_without_a_baseline_says_nothing(table: Path):
    before = Page.read("gan", table)
    store(
        [replace(run, overrides=(*run.overrides, "gan.generator.width=8")) for run in runs(BASELINE, 0.5, FONTS)], table
    )
    assert [one.label for one in Page.read("gan", table).measured] == [one.label for one in before.measured]
    store(
        [
            replace(run, overrides=(*run.overrides, "gan.generator.width=8"))
            for run in runs("mlp_standard gan.loss=hinge", 0.5, FONTS)
        ],
        table,
    )
    page = Page.read("gan", table)
    assert [one.setting for one in page.measured] == ["", "gan.generator.width=8", ""]
    assert {*page.scores} == {*MEANS}, "another network on the same data is no further data set"
    assert "with gan.generator.width=8" in rendered(page)


def test_the_picture_is_drawn(table: Path):
    assert pareto(Page.read("gan", table)).startswith(b"\x89PNG")


def test_ones_own_run_is_one_more_row(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """In the same section as the study's, whose names, baseline and primary metric stay."""
    monkeypatch.setattr(style, "draw", lambda canvas: setattr(canvas, "renderer", canvas.get_renderer()))
    folder = tmp_path / "mine"
    dataset = {"name": "fonts", "source": "fonts", "digest": FONTS.digest, "classes": list(ascii_uppercase)}
    metrics = {"kl_any_late": 0.2, "kl_late": 1.0, "modes": 20, "missing": list("UVWXYZ")}
    record = {"status": "completed", "name": "mlp_standard", "model": "gan", "seed": 0, "oracle": "v1"}
    record |= {"dataset": dataset, "metrics": metrics, "generator_steps": 9000, "images_seen": 288000}
    (folder / ".hydra").mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(record))
    (folder / ".hydra" / "overrides.yaml").write_text(
        "- experiment=quick/mlp_standard\n- gan.tricks=[mine]\n- seed=0\n"
    )
    (folder / ".hydra" / "config.yaml").write_text(
        "seed: 0\nbudget: 288000\ngan: {}\nstudy: {primary: {gan: kl_late}}\n"
    )
    assert main(["--from", str(table), str(folder), "--out", str(tmp_path / "out")]) == 0
    rows = csv.DictReader((tmp_path / "out" / "summary.csv").read_text().splitlines())
    rows = [row for row in rows if row["source"] == "fonts"]
    assert {row["name"] for row in rows} == {*MEANS, "mlp_standard gan.tricks=[mine]"}
    assert {row["baseline"] for row in rows} == {BASELINE}
    mine = [row for row in rows if row["name"].endswith("[mine]") and row["primary"] == "yes"]
    assert [(row["metric"], float(row["mean"])) for row in mine] == [("kl_any_late", 0.2)]
