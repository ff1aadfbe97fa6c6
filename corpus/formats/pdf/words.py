"""The words of a page with their positions, from the characters that PDFium finds.

PDFium is asked for one value of one character at a time. The answers of a page go straight into
arrays, which are looked at as a whole.
"""

import ctypes
import unicodedata
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import pairwise, repeat
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from corpus.formats.superscript import superscript

LINE_END_HYPHEN = "\x02"
"""What PDFium writes for a hyphen at the end of a line."""

_HYPHEN = 0x02
_OTHER_HYPHEN = 0xFFFE
_UNKNOWN = 0xFFFD
_WHITE = np.array([code for code in range(0x3001) if not chr(code).strip()])
_FIRST_RIGHT_TO_LEFT = 0x590
_WORD_GAP = 0.18
"""The least gap between words, in font sizes, beyond that between letters."""
_WIDE_GAP = 0.6
"""The least gap that ends a word where neither the file nor PDFium has a space, in font sizes."""
_TRACKING = 0.08
"""The least gap between the letters of a line that is set with letter spacing, in font sizes."""
_WIDEST_TRACKING = 0.6
"""The widest. Beyond it, the letters stand in columns."""
_MIN_TRACKED = 5
_COPY_OFFSET = 0.25
"""How far the second copy of a word that is drawn twice is moved at most, in font sizes."""
_COPIES_WITHIN = 8
_SAME_LINE = 0.35
"""How far the baselines of one line may differ, in font sizes."""
_OVERLAP = 0.5
"""How far a letter may reach back into the one before it, in font sizes."""
_RAISED = (0.15, 0.75)
"""How far superscripts stand above the baseline of the word before them, in its font size."""
_RAISED_SIZE = 0.85
_SUPERSCRIPT_CONTEXT = 20
_FARTHEST = 1e6
"""Positions beyond are damage, in points."""

Numbers = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


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


def turned(x: float, y: float, turns: int) -> tuple[float, float]:
    """A point of the page in the coordinates of text that is turned by right angles."""
    return ((x, y), (y, -x), (-x, -y), (-y, x))[turns]


def page_words(text_page: Any) -> list[Word]:  # Any: pypdfium2 ships no types
    """The words that are printed on a page, in the order of the file."""
    count = text_page.count_chars()
    if count <= 0:
        return []
    return list(_without_copies(_Glyphs.of(text_page, count).words()))


def _without_copies(words: Iterable[Word]) -> Iterator[Word]:
    """The words without those that are drawn again in the same position, to look bold or to throw
    a shadow.
    """
    # A few positions are enough, because copies follow soon.
    drawn: dict[str, deque[Word]] = defaultdict(lambda: deque(maxlen=_COPIES_WITHIN))
    for word in words:
        before = drawn[word.text]
        near = _COPY_OFFSET * word.size
        # Narrow letters may stand as close as that without lying over each other.
        beside = min(near, (word.right - word.left) / 2)
        if not any(
            abs(each.left - word.left) <= beside
            and abs(each.y - word.y) <= near
            and each.turns == word.turns
            for each in before
        ):
            yield word
            before.append(word)


