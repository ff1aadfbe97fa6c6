"""Whether a citation still holds: the quote against the document as it stands now."""

from dataclasses import dataclass
from enum import StrEnum

from index.store.store import Store


class QuoteStatus(StrEnum):
    """What has become of a quote."""

    FOUND = "found"
    MOVED = "moved"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class QuoteCheck:
    """Where a quote stands now.

    :param version: the document's present version, None where it is gone
    :param start: of the quote in that version, None unless found or moved; so is ``end``
    """

    status: QuoteStatus
    version: str | None = None
    start: int | None = None
    end: int | None = None


def verify(store: Store, document_id: str, start: int, end: int, quote: str) -> QuoteCheck:
    """Compare a quote with the present version of its document.

    Found: it stands at its place. Moved: it stands elsewhere, and the check names the nearest
    place. Changed: it no longer stands anywhere in the document. Gone: the document is not there.
    """
    if store.summary(document_id) is None:
        return QuoteCheck(QuoteStatus.GONE)
    document = store.document(document_id)
    if document.text[start:end] == quote:
        return QuoteCheck(QuoteStatus.FOUND, document.version, start, end)
    places = _occurrences(document.text, quote)
    if not places:
        return QuoteCheck(QuoteStatus.CHANGED, document.version)
    nearest = min(places, key=lambda place: (abs(place - start), place))
    return QuoteCheck(QuoteStatus.MOVED, document.version, nearest, nearest + len(quote))


def _occurrences(text: str, quote: str) -> list[int]:
    places = []
    place = text.find(quote)
    while place >= 0:
        places.append(place)
        place = text.find(quote, place + 1)
    return places
