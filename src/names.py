"""What runs are called, in results, reports and on disk."""

import re
from collections.abc import Collection, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

NOT_PART_OF_A_NAME = ("experiment", "study", "seed", "resume", "cache", "data.root", "accelerator", "trainer", "hydra")


def run_name(recipe: str, overrides: Sequence[str] = (), swept: Collection[str] = ()) -> str:
    """The recipe with its swept choices, without folder and seed: `gan_fm gan.discriminator.width=8`."""
    chosen = [override for override in recipe_overrides(overrides) if key_of(override) in swept]
    return " ".join([recipe.rpartition("/")[2], *chosen])


def recipe_overrides(overrides: Sequence[str]) -> list[str]:
    """The overrides that change what is trained, not with which seed, where, or on what machine."""
    return [override for override in overrides if not _concerns(key_of(override), NOT_PART_OF_A_NAME)]


def swept_keys(sweep: Path) -> set[str]:
    """The keys that take several values in a sweep, read from the multirun.yaml in its folder, if it is one."""
    path = sweep / "multirun.yaml"
    if not path.is_file():
        return set()
    hydra = OmegaConf.load(path).hydra
    swept = [*hydra.overrides.task, *(f"{key}={value}" for key, value in (hydra.sweeper.params or {}).items())]
    parsed = OverridesParser.create().parse_overrides(swept)
    return {override.key_or_group for override in parsed if override.is_sweep_override()}


def key_of(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def _concerns(key: str, names: Sequence[str]) -> bool:
    return any(key == name or key.startswith((f"{name}.", f"{name}/")) for name in names)


def folder_name(name: str) -> str:
    """A name as a path component: no surprising characters, not too long."""
    return re.sub(r"[^\w.=+-]+", "_", name).replace("=", "-")[:100]