@dataclass(slots=True)
class _Run:
    """Characters of one line that go on along it, as spans of the visible characters.

    :param parts: half-open
    :param raised: the superscripts after a character, also half-open spans
    :param right: where the last of them ends
    """

    parts: list[tuple[int, int]]
    right: float
    raised: dict[int, list[tuple[int, int]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Glyphs:
    """The visible characters of a page in the order of the file, one entry in each array.

    :param text: one code point for each
    :param follows_space: whether the file has a space before it
    :param follows_put_in: whether PDFium, which looks at the gaps, put a space before it
    """

    text: str
    left: Numbers
    right: Numbers
    y: Numbers
    size: Numbers
    turns: npt.NDArray[np.int64]
    follows_space: Flags
    follows_put_in: Flags
    is_right_to_left: Flags
    is_letter: Flags

    @classmethod
    def of(cls, text_page: Any, count: int) -> "_Glyphs":  # Any: pypdfium2 ships no types
        """The visible characters of a page with ``count`` characters."""
        codes, is_character = _codes(text_page, count)
        handle = ctypes.cast(text_page.raw, ctypes.c_void_p).value
        is_white = np.isin(codes, _WHITE)
        visible = np.flatnonzero(is_character & ~is_white)
        white = np.flatnonzero(is_white)
        objects = _answers(_functions().text_object, handle, visible)
        generated = _answers(_functions().is_generated, handle, white) == 1
        put_in, space = (np.zeros(count + 1, np.int64) for _ in range(2))
        put_in[white[generated] + 1] = 1
        space[white[~generated] + 1] = 1
        first, last, base, size, turns = _positions(handle, visible, objects)
        shown = codes[visible]
        text = shown.astype("<u4").tobytes().decode("utf-32-le")
        return cls(
            text=text,
            left=first,
            right=last,
            y=base,
            size=size,
            turns=turns,
            follows_space=_since_last(np.cumsum(space)[visible]),
            follows_put_in=_since_last(np.cumsum(put_in)[visible]),
            is_right_to_left=_right_to_left(shown, text, first, last),
            is_letter=np.fromiter(map(str.isalpha, text), np.bool_, len(text)),
        )

    def words(self) -> list[Word]:
        """The words. They end where the file has a space, where PDFium puts one in, and at wide
        gaps. In a line that is set with letter spacing, only the gaps count.
        """
        if not self.text:
            return []
        gap = np.zeros_like(self.left)
        size = np.maximum(self.size[1:], self.size[:-1])
        towards_left = self.is_right_to_left[1:] & self.is_right_to_left[:-1]
        gap[1:] = np.where(
            towards_left, self.left[:-1] - self.right[1:], self.left[1:] - self.right[:-1]
        )
        gap[1:] /= size
        ends = self.follows_space | self.follows_put_in | (gap > _WIDE_GAP)
        letters = np.zeros_like(ends)
        letters[1:] = self.is_letter[1:] & self.is_letter[:-1]
        return list(_WordBuilder(self, gap, ends, letters).words(self._segments(size)))

    def _segments(self, size: Numbers) -> list[int]:
        """Where pieces of lines begin, and the end. A piece also ends where a superscript may begin
        or end.

        :param size: the larger one of the sizes of each two neighbours
        """
        above, below = slice(None, -1), slice(1, None)
        rise = self.y[below] - self.y[above]
        goes_on = (self.turns[below] == self.turns[above]) & (np.abs(rise) <= _SAME_LINE * size)
        # The letters of a ligature share one box.
        forward = self.left[below] >= np.minimum(
            self.right[above] - _OVERLAP * size, self.left[above]
        )
        backward = (self.right[below] >= self.left[above] - _OVERLAP * size) & (
            self.right[below] <= np.maximum(self.left[above] + _OVERLAP * size, self.right[above])
        )
        goes_on &= np.where(self.is_right_to_left[below], backward, forward)
        smaller = np.minimum(self.size[below], self.size[above]) <= _RAISED_SIZE * size
        goes_on &= ~(smaller & (np.abs(rise) >= _RAISED[0] * size))
        return [0, *(np.flatnonzero(~goes_on) + 1).tolist(), len(self.text)]


class _WordBuilder:
    """Makes words of the characters of a page.

    :param gap: the gap before each character, in font sizes
    :param ends: whether a word ends before each character, in a line without letter spacing
    :param letters: whether each character and the one before it are letters
    """

    def __init__(self, glyphs: _Glyphs, gap: Numbers, ends: Flags, letters: Flags) -> None:
        self._glyphs = glyphs
        self._gap, self._ends, self._letters = gap, ends, letters
        # Plain lists are many times faster than arrays where single values are read.
        self._text = glyphs.text
        self._left: list[float] = glyphs.left.tolist()
        self._right: list[float] = glyphs.right.tolist()
        self._y: list[float] = glyphs.y.tolist()
        self._size: list[float] = glyphs.size.tolist()
        self._turns: list[int] = glyphs.turns.tolist()
        self._right_to_left: list[bool] = glyphs.is_right_to_left.tolist()
        self._after_space: list[bool] = glyphs.follows_space.tolist()
        self._after_any_space: list[bool] = (glyphs.follows_space | glyphs.follows_put_in).tolist()

    def words(self, bounds: Sequence[int]) -> Iterator[Word]:
        """The words of all pieces of lines.

        :param bounds: where the pieces begin, and the end
        """
        run: _Run | None = None
        for start, end in pairwise(bounds):
            if run is not None and self._is_raised(start, run):
                run.raised.setdefault(run.parts[-1][1] - 1, []).append((start, end))
                run.right = max(run.right, *self._right[start:end])
                continue
            if run is not None and self._goes_on(start, run):
                run.parts.append((start, end))
                run.right = self._right[end - 1]
                continue
            if run is not None:
                yield from self._of(run)
            run = _Run([(start, end)], self._right[end - 1])
        if run is not None:
            yield from self._of(run)

    def _is_raised(self, at: int, run: _Run) -> bool:
        base = run.parts[-1][1] - 1
        size = self._size[base]
        return (
            self._turns[at] == self._turns[base]
            and self._size[at] <= _RAISED_SIZE * size
            and _RAISED[0] * size <= self._y[at] - self._y[base] <= _RAISED[1] * size
            and -_OVERLAP * size <= self._left[at] - run.right <= _WORD_GAP * size
            and not self._after_space[at]
        )

    def _goes_on(self, at: int, run: _Run) -> bool:
        last = run.parts[-1][1] - 1
        size = max(self._size[at], self._size[last])
        if self._turns[at] != self._turns[last]:
            return False
        if abs(self._y[at] - self._y[last]) > _SAME_LINE * size:
            return False
        if self._right_to_left[at]:
            reach = max(self._left[last] + _OVERLAP * size, self._right[last])
            return self._left[last] - _OVERLAP * size <= self._right[at] <= reach
        return self._left[at] >= min(run.right - _OVERLAP * size, self._left[last])

    def _of(self, run: _Run) -> Iterator[Word]:
        """The words of a run."""
        tracking = self._letter_spacing(run)
        word: list[tuple[int, int]] = []
        for start, end in run.parts:
            if word and self._ends_between(word[-1][1] - 1, start, run, tracking):
                yield self._word(word, run.raised)
                word = []
            inside = slice(start + 1, end)
            ends = self._gap[inside] > tracking + _WORD_GAP if tracking else self._ends[inside]
            opened = start
            for at in np.flatnonzero(ends).tolist():
                yield self._word([*word, (opened, start + 1 + at)], run.raised)
                word, opened = [], start + 1 + at
            word.append((opened, end))
        yield self._word(word, run.raised)

    def _ends_between(self, before: int, after: int, run: _Run, tracking: float) -> bool:
        """Whether a word ends between two parts of a run, which superscripts may separate."""
        right = self._right[before]
        for start, end in run.raised.get(before, []):
            right = max(right, *self._right[start:end])
        gap = (self._left[after] - right) / max(self._size[before], self._size[after])
        if tracking:
            return gap > tracking + _WORD_GAP
        return self._after_any_space[after] or gap > _WIDE_GAP

    def _letter_spacing(self, run: _Run) -> float:
        """The usual gap between the letters of a line, in font sizes; 0 unless it is wide."""
        inside = slice(run.parts[0][0] + 1, run.parts[-1][1])
        letters = self._letters[inside]
        gaps = self._gap[inside][letters]
        if len(gaps) < _MIN_TRACKED or 2 * np.count_nonzero(gaps > _TRACKING) < len(gaps):
            return 0.0
        usual = float(np.median(gaps))
        return usual if _TRACKING < usual <= _WIDEST_TRACKING else 0.0

    def _word(
        self, parts: Sequence[tuple[int, int]], raised: dict[int, list[tuple[int, int]]]
    ) -> Word:
        start, end = parts[0][0], parts[-1][1]
        spans = list(parts)
        if not raised and len(parts) == 1:
            text = self._text[start:end]
        else:
            text = ""
            for first, last in parts:
                text += self._text[first:last]
                # Superscripts follow the last character of a part only.
                marks = raised.get(last - 1, [])
                mark = "".join(self._text[left:right] for left, right in marks)
                text += superscript(text[-_SUPERSCRIPT_CONTEXT:], mark) if mark else ""
                spans += marks
        sizes = self._size[start:end]
        return Word(
            text,
            min(min(self._left[first:last]) for first, last in spans),
            max(max(self._right[first:last]) for first, last in spans),
            self._y[start],
            sizes[0] if sizes[0] == sizes[-1] else median(sizes),
            self._turns[start],
            self._right_to_left[start],
        )


@dataclass(frozen=True, slots=True)
class _Functions:
    """Functions of PDFium that take and give plain numbers, which is several times faster than what
    pypdfium2 declares. They keep Python's lock, because each of them takes less than a microsecond.
    """

    text_object: Callable[..., Any]  # Any: ctypes functions have no types
    is_generated: Callable[..., Any]
    code: Callable[..., Any]
    font_size: Callable[..., Any]
    box: Callable[..., Any]
    matrix: Callable[..., Any]
    origin: Callable[..., Any]


@cache
def _functions() -> _Functions:
    from pypdfium2 import raw

    pointer, number = ctypes.c_void_p, ctypes.c_int

    def function(name: str, result: Any, *further: Any) -> Callable[..., Any]:  # Any: ctypes types
        address = ctypes.cast(getattr(raw, name), pointer).value or 0
        return ctypes.PYFUNCTYPE(result, pointer, number, *further)(address)

    return _Functions(
        text_object=function("FPDFText_GetTextObject", ctypes.c_size_t),
        is_generated=function("FPDFText_IsGenerated", number),
        code=function("FPDFText_GetUnicode", ctypes.c_uint),
        font_size=function("FPDFText_GetFontSize", ctypes.c_double),
        box=function("FPDFText_GetLooseCharBox", number, pointer),
        matrix=function("FPDFText_GetMatrix", number, pointer),
        origin=function("FPDFText_GetCharOrigin", number, pointer, pointer),
    )


def _answers(
    function: Callable[..., Any],  # Any: a ctypes function
    handle: int | None,
    characters: npt.NDArray[np.int64],
) -> npt.NDArray[Any]:
    """What a function of PDFium answers for each of the characters."""
    return np.array(list(map(function, repeat(handle), characters.tolist())))


def _filled(
    function: Callable[..., Any],  # Any: a ctypes function
    handle: int | None,
    characters: npt.NDArray[np.int64],
    numbers: int,
    kind: type[np.floating[Any]],
) -> Numbers:
    """What a function of PDFium writes for each of the characters, a row of numbers each."""
    filled = np.zeros((len(characters), numbers), kind)
    first, step = filled.ctypes.data, filled.strides[0]
    addresses = range(first, first + step * len(characters), step)
    if function is _functions().origin:
        width = filled.itemsize
        further = range(first + width, first + width + step * len(characters), step)
        list(map(function, repeat(handle), characters.tolist(), addresses, further))
    else:
        list(map(function, repeat(handle), characters.tolist(), addresses))
    finite = np.nan_to_num(filled.astype(np.float64), posinf=_FARTHEST, neginf=-_FARTHEST)
    return np.clip(finite, -_FARTHEST, _FARTHEST)


def _codes(text_page: Any, count: int) -> tuple[npt.NDArray[np.uint32], Flags]:  # Any: see above
    """The code point of each character, and whether it is one: of two surrogates, only the second
    is.
    """
    from pypdfium2 import raw

    buffer = (ctypes.c_ushort * (count + 1))()
    if raw.FPDFText_GetText(text_page.raw, 0, count, buffer) == count + 1:
        codes = np.frombuffer(bytes(buffer), np.uint16)[:count].astype(np.uint32)
    else:
        # The text as a whole leaves some characters out, so that their numbers differ.
        handle = ctypes.cast(text_page.raw, ctypes.c_void_p).value
        codes = _answers(_functions().code, handle, np.arange(count)).astype(np.uint32)
    is_character = np.ones(count, np.bool_)
    high = (codes >= 0xD800) & (codes < 0xDC00)
    low = (codes >= 0xDC00) & (codes < 0xE000)
    second = np.flatnonzero(high[:-1] & low[1:]) + 1
    pairs = 0x10000 + ((codes[second - 1] - 0xD800) << 10) + (codes[second] - 0xDC00)
    codes[high | low | (codes > 0x10FFFF)] = _UNKNOWN
    codes[second] = pairs
    is_character[second - 1] = False
    codes[codes == _OTHER_HYPHEN] = _HYPHEN
    return codes, is_character


def _positions(
    handle: int | None, visible: npt.NDArray[np.int64], objects: npt.NDArray[Any]
) -> tuple[Numbers, Numbers, Numbers, Numbers, npt.NDArray[np.int64]]:
    """Where each character begins and ends along its line, its baseline, its size, and by how many
    right angles it is turned.
    """
    functions = _functions()
    # The characters that one operator of the page shows have one size and one direction.
    is_first = np.ones(len(visible), np.bool_)
    is_first[1:] = (objects[1:] != objects[:-1]) | (objects[1:] == 0)
    first = visible[is_first]
    piece = np.cumsum(is_first) - 1
    matrix = _filled(functions.matrix, handle, first, numbers=6, kind=np.float32)
    scale = np.hypot(matrix[:, 2], matrix[:, 3])
    font_size = np.nan_to_num(_answers(functions.font_size, handle, first).astype(np.float64))
    size = np.where(font_size, font_size, 1.0) * np.where(scale, scale, 1.0)
    size = np.clip(size, 0.1, _FARTHEST)[piece]
    angle = np.arctan2(matrix[:, 1], matrix[:, 0]) / (np.pi / 2)
    # A letter that is mirrored, as in the logo of XeTeX, is not turned.
    is_mirrored = matrix[:, 0] * matrix[:, 3] < matrix[:, 1] * matrix[:, 2]
    angle[is_mirrored & (np.abs(matrix[:, 0]) >= np.abs(matrix[:, 1]))] = 0.0
    turns = (np.round(angle).astype(np.int64) % 4)[piece]

    # The loose box is as wide as the character moves the pen, so letters of a word touch.
    box = _filled(functions.box, handle, visible, numbers=4, kind=np.float32)
    x, y = _origins(handle, visible, is_first, turns)
    left, top, right, bottom = box.T
    if not turns.any():
        return np.minimum(left, right), np.maximum(left, right), y, size, turns
    starts = np.choose(turns, [left, bottom, -right, -top])
    ends = np.choose(turns, [right, top, -left, -bottom])
    return (
        np.minimum(starts, ends),
        np.maximum(starts, ends),
        np.choose(turns, [y, -x, -y, x]),
        size,
        turns,
    )


def _origins(
    handle: int | None,
    visible: npt.NDArray[np.int64],
    is_first: Flags,
    turns: npt.NDArray[np.int64],
) -> tuple[Numbers, Numbers]:
    """The origins of the characters. Those in the middle of a piece have that of its first one, if
    its last one is on the same line: their positions along the line are not used.
    """
    functions = _functions()
    is_last = np.append(is_first[1:], True)
    piece = np.cumsum(is_first) - 1
    first, last = (
        _filled(functions.origin, handle, visible[each], numbers=2, kind=np.float64)
        for each in (is_first, is_last)
    )
    origins = first[piece]
    across = 1 - turns[is_first] % 2
    numbers = np.arange(len(across))
    is_straight = np.abs(first[numbers, across] - last[numbers, across]) < 0.01
    others = np.flatnonzero(~is_straight[piece])
    if len(others):
        origins[others] = _filled(
            functions.origin, handle, visible[others], numbers=2, kind=np.float64
        )
    return origins[:, 0], origins[:, 1]


def _since_last(counts: npt.NDArray[np.int64]) -> Flags:
    """Whether a count has grown since the character before."""
    return np.diff(counts, prepend=0) > 0


def _right_to_left(
    codes: npt.NDArray[np.uint32], text: str, left: Numbers, right: Numbers
) -> Flags:
    """Which characters belong to a script that is written from right to left: its letters, and
    the marks and signs that follow them to the left.
    """
    flags = np.zeros(len(codes), np.bool_)
    if not np.any(codes >= _FIRST_RIGHT_TO_LEFT):
        return flags
    is_before = False
    for at, character in enumerate(text):
        kind = unicodedata.bidirectional(character)
        if is_before and kind in ("NSM", "ON", "CS", "ES", "ET"):
            # A sign to the right of the letter before it does not follow it.
            middle = (right[at] + left[at]) / 2
            is_before = kind == "NSM" or bool(middle <= left[at - 1])
        else:
            is_before = kind in ("R", "AL", "AN")
        flags[at] = is_before
    return flags
