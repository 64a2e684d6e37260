"""Measures of collapse: they know tensors, never a trainer."""
