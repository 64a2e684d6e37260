"""What is wrong with a command line, in one line that says what to write instead."""

import re
from collections.abc import Sequence
from difflib import get_close_matches

from hydra import compose, initialize_config_dir
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig, OmegaConf

from src.cli.synonyms import DATA_SETS, usual_choice
from src.cli.unknown_options import hint, other_family
from src.core import earlier_names
from src.core.commands import CONFIGURATION
from src.core.errors import message
from src.core.run_names import key_of

LIST = "--help lists all"
HELP = f"options are given as key=value, as in experiment=gan_fm; {LIST}"
OPTION = re.compile(r"~?[^=\s]+=.*|~.+", re.DOTALL)


def explain_flag(text: str, arguments: Sequence[str]) -> str:
    """A message for a wrong flag."""
    unknown = re.match(r"unrecognized arguments: (--?([\w.-]+)\S*)", text)
    if not unknown:
        return f"{text}; {HELP}"
    flag, key = unknown[1], unknown[2].replace("-", "_")
    name, _, value = flag.partition("=")
    if not value and flag in arguments[:-1]:
        value = arguments[arguments.index(flag) + 1]
        value = "" if value.startswith("-") or "=" in value else value
    return f"{name}: options have no dashes; {spelling(key, value, arguments)}"


def check_words(words: Sequence[str]) -> None:
    """Checks that every word is a key=value, and that no choice is made twice.

    Raises:
        ValueError: one is not; with what was probably meant.
    """
    for index, word in enumerate(words):
        following = words[index + 1] if index + 1 < len(words) else ""
        if OPTION.fullmatch(word):
            if word.endswith("=") and following and "=" not in following:
                raise ValueError(f"{word} {following}: write {word}{following}, without a space")
            if word.endswith(".yaml") and (CONFIGURATION / key_of(word)).is_dir():
                raise ValueError(f"{word}: write {word.removesuffix('.yaml')}")
            continue
        given = word.strip("=:, ")
        if following.startswith("=") and len(words) > index + 1:
            value = following.strip("=") or (words[index + 2] if index + 2 < len(words) else "VALUE")
            raise ValueError(f"{word} {following}: {spelling(given, value, words)}, without spaces")
        if index and words[index - 1].endswith(","):
            raise ValueError(f"{words[index - 1]} {word}: write {words[index - 1]}{word}, without a space")
        key, colon, value = given.partition(":")
        if colon and value:
            raise ValueError(f"{word}: {spelling(key, value, words)}")
        if following and "=" not in following and not (exact_choices(given) and exact_choices(following)):
            raise ValueError(f"{word} {following}: {spelling(given, following, words)}")
        if meant := choices(given):
            raise ValueError(f"{word}: write {' or '.join(meant)}")
        raise ValueError(f"{word}: {HELP}")
    given: dict[str, str] = {}
    for word in words:
        key, first = key_of(word), given.setdefault(key_of(word), word)
        if key in ("experiment", "study") and first != word:
            values = ",".join(each.partition("=")[2] for each in (first, word))
            raise ValueError(f"{first} {word}: give {key}= once; -m {key}={values} runs one after another")


def replaced(words: Sequence[str]) -> list[str]:
    """Notes on options that later ones of the same name replace."""
    last = {key_of(word): word for word in words if not word.startswith("~")}
    first = [word for word in words if not word.startswith("~") and last[key_of(word)] != word]
    return [f"{word} is not used: {last[key_of(word)]} comes later" for word in first]


def spelling(key: str, value: str, words: Sequence[str]) -> str:
    """What to write for an option that was given in another form, as in `--epochs 3` or `epochs 3`.

    Args:
        words: the command's, of which those that choose the model say which options there are.
    """
    if (CONFIGURATION / key).is_dir():
        near = [] if value in _options(key) else similar_choices(key, value, _options(key))
        return f"write {_as_options(key, near[:1] or [value or 'VALUE'])}"
    models = [word for word in words if key_of(word) in ("experiment", "model") and OPTION.fullmatch(word)]
    with initialize_config_dir(version_base="1.3", config_dir=str(CONFIGURATION)):
        try:
            config = compose("train", models)
        except HydraException:  # which is another error of this command
            config = compose("train")
    if key and OmegaConf.select(config, key, default=OmegaConf) is not OmegaConf:
        return f"write {key}={value or 'VALUE'}"
    return f"there is no option {key}{_instead(key, config, value)}"


