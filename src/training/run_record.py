"""The record in a run's folder, from which the run is rebuilt. It is not trusted.

It is read to plain values, resolved once, checked, and what was checked is built: nothing is interpolated afterwards.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from src.core.config_checks import RENAMED_OPTIONS
from src.core.errors import USER_ERRORS, message
from src.core.files import write_atomically
from src.core.interpolation import resolved
from src.core.plain_data import check_links, read_yaml
from src.core.resolvers import fastest_precision
from src.core.run_names import concerns, run_name, swept_keys
from src.training.checkpoints import exists, newest_valid

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
# What a record may build: classes that are defined below these modules, of which nothing else is imported.
TRUSTED = (
    "src.gan",
    "src.vae",
    "src.data",
    "src.evaluation.callback",
    "src.evaluation.gan",
    "src.evaluation.progress_bar",
    "src.evaluation.vae",
    "src.training.callbacks",
    "src.sweeps.pruning",
    "torch.nn",
    "torch.optim",
)
TRAINER = ("lightning.Trainer", "lightning.pytorch.Trainer")
BUILDING = {"_target_": str, "_partial_": bool, "_convert_": str}  # Hydra's keys that a record may use
# Written to: always the run's own folder and the cache of the command, wherever the record says.
RUN_FOLDER, CACHE = "${hydra:runtime.output_dir}", "${cache}"
FORCED = dict.fromkeys(("folder", "save_dir", "default_root_dir", "dirpath", "log_dir"), RUN_FOLDER) | {"cache": CACHE}
LOGGER = {"_target_": "src.training.tensorboard.Board", "save_dir": RUN_FOLDER, "name": "", "version": ""}
USUAL_CACHE = ".cache"
# Where earlier versions had the classes that a record names.
MOVED = {
    "src.board": "src.training.tensorboard",
    "src.callbacks.curves": "src.training.callbacks.curves",
    "src.callbacks.evaluation": "src.evaluation.callback",
    "src.callbacks.preemption": "src.training.callbacks.preemption",
    "src.callbacks.progress": "src.evaluation.progress_bar",
    "src.callbacks.pruning": "src.sweeps.pruning",
    "src.callbacks.randomness": "src.training.callbacks.randomness",
    "src.data.drums": "src.data.drums.datasets",
    "src.data.fonts": "src.data.letters.datasets",
    "src.data.letters": "src.data.letters.datasets",
    "src.data.letters.fonts": "src.data.letters.datasets",
    "src.gan.evaluation": "src.evaluation.gan",
    "src.gan.multilayer": "src.gan.networks.mlp",
    "src.gan.networks": "src.gan.networks.dcgan",
    "src.gan.residual": "src.gan.networks.residual",
    "src.vae.evaluation": "src.evaluation.vae",
}
# Classes that earlier versions called otherwise, by their old paths.
RENAMED = {
    "src.vae.anneal.Control": "src.vae.anneal.PIController",
    "src.vae.anneal.Saturating": "src.vae.anneal.Exponential",
    "src.vae.anneal.Unannealed": "src.vae.anneal.NoAnnealing",
}


@dataclass(frozen=True)
class Record:
    """The configuration with which a run was started.

    `tree` is its configuration as plain values, with interpolations as text.
    """

    run: Path
    tree: dict[str, Any]
    name: str
    family: str

    def value(self, key: str) -> Any:
        """One value of the configuration, resolved.

        Raises:
            ValueError: it is not there, or cannot be resolved.
        """
        if key not in self.tree:
            raise ValueError(f"{self.path} lacks {key}")
        return self.resolved(self.tree[key], self.tree)

    def resolved(self, node: Any, tree: dict[str, Any]) -> Any:
        try:
            return resolved(node, tree, functions(self.run, tree))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error

    @property
    def path(self) -> Path:
        return self.run / ".hydra" / "config.yaml"


class Resumed(NamedTuple):
    """Configuration of a resumed run, and the record to be saved once training starts."""

    config: DictConfig
    tree: dict[str, Any]


def functions(run: Path, tree: dict[str, Any]) -> dict[str, Any]:
    """Resolvers of the interpolations `${name:argument}` that a record may use."""

    def environment(argument: str) -> str:
        name, comma, default = argument.partition(",")
        if name != "DATA_DIR" or not comma:
            raise ValueError(f"${{oc.env:{argument}}} is refused; of the environment a record may use DATA_DIR only")
        return os.environ.get(name, default)

    def hydra(argument: str) -> str:
        if argument != "runtime.output_dir":
            raise ValueError(f"${{hydra:{argument}}} is refused; a record may use hydra:runtime.output_dir only")
        return str(run.absolute())

    def has_callback(name: str) -> bool:
        return isinstance(tree["callbacks"], dict) and name in tree["callbacks"]

    return {
        "oc.env": environment,
        "hydra": hydra,
        "has_callback": has_callback,
        "fastest_precision": fastest_precision,
    }


def read_record(run: Path) -> Record:
    """Reads `.hydra/` in a run's folder.

    Raises:
        FileNotFoundError: the folder is not a run's.
        ValueError: one of the files is damaged, or a link leads out of the folder.
    """
    folder, sweep = run / ".hydra", run.resolve().parent
    if not (folder / "config.yaml").is_file():
        raise FileNotFoundError(f"{run} is no run's folder: it has no .hydra/config.yaml")
    check_links(run)
    with reading(folder / "hydra.yaml") as path:
        hydra = read_yaml(path)["hydra"]
        choices, overrides = hydra["runtime"]["choices"], hydra["overrides"]["task"]
        family, recipe = choices["model"], choices["experiment"]
        require_texts([family, recipe or family, *overrides])
    with reading(sweep / "multirun.yaml"):
        swept = swept_keys(sweep)
    with reading(folder / "config.yaml") as path:
        tree = read_yaml(path)
        missing = [part for part in PARTS if part not in tree]
        if missing:
            raise ValueError(f"it lacks {missing[0]}")
        if not isinstance(tree, dict):
            raise ValueError("it is no mapping")
        for _, node in _mappings(tree):
            node.update(_current(node))
        for old, new in RENAMED_OPTIONS.items():
            if (place := _place(tree, old)) is not None:
                place[new.rpartition(".")[2]] = place.pop(old.rpartition(".")[2])
    return Record(run, tree, run_name(recipe or family, overrides, swept), family)


def _current(node: dict[str, Any]) -> dict[str, Any]:
    """Present names for a node of a record that an earlier version wrote."""
    target = node.get("_target_")
    if not isinstance(target, str):
        return {}
    module, _, name = target.rpartition(".")
    moved = f"{MOVED[module]}.{name}" if module in MOVED else target
    return {"_target_": RENAMED.get(moved, moved)}


def require_texts(words: Sequence[Any]) -> None:
    for word in words:
        if not isinstance(word, str):
            raise ValueError(f"{word} is no text")


@contextmanager
def reading(path: Path) -> Iterator[Path]:
    """Names the damaged file in errors raised within the context."""
    try:
        yield path
    except (*USER_ERRORS, TypeError, AttributeError, LookupError, RecursionError) as damage:
        raise ValueError(f"{path} is damaged: {message(damage)}") from damage


def trusted_config(run: Path) -> DictConfig:
    """The checked configuration of an untrusted run.

    Raises:
        FileNotFoundError: the folder is not a run's.
        ValueError: it is damaged, or it would call something else than the classes that a record may build.
    """
    record = read_record(run)
    return checked(record, confined(record, USUAL_CACHE), frozenset())


def checked(record: Record, tree: dict[str, Any], own: frozenset[str]) -> DictConfig:
    """Resolves the tree and checks every class that it would build.

    Args:
        own: classes and functions that the command's own configuration names, which are no stranger's.
    """
    config = record.resolved(tree, tree)
    for key, node in _mappings(config):
        place = f"{record.path}: {key}."
        for name, value in node.items():
            if name.startswith("_") and ("_target_" not in node or not isinstance(value, BUILDING.get(name, ()))):
                raise ValueError(f"{place}{name} is refused; Hydra's keys in a record are {', '.join(BUILDING)}")
        target = node.get("_target_")
        if target is not None and not (_is_trusted(key, target) or (target in own and target not in TRAINER)):
            raise ValueError(
                f"{place}_target_={target} is refused; a run's configuration builds classes of {', '.join(TRUSTED)}, "
                "nothing else; if it is yours, give the option that names it again"
            )
    built = {part: config[part] for part in ("data", "model", "trainer")} | config["callbacks"]
    for key, node in built.items():
        if not isinstance(node, dict) or "_target_" not in node:
            raise ValueError(f"{record.path}: {key} has no _target_, nothing to build")
    if config["trainer"].get("model_registry") is not None:
        raise ValueError(f"{record.path}: trainer.model_registry is refused; it would send checkpoints elsewhere")
    return OmegaConf.create(config)


def _mappings(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields every mapping in the node with its key."""
    if isinstance(node, list):
        for index, below in enumerate(node):
            yield from _mappings(below, f"{key}[{index}]")
    elif isinstance(node, dict):
        yield key, node
        for name, below in node.items():
            yield from _mappings(below, f"{key}.{name}".lstrip("."))


