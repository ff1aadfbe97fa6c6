"""Benchmarks: what Quoth claims of speed, memory and quality, with the machine it was seen on."""
