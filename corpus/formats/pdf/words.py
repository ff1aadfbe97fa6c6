"""The words of a page with their positions, from the characters that PDFium finds."""

import ctypes
import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import Any

from corpus.formats.superscript import superscript

LINE_END_HYPHEN = "\x02"
"""What PDFium writes for a hyphen at the end of a line."""

_HYPHENS = (0x02, 0xFFFE)
_RIGHT_ANGLE = math.pi / 2
_WORD_GAP = 0.18
"""The least gap between words, in font sizes, beyond that between letters."""
_WIDE_GAP = 0.6
"""The least gap that ends a word where neither the file nor PDFium has a space, in font sizes."""
_TRACKING = 0.08
"""The least gap between the letters of a line that is set with letter spacing, in font sizes."""
_SAME_LINE = 0.35
"""How far the baselines of one line may differ, in font sizes."""
_OVERLAP = 0.5
"""How far a letter may reach back into the one before it, in font sizes."""
_RAISED = (0.15, 0.75)
"""How far superscripts stand above the baseline of the word before them, in its font size."""
_RAISED_SIZE = 0.85
_SUPERSCRIPT_CONTEXT = 20


@dataclass(frozen=True, slots=True)
class Word:
    """A word as it is printed. Lengths are in points, in the direction in which it is read:
    ``left`` and ``right`` along the line, ``y`` upwards.

    :param y: of its baseline
    :param turns: by how many right angles its line is turned against the page
    :param is_right_to_left: whether its script is written from right to left
    """

    text: str
    left: float
    right: float
    y: float
    size: float
    turns: int = 0
    is_right_to_left: bool = False


@dataclass(frozen=True, slots=True)
class _Glyph:
    """A character.

    :param follows_space: whether the file has a space before it
    :param follows_put_in: whether PDFium, which looks at the gaps, put a space before it
    """

    text: str
    left: float
    right: float
    y: float
    size: float
    turns: int
    follows_space: bool
    follows_put_in: bool

    @property
    def is_right_to_left(self) -> bool:
        """Whether it belongs to a script that is written from right to left."""
        return unicodedata.bidirectional(self.text[0]) in ("R", "AL", "AN")


@dataclass(slots=True)
class _Run:
    """Characters of one line, in the order of the file, with the superscripts after each."""

    glyphs: list[_Glyph] = field(default_factory=list)
    raised: dict[int, list[_Glyph]] = field(default_factory=dict)

    @property
    def right(self) -> float:
        """Where the last character ends."""
        last = len(self.glyphs) - 1
        return max(glyph.right for glyph in [self.glyphs[-1], *self.raised.get(last, [])])


def page_words(text_page: Any) -> list[Word]:  # Any: pypdfium2 ships no types
    """The words that are printed on a page, in the order of the file."""
    glyphs = _glyphs(text_page.raw, text_page.count_chars())
    return [word for run in _runs(glyphs) for word in _words(run)]


def _glyphs(text_page: Any, count: int) -> Iterator[_Glyph]:  # Any: a ctypes pointer
    """The visible characters in the order of the file."""
    from pypdfium2 import raw

    box, matrix = raw.FS_RECTF(), raw.FS_MATRIX()
    x, y = ctypes.c_double(), ctypes.c_double()
    high, follows_space, follows_put_in = 0, False, False
    size, turns, baseline, is_known = 1.0, 0, 0.0, False
    for at in range(count):
        code = raw.FPDFText_GetUnicode(text_page, at)
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        text, high = _character(code, high), 0
        if not text.strip() and text != LINE_END_HYPHEN:
            if raw.FPDFText_IsGenerated(text_page, at) == 1:
                follows_put_in = True
            else:
                follows_space = True
            continue
        # The loose box is as wide as the character moves the pen, so letters of a word touch.
        raw.FPDFText_GetLooseCharBox(text_page, at, box)
        raw.FPDFText_GetCharOrigin(text_page, at, x, y)
        up = turned(x.value, y.value, turns)[1]
        if not is_known or up != baseline or follows_put_in:
            # Size and direction stay the same along a piece of a line, and are slow to ask for.
            size = raw.FPDFText_GetFontSize(text_page, at) or 1.0
            turns = 0
            if raw.FPDFText_GetMatrix(text_page, at, matrix):
                size *= math.hypot(matrix.c, matrix.d) or 1.0
                turns = round(math.atan2(matrix.b, matrix.a) / _RIGHT_ANGLE) % 4
            size, is_known = max(size, 0.1), True
            baseline = up = turned(x.value, y.value, turns)[1]
        first = turned(box.left, box.bottom, turns)[0]
        last = turned(box.right, box.top, turns)[0]
        yield _Glyph(
            text, min(first, last), max(first, last), up, size, turns, follows_space, follows_put_in
        )
        follows_space = follows_put_in = False


