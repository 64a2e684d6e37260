"""Sweepers and launchers of src/sweeps, under the namespace that Hydra requires of plug-ins."""

from src.sweeps import launchers, optuna_sweeper, sweeper


class Sweeper(sweeper.ResumableSweeper):
    """hydra/sweeper=resumable."""


class OptunaSweeper(optuna_sweeper.OptunaSweeper):
    """hydra/sweeper=optuna."""


class Ray(launchers.RayLauncher):
    """hydra/launcher=ray."""


class Slurm(launchers.SlurmLauncher):
    """hydra/launcher=slurm."""
