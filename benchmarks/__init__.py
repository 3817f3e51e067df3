"""Benchmarks: figures that anyone can take again. A timing is never a test."""
