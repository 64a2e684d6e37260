"""Commands as typed and as printed in messages: quoting of paths for Hydra and the shell, and resuming a sweep."""

import re
import shlex
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import OmegaConf

from src.core import earlier_names
from src.core.files import shell_expanded
from src.core.plain_data import read_yaml
from src.core.run_names import concerns, key_of, value_of

CONFIGURATION = Path(__file__).resolve().parents[2] / "conf"
# Keys whose value is the path of one file or folder.
FOLDERS = ("resume", "study.resume", "hydra.run.dir", "hydra.sweep.dir")
PATHS = (
    *FOLDERS,
    "cache",
    *(f"data.{key}" for key in ("root", "path", "images", "labels", "test_images", "test_labels")),
    *("data.label", "data.background"),  # no paths, but {label}_* and #ffffff are not for Hydra's grammar either
)
UNLISTED = ("gan.discriminator.features",)  # options of networks of one's own, which no file in conf/ has
PLAIN = re.compile(r"(?=.*/|[A-Za-z_])[A-Za-z0-9_./+-]+")  # the same text to Hydra with and without quotes
DOUBLE_QUOTED = re.compile(r'["$`\\!]')  # what double quotes do not take from the shell
RESERVED = ("true", "false", "null", "inf", "nan")
LAUNCHING = ("hydra/launcher", "hydra.launcher", "hydra/sweeper", "hydra.sweeper")  # recorded choices of Hydra's own
HARMLESS = (
    "hydra/launcher",
    "hydra/sweeper",
    *(f"hydra.launcher.{key}" for key in ("n_jobs", "num_cpus", "num_gpus", "time", "mem", "array_parallelism")),
    *(f"hydra.launcher.{key}" for key in ("partition", "account", "cpus_per_task", "gpus_per_node")),
    *(f"hydra.sweeper.{key}" for key in ("trials", "at_once", "seeds", "objective")),
)
LOCAL_LOGGERS = {"tensorboard", "csv"}  # which send nothing anywhere
FOREIGN = re.compile(r"[{$@]|_target_|\.(folder|save_dir|default_root_dir)\b")  # builds or writes what conf/ does not


def override(key: str, value: str | Path) -> str:
    """`key=value`, quoted where Hydra's grammar needs it, so that Hydra reads the same value back."""
    return f"{key}={_quoted(str(value))}"


def _quoted(text: str) -> str:
    if PLAIN.fullmatch(text) and text.lower() not in RESERVED:
        return text
    text = re.sub(r"(\\*)\$\{", r"\1\1\\${", text)  # OmegaConf would look up what is in braces
    text = re.sub(r"(\\*)'", r"\1\1\\'", text)
    text = re.sub(r"(\\+)$", r"\1\1", text)
    return f"'{text}'"


def command(*words: str) -> str:
    """A command of src.train, quoted for a POSIX shell."""
    return " ".join(["python -m src.train", *map(_for_shell, words)])


def _for_shell(word: str) -> str:
    """Quotes a word as `key="…"` where possible, else as shlex does."""
    key, equals, value = word.partition("=")
    if shlex.quote(word) == word:
        return word
    if shlex.quote(key) != key or DOUBLE_QUOTED.search(value):
        return shlex.quote(word)
    return f'{key}{equals}"{value}"'


def prepare_arguments(words: Sequence[str]) -> list[str]:
    """Quotes the words of a command for Hydra's grammar.

    In paths `~` is the home folder, and signs that mean something to Hydra's grammar (umlauts, spaces, `=`, commas …)
    are quoted. `study.resume=FOLDER` brings along the choices that the sweep in FOLDER was started with. A choice among
    those of a study becomes a sweep of one value: it may belong to another model than the command's.

    Raises:
        ValueError: `study.resume` names a folder without a sweep, or with one that needs its whole command.
    """
    words = [f"++{word}" if word.startswith(tuple(f"{key}=" for key in UNLISTED)) else word for word in words]
    words = _with_recorded_choices([_path_override(word) if key_of(word) in PATHS else word for word in words])
    keys = _swept_by_study(words)
    return [_as_sweep(word) if word.partition("=")[0] in keys else word for word in words]


