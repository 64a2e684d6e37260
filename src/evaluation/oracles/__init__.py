"""Oracles: what tells the classes of the data apart, one file for each kind of data; of bars: `src.evaluation.oracles.drums`."""
