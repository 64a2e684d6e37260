"""A sweep's folder and what its jobs leave in theirs."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from src.sweeps.plan import Plan

SWEPT = {"experiment", "seed"}
OVERRIDES = [[f"seed={seed}", f"experiment=gan_{name}", "budget=9"] for seed in (0, 1) for name in ("fm", "r1", "r3")]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Of a sweep that was started at 500 seconds."""
    return replace(Plan.of(tmp_path, "gan", OVERRIDES, SWEPT), since=500)


def start(folder: Path, at: float) -> None:
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    (folder / ".hydra" / "overrides.yaml").touch()
    os.utime(folder / ".hydra" / "overrides.yaml", (at, at))


def end(folder: Path, at: float, **results) -> None:
    (folder / "results.json").write_text(json.dumps({"status": "completed", "model": "gan", "metrics": {}} | results))
    os.utime(folder / "results.json", (at, at))
