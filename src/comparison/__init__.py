"""Comparison of finished and unfinished runs: folders in, one report out. Reads files, knows no model."""

from src.comparison.collect import ReportError
from src.comparison.write import Report, write_report

__all__ = ["Report", "ReportError", "write_report"]
