"""A database in a file: connections that see one state, and transactions."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from filelock import FileLock, Timeout
from sqlalchemy.dialects.sqlite import insert

from corpus.errors import StoreError

_BUSY_TIMEOUT_S = 30.0

_CHECKPOINT_PATIENCE_MS = 500

_ABLE = 2
"""What ``PRAGMA auto_vacuum`` says of a database whose free pages can be given back."""

_FREE_PAGES_KEPT = 1_000
_GIVEN_AT_ONCE = 1_000

_SIZES = """
    SELECT coalesce(s.tbl_name, d.name), sum(d.pgsize)
    FROM dbstat AS d LEFT JOIN sqlite_schema AS s ON s.name = d.name
    WHERE d.aggregate = TRUE GROUP BY 1
"""

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


class Database:
    """One SQLite file. Thread-safe; several processes may open it."""

    def __init__(self, path: Path) -> None:
        """Open the file, and create it if it does not exist. Only its owner may read it.

        :raises StoreError: it cannot be created, or something else has its name
        """
        self.path = path
        self._identity = _create_private(path)
        self._engine = sa.create_engine(
            # A path that is put into the text of a URL would end at the first question mark. The
            # path is absolute because SQLite takes one that begins with "file:" for a URL.
            sa.URL.create("sqlite", database=str(path.absolute())),
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
            try:
                yield connection
            except ValueError as exc:
                # The driver meets a date or a list that it cannot parse.
                raise StoreError(f"{self.path}: {_advice(str(exc))}") from exc

    @contextmanager
    def transaction(
        self, synchronous: str = "FULL", patience_s: float = _BUSY_TIMEOUT_S
    ) -> Iterator[sa.Connection]:
        """A connection that writes everything or nothing.

        :param synchronous: FULL survives a power failure, NORMAL only a killed process
        :param patience_s: how long to wait for another writer
        :raises StoreError: the disk is full, another writer takes too long, the database is
            damaged, or its file was replaced or removed; nothing has changed
        """
        with _translated(self.path), self._engine.connect() as connection:
            connection.execution_options(quoth_synchronous=synchronous, quoth_patience_s=patience_s)
            with connection.begin():
                self._check_in_place()
                yield connection
                self._check_in_place()

    def checkpoint(self) -> bool:
        """Move all changes from the journal into the database, and cut the journal to nothing. What
        was deleted is then overwritten on the disk.

        :return: False if another process reads an older state; then call this again later
        """
        with self._outside_transactions() as driver:
            driver.execute(f"PRAGMA busy_timeout={_CHECKPOINT_PATIENCE_MS}")
            busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def give_back(self) -> int:
        """Give the free pages back to the disk, a part at a time, if there are many. A database of
        an older version of Quoth keeps and reuses them.

        :return: how many bytes were given back
        """
        given = 0
        while True:
            with self.reading() as connection:
                free, pages, size = (
                    int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                    for name in ("freelist_count", "page_count", "page_size")
                )
                is_able = connection.exec_driver_sql("PRAGMA auto_vacuum").scalar_one() == _ABLE
            if not is_able or free < max(_FREE_PAGES_KEPT, pages // 10):
                return given
            with self._outside_transactions() as driver:
                # Each row of the result gives back one page, and only a script fetches rows that
                # have no columns.
                driver.executescript(f"PRAGMA incremental_vacuum({_GIVEN_AT_ONCE})")
            given += min(free, _GIVEN_AT_ONCE) * size

    def vacuum(self) -> None:
        """Write the whole database anew, without free pages. Nothing else may use it meanwhile.

        :raises StoreError: the disk is full
        """
        with self._outside_transactions() as driver:
            driver.execute("VACUUM")

    @contextmanager
    def _outside_transactions(self) -> Iterator[sqlite3.Connection]:
        """SQLite's own connection, for statements that no transaction may hold."""
        with _translated(self.path):
            pooled = self._engine.raw_connection()
            try:
                driver: Any = pooled.driver_connection  # SQLAlchemy does not type it.
                yield driver
            except sqlite3.Error as exc:
                raise StoreError(f"{self.path}: {_advice(str(exc))}") from exc
            finally:
                pooled.close()

    def sizes(self) -> dict[str, int]:
        """How many bytes each table takes with its indexes, by its name, and the bytes of free
        pages as ``free``. Empty if SQLite was built without the table ``dbstat``.
        """
        try:
            with self.reading() as connection:
                rows = connection.exec_driver_sql(_SIZES).all()
                free, size = (
                    int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                    for name in ("freelist_count", "page_size")
                )
        except StoreError:
            return {}
        return {**{str(name): int(total) for name, total in rows}, "free": free * size}

    def _check_in_place(self) -> None:
        """Refuse to write into a file that nobody will find again."""
        # SQLite holds the file open, so its number on the disk cannot be given to another one.
        if _identity_of(self.path) != self._identity:
            raise StoreError(
                f"{self.path}: the database was removed or replaced while it was in use; nothing "
                "was changed. Put the file back, or restore it from a backup, and start again"
            )
        journal = Path(f"{self.path}-wal")
        if not journal.exists():
            raise StoreError(
                f"{journal}: was removed while it was in use, and with it the latest changes; "
                "nothing was changed now. Start again, and run quoth verify"
            )


