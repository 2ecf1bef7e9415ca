"""Figures that a promise rests on, each beside a floor measured in the same run: `python -m benchmarks`."""
