"""A run folder with a record, and what resuming it composes."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from omegaconf import OmegaConf

from src.training.run_config import resumed_config

HYDRA = {"runtime": {"choices": {"experiment": "gan_r1", "model": "gan"}}, "overrides": {"task": []}}
CONFIG = {
    "seed": 0,
    "budget": 18,
    "cache": ".cache",
    "data": {"_target_": "src.data.letters.datasets.Strokes", "root": "${oc.env:DATA_DIR,data}", "cache": "${cache}"},
    "gan": {"_target_": "src.gan.module.GAN", "_partial_": True, "_convert_": "all"},
    "model": "${gan}",
    "trainer": {"_target_": "lightning.Trainer", "enable_progress_bar": "${has_callback:progress}"},
    "callbacks": {"preemption": {"_target_": "src.training.callbacks.preemption.Preemption", "folder": "elsewhere"}},
}


def write(run: Path, config: dict) -> None:
    (run / ".hydra" / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))


def changed(place: str, value: object) -> dict:
    """The configuration with something else at a dotted place."""
    config = deepcopy(CONFIG)
    *parents, name = place.split(".")
    node = config
    for parent in parents:
        node = node.setdefault(parent, {})
    node[name] = value
    return config


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Of a sweep."""
    run = tmp_path / "sweep" / "run"
    (run / ".hydra").mkdir(parents=True)
    OmegaConf.save({"hydra": HYDRA | {"sweeper": {"params": {}}}}, tmp_path / "sweep" / "multirun.yaml")
    OmegaConf.save({"hydra": HYDRA}, run / ".hydra" / "hydra.yaml")
    OmegaConf.save(["budget=9", "accelerator=gpu", "~callbacks.progress"], run / ".hydra" / "overrides.yaml")
    write(run, CONFIG)
    return run


@pytest.fixture
def resumed(run: Path, monkeypatch: pytest.MonkeyPatch):
    """What a run with a checkpoint goes on with, given values beside `resume=`, as the command line composes them."""
    monkeypatch.setattr("src.training.run_config.newest_valid", lambda run: run / "last.ckpt")

    def resume(**given: object) -> object:
        asked = OmegaConf.create({"cache": ".cache"})
        for key, value in given.items():
            OmegaConf.update(asked, key, value, force_add=True)
        words = [f"{key}={value}" for key, value in given.items() if not isinstance(value, dict)]
        return resumed_config(run, words, asked)

    return resume
