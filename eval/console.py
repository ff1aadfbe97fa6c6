"""The consoles that evaluations and benchmarks print on."""

from rich.console import Console

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def print_wide(*parts: object, width: int = 130) -> None:
    """Print to standard output at a fixed width, so that tables look the same in every terminal
    and in a file.
    """
    Console(highlight=False, width=width).print(*parts)
