"""Reads results.json into the fields of a run; one with impossible values raises ValueError: the run is damaged."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from src.core.dataset import Dataset
from src.core.plain_data import clean, is_number
from src.core.run_names import PRUNED

MOST_ENTRIES = 20_000  # of a list or a mapping
MOST_KEYS = 1_000  # of metrics
LONGEST_NAME = 300  # characters
MOST_MODES = 10_000_000
NO_DIGEST = "none"
COUNTS = ("modes", "modes_any", "num_samples", "num_held_out", "importance_samples")
SHARES = ("recognisable", "validity", "style_accuracy", "top_share", "oracle_accuracy", "oracle_accuracy_k")


def fields(record: Any) -> dict[str, Any]:
    """Of `records.Run`, checked; of what is not readable and not essential nothing is left."""
    require(isinstance(record, dict), "it is not a mapping")
    status, name, model = (_name(record.get(key), key) for key in ("status", "name", "model"))
    facts = {key: _text(record.get(key)) for key in ("device", "precision", "git", "oracle", "oracle_weak")}
    for key in ("images_seen", "generator_steps", "train_seconds", "images_per_second"):
        facts[key] = _real(record.get(key), key, least=0)
    facts["oracle_accuracy"] = _real(record.get("oracle_accuracy"), "oracle_accuracy", least=0, most=1)
    versions, onset = record.get("versions"), record.get("onset")
    facts["versions"] = _mapping(versions, "versions", lambda v, _: clean(str(v), 100)) if _is_dict(versions) else None
    return {
        "status": PRUNED if str(record.get("error")).startswith(PRUNED) else status,
        "name": name,
        "model": model,
        "seed": seed(record.get("seed")),
        "error": None if record.get("error") is None else clean(str(record["error"])),
        "dataset": _dataset(record.get("dataset")),
        "metrics": _metrics(record.get("metrics") or {}, "metrics"),
        "controls": _mapping(record.get("controls") or {}, "controls", _metrics),
        "onset": _mapping(onset, "onset", _positive) if _is_dict(onset) else _positive(onset, "onset"),
        "onset_reason": _text(record.get("onset_reason")),
        "outcome": _text(record.get("outcome")),
        "facts": facts,
        "class_properties": _properties(record.get("class_properties")),
        "latents": _latents(record.get("latents")),
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


def _is_dict(record: Any) -> bool:
    return isinstance(record, dict)


def _name(value: Any, key: str) -> str:
    require(isinstance(value, str), f"{key} is missing")
    require(bool(text := clean(value, LONGEST_NAME)), f"{key} is empty")
    return text


def _text(value: Any) -> str | None:
    return clean(str(value)) if isinstance(value, str | int | float) else None


def _whole(value: Any, key: str, least: int = 0) -> int:
    holds = isinstance(value, int) and not isinstance(value, bool) and least <= value <= 2**53
    require(holds, f"{key} is {clean(str(value), 50)}: expected a whole number from {least}")
    return value


def _real(value: Any, key: str, least: float = -math.inf, most: float = math.inf) -> float | None:
    """A number within limits; None where there is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    shown = clean(str(value), 50)
    require(least <= value <= most, f"{key} is {shown}: expected a number from {least:g} to {most:g}")
    return value


def _positive(value: Any, key: str) -> float | None:
    return _real(value, key, least=0)


def _mapping(record: Any, key: str, check: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Each entry checked."""
    require(_is_dict(record), f"{key} is not a mapping")
    require(len(record) <= MOST_KEYS, f"{key} has more than {MOST_KEYS:,} entries")
    return {clean(name, LONGEST_NAME): check(value, f"{key}.{clean(name, 50)}") for name, value in record.items()}


def _metrics(record: Any, key: str) -> dict[str, Any]:
    """Numbers, texts, and lists and mappings of them, by name."""
    metrics = _mapping(record, key, _plain)
    for count in (*COUNTS, *(key for key in metrics if key.startswith("active_"))):
        _real(metrics.get(count), f"{key}.{count}", least=0, most=MOST_MODES)
    for share in SHARES:
        _real(metrics.get(share), f"{key}.{share}", least=0, most=1)
    modes, missing = metrics.get("modes"), metrics.get("missing")
    if _real(modes, f"{key}.modes") is not None and isinstance(missing, list) and not metrics.get("unjudged"):
        require(modes + len(missing) >= 1, f"{key} has no modes, neither covered nor missing")
    return metrics


def _plain(value: Any, key: str) -> Any:
    if isinstance(value, dict | list):
        require(len(value) <= MOST_ENTRIES, f"{key} has more than {MOST_ENTRIES:,} entries")
    if isinstance(value, dict):
        return {clean(name, LONGEST_NAME): _plain(entry, key) for name, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry, key) for entry in value]
    return clean(value) if isinstance(value, str) else value


def _dataset(record: Any) -> Dataset | None:
    if record is None:
        return None
    require(_is_dict(record), "dataset is not a mapping")
    name, shape = _name(record["name"], "dataset.name"), record.get("shape") or []
    require(isinstance(shape, list), "dataset.shape is not a list")
    return Dataset(
        name=name,
        source=_name(record.get("source") or name, "dataset.source"),
        digest=_name(record.get("digest") or NO_DIGEST, "dataset.digest"),
        classes=texts(record.get("classes") or (), "dataset.classes"),
        sizes=_mapping(record.get("sizes") or {}, "dataset.sizes", _whole),
        shape=tuple(_whole(size, "dataset.shape", 1) for size in shape),
        levels=_whole(record.get("levels") or 255, "dataset.levels", 1),
        entropy=_real(record.get("entropy"), "dataset.entropy"),
        steps_per_beat=_whole(record.get("steps_per_beat") or 4, "dataset.steps_per_beat", 1),
        colour=record.get("colour") is True,
    )


def _properties(record: Any) -> dict[str, tuple[float, ...]]:
    """Properties that have a number for every class; the others are left out."""
    return {
        clean(key, LONGEST_NAME): tuple(values)
        for key, values in (record.items() if _is_dict(record) else ())
        if isinstance(values, list) and all(map(is_number, values))
    }


def _latents(record: Any) -> tuple[Mapping[str, Any], ...]:
    """What is said of each dimension; entries without a text are left out."""
    entries = record if isinstance(record, list) else ()
    return tuple(_metrics(e, "latents") for e in entries if _is_dict(e) and isinstance(e.get("text"), str))
