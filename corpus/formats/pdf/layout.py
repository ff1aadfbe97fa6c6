"""The layout of a page: its words in the order in which they are read, as runs of lines and as
tables.

Columns and tables are found by the white space between them (recursive X-Y cuts, after Nagy and
Seth, "Hierarchical representation of optically scanned documents", 1984). Columns of prose are
read one after another, and the rows of a table across.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby, pairwise
from statistics import median

import numpy as np

from corpus.formats.pdf.words import Word

_SAME_ROW = 0.4
"""How far the baselines of one row may differ, in font sizes."""
_TOUCH = 0.3
"""How far words of one row may overlap, in font sizes."""
_CONTENTS_LINE = re.compile(
    r"([^\n]{2,300}?)(?:\.{4,}+|(?: ?\. ){3,}+)[. ]*+(\d{1,4}|[ivxlc]{1,8})"
)
_GAP = 0.9
"""The least white space between columns, in font sizes."""
_CELL_GAP = 0.6
"""The least white space between the columns of a table, over all its rows, in font sizes."""
_MIN_COLUMN_ROWS = 3
_MAX_PROSE_COLUMNS = 5
_MIN_TABLE_ROWS = 2
_MAX_HEAD_ROWS = 3
_ROWS_A_HEAD = 4
"""How many rows a table has at least for each row of heads over several columns."""
_FILLED = 0.7
"""The share of cells that have text below such heads."""
_PROSE_FILL = 0.6
"""How much of its column a line of prose fills, in the median."""
_PROSE_WORDS = 3
_GAPPED_ROWS = 0.3
"""The share of the lines of prose that may have a wide gap, as justified lines sometimes do."""
_BOTH_SIDES = 0.5
"""The share of rows of a table that have text on both sides of a gap."""
_MARGIN = 0.3
"""The least distance of a cut from the words beside it, in font sizes."""
_MAX_CANDIDATES = 200
_MAX_DEPTH = 12
_ENDS = ("left", "right")
_CONTINUED_STEP = 1.3


@dataclass(frozen=True, slots=True)
class Row:
    """Words on one baseline, in the order in which they are read.

    :param left: where its leftmost word begins
    :param right: where its rightmost word ends
    :param y: the baseline of its largest word
    :param size: the usual font size of its words
    :param is_contents: whether it is a line of a table of contents
    """

    words: tuple[Word, ...]
    left: float
    right: float
    y: float
    size: float
    is_contents: bool = False

    @classmethod
    def of(cls, words: Sequence[Word], *, is_contents: bool = False) -> "Row":
        """The row of one or more words."""
        sizes = [word.size for word in words]
        largest = words[sizes.index(max(sizes))]
        return cls(
            tuple(words),
            min([word.left for word in words]),
            max([word.right for word in words]),
            largest.y,
            median(sizes),
            is_contents,
        )

    @property
    def text(self) -> str:
        """The words with single spaces."""
        return spaced(self.words)


@dataclass(frozen=True, slots=True)
class LineRun:
    """Lines of one column, from top to bottom.

    :param is_apart: whether they are no part of a paragraph, such as a label with its value
    """

    rows: tuple[Row, ...]
    is_apart: bool = False
    is_contents: bool = False


@dataclass(frozen=True, slots=True)
class PrintedTable:
    """The words of the cells of each row. All rows have the same number of cells."""

    rows: tuple[tuple[tuple[Word, ...], ...], ...]


Region = LineRun | PrintedTable


def spaced(words: Iterable[Word]) -> str:
    """The text of the words, with single spaces."""
    return " ".join(word.text for word in words)


def words_in(region: Region) -> Iterator[Word]:
    """The words of a region in reading order."""
    if isinstance(region, LineRun):
        return (word for row in region.rows for word in row.words)
    return (word for row in region.rows for word in chain.from_iterable(row))


def rows_of(words: Sequence[Word]) -> list[Row]:
    """Words in rows, from top to bottom."""
    lines: list[list[Word]] = []
    for word in sorted(words, key=lambda word: -word.y):
        last = lines[-1] if lines else None
        if (last and last[0].y - word.y <= _SAME_ROW * max(last[0].size, word.size)) or (
            last and _fits_between(word, last)
        ):
            last.append(word)
        else:
            lines.append([word])
    return [_row(line) for line in lines]


def _fits_between(word: Word, line: Sequence[Word]) -> bool:
    """Whether a word that is lowered a little belongs to the line above: it stands in a gap."""
    lowest = min(line, key=lambda each: each.y)
    return lowest.y - word.y <= _SAME_ROW * lowest.size and all(
        word.right <= each.left + _TOUCH * each.size or each.right - _TOUCH * each.size <= word.left
        for each in line
    )


def _row(line: list[Word]) -> Row:
    line = _in_direction(line)
    text = spaced(line)
    entry = _CONTENTS_LINE.fullmatch(text) if ". ." in text or ".." in text else None
    if entry is None:
        return Row.of(line)
    # A line of a table of contents: its dots lead to the number, and are no text.
    merged = f"{entry[1].rstrip(' .')} {entry[2]}"
    first = line[0]
    right = max(word.right for word in line)
    word = Word(merged, first.left, right, first.y, first.size, first.turns)
    return Row.of([word], is_contents=True)


def _in_direction(line: Sequence[Word]) -> list[Word]:
    """The words of a row in the order in which they are read, in the direction of most of them.
    Words of the other direction keep their own order, such as a Latin name in an Arabic sentence.
    """
    runs = [
        list(run)
        for _, run in groupby(
            sorted(line, key=lambda word: word.left), key=lambda word: word.is_right_to_left
        )
    ]
    for run in runs:
        if run[0].is_right_to_left:
            run.reverse()
    if sum(word.is_right_to_left for word in line) > len(line) / 2:
        runs.reverse()
    return list(chain.from_iterable(runs))


def regions(rows: Sequence[Row], depth: int = 0) -> Iterator[Region]:
    """The regions of a page in reading order."""
    cut = _best_cut(rows) if depth < _MAX_DEPTH else None
    if cut is None:
        for is_contents, run in groupby(rows, key=lambda row: row.is_contents):
            yield LineRun(tuple(run), is_contents=is_contents)
        return
    yield from regions(rows[: cut.first], depth + 1)
    inside = rows[cut.first : cut.last]
    if cut.is_table:
        yield from _table(inside)
    else:
        for side in _sides(inside, cut.x):
            yield from regions(side, depth + 1)
    yield from regions(rows[cut.last :], depth + 1)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A vertical cut at ``x`` through the rows from ``first`` to ``last``, half-open."""

    x: float
    first: int
    last: int
    is_table: bool


