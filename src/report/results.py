"""Reads results.json into the fields of a run; one with impossible values raises ValueError: the run is damaged."""

import math
from collections.abc import Mapping
from typing import Any

from src.core.dataset import Dataset
from src.core.plain_data import clean, is_number
from src.core.run_names import PRUNED

MOST_ENTRIES = 20_000  # of a list or a mapping
MOST_KEYS = 1_000  # of metrics
LONGEST_NAME = 300  # characters
MOST_MODES = 10_000_000
NO_DIGEST = "none"
TEXTS = ("device", "precision", "git", "oracle", "oracle_weak")
AMOUNTS = ("images_seen", "generator_steps", "train_seconds", "images_per_second")
COUNTS = ("modes", "modes_any", "num_samples", "num_held_out", "importance_samples")
SHARES = ("recognisable", "validity", "style_accuracy", "top_share", "oracle_accuracy", "oracle_accuracy_k")


def fields(record: Any) -> dict[str, Any]:
    """Of `records.Run`, checked; of what is not readable and not essential nothing is left."""
    record = _mapping(_cleaned(record), "it")
    facts = {key: _text(record.get(key)) for key in TEXTS} | {key: _real(record, key) for key in AMOUNTS}
    facts["oracle_accuracy"] = _real(record, "oracle_accuracy", most=1)
    facts["versions"] = {name: str(version) for name, version in _mapping(record.get("versions")).items()}
    onset, data = record.get("onset"), record.get("dataset")
    properties, latents = record.get("class_properties"), record.get("latents")
    return {
        "status": PRUNED if str(record.get("error")).startswith(PRUNED) else _name(record.get("status"), "status"),
        "name": _name(record.get("name"), "name"),
        "model": _name(record.get("model"), "model"),
        "seed": seed(record.get("seed")),
        "error": None if record.get("error") is None else str(record["error"]),
        "dataset": None if data is None else _dataset(_mapping(data, "dataset")),
        "metrics": _metrics(record.get("metrics") or {}, "metrics"),
        "controls": {
            name: _metrics(scores, f"controls.{name}")
            for name, scores in _mapping(record.get("controls") or {}, "controls").items()
        },
        "onset": {level: _real(onset, level) for level in onset} if isinstance(onset, dict) else _real(record, "onset"),
        "onset_reason": _text(record.get("onset_reason")),
        "outcome": _text(record.get("outcome")),
        "facts": facts,
        "class_properties": {
            key: tuple(values)
            for key, values in _mapping(properties).items()
            if isinstance(values, list) and all(map(is_number, values))
        },
        "latents": tuple(
            _metrics(entry, "latents")
            for entry in (latents if isinstance(latents, list) else ())
            if isinstance(_mapping(entry).get("text"), str)
        ),
    }


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def seed(value: Any) -> int | None:
    known = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63
    return value if known else None


def texts(record: Any, key: str) -> tuple[str, ...]:
    require(isinstance(record, list | tuple) and len(record) <= MOST_ENTRIES, f"{key} is not a list of texts")
    return tuple(clean(str(entry), LONGEST_NAME) for entry in record)


def _cleaned(value: Any) -> Any:
    """The whole record with its texts and names cleaned."""
    if isinstance(value, dict | list):
        require(len(value) <= MOST_ENTRIES, f"it has a list or mapping of more than {MOST_ENTRIES:,} entries")
    if isinstance(value, dict):
        return {clean(name, LONGEST_NAME): _cleaned(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_cleaned(entry) for entry in value]
    return clean(value) if isinstance(value, str) else value


def _mapping(value: Any, key: str = "") -> dict[str, Any]:
    """What is no mapping is an error where it has a key, else an empty one."""
    require(isinstance(value, dict) or not key, f"{key} is not a mapping")
    return value if isinstance(value, dict) else {}


def _name(value: Any, key: str) -> str:
    require(isinstance(value, str) and bool(value), f"{key} is missing or empty")
    return clean(value, LONGEST_NAME)


def _text(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int | float) else None


def _whole(value: Any, key: str, least: int = 1) -> int:
    holds = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 2**53
    require(holds, f"{key} is {value!s:.50}: expected a whole number from {least}")
    return value


def _real(record: Mapping[str, Any], key: str, most: float = math.inf) -> float | None:
    """A number from 0 to `most`; None where there is none."""
    value = record.get(key)
    if not is_number(value):
        return None
    require(0 <= value <= most, f"{key} is {value!s:.50}: expected a number from 0 to {most:g}")
    return value


def _metrics(metrics: Any, key: str) -> dict[str, Any]:
    """Numbers, texts, and lists and mappings of them, by name."""
    require(len(_mapping(metrics, key)) <= MOST_KEYS, f"{key} has more than {MOST_KEYS:,} entries")
    for name in (*COUNTS, *(name for name in metrics if name.startswith("active_"))):
        _real(metrics, name, MOST_MODES)
    for name in SHARES:
        _real(metrics, name, 1)
    modes, missing = metrics.get("modes"), metrics.get("missing")
    if is_number(modes) and isinstance(missing, list) and not metrics.get("unjudged"):
        require(modes + len(missing) >= 1, f"{key} has no modes, neither covered nor missing")
    return metrics


def _dataset(record: Mapping[str, Any]) -> Dataset:
    sizes, shape = _mapping(record.get("sizes") or {}, "dataset.sizes"), record.get("shape") or []
    require(isinstance(shape, list), "dataset.shape is not a list")
    name, entropy = _name(record.get("name"), "dataset.name"), record.get("entropy")
    return Dataset(
        name=name,
        source=_name(record.get("source") or name, "dataset.source"),
        digest=_name(record.get("digest") or NO_DIGEST, "dataset.digest"),
        classes=texts(record.get("classes") or (), "dataset.classes"),
        sizes={split: _whole(size, "dataset.sizes", 0) for split, size in sizes.items()},
        shape=tuple(_whole(size, "dataset.shape") for size in shape),
        levels=_whole(record.get("levels") or 255, "dataset.levels"),
        entropy=entropy if is_number(entropy) else None,
        steps_per_beat=_whole(record.get("steps_per_beat") or 4, "dataset.steps_per_beat"),
        colour=record.get("colour") is True,
    )
