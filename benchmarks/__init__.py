"""Measurements of the laboratory itself that docs/ quotes, each a seeded command run from the repository's root."""
