"""Comparison of finished and unfinished runs: folders in, one report out. Reads files, knows no model."""
