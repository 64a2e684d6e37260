"""Data sets in memory, and what models may know of them."""
