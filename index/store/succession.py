"""Succession: a store that takes over the chunks of another store of the same documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from corpus.errors import StoreError
from index.store import tables
from index.store.chunks import pages
from index.store.meta import read_generation, read_value, write_generation, write_value
from index.store.rows import (
    CHUNK_SEQUENCE,
    ITS_VECTOR,
    chunk_of,
    chunk_row,
    count_rows,
    insert_rows,
    last_chunk_id,
    vector_of,
    vector_row,
)

if TYPE_CHECKING:
    from index.store.store import Store

_SPARE_IDS = 1_000_000


def reserve_chunk_ids(store: Store, successor: Store) -> None:
    """Give the chunks of a new successor ids that the store itself will never give.

    There is room for eight times as many chunks as the store holds, and a million more. Calling
    this again changes nothing.
    """
    with successor.database.reading() as connection:
        if read_value(connection, "last_number") is not None:
            return
    with store.database.transaction() as connection:
        room = 8 * count_rows(connection, tables.chunks) + _SPARE_IDS
        last = last_chunk_id(connection)
        own = CHUNK_SEQUENCE.c.name == tables.chunks.name
        connection.execute(CHUNK_SEQUENCE.update().where(own).values(seq=last + room))
    with successor.database.transaction() as connection:
        connection.execute(CHUNK_SEQUENCE.insert().values(name=tables.chunks.name, seq=last))
        write_value(connection, "last_number", last + room)


def take_over(store: Store, successor: Store) -> None:
    """Replace the store's chunks, vectors and manifest by the successor's, as the generation that
    the successor is at.

    A calibration is deleted, because it was fitted on what the old chunks and vectors find.

    :param successor: a store of the same documents with reserved ids, at a later generation
    :raises StoreError: it has used up its ids, or the disk is full; nothing has changed
    """
    with successor.database.reading() as source, store.database.transaction() as connection:
        if last_chunk_id(source) > (read_value(source, "last_number") or 0):
            raise StoreError(
                f"{successor.path}: has used up the ids reserved for it; delete its folder and "
                "start again"
            )
        generation = read_generation(source)
        ours = sa.select(tables.chunks.c.id, sa.literal(generation))
        connection.execute(
            tables.removed_chunks.insert().from_select(["chunk_id", "generation"], ours)
        )
        connection.execute(tables.chunks.delete())
        connection.execute(tables.vectors.delete())
        with_vectors = sa.select(
            tables.chunks,
            tables.vectors.c.vector,
            tables.vectors.c.checksum.label("vector_checksum"),
        ).join(tables.vectors, ITS_VECTOR)
        for rows in pages(source, with_vectors, 0):
            _copy_chunks(connection, rows, generation)
        own_chunks = (
            sa.select(sa.func.count())
            .where(tables.chunks.c.document_id == tables.documents.c.id)
            .scalar_subquery()
        )
        connection.execute(tables.documents.update().values(chunks=own_chunks))
        connection.execute(tables.meta.delete().where(tables.meta.c.key == "calibration"))
        for key in ("manifest", "encoder_source"):
            value = read_value(source, key)
            if value is not None:
                write_value(connection, key, value)
        write_value(connection, "taken_over", generation)
        write_generation(connection, generation)


def has_taken_over(store: Store, successor: Store) -> bool:
    """Whether the store holds the successor's chunks, and the successor has not changed since."""
    with store.database.reading() as connection:
        return bool(read_value(connection, "taken_over") == successor.generation)


def _copy_chunks(connection: sa.Connection, rows: Sequence[sa.Row[Any]], generation: int) -> None:
    copies = [chunk_row(row.id, chunk_of(row), generation) for row in rows]
    insert_rows(connection, tables.chunks, copies)
    vectors = [
        vector_row(row.id, vector_of(row.id, row.vector, row.vector_checksum)) for row in rows
    ]
    insert_rows(connection, tables.vectors, vectors)
