"""Sweeps: their plan, and what happens around their jobs."""

from src.core import resolvers
from src.sweeps.callbacks import Progress, ReportAfterSweep

resolvers.register()  # in a launcher's worker processes this module is the first to be loaded
