"""The store: documents, versions, chunks and vectors as rows of a database, the source of truth.

The search indexes are derived from it. Every write of documents is one transaction that ends in a
new generation number, and :meth:`Store.changes_since` says what a derived index of an older
generation is missing.
"""

import json
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from corpus.errors import StoreError
from index.store import tables
from index.store.application import ApplicationData
from index.store.chunks import ChunkReader
from index.store.collections import CollectionTable
from index.store.database import Database, insert_or_keep, make_folder
from index.store.documents import DocumentReader
from index.store.meta import Metadata, value_row
from index.store.rows import count_rows
from index.store.scoping import ScopeReader
from index.store.verify import (
    damaged_chunks,
    damaged_texts,
    delete_loose_rows,
    is_mended_by_reindexing,
    reindex,
    row_faults,
    structure_faults,
)
from index.store.writing import DocumentWriter

FORMAT = 1
"""Version of the tables. A store with another one is not opened."""

FILE_NAME = "quoth.db"

_CHECKED_UP_TO = 512_000_000
"""The size in bytes of a database up to which its structure is checked at every opening. This takes
up to a second.
"""

_DERIVED = ("*.faiss", "terms/meta.json", "successor/quoth.db", "originals/*/*")
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


_FIRST_VALUES = (("format", FORMAT), ("generation", 0))
"""They have no checksums, because older versions of Quoth change them in place."""


class Store(Metadata, CollectionTable, ScopeReader, DocumentReader, ChunkReader, DocumentWriter):
    """One database. Thread-safe. Any process may read; the one with the writer's lock may write.

    What it reads and writes stands in its bases, one for each kind of row.
    """

    def __init__(
        self,
        folder: Path,
        application: Sequence[ApplicationData] = (),
        keep_versions: int | None = None,
    ) -> None:
        """Open the store in ``folder``, and create the tables that are missing.

        :param application: tables that the application keeps in the same database
        :param keep_versions: how many former versions of a document are kept when it is written;
            None keeps all
        :raises StoreError: the file is damaged, not a store of Quoth, or of another format
        """
        make_folder(folder)
        holds_index(folder)
        self.path = folder / FILE_NAME
        self.database = Database(self.path)
        self._application = tuple(application)
        self._keep_versions = keep_versions
        wanted = [tables.metadata, *(data.tables for data in self._application)]
        with self.database.reading() as connection:
            lacking = _lacks_something(connection, wanted)
            stored_format = _read_format(connection)
        if stored_format != FORMAT:
            self.close()
            raise StoreError(
                f"{self.path}: the store has format {stored_format}, and this Quoth reads "
                f"{FORMAT}; use the version of Quoth that wrote it"
            )
        if lacking:
            with self.database.transaction() as connection:
                for metadata in wanted:
                    _complete(connection, metadata)
                connection.execute(
                    insert_or_keep(tables.meta),
                    [{**value_row(key, value), "checksum": None} for key, value in _FIRST_VALUES],
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

    def documents_with_notes(self) -> int:
        """How many documents have notes, because their text lacks something of their file."""
        query = sa.select(sa.func.count()).where(
            tables.structures.c.document_id == tables.documents.c.id,
            tables.structures.c.version == tables.documents.c.version,
            sa.func.json_array_length(tables.structures.c.notes) > 0,
        )
        with self.database.reading() as connection:
            return int(connection.execute(query).scalar_one())

    def check_structure(self) -> None:
        """Check the pages and indexes of the database, unless it is large: :meth:`faults` reads
        the whole of it.

        :raises StoreError: it is damaged
        """
        if self.path.stat().st_size > _CHECKED_UP_TO:
            return
        if faults := structure_faults(self.database):
            raise StoreError(
                f"{self.path}: the database is damaged ({faults[0]}); run quoth rebuild, which "
                "mends what it can, or restore it from a backup"
            )

    def faults(self) -> list[str]:
        """A line for each fault of the database's structure, or of its rows if the structure is
        sound.
        """
        return structure_faults(self.database) or row_faults(self.database, self._application)

    def mend_structure(self) -> None:
        """Build the database's own indexes again if they are damaged.

        :raises StoreError: a table is damaged; the message names the documents that are hurt
        """
        faults = structure_faults(self.database)
        if faults and all(map(is_mended_by_reindexing, faults)):
            reindex(self.database)
            faults = structure_faults(self.database)
        if faults:
            raise StoreError(
                f"{self.path}: the database is damaged and cannot be mended ({faults[0]}); restore "
                f"it from a backup. {self._hurt_documents()}"
            )

    def damaged_texts(self) -> dict[str, str]:
        """What is wrong with each document whose metadata or present text is damaged, by its id."""
        return damaged_texts(self.database)

    def damaged_documents(self) -> set[str]:
        """The ids of documents of which a chunk or a vector is damaged or missing."""
        return {owner for owner, _ in damaged_chunks(self.database)}

    def delete_loose_rows(self) -> None:
        """Delete the chunks, vectors, versions and tags that belong to nothing that is there."""
        delete_loose_rows(self.database)

    def _hurt_documents(self) -> str:
        try:
            hurt = self.damaged_texts()
        except StoreError:
            return "Which documents are hurt cannot be told"
        if not hurt:
            return "The texts of all documents that are listed can be read"
        return f"These documents are hurt: {', '.join(sorted(hurt))}"


def _read_format(connection: sa.Connection) -> object:
    if not sa.inspect(connection).has_table(tables.meta.name):
        return FORMAT
    # Not read_value: a store of an older version has no checksums yet.
    query = sa.select(tables.meta.c.value).where(tables.meta.c.key == "format")
    return json.loads(connection.execute(query).scalar_one_or_none() or "null")


def _lacks_something(connection: sa.Connection, wanted: Iterable[sa.MetaData]) -> bool:
    """Whether a table or a column is missing: in a new store, and in one that an older version of
    Quoth wrote.
    """
    inspector = sa.inspect(connection)
    existing = set(inspector.get_table_names())
    all_tables = chain.from_iterable(metadata.tables.values() for metadata in wanted)
    return any(
        table.name not in existing or _missing_columns(inspector, table) for table in all_tables
    )


def _missing_columns(inspector: sa.Inspector, table: sa.Table) -> list[sa.Column[Any]]:
    present = {column["name"] for column in inspector.get_columns(table.name)}
    return [column for column in table.columns if column.name not in present]


def _complete(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create the tables that are missing, and the columns and indexes that existing ones lack.
    Columns that have another name now are renamed.
    """
    existing = set(sa.inspect(connection).get_table_names())
    metadata.create_all(connection)
    for table in metadata.tables.values():
        if table.name not in existing:
            continue
        present = {column["name"] for column in sa.inspect(connection).get_columns(table.name)}
        for column in _missing_columns(sa.inspect(connection), table):
            former = column.info.get("former_name")
            if former in present:
                connection.exec_driver_sql(
                    f"ALTER TABLE {table.name} RENAME COLUMN {former} TO {column.name}"
                )
                continue
            kind = column.type.compile(connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {kind}")
        for index in table.indexes:
            index.create(connection, checkfirst=True)
