"""The ledger: what became of each file in the folders that are synced with an index."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from corpus.errors import NotFoundError
from corpus.unread import UnreadFile, UnreadFiles
from index.store.application import ApplicationData
from index.store.database import Database
from index.store.tables import documents, files, structures

_metadata = sa.MetaData()
_synced_folders = sa.Table(
    "synced_folders",
    _metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    # Null for the collection that each document is in, or the default one.
    sa.Column("collection", sa.Text),
    # Null if no folder in it states groups.
    sa.Column("groups", sa.JSON(none_as_null=True)),
)
_synced_files = sa.Table(
    "synced_files",
    _metadata,
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("root", sa.Text, nullable=False, index=True),
    sa.Column("size", sa.Integer, nullable=False),
    sa.Column("mtime_ns", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("document_id", sa.Text, index=True),
    sa.Column("version", sa.Text),
    sa.Column("stage", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("at", sa.Text, nullable=False),
)

_synced_formats = sa.Table(
    "synced_formats",
    _metadata,
    sa.Column("root", sa.Text, primary_key=True),
    sa.Column("suffix", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
)

_synced_unread = sa.Table(
    "synced_unread",
    _metadata,
    sa.Column("root", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
)

LEDGER_DATA = ApplicationData(_metadata)
"""The tables of the ledger, for the store that holds them."""


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
    :param collection: of all documents in the folder; None leaves them where they are, and adds
        new ones to the default one
    :param groups: the folders whose files are for some groups, with these
    """

    path: str
    prefix: str
    tags: tuple[str, ...] = ()
    collection: str | None = None
    groups: tuple[tuple[str, tuple[str, ...]], ...] = ()


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
    :param revisions: of the code that extracts the texts of its files, by suffix
    :param unread: what it holds and is not read
    """

    entries: Sequence[LedgerEntry] = ()
    forgotten: Sequence[str] = ()
    root: SyncedFolder | None = None
    revisions: Mapping[str, int] = field(default_factory=dict)
    unread: UnreadFiles | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.entries or self.forgotten or self.root)

    def write(self, connection: sa.Connection) -> None:
        """Write the change in the transaction of ``connection``."""
        replaced = [*self.forgotten, *(entry.path for entry in self.entries)]
        if replaced:
            connection.execute(
                _synced_files.delete().where(_synced_files.c.path == sa.bindparam("replaced")),
                [{"replaced": path} for path in replaced],
            )
        if self.entries:
            connection.execute(
                _synced_files.insert(),
                [{**asdict(entry), "stage": entry.stage.value} for entry in self.entries],
            )
        if self.root:
            connection.execute(
                _synced_folders.delete().where(_synced_folders.c.path == self.root.path)
            )
            connection.execute(
                _synced_folders.insert().values({**asdict(self.root), "tags": list(self.root.tags)})
            )
        if self.root and self.revisions:
            connection.execute(
                _synced_formats.delete().where(_synced_formats.c.root == self.root.path)
            )
            connection.execute(
                _synced_formats.insert(),
                [
                    {"root": self.root.path, "suffix": suffix, "revision": revision}
                    for suffix, revision in self.revisions.items()
                ],
            )
        if self.root and self.unread is not None:
            connection.execute(
                _synced_unread.delete().where(_synced_unread.c.root == self.root.path)
            )
            files = [[file.name, file.reason] for file in self.unread.files]
            connection.execute(
                _synced_unread.insert().values(
                    root=self.root.path, number=self.unread.count, files=files
                )
            )


class Ledger:
    """The ledger of a store. Lines about documents that change are written in the transaction that
    changes the documents, with :meth:`LedgerChange.write`.
    """

    def __init__(self, database: Database) -> None:
        """The ledger in a store's database, which was opened with :data:`LEDGER_DATA`."""
        self._database = database

    def record(self, change: LedgerChange) -> None:
        """Write a change of the ledger that comes without a change of documents."""
        with self._database.transaction("NORMAL") as connection:
            change.write(connection)

    def forget_root(self, path: str) -> int:
        """Stop syncing a folder. Its documents stay.

        :return: how many of its files were in the ledger
        :raises NotFoundError: the folder is not synced
        """
        with self._database.transaction() as connection:
            if (
                connection.execute(
                    _synced_folders.delete().where(_synced_folders.c.path == path)
                ).rowcount
                == 0
            ):
                raise NotFoundError(f"{path}: the index is not synced with this folder")
            connection.execute(_synced_formats.delete().where(_synced_formats.c.root == path))
            connection.execute(_synced_unread.delete().where(_synced_unread.c.root == path))
            return connection.execute(
                _synced_files.delete().where(_synced_files.c.root == path)
            ).rowcount

    def roots(self) -> list[SyncedFolder]:
        """The synced folders, in the order of their paths."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(_synced_folders).order_by(_synced_folders.c.path))
            return [
                SyncedFolder(
                    row.path,
                    row.prefix,
                    tuple(row.tags),
                    collection=row.collection,
                    groups=tuple((folder, tuple(groups)) for folder, groups in row.groups or ()),
                )
                for row in rows
            ]

    def revisions(self, root: str) -> dict[str, int]:
        """The revisions of the code that extracted the texts of a folder's files, by suffix.

        A missing suffix has the first revision.
        """
        query = sa.select(_synced_formats).where(_synced_formats.c.root == root)
        with self._database.reading() as connection:
            return {row.suffix: row.revision for row in connection.execute(query)}

    def entries(self, root: str) -> dict[str, LedgerEntry]:
        """The lines of the files in a synced folder, by path."""
        with self._database.reading() as connection:
            rows = connection.execute(sa.select(_synced_files).where(_synced_files.c.root == root))
            return {row.path: _entry(row) for row in rows}

    def lines(
        self, limit: int, after: str | None = None, stage: FileStage | None = None
    ) -> list[LedgerEntry]:
        """Up to ``limit`` lines with paths greater than ``after``, in the order of their paths.

        :param stage: only files at this stage
        """
        query = sa.select(_synced_files).order_by(_synced_files.c.path).limit(limit)
        if after is not None:
            query = query.where(_synced_files.c.path > after)
        if stage is not None:
            query = query.where(_synced_files.c.stage == stage.value)
        with self._database.reading() as connection:
            return [_entry(row) for row in connection.execute(query)]

    def stages(self) -> dict[str, dict[FileStage, int]]:
        """How many files of each synced folder are at each stage."""
        query = sa.select(_synced_files.c.root, _synced_files.c.stage, sa.func.count()).group_by(
            _synced_files.c.root, _synced_files.c.stage
        )
        counts: dict[str, dict[FileStage, int]] = {root.path: {} for root in self.roots()}
        with self._database.reading() as connection:
            for root, stage, count in connection.execute(query):
                counts[root][FileStage(stage)] = count
        return counts

    def unread(self) -> dict[str, UnreadFiles]:
        """What each synced folder holds and is not read, by the folder's path."""
        query = sa.select(_synced_unread).order_by(_synced_unread.c.root)
        with self._database.reading() as connection:
            return {
                row.root: UnreadFiles(row.number, [UnreadFile(*file) for file in row.files])
                for row in connection.execute(query)
            }

    def notes(self, document_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """The notes of those of the documents that have any, by id."""
        query = sa.select(documents.c.id, structures.c.notes).where(
            documents.c.id.in_(document_ids),
            structures.c.document_id == documents.c.id,
            structures.c.version == documents.c.version,
        )
        with self._database.reading() as connection:
            return {row.id: tuple(row.notes) for row in connection.execute(query) if row.notes}

    def claims(self) -> dict[str, str]:
        """The path of the file that each document of a synced folder is from, by document id."""
        query = sa.select(_synced_files.c.document_id, _synced_files.c.path).where(
            _synced_files.c.document_id.is_not(None)
        )
        with self._database.reading() as connection:
            return {row.document_id: row.path for row in connection.execute(query)}

    def holder(self, document_id: str) -> str | None:
        """The path of the file in a synced folder that a document is from, None without one."""
        query = sa.select(_synced_files.c.path).where(_synced_files.c.document_id == document_id)
        with self._database.reading() as connection:
            path: str | None = connection.execute(query.limit(1)).scalar()
            return path

    def versions(self, root: str) -> dict[str, str]:
        """The current versions of the documents from a synced folder, by id."""
        named = sa.select(_synced_files.c.document_id).where(_synced_files.c.root == root)
        query = sa.select(documents.c.id, documents.c.version).where(documents.c.id.in_(named))
        with self._database.reading() as connection:
            return {row.id: row.version for row in connection.execute(query)}

    def nameless(self, root: str) -> set[str]:
        """The ids of the documents from a synced folder of which the store does not know the file,
        because an older version of Quoth wrote them.
        """
        named = sa.select(_synced_files.c.document_id).where(
            _synced_files.c.root == root, _synced_files.c.stage == FileStage.STORED.value
        )
        has_file = sa.exists().where(
            files.c.document_id == documents.c.id, files.c.version == documents.c.version
        )
        query = sa.select(documents.c.id).where(documents.c.id.in_(named), ~has_file)
        with self._database.reading() as connection:
            return set(connection.execute(query).scalars())


def _entry(row: sa.Row[Any]) -> LedgerEntry:
    return LedgerEntry(**{**row._mapping, "stage": FileStage(row.stage)})
