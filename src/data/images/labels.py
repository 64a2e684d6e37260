"""Splits and labels of images from the names of their folders or files, or from a table."""

import json
import os
import posixpath
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from src.core.plain_data import clean, is_number, read_json
from src.data.images.columns import Column, column, indexed, repeated
from src.data.images.sources import is_image
from src.data.tables import read_table

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val"}
SPLITS |= {"test": "test", "testing": "test"}
FILE_COLUMNS = ("file", "filename", "file_name", "image", "path", "name", "id")
LABEL_COLUMNS = ("label", "class", "category", "target", "letter")
LABEL = "label"
PARTS = re.compile(r"\{([^{}]*)\}|(\*)|(\?)")  # of a pattern

Fields = dict[str, Column]  # by name; `label` is the class


def split_folders(names: Sequence[str], path: Path) -> tuple[Column, Sequence[str]]:
    """The split of each image, "" where none is given, and its path within.

    A folder around all images is left out. Folders are splits where all of the topmost ones have such names, in any
    case, and one of them is the training split.

    Raises:
        ValueError: a training and a held-out split lie beside something else.
    """
    common = os.path.commonpath([*{os.path.dirname(name) for name in names}])  # noqa: PTH120
    names = [name[len(common) :].lstrip("/") for name in names] if common else names
    split_of = {top: SPLITS.get(top.casefold(), "") for top in map(top_of, names)}
    found = {*split_of.values()}
    if "train" not in found or found == {"train", ""}:
        return repeated([""], [len(names)]), names
    if "" in found:
        others = sorted(top for top, split in split_of.items() if not split)
        raise ValueError(
            f"data.path={path}: {clean(', '.join(others[:3]))} beside the folders of splits "
            f"({', '.join(sorted(top for top in split_of if split_of[top]))}); move or remove it"
        )
    return indexed(split_of[top_of(name)] for name in names), [name.partition("/")[2] for name in names]


def top_of(name: str) -> str:
    """The topmost folder, or the file's name if it is in none."""
    return name.partition("/")[0]


def by_folder(names: Sequence[str], path: Path) -> Fields:
    """The class of an image is its topmost folder; empty if there are no folders.

    Raises:
        ValueError: some images are in folders and others are not.
    """
    folders = indexed(top_of(name) if "/" in name else "" for name in names)
    if folders.names == [""]:
        return {}
    if len(lone := folders.rows("")):
        others = f" and {len(lone) - 1:,} more" if len(lone) > 1 else ""
        raise ValueError(
            f"data.path={path}: {clean(names[lone[0]])}{others} beside the folders of "
            "classes; move them into one, or give data.label= or data.labels="
        )
    return {LABEL: cleaned(folders, f"data.path={path}")}


def cleaned(texts: Column, place: str) -> Column:
    """The texts as a terminal can show them; raises ValueError where two would become one."""
    shown = {text: clean(text) for text in texts.names}
    for text, word in shown.items():
        if (alike := [other for other in shown if shown[other] == word and other != text]) or not word.strip():
            raise ValueError(
                f"{place}: {text!r}{f' and {alike[0]!r}' if alike else ''} would be the class {word!r}; rename it"
            )
    return column(texts.index_N, [*shown.values()])


def by_pattern(names: Sequence[str], pattern: str) -> Fields:
    """Fields from the files' names, or from their paths if the pattern has a slash: `{label}_{style}_*`.

    A field matches as little as possible, `*` anything and `?` one character; the ending may be left out.

    Raises:
        ValueError: the pattern has no label, or a name does not match.
    """
    expression = _expression(pattern)
    return {field: indexed(_matches(names, pattern, expression, field)) for field in expression.groupindex}


def _matches(names: Sequence[str], pattern: str, expression: re.Pattern[str], field: str) -> Iterator[str]:
    for name in names:
        name = name if "/" in pattern else name.rpartition("/")[2]
        match = expression.fullmatch(name if is_image(pattern) else posixpath.splitext(name)[0])
        if match is None:
            raise ValueError(f"data.label={pattern}: {clean(name)} does not match; change it, or give data.labels=FILE")
        yield clean(match[field])


