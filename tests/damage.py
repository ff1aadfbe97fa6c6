"""What can happen to files, for tests."""

import os
from pathlib import Path


def flip_bit(path: Path, at: int) -> None:
    """Turn a bit of a file, as a disk may.

    :param at: which byte; negative counts from the end
    """
    # In place, because a file that is written anew is empty for a moment, and a process that has it
    # mapped into memory would crash then.
    with path.open("r+b") as file:
        file.seek(at, os.SEEK_END if at < 0 else os.SEEK_SET)
        (byte,) = file.read(1)
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))