def _is_trusted(key: str, target: str) -> bool:
    if concerns(key, ["trainer"]):
        return target in TRAINER if key == "trainer" else key == "trainer.logger" and target == LOGGER["_target_"]
    if not f"{target}.".startswith(tuple(f"{name}." for name in TRUSTED)):
        return False  # before anything of it is imported
    from lightning import Trainer  # takes seconds

    try:
        found = get_class(target)
    except Exception:  # whatever the import of a module that is not meant to be imported raises
        return False
    # Where it was defined, not by what way it was reached: modules have others as attributes.
    return f"{found.__module__}.".startswith(tuple(f"{name}." for name in TRUSTED)) and not issubclass(found, Trainer)


def confined(record: Record, cache: str) -> dict[str, Any]:
    """The record's tree with all output paths inside the run's folder, and with this cache."""
    for part in ("trainer", "callbacks"):
        if not isinstance(record.tree[part], dict):
            raise ValueError(f"{record.path}: {part} is no mapping")
    tree = _forced(record.tree) | {"cache": cache, "resume": None}
    trainer = tree["trainer"] = tree["trainer"] | {"default_root_dir": RUN_FOLDER}
    trainer.pop("callbacks", None)  # they are those of the run
    if not isinstance(trainer.get("logger"), bool | None):
        trainer["logger"] = dict(LOGGER)
    return tree