def _instead(key: str, config: DictConfig, value: str) -> str:
    """The end of a message: what to use instead of an unknown option, which may be a choice's name."""
    meant = hint(key, config, value)
    group = re.fullmatch(r"; use ([\w.]+)=\[?([\w-]+)\]?", meant)
    if group and (CONFIGURATION / group[1]).is_dir() and group[2] not in _options(group[1]):
        near = similar_choices(group[1], group[2], _options(group[1]))
        return f"; use {_as_options(group[1], near[:1])}" if near else meant
    named = choices(key.rpartition(".")[2])
    return meant or (f"; did you mean {' or '.join(named)}?" if named else f"; {LIST}")


def choices(word: str) -> list[str]:
    """`group=choice` for all choices of this name, or else for those whose name elsewhere it is."""
    known = [DATA_SETS[word.lower()]] if word.lower() in DATA_SETS else []
    similar = [f"{group}={choice}" for group, choice in _files() if usual_choice(choice) == usual_choice(word)]
    return exact_choices(word) or known or similar[:3]


def exact_choices(word: str) -> list[str]:
    """`group=choice` for all choices of this name, which may be that of their file."""
    names = (word, word.rpartition("/")[2].removesuffix(".yaml"))
    return [f"{group}={choice}" for group, choice in _files() if choice in names]


def _files() -> list[tuple[str, str]]:
    files = sorted(path.relative_to(CONFIGURATION) for path in CONFIGURATION.glob("*/**/*.yaml"))
    split = [(path.parts[0], path.relative_to(path.parts[0]).with_suffix("").as_posix()) for path in files]
    return [(group, choice) for group, choice in split if group != "hydra"]


def similar_choices(group: str, chosen: str, options: Sequence[str]) -> list[str]:
    """What may be meant by a choice that a group lacks: choices of the group, or options as `group=choice`."""
    if group == "data" and chosen.lower() in DATA_SETS:
        return [DATA_SETS[chosen.lower()]]
    same = [option for option in options if usual_choice(option) == usual_choice(chosen)]
    return same or choices(chosen) or get_close_matches(chosen.lower(), options, 1)


def _as_options(group: str, near: Sequence[str]) -> str:
    return " or ".join(choice if "=" in choice else f"{group}={choice}" for choice in near)


def _options(group: str) -> list[str]:
    return sorted(path.stem for path in (CONFIGURATION / group).glob("*.yaml"))


def explain(error: Exception) -> str:
    """Hydra's error about an option in one line, with the most similar option that exists."""
    text = str(error)
    unknown = re.match(r"Could not (?:override|delete from config\.) '([^']+)'", text)
    root = getattr(error.__cause__, "parent_node", None)
    if unknown and root is not None:
        given = _overriding(text, unknown[1])
        key, _, value = given.partition("=")
        missing = getattr(error.__cause__, "full_key", key) or key
        return f"{given}: there is no option {missing}{_instead(key, root._get_root(), value)}"
    missing_choice = re.search(r"Could not (?:find|load) '([^']*)'", text)
    if isinstance(error, MissingConfigException) and missing_choice:
        group, _, chosen = missing_choice[1].rpartition("/")
        options = error.options or _options(group)
        if f"{group}={chosen}" in earlier_names.CHOICES:
            return f"{group}={chosen}: it is now called {earlier_names.CHOICES[f'{group}={chosen}']}"
        near = [f"glob({chosen}), with -m"] if "*" in chosen else similar_choices(group, chosen, options)
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        return f"{group}={chosen}: there is no such choice in {group}; {meant}choose {', '.join(options)}"
    if unknown and "No match in the defaults list" in text:
        group = unknown[1].partition("@")[0]
        family = "gan" if group == "evaluator.rejection" else group.partition(".")[0]
        return f"{group}: {other_family(family)}" if "." in group else message(error)
    twice = re.match(r"Multiple values for ([\w./]+)", text)
    if twice:
        return f"{twice[1]}: it has a value already; leave out the + before {twice[1]}="
    several = re.match(r"(Ambiguous value for argument|Sweep parameters) '([^']+)'", text)
    if several:
        key, _, values = several[2].partition("=")
        listed = f"; where one run takes several, write {key}=[{values}]" if several[1].startswith("Amb") else ""
        return f"{several[2]}: add -m to run one after another{listed}"
    said = message(error).partition(" See https://hydra.cc")[0]
    given = getattr(error, "override", None)  # of what cannot be parsed
    return f"{given}: {said}" if given and given not in said else said


def _overriding(text: str, key: str) -> str:
    given = re.search(r"To append to your config use \+(.+)", text)
    return given[1] if given else key
