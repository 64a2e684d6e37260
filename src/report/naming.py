"""Short labels for the names of runs, and the usual baseline among them."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

LITTLE = re.compile(r"[-+.]?\d|true$|false$|null$")  # values that say little without their key


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
    # A stranger's names may differ in signs that mean something here.
    return next((found for found in called if len({*found.values()}) == len(names)), {name: name for name in names})


def _called(words: Mapping[str, Sequence[str]], short: bool) -> dict[str, str]:
    """Each name's words; if `short`, values whose keys say no more than they do are without them."""
    choices = {  # a recipe has no key
        name: [(word if "=" in word else f"={word}").split("=", 1) for word in parts] for name, parts in words.items()
    }
    keys = _ends({key for parts in choices.values() for key, _ in parts})
    little = {key for parts in choices.values() for key, value in parts if LITTLE.match(value)}

    def text(key: str, value: str) -> str:
        if key and (key in little or not short):
            return f"{keys[key]}={value}"
        return value if "," in value else value.strip("[]")

    return {name: " ".join(text(*choice) for choice in parts) for name, parts in choices.items()}


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
