"""Measurements: each module runs by itself, on servers of its own, and prints a table."""