def _best_cut(rows: Sequence[Row]) -> _Cut | None:
    """The longest cut between columns of prose; if there is none, the longest through a table."""
    return max(
        _cuts(rows),
        key=lambda cut: (not cut.is_table, cut.last - cut.first, -cut.first),
        default=None,
    )


def _cuts(rows: Sequence[Row]) -> Iterator[_Cut]:
    """The cuts through runs of rows none of which has a word there. The rows at both ends of a run
    have text on both sides.
    """
    middles = _candidates(rows)
    if not middles:
        return
    gaps = _Gaps(rows, middles)
    seen: set[tuple[int, int, int]] = set()
    for number, x in enumerate(middles):
        for first, last in gaps.runs(number):
            # Cuts with the same words on either side are one cut.
            key = (first, last, gaps.words_left_of(number, first, last))
            if key not in seen:
                seen.add(key)
                cut = _cut(rows, x, first, last)
                if cut is not None:
                    yield cut


class _Gaps:
    """What stands at and beside each of some vertical lines, in all rows at once."""

    def __init__(self, rows: Sequence[Row], middles: Sequence[int]) -> None:
        shape = len(middles) + 1, len(rows)
        row, left, right, size = np.array(
            [
                (number, word.left, word.right, word.size)
                for number, each in enumerate(rows)
                for word in each.words
            ]
        ).T
        row = row.astype(np.intp)
        # A word counts from the first line that crosses it to the one after the last.
        crossed, begun = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
        opened = np.searchsorted(middles, left - _MARGIN * size, side="right")
        closed = np.searchsorted(middles, right + _MARGIN * size, side="left")
        is_any = opened < closed
        np.add.at(crossed, (opened[is_any], row[is_any]), 1)
        np.add.at(crossed, (closed[is_any], row[is_any]), -1)
        np.add.at(begun, (np.searchsorted(middles, left, side="right"), row), 1)
        is_crossed = np.cumsum(crossed, axis=0)[:-1] > 0
        across = np.asarray(middles)[:, None]
        lefts, rights = (np.array([getattr(each, end) for each in rows]) for end in _ENDS)
        self._has_both = (lefts < across) & (across < rights) & ~is_crossed
        self._before = np.cumsum(is_crossed, axis=1, dtype=np.int32)
        self._left_of = np.cumsum(np.cumsum(begun, axis=0)[:-1], axis=1, dtype=np.int32)

    def runs(self, number: int) -> Iterator[tuple[int, int]]:
        """The runs of rows that a line does not cross, half-open, from the first to the last row
        that has words on both sides. There are at least two such rows in each.
        """
        both = np.flatnonzero(self._has_both[number])
        if len(both) < _MIN_TABLE_ROWS:
            return
        ends = np.flatnonzero(np.diff(self._before[number][both])) + 1
        for first, last in pairwise([0, *ends.tolist(), len(both)]):
            if last - first >= _MIN_TABLE_ROWS:
                yield int(both[first]), int(both[last - 1]) + 1

    def words_left_of(self, number: int, first: int, last: int) -> int:
        """How many words of a run of rows begin to the left of a line."""
        before = int(self._left_of[number][first - 1]) if first else 0
        return int(self._left_of[number][last - 1]) - before


