"""Measurements that the documentation quotes, each a seeded command."""
