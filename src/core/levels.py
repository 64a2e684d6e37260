"""Names of a VAE's latent levels: of a model by their number, of a run by its metrics; and texts about each level."""

import re
from collections.abc import Iterable

OF_TWO = ("high", "low")
LEVEL = "LEVEL"  # in a text: it is one of each level
NUMBERED = re.compile(r"[1-9]\d{0,2}")
KL = re.compile(rf"kl_(high|low|{NUMBERED.pattern})")


def level_names(num: int) -> tuple[str, ...]:
    """From the top level down: high and low of two, of any other number 1 to `num`."""
    return OF_TWO if num == len(OF_TWO) else tuple(str(number) for number in range(1, num + 1))


def levels_in(keys: Iterable[str]) -> tuple[str, ...]:
    """The levels whose `kl_LEVEL` is among the keys; of runs with different numbers of levels all of them."""
    found = {match[1] for key in keys if (match := KL.fullmatch(key))}
    return *(name for name in OF_TWO if name in found), *sorted(found - {*OF_TWO}, key=int)


def expanded(texts: Iterable[str], levels: Iterable[str]) -> tuple[str, ...]:
    """The texts, one for each level in place of a text with LEVEL in it."""
    levels = tuple(levels)
    return tuple(text.replace(LEVEL, name) for text in texts for name in (levels if LEVEL in text else ("",)))
