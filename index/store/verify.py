"""Verification: the database's structure, and every row compared with its checksum and with the
rows that it belongs to.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from corpus.document import version_of
from corpus.errors import StoreError
from index.store import tables
from index.store.application import ApplicationData
from index.store.database import Database
from index.store.meta import read_generation
from index.store.rows import (
    ITS_VECTOR,
    OF_ITS_FILE,
    check_document,
    check_file,
    checksum_of,
    chunk_of,
    of_version,
    vector_of,
)

_FAULTS_SHOWN = 20
"""The number of faults of the structure that SQLite lists."""

_INDEX_FAULTS = ("missing from index", "wrong # of entries in index", "non-unique entry in index")
"""Parts of SQLite's messages about faults that :func:`reindex` mends."""


def structure_faults(database: Database) -> list[str]:
    """SQLite's own findings about the pages and indexes of the database; none if it is sound.

    This reads the whole file, about half a gigabyte a second.
    """
    try:
        with database.reading() as connection:
            rows = connection.exec_driver_sql(f"PRAGMA integrity_check({_FAULTS_SHOWN})").scalars()
            faults = [line for row in rows for line in str(row).splitlines() if row != "ok"]
            foreign = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
    except StoreError as exc:
        return [str(exc)]
    return [
        *(f"the database's structure: {fault}" for fault in faults),
        *(f"a row of table {row[0]} refers to a row that does not exist" for row in foreign),
    ]


def is_mended_by_reindexing(fault: str) -> bool:
    """Whether a fault of the structure is in an index, which can be built again from its table."""
    return any(part in fault for part in _INDEX_FAULTS)


def reindex(database: Database) -> None:
    """Build the indexes of all tables again.

    :raises StoreError: a table is damaged, or the disk is full
    """
    with database.transaction() as connection:
        connection.exec_driver_sql("REINDEX")


def damaged_texts(database: Database) -> dict[str, str]:
    """What is wrong with each document whose metadata or present text is damaged, by its id."""
    return dict(_document_faults(database))


def damaged_chunks(database: Database) -> list[tuple[str, str]]:
    """For each fault of a chunk or a vector, the id of the document and a line that says what is
    wrong.
    """
    return [*_chunk_faults(database), *_miscounted_chunks(database)]


def delete_loose_rows(database: Database) -> None:
    """Delete the chunks, vectors, versions and tags that belong to nothing that is there."""
    with database.transaction() as connection:
        for table, is_loose in _LOOSE:
            connection.execute(table.delete().where(is_loose))


def row_faults(database: Database, application: Sequence[ApplicationData]) -> list[str]:
    """A line for each row that is damaged or belongs to nothing."""
    return [
        *(
            f"document {document_id!r}: {fault}"
            for document_id, fault in _document_faults(database)
        ),
        *_version_faults(database),
        *(line for _, line in damaged_chunks(database)),
        *_loose_rows(database),
        *(line for data in application for line in _application_faults(database, data)),
    ]


def _document_faults(database: Database) -> Iterator[tuple[str, str]]:
    with database.reading() as connection:
        ids = list(connection.execute(sa.select(tables.documents.c.id)).scalars())
    own_version = (tables.versions.c.document_id == tables.documents.c.id) & (
        tables.versions.c.version == tables.documents.c.version
    )
    query = sa.select(tables.documents, tables.versions.c.text).outerjoin(
        tables.versions, own_version
    )
    for document_id in ids:
        try:
            with database.reading() as connection:
                row = connection.execute(query.where(tables.documents.c.id == document_id)).first()
            if row is None:
                yield document_id, "it was deleted, or its entry in an index is damaged"
                continue
            check_document(row, document_id, row.checksum)
            if not isinstance(row.text, str):
                yield document_id, "its text is missing"
            elif version_of(row.text) != row.version:
                yield document_id, "its text is damaged"
        except StoreError as exc:
            yield document_id, str(exc)


