"""Chunks: the pieces of a document that are embedded, searched and read, with exact offsets."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from corpus.document import Document
from index.text.sentences import Section, sections, sentences, trimmed

REVISION = 1
"""Increased with every change of how documents are cut. An index with another revision is
renewed.
"""

TokenSpans = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""Returns the tokens of each text as half-open spans of code points."""

_MAX_CHARACTERS_PER_TOKEN = 12
"""The greatest number of characters that count as one token, since a very long word may be a single
unknown token.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of one section of a document: ``document.text[start:end] == text``, always.

    :param context: the document's title and the headings above the chunk, for embedding; never part
        of a quote
    """

    document_id: str
    version: str
    start: int
    end: int
    text: str
    context: str

    @property
    def embedded_text(self) -> str:
        """The text that the encoder gets."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """How documents are cut.

    :param max_tokens: the greatest number of tokens of a chunk, by the encoder's tokenizer, without
        context and special tokens
    :param overlap: the number of sentences that a chunk repeats from the one before it
    """

    max_tokens: int = 160
    overlap: int = 1

    def as_dict(self) -> dict[str, int]:
        """The settings as plain numbers, for the manifest."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence, or a part of one that is too long for a chunk of its own.

    :param tokens: the number of its tokens; a very long word counts for more, by its length
    """

    start: int
    end: int
    tokens: int


def chunk_document(
    document: Document, token_spans: TokenSpans, settings: ChunkSettings
) -> list[Chunk]:
    """The chunks of a document, in the order of its text.

    Together they contain every character except headings and white space. No chunk crosses a
    heading.
    """
    parts = sections(document.text)
    return [
        Chunk(
            document.id,
            document.version,
            start,
            end,
            document.text[start:end],
            _context(document, section),
        )
        for section, pieces in zip(
            parts, _pieces(document.text, parts, token_spans, settings.max_tokens), strict=True
        )
        for start, end in _windows(pieces, settings)
    ]


def _context(document: Document, section: Section) -> str:
    lines = [document.title, *section.headings]
    return "\n".join(dict.fromkeys(line for line in lines if line))


def _pieces(
    text: str, parts: Sequence[Section], token_spans: TokenSpans, max_tokens: int
) -> Iterator[list[_Piece]]:
    """The pieces of each section. The tokens of all sentences are computed together."""
    spans = [sentences(text, part.start, part.end) for part in parts]
    tokens = iter(token_spans([text[start:end] for inside in spans for start, end in inside]))
    for inside in spans:
        yield [
            piece
            for start, end in inside
            for piece in _fitting(text, start, end, next(tokens), max_tokens)
        ]


def _fitting(
    text: str, start: int, end: int, tokens: list[tuple[int, int]], max_tokens: int
) -> Iterator[_Piece]:
    """The sentence as one piece if it fits. Otherwise it is cut between words, and inside a word
    only if that word is too long itself.
    """
    max_characters = max_tokens * _MAX_CHARACTERS_PER_TOKEN
    if len(tokens) <= max_tokens and end - start <= max_characters:
        yield _piece(start, end, len(tokens))
        return
    ends = [start + token_end for _, token_end in tokens]
    first = 0
    while start < end:
        last = min(first + max_tokens, len(ends))
        limit = min(end if last == len(ends) else ends[last - 1], start + max_characters)
        cut = limit if limit == end else _word_break(text, start, limit)
        after = first
        while after < len(ends) and ends[after] <= cut:
            after += 1
        piece = trimmed(text, start, cut)
        if piece[0] < piece[1]:
            yield _piece(*piece, after - first)
        start, first = cut, after


def _piece(start: int, end: int, tokens: int) -> _Piece:
    return _Piece(start, end, max(tokens, math.ceil((end - start) / _MAX_CHARACTERS_PER_TOKEN)))


def _word_break(text: str, start: int, limit: int) -> int:
    """The end of the last word in the second half of ``text[start:limit]``, or the limit."""
    middle = (start + limit) // 2
    for position in range(limit, middle, -1):
        if text[position - 1].isspace() or text[position : position + 1].isspace():
            return position
    return limit


def _windows(pieces: list[_Piece], settings: ChunkSettings) -> Iterator[tuple[int, int]]:
    """Spans of as many whole pieces as fit. Each begins with the last ``overlap`` pieces of the one
    before.
    """
    first = 0
    while first < len(pieces):
        last, tokens = first, pieces[first].tokens
        while last + 1 < len(pieces) and tokens + pieces[last + 1].tokens <= settings.max_tokens:
            last += 1
            tokens += pieces[last].tokens
        yield pieces[first].start, pieces[last].end
        if last + 1 == len(pieces):
            return
        first = _next_first(pieces, first, last, settings)


def _next_first(pieces: list[_Piece], first: int, last: int, settings: ChunkSettings) -> int:
    """The first piece of the next window: ``overlap`` pieces back, or fewer if they would leave no
    room for a new one.
    """
    opening = max(first + 1, last + 1 - settings.overlap)
    while opening <= last and _tokens(pieces[opening : last + 2]) > settings.max_tokens:
        opening += 1
    return opening


def _tokens(pieces: list[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)
