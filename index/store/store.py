"""The store: documents, versions, chunks and vectors as rows of a database. It is the truth.

FAISS and the lexical index are derived from it. Every write of documents is one transaction that
ends in a new generation number; :meth:`Store.changes_since` says what a derived index of an older
generation is missing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from corpus.document import Document, Page
from corpus.errors import NotFoundError, StoreError
from index.encoding.encoder import Vectors
from index.store import tables
from index.store.application import ApplicationData, TransactionStep
from index.store.database import Database, insert_or_keep, make_folder, now
from index.text.chunk import Chunk

Ids = NDArray[np.int64]

FORMAT = 1
"""Version of the tables below; a store with another one is not opened."""

FILE_NAME = "quoth.db"

_CHUNKS_PER_PAGE = 10_000
_SPARE_NUMBERS = 1_000_000

_PAGED_PASSAGE = sa.select(
    sa.func.substr(tables.versions.c.text, sa.bindparam("first"), sa.bindparam("length")),
    tables.versions.c.pages,
).where(
    tables.versions.c.document_id == sa.bindparam("document_id"),
    tables.versions.c.version == sa.bindparam("version"),
)
"""Built once: an answer asks it of every place that it quotes."""

_numbers = sa.table("sqlite_sequence", sa.column("name", sa.Text), sa.column("seq", sa.Integer))
"""Where SQLite keeps the highest number that it has given, of each table that never gives one
twice.
"""

_last_number = sa.select(_numbers.c.seq).where(_numbers.c.name == tables.chunks.name)

_its_vector = tables.vectors.c.chunk_id == tables.chunks.c.id

_listed = sa.select(sa.func.json_each(sa.bindparam("ids")).table_valued("value").c.value)
"""Any number of ids, as one parameter (:func:`_ids`)."""

_chunks = sa.select(
    tables.chunks,
    tables.documents.c.title,
    tables.documents.c.url,
    tables.documents.c.published,
    tables.documents.c.tags,
).join(tables.documents, tables.documents.c.id == tables.chunks.c.document_id)
"""Everything that is known of a chunk."""

_chunks_of = _chunks.where(tables.chunks.c.id.in_(_listed))
_vectors_of = sa.select(tables.vectors.c.chunk_id, tables.vectors.c.vector).where(
    tables.vectors.c.chunk_id.in_(_listed)
)
"""Made once: every search runs both."""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search is narrowed to: several kinds all hold, several values of a kind are
    alternatives.

    A kind left empty does not narrow. A document without a date is outside every date filter. Both
    days are included."""

    document_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None

    def __bool__(self) -> bool:
        """Whether anything is narrowed at all."""
        return bool(self.document_ids or self.tags or self.published_from or self.published_to)


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document ready to be written: its chunks and their vectors, float32 ``[chunks,
    dimension]``.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its number and what is known about its document."""

    id: int
    chunk: Chunk
    title: str
    url: str | None
    published: date | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text.

    :param chunks: how many it was cut into
    :param characters: code points of its text
    :param updated_at: when its present state was written, ISO 8601, UTC
    """

    id: str
    version: str
    title: str
    url: str | None
    published: date | None
    tags: tuple[str, ...]
    chunks: int
    characters: int
    updated_at: str


@dataclass(frozen=True, slots=True)
class Overview:
    """What a collection holds, at a glance.

    :param tags: each with the number of its documents, the most frequent first
    :param published_from: the earliest day that a document carries, None where none carries one
    :param published_to: the latest
    """

    documents: int
    tags: tuple[tuple[str, int], ...]
    published_from: date | None
    published_to: date | None


