"""Citations: the position of every quote, verified against the stored text before anybody sees
it.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import chain
from typing import Protocol
from urllib.parse import quote as percent_encoded

from pydantic import BaseModel, Field

from corpus.document import Page, page_of
from index.search.searcher import Hit
from index.store.store import Store
from index.text.view import Extent, Heads


class CitationError(Exception):
    """A quote differs from the stored text at its offsets. This is a bug in Quoth and never the
    caller's fault, so it is no QuothError.
    """


class Quotable(Protocol):
    """What can be cited: words of a document as they were read, with what they were read in."""

    @property
    def hit(self) -> Hit:
        """A passage of the document."""

    @property
    def start(self) -> int:
        """Offset of the first code point of the words; ``end`` is half-open."""

    @property
    def end(self) -> int:
        """Where the words end."""

    @property
    def sentence_start(self) -> int:
        """Where the sentences around the words begin."""

    @property
    def sentence_end(self) -> int:
        """Where these sentences end."""

    @property
    def quote(self) -> str:
        """The words."""

    @property
    def sentence(self) -> str:
        """The sentences."""

    @property
    def heads(self) -> Heads | None:
        """Of a cell; None for other text."""


class CitedSentence(BaseModel, frozen=True):
    """The whole sentence around a quote."""

    start: int
    end: int
    text: str


class CellHeads(BaseModel, frozen=True):
    """What a cell of a table is about: the cells that name its row and its column, and where they
    stand. They are null if the table has none.
    """

    row: str | None
    column: str | None
    row_start: int | None
    row_end: int | None
    column_start: int | None
    column_end: int | None


class Citation(BaseModel, frozen=True):
    """A verified quote and its position: ``document.text[start:end] == quote`` in the named
    version. Offsets count code points and are half-open.

    :param number: from 1, in the order in which the answer cites
    :param page: the page on which the quote begins, if the document has pages
    :param sentence: the whole sentences around the quote
    :param link: a permanent link to the highlighted quote, relative to the service
    :param file_name: of the file that the document was read from
    :param cell: what the quote is about if it is a cell of a table
    """

    number: int
    document_id: str
    version: str
    title: str
    url: str | None
    published: date | None
    page: int | None
    start: int
    end: int
    quote: str
    sentence: CitedSentence
    link: str
    file_name: str | None = None
    cell: CellHeads | None = Field(default=None, exclude_if=lambda cell: cell is None)


def cite(store: Store, groups: Sequence[Sequence[Quotable]]) -> tuple[tuple[Citation, ...], ...]:
    """Citations for groups of spans, in order and numbered from 1 in each group, all verified
    against one state of the stored text.

    :raises NotFoundError: a document was deleted after it was read
    :raises StoreError: the stored text is damaged
    :raises CitationError: a quote differs from the stored text at its offsets
    """
    spans = list(chain.from_iterable(groups))
    heads = _heads(store, spans)
    read = _Stretches(store, spans)
    try:
        return tuple(
            tuple(
                _verified(number, span, *read.sentence(span), next(heads))
                for number, span in enumerate(group, 1)
            )
            for group in groups
        )
    except CitationError:
        # It is no bug if the stored text is damaged: reading all of it compares its checksum.
        for document_id, version in dict.fromkeys(map(_version, spans)):
            store.document(document_id, version)
        raise


def citation_link(document_id: str, version: str, start: int, end: int) -> str:
    """A permanent link to a highlighted quote, relative to the service."""
    return f"/documents/{percent_encoded(document_id)}?version={version}#{start}-{end}"


class _Stretches:
    """The stretch of each document that holds everything quoted from it, read at once: an answer
    may quote fifty items of a list.
    """

    def __init__(self, store: Store, spans: Sequence[Quotable]) -> None:
        extents: dict[tuple[str, str], Extent] = {}
        for span in spans:
            key = _version(span)
            start, end = extents.get(key, (span.sentence_start, span.sentence_end))
            extents[key] = (min(start, span.sentence_start), max(end, span.sentence_end))
        wanted = [(*key, *extent) for key, extent in extents.items()]
        self._starts = {key: start for key, (start, _) in extents.items()}
        self._read = dict(zip(extents, store.paged_passages(wanted), strict=True))

    def sentence(self, span: Quotable) -> tuple[str, Sequence[Page]]:
        """The stored text where the sentences of a quote should be, and the document's pages."""
        key = _version(span)
        text, pages = self._read[key]
        first = self._starts[key]
        return text[span.sentence_start - first : span.sentence_end - first], pages


def _version(span: Quotable) -> tuple[str, str]:
    return span.hit.chunk.document_id, span.hit.chunk.version


def _heads(store: Store, spans: Sequence[Quotable]) -> Iterator[CellHeads | None]:
    """The heads of each span that is in a cell, as the store has them."""
    wanted: list[tuple[str, str, int, int]] = []
    for span in spans:
        heads = (span.heads.row, span.heads.column) if span.heads else ()
        chunk = span.hit.chunk
        wanted += [(chunk.document_id, chunk.version, *offsets) for offsets in heads if offsets]
    # Most answers are no cells, and need no further look into the store.
    texts = (text for text, _ in (store.paged_passages(wanted) if wanted else ()))
    for span in spans:
        if span.heads is None:
            yield None
            continue
        row, column = span.heads.row, span.heads.column
        yield CellHeads(
            row=next(texts) if row else None,
            column=next(texts) if column else None,
            row_start=row and row[0],
            row_end=row and row[1],
            column_start=column and column[0],
            column_end=column and column[1],
        )


def _verified(
    number: int, span: Quotable, sentence: str, pages: Sequence[Page], cell: CellHeads | None
) -> Citation:
    """The citation of a span whose sentence was read from the store.

    :raises CitationError: sentence or quote is not what the reader saw
    """
    chunk, stored = span.hit.chunk, span.hit.stored
    quote = sentence[span.start - span.sentence_start : span.end - span.sentence_start]
    # The store cuts a text at its end without complaint, and a negative offset counts from the
    # end of a string: the lengths tell whether the offsets lie inside.
    inside = (
        len(sentence) == span.sentence_end - span.sentence_start
        and len(quote) == span.end - span.start
    )
    if not inside or not quote or quote != span.quote or sentence != span.sentence:
        raise CitationError(
            f"document {chunk.document_id!r}, version {chunk.version}: {span.quote!r} was read at "
            f"{span.start}-{span.end}, but the stored text there is {quote!r}"
        )
    return Citation(
        number=number,
        document_id=chunk.document_id,
        version=chunk.version,
        title=stored.title,
        url=stored.url,
        published=stored.published,
        page=page_of(pages, span.start),
        start=span.start,
        end=span.end,
        quote=quote,
        sentence=CitedSentence(start=span.sentence_start, end=span.sentence_end, text=sentence),
        link=citation_link(chunk.document_id, chunk.version, span.start, span.end),
        file_name=stored.file_name,
        cell=cell,
    )
