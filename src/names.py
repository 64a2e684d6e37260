"""What runs are called, in results, reports and on disk."""

import re
from collections.abc import Sequence

NOT_PART_OF_A_NAME = ("experiment", "study", "seed", "resume", "cache", "data.root", "accelerator", "trainer", "hydra")


def run_name(experiment: str | None, overrides: Sequence[str]) -> str:
    """The recipe with its swept choices, without the seed: `gan_fm gan.discriminator.width=8`."""
    chosen = [o for o in overrides if not _concerns(o, NOT_PART_OF_A_NAME)]
    return " ".join([*([experiment] if experiment else []), *chosen]) or "default"


def _concerns(override: str, keys: Sequence[str]) -> bool:
    key = override.partition("=")[0].lstrip("+~")
    return any(key == name or key.startswith((f"{name}.", f"{name}/")) for name in keys)


def folder_name(name: str) -> str:
    """A name as a path component: no surprising characters, not too long."""
    return re.sub(r"[^\w.,=+-]+", "_", name).replace("=", "-")[:100]
