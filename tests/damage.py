"""What can happen to files, for tests."""

from pathlib import Path


def flip_bit(path: Path, at: int) -> None:
    """Turn a bit of a file, as a disk may.

    :param at: which byte; negative counts from the end
    """
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