def _expression(pattern: str) -> re.Pattern[str]:
    text, end, fields = "", 0, []
    for part in PARTS.finditer(pattern):
        text += re.escape(pattern[end : part.start()])
        end = part.end()
        if part[1] is not None:
            fields.append(part[1])
            text += f"(?P<{part[1]}>.+?)"
        else:
            text += ".*" if part[2] else "."
    if LABEL not in fields:
        raise ValueError(f"data.label={pattern}: it needs {{label}} where the class stands, such as '{{label}}_*'")
    if len({*fields}) < len(fields) or not all(re.fullmatch(r"[A-Za-z_]\w*", field, re.ASCII) for field in fields):
        raise ValueError(f"data.label={pattern}: each field needs a name of its own, of letters: {{label}}_{{style}}_*")
    return re.compile(text + re.escape(pattern[end:]), re.DOTALL)


def by_table(names: Sequence[str], path: Path) -> Fields:
    """The class of each image from a CSV or JSON file that lists images by path, by name, or by name without ending.

    Raises:
        ValueError: it cannot be read, lacks a column, or has no label for an image.
    """
    labels: dict[str, str] = {}
    for file, label in _rows(path):
        if labels.setdefault(composed(file), sys.intern(label)) != label:
            raise ValueError(f"data.labels={path}: {clean(file)} is both {labels[composed(file)]!r} and {label!r}")
    found = indexed(next((labels[key] for key in _keys(composed(name)) if key in labels), "") for name in names)
    if len(missing := found.rows("")):
        raise ValueError(
            f"data.labels={path}: {len(missing):,} of {len(names):,} images have no label in it, such as "
            f"{clean(names[missing[0]])}; it names {clean(next(iter(labels), 'nothing'), 80)}"
        )
    return {LABEL: cleaned(found, f"data.labels={path}")}


def composed(text: str) -> str:
    """One form of letters with accents, of which a Mac's names of files have another than most tables."""
    return unicodedata.normalize("NFC", text)


def _keys(name: str) -> Iterator[str]:
    """What a table may call a file, the most precise first."""
    while name:
        yield from (name, posixpath.splitext(name)[0])
        name = name.partition("/")[2]


def _rows(path: Path) -> Iterator[tuple[str, str]]:
    """Pairs of a file's name and its label."""
    if path.suffix.lower() != ".json":
        columns, lines = read_table(path)
        yield from _pairs(path, columns, lines)
        return
    try:
        content = read_json(path)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"data.labels={path}: it is no JSON ({error})") from None
    if isinstance(content, Mapping):  # of names to labels or records, or around a list of records
        lists = [value for value in content.values() if _is_records(value)]
        if not lists:
            yield from _mapped(path, content)
            return
        content = lists[0]
    if not _is_records(content):
        raise ValueError(f"data.labels={path}: expected {{file: label, …}} or [{{file: …, label: …}}, …]")
    records = [{str(key).lower(): value for key, value in line.items()} for line in content]
    yield from _pairs(path, list(records[0]), records)


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(line, Mapping) for line in value)


def _mapped(path: Path, content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in content.items():
        if isinstance(value, Mapping):
            value = value.get(_column(path, [*value], LABEL_COLUMNS))
        if isinstance(value, str) or is_number(value):
            yield name, str(value)


def _pairs(path: Path, columns: Sequence[str], lines: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    file, label = (_column(path, columns, wanted) for wanted in (FILE_COLUMNS, LABEL_COLUMNS))
    for line in lines:
        name, word = (line.get(key) for key in (file, label))
        yield str(name or "").replace("\\", "/").removeprefix("./"), "" if word is None else str(word)


def _column(path: Path, columns: Sequence[str], wanted: Sequence[str]) -> str:
    for name in wanted:
        if name in columns:
            return name
    listed = clean(", ".join(map(str, columns)), 80) or "nothing"
    raise ValueError(f"data.labels={path}: it has no column {wanted[0]} (or {', '.join(wanted[1:])}), but {listed}")
