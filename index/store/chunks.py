"""Chunks and vectors: read by id, by filter, and by what changed since a generation."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from corpus.document import DEFAULT_COLLECTION
from corpus.errors import StoreError
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.store import tables
from index.store.database import Database
from index.store.meta import read_generation
from index.store.rows import (
    ITS_FILE,
    ITS_VECTOR,
    LISTED,
    OF_ITS_FILE,
    ChunkIds,
    check_document,
    check_file,
    chunk_of,
    count_rows,
    groups_of,
    id_list,
    is_one_of,
    matrix,
    vector_of,
)
from index.store.scoping import in_scope
from index.text.chunk import Chunk

_CHUNKS_PER_PAGE = 10_000

_CHUNKS = (
    sa.select(
        tables.chunks,
        tables.documents.c.title,
        tables.documents.c.url,
        tables.documents.c.published,
        tables.documents.c.tags,
        tables.documents.c.collection,
        tables.documents.c.groups,
        tables.documents.c.checksum.label("document_checksum"),
        *OF_ITS_FILE,
    )
    .join(tables.documents, tables.documents.c.id == tables.chunks.c.document_id)
    .outerjoin(tables.files, ITS_FILE)
)
"""Everything that is known of a chunk."""

# Built once, because every search runs both.
_CHUNKS_BY_ID = _CHUNKS.where(tables.chunks.c.id.in_(LISTED))
_VECTORS_BY_ID = sa.select(tables.vectors).where(tables.vectors.c.chunk_id.in_(LISTED))


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk with its id and what is known about its document."""

    id: int
    chunk: Chunk
    title: str
    url: str | None
    published: date | None
    tags: tuple[str, ...]
    file_name: str | None = None
    collection: str = DEFAULT_COLLECTION
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChunkChanges:
    """A part of what happened to the chunks between two generations.

    :param generation: the one that all parts lead to
    :param removed: ids of chunks that are gone
    :param added: chunks that are new and still exist
    """

    generation: int
    removed: ChunkIds
    added: tuple[StoredChunk, ...]


@dataclass(frozen=True, slots=True)
class VectorChanges:
    """A part of what happened to the vectors between two generations.

    :param generation: the one that all parts lead to
    :param removed: ids of chunks that are gone
    :param added: ids of chunks that are new and still exist
    :param vectors: their vectors, float32 ``[len(added), dimension]``
    """

    generation: int
    removed: ChunkIds
    added: ChunkIds
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class PassingChanges:
    """What happened between two generations to the set of chunks that pass some filters.

    :param removed: ids of chunks that are gone, whether or not they passed
    :param added: ids of chunks that are new and pass
    """

    generation: int
    removed: ChunkIds
    added: ChunkIds


class ChunkReader:
    """Reads chunks and vectors. A base of :class:`index.store.store.Store`."""

    database: Database

    def chunk_count(self) -> int:
        """The number of chunks."""
        with self.database.reading() as connection:
            return count_rows(connection, tables.chunks)

    def chunks(self, chunk_ids: Sequence[int]) -> dict[int, StoredChunk]:
        """Those of the chunks that exist, by id."""
        with self.database.reading() as connection:
            rows = connection.execute(_CHUNKS_BY_ID, id_list(chunk_ids))
            return {row.id: _stored_chunk(row) for row in rows}

    def chunk_ids(self, filters: Filters | None = None) -> ChunkIds:
        """The ids of all chunks whose documents pass the filters, ascending."""
        with self.database.reading() as connection:
            return np.sort(_passing_ids(connection, filters or Filters()))

    def embedded(self, document_id: str) -> dict[str, NDArray[np.float32]]:
        """The sound vectors of a document's present chunks, by the text that was embedded."""
        query = sa.select(
            tables.chunks,
            tables.vectors.c.vector,
            tables.vectors.c.checksum.label("vector_checksum"),
        ).join(tables.vectors, ITS_VECTOR)
        with self.database.reading() as connection:
            rows = connection.execute(query.where(tables.chunks.c.document_id == document_id)).all()
        embedded = {}
        for row in rows:
            with suppress(StoreError):  # What is damaged is embedded again.
                vector = vector_of(row.id, row.vector, row.vector_checksum)
                embedded[chunk_of(row).embedded_text] = np.frombuffer(vector, dtype=np.float32)
        return embedded

    def passing(self, filters: Filters, since: int = 0) -> PassingChanges:
        """How the set of chunks that pass the filters has changed since a generation."""
        with self.database.reading() as connection:
            added = (
                _new_passing_ids(connection, filters, since)
                if since > 0
                else _passing_ids(connection, filters)
            )
            removed = _removed_since(connection, since)
            return PassingChanges(read_generation(connection), removed, added)

    def vectors(self, chunk_ids: Sequence[int]) -> tuple[ChunkIds, Vectors]:
        """The ids of those of the chunks that exist, and their vectors, float32
        ``[existing, dimension]``.
        """
        with self.database.reading() as connection:
            rows = connection.execute(_VECTORS_BY_ID, id_list(chunk_ids)).all()
        existing = np.array([row.chunk_id for row in rows], dtype=np.int64)
        return existing, matrix([vector_of(*row) for row in rows])

    def changes_since(self, generation: int) -> Iterator[ChunkChanges]:
        """What a lexical index of that generation is missing; since 0, everything.

        There is at least one part, each holds a bounded number of chunks, and all are of the same
        state of the store.
        """
        with self.database.reading() as connection:
            reached, removed = read_generation(connection), _removed_since(connection, generation)
            for rows in pages(connection, _CHUNKS, generation):
                yield ChunkChanges(reached, removed, tuple(_stored_chunk(row) for row in rows))
                removed = removed[:0]

    def vector_changes_since(self, generation: int) -> Iterator[VectorChanges]:
        """What a vector index of that generation is missing, in parts as above."""
        query = sa.select(
            tables.chunks.c.id, tables.vectors.c.vector, tables.vectors.c.checksum
        ).join(tables.vectors, ITS_VECTOR)
        with self.database.reading() as connection:
            reached, removed = read_generation(connection), _removed_since(connection, generation)
            for rows in pages(connection, query, generation):
                added = np.array([row.id for row in rows], dtype=np.int64)
                vectors = matrix([vector_of(row.id, row.vector, row.checksum) for row in rows])
                yield VectorChanges(reached, removed, added, vectors)
                removed = removed[:0]


