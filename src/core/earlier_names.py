"""Present names by those that earlier versions used, from earlier_names.yaml."""

from pathlib import Path

from src.core.plain_data import read_yaml

OPTIONS, CHOICES, MODULES, CLASSES = read_yaml(Path(__file__).with_suffix(".yaml")).values()
