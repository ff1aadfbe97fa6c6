"""Files: reading their bytes, with an error for everything that can go wrong."""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from corpus.errors import DocumentError

NO_TIME = 0
"""Stands for a modification time that proves nothing."""

_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_RACY_NS = 2_000_000_000
"""File systems have coarse clocks. A file that was changed more recently than this may change again
and keep its modification time.
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the bytes of a file are compared by later.

    :param size: bytes
    :param mtime_ns: modification time, or ``NO_TIME`` if the file may change again without
        changing it
    :param sha256: of the bytes, in hexadecimal
    """

    size: int
    mtime_ns: int
    sha256: str


def path_text(path: Path) -> str:
    """The path for a message. Bytes that are not valid UTF-8 are shown as escapes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_ignored(name: str) -> bool:
    """Whether a file or folder of this name is not a document: it is hidden, or the lock file of an
    open Office file.
    """
    return name.startswith((".", "~$"))


def read_contents(path: Path, max_bytes: int, root: Path | None = None) -> bytes:
    """The bytes of a file. Never more than ``max_bytes`` are read, even if the file grows
    meanwhile.

    :param root: the folder that the file must be in, whatever links its path has
    :raises DocumentError: the file cannot be read, is too large, or is not in ``root``
    """
    source = path_text(path)
    try:
        status = path.stat()
        _check_regular(path, source, status)
        check_size(source, status.st_size, max_bytes)
        with opened_inside(path, root) as file:
            data = file.read(max_bytes + 1)
    except OSError as exc:
        raise DocumentError(source, _plain_reason(path, exc)) from exc
    check_size(source, len(data), max_bytes)
    return data


@contextmanager
def opened_inside(path: Path, root: Path | None) -> Iterator[BinaryIO]:
    """An ordinary file, open for reading.

    :param root: the folder that the file must be in, whatever links its path has
    :raises DocumentError: it is not an ordinary file, or is not in ``root``
    :raises OSError: it cannot be opened
    """
    source = path_text(path)
    # The path may lead elsewhere than a moment ago, so what was opened is checked. Opening must not
    # wait for the other end of a pipe.
    with os.fdopen(os.open(path, _OPEN_FLAGS), "rb") as file:
        _check_regular(path, source, os.fstat(file.fileno()))
        if root is not None:
            _check_inside(path, source, file.fileno(), root)
        yield file


def read_settled(path: Path, max_bytes: int, root: Path | None = None) -> tuple[bytes, Fingerprint]:
    """The bytes of a file, which did not change while they were read.

    :param root: the folder that the file must be in, whatever links its path has
    :raises DocumentError: the file cannot be read, is too large, is not in ``root``, or changed
        meanwhile
    """
    before = _size_and_time(path)
    data = read_contents(path, max_bytes, root)
    if before is None or _size_and_time(path) != before or len(data) != before[0]:
        raise DocumentError(
            path_text(path), "changed while it was being read; try again when it is complete"
        )
    sha256 = hashlib.sha256(data).hexdigest()
    return data, Fingerprint(len(data), reliable_time(before[1]), sha256)


def check_size(source: str, size: int, max_bytes: int) -> None:
    """Refuse a file or upload that is too large.

    :raises DocumentError: ``size`` is more than ``max_bytes``
    """
    if size > max_bytes:
        raise DocumentError(
            source, f"has {size:,} bytes or more; at most {max_bytes:,} are allowed"
        )


def reliable_time(mtime_ns: int) -> int:
    """The modification time, or ``NO_TIME`` if the file may change again without changing it."""
    return NO_TIME if time.time_ns() - mtime_ns < _RACY_NS else mtime_ns


def _size_and_time(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


def _check_regular(path: Path, source: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        # A folder is only read when it could not be listed; this raises the reason.
        os.listdir(path)
        raise DocumentError(source, "is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise DocumentError(source, "is not an ordinary file")


def _check_inside(path: Path, source: str, descriptor: int, root: Path) -> None:
    """Refuse a file that was opened through a link and is not in a folder.

    A hard link cannot be told from a file of the folder.
    """
    try:
        # Where the kernel knows the path of what was opened, no link can be changed meanwhile.
        opened = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        opened = os.path.realpath(path)
        if not os.path.samestat(os.stat(opened), os.fstat(descriptor)):
            raise DocumentError(source, "changed while it was being read; try again") from None
    if not Path(opened).is_relative_to(os.path.realpath(root)):
        raise DocumentError(
            source,
            "was skipped, because a link leads out of the folder to it; set QUOTH_FOLLOW_LINKS=true"
            " to follow such links",
        )


def _plain_reason(path: Path, exc: OSError) -> str:
    if isinstance(exc, FileNotFoundError):
        return "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
    if isinstance(exc, PermissionError):
        return "this user has no permission to read it"
    return f"cannot be read: {exc.strerror or exc}"
