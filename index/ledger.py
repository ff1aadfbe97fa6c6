"""The ledger: what became of each file in the folders that are synced with an index."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError
from index.store.database import Database
from index.store.tables import documents, synced_files, synced_folders


class FileStage(StrEnum):
    """How far a file has got."""

    WAITING = "waiting"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SyncedFolder:
    """A folder that is synced with the index.

    :param path: absolute, as the user named the folder
    :param prefix: goes before the path of a file in the folder to make the id of its document; it
        is fixed by the first sync
    :param tags: the tags of all documents in the folder
    """

    path: str
    prefix: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """A line of the ledger: one file.

    :param path: absolute
    :param root: the path of the synced folder that it is in
    :param size: in bytes, when it was last read
    :param mtime_ns: its modification time then, 0 if that proves nothing
    :param sha256: of its bytes then, empty if it could not be read
    :param document_id: the document that it gave, or that it gave before it failed; None if it
        never gave one
    :param version: of that document, as the file gave it
    :param reason: why it failed; for a waiting file, why it failed the last time
    :param at: when it reached the stage, in ISO 8601, UTC
    """

    path: str
    root: str
    size: int
    mtime_ns: int
    sha256: str
    document_id: str | None
    version: str | None
    stage: FileStage
    reason: str | None
    at: str


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """A change of the ledger.

    :param entries: lines to write; each replaces the line of the same path
    :param forgotten: paths whose lines are deleted
    :param root: a synced folder to record
    """

    entries: Sequence[LedgerEntry] = ()
    forgotten: Sequence[str] = ()
    root: SyncedFolder | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.entries or self.forgotten or self.root)


NO_LINES = LedgerChange()


class Ledger:
    """The ledger of a store. Lines about documents that change are written in the transaction that
    changes the documents, with :func:`write_lines`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, change: LedgerChange) -> None:
        """Write a change of the ledger that comes without a change of documents."""
        with self._database.transaction("NORMAL") as connection:
            write_lines(connection, change)

    def forget_root(self, path: str) -> int:
        """Stop syncing a folder. Its documents stay.

        :return: how many of its files were in the ledger
        :raises NotFoundError: the folder is not synced
        """
        with self._database.transaction() as connection:
            if (
                connection.execute(
                    synced_folders.delete().where(synced_folders.c.path == path)
                ).rowcount
                == 0
            ):
                raise NotFoundError(f"{path}: the index is not synced with this folder")
            return connection.execute(
                synced_files.delete().where(synced_files.c.root == path)
            ).rowcount

    def roots(self) -> list[SyncedFolder]:
        """The synced folders, in the order of their paths."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(synced_folders).order_by(synced_folders.c.path))
            return [SyncedFolder(row.path, row.prefix, tuple(row.tags)) for row in rows]

    def entries(self, root: str) -> dict[str, LedgerEntry]:
        """The lines of the files in a synced folder, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(synced_files).where(synced_files.c.root == root))
            return {row.path: _entry(row) for row in rows}

    def lines(
        self, limit: int, after: str | None = None, stage: FileStage | None = None
    ) -> list[LedgerEntry]:
        """Up to ``limit`` lines with paths greater than ``after``, in the order of their paths.

        :param stage: only files at this stage
        """
        query = sa.select(synced_files).order_by(synced_files.c.path).limit(limit)
        if after is not None:
            query = query.where(synced_files.c.path > after)
        if stage is not None:
            query = query.where(synced_files.c.stage == stage.value)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def stages(self) -> dict[str, dict[FileStage, int]]:
        """How many files of each synced folder are at each stage."""
        query = sa.select(synced_files.c.root, synced_files.c.stage, sa.func.count()).group_by(
            synced_files.c.root, synced_files.c.stage
        )
        counts: dict[str, dict[FileStage, int]] = {root.path: {} for root in self.roots()}
        with self._database.reading() as connection:
            for root, stage, count in connection.execute(query):
                counts[root][FileStage(stage)] = count
        return counts

    def claims(self) -> dict[str, str]:
        """The path of the file that each document of a synced folder is from, by document id."""
        query = sa.select(synced_files.c.document_id, synced_files.c.path).where(
            synced_files.c.document_id.is_not(None)
        )
        with self._database.reading() as connection:
            return {row.document_id: row.path for row in connection.execute(query)}

    def versions(self, root: str) -> dict[str, str]:
        """The current versions of the documents from a synced folder, by id."""
        named = sa.select(synced_files.c.document_id).where(synced_files.c.root == root)
        query = sa.select(documents.c.id, documents.c.version).where(documents.c.id.in_(named))
        with self._database.reading() as connection:
            return {row.id: row.version for row in connection.execute(query)}


def write_lines(connection: sa.Connection, change: LedgerChange) -> None:
    """Write a change of the ledger in the transaction of ``connection``."""
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


def _entry(row: sa.Row[Any]) -> LedgerEntry:
    return LedgerEntry(**{**row._mapping, "stage": FileStage(row.stage)})