def _version_faults(database: Database) -> Iterator[str]:
    columns = (tables.versions.c.document_id, tables.versions.c.version)
    with database.reading() as connection:
        keys = connection.execute(sa.select(*columns)).all()
    for document_id, version in keys:
        name = f"version {str(version)[:16]} of document {document_id!r}"
        query = sa.select(tables.versions).where(columns[0] == document_id, columns[1] == version)
        try:
            with database.reading() as connection:
                row = connection.execute(query).first()
            if row is None:
                continue
            if row.checksum not in (None, checksum_of(document_id, version, row.pages)):
                yield f"{name}: its pages are damaged"
            if version_of(row.text) != version:
                yield f"{name}: its text is damaged"
            with database.reading() as connection:
                kept = connection.execute(
                    sa.select(tables.structures).where(
                        *of_version(tables.structures, document_id, version)
                    )
                ).first()
                file = connection.execute(
                    sa.select(*OF_ITS_FILE).where(*of_version(tables.files, document_id, version))
                ).first()
            if kept is not None and kept.checksum != checksum_of(
                document_id, version, kept.blocks, kept.notes
            ):
                yield f"{name}: its structure is damaged"
            if file is not None:
                check_file(file, document_id, version)
        except StoreError as exc:
            yield f"{name}: {exc}"


def _chunk_faults(database: Database) -> Iterator[tuple[str, str]]:
    text = sa.func.substr(
        tables.versions.c.text,
        tables.chunks.c.start + 1,
        tables.chunks.c.end - tables.chunks.c.start,
    )
    query = (
        sa.select(
            tables.chunks,
            tables.documents.c.id.label("owner"),
            tables.vectors.c.vector,
            tables.vectors.c.checksum.label("vector_checksum"),
            (text == tables.chunks.c.text).label("equal"),
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
        generation = read_generation(connection)
        for row in connection.execute(query):
            for fault in _faults(row, generation):
                yield row.document_id, f"chunk {row.id} of document {row.document_id!r}: {fault}"


def _miscounted_chunks(database: Database) -> Iterator[tuple[str, str]]:
    own_chunks = (
        sa.select(sa.func.count())
        .where(tables.chunks.c.document_id == tables.documents.c.id)
        .scalar_subquery()
    )
    query = sa.select(tables.documents.c.id, tables.documents.c.chunks, own_chunks).where(
        tables.documents.c.chunks != own_chunks
    )
    with database.reading() as connection:
        for document_id, expected, count in connection.execute(query):
            yield document_id, f"document {document_id!r} has {count} chunks, not {expected}"


def _faults(row: sa.Row[Any], generation: int) -> Iterator[str]:
    if row.owner is None:
        yield "its document has another version or is gone"
    if not row.equal:
        yield "its text differs from its span of the document"
    elif row.owner is not None:
        try:
            chunk_of(row)
        except StoreError:
            yield "its row is damaged"
    if row.generation > generation:
        yield f"it is of generation {row.generation}, and the store is at {generation}"
    if row.vector is None:
        yield "it has no vector"
        return
    try:
        vector_of(row.id, row.vector, row.vector_checksum)
    except StoreError:
        yield "its vector is damaged"


_LOOSE = (
    (tables.chunks, ~sa.exists().where(tables.documents.c.id == tables.chunks.c.document_id)),
    (tables.vectors, ~sa.exists().where(ITS_VECTOR)),
    (tables.versions, ~sa.exists().where(tables.documents.c.id == tables.versions.c.document_id)),
    (
        tables.structures,
        ~sa.exists().where(tables.documents.c.id == tables.structures.c.document_id),
    ),
    (tables.files, ~sa.exists().where(tables.documents.c.id == tables.files.c.document_id)),
    (
        tables.document_tags,
        ~sa.exists().where(tables.documents.c.id == tables.document_tags.c.document_id),
    ),
)
"""Tables whose rows belong to a document or a chunk, and the condition for rows that do not."""


def _loose_rows(database: Database) -> Iterator[str]:
    with database.reading() as connection:
        for table, is_loose in _LOOSE[1:]:  # A loose chunk is among the damaged ones.
            query = sa.select(sa.func.count()).select_from(table).where(is_loose)
            count = connection.execute(query).scalar_one()
            if count:
                yield f"{count} rows of table {table.name} belong to nothing that is there"


def _application_faults(database: Database, data: ApplicationData) -> list[str]:
    with database.reading() as connection:
        return list(data.faults(connection))
