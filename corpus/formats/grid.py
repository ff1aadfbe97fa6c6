"""The tables in a grid of cells, as workbooks and delimited text have them."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from corpus.formats.fragment import TableCell

_LONGEST_VALUE = 40
# Numbers with their units and separators, dates, and times.
_VALUE = re.compile(r"[-+(]?\s*[$€£¥]?\s*[-+]?\d[\d.,:/'’ T+-]*[)%Z]?(?:\s*[$€£¥])?")
_TRUTHS = frozenset("true false yes no n/a na null none nan -".split())
_YEAR = re.compile("(?:19|20)[0-9]{2}")
_LETTERS, _DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class GridCell:
    """A visible cell: its text, and whether it is a word rather than a value."""

    text: str = ""
    is_word: bool = False


def tables(rows: Iterable[list[GridCell]]) -> Iterator[list[list[TableCell]]]:
    """The tables of a grid. One begins with a row of words after an empty row."""
    table: list[list[GridCell]] = []
    follows_gap = False
    for row in rows:
        if not any(cell.text for cell in row):
            follows_gap = True
            continue
        # Values after an empty row, such as a total, still belong to the columns above.
        if follows_gap and len(table) > 1 and _is_head(row):
            yield _with_head(table)
            table = []
        table.append(row)
        follows_gap = False
    if table:
        yield _with_head(table)


def is_word(text: str) -> bool:
    """Whether a text is a word rather than a number, a date or another value."""
    if not 0 < len(text) <= _LONGEST_VALUE:
        return bool(text)
    return _VALUE.fullmatch(text) is None and text.lower() not in _TRUTHS


def names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row of a table without marks names its columns.

    It does if it has no digits. It also does if the table has three columns or more, and what has
    digits in its first row looks unlike all that stands below, as "HP 100" does over "350 W".
    """
    first, *others = rows
    numbered = [column for column, text in enumerate(first) if any(map(str.isdigit, text))]
    if not numbered:
        return True
    if len(first) < 3 or len(others) < 2 or numbered[0] == 0:
        return False
    below = [{_shape(row[column]) for row in others if column < len(row)} for column in numbered]
    return all(
        _shape(first[column]) not in shapes for column, shapes in zip(numbered, below, strict=True)
    )


def _shape(text: str) -> str:
    """What a value looks like: its letters and digits as one of each, and its other characters. A
    year looks like no other number.
    """
    if _YEAR.fullmatch(text):
        return "year"
    return _DIGITS.sub("9", _LETTERS.sub("a", text)).replace(" ", "")


def _with_head(rows: list[list[GridCell]]) -> list[list[TableCell]]:
    """The rows, the first one of several words marked as the head if values follow it."""
    following = pairwise(rows)
    head = next(
        (
            number
            for number, (row, next_row) in enumerate(following)
            if _is_head(row) or (_is_head(row, years=True) and not _is_head(next_row, years=True))
        ),
        None,
    )
    return [
        [TableCell(cell.text, is_head=number == head) for cell in row]
        for number, row in enumerate(rows)
    ]


def _is_head(row: list[GridCell], *, years: bool = False) -> bool:
    """Whether a row has several words alone, or words and years."""
    filled = [cell for cell in row if cell.text]
    words = [cell.is_word or (years and _YEAR.fullmatch(cell.text)) for cell in filled]
    return len(words) > 1 and all(words)