def make_folder(folder: Path) -> None:
    """Create a data folder if it does not exist. Only its owner may read it.

    :raises StoreError: it cannot be created
    """
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except (OSError, ValueError) as exc:
        raise StoreError(
            f"{folder}: the data folder cannot be made or opened ({_cause(exc)})"
        ) from exc


def make_private(path: Path) -> bool:
    """Let only its owner read a file or folder that exists.

    :return: whether other users could read or write it
    """
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        is_open = bool(mode & 0o077)
        if is_open:
            path.chmod(mode & 0o700)
    except OSError:
        # It was deleted meanwhile, or belongs to somebody else, who may set its mode.
        return False
    return is_open


def _create_private(path: Path) -> tuple[int, int]:
    """Create an empty file, unless it exists, and return what identifies it."""
    try:
        # SQLite gives the files that it puts beside the database the mode of the database. A file
        # that exists is not opened here: closing it would release the locks that SQLite holds.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE_FILE))
    except FileExistsError:
        pass
    except (OSError, ValueError) as exc:
        raise StoreError(f"{path}: the database cannot be made or opened ({_cause(exc)})") from exc
    if not path.is_file():
        raise StoreError(f"{path}: the database cannot be opened (it is not a file)")
    identity = _identity_of(path)
    if identity is None:
        raise StoreError(f"{path}: the database was removed while it was being opened")
    return identity


def _identity_of(path: Path) -> tuple[int, int] | None:
    """The device and number of a file on the disk; None if there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _cause(exc: Exception) -> str:
    """What the operating system says, without the path."""
    return str(getattr(exc, "strerror", None) or exc)


def locked(path: Path, refusal: str, timeout_s: float) -> FileLock:
    """Acquire a lock that one process at a time can hold.

    :param refusal: the message of the error
    :param timeout_s: how long to wait for it
    :raises StoreError: another process holds it, or its file cannot be written
    """
    lock = FileLock(path, mode=_PRIVATE_FILE)
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout as exc:
        raise StoreError(refusal) from exc
    except OSError as exc:
        raise StoreError(f"{path}: the lock cannot be made or opened ({_cause(exc)})") from exc
    return lock


def _configure(
    connection: Any, _record: object
) -> None:  # the driver's own connection, which SQLAlchemy does not type
    connection.isolation_level = (
        None  # SQLAlchemy's "begin" event opens transactions, not the driver's guess
    )
    # SQLite's own lower() knows the letters of ASCII only.
    connection.create_function("folded", 1, _folded, deterministic=True)
    # For new files: pages that become free can be given back to the disk without a VACUUM.
    connection.execute("PRAGMA auto_vacuum=INCREMENTAL").close()
    connection.execute("PRAGMA journal_mode=WAL").close()
    # What is deleted is overwritten, so that no deleted text stays in the file.
    connection.execute("PRAGMA secure_delete=ON").close()


def _folded(text: str | None) -> str | None:
    return None if text is None else text.casefold()


def _begin(connection: sa.Connection) -> None:
    """Writers take the lock at once, so that what they read before they write cannot change."""
    synchronous = connection.get_execution_options().get("quoth_synchronous")
    if synchronous is None:
        connection.exec_driver_sql("BEGIN")
    else:
        patience_ms = int(1_000 * connection.get_execution_options()["quoth_patience_s"])
        connection.exec_driver_sql(f"PRAGMA busy_timeout={patience_ms}")
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sa.exc.DatabaseError as exc:
        raise StoreError(f"{path}: {_advice(str(exc.orig))}") from exc
    except UnicodeDecodeError as exc:
        # The driver cannot decode SQLite's message, which quotes the damaged part.
        raise StoreError(f"{path}: {_advice('a text in it is not UTF-8')}") from exc


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
