"""Paragraphs: the lines of a page, joined where a sentence goes on."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from statistics import median

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.clean import clean_text
from corpus.formats.fragment import BLANK_LINE, LINE, Fragment, TableCell
from corpus.formats.grid import names_columns
from corpus.formats.pdf.layout import LineRun, Region, Row, spaced
from corpus.formats.pdf.words import LINE_END_HYPHEN
from corpus.text_blocks import text_blocks

_LETTERS = re.compile(r"[^\W\d_]++(?:-[^\W\d_]++)*+")
_LAST_LETTERS = re.compile(r"[^\W\d_]*\Z")
_FIRST_LETTERS = re.compile(r"[^\W\d_]*")
_LIST_MARKER = re.compile(r"(?:[•‣▪■●◦○–—*·-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][”\"’')\]]*\Z")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_HEADING = re.compile(r"(?:\d{1,2}(?:\.\d{1,2})*\.?\s+)?[^\d\n]{2,200}[^\d\n.;,:]")
"""Headings hold no figures but their own number, so that no figure in large print is lost."""
_HEADING_SIZE = 1.15
_HEADING_LINES = 3
_SPACE = " "
_HYPHENS = (LINE_END_HYPHEN, "-")
_WORD_LENGTH = 80
"""No word is longer. Endless runs of letters are not looked at to their ends."""


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line on the page. Lengths are in points, and ``y`` is measured from the bottom of the page.

    :param first_word: the width of the first word
    :param column_right: the right edge of its column
    :param is_apart: whether it is no part of a paragraph
    """

    text: str
    left: float
    right: float
    y: float
    size: float
    first_word: float
    column_right: float
    is_apart: bool


