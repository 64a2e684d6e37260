"""Environment variables of a notebook or a cluster that libraries read when they are imported, before any option."""

import os
from collections.abc import MutableMapping

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")  # Lightning's, in whole numbers


def drop_leftovers(environment: MutableMapping[str, str] = os.environ) -> None:
    """Keeps a notebook's or another program's variables from deciding whether and how long a run trains.

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
