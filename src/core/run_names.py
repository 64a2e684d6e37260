"""Names of runs in results, reports and on disk."""

import re
from collections.abc import Collection, Sequence
from hashlib import sha256
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from src.core.interpolation import resolved
from src.core.plain_data import read_yaml

LONGEST = 20_000  # characters of a sweep's overrides, which take long to parse
PRUNED = "pruned"  # how the error begins of a run that was interrupted because a search gave it up
# Where and on what a run runs: nothing of it changes what is trained.
WHERE = ("cache", "data.root", "data.resident", "accelerator", "trainer", "logger", "study.mps", "hydra")
WITHOUT_BAR = ("callbacks=no_progress", "~callbacks.progress")  # which changes nothing of that either
TUNING_FOLDER = "tuning"  # in a sweep's folder: the trials that chose its learning rates
TUNING = ("study.tune", "study.tune_seeds", "study.tune_budget", "study.tune_rates", "study.tune_beta1")
# Of a sweep's runs; its budget is part of each of them, and so are the rates that were chosen.
HOW_MANY = ("study.seeds", "study.resume", "study.dry_run", *TUNING)
OPTIMIZERS = ("gan.generator_optimizer", "gan.discriminator_optimizer")
TWO_TIME_SCALE = "gan.tricks.two_time_scale"
RATES = (*(f"{o}.{key}" for o in OPTIMIZERS for key in ("lr", "betas")), TWO_TIME_SCALE, "vae.optimizer.lr")  # tuned
NOT_PART_OF_A_NAME = ("experiment", "seed", "resume", "study.primary", *HOW_MANY, *WHERE)


def run_name(recipe: str, overrides: Sequence[str] = (), swept: Collection[str] = ()) -> str:
    """Recipe with swept choices, without folder and seed: `gan_fm gan.discriminator.width=8`."""
    choices = set(swept) - {"experiment", "seed"}
    return " ".join([recipe.rpartition("/")[2], *(override for override in overrides if key_of(override) in choices)])


def job_folder(recipe: str, overrides: Sequence[str], swept: Collection[str]) -> str:
    """A job's folder in its sweep's: its name and seed, as in `gan_fm_seed-0`."""
    seed = [override for override in overrides if key_of(override) == "seed"]
    return folder_name(" ".join([run_name(recipe, overrides, swept), *seed]))


def recipe_overrides(overrides: Sequence[str]) -> list[str]:
    """The overrides that change what is trained, not with which seed, where, or on what machine."""
    return [
        text
        for text in overrides
        if text not in WITHOUT_BAR and (key := key_of(text)) != "study" and not concerns(key, NOT_PART_OF_A_NAME)
    ]


def swept_keys(sweep: Path) -> set[str]:
    """The keys that take several values in a sweep, read from the multirun.yaml in its folder, if it is one.

    Raises:
        ValueError: the file, which may be a stranger's, is damaged.
    """
    path = sweep / "multirun.yaml"
    if not path.is_file():
        return set()
    tree = read_yaml(path)
    try:
        overrides, params = tree["hydra"]["overrides"]["task"], tree["hydra"]["sweeper"]["params"] or {}
        swept = [*overrides, *(f"{key}={resolved(value, tree)}" for key, value in params.items())]
        if sum(map(len, swept)) > LONGEST:
            raise ValueError(f"its overrides are longer than {LONGEST:,} characters")
        parsed = OverridesParser.create().parse_overrides(swept)
    except (LookupError, TypeError, AttributeError, RecursionError, HydraException) as damage:
        raise ValueError(f"{path}: {type(damage).__name__}: {damage}") from damage
    return {override.key_or_group for override in parsed if override.is_sweep_override()}


def key_of(override: str) -> str:
    return override.partition("=")[0].lstrip("+~")


def value_of(key: str, overrides: Sequence[str], otherwise: str = "") -> str:
    """The value that the first override of a key gives it."""
    return next((text.partition("=")[2] for text in overrides if key_of(text) == key), otherwise)


def concerns(key: str, names: Sequence[str]) -> bool:
    """Whether a key is one of the names, or below one of them."""
    return any(key == name or key.startswith((f"{name}.", f"{name}/")) for name in names)


def folder_name(name: str) -> str:
    """A name as a path component: safe characters, limited length, unique also when shortened."""
    plain = re.sub(r"[^\w.=+-]+", "_", name).replace("=", "-")
    return plain if len(plain) <= 100 else f"{plain[:91]}-{sha256(name.encode()).hexdigest()[:8]}"
