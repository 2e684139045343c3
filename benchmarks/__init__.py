"""Benchmarks: each figure as a ratio to a floor measured beside it in the same run. They gate nothing."""