def _swept_by_study(words: Sequence[str]) -> set[str]:
    """The model's and the evaluation's keys that the command's study, if it is one of conf/, has choices of."""
    path = CONFIGURATION / "study" / f"{value_of('study', words)}.yaml"
    if not path.is_file():
        return set()
    sweeper = OmegaConf.select(OmegaConf.create(read_yaml(path) or {}), "hydra.sweeper") or {}
    return {key for part in (sweeper.get("params", {}), *sweeper.get("parts", ())) for key in part if "." in key}


def _as_sweep(word: str) -> str:
    key, _, value = word.partition("=")
    with suppress(HydraException):  # which Hydra raises again
        if value and not OverridesParser.create().parse_override(word).is_sweep_override():
            return f"{key}=choice({value})"
    return word


def resuming_sweep(folder: Path, given: Sequence[str], of_hydra: Sequence[str]) -> str:
    """The command that resumes a sweep; repeats only choices that the sweep's record lacks or may not provide.

    Args:
        given: the overrides that the sweep was started with this time.
        of_hydra: those of Hydra's own keys.
    """
    recorded = {*_recorded(folder)}
    kept = [word for word in [*given, *_launching(of_hydra)] if word not in recorded or _is_foreign(word)]
    more = [word for word in kept if key_of(word) not in ("study.resume", "hydra.sweep.dir")]
    return command(override("study.resume", folder), *more)


def _path_override(word: str) -> str:
    key, equals, value = word.partition("=")
    if not equals or not value or value in ("null", "???"):
        return word
    text, literal = _parsed(word), shell_expanded(value)
    if value[0] in "'\"" and text is not None:  # quoted for Hydra already
        return override(key, shell_expanded(text)) if text.startswith("~") else word
    if "${" in value or text == literal or (text and Path(text).exists() and not Path(literal).exists()):
        return f"{key}={literal}"
    parts = [shell_expanded(part) for part in value.split(",")]
    if key_of(key) not in FOLDERS and len(parts) > 1 and not Path(literal).exists():  # a sweep over several
        return f"{key}={','.join(map(_quoted, parts))}"
    return override(key, literal)


def _parsed(word: str) -> str | None:
    """The text that Hydra reads from an override; None if it is not a single text."""
    try:
        value = OverridesParser.create().parse_override(word).value()
    except HydraException:
        return None
    return str(value) if isinstance(value, str) else None


def _with_recorded_choices(words: list[str]) -> list[str]:
    chosen = [word for word in words if key_of(word) == "study.resume" and _parsed(word)]
    if not chosen:
        return words
    folder = Path(_parsed(chosen[-1]) or "")
    given = {key_of(word) for word in words}
    if not (folder / "multirun.yaml").is_file():
        raise ValueError(f"study.resume={folder}: no sweep was started there, it has no multirun.yaml")
    missing = [word for word in _recorded(folder) if key_of(word) not in given]
    foreign = [word for word in missing if _is_foreign(word)]
    if foreign:
        raise ValueError(
            f"study.resume={folder}: the sweep was started with {foreign[0]}, which is not taken from a record; "
            "give the same command again, with study.resume= beside it"
        )
    multirun = [] if {"-m", "--multirun"} & {*words} else ["-m"]
    return [*multirun, *missing, *words]


def _recorded(folder: Path) -> list[str]:
    """The overrides with which the sweep in a folder was first started; none without a record."""
    path = folder / "multirun.yaml"
    if not path.is_file():
        return []
    try:
        overrides = read_yaml(path)["hydra"]["overrides"]
        words = [str(word) for word in [*overrides["task"], *_launching(overrides["hydra"])]]
        listed = [earlier_names.CHOICES.get(word, word) for word in words]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} is damaged: {' '.join(str(error).split())}") from error
    return [word for word in listed if key_of(word) not in ("study.resume", "study.dry_run")]


def _launching(overrides: Iterable[Any]) -> list[str]:
    return [str(word) for word in overrides if concerns(key_of(str(word)), LAUNCHING)]


def _is_foreign(word: str) -> bool:
    """Whether a recorded override could build or read anything outside this project's configuration."""
    key, value = key_of(word), word.partition("=")[2]
    if word.startswith("-") or (key.startswith("hydra") and key not in HARMLESS) or FOREIGN.search(word):
        return True
    if concerns(key, ("logger",)):
        return key != "logger" or not {*re.findall(r"\w+", value)} <= LOCAL_LOGGERS
    return (CONFIGURATION / key).is_dir() and (".." in value or value.startswith("/"))
