"""Benchmarks of speed. They give ratios from interleaved runs, because times are noisy."""
