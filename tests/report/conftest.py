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

from src.evaluation.metrics.onset import NEVER_HALF
from src.report.figures import style

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


DRUMS = {
    "name": "drums",
    "source": "drums",
    "digest": "cd56ef78ab90",
    "classes": ["rock", "jazz", "hiphop", "electronic", "latin"],
    "sizes": {"train": 20000, "val": 2000, "test": 2000},
    "shape": [1, 16, 9],
    "levels": 1,
    "entropy": 18.25,
}
DRUM_CONTROLS = {
    "real": {"validity": 0.98, "diversity": 0.21, "feature_distance": 0.4, "style_accuracy": 0.93},
    "noise": {"validity": 0.999, "diversity": 0.42, "feature_distance": 95.0, "style_accuracy": 0.25},
    "single": {"validity": 1.0, "diversity": 0.0, "feature_distance": 80.0, "style_accuracy": 0.2},
}


def vae_metrics(kl_high: float, kl_low: float, nll: float) -> dict[str, Any]:
    """Metrics of a VAE with these rates; a level under 0.1 nat has collapsed."""
    rates = {"high": kl_high, "low": kl_low}
    dims = {"high": [kl_high * share for share in (0.0, 0.75, 0.0, 0.25)], "low": [kl_low / 12] * 12}
    return {
        "elbo": -(nll + 0.6),
        "reconstruction": nll + 0.6 - kl_high - kl_low,
        **{f"kl_{level}": kl for level, kl in rates.items()},
        **{f"active_{level}": sum(kl > 0.1 for kl in values) for level, values in dims.items()},
        **{f"mi_{level}": 0.9 * kl for level, kl in rates.items()},
        "mi_ceiling": 7.6,
        "iwae_nll": nll,
        "floor_nll": 33.4,
        "entropy": 18.25,
        "onset_f1": 0.83,
        **{f"usage_{level}": 2 * kl for level, kl in rates.items()},
        "validity": 0.97,
        "diversity": 0.2,
        "feature_distance": 1.7,
        "style_accuracy": 0.9,
        "num_samples": 2000,
        "num_held_out": 2000,
        "importance_samples": 500,
        "collapsed": [level for level, kl in rates.items() if kl < 0.1],
        **{f"kl_{level}_dims": values for level, values in dims.items()},
    }


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are composed but stay white: drawing takes most of a report's time, and few tests look at pictures."""
    monkeypatch.setattr(style, "draw", lambda canvas: setattr(canvas, "renderer", canvas.get_renderer()))


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
        record |= results
        if record["onset"] == 0:  # short for a run that had nothing to lose
            record |= {"onset": None, "onset_reason": NEVER_HALF, "outcome": "learning"}
        if "outcome" not in record and record["status"] == "completed":
            lost = record["metrics"].get("collapsed") if record["model"] == "vae" else record["onset"]
            record["outcome"] = "collapsed" if lost else "alive" if record["model"] == "vae" else "covering"
        if finished:
            (run / "results.json").write_text(json.dumps(record))
        return run

    return make


@pytest.fixture
def make_vae(make_run: MakeRun) -> MakeRun:
    """Writes the run of one annealing strategy on drums; rates, likelihood and history can be chosen."""

    def make(
        strategy: str = "none",
        seed: int = 0,
        kl_high: float = 2.5,
        kl_low: float = 2.0,
        nll: float = 24.0,
        history: list[Mapping[str, Any]] | None = None,
        **results: Any,
    ) -> Path:
        metrics = vae_metrics(kl_high, kl_low, nll) | results.pop("metrics", {})
        record = {
            "model": "vae",
            "dataset": DRUMS,
            "oracle_accuracy": None,
            "metrics": metrics,
            "controls": DRUM_CONTROLS,
            "onset": {level: 128000 if level in metrics["collapsed"] else None for level in ("high", "low")},
            "images_seen": 512000,
        }
        return make_run(
            f"vae_drums vae.anneal={strategy}",
            seed,
            history=history or vae_history(kl_high, kl_low, nll),
            folder=f"{strategy}_{seed}",
            **(record | results),
        )

    return make


@pytest.fixture
def annealing(make_vae: MakeRun, tmp_path: Path) -> Path:
    """Without annealing level low collapses, with it it lives; three seeds; pictures as a run leaves them."""
    strategies = {"none": (2.4, 0.03, 25.0), "linear": (2.6, 1.9, 24.2), "[cyclical,free_bits]": (2.2, 2.3, 24.9)}
    for strategy, (high, low, nll) in strategies.items():
        for seed in range(3):
            shift = 0.02 * (seed - 1)
            run = make_vae(strategy, seed, high + shift, low * (1 + shift), nll + shift * (1 + high - low))
            for stem in ("prior", "reconstructions", "kl_dimensions"):
                imsave(run / "samples" / f"{stem}.png", np.full((8, 8), seed / 10), vmin=0, vmax=1)
    return tmp_path / "study"


def vae_history(kl_high: float, kl_low: float, nll: float, evaluations: int = 8) -> list[dict[str, Any]]:
    """Rates that rise or fall evenly, from 1 nat each, to their last values."""
    rows = []
    for turn in range(1, evaluations + 1):
        done = turn / evaluations
        metrics = vae_metrics(1 + (kl_high - 1) * done, 1 + (kl_low - 1) * done, nll + 4 * (1 - done))
        kept = {k: v for k, v in metrics.items() if k not in ("iwae_nll", "floor_nll", "validity", "num_samples")}
        beta = {"beta_high": min(1.0, 2 * done), "beta_low": min(1.0, 2 * done)}
        lists = {k: " ".join(map(str, v)) for k, v in kept.items() if isinstance(v, list)}
        rows.append({"images_seen": 64000 * turn, "seconds": turn, **kept, **lists, **beta, "temperature": 1.0})
    return rows


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
