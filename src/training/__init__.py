"""The layer around Lightning: steps, checkpoints, exact resume, logging, results.json."""
