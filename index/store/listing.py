"""Lists of documents: found by words of their names and by tag, sorted, page by page."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from index.store import tables

_documents = tables.documents.c


class DocumentOrder(StrEnum):
    """What a list of documents is sorted by. Equal documents are in the order of their ids."""

    ID = "id"
    TITLE = "title"
    PUBLISHED = "published"
    UPDATED = "updated"


@dataclass(frozen=True, slots=True)
class DocumentListing:
    """Which documents are listed, and in what order.

    :param words: each must occur in the title, the file name or the id, in any letter case
    :param tag: a tag that they have
    :param descending: whether the order is turned around; undated documents are always the last
    """

    words: tuple[str, ...] = ()
    tag: str | None = None
    order: DocumentOrder = DocumentOrder.ID
    descending: bool = False

    def select(self, columns: sa.Select[Any], after: "Position | None") -> sa.Select[Any]:
        """The query for the documents after a position.

        :param columns: selects from the documents, joined with their files
        """
        query = columns
        for word in self.words:
            names = (_documents.title, tables.files.c.name, _documents.id)
            query = query.where(
                sa.or_(*(sa.func.folded(name).contains(word, autoescape=True) for name in names))
            )
        if self.tag is not None:
            tagged = sa.select(tables.document_tags.c.document_id).where(
                tables.document_tags.c.tag == self.tag
            )
            query = query.where(_documents.id.in_(tagged))
        value = self._value()
        sort = value.desc() if self.descending else value.asc()
        query = query.add_columns(value.label("sorted_by")).order_by(sort, _documents.id)
        if after is None:
            return query
        beyond = value < after.value if self.descending else value > after.value
        return query.where(
            sa.or_(beyond, sa.and_(value == after.value, _documents.id > after.document_id))
        )

    def _value(self) -> sa.ColumnElement[str]:
        """What the documents are sorted by, as a text that is never null."""
        undated = "" if self.descending else "9999-99-99"
        values: Mapping[DocumentOrder, sa.ColumnElement[str]] = {
            DocumentOrder.ID: sa.type_coerce(_documents.id, sa.Text),
            DocumentOrder.TITLE: sa.func.folded(_documents.title, type_=sa.Text),
            DocumentOrder.PUBLISHED: sa.func.coalesce(
                sa.cast(_documents.published, sa.Text), undated, type_=sa.Text
            ),
            DocumentOrder.UPDATED: sa.type_coerce(_documents.updated_at, sa.Text),
        }
        return values[self.order]


EVERY_DOCUMENT = DocumentListing()


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page of a list ended.

    :param value: what the last document was sorted by
    """

    value: str
    document_id: str
