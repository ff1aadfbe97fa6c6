"""Chunks: the pieces of a document that are embedded, searched and read, with exact offsets."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import chain, groupby

from corpus.blocks import BlockKind
from corpus.document import Document, shortened
from corpus.errors import DocumentError
from index.text.sections import Section, sections
from index.text.sentences import sentences, trimmed
from index.text.units import Cell, Unit
from index.text.view import Extent, Heads, PartKind, View, ViewPart, ViewRow

REVISION = 4
"""Increased with every change of how documents are cut. An index with another revision is
renewed.
"""

TokenSpans = Callable[[Sequence[str]], list[list[tuple[int, int]]]]
"""Returns the tokens of each text as half-open spans of code points."""

MAX_CHUNKS = 50_000
"""The greatest number of chunks of one document."""

_MAX_CONTEXT_LINE = 200
"""How many characters of a heading, a question, a lead-in or a caption are read with each chunk
that needs it.
"""

_TOKENIZED_TOGETHER = 200_000
"""About how many characters are tokenized at a time. Tokens take many times as much memory."""

_MAX_NAME = 80
"""How many characters of the cell that names a row are read again before a later part of the row.
"""

_CHARACTERS_PER_TOKEN = 4
_MAX_CHARACTERS_PER_TOKEN = 12
"""The greatest number of characters that count as one token, since a very long word may be a single
unknown token.
"""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Whole sentences of one section of a document: ``document.text[start:end] == text``, always.

    :param context: the document's title, the headings above the chunk, and what it needs to be
        understood that stands before it: a question, the lead-in of its list or the caption of its
        table; for embedding, never part of a quote
    :param own_view: what models read, if that is more than the text as one part
    """

    document_id: str
    version: str
    start: int
    end: int
    text: str
    context: str
    own_view: View | None = None

    @property
    def view(self) -> View:
        """What models read."""
        return self.own_view or View.of_text(self.text, self.start)

    @property
    def embedded_text(self) -> str:
        """The text that the encoder gets."""
        return f"{self.context}\n{self.indexed_text}" if self.context else self.indexed_text

    @property
    def indexed_text(self) -> str:
        """The text whose words are searched beside those of the context: the view, without the
        lines at its head that the context has too.
        """
        text, known = self.view.text, self.context.split("\n")
        while text.partition("\n")[0] in known and "\n" in text:
            text = text.partition("\n")[2]
        return text


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
class _Stretch:
    """A sentence of a unit, or one of its cells."""

    unit: Unit
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Piece:
    """A sentence or a row of a table, or a part of one that is too long for a chunk of its own.

    :param tokens: the number of tokens that models read for it; a very long word counts for more,
        by its length
    :param cells: of a row, those that it holds
    """

    unit: Unit
    start: int
    end: int
    tokens: int
    cells: tuple[Cell, ...] = ()

    @property
    def group(self) -> int | None:
        """Where the list, the answer or the definition begins that it is part of, if any."""
        start = self.unit.group
        return start if start is not None and start < self.end else None


