"""Metrics of collapse, of tensors alone."""