def _character(code: int, high: int) -> str:
    """The character of a code. Those above U+FFFF come as two surrogates."""
    if code in _HYPHENS:
        return LINE_END_HYPHEN
    if high and 0xDC00 <= code < 0xE000:
        return chr(0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00))
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def turned(x: float, y: float, turns: int) -> tuple[float, float]:
    """A point of the page in the coordinates of text that is turned by right angles."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turns]


def _runs(glyphs: Iterator[_Glyph]) -> Iterator[_Run]:
    """The characters in runs, each of which stays on a line and goes on along it."""
    run = _Run()
    for glyph in glyphs:
        if run.glyphs and _is_raised(glyph, run):
            run.raised.setdefault(len(run.glyphs) - 1, []).append(glyph)
            continue
        if run.glyphs and not _goes_on(glyph, run):
            yield run
            run = _Run()
        run.glyphs.append(glyph)
    if run.glyphs:
        yield run


def _is_raised(glyph: _Glyph, run: _Run) -> bool:
    base = run.glyphs[-1]
    rise, gap = glyph.y - base.y, glyph.left - run.right
    return (
        glyph.turns == base.turns
        and glyph.size <= _RAISED_SIZE * base.size
        and _RAISED[0] * base.size <= rise <= _RAISED[1] * base.size
        and -_OVERLAP * base.size <= gap <= _WORD_GAP * base.size
        and not glyph.follows_space
    )


def _goes_on(glyph: _Glyph, run: _Run) -> bool:
    last = run.glyphs[-1]
    size = max(glyph.size, last.size)
    if glyph.turns != last.turns or abs(glyph.y - last.y) > _SAME_LINE * size:
        return False
    if glyph.is_right_to_left:
        return abs(last.left - glyph.right) <= _OVERLAP * size
    # The letters of a ligature share one box.
    return glyph.left >= min(run.right - _OVERLAP * size, last.left)


def _words(run: _Run) -> Iterator[Word]:
    """The words of a run. They end where the file has a space, where PDFium puts one in, and at
    wide gaps. In a line that is set with letter spacing, only the gaps count.
    """
    glyphs = run.glyphs
    tracking = _letter_spacing(glyphs)
    opened = 0
    for at in range(1, len(glyphs) + 1):
        if at < len(glyphs):
            before, after = glyphs[at - 1], glyphs[at]
            right = max(glyph.right for glyph in [before, *run.raised.get(at - 1, [])])
            gap = (after.left - right) / max(before.size, after.size)
            if tracking:
                ends = gap > tracking + _WORD_GAP
            else:
                ends = after.follows_space or after.follows_put_in or gap > _WIDE_GAP
            if not ends:
                continue
        yield _word(run, opened, at)
        opened = at


def _letter_spacing(glyphs: Sequence[_Glyph]) -> float:
    """The usual gap between the letters of a line, in font sizes; 0 unless it is wide."""
    gaps = [
        (after.left - before.right) / max(after.size, before.size)
        for before, after in pairwise(glyphs)
        if before.text.isalnum() and after.text.isalnum()
    ]
    usual = median(gaps) if len(gaps) > 4 else 0.0
    return usual if usual > _TRACKING else 0.0


def _word(run: _Run, start: int, end: int) -> Word:
    text = ""
    for at in range(start, end):
        text += run.glyphs[at].text
        raised = run.raised.get(at, [])
        text += superscript(text[-_SUPERSCRIPT_CONTEXT:], "".join(each.text for each in raised))
    glyphs = [
        glyph for at in range(start, end) for glyph in [run.glyphs[at], *run.raised.get(at, [])]
    ]
    first = run.glyphs[start]
    return Word(
        text,
        min(glyph.left for glyph in glyphs),
        max(glyph.right for glyph in glyphs),
        first.y,
        median(glyph.size for glyph in run.glyphs[start:end]),
        first.turns,
        first.is_right_to_left,
    )