def chunk_document(
    document: Document, token_spans: TokenSpans, settings: ChunkSettings
) -> list[Chunk]:
    """The chunks of a document, in the order of its text.

    They are cut along its blocks, and no chunk crosses a heading. Together they contain every block
    except headings, contents lines, page heads and page feet.

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
        _own_view(document.text, section, window),
    )


def _context(document: Document, section: Section, window: Sequence[_Piece]) -> str:
    """The title, the headings, and what the first unit needs to be understood that the chunk does
    not contain.
    """
    lines = [document.title, *section.headings]
    lines = [shortened(line, _MAX_CONTEXT_LINE) for line in lines if line]
    return "\n".join(dict.fromkeys([*lines, *_needed(document.text, window)]))


def _needed(text: str, window: Sequence[_Piece]) -> list[str]:
    """The lines that the first unit needs to be understood and that stand before the chunk."""
    start = window[0].start
    spans = [span for span in window[0].unit.context if span[0] < start]
    return [
        shortened(" ".join(text[first:last].split()), _MAX_CONTEXT_LINE) for first, last in spans
    ]


def _own_view(text: str, section: Section, window: Sequence[_Piece]) -> View | None:
    """What models read for the pieces, None if it is the text as one part."""
    builder = _ViewBuilder(text)
    headings = [] if window[0].unit.is_asked else section.question
    lines = [shortened(line, _MAX_CONTEXT_LINE) for line in headings]
    for line in dict.fromkeys([*lines, *_needed(text, window)]):
        builder.add_words(line)
    for _, run in groupby(window, key=lambda piece: piece.unit.block.start):
        pieces = list(run)
        unit = pieces[0].unit
        if unit.cells:
            for piece in pieces:
                builder.add_row(piece)
        else:
            builder.add_text(unit, pieces[0].start, pieces[-1].end)
    view, (start, end) = builder.view(), (window[0].start, window[-1].end)
    return None if view == View.of_text(text[start:end], start) else view


class _ViewBuilder:
    """Writes a view line by line."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._written: list[str] = []
        self._length = 0
        self._parts: list[ViewPart] = []
        # Where the last text ended in the document; None after a row or a line of its own.
        self._position: int | None = None
        self._rows: list[ViewRow] = []

    def add_words(self, line: str) -> None:
        """Add a line that is never quoted."""
        self._write(f"{line}\n")

    def add_text(self, unit: Unit, start: int, end: int) -> None:
        """Add the parts of a unit that lie in a stretch of it, with what stands between them."""
        self._follow(start)
        position = start
        for part in unit.parts:
            first, last = max(part.start, start), min(part.end, end)
            if first < last:
                self._write(self._text[position:first])
                self._quote(first, last, kind=part.kind)
                position = last
        self._write(self._text[position:end])
        self._position = end

    def _follow(self, start: int) -> None:
        """Separate what follows as the document does, but for blocks that are not read."""
        if self._position is None:
            return
        between = self._text[self._position : start]
        self._write(between if between.isspace() else "\n")
        self._position = None

    def add_row(self, piece: _Piece) -> None:
        """Add a row, or the part of it that a piece holds, as "Label: value. Label: value."."""
        if self._position is not None:
            self._write("\n")
            self._position = None
        first, opened = piece.cells[0], self._length
        name = first.heads.row
        if name is not None and first.start > piece.unit.cells[0].start:
            # The rest of a long row is not understood without the cell that names it.
            words = " ".join(self._text[slice(*name)].split())
            self._write(f"{shortened(words, _MAX_NAME)}. ")
        for number, cell in enumerate(piece.cells):
            self._write((" " if number else "") + (f"{cell.label}: " if cell.label else ""))
            self._quote(cell.start, cell.end, heads=cell.heads)
            if not self._text.endswith((".", "!", "?"), cell.start, cell.end):
                self._write(".")
        self._rows.append(
            ViewRow(opened, self._length, (piece.cells[0].start, piece.cells[-1].end))
        )
        self._write("\n")

    def view(self) -> View:
        """The view of all that was added."""
        return View("".join(self._written).rstrip("\n"), tuple(self._parts), tuple(self._rows))

    def _quote(
        self,
        start: int,
        end: int,
        *,
        heads: Heads | None = None,
        kind: PartKind = PartKind.TEXT,
    ) -> None:
        at = self._length
        self._parts.append(ViewPart(at, at + end - start, start, heads, kind))
        self._write(self._text[start:end])

    def _write(self, words: str) -> None:
        self._written.append(words)
        self._length += len(words)


def _pieces(
    document: Document, token_spans: TokenSpans, max_tokens: int
) -> Iterator[tuple[Section, list[_Piece]]]:
    """The sections, each with its pieces. The tokens of many sentences are computed together."""
    group: list[tuple[Section, list[_Stretch]]] = []
    start = 0
    for section in sections(document):
        group.append((section, list(_stretches(document.text, section))))
        end = section.units[-1].block.end
        if end - start >= _TOKENIZED_TOGETHER:
            yield from _tokenized(document.text, group, token_spans, max_tokens)
            group, start = [], end
    yield from _tokenized(document.text, group, token_spans, max_tokens)


def _stretches(text: str, section: Section) -> Iterator[_Stretch]:
    for unit in section.units:
        for cell in unit.cells:
            yield _Stretch(unit, cell.start, cell.end)
        if not unit.cells:
            for start, end in sentences(text, unit.start, unit.block.end):
                yield _Stretch(unit, start, end)


