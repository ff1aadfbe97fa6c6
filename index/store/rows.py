"""Rows: what the modules of the store share to read and write its tables.

A row that answers depend on carries a checksum, which is compared whenever the row is read. So
damage that SQLite does not notice is an error and never a wrong answer.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from corpus.errors import StoreError
from index.encoding.vectors import Vectors
from index.store import tables
from index.text.chunk import Chunk
from index.text.view import View

ChunkIds = NDArray[np.int64]

LISTED = sa.select(sa.func.json_each(sa.bindparam("ids")).table_valued("value").c.value)
"""Any number of ids as one parameter, which :func:`id_list` makes."""

ITS_VECTOR = tables.vectors.c.chunk_id == tables.chunks.c.id

CHUNK_SEQUENCE = sa.table(
    "sqlite_sequence", sa.column("name", sa.Text), sa.column("seq", sa.Integer)
)
"""Where SQLite keeps the highest id given so far in each table that never gives one twice."""

_LAST_CHUNK_ID = sa.select(CHUNK_SEQUENCE.c.seq).where(CHUNK_SEQUENCE.c.name == tables.chunks.name)


def checksum_of(*values: object) -> int:
    """The CRC-32 of values: numbers, texts, dates, lists of these, and bytes."""
    plain = [value for value in values if not isinstance(value, bytes)]
    checksum = zlib.crc32(json.dumps(plain, default=str).encode())
    for value in values:
        if isinstance(value, bytes):
            checksum = zlib.crc32(value, checksum)
    return checksum


def check_row(description: str, checksum: int | None, *values: object) -> None:
    """Compare the values of a row with its checksum, if it has one.

    :raises StoreError: they differ
    """
    if checksum is not None and checksum != checksum_of(*values):
        raise damaged_row(description)


def damaged_row(description: str) -> StoreError:
    """The error for a row whose content is not what was written."""
    return StoreError(
        f"the database is damaged ({description}); run quoth verify, then quoth rebuild, or "
        "restore it from a backup"
    )


def id_list(ids: Sequence[int] | Sequence[str]) -> dict[str, str]:
    """The parameter of :data:`LISTED`."""
    return {"ids": json.dumps(list(ids), ensure_ascii=False)}


def is_one_of(
    column: sa.ColumnElement[Any], values: Sequence[str] | Sequence[int]
) -> sa.ColumnElement[bool]:
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
    highest = sa.select(sa.func.max(tables.chunks.c.id))
    return max(
        int(connection.execute(query).scalar_one_or_none() or 0)
        for query in (_LAST_CHUNK_ID, highest)
    )


def chunk_row(chunk_id: int, chunk: Chunk, generation: int) -> dict[str, object]:
    """A chunk as a row of its table."""
    view = None
    if chunk.own_view is not None:
        text, *further = chunk.own_view.as_lists()
        # Most views have the text of the chunk, which is not kept twice.
        lists = [None if text == chunk.text else text, *further]
        view = json.dumps(lists, ensure_ascii=False, separators=(",", ":"))
    row: dict[str, object] = {
        "id": chunk_id,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "context": chunk.context,
        "generation": generation,
    }
    # Without a view, the checksum is that of versions of Quoth that knew of none.
    checksum = checksum_of(*row.values(), *([] if view is None else [view]))
    return {**row, "view": view, "checksum": checksum}


def chunk_of(row: sa.Row[Any]) -> Chunk:
    """The chunk in a row of all columns.

    :raises StoreError: the row is damaged
    """
    description = f"chunk {row.id} of document {row.document_id!r}"
    check_row(
        description,
        row.checksum,
        *(row.id, row.document_id, row.version, row.start, row.end),
        *(row.text, row.context, row.generation),
        *([] if row.view is None else [row.view]),
    )
    try:
        view = None
        if row.view is not None:
            text, *further = json.loads(row.view)
            view = View.from_lists([row.text if text is None else text, *further])
    except (TypeError, ValueError) as exc:
        raise damaged_row(description) from exc
    return Chunk(
        document_id=row.document_id,
        version=row.version,
        start=row.start,
        end=row.end,
        text=row.text,
        context=row.context,
        own_view=view,
    )


OF_ITS_FILE = (
    tables.files.c.name.label("file_name"),
    tables.files.c.media_type,
    tables.files.c.sha256.label("original"),
    tables.files.c.checksum.label("file_checksum"),
)
"""The columns of a document's file, for queries that join it with :data:`ITS_FILE`."""

ITS_FILE = (tables.files.c.document_id == tables.documents.c.id) & (
    tables.files.c.version == tables.documents.c.version
)


def check_file(row: Any, document_id: str, version: str) -> None:
    """Compare the columns of a version's file with their checksum.

    :param row: has the columns :data:`OF_ITS_FILE`, which are null without a file
    :raises StoreError: the row is damaged
    """
    if row.file_name is not None:
        check_row(
            f"the file of document {document_id!r}",
            row.file_checksum,
            *(document_id, version, row.file_name, row.media_type, row.original),
        )


def document_checksum(
    document_id: str,
    version: str,
    title: str,
    *,
    url: str | None,
    published: date | None,
    tags: Sequence[str],
    collection: str | None,
    groups: str | None,
) -> int:
    """The checksum of a document's row.

    :param collection: as the row has it, and so are the groups
    """
    # In the default collection and for everybody, it is that of versions of Quoth that knew
    # neither collections nor groups.
    own = [] if collection is None and groups is None else [collection, groups]
    return checksum_of(document_id, version, title, url, published, list(tags), *own)


def groups_row(groups: Sequence[str]) -> str | None:
    """The groups of a document as its row has them."""
    return json.dumps(list(groups), ensure_ascii=False) if groups else None


def groups_of(groups: str | None) -> tuple[str, ...]:
    """The groups in a row whose checksum was compared."""
    return () if groups is None else tuple(json.loads(groups))


def check_document(row: sa.Row[Any], document_id: str, checksum: int | None) -> None:
    """Compare a row that has the columns of a document with the checksum of the document.

    :raises StoreError: the row is damaged
    """
    if checksum is not None and checksum != document_checksum(
        document_id,
        row.version,
        row.title,
        url=row.url,
        published=row.published,
        tags=row.tags,
        collection=row.collection,
        groups=row.groups,
    ):
        raise damaged_row(f"document {document_id!r}")


def vector_row(chunk_id: int, vector: bytes) -> dict[str, object]:
    """The vector of a chunk as a row of its table."""
    return {"chunk_id": chunk_id, "vector": vector, "checksum": _vector_checksum(chunk_id, vector)}


def vector_of(chunk_id: int, vector: bytes, checksum: int | None) -> bytes:
    """The vector in a row.

    :raises StoreError: the row is damaged
    """
    if checksum is not None and checksum != _vector_checksum(chunk_id, vector):
        raise damaged_row(f"the vector of chunk {chunk_id}")
    return vector


def _vector_checksum(chunk_id: int, vector: bytes) -> int:
    # Cheaper than checksum_of, because a search reads hundreds of vectors.
    return zlib.crc32(vector, chunk_id & 0xFFFFFFFF)


def matrix(rows: Sequence[bytes]) -> Vectors:
    """Stored vectors as float32 ``[len(rows), dimension]``."""
    return np.frombuffer(b"".join(rows), dtype=np.float32).reshape(len(rows), -1 if rows else 0)


def of_version(
    table: sa.Table, document_id: str, version: str
) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """The condition for the row of one version of a document, in a table with a row for each."""
    return table.c.document_id == document_id, table.c.version == version
