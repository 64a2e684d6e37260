"""Present names by those that earlier versions used, from earlier_names.yaml."""

from pathlib import Path

from src.core.plain_data import read_yaml

NAMES = read_yaml(Path(__file__).with_suffix(".yaml"))
OPTIONS, CHOICES, MODULES, CLASSES = (NAMES[kind] for kind in ("options", "choices", "modules", "classes"))
