"""Metrics and analyses of models, during and after a run."""

from pathlib import Path

from src.core.plain_data import read_yaml

SEED = 20_26  # of their random draws: the same at every evaluation of every run
CHARTS = read_yaml(Path(__file__).with_name("charts.yaml"))  # on TensorBoard
