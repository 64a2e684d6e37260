"""Reads untrusted YAML and JSON files of run folders as plain values within limits."""

import json
import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import yaml

MOST_BYTES = 10_000_000  # of a file; results.json of a long run takes some hundred kilobytes
MOST_NODES = 50_000  # of a record, which has some hundred
MOST_LEVELS = 50  # of mappings and lists within each other
LARGEST = 1e38  # about the largest number of single precision; sums and squares of such numbers stay finite
SAFE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where PyYAML was built with it


class _Loader(SAFE_LOADER):
    """YAML as OmegaConf reads it: 1e-3 is a number, dates are text."""

    yaml_implicit_resolvers: ClassVar = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":float"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"[-+]?(\d[\d_]*\.[\d_]*(e[-+]?\d+)?|\d[\d_]*e[-+]?\d+|\.inf)\Z|\.\d[\d_]*(e[-+]\d+)?\Z|\.nan\Z", re.IGNORECASE
    ),
    list("-+0123456789."),
)


def read_bytes(path: Path, limit: int = MOST_BYTES) -> bytes:
    """Content of a regular file.

    Raises:
        OSError: it is not there, or cannot be read.
        ValueError: it is larger than `limit` bytes, or not a regular file: a pipe or a device may never end.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is not a regular file")
        content = file.read(min(found.st_size, limit) + 1)  # a buffer of so many bytes
    if len(content) > limit:
        raise ValueError(f"{path} is larger than {limit:,} bytes")
    return content


def read_yaml(path: Path) -> Any:
    """Plain content of a YAML file: dict with text as keys, list, str, int, float, bool and None.

    Interpolations stay text. Aliases are refused, since a few of them can stand for billions of nodes.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such YAML, or goes beyond the limits.
    """
    text = read_bytes(path, MOST_BYTES // 10).decode()
    try:
        _require_small(text)
        content = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(" ".join(str(error).split()) or "it is no YAML") from error
    for node in nodes(content):
        if isinstance(node, dict) and not all(isinstance(key, str) for key in node):
            raise ValueError("it has a key that is not text")
        if not isinstance(node, dict | list | str | int | float | None):
            raise ValueError(f"it holds a {type(node).__name__}")
        if isinstance(node, int) and abs(node) >= 2**63:
            raise ValueError("it holds a number of more than 64 bits")
    return content


def _require_small(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("it has an alias")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MOST_LEVELS or count > 2 * MOST_NODES:  # a collection has two events
            raise ValueError(f"it has more than {MOST_LEVELS} levels or {MOST_NODES:,} nodes")


def read_json(path: Path) -> Any:
    """Content of a JSON file; numbers that are not finite, or larger than anything that a run computes, become None.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no JSON, or goes beyond the limits.
    """
    text = read_bytes(path).decode("utf-8-sig")
    try:
        content = json.loads(text, parse_int=_integer, parse_float=_real, parse_constant=lambda word: None)
    except RecursionError as error:
        raise ValueError(f"it has more than {MOST_LEVELS} levels") from error
    for _ in nodes(content):
        pass
    return content


def _integer(digits: str) -> int | float | None:
    return int(digits) if len(digits) < 17 else _real(digits)


def _real(digits: str) -> float | None:
    value = float(digits)
    return value if abs(value) <= LARGEST else None


def number(cell: str) -> float:
    """The number in a table's cell; NaN where it is none, or out of range."""
    try:
        value = float(cell) if len(cell) < 100 else math.nan
    except ValueError:
        return math.nan
    return value if abs(value) <= LARGEST else math.nan


def nodes(content: Any) -> Iterator[Any]:
    """Yields every node of plain content, the outermost first.

    Raises:
        ValueError: it has more than MOST_LEVELS levels.
    """
    level = [content]
    for _ in range(MOST_LEVELS + 1):
        yield from level
        level = [below for node in level if isinstance(node, dict | list) for below in _below(node)]
        if not level:
            return
    raise ValueError(f"it has more than {MOST_LEVELS} levels")


def _below(node: dict[Any, Any] | list[Any]) -> list[Any]:
    return list(node.values()) if isinstance(node, dict) else node


def clean(text: str, longest: int = 2000) -> str:
    """Text from a stranger's file in one line of limited length, without control characters and backticks."""
    whole = text[: 4 * longest].encode("utf-8", "replace").decode().replace("`", "'")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in whole).split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def as_word(name: str) -> str:
    """A name without spaces, as a word of a column of names: spaces and % as in URLs, undone by `from_word`."""
    return re.sub(r"[\s%]", lambda found: quote(found[0]), name)


def from_word(word: str) -> str:
    return unquote(word)


def is_inside(folder: Path, path: Path) -> bool:
    """Whether a path below the folder, links followed, is still there; what does not exist is."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))  # where links lead in circles, too


def links_out(folder: Path) -> list[Path]:
    """Links below the folder that lead out of it: what is written to them lands elsewhere."""
    below = (Path(place, name) for place, folders, files in os.walk(folder) for name in sorted([*folders, *files]))
    return [path for path in below if path.is_symlink() and not is_inside(folder, path)]


def check_links(folder: Path) -> None:
    """Raises: ValueError: the folder, which may be a stranger's, has a link that leads out of it."""
    for path in links_out(folder):
        raise ValueError(f"{path} is a link that leads out of {folder}; put a copy in its place")


def is_number(value: Any) -> bool:
    """Finite int or float, but not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
