"""What runs are called in a report: names that tell them apart, labels that are short, the usual baseline."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from src.comparison.records import Run
from src.names import recipe_overrides


def told_apart(runs: Sequence[Run]) -> list[Run]:
    """Runs under one name but with other overrides get those overrides added to their names.

    A run's name holds only what its own sweep varied; beside runs from elsewhere that may not be enough.
    """
    overrides = {run.folder: recipe_overrides(run.overrides) for run in runs}
    shared: dict[str, set[str]] = {}
    for run in runs:
        shared[run.name] = shared.get(run.name, set(overrides[run.folder])) & set(overrides[run.folder])
    own = {run.folder: [o for o in overrides[run.folder] if o not in shared[run.name]] for run in runs}
    return [
        replace(run, name=" ".join([run.name, *(o for o in own[run.folder] if o not in run.name.split())]))
        for run in runs
    ]


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
