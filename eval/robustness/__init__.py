"""Attacks on a running service and on its files: fuzzing, long mixed work, hostile and damaged
files. Each is a script, ``python -m eval.robustness.NAME``; one more lists what Quoth is made of.
"""
