"""The ledger: what became of each file of the folders that an index keeps up with."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError
from index.store.database import Database
from index.store.tables import documents, synced_files, synced_folders


class Stage(StrEnum):
    """How far a file has come."""

    WAITING = "waiting"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that the index keeps up with.

    :param path: absolute, as the folder was named
    :param prefix: what stands before a file's path in it to make its document's id; fixed when it
        is first synced
    :param tags: of every document in it
    """

    path: str
    prefix: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: one file.

    :param path: absolute
    :param root: the path of the folder that it was found in
    :param size: in bytes, when it was last read
    :param mtime_ns: its modification time then, 0 where that proves nothing
    :param sha256: of what it held then, empty where it could not be read
    :param document_id: the document that it gave, the last good one where it has become bad; None
        where it gave none
    :param version: of that document as the file gave it
    :param reason: why it failed; of a file that waits, why it did so the last time
    :param at: when it reached the stage, ISO 8601, UTC
    """

    path: str
    root: str
    size: int
    mtime_ns: int
    sha256: str
    document_id: str | None
    version: str | None
    stage: Stage
    reason: str | None
    at: str


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """Lines to write, in place of those of the same paths; paths whose lines go; and a folder to
    keep up with.
    """

    entries: Sequence[Entry] = ()
    forgotten: Sequence[str] = ()
    root: Root | None = None

    def __bool__(self) -> bool:
        """Whether anything is to be written at all."""
        return bool(self.entries or self.forgotten or self.root)


NO_LINES = LedgerChange()


class Ledger:
    """The ledger of one store. Lines about documents that change are written with these, by
    :func:`write_lines`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, change: LedgerChange) -> None:
        """Write lines of the ledger, where no document changes."""
        with self._database.transaction("NORMAL") as connection:
            write_lines(connection, change)

    def forget_root(self, path: str) -> int:
        """Keep up with a folder no longer. Its documents stay.

        :return: how many files were known of it
        :raises NotFoundError: the index does not keep up with it
        """
        with self._database.transaction() as connection:
            if (
                connection.execute(
                    synced_folders.delete().where(synced_folders.c.path == path)
                ).rowcount
                == 0
            ):
                raise NotFoundError(f"{path}: the index does not keep up with this folder")
            return connection.execute(
                synced_files.delete().where(synced_files.c.root == path)
            ).rowcount

    def roots(self) -> list[Root]:
        """The folders that the index keeps up with, in the order of their paths."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(synced_folders).order_by(synced_folders.c.path))
            return [Root(row.path, row.prefix, tuple(row.tags)) for row in rows]

    def entries(self, root: str) -> dict[str, Entry]:
        """What is known of the files of a folder, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(synced_files).where(synced_files.c.root == root))
            return {row.path: _entry(row) for row in rows}

    def lines(
        self, limit: int, after: str | None = None, stage: Stage | None = None
    ) -> list[Entry]:
        """Up to ``limit`` lines in the order of their paths, those past the path ``after``.

        :param stage: only files that have come so far
        """
        query = sa.select(synced_files).order_by(synced_files.c.path).limit(limit)
        if after is not None:
            query = query.where(synced_files.c.path > after)
        if stage is not None:
            query = query.where(synced_files.c.stage == stage.value)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def stages(self) -> dict[str, dict[Stage, int]]:
        """How many files of each folder have come how far."""
        query = sa.select(synced_files.c.root, synced_files.c.stage, sa.func.count()).group_by(
            synced_files.c.root, synced_files.c.stage
        )
        counts: dict[str, dict[Stage, int]] = {root.path: {} for root in self.roots()}
        with self._database.reading() as connection:
            for root, stage, count in connection.execute(query):
                counts[root][Stage(stage)] = count
        return counts

    def claims(self) -> dict[str, str]:
        """The file that each document of a synced folder is from: path by document id."""
        query = sa.select(synced_files.c.document_id, synced_files.c.path).where(
            synced_files.c.document_id.is_not(None)
        )
        with self._database.reading() as connection:
            return {row.document_id: row.path for row in connection.execute(query)}

    def versions(self, root: str) -> dict[str, str]:
        """The present versions of the documents that are from a folder, by id."""
        named = sa.select(synced_files.c.document_id).where(synced_files.c.root == root)
        query = sa.select(documents.c.id, documents.c.version).where(documents.c.id.in_(named))
        with self._database.reading() as connection:
            return {row.id: row.version for row in connection.execute(query)}


def write_lines(connection: sa.Connection, change: LedgerChange) -> None:
    """Write a change within a transaction."""
    gone = [
        {"gone": path} for path in (*change.forgotten, *(entry.path for entry in change.entries))
    ]
    if gone:
        connection.execute(
            synced_files.delete().where(synced_files.c.path == sa.bindparam("gone")), gone
        )
    if change.entries:
        connection.execute(
            synced_files.insert(),
            [{**asdict(entry), "stage": entry.stage.value} for entry in change.entries],
        )
    if change.root:
        connection.execute(synced_folders.delete().where(synced_folders.c.path == change.root.path))
        connection.execute(
            synced_folders.insert().values({**asdict(change.root), "tags": list(change.root.tags)})
        )


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(**{**row._mapping, "stage": Stage(row.stage)})
