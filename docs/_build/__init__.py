"""Builds the documentation site: python -m docs._build."""
