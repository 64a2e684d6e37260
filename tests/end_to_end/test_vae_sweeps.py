"""Sweeps over annealing strategies, to the letter of the contract."""

import csv
from pathlib import Path

import pytest

from tests.end_to_end.conftest import VAE_SMALL, Command, only, results

ONCE = (*VAE_SMALL, "evaluations=1")
pytestmark = pytest.mark.usefixtures("few_bars")


def summary(sweep: Path) -> set[str]:
    rows = csv.DictReader((sweep / "report" / "summary.csv").read_text().splitlines())
    return {row["name"] for row in rows}


def test_three_strategies_and_their_report(command: Command):
    outcome = command("-m", "vae.anneal=linear,cyclical,free_bits", *ONCE)
    assert outcome.status == 0, outcome.errors
    sweep = only("multirun/sweep/*")
    found = [results(path.parent) for path in sweep.glob("*/results.json")]
    names = {f"vae vae.anneal={name}" for name in ("linear", "cyclical", "free_bits")}
    assert {run["name"] for run in found} == summary(sweep) == names
    assert len({run["metrics"]["elbo"] for run in found}) == 3, "each was trained in its own way"
    assert (sweep / "report" / "index.html").stat().st_size > 10_000
    assert "free_bits" in (sweep / "report" / "report.md").read_text()


@pytest.mark.ci
def test_lists_of_strategies_sweep_too(command: Command):
    outcome = command("-m", "vae.anneal=[cyclical,free_bits],[linear,free_bits]", *ONCE)
    assert outcome.status == 0, outcome.errors
    sweep = only("multirun/sweep/*")
    found = {results(path.parent)["name"] for path in sweep.glob("*/results.json")}
    assert summary(sweep) == found
    assert {("cyclical" in name, "linear" in name) for name in found} == {(True, False), (False, True)}
    assert all("free_bits" in name for name in found)
