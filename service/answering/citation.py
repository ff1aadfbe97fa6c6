"""Citations: where an answer stands, verified against the stored text before anybody sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from urllib.parse import quote as percent_encoded

from corpus.document import page_of
from index.store.store import Store
from service.reader.span import Span


class CitationError(Exception):
    """A quote is not what stands at its place: a bug in Quoth, never the caller's fault, so no
    QuothError.
    """


@dataclass(frozen=True, slots=True)
class Citation:
    """A quote and where it stands: ``document.text[start:end] == quote`` in the named version,
    verified.

    :param number: from 1, in the order in which the answer cites
    :param page: where the document has pages, the one on which the quote begins
    :param sentence_start: of the whole sentences around the quote, as are ``sentence_end`` and
        ``sentence``"""

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
    sentence_start: int
    sentence_end: int
    sentence: str

    @property
    def link(self) -> str:
        """A permanent link to the highlighted quote, relative to the service."""
        document = f"/documents/{percent_encoded(self.document_id)}?version={self.version}"
        return f"{document}#{self.start}-{self.end}"


def cite(store: Store, spans: Sequence[Span]) -> tuple[Citation, ...]:
    """A citation for each span, in order, each verified against the stored text.

    :raises NotFoundError: a document was deleted after it was read
    :raises CitationError: a quote is not what stands at its place
    """
    return tuple(_cite(store, number, span) for number, span in enumerate(spans, start=1))


def _cite(store: Store, number: int, span: Span) -> Citation:
    chunk, known = span.hit.chunk, span.hit.stored
    place = chunk.document_id, chunk.version, span.sentence_start, span.sentence_end
    sentence, pages = store.paged_passage(*place)
    quote = sentence[span.start - span.sentence_start : span.end - span.sentence_start]
    exact = (
        len(sentence) == span.sentence_end - span.sentence_start
        and len(quote) == span.end - span.start
    )
    if not exact or not quote or quote != span.quote or sentence != span.sentence:
        raise CitationError(
            f"document {chunk.document_id!r}, version {chunk.version}: {span.quote!r} was read at "
            f"{span.start}-{span.end}, where {quote!r} stands"
        )
    return Citation(
        number=number,
        document_id=chunk.document_id,
        version=chunk.version,
        title=known.title,
        url=known.url,
        published=known.published,
        page=page_of(pages, span.start),
        start=span.start,
        end=span.end,
        quote=quote,
        sentence_start=span.sentence_start,
        sentence_end=span.sentence_end,
        sentence=sentence,
    )
