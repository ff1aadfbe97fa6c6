"""Writing documents, their chunks and their vectors as one new generation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa

from corpus.blocks import as_lists
from corpus.document import DEFAULT_COLLECTION, Document
from index.encoding.vectors import Vectors
from index.store import tables
from index.store.application import ApplicationData, TransactionStep
from index.store.database import Database, now
from index.store.meta import read_generation, write_generation
from index.store.rows import (
    LISTED,
    checksum_of,
    chunk_row,
    document_checksum,
    groups_row,
    id_list,
    insert_rows,
    is_one_of,
    last_chunk_id,
    vector_row,
)
from index.text.chunk import Chunk

_OF_A_VERSION = (tables.files, tables.structures, tables.versions)
"""The tables with a row for each version of a document."""


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """A document ready to be written: its chunks and their vectors, float32
    ``[chunks, dimension]``.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    vectors: Vectors


@dataclass(frozen=True, slots=True)
class Removal:
    """What the removal of a document deleted from the store.

    :param related: rows of the application's tables, by name
    """

    id: str
    chunks: int
    versions: int
    related: Mapping[str, int]


class DocumentWriter:
    """Writes documents. A base of :class:`index.store.store.Store`."""

    database: Database
    _application: Sequence[ApplicationData]
    _keep_versions: int | None

    def write(
        self,
        upserts: Iterable[PreparedDocument],
        removals: Sequence[str] = (),
        also: TransactionStep | None = None,
    ) -> tuple[int, list[Removal]]:
        """Add or replace documents and remove others, as one new generation.

        :param also: writes to the application's tables in the same transaction
        :return: the new generation, and a receipt for each id in ``removals`` that existed
        :raises StoreError: the disk is full or the database is damaged; nothing has changed
        """
        with self.database.transaction() as connection:
            generation = read_generation(connection) + 1
            receipts = [
                _remove(connection, document_id, generation, self._application)
                for document_id in removals
            ]
            written = list(upserts)
            _replace(connection, written, generation)
            if self._keep_versions is not None:
                surplus = _surplus_versions(self._keep_versions).where(
                    is_one_of(_FORMER.c.document_id, [each.document.id for each in written])
                )
                _drop_versions(connection, surplus, self._application)
            if also is not None:
                also(connection)
            write_generation(connection, generation)
        return generation, [receipt for receipt in receipts if receipt is not None]

    def drop_former_versions(self) -> int:
        """Delete the former versions that are not to be kept, and what shows them, in small
        transactions. :meth:`write` does this for the documents that it writes; this does it for
        those that were written before.

        :return: how many were deleted
        """
        if self._keep_versions is None:
            return 0
        some = _surplus_versions(self._keep_versions).limit(_DROPPED_AT_ONCE)
        deleted = 0
        while True:
            with self.database.transaction() as connection:
                count = _drop_versions(connection, some, self._application)
            if count == 0:
                return deleted
            deleted += count


_DROPPED_AT_ONCE = 100

# A version that a document returns to is written again, so the rows are in the order of time.
_FORMER = (
    sa.select(
        tables.versions.c.document_id,
        tables.versions.c.version,
        sa.func.row_number()
        .over(
            partition_by=tables.versions.c.document_id,
            order_by=sa.literal_column("versions.rowid").desc(),
        )
        .label("age"),
    )
    .join(tables.documents, tables.documents.c.id == tables.versions.c.document_id)
    .where(tables.documents.c.version != tables.versions.c.version)
    .subquery()
)
"""The former versions of every document, the newest with the age 1."""


def _surplus_versions(keep: int) -> sa.Select[tuple[str, str]]:
    return sa.select(_FORMER.c.document_id, _FORMER.c.version).where(_FORMER.c.age > keep)


def _drop_versions(
    connection: sa.Connection,
    query: sa.Select[tuple[str, str]],
    application: Sequence[ApplicationData],
) -> int:
    """Delete the versions that a query lists, and what shows them. Returns how many."""
    surplus: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(query):
        surplus[row.document_id].append(row.version)
    for document_id, former in surplus.items():
        for data in application:
            data.remove_document(connection, document_id, former)
        for table in _OF_A_VERSION:
            own = table.c.document_id == document_id, is_one_of(table.c.version, former)
            connection.execute(table.delete().where(*own))
    return sum(map(len, surplus.values()))


def _remove(
    connection: sa.Connection,
    document_id: str,
    generation: int,
    application: Sequence[ApplicationData],
) -> Removal | None:
    own = tables.documents.delete().where(tables.documents.c.id == document_id)
    if connection.execute(own).rowcount == 0:
        return None
    related: dict[str, int] = {}
    for data in application:
        related |= data.remove_document(connection, document_id, None)
    versions = 0
    for table in _OF_A_VERSION:
        own = table.delete().where(table.c.document_id == document_id)
        versions = connection.execute(own).rowcount
    _remove_tags(connection, document_id)
    chunks = _remove_chunks(connection, document_id, generation)
    return Removal(document_id, chunks, versions, related)


