"""Programs that measure the framework itself, run from the repository's root."""
