"""Messages for options that do not exist."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from hydra.core.override_parser.types import Override
from hydra.utils import get_object
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from src.cli.synonyms import ENDINGS, OPTIONS
from src.cli.trainer_options import TEXTS
from src.core import earlier_names
from src.core.argument_types import parameters_of
from src.core.validation import BY_NAME

HYDRAS_OWN = ("_target_", "_partial_", "_convert_", "_recursive_", "_args_")
FREE = ("hydra.job", "hydra.callbacks", "hydra.job_logging", "hydra.hydra_logging", "hydra.help", "hydra.hydra_help")


def check_added_options(defined: DictConfig, config: DictConfig, added: Sequence[Override]) -> None:
    """Checks that something reads each option added with `+`.

    Args:
        defined: what the chosen files define, without these options.
        config: with them.
        added: overrides that begin with `+`.

    Raises:
        ValueError: nothing does; with the nearest option that exists.
    """
    text = OmegaConf.to_yaml(config, resolve=False)
    for override in added:
        key = override.key_or_group
        if f"${{{key}" not in text and not is_read(defined, config, key):
            given = override.input_line.partition("=")[2]
            raise ValueError(f"{override.input_line}: nothing reads {key}{hint(key, defined, given)}")


def check_classes(overrides: Sequence[Override]) -> None:
    """Checks that each given `_target_` can be imported. Raises: ValueError: one cannot; with the reason."""
    for override in overrides:
        value = None if override.is_delete() or override.is_sweep_override() else override.value()
        target = value.get("_target_") if isinstance(value, dict) else value
        if target and (isinstance(value, dict) or override.key_or_group.endswith("._target_")):
            try:
                get_object(str(target))
            except (ImportError, ValueError) as error:
                reason = str(error.__cause__ or error).partition("\n")[0]
                raise ValueError(f"{override.input_line}: there is no {target} ({reason})") from error


def is_read(defined: DictConfig, config: DictConfig, key: str) -> bool:
    """Whether anything reads an option; arguments as in `check_added_options`.

    Below a `_target_` it must be an argument of that class. A new entry beside classes, as in `callbacks` or
    `gan.tricks`, must name a class itself.
    """
    path = key.split(".")
    argument = False
    for depth, name in enumerate(path):
        try:
            node = OmegaConf.select(config, ".".join(path[:depth])) if depth else config
        except OmegaConfBaseException:
            return True  # it depends on what is not known yet
        if not OmegaConf.is_dict(node):
            return True
        if "_target_" in node:
            argument = True
            known, takes_any = parameters_of(node)
            if name in HYDRAS_OWN or takes_any or _is_read_of_own(".".join(path), node):
                return True
            if name not in known:
                return False
        elif not _has(defined, path[: depth + 1]):
            beside = [entry for other, entry in _dicts(node) if other != name]
            if ".".join(path[:depth]) in BY_NAME or (beside and all("_target_" in entry for entry in beside)):
                if "_target_" not in dict(_dicts(node)).get(name, {}):
                    return False
            elif not argument:
                return any(f"{key}.".startswith(f"{free}.") for free in FREE)
    return True


def check_own_options(config: DictConfig, overrides: Sequence[Override]) -> None:
    """Checks that classes from outside this project take the options that the command gives them.

    Options of the file in conf/ whose class they replace are left out where they do not take them.

    Raises:
        ValueError: one does not take a given option.
    """
    for override in overrides:
        parent, _, name = override.key_or_group.rpartition(".")
        node = OmegaConf.select(config, parent, throw_on_missing=False) if parent and not override.is_delete() else None
        if not OmegaConf.is_dict(node) or "_target_" not in node or not _is_own(node) or name in HYDRAS_OWN:
            continue
        known, takes_any = parameters_of(node)
        if not takes_any and name not in known and not _is_read_of_own(override.key_or_group, node):
            raise ValueError(f"{override.input_line}: {node._target_} takes no {name}")


def _is_own(node: DictConfig) -> bool:
    return not str(node._target_).startswith(("src.", "torch.", "lightning."))


def _is_read_of_own(key: str, node: DictConfig) -> bool:
    """Whether an option of a class from outside is read by this project rather than by the class."""
    return key in ("gan.generator.z", "gan.discriminator.features") and _is_own(node)


def hint(key: str, config: DictConfig, value: str = "") -> str:
    """The end of a message: what to use instead of an unknown option; empty if nothing is similar."""
    known = list(_keys(config))
    family, last = key.partition(".")[0], key.rpartition(".")[2].lower()
    if family in ("gan", "vae") and family not in config:
        return f"; {other_family(family)}"
    if key in earlier_names.OPTIONS:
        return f"; its name is now {earlier_names.OPTIONS[key]}"
    if family == "hydra":
        return "; hydra/launcher= and hydra/sweeper= choose whose options there are" if key.count(".") > 1 else ""
    if last in ENDINGS:
        near = [f"{name}={value}" for name in known if name.endswith(tuple(ENDINGS[last].split()))]
        return f"; use {' and '.join(near)}" if near else ""
    word = get_close_matches(last, OPTIONS, 1, 0.9 if family in (key, "trainer") else 1.0)
    if word:
        return f"; {OPTIONS[word[0]].format(value=value, **TEXTS)}"
    near = [name for name in known if name.endswith(f".{key}")] or get_close_matches(key, known, 3, 0.85)
    if not near:
        ends = {name.rpartition(".")[2]: name for name in reversed(known)}
        near = [ends[end] for end in get_close_matches(last, list(ends), 2, 0.8)]
    return f"; did you mean {' or '.join(near[:4])}?" if near else ""


def other_family(family: str) -> str:
    """What to do about an option of the model that the command does not have."""
    present = "vae" if family == "gan" else "gan"
    return f"the model here is model={present}; add model={family}, or choose an experiment of that kind"


def _has(config: DictConfig, path: Sequence[str]) -> bool:
    node = config
    for name in path:
        if not OmegaConf.is_dict(node) or name not in node:
            return False
        node = node._get_node(name)
    return True


def _dicts(node: DictConfig) -> Iterator[tuple[str, DictConfig]]:
    """The entries of a node that are nodes themselves, without those that only point to others."""
    for name in node:
        entry = node._get_node(name)
        if OmegaConf.is_dict(entry) and not entry._is_none() and not entry._is_interpolation():
            yield name, entry


def _keys(node: DictConfig, prefix: str = "") -> Iterator[str]:
    """Dotted keys of everything that can be set, without Hydra's own."""
    yield from (f"{prefix}{name}" for name in node if name not in ("hydra", *HYDRAS_OWN))
    for name, entry in _dicts(node):
        if name != "hydra":
            yield from _keys(entry, f"{prefix}{name}.")
