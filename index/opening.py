"""Opening a data folder: its lock, and its engine at the store's generation.

Whatever a process that was killed has left behind is put right here.
"""

import logging
import shutil
from functools import partial
from pathlib import Path

from filelock import FileLock

from corpus.errors import StoreError
from index.engines import move_engine_files, open_engine
from index.search.engine import Engine
from index.store.database import locked, make_folder, make_private
from index.store.originals import ORIGINALS
from index.store.store import FILE_NAME, Store
from index.store.succession import has_taken_over

LOCK_NAME = "writer.lock"

SUCCESSOR = "successor"
"""The folder, inside the data folder, of the collection that a renewal fills."""

_LOCK_TIMEOUT_S = 1.0

_OWN_FILES = (
    *(SUCCESSOR, ORIGINALS),
    "*.db",
    "*.db-*",
    "*.lock",
    "*.faiss",
    "*.tmp",
    "terms",
    "terms/*",
)
"""Patterns of what Quoth keeps in a data folder, which may hold other files as well."""

log = logging.getLogger("quoth")


def take_lock(folder: Path, timeout_s: float = _LOCK_TIMEOUT_S) -> FileLock:
    """The writer's lock of a data folder, which one process at a time can hold.

    :raises StoreError: another process has it
    """
    make_folder(folder)
    refusal = (
        f"{folder}: another process writes this data folder; stop it, or give the documents to "
        "the running service "
        "(POST /v1/documents, or quoth serve --watch for a folder). Reading goes on meanwhile"
    )
    return locked(folder / LOCK_NAME, refusal, timeout_s)


def close_to_others(folder: Path) -> None:
    """Let only its owner read a data folder and what Quoth keeps there. An older version of Quoth
    let every user read it.
    """
    own = [folder, *(path for pattern in _OWN_FILES for path in folder.glob(pattern))]
    opened = [path for path in own if make_private(path)]
    if folder in opened:
        log.warning("%s: other users could read this data folder, and no longer can", folder)


def open_to_write(folder: Path, store: Store, dimension: int) -> Engine:
    """The engine of the process that writes, at the store's generation.

    It is built again from the store if it holds other chunks.
    """
    _finish_taking_over(folder, store)
    engine = open_engine(folder, store, dimension, writable=True)
    engine.catch_up()
    if not engine.agrees():
        log.warning(
            "%s: the indexes do not hold the chunks of the store, and are built again", folder
        )
        engine.discard()
        engine.catch_up()
    return engine


def open_to_read(folder: Path, store: Store, dimension: int) -> Engine:
    """The engine of a process that only reads, at the store's generation.

    :raises StoreError: the indexes are damaged or behind the store, and there is a writer to do
        something about it
    """
    mend = partial(_mend, folder, store, dimension)
    try:
        engine = open_engine(folder, store, dimension, writable=False, mend=mend)
    except StoreError:
        if not mend():
            raise
        engine = open_engine(folder, store, dimension, writable=False, mend=mend)
    engine.follow()
    return engine


def take_files(folder: Path, successor: Path) -> None:
    """Replace the index files in ``folder`` by those of an adopted successor, whose folder is then
    deleted.

    :raises StoreError: they cannot be moved; it can be done again
    """
    try:
        move_engine_files(successor, folder)
    except OSError as exc:
        raise StoreError(
            f"{folder}: the files of the new index cannot be moved here ({exc.strerror}); the next "
            "process that opens the folder finishes this"
        ) from exc
    shutil.rmtree(successor, ignore_errors=True)


def _finish_taking_over(folder: Path, store: Store) -> None:
    """Take the files of a successor whose chunks are in the store already. A writer was killed in
    between.
    """
    place = folder / SUCCESSOR
    if (place / FILE_NAME).is_file():
        successor = Store(place)
        taken = has_taken_over(store, successor)
        successor.close()
        if taken:
            take_files(folder, place)


def _mend(folder: Path, store: Store, dimension: int) -> bool:
    """Bring the indexes on disk to the store's state, for a reader whose writer was killed.

    :return: False if there is a writer, who does it
    """
    try:
        lock = take_lock(folder, timeout_s=0)
    except StoreError:
        return False
    try:
        engine = open_to_write(folder, store, dimension)
        engine.save()
        engine.close()
    finally:
        lock.release()
    return True
