"""Environment variables that a notebook, a cluster or another program leaves behind."""

import os
import sys
from collections.abc import MutableMapping

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")  # in Lightning's order


def drop_leftovers(environment: MutableMapping[str, str] = os.environ) -> None:
    """Removes variables that would decide whether and how long a run trains.

    MPLBACKEND: a notebook sets a backend that other interpreters lack; all figures here are drawn on Agg canvases.
    PL_TRAINER_*: Lightning takes them as defaults of its trainer, such as max_steps.
    Ranks that are no numbers: importing Lightning fails.
    """
    environment["MPLBACKEND"] = "agg"
    for name in [name for name in environment if name.startswith("PL_TRAINER_")]:
        del environment[name]
    for name in RANKS:
        if not environment.get(name, "0").isdecimal():
            del environment[name]


def process_rank() -> int:
    """This process's rank in its run: Lightning's once that is imported, before that the environment's."""
    lightning = sys.modules.get("lightning.fabric.utilities.rank_zero")
    if lightning:
        return lightning.rank_zero_only.rank
    return next((int(os.environ[name]) for name in RANKS if os.environ.get(name)), 0)


def ignore_ranks() -> None:
    """Makes this process the first rank, which prints and writes results, whatever RANK or SLURM_PROCID say.

    Lightning sets the rank from these variables when it is imported.
    """
    for name in RANKS:
        os.environ.pop(name, None)
    lightning = sys.modules.get("lightning.fabric.utilities.rank_zero")
    if lightning:
        lightning.rank_zero_only.rank = 0