def _candidates(rows: Sequence[Row]) -> list[int]:
    """The middles of wide gaps, each about once."""
    middles = {round(middle) for row in rows for middle in _wide_gaps(row)}
    return sorted(middles)[:_MAX_CANDIDATES]


def _wide_gaps(row: Row) -> Iterator[float]:
    """The middles of the gaps in a row that are wider than those between words."""
    for before, after in pairwise(row.words):
        if after.left - before.right >= _GAP * max(before.size, after.size):
            yield (before.right + after.left) / 2


def _crosses(row: Row, x: float) -> bool:
    return any(
        word.left - _MARGIN * word.size < x < word.right + _MARGIN * word.size for word in row.words
    )


def _cut(rows: Sequence[Row], x: float, first: int, last: int) -> _Cut | None:
    """The cut through a run of rows, if they are columns of prose or a table."""
    inside = rows[first:last]
    left, right = _sides(inside, x)
    if _is_prose(left) and _is_prose(right):
        return _Cut(x, *_whole_columns(rows, x, first, last), is_table=False)
    both = sum(row.left < x < row.right for row in inside)
    if both >= _MIN_TABLE_ROWS and both >= _BOTH_SIDES * len(inside):
        return _Cut(x, first, last, is_table=True)
    return None


def _whole_columns(rows: Sequence[Row], x: float, first: int, last: int) -> tuple[int, int]:
    """The run with the rows around it in which only one column goes on."""
    step = median(above.y - below.y for above, below in pairwise(rows[first:last]))
    # A short line over both columns may as well begin the left one.
    while first > 0 and rows[first - 1].right < x and not _crosses(rows[first - 1], x):
        first -= 1
    while last < len(rows) and not _crosses(rows[last], x):
        is_near = rows[last - 1].y - rows[last].y <= _CONTINUED_STEP * step
        if rows[last].right < x and not is_near:
            break
        last += 1
    return first, last


def _sides(rows: Sequence[Row], x: float) -> tuple[list[Row], list[Row]]:
    left = [tuple(word for word in row.words if word.left < x) for row in rows]
    right = [tuple(word for word in row.words if word.left >= x) for row in rows]
    return [Row.of(words) for words in left if words], [Row.of(words) for words in right if words]