def pages(
    connection: sa.Connection, query: sa.Select[Any], generation: int
) -> Iterator[Sequence[sa.Row[Any]]]:
    """The rows of the chunks that are new since a generation, oldest first.

    There is at least one page.
    """
    position = sa.tuple_(tables.chunks.c.generation, tables.chunks.c.id)
    query = (
        query.add_columns(tables.chunks.c.generation.label("at"))
        .order_by(*position)
        .limit(_CHUNKS_PER_PAGE)
    )
    rows = connection.execute(query.where(tables.chunks.c.generation > generation)).all()
    yield rows
    while len(rows) == _CHUNKS_PER_PAGE:
        rows = connection.execute(query.where(position > (rows[-1].at, rows[-1].id))).all()
        yield rows


def _passing_ids(connection: sa.Connection, filters: Filters) -> ChunkIds:
    query = sa.select(tables.chunks.c.id)
    if filters:
        query = query.where(tables.chunks.c.document_id.in_(_passing_documents(filters)))
    return _fetch_ids(connection, query)


def _new_passing_ids(connection: sa.Connection, filters: Filters, since: int) -> ChunkIds:
    # Starting from the new chunks is quick if there are few of them, however many chunks pass.
    query = sa.select(tables.chunks.c.id, tables.chunks.c.document_id).where(
        tables.chunks.c.generation > since
    )
    rows = connection.execute(query).all()
    owners = id_list(sorted({owner for _, owner in rows}))
    passing_owners = _passing_documents(filters).where(tables.documents.c.id.in_(LISTED))
    passing = set(connection.execute(passing_owners, owners).scalars())
    return np.array([chunk_id for chunk_id, owner in rows if owner in passing], dtype=np.int64)


def _passing_documents(filters: Filters) -> sa.Select[tuple[str]]:
    query = sa.select(tables.documents.c.id).where(*in_scope(filters.scope))
    if filters.document_ids:
        query = query.where(is_one_of(tables.documents.c.id, filters.document_ids))
    if filters.tags:
        tagged = sa.select(tables.document_tags.c.document_id).where(
            is_one_of(tables.document_tags.c.tag, filters.tags)
        )
        query = query.where(tables.documents.c.id.in_(tagged))
    if filters.published_from:
        query = query.where(tables.documents.c.published >= filters.published_from)
    if filters.published_to:
        query = query.where(tables.documents.c.published <= filters.published_to)
    if filters.known_by:
        is_later = tables.documents.c.published > filters.known_by
        query = query.where(tables.documents.c.published.is_(None) | ~is_later)
    return query


def _removed_since(connection: sa.Connection, generation: int) -> ChunkIds:
    if generation == 0:  # an index of nothing has nothing to remove
        return np.empty(0, dtype=np.int64)
    query = sa.select(tables.removed_chunks.c.chunk_id).where(
        tables.removed_chunks.c.generation > generation
    )
    return _fetch_ids(connection, query)


def _fetch_ids(connection: sa.Connection, query: sa.Select[tuple[int]]) -> ChunkIds:
    # One text with all ids, because a row for each of a million takes six times as long.
    text = connection.execute(sa.select(sa.func.group_concat(query.subquery().c[0]))).scalar()
    return np.fromstring(text or "", dtype=np.int64, sep=",")


def _stored_chunk(row: sa.Row[Any]) -> StoredChunk:
    chunk = chunk_of(row)
    check_document(row, row.document_id, row.document_checksum)
    check_file(row, row.document_id, row.version)
    return StoredChunk(
        id=row.id,
        chunk=chunk,
        title=row.title,
        url=row.url,
        published=row.published,
        tags=tuple(row.tags),
        file_name=row.file_name,
        collection=row.collection or DEFAULT_COLLECTION,
        groups=groups_of(row.groups),
    )
