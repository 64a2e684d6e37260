"""The record a run leaves in its folder, from which it is rebuilt."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from src.names import concerns, run_name, swept_keys

# What a resumed run may be told anew: how long, how it is watched, where and on what it runs.
CHANGEABLE = ("budget", "evaluations", "trainer.", "data.root", "cache", "evaluator.", "callbacks.")


@dataclass(frozen=True)
class Record:
    """What a run was started as: its configuration, its name and its model family."""

    config: DictConfig
    name: str
    family: str


def read_record(run: Path) -> Record:
    """Reads `.hydra/` in a run's folder.

    Raises:
        FileNotFoundError: the folder is not a run's.
    """
    folder = run / ".hydra"
    if not (folder / "config.yaml").is_file():
        raise FileNotFoundError(f"{run} is no run's folder: it has no .hydra/config.yaml")
    hydra = OmegaConf.load(folder / "hydra.yaml").hydra
    choices = hydra.runtime.choices
    swept = swept_keys(run.resolve().parent)
    name = run_name(choices.experiment or choices.model, hydra.overrides.task, swept)
    return Record(OmegaConf.load(folder / "config.yaml"), name, choices.model)


def resumed_config(run: Path, overrides: Sequence[str]) -> DictConfig:
    """The run's own configuration with the values changed that were given beside `resume=`; the record follows.

    Raises:
        ValueError: an override that a running recipe cannot take, or a run without a checkpoint.
    """
    config = read_record(run).config
    recorded = set(OmegaConf.load(run / ".hydra" / "overrides.yaml"))
    if not (run / "checkpoints" / "last.ckpt").is_file():
        raise ValueError(f"resume={run}: it has no checkpoints/last.ckpt, since no evaluation was reached; start anew")
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if concerns(key, ("resume", "study")) or override.input_line in recorded:
            continue
        if not key.startswith(CHANGEABLE) or not _has(config, key):
            raise ValueError(
                f"{override.input_line}: a resumed run keeps its recipe; only values such as budget, evaluations, "
                "trainer.accelerator or data.root can change"
            )
        OmegaConf.update(config, key, override.value())
    OmegaConf.save(config, run / ".hydra" / "config.yaml")
    config.resume = str(run)
    return config


def _has(config: DictConfig, key: str) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return OmegaConf.is_dict(node) and name in node