def _remove_tags(connection: sa.Connection, document_id: str) -> None:
    own = tables.document_tags.c.document_id == document_id
    connection.execute(tables.document_tags.delete().where(own))


def _remove_chunks(connection: sa.Connection, document_id: str, generation: int) -> int:
    own = tables.chunks.c.document_id == document_id
    removed = sa.select(tables.chunks.c.id, sa.literal(generation)).where(own)
    connection.execute(
        tables.removed_chunks.insert().from_select(["chunk_id", "generation"], removed)
    )
    ids = sa.select(tables.chunks.c.id).where(own)
    connection.execute(tables.vectors.delete().where(tables.vectors.c.chunk_id.in_(ids)))
    return connection.execute(tables.chunks.delete().where(own)).rowcount


def _replace(
    connection: sa.Connection, upserts: Sequence[PreparedDocument], generation: int
) -> None:
    # One statement for each table, however many documents there are.
    query = sa.select(tables.documents.c.id).where(tables.documents.c.id.in_(LISTED))
    written_ids = id_list([prepared.document.id for prepared in upserts])
    present = set(connection.execute(query, written_ids).scalars())
    for prepared in upserts:
        if prepared.document.id in present:
            _clear(connection, prepared.document, generation)
    documents = [prepared.document for prepared in upserts]
    insert_rows(connection, tables.documents, [_document_row(prepared) for prepared in upserts])
    insert_rows(connection, tables.versions, [_version_row(document) for document in documents])
    insert_rows(connection, tables.structures, [_structure_row(document) for document in documents])
    from_files = [document for document in documents if document.file_name is not None]
    insert_rows(connection, tables.files, [_file_row(document) for document in from_files])
    tags = [
        {"tag": tag, "document_id": document.id} for document in documents for tag in document.tags
    ]
    insert_rows(connection, tables.document_tags, tags)
    chunks = [chunk for prepared in upserts for chunk in prepared.chunks]
    first = last_chunk_id(connection) + 1
    insert_rows(
        connection,
        tables.chunks,
        [chunk_row(chunk_id, chunk, generation) for chunk_id, chunk in enumerate(chunks, first)],
    )
    vectors = (
        vector for prepared in upserts for vector in np.asarray(prepared.vectors, dtype=np.float32)
    )
    rows = [
        vector_row(chunk_id, vector.tobytes()) for chunk_id, vector in enumerate(vectors, first)
    ]
    insert_rows(connection, tables.vectors, rows)


def _clear(connection: sa.Connection, document: Document, generation: int) -> None:
    """Make room for a new state of a document. Its other versions stay."""
    connection.execute(tables.documents.delete().where(tables.documents.c.id == document.id))
    _remove_chunks(connection, document.id, generation)
    _remove_tags(connection, document.id)
    for table in _OF_A_VERSION:
        own = table.c.document_id == document.id, table.c.version == document.version
        connection.execute(table.delete().where(*own))


def _document_row(prepared: PreparedDocument) -> dict[str, object]:
    document = prepared.document
    collection = None if document.collection == DEFAULT_COLLECTION else document.collection
    groups = groups_row(document.groups or ())
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
        "structure": document.structure,
        "published_from": document.published_from,
        "collection": collection,
        "groups": groups,
        "checksum": document_checksum(
            document.id,
            document.version,
            document.title,
            url=document.url,
            published=document.published,
            tags=document.tags,
            collection=collection,
            groups=groups,
        ),
    }


def _version_row(document: Document) -> dict[str, object]:
    pages = [[page.number, page.start, page.end] for page in document.pages]
    return {
        "document_id": document.id,
        "version": document.version,
        "pages": pages,
        "text": document.text,
        # The version is a checksum of the text itself.
        "checksum": checksum_of(document.id, document.version, pages),
    }


def _structure_row(document: Document) -> dict[str, object]:
    blocks, notes = as_lists(document.blocks), list(document.notes)
    return {
        "document_id": document.id,
        "version": document.version,
        "blocks": blocks,
        "notes": notes,
        "checksum": checksum_of(document.id, document.version, blocks, notes),
    }


def _file_row(document: Document) -> dict[str, object]:
    row: dict[str, object] = {
        "document_id": document.id,
        "version": document.version,
        "name": document.file_name,
        "media_type": document.media_type,
        "sha256": document.original,
    }
    return {**row, "checksum": checksum_of(*row.values())}
