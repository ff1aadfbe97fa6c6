"""Rows: what the modules of the store share to read and write its tables."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from index.encoding.vectors import Vectors
from index.store import tables
from index.text.chunk import Chunk

ChunkIds = NDArray[np.int64]

LISTED = sa.select(sa.func.json_each(sa.bindparam("ids")).table_valued("value").c.value)
"""Any number of ids as one parameter, which :func:`id_list` makes."""

ITS_VECTOR = tables.vectors.c.chunk_id == tables.chunks.c.id

CHUNK_SEQUENCE = sa.table(
    "sqlite_sequence", sa.column("name", sa.Text), sa.column("seq", sa.Integer)
)
"""Where SQLite keeps the highest id given so far in each table that never gives one twice."""

_LAST_CHUNK_ID = sa.select(CHUNK_SEQUENCE.c.seq).where(CHUNK_SEQUENCE.c.name == tables.chunks.name)


def id_list(ids: Sequence[int] | Sequence[str]) -> dict[str, str]:
    """The parameter of :data:`LISTED`."""
    return {"ids": json.dumps(list(ids), ensure_ascii=False)}


def is_one_of(column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """The condition that a column has one of any number of values.

    SQLite limits the parameters of a statement, so all values are one parameter.
    """
    listed = sa.func.json_each(json.dumps(list(values), ensure_ascii=False))
    return column.in_(sa.select(listed.table_valued("value").c.value))


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Mapping[str, object]]
) -> None:
    """Insert rows, if there are any."""
    if rows:
        connection.execute(table.insert(), rows)


def count_rows(connection: sa.Connection, table: sa.Table) -> int:
    """The number of rows in a table."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def last_chunk_id(connection: sa.Connection) -> int:
    """The highest id that a chunk has ever had, 0 if there was none."""
    return int(connection.execute(_LAST_CHUNK_ID).scalar_one_or_none() or 0)


def chunk_row(chunk_id: int, chunk: Chunk, generation: int) -> dict[str, object]:
    """A chunk as a row of its table."""
    return {
        "id": chunk_id,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "context": chunk.context,
        "generation": generation,
    }


def chunk_of(row: sa.Row[Any]) -> Chunk:
    """The chunk in a row."""
    return Chunk(row.document_id, row.version, row.start, row.end, row.text, row.context)


def version_matches(
    document_id: str, version: str
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The condition for one version of a document."""
    return tables.versions.c.document_id == document_id, tables.versions.c.version == version


def matrix(rows: Sequence[bytes]) -> Vectors:
    """Stored vectors as float32 ``[len(rows), dimension]``."""
    return np.frombuffer(b"".join(rows), dtype=np.float32).reshape(len(rows), -1 if rows else 0)