def _tokenized(
    text: str,
    group: Sequence[tuple[Section, list[_Stretch]]],
    token_spans: TokenSpans,
    max_tokens: int,
) -> Iterator[tuple[Section, list[_Piece]]]:
    spans = [(each.start, each.end) for _, inside in group for each in inside]
    tokens = _sentence_tokens(text, spans, token_spans)
    for section, inside in group:
        pieces: list[_Piece] = []
        for _, run in groupby(inside, key=lambda stretch: stretch.unit.start):
            stretches = list(run)
            unit = stretches[0].unit
            fitting = [
                list(_fitting(text, (each.start, each.end), next(tokens), max_tokens))
                for each in stretches
            ]
            if unit.cells:
                pieces += _row_pieces(unit, fitting, max_tokens)
            else:
                pieces += [_piece(text, unit, *part) for part in chain.from_iterable(fitting)]
        yield section, pieces


def _row_pieces(
    unit: Unit, fitting: Sequence[Sequence[tuple[int, int, int]]], max_tokens: int
) -> Iterator[_Piece]:
    """A row as one piece if it fits, otherwise runs of its cells.

    :param fitting: of each cell, its text, cut if it is too long: start, end and tokens
    """
    cells: list[Cell] = []
    total = 0
    start = unit.start
    parts = ((cell, part) for cell, cut in zip(unit.cells, fitting, strict=True) for part in cut)
    for cell, (first, last, tokens) in parts:
        # Labels are short and repeated in each row, so their tokens are estimated.
        needed = _counted(first, last, tokens) + len(cell.label) // _CHARACTERS_PER_TOKEN + 2
        if cells and total + needed > max_tokens:
            yield _Piece(unit, start, cells[-1].end, total, tuple(cells))
            cells, total, start = [], 0, first
        cells.append(replace(cell, start=first, end=last))
        total += needed
    yield _Piece(unit, start, max(cells[-1].end, unit.block.end), total, tuple(cells))


def _sentence_tokens(
    text: str, spans: Sequence[Extent], token_spans: TokenSpans
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
    text: str, sentence: Extent, tokens: list[Extent], max_tokens: int
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
    return _Piece(unit, start, end, _counted(start, end, tokens))


def _counted(start: int, end: int, tokens: int) -> int:
    """The number of tokens that a span counts as."""
    return max(tokens, math.ceil((end - start) / _MAX_CHARACTERS_PER_TOKEN))


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
        last = _before_group(pieces, first, last, settings.max_tokens)
        last = _before_lead_in(pieces, first, last)
        yield pieces[first : last + 1]
        if last + 1 == len(pieces):
            return
        first = _next_first(pieces, first, last, settings)


def _before_group(pieces: list[_Piece], first: int, last: int, max_tokens: int) -> int:
    """The last piece of a window that does not cut a list or an answer which fits into one."""
    group = pieces[last + 1].group if last + 1 < len(pieces) else None
    if group is None or group != pieces[last].group:
        return last
    opening = last
    while opening > first and pieces[opening - 1].group == group:
        opening -= 1
    tokens = 0
    for piece in pieces[opening:]:
        tokens += piece.tokens
        if piece.group != group:
            break
        if tokens > max_tokens:
            return last
    return opening - 1 if opening > first else last


def _before_lead_in(pieces: list[_Piece], first: int, last: int) -> int:
    """The last piece of a window that does not end with the lead-in of the list after it, or with
    the heads of the table.
    """
    end = last
    while first < end and end + 1 < len(pieces):
        following = pieces[end + 1].unit
        if pieces[end].end not in [last_needed for _, last_needed in following.context]:
            return end
        end -= 1
    return last


def _next_first(pieces: list[_Piece], first: int, last: int, settings: ChunkSettings) -> int:
    """The first piece of the next window: ``overlap`` pieces back, or fewer if they would leave no
    room for a new one. A row is understood without the one before it, so rows are not repeated.
    Nothing is repeated before a list or an answer that begins there.
    """
    following = pieces[last + 1].group
    begins_group = following is not None and following != pieces[last].group
    overlap = 0 if pieces[last].cells or begins_group else settings.overlap
    opening = max(first + 1, last + 1 - overlap)
    while opening <= last and _tokens(pieces[opening : last + 2]) > settings.max_tokens:
        opening += 1
    return opening


def _tokens(pieces: list[_Piece]) -> int:
    return sum(piece.tokens for piece in pieces)
