"""Makes docs/results.md, reproduction.md, seed.md and tables of metrics.md: python -m docs._results."""
