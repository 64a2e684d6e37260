"""Telling a user's mistake, which gets one short message, from a fault of ours, which gets its traceback."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from hydra.errors import HydraException, InstantiationException
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from omegaconf.errors import OmegaConfBaseException

MISTAKES = (
    ValueError,
    OSError,
    ArithmeticError,
    MisconfigurationException,
    OmegaConfBaseException,
    HydraException,
)
PATIENCE = 10  # seconds that a rank waits for the first one to end


def cause(error: BaseException) -> BaseException:
    """What Hydra met when it built an object, instead of its report of having met it."""
    while isinstance(error, InstantiationException) and error.__cause__:
        error = error.__cause__
    return error


def is_mistake(error: BaseException) -> bool:
    """Whether a short message serves better than a traceback; HYDRA_FULL_ERROR=1 always wants the traceback."""
    return isinstance(cause(error), MISTAKES) and os.environ.get("HYDRA_FULL_ERROR") != "1"


def message(error: BaseException) -> str:
    """The error in one line, after its kind where the text would not do alone."""
    error = cause(error)
    text = " ".join(str(error).split("\n    full_key:")[0].split())
    kind = "" if text and isinstance(error, (*MISTAKES, RuntimeError)) else type(error).__name__
    return ": ".join(filter(None, (kind, text)))


def give_up(text: str, exit_status: int = 1) -> NoReturn:
    """Ends the program with the message on stderr.

    Under DDP the first rank says it for all that fail alike, and ends them. They stay until then: as soon as one of
    them has ended, Lightning kills the first, which may still be writing.
    """
    if rank_zero_only.rank == 0:
        print(f"error: {text}", file=sys.stderr)
    else:
        time.sleep(PATIENCE)
    raise SystemExit(exit_status)


@contextmanager
def briefly(say: Callable[[Exception], str] = message) -> Iterator[None]:
    """A user's mistake in what is done here ends the program, with its short message."""
    try:
        yield
    except Exception as error:
        if not is_mistake(error):
            raise
        give_up(say(error))
