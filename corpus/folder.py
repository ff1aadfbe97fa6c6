"""A folder of documents as it stands on disk: which files are in it, and what tells whether one has
changed.
"""

import hashlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import DocumentError
from corpus.load import find_files, path_text, read_contents

NO_TIME = 0
"""Stands for a modification time that proves nothing."""

_RACY_NS = 2_000_000_000
"""A file changed so short a time ago may change again without its time changing: clocks of file
systems are coarse.
"""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as a look at its folder found it.

    :param name: its absolute path as text
    :param relative: its path in the folder, with slashes
    :param size: bytes
    :param mtime_ns: when it was last changed, or ``NO_TIME`` where it can change again without
        another time
    :param is_folder: it is a folder that cannot be listed: what was known of the files in it may
        still be so"""

    path: Path
    name: str
    relative: str
    size: int = 0
    mtime_ns: int = NO_TIME
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells what a file holds from what it may hold later.

    :param size: bytes
    :param mtime_ns: as of a :class:`FileState`
    :param sha256: of the bytes, in hexadecimal
    """

    size: int
    mtime_ns: int
    sha256: str


def scan(folder: Path) -> list[FileState]:
    """The document files of a folder, those that :func:`corpus.load.find_files` finds, in its
    order.

    :param folder: an absolute path
    :raises DocumentError: there is no such folder, it cannot be listed, or it was taken away
        meanwhile"""
    place = _place(folder)
    found = [_state(file.path, folder) for file in find_files([folder])]
    if _place(folder) != place:
        raise DocumentError(path_text(folder), "was replaced while it was being looked through")
    return [state for state in found if state is not None]


def read_settled(path: Path, max_bytes: int) -> tuple[bytes, Fingerprint]:
    """The bytes of a file, which did not change while they were read.

    :raises DocumentError: it cannot be read, is too large, or changed while it was being read
    """
    before = _stamp(path)
    data = read_contents(path, max_bytes)
    if before is None or _stamp(path) != before or len(data) != before[0]:
        raise DocumentError(
            path_text(path), "changed while it was being read; try again when it is complete"
        )
    return data, Fingerprint(len(data), _proving(before[1]), hashlib.sha256(data).hexdigest())


def _place(folder: Path) -> tuple[int, int]:
    """What a folder is told apart by from another one at its path."""
    try:
        os.listdir(folder)
        status = folder.stat()
    except NotADirectoryError as exc:
        raise DocumentError(path_text(folder), "is not a folder") from exc
    except FileNotFoundError as exc:
        raise DocumentError(
            path_text(folder), "there is no such folder; nothing was changed"
        ) from exc
    except OSError as exc:
        raise DocumentError(
            path_text(folder), f"the folder cannot be listed ({exc.strerror}); nothing was changed"
        ) from exc
    return status.st_dev, status.st_ino


def _state(path: Path, folder: Path) -> FileState | None:
    """The state of a file, None where it has gone since the folder was listed."""
    name, relative = path_text(path), path.relative_to(folder).as_posix()
    try:
        status = path.stat()
    except OSError:
        return FileState(path, name, relative) if os.path.lexists(path) else None
    mtime_ns = _proving(status.st_mtime_ns)
    return FileState(path, name, relative, status.st_size, mtime_ns, stat.S_ISDIR(status.st_mode))


def _stamp(path: Path) -> tuple[int, int] | None:
    """Size and modification time, None where there are none."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _proving(mtime_ns: int) -> int:
    """The modification time, or ``NO_TIME`` where the file can change again without another one."""
    return NO_TIME if time.time_ns() - mtime_ns < _RACY_NS else mtime_ns
