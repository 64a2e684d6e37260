"""What runs are called in a report: names that tell them apart, labels that are short, the usual baseline."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from hashlib import sha256

from src.core.run_names import key_of, recipe_overrides
from src.report.records import Run

LONGEST = 500  # characters of a name
LITTLE = re.compile(r"[-+.]?\d|true$|false$|null$")  # values that say little without their key


def distinguished(runs: Sequence[Run]) -> list[Run]:
    """Runs under one name that are not one recipe get names that tell them apart.

    A run's name holds only what its own sweep varied; beside runs from elsewhere that may not be enough. It gets its
    experiment's whole path, then the overrides that not all of its name have, then the settings in which it still
    differs: those of a study, those of a run that went on for longer, those of a recipe that has changed since.
    """
    for differences in (_path, _overrides, _settings):
        by_name: dict[str, list[Run]] = {}
        for run in runs:
            by_name.setdefault(run.name, []).append(run)
        runs = [replace(run, name=_shortened(differences(run, by_name[run.name]))) for run in runs]
    return runs


def _shortened(name: str) -> str:
    """A name of bearable length that is still its own."""
    return name if len(name) <= LONGEST else f"{name[:LONGEST]}…{sha256(name.encode()).hexdigest()[:8]}"


def _path(run: Run, namesakes: Sequence[Run]) -> str:
    """`quick/vae_linear` beside a `vae_linear` that is another recipe."""
    if len({other.recipe for other in namesakes}) == 1:
        return run.name
    return " ".join([run.recipe, *run.name.split(" ")[1:]])


def _overrides(run: Run, namesakes: Sequence[Run]) -> str:
    shared = set.intersection(*(set(recipe_overrides(other.overrides)) for other in namesakes))
    own = [
        text for text in recipe_overrides(run.overrides) if text not in shared and not _is_a_setting(text, namesakes)
    ]
    return " ".join([run.name, *(text for text in own if text not in run.name.split())])


def _is_a_setting(override: str, namesakes: Sequence[Run]) -> bool:
    """Whether all know its value, so that the settings tell them apart, or that it says what the others have anyway."""
    key = key_of(override).removeprefix("study.")
    return all(key in other.facts.get("settings", {}) for other in namesakes)


def _settings(run: Run, namesakes: Sequence[Run]) -> str:
    """A setting that only some have, being newer than the others, is no difference."""
    settings = [other.facts.get("settings", {}) for other in namesakes]
    own = run.facts.get("settings", {}).items()
    differing = [f"{key}={value}" for key, value in own if any(other.get(key, value) != value for other in settings)]
    return " ".join([run.name, *differing])


def labels(names: Collection[str]) -> dict[str, str]:
    """Each name without the words that all of them share: "vae vae.anneal=linear" is called "linear".

    A key is called by as much of its end as tells it from the others. Where all names have the same keys, it goes
    altogether unless one of its values is a number or a flag, which would say little alone.
    """
    if len(names) == 1:
        return {name: name for name in names}
    words = {name: name.split() for name in names}
    shared = set.intersection(*map(set, words.values()))
    own = {name: [word for word in parts if word not in shared] for name, parts in words.items()}
    choices = {name: [_choice(word) for word in parts] for name, parts in (own if all(own.values()) else words).items()}
    keys = {tuple(key for key, _ in parts) for parts in choices.values()}
    called = _ends({key for sequence in keys for key in sequence})
    if len(keys) == 1:
        for choice in zip(*choices.values(), strict=True):
            if not any(LITTLE.match(value) for _, value in choice):
                called[choice[0][0]] = ""
    return {
        name: " ".join(f"{called[key]}={value}" if called[key] else value for key, value in parts)
        for name, parts in choices.items()
    }


def _choice(word: str) -> tuple[str, str]:
    """Key and value of an override; a recipe is a value alone."""
    key, equals, value = word.partition("=")
    return (key, value) if equals else ("", word)


def _ends(keys: Collection[str]) -> dict[str, str]:
    """The shortest end of each dotted key that no other key has; all of a key with which another ends."""

    def end_of(key: str) -> str:
        parts = key.split(".")
        ends = (".".join(parts[-num:]) for num in range(1, len(parts)))
        return next((end for end in ends if sum(f".{other}".endswith(f".{end}") for other in keys) == 1), key)

    return {key: end_of(key) for key in keys}


def usual_baseline(names: Iterable[str], words: Sequence[str]) -> str:
    """The shortest name that ends in the first word that any holds, else contains it; without one the first name."""
    names = sorted(names)
    for word in words:
        holders = [name for name in names if word in name]
        if holders:
            return min(holders, key=lambda name: (not name.endswith(word), len(name)))
    return names[0]