@dataclass(frozen=True, slots=True)
class Removal:
    """How many rows of each kind were deleted with a document.

    :param related: rows of the application's data, by name
    """

    id: str
    chunks: int
    versions: int
    related: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened to the chunks between two generations, or a part of it.

    :param generation: the one that all the parts lead to
    :param removed: numbers of chunks that are gone
    :param added: chunks that are new and still there
    """

    generation: int
    removed: Ids
    added: tuple[StoredChunk, ...]


@dataclass(frozen=True, slots=True)
class VectorChanges:
    """What happened to the vectors between two generations, or a part of it.

    :param generation: the one that all the parts lead to
    :param removed: numbers of chunks that are gone
    :param added: numbers of chunks that are new and still there
    :param vectors: theirs, float32 ``[len(added), dimension]``
    """

    generation: int
    removed: Ids
    added: Ids
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Passing:
    """What happened between two generations to the set of chunks that pass filters.

    :param removed: numbers of chunks that are gone, whether or not they passed
    :param added: numbers of chunks that are new and pass
    """

    generation: int
    removed: Ids
    added: Ids


class Store:
    """One database. Thread-safe; any process may read, the one that holds the writer's lock may
    write documents.
    """

    def __init__(self, folder: Path, application: Sequence[ApplicationData] = ()) -> None:
        """Open the store in ``folder``, making its tables where it is new.

        :param application: other data that lives in the database and changes with its documents
        :raises StoreError: the file is damaged, not a store of Quoth, or of another format
        """
        make_folder(folder)
        self.path = folder / FILE_NAME
        self.database = Database(self.path)
        self._application = tuple(application)
        with self.database.reading() as connection:
            there = set(sa.inspect(connection).get_table_names())
            found = (
                json.loads(self._meta(connection, "format") or "null")
                if tables.meta.name in there
                else FORMAT
            )
        if found != FORMAT:
            self.close()
            raise StoreError(
                f"{self.path}: the store has format {found}, this Quoth reads {FORMAT}; use "
                "the Quoth that wrote it"
            )
        schemas = (tables.metadata, *(data.tables for data in self._application))
        if any(schema.tables.keys() - there for schema in schemas):
            # The store is new, or older than one of the tables.
            with self.database.transaction() as connection:
                for schema in schemas:
                    schema.create_all(connection)
                connection.execute(
                    insert_or_keep(tables.meta),
                    [_meta_row("format", FORMAT), _meta_row("generation", 0)],
                )

    def close(self) -> None:
        """Close every connection."""
        self.database.close()

    # -- what the index was built with, and where it stands

    @property
    def generation(self) -> int:
        """The number of the last write of documents."""
        with self.database.reading() as connection:
            return self._generation(connection)

    def manifest(self) -> dict[str, object] | None:
        """What the index was built with, None before the first :meth:`set_manifest`."""
        with self.database.reading() as connection:
            value = self._meta(connection, "manifest")
        return None if value is None else json.loads(value)

    def set_manifest(self, manifest: dict[str, object]) -> None:
        """Record what the index is built with from now on."""
        with self.database.transaction() as connection:
            _put_meta(connection, "manifest", manifest)

    def calibration(self) -> dict[str, Any] | None:  # Any: JSON
        """The numbers that confidence was calibrated to on questions about these documents, None
        where it was not.
        """
        with self.database.reading() as connection:
            value = self._meta(connection, "calibration")
        return None if value is None else json.loads(value)

    def set_calibration(self, numbers: dict[str, object]) -> None:
        """Keep such numbers from now on."""
        with self.database.transaction() as connection:
            _put_meta(connection, "calibration", numbers)

    def encoder_source(self) -> str | None:
        """What the encoder was loaded from, as it was last asked for, None where that was not
        recorded.
        """
        with self.database.reading() as connection:
            value = self._meta(connection, "encoder_source")
        return None if value is None else str(json.loads(value))

    def set_encoder_source(self, source: str) -> None:
        """Record what the encoder was loaded from."""
        with self.database.transaction() as connection:
            _put_meta(connection, "encoder_source", source)

    def is_empty(self) -> bool:
        """Whether there is no document at all; quick, however many there are."""
        return not self.documents(1)

    def chunk_count(self) -> int:
        """How many chunks there are."""
        with self.database.reading() as connection:
            return _count(connection, tables.chunks)

    def counts(self) -> dict[str, int]:
        """How many rows there are of documents, versions and chunks, and of what the application
        counts, by table. Quick: each counts a narrow index.
        """
        counted = [tables.documents, tables.versions, tables.chunks]
        counted += [table for data in self._application for table in data.counted]
        with self.database.reading() as connection:
            return {table.name: _count(connection, table) for table in counted}

    # -- writing documents

    def write(
        self,
        upserts: Iterable[PreparedDocument],
        removals: Sequence[str] = (),
        manifest: dict[str, object] | None = None,
        also: TransactionStep | None = None,
    ) -> tuple[int, list[Removal]]:
        """Put documents in place of what stood under their ids, and take others out, as one new
        generation.

        :param manifest: what the index is built with from this generation on, where that changes
        :param also: called in the same transaction, to write data of the application
        :return: the new generation, and a receipt for each id in ``removals`` that was there
        :raises StoreError: the disk is full or the database damaged; then nothing has changed
        """
        with self.database.transaction() as connection:
            generation = self._generation(connection) + 1
            gone = [_remove(connection, id, generation, self._application) for id in removals]
            _replace(connection, list(upserts), generation)
            if manifest is not None:
                _put_meta(connection, "manifest", manifest)
            if also is not None:
                also(connection)
            _set_generation(connection, generation)
        return generation, [receipt for receipt in gone if receipt is not None]

    # -- another index of the same documents, which is to take the place of this one

    def follow(self, other: "Store") -> None:
        """Give the chunks of this store, which is new, numbers that the other one will never give.

        There is room for eight times as many chunks as the other has, and a million more. Done
        once, it is done."""
        with self.database.reading() as connection:
            if self._meta(connection, "last_number") is not None:
                return
        with other.database.transaction() as connection:
            room = 8 * _count(connection, tables.chunks) + _SPARE_NUMBERS
            last = _last_chunk_number(connection)
            connection.execute(
                _numbers.update()
                .where(_numbers.c.name == tables.chunks.name)
                .values(seq=last + room)
            )
        with self.database.transaction() as connection:
            connection.execute(_numbers.insert().values(name=tables.chunks.name, seq=last))
            _put_meta(connection, "last_number", last + room)

    def skip_to(self, generation: int) -> None:
        """Count generations on from that number."""
        with self.database.transaction() as connection:
            _set_generation(connection, generation)

    def take_over(self, other: "Store") -> None:
        """Hold the other's chunks, vectors and manifest in place of the own, as the generation that
        the other is at.

        A calibration goes: it was fitted on what the own chunks and vectors find.

        :param other: a store of the same documents, made to :meth:`follow` this one, at a later
            generation
        :raises StoreError: it has given more numbers than it had, or the disk is full; then nothing
            has changed"""
        with other.database.reading() as source, self.database.transaction() as connection:
            if _last_chunk_number(source) > json.loads(self._meta(source, "last_number") or "0"):
                raise StoreError(
                    f"{other.path}: has outgrown its numbers; delete its folder and begin again"
                )
            generation = self._generation(source)
            ours = sa.select(tables.chunks.c.id, sa.literal(generation))
            connection.execute(
                tables.removed_chunks.insert().from_select(["chunk_id", "generation"], ours)
            )
            connection.execute(tables.chunks.delete())
            connection.execute(tables.vectors.delete())
            for rows in _pages(
                source,
                sa.select(tables.chunks, tables.vectors.c.vector).join(tables.vectors, _its_vector),
                0,
            ):
                _copy_chunks(connection, rows, generation)
            held = (
                sa.select(sa.func.count())
                .where(tables.chunks.c.document_id == tables.documents.c.id)
                .scalar_subquery()
            )
            connection.execute(tables.documents.update().values(chunks=held))
            connection.execute(tables.meta.delete().where(tables.meta.c.key == "calibration"))
            for key in ("manifest", "encoder_source"):
                value = self._meta(source, key)
                if value is not None:
                    _put_meta(connection, key, json.loads(value))
            _put_meta(connection, "taken_over", generation)
            _set_generation(connection, generation)

    def has_taken_over(self, other: "Store") -> bool:
        """Whether the other's chunks are held here, and nothing has been written there since."""
        with self.database.reading() as connection:
            return self._meta(connection, "taken_over") == str(other.generation)

    # -- reading documents

    def document(self, id: str, version: str | None = None) -> Document:
        """The document, with the text of the version asked for, the present one by default.

        :raises NotFoundError: there is no such document, or it never had that version
        """
        with self.database.reading() as connection:
            row = connection.execute(
                sa.select(tables.documents).where(tables.documents.c.id == id)
            ).one_or_none()
            if row is None:
                raise NotFoundError(f"there is no document {id!r}")
            version = version or row.version
            stored = connection.execute(
                sa.select(tables.versions).where(*_is_version(id, version))
            ).one_or_none()
        if stored is None:
            raise NotFoundError(f"document {id!r} has no version {version!r}")
        pages = tuple(Page(*page) for page in stored.pages)
        return Document(
            id, version, row.title, stored.text, row.url, row.published, tuple(row.tags), pages
        )

    def summary(self, id: str) -> DocumentSummary | None:
        """What is known about a document without its text, None where there is no such document."""
        with self.database.reading() as connection:
            row = connection.execute(
                sa.select(tables.documents).where(tables.documents.c.id == id)
            ).one_or_none()
        return None if row is None else _summary(row)

    def summaries(self, ids: Sequence[str]) -> dict[str, DocumentSummary]:
        """What is known about those of the documents that are there, by id."""
        query = sa.select(tables.documents).where(tables.documents.c.id.in_(_listed))
        with self.database.reading() as connection:
            return {row.id: _summary(row) for row in connection.execute(query, _ids(ids))}

    def documents(self, limit: int, after: str | None = None) -> list[DocumentSummary]:
        """Up to ``limit`` documents in the order of their ids, those past the id ``after``."""
        query = sa.select(tables.documents).order_by(tables.documents.c.id).limit(limit)
        if after is not None:
            query = query.where(tables.documents.c.id > after)
        with self.database.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def newest(self, limit: int) -> list[DocumentSummary]:
        """Up to ``limit`` documents, those last written first."""
        query = (
            sa.select(tables.documents)
            .order_by(tables.documents.c.updated_at.desc(), tables.documents.c.id)
            .limit(limit)
        )
        with self.database.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def overview(self, tags: int) -> Overview:
        """How many documents there are, over which days, with up to ``tags`` of their tags."""
        held = sa.func.count()
        days = sa.select(
            held,
            sa.func.min(tables.documents.c.published),
            sa.func.max(tables.documents.c.published),
        )
        tagged = (
            sa.select(tables.document_tags.c.tag, held)
            .group_by(tables.document_tags.c.tag)
            .order_by(held.desc(), tables.document_tags.c.tag)
            .limit(tags)
        )
        with self.database.reading() as connection:
            documents, earliest, latest = connection.execute(
                days.select_from(tables.documents)
            ).one()
            counted = tuple((row[0], row[1]) for row in connection.execute(tagged))
        return Overview(documents, counted, earliest, latest)

    def passage(self, document_id: str, version: str, start: int, end: int) -> str:
        """``text[start:end]`` of a version, read anew from the stored text.

        :raises NotFoundError: there is no such version
        """
        return self.paged_passage(document_id, version, start, end)[0]

    def paged_passage(
        self, document_id: str, version: str, start: int, end: int
    ) -> tuple[str, tuple[Page, ...]]:
        """:meth:`passage` with the version's page map, which is empty where its format has none."""
        place = {
            "document_id": document_id,
            "version": version,
            "first": start + 1,
            "length": end - start,
        }
        with self.database.reading() as connection:
            found = connection.execute(_PAGED_PASSAGE, place).one_or_none()
        if found is None:
            raise NotFoundError(f"document {document_id!r} has no version {version!r}")
        return str(found[0]), tuple(Page(*page) for page in found[1] or ())

    # -- reading chunks

    def chunks(self, ids: Sequence[int]) -> dict[int, StoredChunk]:
        """The chunks of those numbers that are there, by number."""
        with self.database.reading() as connection:
            return {row.id: _stored_chunk(row) for row in connection.execute(_chunks_of, _ids(ids))}

    def chunk_ids(self, filters: Filters | None = None) -> Ids:
        """The numbers of all chunks whose documents pass the filters, ascending."""
        with self.database.reading() as connection:
            return np.sort(_all_passing(connection, filters or Filters()))

    def embedded(self, document_id: str) -> dict[str, NDArray[np.float32]]:
        """The vectors of a document's present chunks, by the text that the encoder saw."""
        query = sa.select(tables.chunks, tables.vectors.c.vector).join(tables.vectors, _its_vector)
        with self.database.reading() as connection:
            rows = connection.execute(query.where(tables.chunks.c.document_id == document_id)).all()
        return {
            _chunk(row).embedded_text: np.frombuffer(row.vector, dtype=np.float32) for row in rows
        }

    def passing(self, filters: Filters, since: int = 0) -> Passing:
        """What a set of the chunks that pass the filters is missing, when it is of the generation
        ``since``.
        """
        with self.database.reading() as connection:
            added = (
                _new_passing(connection, filters, since)
                if since > 0
                else _all_passing(connection, filters)
            )
            return Passing(self._generation(connection), _removed_since(connection, since), added)

    def vectors(self, ids: Sequence[int]) -> tuple[Ids, Vectors]:
        """The numbers of those of the chunks that are there, and their vectors, float32 ``[there,
        dimension]``.
        """
        with self.database.reading() as connection:
            rows = connection.execute(_vectors_of, _ids(ids)).all()
        there = np.array([id for id, _ in rows], dtype=np.int64)
        return there, _matrix([vector for _, vector in rows])

    def changes_since(self, generation: int) -> Iterator[Changes]:
        """What a lexical index of that generation is missing; from 0, everything.

        It comes in parts that hold a bounded number of chunks, at least one part, all of one state
        of the store."""
        with self.database.reading() as connection:
            reached, removed = self._generation(connection), _removed_since(connection, generation)
            for rows in _pages(connection, _chunks, generation):
                yield Changes(reached, removed, tuple(_stored_chunk(row) for row in rows))
                removed = removed[:0]

    def vector_changes_since(self, generation: int) -> Iterator[VectorChanges]:
        """What an index of the vectors of that generation is missing; from 0, everything. In parts,
        as above.
        """
        query = sa.select(tables.chunks.c.id, tables.vectors.c.vector).join(
            tables.vectors, _its_vector
        )
        with self.database.reading() as connection:
            reached, removed = self._generation(connection), _removed_since(connection, generation)
            for rows in _pages(connection, query, generation):
                ids = np.array([row.id for row in rows], dtype=np.int64)
                yield VectorChanges(reached, removed, ids, _matrix([row.vector for row in rows]))
                removed = removed[:0]

    def damaged_chunks(self) -> list[str]:
        """A line for each chunk whose text is not its span of the document's present version, or
        has no vector.
        """
        text = sa.func.substr(
            tables.versions.c.text,
            tables.chunks.c.start + 1,
            tables.chunks.c.end - tables.chunks.c.start,
        )
        query = (
            sa.select(
                tables.chunks.c.id,
                tables.chunks.c.document_id,
                tables.documents.c.id,
                tables.vectors.c.chunk_id,
                text == tables.chunks.c.text,
            )
            .outerjoin(
                tables.documents,
                (tables.documents.c.id == tables.chunks.c.document_id)
                & (tables.documents.c.version == tables.chunks.c.version),
            )
            .outerjoin(
                tables.versions,
                (tables.versions.c.document_id == tables.chunks.c.document_id)
                & (tables.versions.c.version == tables.chunks.c.version),
            )
            .outerjoin(tables.vectors, _its_vector)
        )
        with self.database.reading() as connection:
            return [
                f"chunk {id} of document {document_id!r}: {fault}"
                for id, document_id, owner, vector, equal in connection.execute(query)
                for fault in _faults(owner, vector, equal)
            ]

    @staticmethod
    def _meta(connection: sa.Connection, key: str) -> str | None:
        return connection.execute(
            sa.select(tables.meta.c.value).where(tables.meta.c.key == key)
        ).scalar_one_or_none()

    @classmethod
    def _generation(cls, connection: sa.Connection) -> int:
        return int(cls._meta(connection, "generation") or 0)


