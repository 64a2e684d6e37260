"""The configuration that is built from a run's record: resolved once, checked, confined to the run's folder.

Nothing is interpolated after the check, and nothing else is built than what was checked.
"""

from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_class
from omegaconf import DictConfig, OmegaConf

from src.core.plain_data import read_yaml
from src.core.run_names import WITHOUT_BAR, concerns
from src.training.checkpoints import exists, newest_valid
from src.training.run_record import Record, mapping_of, mappings, read_record, reading, require_texts

# What a resumed run may be told anew: how long, how it is watched, where and on what it runs.
CHANGEABLE = (
    *("budget", "compile", "evaluations", "cache", "data.resident", "data.root"),
    *("data.path", "data.images", "data.labels", "data.test_images", "data.test_labels"),  # where, not what: by digest
)
SECTIONS = ("trainer.", "evaluator.", "callbacks.progress.", "callbacks.curves.", "callbacks.pruning.")
ACCELERATOR = ("accelerator", "devices", "strategy", "precision")  # the trainer's keys that the choice of one sets
# What a record may build: classes that are defined below these modules, of which nothing else is imported.
TRUSTED = (
    "src.gan",
    "src.vae",
    "src.data",
    "src.evaluation.callback",
    "src.evaluation.gan",
    "src.evaluation.progress_bar",
    "src.evaluation.rejection",
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
USUAL_CACHE = ".cache"


class Resumed(NamedTuple):
    """Configuration of a resumed run, and the record to be saved once training starts."""

    config: DictConfig
    tree: dict[str, Any]


def trusted_config(run: Path, trust: Sequence[str] = ()) -> DictConfig:
    """The checked configuration of an untrusted run.

    Args:
        trust: the user's own modules whose classes it may build as well.

    Raises:
        FileNotFoundError: the folder is not a run's.
        ValueError: it is damaged, or it would call something else than the classes that a record may build.
    """
    record = read_record(run)
    return checked(record, confined(record, USUAL_CACHE), frozenset(), trust)


def checked(record: Record, tree: dict[str, Any], own: frozenset[str], trust: Sequence[str] = ()) -> DictConfig:
    """Resolves the tree and checks every class that it would build.

    Args:
        own: classes and functions that the command's own configuration names, which are no stranger's.
        trust: modules beside this project's whose classes it may build.
    """
    config, known = record.resolved(tree, tree), (*TRUSTED, *trust)
    for key, node in mappings(config):
        place = f"{record.path}: {key}."
        for name, value in node.items():
            if name.startswith("_") and ("_target_" not in node or not isinstance(value, BUILDING.get(name, ()))):
                raise ValueError(f"{place}{name} is refused; Hydra's keys in a record are {', '.join(BUILDING)}")
        target = node.get("_target_")
        if target is not None and not (_is_trusted(key, target, known) or (target in own and target not in TRAINER)):
            raise ValueError(
                f"{place}_target_={target} is refused; a run's configuration builds classes of {', '.join(known)}, "
                "nothing else; if it is yours, resume= takes the option that names it again, and src.sample "
                f"trust={target.rpartition('.')[0]}"
            )
    built = {part: config[part] for part in ("data", "model", "trainer")} | config["callbacks"]
    for key, node in built.items():
        if not isinstance(node, dict) or "_target_" not in node:
            raise ValueError(f"{record.path}: {key} has no _target_, nothing to build")
    if config["trainer"].get("model_registry") is not None:
        raise ValueError(f"{record.path}: trainer.model_registry is refused; it would send checkpoints elsewhere")
    return OmegaConf.create(config)


def _is_trusted(key: str, target: str, modules: Sequence[str]) -> bool:
    if concerns(key, ["trainer"]):
        return key == "trainer" and target in TRAINER
    below = tuple(f"{name}." for name in modules)
    if not f"{target}.".startswith(below):
        return False  # before anything of it is imported
    from lightning import Trainer  # takes seconds

    try:
        found = get_class(target)
    except Exception:  # whatever the import of a module that is not meant to be imported raises
        return False
    # Where it was defined, not by what way it was reached: modules have others as attributes.
    return f"{found.__module__}.".startswith(below) and not issubclass(found, Trainer)


def confined(record: Record, cache: str) -> dict[str, Any]:
    """The record's tree with all output paths inside the run's folder, with this cache, and without loggers.

    Where results are sent is the command's choice, never a record's.
    """
    for part in ("trainer", "callbacks"):
        if not isinstance(record.tree[part], dict):
            raise ValueError(f"{record.path}: {part} is no mapping")
    tree = _forced(record.tree) | {"cache": cache, "resume": None, "logger": {}}
    trainer = tree["trainer"] = tree["trainer"] | {"default_root_dir": RUN_FOLDER}
    for name in ("callbacks", "logger"):  # as records of earlier versions have one, and strangers' may have both
        trainer.pop(name, None)
    return tree


def _forced(node: Any) -> Any:
    if isinstance(node, list):
        return [_forced(below) for below in node]
    if isinstance(node, dict):
        return {key: FORCED[key] if key in FORCED else _forced(below) for key, below in node.items()}
    return node


def resumed_config(run: Path, overrides: Sequence[str], asked: DictConfig) -> Resumed:
    """The run's own configuration with the changes given beside `resume=`.

    Its `resume` is the checkpoint to go on from; its `cache` and `logger` are the command's.

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
    tree = confined(record, command.get("cache") or USUAL_CACHE) | {"logger": command.get("logger") or {}}
    for override in OverridesParser.create().parse_overrides(list(overrides)):
        key = override.get_key_element()
        if concerns(key, ("resume", "study", "logger")):
            continue
        if override.input_line in WITHOUT_BAR:
            tree["callbacks"].pop("progress", None)
            continue
        changeable = (key in CHANGEABLE or key.startswith(SECTIONS)) and not override.is_delete()
        if key == "accelerator":
            tree["trainer"] |= {name: command["trainer"][name] for name in ACCELERATOR}
        elif changeable and (place := mapping_of(tree, key)) is not None:
            place[key.rpartition(".")[2]] = _at(command, key)
        elif override.input_line not in recorded:
            raise ValueError(
                f"{override.input_line}: a resumed run keeps its recipe; only values such as budget, evaluations, "
                "accelerator or data.root can change"
            )
    own = frozenset(node["_target_"] for _, node in mappings(command) if isinstance(node.get("_target_"), str))
    config = checked(record, tree, own)
    config.resume = str(newest)
    return Resumed(config, tree)


def _at(tree: dict[str, Any], key: str) -> Any:
    node: Any = tree
    for name in key.split("."):
        node = node[name]
    return deepcopy(node)
