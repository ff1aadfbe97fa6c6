"""Text of a PDF that is struck through: by a line that is drawn through it, or by an annotation."""

import ctypes
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from corpus.formats.pdf.words import Word

_PATH = 2
_STRIKE_OUT = 12
_MAX_OBJECTS = 100_000
_MAX_ANNOTATIONS = 5_000
_MAX_THICKNESS = 0.3
"""The thickest line, in font sizes, with what PDFium adds to the bounds of a stroke."""
_HEIGHT = (0.12, 0.5)
"""How far above the baseline the line is, in font sizes."""
_BEYOND = 0.6
"""How far the line reaches beyond the words at its ends, in font sizes. Rules of tables and forms
reach farther.
"""
_REACH = 40
"""How far below a line the baseline of a word may be, in points."""
_TEXT = re.compile(r"[^\W\d_]{3}|\d\d")
"""What a word that is struck through has. Others are signs in a formula, with a bar of a fraction.
"""
_COVERED = 0.7
"""The share of a word that the line covers."""


@dataclass(frozen=True, slots=True)
class _Line:
    left: float
    bottom: float
    right: float
    top: float
    is_annotation: bool = False


def without_struck(page: Any, words: Sequence[Word]) -> tuple[list[Word], bool]:
    """The words of a page that are not struck through, and whether there are others.

    :param page: an open page of pypdfium2
    """
    lines = [*_drawn_lines(page), *_strike_outs(page)]
    if not lines:
        return list(words), False
    # Words in rows of one point, so that each line meets few of them.
    rows: dict[int, list[int]] = {}
    for number, word in enumerate(words):
        if word.turns == 0:
            rows.setdefault(round(word.y), []).append(number)
    struck: set[int] = set()
    for line in lines:
        struck.update(_struck_by(line, words, rows))
    return [word for number, word in enumerate(words) if number not in struck], bool(struck)


def _struck_by(line: _Line, words: Sequence[Word], rows: dict[int, list[int]]) -> list[int]:
    """The numbers of the words that a line goes through, if it is as long as they are."""
    middle = (line.bottom + line.top) / 2
    found = []
    for y in range(int(middle) - _REACH, int(middle) + 2):
        for number in rows.get(y, ()):
            word = words[number]
            height = (middle - word.y) / word.size
            covered = min(line.right, word.right) - max(line.left, word.left)
            is_thin = line.is_annotation or line.top - line.bottom <= _MAX_THICKNESS * word.size
            if (
                is_thin
                and _HEIGHT[0] <= height <= _HEIGHT[1]
                and covered >= _COVERED * (word.right - word.left)
            ):
                found.append(number)
    if not any(_TEXT.search(words[number].text) for number in found):
        return []
    beyond = _BEYOND * max(words[number].size for number in found)
    is_as_long = (
        line.left >= min(words[number].left for number in found) - beyond
        and line.right <= max(words[number].right for number in found) + beyond
    )
    return found if is_as_long else []


def _drawn_lines(page: Any) -> Iterator[_Line]:  # Any: pypdfium2 ships no types
    """The horizontal lines that are drawn on a page, also as flat rectangles."""
    from pypdfium2 import raw

    sides = [ctypes.c_float() for _ in range(4)]
    for number in range(min(raw.FPDFPage_CountObjects(page.raw), _MAX_OBJECTS)):
        drawn = raw.FPDFPage_GetObject(page.raw, number)
        if raw.FPDFPageObj_GetType(drawn) != _PATH:
            continue
        if not raw.FPDFPageObj_GetBounds(drawn, *sides):
            continue
        left, bottom, right, top = (side.value for side in sides)
        if right - left > 2 * (top - bottom):
            yield _Line(left, bottom, right, top)


def _strike_outs(page: Any) -> Iterator[_Line]:  # Any: see above
    """The lines of text that annotations strike out, each as high as its text."""
    from pypdfium2 import raw

    for number in range(min(raw.FPDFPage_GetAnnotCount(page.raw), _MAX_ANNOTATIONS)):
        annotation = raw.FPDFPage_GetAnnot(page.raw, number)
        if not annotation:
            continue
        try:
            if raw.FPDFAnnot_GetSubtype(annotation) != _STRIKE_OUT:
                continue
            corners = raw.FS_QUADPOINTSF()
            for at in range(min(raw.FPDFAnnot_CountAttachmentPoints(annotation), 1_000)):
                if raw.FPDFAnnot_GetAttachmentPoints(annotation, at, corners):
                    across = (corners.x1, corners.x2, corners.x3, corners.x4)
                    up = (corners.y1, corners.y2, corners.y3, corners.y4)
                    yield _Line(min(across), min(up), max(across), max(up), is_annotation=True)
        finally:
            raw.FPDFPage_CloseAnnot(annotation)
