"""Short labels for the names of runs, and the usual baseline among them."""

import re
from collections.abc import Collection, Iterable, Sequence

LITTLE = re.compile(r"[-+.]?\d|true$|false$|null$")  # values that say little without their key


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
    choices = {
        name: [(word if "=" in word else f"={word}").split("=", 1) for word in parts]  # a recipe has no key
        for name, parts in (own if all(own.values()) else words).items()
    }
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


def _ends(keys: Collection[str]) -> dict[str, str]:
    """The shortest end of each dotted key that no other key has; all of a key with which another ends."""
    called = {}
    for key in keys:
        parts = key.split(".")
        ends = (".".join(parts[-num:]) for num in range(1, len(parts)))
        alone = (end for end in ends if sum(f".{other}".endswith(f".{end}") for other in keys) == 1)
        called[key] = next(alone, key)
    return called


def usual_baseline(names: Iterable[str], words: Sequence[str]) -> str:
    """The shortest name that ends in the first word that any holds, else contains it; without one the first name."""
    names = sorted(names)
    for word in words:
        holders = [name for name in names if word in name]
        if holders:
            return min(holders, key=lambda name: (not name.endswith(word), len(name)))
    return names[0]