def _meta_row(key: str, value: object) -> dict[str, str]:
    return {"key": key, "value": json.dumps(value, sort_keys=True)}


def _put_meta(connection: sa.Connection, key: str, value: object) -> None:
    connection.execute(tables.meta.delete().where(tables.meta.c.key == key))
    connection.execute(tables.meta.insert(), [_meta_row(key, value)])


def _set_generation(connection: sa.Connection, generation: int) -> None:
    connection.execute(
        tables.meta.update().where(tables.meta.c.key == "generation").values(value=str(generation))
    )


def _count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def _last_chunk_number(connection: sa.Connection) -> int:
    """The highest number that a chunk was given."""
    return int(connection.execute(_last_number).scalar_one_or_none() or 0)


def _copy_chunks(connection: sa.Connection, rows: Sequence[sa.Row[Any]], generation: int) -> None:
    """Insert rows of another store under the numbers that they have there."""
    copies = [_chunk_row(row.id, _chunk(row), generation) for row in rows]
    _insert(connection, tables.chunks, copies)
    _insert(
        connection, tables.vectors, [{"chunk_id": row.id, "vector": row.vector} for row in rows]
    )


def _matrix(rows: Sequence[bytes]) -> Vectors:
    return np.frombuffer(b"".join(rows), dtype=np.float32).reshape(len(rows), -1 if rows else 0)


