"""Run folders as training leaves them: made up, small, and without randomness."""

import csv
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from string import ascii_uppercase
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imsave

LETTERS = list(ascii_uppercase)
STROKES = {
    "name": "strokes",
    "source": "strokes",
    "digest": "ab12cd34ef56",
    "classes": LETTERS,
    "sizes": {"train": 39000, "val": 5200, "test": 7800},
}


def gan_metrics(missing: str, kl: float) -> dict[str, Any]:
    """Metrics of a generator that lost these letters."""
    shares = [0.0 if letter in missing else 1 / (26 - len(missing)) for letter in LETTERS]
    return {
        "modes": 26 - len(missing),
        "missing": list(missing),
        "recognisable": 0.9,
        "kl": kl,
        "kl_floor": 0.00125,
        "fid": 3.0,
        "shares": shares,
    }


MakeRun = Callable[..., Path]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes one run below tmp_path/study; anything of results.json can be overridden, None leaves it out."""

    def make(
        name: str = "gan_standard",
        seed: int = 0,
        missing: str = "QX",
        kl: float = 0.2,
        history: list[Mapping[str, Any]] | None = None,
        finished: bool = True,
        pictures: bool = False,
        folder: str | None = None,
        **results: Any,
    ) -> Path:
        run = tmp_path / "study" / (folder or f"{name}_{seed}")
        (run / ".hydra").mkdir(parents=True)
        (run / "samples").mkdir()
        (run / ".hydra" / "config.yaml").write_text(f"name: {name}\nseed: {seed}\ngan: {{z: 64}}\n")
        (run / ".hydra" / "overrides.yaml").write_text(f"- experiment={name}\n- seed={seed}\n")
        _write_history(run / "history.csv", history or _history(missing, kl))
        if pictures:
            for stem in ("sorted", "random", "shares"):
                imsave(run / "samples" / f"{stem}.png", np.full((8, 8), seed / 10), vmin=0, vmax=1)
        record = {
            "status": "completed",
            "error": None,
            "name": name,
            "model": "gan",
            "seed": seed,
            "dataset": STROKES,
            "oracle_accuracy": 0.98,
            "metrics": gan_metrics(missing, kl),
            "controls": {"real": gan_metrics("", 0.002), "noise": gan_metrics(ascii_uppercase[1:], 3.2)},
            "onset": 200,
            "images_seen": 300,
            "train_seconds": 8.0,
            "images_per_second": 3200.0,
            "device": "cpu",
            "precision": "32-true",
            "versions": {"torch": "2.15.0"},
            "git": "abc123",
        }
        if finished:
            (run / "results.json").write_text(json.dumps(record | results))
        return run

    return make


@pytest.fixture
def study(make_run: MakeRun, tmp_path: Path) -> Path:
    """A baseline, a remedy that helps, one that does nothing; three seeds; one run failed, one unfinished."""
    for seed in range(3):
        make_run("gan_standard", seed, missing="QXZJ"[: 3 + seed % 2], kl=0.5 + 0.01 * seed, pictures=True)
        make_run("gan_fm", seed, missing="Q" * (seed == 2), kl=0.1 + 0.012 * seed, onset=None, pictures=True)
        make_run("gan_hinge", seed, missing="QXZVJ"[: 2 + seed], kl=0.5 + 0.1 * (seed - 1))
    make_run("gan_hinge", 3, status="failed", error="RuntimeError: out of memory", metrics={}, controls={})
    make_run("gan_fm", 3, finished=False)
    return tmp_path / "study"


def _history(missing: str, kl: float) -> list[dict[str, Any]]:
    """Three evaluations: everything covered at the second, the letters gone at the third."""
    lost = ["A", *missing], [], list(missing)
    return [
        {
            "images_seen": 100 * (turn + 1),
            "seconds": turn,
            "modes": 26 - len(names),
            "kl": 3 * kl if turn == 0 else kl,
            "missing": " ".join(names),
            "fid": "",
        }
        for turn, names in enumerate(lost)
    ]


def _write_history(path: Path, rows: list[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
