"""A database in a file: connections that see one state, and transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.dialects.sqlite import insert

from corpus.errors import StoreError

_BUSY_TIMEOUT_S = 30


class Database:
    """One SQLite file. Thread-safe; several processes may open it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._engine = sa.create_engine(
            f"sqlite:///{path}",
            connect_args={"timeout": _BUSY_TIMEOUT_S},
            pool_size=8,
            max_overflow=32,
        )
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection whose statements all see the same state."""
        with _translated(self.path), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def transaction(self, synchronous: str = "FULL") -> Iterator[sa.Connection]:
        """A connection that writes everything or nothing.

        :param synchronous: FULL survives a power failure, NORMAL only a killed process
        """
        with _translated(self.path), self._engine.connect() as connection:
            connection.execution_options(quoth_synchronous=synchronous)
            with connection.begin():
                yield connection


def make_folder(folder: Path) -> None:
    """Create a data folder if it does not exist.

    :raises StoreError: it cannot be created
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise StoreError(
            f"{folder}: the data folder cannot be made or opened ({exc.strerror})"
        ) from exc


def locked(path: Path, refusal: str, timeout_s: float) -> FileLock:
    """Acquire a lock that one process at a time can hold.

    :param refusal: the message of the error
    :param timeout_s: how long to wait for it
    :raises StoreError: another process holds it
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout as exc:
        raise StoreError(refusal) from exc
    return lock


def _configure(
    connection: Any, _record: object
) -> None:  # the driver's own connection, which SQLAlchemy does not type
    connection.isolation_level = (
        None  # SQLAlchemy's "begin" event opens transactions, not the driver's guess
    )
    connection.execute("PRAGMA journal_mode=WAL").close()


def _begin(connection: sa.Connection) -> None:
    """Writers take the lock at once, so that what they read before they write cannot change."""
    synchronous = connection.get_execution_options().get("quoth_synchronous")
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa.exc.DatabaseError as exc:
        raise StoreError(f"{path}: {_advice(str(exc.orig))}") from exc


def _advice(fault: str) -> str:
    if "disk is full" in fault:
        return "the disk is full; make room and try again (nothing was changed)"
    if "disk I/O error" in fault:
        return (
            f"the disk cannot be written or read ({fault}): it fails, or a quota is used up; "
            "nothing was changed"
        )
    if "locked" in fault:
        return "another process has kept the database busy; try again"
    if "readonly" in fault or "unable to open" in fault:
        return f"the data folder cannot be written or opened ({fault})"
    return f"the database is damaged or not one of Quoth ({fault}); restore it from a backup"


def insert_or_keep(table: sa.Table) -> sa.Insert:
    """An insert that leaves a row alone if its key exists."""
    return insert(table).on_conflict_do_nothing()


def now() -> str:
    """The time as it is written in rows."""
    return stamp(datetime.now(UTC))


def stamp(time: datetime) -> str:
    """A time as it is written in rows: ISO 8601 to the second, so that texts sort as times do."""
    return time.isoformat(timespec="seconds")