def _ids(ids: Sequence[int] | Sequence[str]) -> dict[str, str]:
    """The parameter of :data:`_listed`."""
    return {"ids": json.dumps(list(ids), ensure_ascii=False)}


def _all_passing(connection: sa.Connection, filters: Filters) -> Ids:
    """The numbers of the chunks whose documents pass."""
    query = sa.select(tables.chunks.c.id)
    if filters:
        query = query.where(tables.chunks.c.document_id.in_(_passing(filters)))
    return _fetched_ids(connection, query)


def _new_passing(connection: sa.Connection, filters: Filters, since: int) -> Ids:
    """Those of them that are new since a generation; quick where these are few, however many
    pass.
    """
    query = sa.select(tables.chunks.c.id, tables.chunks.c.document_id).where(
        tables.chunks.c.generation > since
    )
    rows = connection.execute(query).all()
    theirs = _passing(filters).where(tables.documents.c.id.in_(_listed))
    passing = set(connection.execute(theirs, _ids(sorted({owner for _, owner in rows}))).scalars())
    return np.array([id for id, owner in rows if owner in passing], dtype=np.int64)


def _removed_since(connection: sa.Connection, generation: int) -> Ids:
    """The numbers of the chunks that are gone since a generation; since 0 nothing is missed."""
    if generation == 0:
        return np.empty(0, dtype=np.int64)
    query = sa.select(tables.removed_chunks.c.chunk_id).where(
        tables.removed_chunks.c.generation > generation
    )
    return _fetched_ids(connection, query)


