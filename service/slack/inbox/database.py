"""The Slack bot's database, a file of its own beside the documents' database.

Adding documents may lock the documents' database for longer than Slack waits for an
acknowledgement.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from corpus.errors import StoreError
from index.store.database import Database, locked, make_folder

SLACK_DATABASE_NAME = "slack.db"
SLACK_DATABASE_FORMAT = "1"

slack_tables = sa.MetaData()
settings_table = sa.Table(
    "meta",
    slack_tables,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)


class SlackDatabase:
    """One open database. Thread-safe; one process at a time has it open."""

    def __init__(self, folder: Path) -> None:
        """Open the database, and create its tables where they are missing.

        :raises StoreError: the file is damaged, or another process has it open
        """
        make_folder(folder)
        self.path = folder / SLACK_DATABASE_NAME
        refusal = (
            f"{folder}: another process already answers Slack from this data folder (quoth serve "
            "or quoth slack); stop it first"
        )
        self._lock = locked(folder / f"{SLACK_DATABASE_NAME}.lock", refusal, timeout_s=0)
        self._writing = Lock()
        self._database = Database(self.path)
        try:
            with self.transaction() as connection:
                slack_tables.create_all(connection)
                connection.execute(
                    insert(settings_table)
                    .values(key="format", value=SLACK_DATABASE_FORMAT)
                    .on_conflict_do_nothing()
                )
            if self.setting("format") != SLACK_DATABASE_FORMAT:
                raise StoreError(
                    f"{self.path}: another version of Quoth wrote this file; use that version, or "
                    "delete the file"
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection and release the lock."""
        self._database.close()
        self._lock.release()

    def setting(self, key: str) -> str | None:
        """The value stored under a key, None where there is none."""
        query = sa.select(settings_table.c.value).where(settings_table.c.key == key)
        with self.reading() as connection:
            return connection.execute(query).scalar_one_or_none()

    def set_setting(self, key: str, value: str) -> None:
        """Store a value under a key, replacing the one before."""
        with self.transaction() as connection:
            upsert(connection, settings_table, {"key": key, "value": value})

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """One connection whose statements all see the same state."""
        with self._database.reading() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sa.Connection]:
        """One connection that writes: everything or nothing, and on disk when the block ends."""
        # Threads take turns on a lock of this process. Left to SQLite, each would sleep and try
        # again after ever longer pauses.
        with self._writing, self._database.transaction() as connection:
            yield connection


def equals(table: sa.Table, **values: object) -> Sequence[sa.ColumnElement[bool]]:
    """Conditions that hold where every named column has its value."""
    return [table.c[name] == value for name, value in values.items()]


def upsert(connection: sa.Connection, table: sa.Table, row: Mapping[str, object]) -> None:
    """Insert a row, or update the row that has the same primary key."""
    keys = [column.name for column in table.primary_key]
    rest = {name: value for name, value in row.items() if name not in keys}
    connection.execute(
        insert(table).values(**row).on_conflict_do_update(index_elements=keys, set_=rest)
    )
