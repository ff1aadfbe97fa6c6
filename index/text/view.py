"""Views: the text that models read for a chunk, with a map from its characters to the document.

A row of a table means little without the heads of its columns. So models read "Vehicle: Red lorry.
Driver: Maja Sten." where the document has "Red lorry | Maja Sten", and quotes are cut from the
document through the map. In the same way, models read an item after the lead-in of its list, and a
paragraph after the question above it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

Extent = tuple[int, int]
"""A half-open span of code points."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What a cell is about, as spans of the document.

    :param row: the cell that names its row; None if the row has none, or if it is this cell
    :param column: the cell that names its column; None if the column has none
    """

    row: Extent | None
    column: Extent | None


class PartKind(StrEnum):
    """What a part of a view is."""

    TEXT = "text"
    LEAD_IN = "lead_in"
    """A paragraph or an item that leads into a list, such as "The kit contains:"."""
    ITEM = "item"
    """An item of a list."""
    TERM = "term"
    """What a definition explains, or the label of a field."""
    QUESTION = "question"
    """A question that the text after it answers."""
    FOOTNOTE = "footnote"

    @property
    def is_quotable(self) -> bool:
        """Whether an answer may be quoted from such a part."""
        return self not in (PartKind.TERM, PartKind.QUESTION, PartKind.FOOTNOTE)


@dataclass(frozen=True, slots=True)
class ViewPart:
    """A stretch of a view that stands in the document word for word. No quote crosses its ends.

    :param start: offset of its first character in the view; ``end`` is half-open
    :param offset: offset of its first character in the document
    :param heads: of a cell; None for other text
    """

    start: int
    end: int
    offset: int
    heads: Heads | None = None
    kind: PartKind = PartKind.TEXT


@dataclass(frozen=True, slots=True)
class ViewRow:
    """A row of a table, which is read as one sentence.

    :param start: offset of its first character in the view; ``end`` is half-open
    :param offsets: its span in the document
    """

    start: int
    end: int
    offsets: Extent


@dataclass(frozen=True, slots=True)
class View:
    """What models read for a chunk. Characters outside all parts are words that the view adds, and
    can never be quoted.

    :param parts: in order, without overlaps
    :param rows: in order, without overlaps; every part with heads lies in one
    """

    text: str
    parts: tuple[ViewPart, ...]
    rows: tuple[ViewRow, ...] = ()

    @classmethod
    def of_text(cls, text: str, offset: int = 0) -> Self:
        """The view of a text that is read as it stands.

        :param offset: where it begins in the document
        """
        return cls(text, (ViewPart(0, len(text), offset),))

    def part_at(self, position: int) -> ViewPart | None:
        """The part that contains the character at a position of the view."""
        number = bisect_right(self.parts, position, key=lambda part: part.start) - 1
        return self.parts[number] if number >= 0 and position < self.parts[number].end else None

    def as_lists(self) -> list[Any]:
        """The view as plain lists, for JSON."""
        return [
            self.text,
            [_as_list(part) for part in self.parts],
            [[row.start, row.end, row.offsets] for row in self.rows],
        ]

    @classmethod
    def from_lists(cls, lists: Sequence[Any]) -> Self:
        """The view that :meth:`as_lists` wrote.

        :raises ValueError: the lists are something else
        """
        try:
            text, parts, rows = lists
            return cls(
                text,
                tuple(_part(*values) for values in parts),
                tuple(ViewRow(start, end, tuple(offsets)) for start, end, offsets in rows),
            )
        except (TypeError, ValueError) as exc:
            raise ValueError("its view cannot be read") from exc


def _as_list(part: ViewPart) -> list[Any]:
    span = [part.start, part.end, part.offset]
    if part.heads is not None:
        return [*span, part.heads.row, part.heads.column]
    if part.kind is not PartKind.TEXT:
        return [*span, part.kind.value]
    return span


def _part(start: int, end: int, offset: int, *further: Any) -> ViewPart:
    if not further:
        return ViewPart(start, end, offset)
    # One value more is the kind of a part without heads. Two are the heads of a cell.
    if len(further) == 1:
        return ViewPart(start, end, offset, kind=PartKind(*further))
    row, column = further
    return ViewPart(start, end, offset, Heads(row and tuple(row), column and tuple(column)))
