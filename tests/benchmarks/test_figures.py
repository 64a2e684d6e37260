"""Which figures of a benchmark count as worse than the stored ones."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.figures import (
    EVALUATION,
    SHARE,
    SPEED,
    STEPS,
    STORED,
    TIMES_ONE,
    TO_KERNELS,
    TO_PLAIN,
    Row,
    as_csv,
    missed,
    read,
    rows_of,
)
from src.core.device import has_gpu

ROW = Row("NVIDIA H200", "gan_r3", 256, TO_PLAIN, 4.0, 3.9, 4.1, "505f7ec")


@pytest.mark.parametrize(
    ("figure", "value", "is_missed"),
    [
        (TO_PLAIN, 3.41, False),
        (TO_PLAIN, 3.39, True),
        (TO_PLAIN, 9.0, False),
        (TO_KERNELS, 4.59, False),
        (TO_KERNELS, 4.61, True),
        (TO_KERNELS, 1.0, False),
        (SHARE, 4.61, True),
        (TIMES_ONE, 4.61, True),
        (SPEED, 1.0, False),  # which depends on more than the program
        (EVALUATION, 9.0, False),
    ],
)
def test_a_ratio_may_be_15_percent_worse_than_the_stored_one(figure: str, value: float, is_missed: bool):
    stored = replace(ROW, figure=figure)
    assert len([*missed([replace(stored, value=value, commit="new")], [stored])]) == is_missed


@pytest.mark.parametrize("other", [{"device": "NVIDIA H100"}, {"what": "gan_standard"}, {"batch_size": 64}])
def test_only_the_same_is_compared(other: dict[str, object]):
    assert [*missed([replace(ROW, value=0.1)], [replace(ROW, **other)])] == []


def test_a_stored_device_stands_for_all_whose_names_begin_so():
    assert len([*missed([replace(ROW, device="NVIDIA H200 NVL", value=0.1)], [ROW])]) == 1


def test_rows_come_back_as_they_were(tmp_path: Path):
    rows = [ROW, Row("NVIDIA H200", "5 seeds side by side", None, TIMES_ONE, 1.5, None, None, "505f7ec")]
    (tmp_path / "rows.csv").write_text(as_csv(rows))
    assert read(tmp_path / "rows.csv") == rows
    assert as_csv(read(STORED)) == STORED.read_text()


def test_penalties_have_a_row_each():
    rate = {"median": 24.2, "low_quartile": 23.9, "high_quartile": 24.5}
    penalties = {"batch_size": 64, "steps_per_second": {"[r1]": rate}}
    found = {"device": "AMD EPYC", "machine": {"git": "3a3dd65"}, "recipes": [], "penalties": penalties}
    assert [*rows_of(found)] == [Row("AMD EPYC", "[r1]", 64, STEPS, 24.2, 23.9, 24.5, "3a3dd65")]


@pytest.mark.skipif(has_gpu(), reason="there is a GPU here")
def test_without_a_gpu_one_line_says_so():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "gpu"], capture_output=True, text=True)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
