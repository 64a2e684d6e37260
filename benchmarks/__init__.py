"""Measurements of the framework itself that docs/ quotes, each a seeded command run from the repository's root."""
