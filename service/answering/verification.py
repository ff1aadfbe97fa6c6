"""Checks whether a citation is still valid by comparing its quote with the current document."""

from dataclasses import dataclass
from enum import StrEnum

from index.store.store import Store


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


def verify(store: Store, document_id: str, start: int, end: int, quote: str) -> QuoteCheck:
    """Compare a quote with the current version of its document.

    FOUND means that it is at its position. MOVED means that it is elsewhere, and the check has the
    nearest position. CHANGED means that the document no longer contains it. GONE means that the
    document no longer exists.
    """
    if store.summary(document_id) is None:
        return QuoteCheck(QuoteStatus.GONE)
    document = store.document(document_id)
    if document.text[start:end] == quote:
        return QuoteCheck(QuoteStatus.FOUND, document.version, start, end)
    positions = _occurrences(document.text, quote)
    if not positions:
        return QuoteCheck(QuoteStatus.CHANGED, document.version)
    nearest = min(positions, key=lambda position: (abs(position - start), position))
    return QuoteCheck(QuoteStatus.MOVED, document.version, nearest, nearest + len(quote))


def _occurrences(text: str, quote: str) -> list[int]:
    positions = []
    position = text.find(quote)
    while position >= 0:
        positions.append(position)
        position = text.find(quote, position + 1)
    return positions