def _is_prose(rows: Sequence[Row]) -> bool:
    """Whether the lines of a column fill it, as those of a table's column seldom do. The column may
    itself be several columns of prose.
    """
    if len(rows) < _MIN_COLUMN_ROWS:
        return False
    gapped = sum(any(_wide_gaps(row)) for row in rows)
    if gapped <= _GAPPED_ROWS * len(rows):
        return _fills_column(rows)
    columns = _columns(rows)
    if not 1 < len(columns) <= _MAX_PROSE_COLUMNS:
        return False
    cells = [_cells(row, columns) for row in rows]
    parts = [
        [Row.of(row[number]) for row in cells if row[number]] for number in range(len(columns))
    ]
    return all(len(part) >= _MIN_COLUMN_ROWS and _fills_column(part) for part in parts)


def _fills_column(rows: Sequence[Row]) -> bool:
    width = max(row.right for row in rows) - min(row.left for row in rows)
    fill = median(row.right - row.left for row in rows) / (width or 1.0)
    words = median(len(row.words) for row in rows)
    is_dense = words >= _PROSE_WORDS or median(len(row.text) for row in rows) > 20
    gapped = sum(any(_wide_gaps(row)) for row in rows)
    return fill >= _PROSE_FILL and is_dense and gapped <= _GAPPED_ROWS * len(rows)


def _table(rows: Sequence[Row]) -> Iterator[Region]:
    """The rows as a table. Two columns are labels with their values, which stay lines."""
    columns = _columns(rows)
    # The heads at the top may stand over several columns each.
    for heads in range(1, min(_MAX_HEAD_ROWS, len(rows) // _ROWS_A_HEAD) + 1):
        finer = _columns(rows[heads:])
        if len(finer) > len(columns) and _is_filled(rows[heads:], finer):
            columns = finer
    if len(columns) < 3:
        for row in rows:
            yield LineRun((row,), is_apart=True)
        return
    written: list[list[tuple[Word, ...]]] = []
    above: Row | None = None
    for row in rows:
        cells = _cells(row, columns)
        if above is not None and not cells[0] and _continues(above, row, rows):
            written[-1] = [upper + lower for upper, lower in zip(written[-1], cells, strict=True)]
        else:
            written.append(cells)
        above = row
    yield PrintedTable(tuple(map(tuple, written)))


def _columns(rows: Sequence[Row]) -> list[tuple[float, float]]:
    """The left and right ends of the columns: what the words of all rows cover together."""
    size = median(row.size for row in rows)
    columns: list[tuple[float, float]] = []
    for left, right in sorted((word.left, word.right) for row in rows for word in row.words):
        if columns and left - columns[-1][1] < _CELL_GAP * size:
            columns[-1] = columns[-1][0], max(columns[-1][1], right)
        else:
            columns.append((left, right))
    return columns


def _is_filled(rows: Sequence[Row], columns: Sequence[tuple[float, float]]) -> bool:
    filled = sum(bool(cell) for row in rows for cell in _cells(row, columns))
    return filled >= _FILLED * len(rows) * len(columns)


def _cells(row: Row, columns: Sequence[tuple[float, float]]) -> list[tuple[Word, ...]]:
    """The words of a row, each in the column nearest to its middle."""
    cells: list[list[Word]] = [[] for _ in columns]
    middles = [(left + right) / 2 for left, right in pairwise(chain.from_iterable(columns))][1::2]
    for word in row.words:
        cells[bisect_right(middles, (word.left + word.right) / 2)].append(word)
    return [tuple(cell) for cell in cells]


def _continues(above: Row, row: Row, rows: Sequence[Row]) -> bool:
    """Whether a row without a first cell goes on with the cells of the row above."""
    steps = [upper.y - lower.y for upper, lower in pairwise(rows)]
    return above.y - row.y <= min(steps) * _CONTINUED_STEP and len(row.words) < len(above.words)
