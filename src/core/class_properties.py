"""How the properties of classes are called that `src/evaluation/class_statistics.py` measures on real data."""

from dataclasses import dataclass
from pathlib import Path

from src.core.plain_data import read_yaml


@dataclass(frozen=True)
class Property:
    """How a property is called, its unit, and what is true of a class that has more of it, or less."""

    label: str
    unit: str
    more: str
    less: str


PROPERTIES = {key: Property(*texts) for key, texts in read_yaml(Path(__file__).with_suffix(".yaml")).items()}


def property_named(key: str) -> Property:
    """The known property, or a plain one under the key's own name."""
    label = key.replace("_", " ")
    return PROPERTIES.get(key) or Property(label, "", f"have more {label}", f"have less {label}")
