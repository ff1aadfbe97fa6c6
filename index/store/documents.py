"""Documents: what the store knows of them, with and without their text."""

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from corpus.blocks import Block, from_lists
from corpus.document import DEFAULT_COLLECTION, DateSource, Document, Page, version_of
from corpus.errors import NotFoundError
from corpus.text_blocks import text_blocks
from index.filters import EVERYTHING, Scope
from index.store import tables
from index.store.database import Database
from index.store.listing import EVERY_DOCUMENT, DocumentListing, Position
from index.store.rows import (
    ITS_FILE,
    LISTED,
    OF_ITS_FILE,
    check_document,
    check_file,
    check_row,
    damaged_row,
    groups_of,
    id_list,
    is_one_of,
    of_version,
)
from index.store.scoping import in_scope

_PAGE = 1_000

_SUMMARIES = sa.select(tables.documents, *OF_ITS_FILE).outerjoin(tables.files, ITS_FILE)

_PAGED_PASSAGE = sa.select(
    sa.func.substr(tables.versions.c.text, sa.bindparam("first"), sa.bindparam("length")),
    tables.versions.c.pages,
    tables.versions.c.checksum,
).where(
    tables.versions.c.document_id == sa.bindparam("document_id"),
    tables.versions.c.version == sa.bindparam("version"),
)
"""Built once, because an answer runs it for everything that it quotes."""


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """A document without its text.

    :param chunks: the number of its chunks
    :param characters: code points of its text
    :param updated_at: when its present state was written, ISO 8601, UTC
    :param structure: the digest of its blocks and notes; None if an older version of Quoth wrote it
    :param file_name: of the file that it was read from, without folders; None without a file
    :param original: the sha256 of that file if it is kept
    :param published_from: where the date was found
    :param groups: the groups that may know of it; empty for everybody who may see its collection
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
    structure: str | None = None
    file_name: str | None = None
    media_type: str | None = None
    original: str | None = None
    published_from: DateSource | None = None
    collection: str = DEFAULT_COLLECTION
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """The file that a version of a document was read from.

    :param name: without folders
    :param sha256: of its bytes, None if the file itself is not kept
    """

    document_id: str
    version: str
    name: str
    media_type: str | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """The contents of a collection at a glance.

    :param tags: each with the number of its documents, the most frequent first
    :param published_from: the earliest date of a document, or None if no document has one
    :param published_to: the latest date
    """

    documents: int
    tags: tuple[tuple[str, int], ...]
    published_from: date | None
    published_to: date | None


class DocumentReader:
    """Reads the documents in a scope. Others do not exist for it, in no version. A base of
    :class:`index.store.store.Store`, for which all exist.
    """

    database: Database
    scope: Scope = EVERYTHING

    def within(self, scope: Scope) -> "DocumentReader":
        """A reader of those of the documents that are in a scope."""
        reader = DocumentReader()
        reader.database, reader.scope = self.database, self.scope.within(scope)
        return reader

    def is_empty(self) -> bool:
        """Whether there are no documents. This is quick however many there are, unless the scope
        has few of them.
        """
        query = sa.select(tables.documents.c.id).where(*in_scope(self.scope)).limit(1)
        with self.database.reading() as connection:
            return connection.execute(query).first() is None

    def has_document(self, document_id: str) -> bool:
        """Whether there is such a document, sound or damaged."""
        query = sa.select(tables.documents.c.id).where(self._is(document_id))
        with self.database.reading() as connection:
            return connection.execute(query).first() is not None

    def document(self, document_id: str, version: str | None = None) -> Document:
        """A document with the text of a version, by default the present one.

        :raises NotFoundError: there is no such document, or it never had that version
        :raises StoreError: its text or its metadata is damaged
        """
        with self.database.reading() as connection:
            query = sa.select(tables.documents).where(self._is(document_id))
            row = connection.execute(query).one_or_none()
            if row is None:
                raise NotFoundError(f"there is no document {document_id!r}")
            version = version or row.version
            stored = connection.execute(
                sa.select(tables.versions).where(*of_version(tables.versions, document_id, version))
            ).one_or_none()
            structure = connection.execute(
                sa.select(tables.structures).where(
                    *of_version(tables.structures, document_id, version)
                )
            ).one_or_none()
            file = connection.execute(
                sa.select(*OF_ITS_FILE).where(*of_version(tables.files, document_id, version))
            ).one_or_none()
        if stored is None:
            raise NotFoundError(f"document {document_id!r} has no version {version!r}")
        if file is not None:
            check_file(file, document_id, version)
        check_document(row, document_id, row.checksum)
        _check_pages(document_id, version, stored.pages, stored.checksum)
        if version_of(stored.text) != version:
            raise damaged_row(f"the text of document {document_id!r}, version {version}")
        return Document(
            id=document_id,
            version=version,
            title=row.title,
            text=stored.text,
            url=row.url,
            published=row.published,
            tags=tuple(row.tags),
            pages=tuple(Page(*page) for page in stored.pages),
            blocks=text_blocks(stored.text)
            if structure is None
            else _blocks(structure, len(stored.text)),
            notes=() if structure is None else tuple(structure.notes),
            file_name=file and file.file_name,
            media_type=file and file.media_type,
            original=file and file.original,
            published_from=_date_source(row.published_from),
            collection=row.collection or DEFAULT_COLLECTION,
            groups=groups_of(row.groups),
        )

    def file(self, document_id: str, version: str | None = None) -> StoredFile | None:
        """The file that a version was read from, by default the present one. None if it was not
        read from a file, or by an older version of Quoth.

        :raises NotFoundError: there is no such document, or it never had that version
        :raises StoreError: the row is damaged
        """
        query = sa.select(tables.documents.c.version).where(self._is(document_id))
        with self.database.reading() as connection:
            present = connection.execute(query).scalar()
            version = version or present
            own = of_version(tables.versions, document_id, version or "")
            if (
                version is None
                or present is None
                or not connection.execute(sa.select(sa.exists().where(*own))).scalar()
            ):
                raise NotFoundError(f"there is no document {document_id!r} of that version")
            row = connection.execute(
                sa.select(*OF_ITS_FILE).where(*of_version(tables.files, document_id, version))
            ).one_or_none()
        if row is None:
            return None
        check_file(row, document_id, version)
        return StoredFile(
            document_id, version, row.file_name, media_type=row.media_type, sha256=row.original
        )

    def summary(self, document_id: str) -> DocumentSummary | None:
        """A document without its text, or None if there is no such document."""
        return self.summaries([document_id]).get(document_id)

    def summaries(self, document_ids: Sequence[str]) -> dict[str, DocumentSummary]:
        """Those of the documents that exist, by id, without their texts."""
        query = _SUMMARIES.where(tables.documents.c.id.in_(LISTED), *in_scope(self.scope))
        with self.database.reading() as connection:
            return {
                row.id: _summary(row) for row in connection.execute(query, id_list(document_ids))
            }

    def documents(
        self,
        limit: int,
        after: Position | None = None,
        listing: DocumentListing = EVERY_DOCUMENT,
    ) -> tuple[list[DocumentSummary], Position | None]:
        """Up to ``limit`` documents of a listing, beginning after a position.

        :return: the documents, and the position of the last; None if none is left after it
        """
        # One more than was asked for says whether there are more.
        summaries = _SUMMARIES.where(*in_scope(self.scope))
        query = listing.select(summaries, after).limit(limit + 1)
        with self.database.reading() as connection:
            rows = connection.execute(query).all()
        page = rows[:limit]
        last = Position(page[-1].sorted_by, page[-1].id) if len(rows) > limit and page else None
        return [_summary(row) for row in page], last

    def all_documents(self) -> Iterator[DocumentSummary]:
        """Every document in the order of their ids, read one page at a time."""
        position = None
        while True:
            page, position = self.documents(_PAGE, position)
            yield from page
            if position is None:
                return

    def newest(self, limit: int) -> list[DocumentSummary]:
        """Up to ``limit`` documents, the last written first."""
        latest = tables.documents.c.updated_at.desc(), tables.documents.c.id
        query = _SUMMARIES.where(*in_scope(self.scope)).order_by(*latest).limit(limit)
        with self.database.reading() as connection:
            return [_summary(row) for row in connection.execute(query)]

    def overview(self, tags: int) -> Overview:
        """The number of documents, the dates that they span, and their ``tags`` top tags."""
        number, visible = sa.func.count(), in_scope(self.scope)
        days = sa.select(
            number,
            sa.func.min(tables.documents.c.published),
            sa.func.max(tables.documents.c.published),
        ).where(*visible)
        its_document = tables.documents.c.id == tables.document_tags.c.document_id
        tagged = (
            sa.select(tables.document_tags.c.tag, number)
            # All tags are counted without their documents, which is quicker.
            .where(*([sa.exists().where(its_document, *visible)] if visible else []))
            .group_by(tables.document_tags.c.tag)
            .order_by(number.desc(), tables.document_tags.c.tag)
            .limit(tags)
        )
        with self.database.reading() as connection:
            documents, earliest, latest = connection.execute(
                days.select_from(tables.documents)
            ).one()
            counted = tuple((row[0], row[1]) for row in connection.execute(tagged))
        return Overview(documents, counted, earliest, latest)

    def originals_of(self, document_ids: Sequence[str]) -> set[str]:
        """The digests of the kept files that any version of these documents names."""
        query = sa.select(tables.files.c.sha256).where(
            tables.files.c.document_id.in_(LISTED), tables.files.c.sha256.is_not(None)
        )
        with self.database.reading() as connection:
            return set(connection.execute(query, id_list(document_ids)).scalars())

    def named_originals(self, digests: Set[str] | None = None) -> set[str]:
        """Those of the digests that a version of a document names, by default every one."""
        query = sa.select(tables.files.c.sha256).where(tables.files.c.sha256.is_not(None))
        if digests is not None:
            query = query.where(is_one_of(tables.files.c.sha256, sorted(digests)))
        with self.database.reading() as connection:
            return set(connection.execute(query).scalars())

    def passage(self, document_id: str, version: str, start: int, end: int) -> str:
        """``text[start:end]`` of a version, read from the stored text.

        :raises NotFoundError: there is no such version
        """
        if self.scope != EVERYTHING and not self.has_document(document_id):
            raise NotFoundError(f"there is no document {document_id!r}")
        return self.paged_passages([(document_id, version, start, end)])[0][0]

    def paged_passages(
        self, spans: Iterable[tuple[str, str, int, int]]
    ) -> list[tuple[str, tuple[Page, ...]]]:
        """Passages, all of one state, each with the pages of its version, none if its format has no
        pages. Whether they are in the scope was decided when they were found.

        :param spans: document id, version, start and end of each
        :raises NotFoundError: one of the versions is not there
        """
        passages = []
        with self.database.reading() as connection:
            for document_id, version, start, end in spans:
                span = {
                    "document_id": document_id,
                    "version": version,
                    "first": start + 1,
                    "length": end - start,
                }
                row = connection.execute(_PAGED_PASSAGE, span).one_or_none()
                if row is None:
                    raise NotFoundError(f"document {document_id!r} has no version {version!r}")
                _check_pages(document_id, version, row.pages, row.checksum)
                passages.append((str(row[0]), tuple(Page(*page) for page in row.pages)))
        return passages

    def _is(self, document_id: str) -> sa.ColumnElement[bool]:
        """The condition for the document with an id, if it is in the scope."""
        return sa.and_(tables.documents.c.id == document_id, *in_scope(self.scope))


def _blocks(structure: sa.Row[Any], length: int) -> tuple[Block, ...]:
    description = f"the structure of document {structure.document_id!r}"
    check_row(
        description,
        structure.checksum,
        *(structure.document_id, structure.version, structure.blocks, structure.notes),
    )
    try:
        return from_lists(structure.blocks, length)
    except ValueError as exc:
        raise damaged_row(description) from exc


def _check_pages(document_id: str, version: str, pages: object, checksum: int | None) -> None:
    check_row(f"the pages of document {document_id!r}", checksum, document_id, version, pages)


def _summary(row: sa.Row[Any]) -> DocumentSummary:
    check_document(row, row.id, row.checksum)
    check_file(row, row.id, row.version)
    return DocumentSummary(
        id=row.id,
        version=row.version,
        title=row.title,
        url=row.url,
        published=row.published,
        tags=tuple(row.tags),
        chunks=row.chunks,
        characters=row.characters,
        updated_at=row.updated_at,
        structure=row.structure,
        file_name=row.file_name,
        media_type=row.media_type,
        original=row.original,
        published_from=_date_source(row.published_from),
        collection=row.collection or DEFAULT_COLLECTION,
        groups=groups_of(row.groups),
    )


def _date_source(name: str | None) -> DateSource | None:
    # A later version of Quoth may have written one that this version does not know.
    return DateSource(name) if name in set(DateSource) else None