def _fetched_ids(connection: sa.Connection, query: sa.Select[tuple[int]]) -> Ids:
    """What a query of one column finds; as one text, because a row for each of a million takes six
    times as long.
    """
    text = connection.execute(sa.select(sa.func.group_concat(query.subquery().c[0]))).scalar()
    return np.fromstring(text or "", dtype=np.int64, sep=",")


def _pages(
    connection: sa.Connection, query: sa.Select[Any], generation: int
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows of the chunks that are new since a generation, the oldest first; at least one
    page.
    """
    place = sa.tuple_(tables.chunks.c.generation, tables.chunks.c.id)
    query = (
        query.add_columns(tables.chunks.c.generation.label("at"))
        .order_by(*place)
        .limit(_CHUNKS_PER_PAGE)
    )
    rows = connection.execute(query.where(tables.chunks.c.generation > generation)).all()
    yield rows
    while len(rows) == _CHUNKS_PER_PAGE:
        rows = connection.execute(query.where(place > (rows[-1].at, rows[-1].id))).all()
        yield rows


def _remove(
    connection: sa.Connection, id: str, generation: int, application: Iterable[ApplicationData]
) -> Removal | None:
    """Remove a document and everything that shows its text; returns None if it does not exist."""
    if (
        connection.execute(tables.documents.delete().where(tables.documents.c.id == id)).rowcount
        == 0
    ):
        return None
    related: dict[str, int] = {}
    for data in application:
        related.update(data.remove_document(connection, id))
    versions = connection.execute(
        tables.versions.delete().where(tables.versions.c.document_id == id)
    ).rowcount
    connection.execute(
        tables.document_tags.delete().where(tables.document_tags.c.document_id == id)
    )
    return Removal(id, _remove_chunks(connection, id, generation), versions, related)


def _remove_chunks(connection: sa.Connection, document_id: str, generation: int) -> int:
    own = sa.select(tables.chunks.c.id).where(tables.chunks.c.document_id == document_id)
    connection.execute(
        tables.removed_chunks.insert().from_select(
            ["chunk_id", "generation"],
            sa.select(tables.chunks.c.id, sa.literal(generation)).where(
                tables.chunks.c.document_id == document_id
            ),
        )
    )
    connection.execute(tables.vectors.delete().where(tables.vectors.c.chunk_id.in_(own)))
    return connection.execute(
        tables.chunks.delete().where(tables.chunks.c.document_id == document_id)
    ).rowcount


def _replace(
    connection: sa.Connection, upserts: Sequence[PreparedDocument], generation: int
) -> None:
    """Put documents in place of what stands under their ids, many with one statement for each
    table.
    """
    query = sa.select(tables.documents.c.id).where(tables.documents.c.id.in_(_listed))
    present = set(
        connection.execute(query, _ids([prepared.document.id for prepared in upserts])).scalars()
    )
    for prepared in upserts:
        if prepared.document.id in present:
            _clear(connection, prepared.document, generation)
    documents = [prepared.document for prepared in upserts]
    _insert(connection, tables.documents, [_document_row(prepared) for prepared in upserts])
    _insert(connection, tables.versions, [_version_row(document) for document in documents])
    tags = [
        {"tag": tag, "document_id": document.id} for document in documents for tag in document.tags
    ]
    _insert(connection, tables.document_tags, tags)
    chunks = [chunk for prepared in upserts for chunk in prepared.chunks]
    first = _last_chunk_number(connection) + 1
    _insert(
        connection,
        tables.chunks,
        [_chunk_row(id, chunk, generation) for id, chunk in enumerate(chunks, first)],
    )
    vectors = (
        vector for prepared in upserts for vector in np.asarray(prepared.vectors, dtype=np.float32)
    )
    rows = [
        {"chunk_id": id, "vector": vector.tobytes()} for id, vector in enumerate(vectors, first)
    ]
    _insert(connection, tables.vectors, rows)


def _clear(connection: sa.Connection, document: Document, generation: int) -> None:
    """Make room for another state of a document that is there; its other versions stay."""
    connection.execute(tables.documents.delete().where(tables.documents.c.id == document.id))
    _remove_chunks(connection, document.id, generation)
    connection.execute(
        tables.document_tags.delete().where(tables.document_tags.c.document_id == document.id)
    )
    connection.execute(tables.versions.delete().where(*_is_version(document.id, document.version)))


def _insert(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> None:
    if rows:
        connection.execute(table.insert(), rows)


def _document_row(prepared: PreparedDocument) -> dict[str, object]:
    document = prepared.document
    return {
        "id": document.id,
        "version": document.version,
        "title": document.title,
        "url": document.url,
        "published": document.published,
        "tags": list(document.tags),
        "chunks": len(prepared.chunks),
        "characters": len(document.text),
        "updated_at": now(),
    }


def _version_row(document: Document) -> dict[str, object]:
    pages = [[page.number, page.start, page.end] for page in document.pages]
    return {
        "document_id": document.id,
        "version": document.version,
        "pages": pages,
        "text": document.text,
    }


def _chunk_row(id: int, chunk: Chunk, generation: int) -> dict[str, object]:
    return {
        "id": id,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "context": chunk.context,
        "generation": generation,
    }


def _is_version(
    document_id: str, version: str
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return tables.versions.c.document_id == document_id, tables.versions.c.version == version


def _passing(filters: Filters) -> sa.Select[tuple[str]]:
    """The ids of the documents that pass."""
    query = sa.select(tables.documents.c.id)
    if filters.document_ids:
        query = query.where(tables.documents.c.id.in_(filters.document_ids))
    if filters.tags:
        query = query.where(
            tables.documents.c.id.in_(
                sa.select(tables.document_tags.c.document_id).where(
                    tables.document_tags.c.tag.in_(filters.tags)
                )
            )
        )
    if filters.published_from:
        query = query.where(tables.documents.c.published >= filters.published_from)
    if filters.published_to:
        query = query.where(tables.documents.c.published <= filters.published_to)
    return query


def _chunk(row: sa.Row[Any]) -> Chunk:
    return Chunk(row.document_id, row.version, row.start, row.end, row.text, row.context)


def _stored_chunk(row: sa.Row[Any]) -> StoredChunk:
    return StoredChunk(row.id, _chunk(row), row.title, row.url, row.published, tuple(row.tags))


def _summary(row: sa.Row[Any]) -> DocumentSummary:
    return DocumentSummary(
        row.id,
        row.version,
        row.title,
        row.url,
        row.published,
        tuple(row.tags),
        row.chunks,
        row.characters,
        row.updated_at,
    )


def _faults(owner: str | None, vector: int | None, equal: bool | None) -> Iterator[str]:
    if owner is None:
        yield "its document has another version or is gone"
    if not equal:
        yield "its text is not what stands at its place in the document"
    if vector is None:
        yield "it has no vector"
