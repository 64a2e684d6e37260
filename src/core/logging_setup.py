"""Silence for what Lightning says at every start and a user of this laboratory need not hear."""

import logging
import warnings


def quieten() -> None:
    """Keeps Lightning's device report and tips out of the log; its warnings stay, but for the ones named here."""
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    # A file of images that is mapped into memory cannot be written, and nobody does.
    warnings.filterwarnings("ignore", ".*The given NumPy array is not writable.*")
    # Data lie in memory on the training device: there is nothing for workers to do.
    warnings.filterwarnings("ignore", ".*does not have many workers.*")
    # The run's folder is meant to hold what an earlier part of the same run wrote, when it is resumed.
    warnings.filterwarnings("ignore", ".*Checkpoint directory .* exists and is not empty.*")
    # Lightning 2.6 asks torch 2.15 for a pytree leaf in the old way.
    warnings.filterwarnings("ignore", ".*isinstance.treespec, LeafSpec.. is deprecated.*")
