"""Makes docs/reproduction.md and docs/seed.md from results/: python -m docs._results."""
