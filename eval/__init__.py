"""Question sets, measures, fitting and benchmarks."""
