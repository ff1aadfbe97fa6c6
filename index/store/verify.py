"""Verification: chunks compared with the texts that they are spans of."""

from collections.abc import Iterator

import sqlalchemy as sa

from index.store import tables
from index.store.database import Database
from index.store.rows import ITS_VECTOR


def damaged_chunks(database: Database) -> list[str]:
    """A line for each chunk without a vector, and for each whose text is not its span of the
    document's present version.
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
        .outerjoin(tables.vectors, ITS_VECTOR)
    )
    with database.reading() as connection:
        return [
            f"chunk {chunk_id} of document {document_id!r}: {fault}"
            for chunk_id, document_id, owner, vector, equal in connection.execute(query)
            for fault in _faults(owner, vector, equal)
        ]


def _faults(owner: str | None, vector: int | None, equal: bool | None) -> Iterator[str]:
    if owner is None:
        yield "its document has another version or is gone"
    if not equal:
        yield "its text differs from its span of the document"
    if vector is None:
        yield "it has no vector"
