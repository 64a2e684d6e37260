"""Oracles: classifiers of the data's classes and "none of them", one file per kind of data."""