def _forced(node: Any) -> Any:
    if isinstance(node, list):
        return [_forced(below) for below in node]
    if isinstance(node, dict):
        return {key: FORCED[key] if key in FORCED else _forced(below) for key, below in node.items()}
    return node


def resumed_config(run: Path, overrides: Sequence[str], asked: DictConfig) -> Resumed:
    """The run's own configuration with the changes given beside `resume=`.

    Its `resume` is the checkpoint to go on from; its `cache` is the command's.

    Args:
        overrides: as given on the command line.
        asked: what the command line alone composes to.

    Raises:
        ValueError: an override that a running recipe cannot take, or no checkpoint that is whole.
        FileNotFoundError: no run's folder.
    """
    record = read_record(run)
    with reading(run / ".hydra" / "overrides.yaml") as path:
        recorded = read_yaml(path)
        require_texts(recorded)
    newest = newest_valid(run)
    if newest is None:
        fault = "its checkpoints are damaged" if exists(run) else "it has no checkpoint, having been cut off too early"
        raise ValueError(f"resume={run}: {fault}; start anew")
    command = cast("dict[str, Any]", OmegaConf.to_container(asked, resolve=True))
    tree = confined(record, command.get("cache") or USUAL_CACHE)
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if concerns(key, ("resume", "study")):
            continue
        if key == "accelerator":
            tree["trainer"] |= {name: command["trainer"][name] for name in ACCELERATOR}
        elif key.startswith(CHANGEABLE) and (place := _place(tree, key)) is not None:
            place[key.rpartition(".")[2]] = _at(command, key)
        elif override.input_line not in recorded:
            raise ValueError(
                f"{override.input_line}: a resumed run keeps its recipe; only values such as budget, evaluations, "
                "accelerator or data.root can change"
            )
    own = frozenset(node["_target_"] for _, node in _mappings(command) if isinstance(node.get("_target_"), str))
    config = checked(record, tree, own)
    config.resume = str(newest)
    return Resumed(config, tree)


def save_config(tree: dict[str, Any], run: Path) -> None:
    """Saves the configuration of a resumed run as its record."""
    write_atomically(run / ".hydra" / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(tree)))


def _place(tree: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The mapping that holds a dotted key; None if the tree does not have it."""
    *parents, name = key.split(".")
    node: Any = tree
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    return node if isinstance(node, dict) and name in node else None


def _at(tree: dict[str, Any], key: str) -> Any:
    node: Any = tree
    for name in key.split("."):
        node = node[name]
    return deepcopy(node)