class Typesetter:
    """Puts the pages of one document together.

    :param words: how often each word of the document occurs, in lower case
    :param levels: the level of headings in each font size that is clearly larger than the usual one
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.words: Counter[str] = Counter()
        sizes: Counter[float] = Counter()
        for row in rows:
            sizes[round(row.size, 1)] += len(row.text)
            # The halves of a hyphenated word are no words.
            text = row.text.rpartition(" ")[0] if row.text.endswith(_HYPHENS) else row.text
            self.words.update(word.lower() for word in _LETTERS.findall(text))
        usual = sizes.most_common(1)[0][0] if sizes else 0.0
        larger = sorted((size for size in sizes if size >= _HEADING_SIZE * usual), reverse=True)
        self.levels = {size: min(level, 6) for level, size in enumerate(larger, 1)}

    def page(self, regions: Iterable[Region]) -> list[Fragment]:
        """The text of a page: a fragment for each table and for the text between tables."""
        written: list[Fragment] = []
        lines: list[PrintedLine] = []
        for region in regions:
            if isinstance(region, LineRun) and not region.is_contents:
                lines += _lines(region)
                continue
            written += [self._prose(lines), _table(region)]
            lines = []
        written.append(self._prose(lines))
        return [each for each in written if each]

    def _prose(self, lines: Sequence[PrintedLine]) -> Fragment:
        return fragment.joined(map(self._paragraph, _paragraphs(lines)))

    def _paragraph(self, lines: Sequence[tuple[PrintedLine, str]]) -> Fragment:
        """A paragraph from its lines, each with what separates it from the next."""
        text: list[str] = []
        for (line, between), following in zip_longest(lines, lines[1:]):
            if following is None:
                text.append(line.text)
            elif between == _SPACE:
                text += self._joint(line.text, following[0].text)
            else:
                text += [line.text, between]
        written = clean_text("".join(text).replace(LINE_END_HYPHEN, "-")).strip()
        level = self.levels.get(round(lines[0][0].size, 1))
        if level is not None and len(lines) <= _HEADING_LINES and _HEADING.fullmatch(written):
            return fragment.block(BlockKind.HEADING, written, level)
        return Fragment(written, text_blocks(written, has_headings=False))

    def _joint(self, above: str, below: str) -> tuple[str, str]:
        """The end of a line, and what stands between it and the next line of its paragraph."""
        is_hyphenated = above.endswith(_HYPHENS) and above[-2:-1].isalnum() and below[:1].isalnum()
        if is_hyphenated:
            return (above[:-1] if self._is_one_word(above[:-1], below) else above[:-1] + "-"), ""
        if _CJK.match(above[-1:]) and _CJK.match(below[:1]):
            return above, ""
        return above, _SPACE

    def _is_one_word(self, above: str, below: str) -> bool:
        """Whether the hyphen at the end of a line only breaks a word. The other words of the
        document show whether it belongs to it.
        """
        first = _LAST_LETTERS.search(above[-_WORD_LENGTH:])
        second = _FIRST_LETTERS.match(below[:_WORD_LENGTH])
        start, end = (first[0] if first else "").lower(), (second[0] if second else "").lower()
        if not above[-1:].islower() or not below[:1].islower():
            return False
        whole, hyphenated = self.words[start + end], self.words[f"{start}-{end}"]
        if whole or hyphenated:
            return whole >= hyphenated
        # Two words that also occur alone form a compound. A part of a word seldom occurs alone.
        alone = min(self.words[start], self.words[end])
        return not (alone and min(len(start), len(end)) > 2)


def _paragraphs(lines: Sequence[PrintedLine]) -> Iterator[list[tuple[PrintedLine, str]]]:
    """The lines of each paragraph, each with what separates it from the next line."""
    leading = _leading(lines) if lines else 0.0
    paragraph: list[tuple[PrintedLine, str]] = []
    for above, below in pairwise(lines):
        between = _break_between(above, below, leading)
        paragraph.append((above, between))
        if between == BLANK_LINE:
            yield paragraph
            paragraph = []
    if lines:
        yield [*paragraph, (lines[-1], "")]


def _lines(run: LineRun) -> list[PrintedLine]:
    right = max(row.right for row in run.rows)
    return [
        PrintedLine(
            row.text,
            row.left,
            row.right,
            row.y,
            row.size,
            row.words[0].right - row.words[0].left,
            right,
            run.is_apart,
        )
        for row in run.rows
    ]


def _table(table: Region) -> Fragment:
    """A table of contents, or a table whose first row may name its columns."""
    if isinstance(table, LineRun):
        lines = [fragment.block(BlockKind.CONTENTS, row.text) for row in table.rows]
        return fragment.joined(lines, LINE)
    rows = [[spaced(cell) for cell in row] for row in table.rows]
    has_head = names_columns(rows)
    return fragment.table(
        [TableCell(text, is_head=has_head and number == 0) for text in row]
        for number, row in enumerate(rows)
    )


def _leading(lines: Sequence[PrintedLine]) -> float:
    """The usual distance between the lines of a paragraph, measured below full lines if any."""
    steps: list[float] = []
    full_steps: list[float] = []
    for above, below in pairwise(lines):
        step = above.y - below.y
        if 0 < step < 4 * below.size:
            steps.append(step)
            if not _would_have_fitted(above, below):
                full_steps.append(step)
    return median(full_steps or steps or [1.2 * lines[0].size])


def _break_between(above: PrintedLine, below: PrintedLine, leading: float) -> str:
    if above.is_apart or below.is_apart:
        return BLANK_LINE
    runs_on = below.text[0].islower() and not _SENTENCE_END.search(above.text)
    step = above.y - below.y
    if step < -below.size:
        # The line below is at the top of the next column.
        return _SPACE if runs_on else BLANK_LINE
    if abs(above.size - below.size) > 0.1 * below.size or step > 1.3 * leading:
        return BLANK_LINE
    if _LIST_MARKER.match(below.text):
        return LINE
    # The first line of a paragraph may be indented.
    if _SENTENCE_END.search(above.text) and below.left - above.left > 0.8 * below.size:
        return BLANK_LINE
    if _would_have_fitted(above, below) and not (runs_on and _nearly_full(above)):
        return LINE
    return _SPACE


def _would_have_fitted(above: PrintedLine, below: PrintedLine) -> bool:
    """Whether the line above had room for the next word, so that it was ended on purpose."""
    return above.column_right - above.right > below.first_word + 0.5 * below.size


def _nearly_full(line: PrintedLine) -> bool:
    return line.right > line.left + 0.7 * (line.column_right - line.left)
