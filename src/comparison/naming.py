"""What runs are called in a report: names that tell them apart, labels that are short, the usual baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from src.comparison.records import Run
from src.names import key_of, recipe_overrides


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """Runs under one name that are not one recipe get names that tell them apart.

    A run's name holds only what its own sweep varied; beside runs from elsewhere that may not be enough. It gets its
    experiment's whole path, then the overrides that not all of its name were told, then the settings in which it still
    differs: those of a study, those of a run that went on for longer, those of a recipe that has changed since.
    """
    for differences in (_path, _overrides, _settings):
        by_name: dict[str, list[Run]] = {}
        for run in runs:
            by_name.setdefault(run.name, []).append(run)
        runs = [replace(run, name=differences(run, by_name[run.name])) for run in runs]
    return runs


def _path(run: Run, namesakes: Sequence[Run]) -> str:
    """`quick/vae_linear` beside a `vae_linear` that is another recipe."""
    if len({_experiment(other) for other in namesakes}) == 1:
        return run.name
    _, *choices = run.name.split(" ")
    return " ".join([_experiment(run), *choices])


def _experiment(run: Run) -> str:
    chosen = (text.partition("=")[2] for text in run.overrides if key_of(text) == "experiment")
    return next(chosen, run.name.partition(" ")[0])


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


def labels(names: Iterable[str]) -> dict[str, str]:
    """Each name without the words that all of them share: "vae vae.anneal=linear" is called "linear".

    A key goes too where every name has just that one key left and no value is a number, which would say little alone.
    """
    words = {name: name.split() for name in names}
    shared = set.intersection(*map(set, words.values()))
    own = {name: [word for word in parts if word not in shared] for name, parts in words.items()}
    if not all(own.values()):  # one name is but what all share
        return {name: name for name in words}
    pairs = {name: parts[0].partition("=") for name, parts in own.items()}
    one_word = all(len(parts) == 1 for parts in own.values())
    one_key = len({(key, equals) for key, equals, _ in pairs.values()}) == 1
    if one_word and one_key and not any(value[:1].isdigit() for _, _, value in pairs.values()):
        return {name: value for name, (_, _, value) in pairs.items()}
    return {name: " ".join(parts) for name, parts in own.items()}


def usual_baseline(names: Iterable[str], words: Sequence[str]) -> str:
    """The shortest name that ends in the first word that any holds, else contains it; without one the first name."""
    names = sorted(names)
    for word in words:
        holders = [name for name in names if word in name]
        if holders:
            return min(holders, key=lambda name: (not name.endswith(word), len(name)))
    return names[0]
