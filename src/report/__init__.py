"""Comparison of finished and unfinished runs: folders in, one report out. Reads files, knows no model."""

from src.report.collect import ReportError
from src.report.write import Report, write_report

__all__ = ["Report", "ReportError", "write_report"]
