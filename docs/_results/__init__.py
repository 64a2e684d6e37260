"""Makes docs/results.md, reproduction.md and seed.md from results/: python -m docs._results."""
