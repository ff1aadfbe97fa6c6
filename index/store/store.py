"""The store: documents, versions, chunks and vectors as rows of a database, the source of truth.

The search indexes are derived from it. Every write of documents is one transaction that ends in a
new generation number, and :meth:`Store.changes_since` says what a derived index of an older
generation is missing.
"""

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from corpus.errors import StoreError
from index.store import tables
from index.store.application import ApplicationData
from index.store.chunks import ChunkReader
from index.store.database import Database, insert_or_keep, make_folder
from index.store.documents import DocumentReader
from index.store.meta import Metadata, read_value, value_row
from index.store.rows import count_rows
from index.store.verify import damaged_chunks
from index.store.writing import DocumentWriter

FORMAT = 1
"""Version of the tables. A store with another one is not opened."""

FILE_NAME = "quoth.db"

_DERIVED = ("*.faiss", "terms/meta.json", "successor/quoth.db")
"""Patterns of files that are made from a store, and so show that there was one."""


def holds_index(folder: Path) -> bool:
    """Whether a folder holds a store, or the remains of one.

    :raises StoreError: the folder cannot be read, or the store was lost
    """
    try:
        size = (folder / FILE_NAME).stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        size = 0
    except (OSError, ValueError) as exc:
        raise StoreError(f"{folder}: the data folder cannot be opened ({exc})") from exc
    # Its indexes would be brought to the state of an empty database, which is to say, deleted.
    if size == 0 and any(path for pattern in _DERIVED for path in folder.glob(pattern)):
        raise StoreError(
            f"{folder / FILE_NAME}: the database is missing or empty, though its indexes are here; "
            "restore it from a backup, or delete the folder to begin again"
        )
    return size > 0


class Store(Metadata, DocumentReader, ChunkReader, DocumentWriter):
    """One database. Thread-safe. Any process may read; the one with the writer's lock may write.

    What it reads and writes stands in its bases, one for each kind of row.
    """

    def __init__(self, folder: Path, application: Sequence[ApplicationData] = ()) -> None:
        """Open the store in ``folder``, and create the tables that are missing.

        :param application: tables that the application keeps in the same database
        :raises StoreError: the file is damaged, not a store of Quoth, or of another format
        """
        make_folder(folder)
        holds_index(folder)
        self.path = folder / FILE_NAME
        self.database = Database(self.path)
        self._application = tuple(application)
        with self.database.reading() as connection:
            existing = set(sa.inspect(connection).get_table_names())
            is_new = tables.meta.name not in existing
            stored_format = FORMAT if is_new else read_value(connection, "format")
        if stored_format != FORMAT:
            self.close()
            raise StoreError(
                f"{self.path}: the store has format {stored_format}, and this Quoth reads "
                f"{FORMAT}; use the version of Quoth that wrote it"
            )
        wanted = [tables.metadata, *(data.tables for data in self._application)]
        # Tables are missing in a new store, and in one that an older version of Quoth wrote.
        if any(not existing >= set(metadata.tables) for metadata in wanted):
            with self.database.transaction() as connection:
                for metadata in wanted:
                    metadata.create_all(connection)
                connection.execute(
                    insert_or_keep(tables.meta),
                    [value_row("format", FORMAT), value_row("generation", 0)],
                )

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    def counts(self) -> dict[str, int]:
        """The numbers of documents, versions and chunks, and of what the application counts."""
        counted = [tables.documents, tables.versions, tables.chunks]
        counted += [table for data in self._application for table in data.counted]
        with self.database.reading() as connection:
            return {table.name: count_rows(connection, table) for table in counted}

    def damaged_chunks(self) -> list[str]:
        """A line for each chunk that is damaged (:func:`index.store.verify.damaged_chunks`)."""
        return damaged_chunks(self.database)
