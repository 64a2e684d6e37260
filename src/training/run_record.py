"""The record in a run's folder, from which the run is rebuilt. It is not trusted, and read as plain values.

What is built from it: `run_config.py`.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from src.core import earlier_names
from src.core.errors import USER_ERRORS, message
from src.core.files import write_atomically
from src.core.interpolation import resolved
from src.core.plain_data import check_links, read_yaml
from src.core.resolvers import fastest_precision
from src.core.run_names import run_name, swept_keys

PARTS = ("seed", "data", "model", "trainer", "callbacks")  # what every run's configuration has


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
        """One value of the configuration, resolved. Raises: ValueError: it is not there, or cannot be resolved."""
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

    return {"oc.env": environment, "hydra": hydra, "has_callback": has_callback, "fastest_precision": fastest_precision}


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
        for _, node in mappings(tree):
            node.update(_current(node))
        for old, new in earlier_names.OPTIONS.items():
            if (place := mapping_of(tree, old)) is not None:
                place[new.rpartition(".")[2]] = place.pop(old.rpartition(".")[2])
    return Record(run, tree, run_name(recipe or family, overrides, swept), family)


def _current(node: dict[str, Any]) -> dict[str, Any]:
    """Present names for a node of a record that an earlier version wrote."""
    target = node.get("_target_")
    if not isinstance(target, str):
        return {}
    module, _, name = target.rpartition(".")
    moved = f"{earlier_names.MODULES[module]}.{name}" if module in earlier_names.MODULES else target
    return {"_target_": earlier_names.CLASSES.get(moved, moved)}


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


def mappings(node: Any, key: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields every mapping in the node with its key."""
    if isinstance(node, list):
        for index, below in enumerate(node):
            yield from mappings(below, f"{key}[{index}]")
    elif isinstance(node, dict):
        yield key, node
        for name, below in node.items():
            yield from mappings(below, f"{key}.{name}".lstrip("."))


def mapping_of(tree: dict[str, Any], key: str) -> dict[str, Any] | None:
    """The mapping that holds a dotted key; None if the tree does not have it."""
    *parents, name = key.split(".")
    node: Any = tree
    for parent in parents:
        node = node.get(parent) if isinstance(node, dict) else None
    return node if isinstance(node, dict) and name in node else None


def save_config(tree: dict[str, Any], run: Path) -> None:
    """Saves the configuration of a resumed run as its record."""
    write_atomically(run / ".hydra" / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(tree)))
