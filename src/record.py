"""The record a run leaves in its folder, from which it is rebuilt."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from yaml import YAMLError

from src.checkpoints import exists, newest_whole
from src.files import write_atomically
from src.mistakes import MISTAKES, message
from src.names import concerns, run_name, swept_keys

# What a resumed run may be told anew: how long, how it is watched, where and on what it runs.
CHANGEABLE = (
    "budget",
    "compile",
    "evaluations",
    "trainer.",
    "data.root",
    "data.resident",
    "cache",
    "evaluator.",
    "callbacks.progress.",
    "callbacks.curves.",
    "callbacks.pruning.",
)
ACCELERATOR = ("accelerator", "devices", "strategy", "precision")  # the trainer's keys that the choice of one sets
PARTS = ("seed", "data", "model", "trainer", "callbacks")  # what every run's configuration has
# What a configuration that came from elsewhere may build: classes defined below these modules, and no functions.
TRUSTED = ("src", "torch.nn", "torch.optim", "lightning.pytorch.trainer", "torchmetrics")


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
        ValueError: one of the files is damaged.
    """
    folder, sweep = run / ".hydra", run.resolve().parent
    if not (folder / "config.yaml").is_file():
        raise FileNotFoundError(f"{run} is no run's folder: it has no .hydra/config.yaml")
    with reading(folder / "hydra.yaml") as path:
        hydra = OmegaConf.load(path).hydra
        family, recipe = hydra.runtime.choices.model, hydra.runtime.choices.experiment
        overrides = list(hydra.overrides.task)
    with reading(sweep / "multirun.yaml"):
        swept = swept_keys(sweep)
    with reading(folder / "config.yaml") as path:
        config = OmegaConf.load(path)
        _ = [config[part] for part in PARTS]
    return Record(config, run_name(recipe or family, overrides, swept), family)


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Says which file is damaged, as by a full disk or a kill."""
    try:
        yield path
    except (*MISTAKES, YAMLError, TypeError, AttributeError) as damage:
        raise ValueError(f"{path} is damaged: {message(damage)}") from damage


def trusted_config(run: Path, asked: DictConfig | None = None) -> DictConfig:
    """The configuration of a run that may be a stranger's, once it is clear that it builds nothing foreign.

    Args:
        asked: the command's own configuration: what that would build too is no stranger's.

    Raises:
        FileNotFoundError: the folder is not a run's.
        ValueError: it would call something else than the classes of the trusted packages.
    """
    config = read_record(run).config
    own = {target for _, target in _targets(asked)}
    for key, target in _targets(config):
        if target not in own and not _is_trusted(target):
            raise ValueError(
                f"{run / '.hydra' / 'config.yaml'}: {key}._target_={target} is refused; a run's configuration builds "
                f"classes of {', '.join(TRUSTED)}, nothing else; if it is yours, give the option that names it again"
            )
    return config


def _is_trusted(target: str) -> bool:
    if target.partition(".")[0] not in {name.partition(".")[0] for name in TRUSTED}:
        return False  # before anything of it is imported
    try:
        found = get_object(target)
    except (ImportError, ValueError):
        return False
    # Where it was defined, not by what way it was reached: modules have others as attributes.
    return isinstance(found, type) and f"{found.__module__}.".startswith(tuple(f"{name}." for name in TRUSTED))


def _targets(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every `_target_` below the node, and where it stands."""
    if OmegaConf.is_list(node):
        for index in range(len(node)):
            yield from _targets(node._get_node(index), f"{key}[{index}]")
    elif OmegaConf.is_dict(node):
        if "_target_" in node:
            yield key, str(node._target_)
        for name in node:
            yield from _targets(node._get_node(name), f"{key}.{name}".lstrip("."))


def resumed_config(run: Path, overrides: Sequence[str], asked: DictConfig) -> DictConfig:
    """The run's own configuration with the values changed that were given beside `resume=`.

    Args:
        overrides: as given on the command line.
        asked: what the command line alone composes to.

    Its `resume` is the checkpoint to go on from.

    Raises:
        ValueError: an override that a running recipe cannot take, or no checkpoint that is whole.
        FileNotFoundError: no run's folder.
    """
    config = trusted_config(run, asked)
    with reading(run / ".hydra" / "overrides.yaml") as path:
        recorded = set(OmegaConf.load(path))
    newest = newest_whole(run)
    if newest is None:
        fault = "its checkpoints are damaged" if exists(run) else "it has no checkpoint, having been cut off too early"
        raise ValueError(f"resume={run}: {fault}; start anew")
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if concerns(key, ("resume", "study")):
            continue
        if key == "accelerator":
            config.trainer.update({name: asked.trainer._get_node(name) for name in ACCELERATOR})
        elif key.startswith(CHANGEABLE) and _has(config, key):
            OmegaConf.update(config, key, override.value())
        elif override.input_line not in recorded:
            raise ValueError(
                f"{override.input_line}: a resumed run keeps its recipe; only values such as budget, evaluations, "
                "accelerator or data.root can change"
            )
    config.resume = str(newest)
    return config


def keep(config: DictConfig, run: Path) -> None:
    """Makes the configuration of a run that goes on its record, once it is clear that it can be trained with."""
    kept = config.copy()
    kept.resume = None
    write_atomically(run / ".hydra" / "config.yaml", OmegaConf.to_yaml(kept))


def _has(config: DictConfig, key: str) -> bool:
    parent, _, name = key.rpartition(".")
    node = OmegaConf.select(config, parent) if parent else config
    return OmegaConf.is_dict(node) and name in node
