"""Packages that only some choices need."""

from importlib import import_module
from types import ModuleType


def required(package: str, extra: str) -> ModuleType:
    """The package, imported when it is needed: Hydra imports every plug-in each time it starts.

    Raises:
        ValueError: it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError:
        raise ValueError(f"{package} is not installed: pip install -e '.[{extra}]'") from None
