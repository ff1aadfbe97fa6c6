"""Chunks: the pieces of a document that are embedded, searched and read, with exact offsets."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

from corpus.blocks import BlockKind
from corpus.document import Document
from corpus.errors import DocumentError
from index.text.sections import Section, Unit, sections
from index.text.sentences import sentences, trimmed

REVISION = 2
"""Increased with every change of how documents are cut. An index with another revision is
renewed.
"""

TokenSpans = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""Returns the tokens of each text as half-open spans of code points."""

MAX_CHUNKS = 50_000
"""The greatest number of chunks of one document."""

_MAX_CONTEXT_LINE = 300
"""How many characters of a heading, a lead-in or a table's heads go into the context of chunks.
Each of them has a copy.
"""

_TOKENIZED_TOGETHER = 200_000
"""About how many characters are tokenized at a time. Tokens take many times as much memory."""

_UnitSentence = tuple[Unit, tuple[int, int]]
"""A unit and the span of one of its sentences."""

_MAX_CHARACTERS_PER_TOKEN = 12
"""The greatest number of characters that count as one token, since a very long word may be a single
unknown token.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of one section of a document: ``document.text[start:end] == text``, always.

    :param context: the document's title, the headings above the chunk, and the lead-in of its list
        or the heads of its table if they stand before it; for embedding, never part of a quote
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
    """A sentence of a unit, or a part of one that is too long for a chunk of its own.

    :param tokens: the number of its tokens; a very long word counts for more, by its length
    """

    unit: Unit
    start: int
    end: int
    tokens: int


def chunk_document(
    document: Document, token_spans: TokenSpans, settings: ChunkSettings
) -> list[Chunk]:
    """The chunks of a document, in the order of its text.

    They are cut along its blocks, and no chunk crosses a heading. Together they contain every block
    except headings.

    :raises DocumentError: there would be more than ``MAX_CHUNKS``
    """
    chunks: list[Chunk] = []
    for section, pieces in _pieces(document, token_spans, settings.max_tokens):
        for window in _windows(pieces, settings):
            if len(chunks) == MAX_CHUNKS:
                raise DocumentError(
                    document.id,
                    f"has so many headings or so much text that it would be cut into more than "
                    f"{MAX_CHUNKS:,} passages; divide it",
                )
            chunks.append(_chunk(document, section, window))
    return chunks


def _chunk(document: Document, section: Section, window: Sequence[_Piece]) -> Chunk:
    start, end = window[0].start, window[-1].end
    return Chunk(
        document.id,
        document.version,
        start,
        end,
        document.text[start:end],
        _context(document, section, window),
    )


def _context(document: Document, section: Section, window: Sequence[_Piece]) -> str:
    """The title, the headings, and what the first unit needs to be understood that the chunk does
    not contain.
    """
    start = window[0].start
    needed = [span for span in window[0].unit.context if span[0] < start]
    lines = [document.title, *section.headings]
    lines += [" ".join(document.text[first:last].split()) for first, last in needed]
    return "\n".join(dict.fromkeys(line[:_MAX_CONTEXT_LINE] for line in lines if line))


def _pieces(
    document: Document, token_spans: TokenSpans, max_tokens: int
) -> Iterator[tuple[Section, list[_Piece]]]:
    """The sections, each with its pieces. The tokens of many sentences are computed together."""
    group: list[tuple[Section, list[_UnitSentence]]] = []
    start = 0
    for section in sections(document):
        inside = [
            (unit, sentence)
            for unit in section.units
            for sentence in sentences(document.text, unit.block.start, unit.block.end)
        ]
        group.append((section, inside))
        end = section.units[-1].block.end
        if end - start >= _TOKENIZED_TOGETHER:
            yield from _tokenized(document.text, group, token_spans, max_tokens)
            group, start = [], end
    yield from _tokenized(document.text, group, token_spans, max_tokens)


def _tokenized(
    text: str,
    group: Sequence[tuple[Section, list[_UnitSentence]]],
    token_spans: TokenSpans,
    max_tokens: int,
) -> Iterator[tuple[Section, list[_Piece]]]:
    spans = [span for _, inside in group for _, span in inside]
    tokens = _sentence_tokens(text, spans, token_spans)
    for section, inside in group:
        pieces = [
            _piece(text, unit, *piece)
            for unit, sentence in inside
            for piece in _fitting(text, sentence, next(tokens), max_tokens)
        ]
        yield section, pieces


def _sentence_tokens(
    text: str, spans: Sequence[tuple[int, int]], token_spans: TokenSpans
) -> Iterator[list[tuple[int, int]]]:
    """The tokens of each sentence."""
    group: list[str] = []
    characters = 0
    for start, end in spans:
        if end - start > _TOKENIZED_TOGETHER:
            yield from token_spans(group)
            yield _long_sentence_tokens(text[start:end], token_spans)
            group, characters = [], 0
            continue
        group.append(text[start:end])
        characters += end - start
        if characters >= _TOKENIZED_TOGETHER:
            yield from token_spans(group)
            group, characters = [], 0
    yield from token_spans(group)


def _long_sentence_tokens(sentence: str, token_spans: TokenSpans) -> list[tuple[int, int]]:
    """The tokens of a sentence that is tokenized in parts, which end between words."""
    tokens: list[tuple[int, int]] = []
    start = 0
    while start < len(sentence):
        end = min(len(sentence), start + _TOKENIZED_TOGETHER)
        end = end if end == len(sentence) else _word_break(sentence, start, end)
        (inside,) = token_spans([sentence[start:end]])
        tokens += [(start + first, start + last) for first, last in inside]
        start = end
    return tokens


def _fitting(
    text: str, sentence: tuple[int, int], tokens: list[tuple[int, int]], max_tokens: int
) -> Iterator[tuple[int, int, int]]:
    """The start, the end and the number of tokens of each piece: the sentence as one piece if it
    fits. Otherwise it is cut between words, and inside a word only if that word is too long itself.
    """
    start, end = sentence
    max_characters = max_tokens * _MAX_CHARACTERS_PER_TOKEN
    if len(tokens) <= max_tokens and end - start <= max_characters:
        yield start, end, len(tokens)
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
            yield *piece, after - first
        start, first = cut, after


def _piece(text: str, unit: Unit, start: int, end: int, tokens: int) -> _Piece:
    if start == unit.block.start and unit.block.kind is BlockKind.LIST_ITEM:
        # The mark of an item may be its number.
        line = text.rfind("\n", 0, start) + 1
        start = trimmed(text, line, start)[0]
    tokens = max(tokens, math.ceil((end - start) / _MAX_CHARACTERS_PER_TOKEN))
    return _Piece(unit, start, end, tokens)


def _word_break(text: str, start: int, limit: int) -> int:
    """The end of the last word in the second half of ``text[start:limit]``, or the limit."""
    middle = (start + limit) // 2
    for position in range(limit, middle, -1):
        if text[position - 1].isspace() or text[position : position + 1].isspace():
            return position
    return limit


def _windows(pieces: list[_Piece], settings: ChunkSettings) -> Iterator[list[_Piece]]:
    """Runs of as many whole pieces as fit. Each begins with the last ``overlap`` pieces of the one
    before.
    """
    first = 0
    while first < len(pieces):
        last, tokens = first, pieces[first].tokens
        while last + 1 < len(pieces) and tokens + pieces[last + 1].tokens <= settings.max_tokens:
            last += 1
            tokens += pieces[last].tokens
        last = _before_lead_in(pieces, first, last)
        yield pieces[first : last + 1]
        if last + 1 == len(pieces):
            return
        first = _next_first(pieces, first, last, settings)


def _before_lead_in(pieces: list[_Piece], first: int, last: int) -> int:
    """The last piece of a window that does not end with the lead-in of the list after it, or with
    the heads of the table.
    """
    end = last
    while first < end and end + 1 < len(pieces):
        following = pieces[end + 1].unit
        if (pieces[end].unit.block.start, pieces[end].unit.block.end) not in following.context:
            return end
        end -= 1
    return last


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
