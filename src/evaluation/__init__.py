"""Metrics and analyses of models, during and after a run."""

SEED = 20_26  # of their random draws: the same at every evaluation of every run
