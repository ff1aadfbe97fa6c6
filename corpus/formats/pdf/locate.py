"""Where a span of a PDF's stored text stands on its page, so that it can be marked there.

The page is read again. Its words are in nearly the order of the stored text, so the two are aligned
as Bram Cohen's "patience diff" aligns files: by the words that occur once in both, and around them
by the words that are equal.
"""

import ctypes
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Any

from corpus.errors import DocumentError
from corpus.formats.pdf.layout import regions, words_in
from corpus.formats.pdf.read import PDFIUM, opened, upright_rows, words_of
from corpus.formats.pdf.words import Word, turned

_ASCENT, _DESCENT = 0.85, 0.22
"""How far letters reach above and below the baseline, in font sizes."""
_SAME_LINE = 0.5
_MAX_GAP = 3.0
"""The widest gap between words within one box, in font sizes."""
_MAX_DEPTH = 8
_DEVICE = 1_000_000


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page as it is shown. Lengths are shares of the page's width and height, from
    0 to 1, and are measured from the left and from the top.
    """

    left: float
    top: float
    right: float
    bottom: float


def boxes(data: bytes, number: int, text: str, start: int, end: int) -> tuple[Box, ...]:
    """The boxes of ``text[start:end]`` on a page of a PDF, one for each printed line, in the order
    of the text. Words that are not on the page have none.

    :param data: the file
    :param number: of the page, from 1
    :param text: the stored text of the whole page
    :param start: offset into ``text``, in code points
    :param end: offset after the last character
    :raises DocumentError: the file is encrypted, damaged or not a PDF, or has no such page
    """
    import pypdfium2 as pdfium

    with PDFIUM:
        document = opened("the original", data)
        try:
            if not 1 <= number <= len(document):
                raise DocumentError("the original", f"has no page {number}")
            form = document.formenv if document.get_formtype() else None
            page = document[number - 1]
            return tuple(_placed(page, _lines(words_of(page, form)[0], text, start, end)))
        except pdfium.PdfiumError as exc:
            raise DocumentError("the original", "is damaged: its page cannot be read") from exc
        finally:
            document.close()


@dataclass(frozen=True, slots=True)
class _Piece:
    """A part of a word or of a line, in the coordinates of its text."""

    left: float
    right: float
    y: float
    size: float
    turns: int


@dataclass(frozen=True, slots=True)
class _Folded:
    """The letters and digits of a text in compatible forms, without case.

    :param sources: where each of them comes from, in ascending order
    :param starts: where words begin, and the end
    """

    text: str
    sources: list[int]
    starts: list[int]

    @classmethod
    def of(cls, text: str) -> "_Folded":
        folded: list[str] = []
        sources: list[int] = []
        starts = [0]
        for at, character in enumerate(text):
            if character.isspace():
                if starts[-1] != len(folded):
                    starts.append(len(folded))
                continue
            # "ﬁ" gives two letters, and "³" gives "3".
            for each in unicodedata.normalize("NFKC", character).casefold():
                if each.isalnum():
                    folded.append(each)
                    sources.append(at)
        if starts[-1] != len(folded):
            starts.append(len(folded))
        return cls("".join(folded), sources, starts)

    def words(self, start: int, end: int) -> Iterator[tuple[str, int]]:
        """The whole words between two offsets of the folded text, each with its own offset."""
        first, last = bisect_left(self.starts, start), bisect_right(self.starts, end)
        for at in range(first, last - 1):
            yield self.text[self.starts[at] : self.starts[at + 1]], self.starts[at]

    def is_boundary(self, offset: int) -> bool:
        """Whether no word goes on over the offset."""
        at = bisect_left(self.starts, offset)
        return at < len(self.starts) and self.starts[at] == offset


def _lines(words: Sequence[Word], text: str, start: int, end: int) -> list[_Piece]:
    """The parts of printed lines that the span covers."""
    ordered = list(_in_reading_order(words))
    printed = _Folded.of(" ".join(word.text for word in ordered))
    stored = _Folded.of(text)
    first, last = (bisect_left(stored.sources, offset) for offset in (start, end))
    aligned = _Alignment(stored, printed, first, last).printed
    offsets = list(chain([0], _running_lengths(ordered)))
    found = [printed.sources[aligned[at]] for at in range(first, last) if at in aligned]
    lines: list[_Piece] = []
    for number, covered in groupby(found, key=lambda source: bisect_right(offsets, source) - 1):
        inside = [source - offsets[number] for source in covered]
        piece = _piece(ordered[number], min(inside), max(inside) + 1)
        if lines and _is_one_line(lines[-1], piece):
            above = lines.pop()
            piece = _Piece(
                min(above.left, piece.left),
                max(above.right, piece.right),
                above.y,
                max(above.size, piece.size),
                above.turns,
            )
        lines.append(piece)
    return lines


def _in_reading_order(words: Sequence[Word]) -> Iterator[Word]:
    for rows in upright_rows(list(words)):
        for region in regions(rows):
            yield from words_in(region)


def _running_lengths(words: Iterable[Word]) -> Iterator[int]:
    length = 0
    for word in words:
        length += len(word.text) + 1
        yield length


def _piece(word: Word, start: int, end: int) -> _Piece:
    """The part of a word, with the signs beside it. All characters count as equally wide."""
    while start and not word.text[start - 1].isalnum():
        start -= 1
    while end < len(word.text) and not word.text[end].isalnum():
        end += 1
    left, right = word.left, word.right
    if not word.is_right_to_left:
        width = (word.right - word.left) / max(1, len(word.text))
        left, right = word.left + start * width, word.left + end * width
    return _Piece(left, right, word.y, word.size, word.turns)


def _is_one_line(above: _Piece, below: _Piece) -> bool:
    size = max(above.size, below.size)
    return (
        above.turns == below.turns
        and abs(above.y - below.y) <= _SAME_LINE * size
        and max(above.left, below.left) - min(above.right, below.right) <= _MAX_GAP * size
    )


class _Alignment:
    """Which characters of a printed page are those of a span of its stored text.

    :param printed: the offset in the printed text for each offset of the span that has one
    """

    def __init__(self, stored: _Folded, printed: _Folded, first: int, last: int) -> None:
        self._stored, self._printed = stored, printed
        self._first, self._last = first, last
        self.printed: dict[int, int] = {}
        span = stored.text[first:last]
        alone = printed.text.find(span) if span else -1
        if alone >= 0 and printed.text.find(span, alone + 1) < 0:
            self._match(first, alone, len(span))
        else:
            self._between((0, 0), (len(stored.text), len(printed.text)), 0)

    def _match(self, stored: int, printed: int, length: int) -> None:
        for at in range(max(0, self._first - stored), min(length, self._last - stored)):
            self.printed[stored + at] = printed + at

    def _between(self, start: tuple[int, int], end: tuple[int, int], depth: int) -> None:
        """Align two spans, each pair of offsets being one in the stored and one in the printed
        text. Words that are equal at both ends are aligned after the words that are unique, because
        the page may have more words at its top and at its bottom.
        """
        if end[0] <= self._first or start[0] >= self._last or start[1] >= end[1]:
            return
        if depth:
            start, end = self._trimmed(start, end)
        if depth == _MAX_DEPTH:
            return
        anchors = self._anchors(start, end)
        if not anchors and depth:
            return
        for stored, printed, length in [*anchors, (*end, 0)]:
            self._match(stored, printed, length)
            self._between(start, (stored, printed), depth + 1)
            start = stored + length, printed + length

    def _trimmed(
        self, start: tuple[int, int], end: tuple[int, int]
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        """The spans without the words at their ends that are equal, which are aligned. A word may
        be one in the stored text and two on the page, where a hyphen breaks it.
        """
        most = min(end[0] - start[0], end[1] - start[1])
        head = 0
        for at in range(most):
            if self._stored.text[start[0] + at] != self._printed.text[start[1] + at]:
                break
            if self._is_boundary(start[0] + at + 1, start[1] + at + 1):
                head = at + 1
        tail = 0
        for at in range(1, most - head + 1):
            if self._stored.text[end[0] - at] != self._printed.text[end[1] - at]:
                break
            if self._is_boundary(end[0] - at, end[1] - at):
                tail = at
        self._match(start[0], start[1], head)
        self._match(end[0] - tail, end[1] - tail, tail)
        return (start[0] + head, start[1] + head), (end[0] - tail, end[1] - tail)

    def _is_boundary(self, stored: int, printed: int) -> bool:
        return self._stored.is_boundary(stored) and self._printed.is_boundary(printed)

    def _anchors(self, start: tuple[int, int], end: tuple[int, int]) -> list[tuple[int, int, int]]:
        """The longest ascending sequence of words that occur once in both spans, with lengths."""
        ours = list(self._stored.words(start[0], end[0]))
        theirs = list(self._printed.words(start[1], end[1]))
        counts, other_counts = (Counter(word for word, _ in each) for each in (ours, theirs))
        offsets = {word: offset for word, offset in theirs if other_counts[word] == 1}
        pairs = [
            (offset, offsets[word], len(word))
            for word, offset in ours
            if counts[word] == 1 and word in offsets
        ]
        return _ascending(pairs)


def _ascending(pairs: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """The longest subsequence whose second numbers ascend, by patience sorting."""
    tops: list[int] = []
    piles: list[int] = []
    before: list[int] = []
    for number, (_, value, _) in enumerate(pairs):
        pile = bisect_left(tops, value)
        before.append(piles[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [value]
        piles[pile : pile + 1] = [number]
    found: list[tuple[int, int, int]] = []
    at = piles[-1] if piles else -1
    while at >= 0:
        found.append(pairs[at])
        at = before[at]
    return found[::-1]


def _placed(page: Any, lines: Iterable[_Piece]) -> Iterator[Box]:  # Any: pypdfium2 has no types
    """The lines as boxes on the page as it is shown, which may be turned and cropped."""
    for line in lines:
        bottom, top = line.y - _DESCENT * line.size, line.y + _ASCENT * line.size
        # Turned back from the direction of the text.
        corners = [
            _on_device(page, *turned(x, y, -line.turns % 4))
            for x, y in ((line.left, bottom), (line.right, top))
        ]
        (x, y), (other_x, other_y) = corners
        box = Box(min(x, other_x), min(y, other_y), max(x, other_x), max(y, other_y))
        if box.left < box.right and box.top < box.bottom:
            yield box


def _on_device(page: Any, x: float, y: float) -> tuple[float, float]:  # Any: see above
    from pypdfium2 import raw

    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page.raw, 0, 0, _DEVICE, _DEVICE, 0, x, y, across, down)
    return (
        min(1.0, max(0.0, across.value / _DEVICE)),
        min(1.0, max(0.0, down.value / _DEVICE)),
    )
