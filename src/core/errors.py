"""User errors get one short message; faults of this program get their traceback."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import NoReturn

from hydra.errors import HydraException, InstantiationException
from omegaconf.errors import OmegaConfBaseException

from src.core.environment import process_rank

USER_ERRORS = (ValueError, OSError, ArithmeticError, OmegaConfBaseException, HydraException)
LIGHTNINGS = "MisconfigurationException"  # by name: importing Lightning takes seconds
PATIENCE = 10  # seconds that a rank waits for the first one to end


def cause(error: BaseException) -> BaseException:
    """The exception behind Hydra's report that an object could not be built."""
    while isinstance(error, InstantiationException) and error.__cause__:
        error = error.__cause__
    return error


def is_user_error(error: BaseException) -> bool:
    """Whether a short message serves better than a traceback; with HYDRA_FULL_ERROR=1 it never does."""
    return _is_users(cause(error)) and os.environ.get("HYDRA_FULL_ERROR") != "1"


def message(error: BaseException) -> str:
    """The error in one line, after its class where the text would not do alone."""
    error = cause(error)
    text = " ".join(str(error).split("\n    full_key:")[0].split())
    kind = "" if text and (_is_users(error) or isinstance(error, RuntimeError)) else type(error).__name__
    return ": ".join(filter(None, (kind, text)))


class UserExit(SystemExit):
    """The end of a command with a message for its user: a command line prints it, `src.lab` raises it as an error.

    Not an Exception, of which Hydra makes a warning where its callbacks raise one.
    """

    def __init__(self, text: str, exit_status: int):
        super().__init__(exit_status)
        self.text = text


def exit_with_error(text: str, exit_status: int = 1) -> NoReturn:
    """Ends the command with a message."""
    raise UserExit(text, exit_status)


@contextmanager
def printed_errors() -> Iterator[None]:
    """Prints the message with which a command ends on stderr.

    Under DDP the first rank prints it for all that fail alike, and ends them. They wait for that: as soon as one of
    them has ended, Lightning kills the first, which may still be writing.
    """
    try:
        yield
    except UserExit as end:
        if process_rank() == 0:
            print(f"error: {end.text}", file=sys.stderr)
        else:
            time.sleep(PATIENCE)
        raise


@contextmanager
def exit_on_user_error(explain: Callable[[Exception], str] = message) -> Iterator[None]:
    """Ends the program with a short message where a user error is raised."""
    try:
        yield
    except Exception as error:
        if not is_user_error(error):
            raise
        exit_with_error(explain(error))


def import_optional(package: str, extra: str) -> ModuleType:
    """Imports a package that only some choices need, when they need it. Raises: ValueError: it is not installed."""
    try:
        return import_module(package)
    except ModuleNotFoundError:
        raise ValueError(f"{package} is not installed: pip install -e '.[{extra}]'") from None


def _is_users(error: BaseException) -> bool:
    return isinstance(error, USER_ERRORS) or any(base.__name__ == LIGHTNINGS for base in type(error).__mro__)
