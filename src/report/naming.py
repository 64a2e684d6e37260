"""What runs are called in a report: names that tell them apart, labels that are short, the usual baseline."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256

from src.core.run_names import RATES, concerns, key_of, recipe_overrides
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
    """Learning rates, which tuning chooses, are no part of the name unless they alone tell runs apart."""
    own = {other.folder: recipe_overrides(other.overrides) for other in namesakes}
    unrated = {folder: [text for text in texts if not concerns(key_of(text), RATES)] for folder, texts in own.items()}
    if len({*map(frozenset, unrated.values())}) == len({*map(frozenset, own.values())}):
        own = unrated
    shared = set.intersection(*map(set, own.values()))
    words = [text for text in own[run.folder] if text not in shared and not _is_a_setting(text, namesakes)]
    return " ".join([run.name, *(text for text in words if text not in run.name.split())])


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

    Beside its recipe alone a name is called by what it adds to it: "gan gan.loss=hinge" beside "gan" is "hinge". A key
    is called by as much of its end as tells it from the others. It goes altogether unless one of its values is a
    number or a flag, which would say little alone, or two names would then be called alike.
    """
    if len(names) == 1:
        return {name: name for name in names}
    words = {name: name.split() for name in names}
    shared = set.intersection(*map(set, words.values()))
    own = {name: [word for word in parts if word not in shared] for name, parts in words.items()}
    full = own if all(own.values()) else words
    added = {name: parts[1:] if len(parts) > 1 and parts[0] in names else parts for name, parts in full.items()}
    called = (_called(parts, short) for parts, short in ((added, True), (added, False), (full, False)))
    return next(found for found in called if len({*found.values()}) == len(names))


def _called(words: Mapping[str, Sequence[str]], short: bool) -> dict[str, str]:
    """Each name's words; if `short`, values whose keys say no more than they do are without them."""
    choices = {name: [_choice(word) for word in parts] for name, parts in words.items()}
    keys = _ends({key for parts in choices.values() for key, _ in parts})
    little = {key for parts in choices.values() for key, value in parts if LITTLE.match(value)}

    def text(key: str, value: str) -> str:
        if key and (key in little or not short):
            return f"{keys[key]}={value}"
        return value if "," in value else value.strip("[]")

    return {name: " ".join(text(*choice) for choice in parts) for name, parts in choices.items()}


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
