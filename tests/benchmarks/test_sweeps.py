"""Sweeps as the benchmark starts them, of points, too short to say anything about speed."""

import json
from pathlib import Path

import pytest

from benchmarks import figures, sweeps
from benchmarks import run as command


@pytest.mark.ci
def test_ways_to_run_many_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "found.json"
    command.main(["sweeps", f"cache={tmp_path}/cache", f"out={out}"], few=True)
    found = json.loads(out.read_text())["sweeps"]
    assert set(found["seconds"]) == {"one run", "one after another", "side by side"}
    for way, per_hour in found["runs_per_hour"].items():
        assert per_hour == pytest.approx(2 * 3600 / found["seconds"][way])
        assert found["times_one_run"][way] == pytest.approx(found["seconds"][way] / found["seconds"]["one run"])
    assert set(found["curves"]["report, by runs"]["seconds"]) == {"2", "4"}
    rows = {(row.what, row.figure): row.value for row in figures.read(out.with_suffix(".csv"))}
    times = found["times_one_run"]["side by side"]
    assert rows["2 seeds side by side", figures.TIMES_ONE] == pytest.approx(times, rel=1e-3)
    said = capsys.readouterr().out
    assert "2 seeds side by side: " in said
    assert "report, by runs: 2: " in said


@pytest.mark.ci
def test_a_sweep_that_fails_is_not_timed(tmp_path: Path):
    with pytest.raises(ValueError, match=r"(?s)hydra/launcher=basic: 0 of 1 runs completed; .*gan.generator.z"):
        sweeps.measure(sweeps.FEW, ["gan.generator.z=none"], str(tmp_path))
