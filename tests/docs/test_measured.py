"""What the pages of techniques show of results/remedies.csv, here of the rows of results/quick.csv."""

from dataclasses import replace
from pathlib import Path

from docs._build.measured import measured, techniques_of
from src.report.stored import stored

QUICK = Path(__file__).parents[2] / "results" / "quick.csv"


def test_a_page_has_the_rows_of_its_own_techniques():
    text, png = measured({("gan.tricks", "r1"), ("gan.loss", "feature_matching")}, QUICK)
    assert "| `r1` |" in text
    assert "| `feature_matching` |" in text
    assert "mlp_r3" not in text
    assert "cyclical" not in text
    assert png.startswith(b"\x89PNG")
    text, _ = measured({("vae.anneal", "cyclical")}, QUICK)
    assert "| `cyclical` |" in text
    assert "`linear`" not in text


def test_nothing_is_shown_of_what_was_not_measured(tmp_path):
    assert measured({("gan.tricks", "veegan")}, QUICK) == ("", None)
    assert measured({("gan.tricks", "r1")}, tmp_path / "none.csv") == ("", None)


def test_a_run_belongs_to_each_technique_that_it_adds():
    baseline = next(run for run in stored(QUICK) if run.recipe == "quick/mlp_standard")
    overrides = ["experiment=quick/mlp_standard", "gan.loss=kl", "gan.tricks=[d2gan,r1]", "seed=1"]
    run = replace(baseline, overrides=overrides)
    assert techniques_of(run) == [("gan.loss", "kl"), ("gan.tricks", "d2gan"), ("gan.tricks", "r1")]
    assert techniques_of(baseline) == []
