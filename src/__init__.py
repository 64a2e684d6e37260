"""Collapse Lab: when generative models collapse, and which remedy helps."""
