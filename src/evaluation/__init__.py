"""Metrics and analyses of models, during and after a run."""
