"""The sentences of the passages that are being read."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from index.text.sentences import sentences
from index.text.view import PartKind, View, ViewPart


@dataclass(frozen=True, slots=True)
class ViewSentence:
    """A sentence of a view, or a row of a table, which is read as one.

    :param start: offset of its first code point in the view; ``end`` is half-open
    :param first: offset of its first code point in the document; ``last`` is half-open
    :param kind: of the part that it stands in
    """

    start: int
    end: int
    first: int
    last: int
    kind: PartKind = PartKind.TEXT


# A passage is read token by token and then compared sentence by sentence. Both steps need its
# sentences, and splitting it twice costs more than caching the sentences of a few questions.
@lru_cache(maxsize=512)
def view_sentences(view: View) -> tuple[ViewSentence, ...]:
    """The sentences and rows of a view, in order."""
    return tuple(sorted(_sentences(view), key=lambda sentence: sentence.start))


def _sentences(view: View) -> Iterator[ViewSentence]:
    term: ViewPart | None = None
    for part in view.parts:
        if part.kind is PartKind.TERM:
            term = part
        elif part.heads is None:
            by = part.offset - part.start
            # A term and the words that explain it are one sentence.
            is_explained = term is not None and term.offset - term.start == by
            opened = term.start if term is not None and is_explained else part.start
            for start, end in sentences(view.text, opened, part.end):
                yield ViewSentence(start, end, start + by, end + by, part.kind)
            term = None
    for row in view.rows:
        yield ViewSentence(row.start, row.end, *row.offsets)
