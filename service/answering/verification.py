"""Checks whether a citation is still valid by comparing its quote with the current document."""

from dataclasses import dataclass
from enum import StrEnum

from index.store.documents import DocumentReader


class QuoteStatus(StrEnum):
    """Whether a quote is still in its document."""

    FOUND = "found"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """Where a quote is now.

    :param version: the document's current version, None if the document is gone
    :param start: offset of the quote in that version; like ``end``, None unless found or moved
    """

    status: QuoteStatus
    version: str | None = None
    start: int | None = None
    end: int | None = None


def verify(store: DocumentReader, document_id: str, start: int, end: int, quote: str) -> QuoteCheck:
    """Compare a quote with the current version of its document.

    FOUND means that it is at its position. MOVED means that it is elsewhere, and the check has the
    nearest position. CHANGED means that the document no longer contains it. GONE means that the
    document no longer exists, or is not in the scope of ``store``.
    """
    if store.summary(document_id) is None:
        return QuoteCheck(QuoteStatus.GONE)
    document = store.document(document_id)
    if document.text[start:end] == quote:
        return QuoteCheck(QuoteStatus.FOUND, document.version, start, end)
    nearest = _nearest(document.text, quote, start)
    if nearest is None:
        return QuoteCheck(QuoteStatus.CHANGED, document.version)
    return QuoteCheck(QuoteStatus.MOVED, document.version, nearest, nearest + len(quote))


def _nearest(text: str, quote: str, start: int) -> int | None:
    """The occurrence of a quote that is nearest to an offset, the first of two that are equally
    near.
    """
    after = text.find(quote, start)
    # The last one before is searched in reverse, because str.rfind takes quadratic time on texts
    # that repeat themselves; str.find does not.
    head = text[: start + len(quote)]
    reverse = head[::-1].find(quote[::-1])
    before = len(head) - reverse - len(quote) if reverse >= 0 else -1
    found = [position for position in (before, after) if position >= 0]
    return min(found, key=lambda position: (abs(position - start), position), default=None)
