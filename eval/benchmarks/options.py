"""Types for the command lines of benchmarks."""

import argparse


def positive(text: str) -> int:
    """A whole number above 0.

    :raises ArgumentTypeError: it is 0 or less
    """
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number
