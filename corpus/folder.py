"""Scanning a folder: which files are in it, and how large and how old each one is."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from corpus.errors import DocumentError
from corpus.files import NO_TIME, path_text, reliable_time
from corpus.load import find_files
from corpus.unread import UnreadFiles


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as a scan of its folder saw it.

    :param name: its absolute path as text
    :param relative: its path in the folder, with slashes
    :param size: bytes
    :param mtime_ns: modification time, or ``NO_TIME`` if the file may change again without
        changing it
    :param is_folder: this is a folder that cannot be listed, so that nothing is known about the
        files in it
    """

    path: Path
    name: str
    relative: str
    size: int = 0
    mtime_ns: int = NO_TIME
    is_folder: bool = False


def scan(folder: Path, unread: UnreadFiles | None = None) -> list[FileState]:
    """The document files of a folder, as :func:`corpus.load.find_files` finds and orders them.

    :param folder: an absolute path
    :param unread: what the folder holds and is not read is added to it
    :raises DocumentError: the folder does not exist, cannot be listed, or was replaced meanwhile
    """
    before = _require_listable(folder)
    states = [_state(task.path, folder) for task in find_files([folder], unread=unread)]
    if _require_listable(folder) != before:
        raise DocumentError(path_text(folder), "was replaced while it was being scanned")
    return [state for state in states if state is not None]


def folder_identity(folder: Path) -> tuple[int, int] | None:
    """The device and inode of a folder, which change when another folder takes its path. None if
    the folder does not exist.
    """
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _require_listable(folder: Path) -> tuple[int, int] | None:
    """The identity of a folder, once it is sure that the folder can be listed."""
    try:
        os.listdir(folder)
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
    return folder_identity(folder)


def _state(path: Path, folder: Path) -> FileState | None:
    """The state of a file, None if it was deleted after the folder was listed."""
    name, relative = path_text(path), path_text(path.relative_to(folder))
    try:
        status = path.stat()
    except OSError:
        # A link to nothing is reported when it is read.
        return FileState(path, name, relative) if os.path.lexists(path) else None
    return FileState(
        path,
        name,
        relative,
        size=status.st_size,
        mtime_ns=reliable_time(status.st_mtime_ns),
        is_folder=stat.S_ISDIR(status.st_mode),
    )
