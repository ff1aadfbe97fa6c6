"""Sections: the blocks of a document that stand under one heading, and what they must be read
with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from corpus.blocks import Block, BlockKind
from corpus.document import Document, shortened
from index.text.shapes import heading_asks
from index.text.units import Cell, Surroundings, Unit, UnitPart, plain_unit
from index.text.view import Extent, Heads, PartKind

_MAX_HEADS = 2
"""The most rows at the top of a table that name its columns."""

_MAX_LABEL = 80
"""How many characters of its heads are read before each cell."""


@dataclass(frozen=True, slots=True)
class Section:
    """The units under one heading.

    :param headings: the heading and those above it, outermost first
    """

    headings: tuple[str, ...]
    units: tuple[Unit, ...]

    @property
    def question(self) -> tuple[str, ...]:
        """The last heading that asks something, and those below it; empty if none does."""
        asking = [number for number, title in enumerate(self.headings) if heading_asks(title)]
        return self.headings[asking[-1] :] if asking else ()


def sections(document: Document) -> Iterator[Section]:
    """The sections of a document that have a text besides their headings, in order. A document of
    only headings is one section without headings.
    """
    headings: list[tuple[int, str]] = []
    units: list[Unit] = []
    is_empty = True
    for unit in _units(document):
        if unit.block.kind is not BlockKind.HEADING:
            units.append(unit)
            continue
        if units:
            is_empty = False
            yield Section(tuple(title for _, title in headings), tuple(units))
            units = []
        level = unit.block.level
        title = _words(document.text, unit.block)
        headings = [(above, text) for above, text in headings if above < level]
        headings.append((level, title))
    if units:
        yield Section(tuple(title for _, title in headings), tuple(units))
    elif is_empty and document.blocks:
        yield Section((), tuple(map(plain_unit, document.blocks)))


_UNREAD = (BlockKind.CONTENTS, BlockKind.PAGE_HEAD, BlockKind.PAGE_FOOT)
"""What stands between the lines of a text and is no part of what it says."""


def _units(document: Document) -> Iterator[Unit]:
    """The blocks that chunks are cut along, and the headings."""
    text = document.text
    surroundings = Surroundings(text)
    blocks = (block for block in document.blocks if block.kind not in _UNREAD)
    block = next(blocks, None)
    while block is not None:
        following = next(blocks, None)
        if block.kind is BlockKind.TABLE:
            inside: list[Block] = []
            while following is not None and following.start < block.end:
                inside.append(following)
                following = next(blocks, None)
            yield from _rows(text, inside, surroundings.of_table())
        else:
            is_list_next = following is not None and following.kind is BlockKind.LIST_ITEM
            yield surroundings.unit(block, following if is_list_next else None)
        block = following


@dataclass(frozen=True, slots=True)
class _RowCells:
    """A row of a table with its cells, none if the document does not keep them."""

    row: Block
    cells: tuple[Block, ...]


def _rows(text: str, inside: list[Block], context: tuple[Extent, ...]) -> Iterator[Unit]:
    """The rows of a table: those of its title, then those of values. The first of these begins with
    the rows of heads above it.
    """
    rows = list(_with_cells(inside))
    titles = rows[: _title_rows(rows)]
    for title in titles:
        start, end = title.row.start, title.row.end
        yield Unit(title.row, start, context, (), (UnitPart(start, end, PartKind.TEXT),))
        context = (*context, (start, end))
    rows = rows[len(titles) :]
    heads = rows[: _head_rows(rows)]
    columns = _columns(text, heads)
    # A table of two columns without heads is a list of labels and values.
    is_labelled = not heads and all(len(row.cells) <= 2 for row in rows)
    opening = heads[0].row.start if heads else None
    for each in rows[len(heads) :]:
        cells = tuple(_cells(text, each, columns, is_labelled))
        start = each.row.start if opening is None else opening
        parts = () if cells else (UnitPart(start, each.row.end, PartKind.TEXT),)
        yield Unit(each.row, start, context, cells, parts)
        opening = None


def _with_cells(inside: list[Block]) -> Iterator[_RowCells]:
    row: Block | None = None
    cells: list[Block] = []
    for block in inside:
        if block.kind is not BlockKind.ROW:
            cells.append(block)
            continue
        if row is not None:
            yield _RowCells(row, tuple(cells))
        row, cells = block, []
    if row is not None:
        yield _RowCells(row, tuple(cells))


def _title_rows(rows: list[_RowCells]) -> int:
    """How many rows of a single cell stand above the heads, as the title of a sheet does."""
    count = 0
    while count < len(rows) - 1 and len(rows[count].cells) == 1 and not rows[count].row.is_head:
        count += 1
    return count if rows and rows[count].row.is_head else 0


def _head_rows(rows: list[_RowCells]) -> int:
    """How many rows at the top name the columns. A table of nothing else is read as it stands."""
    count = 0
    while count < min(len(rows), _MAX_HEADS) and rows[count].row.is_head and rows[count].cells:
        count += 1
    return count if count < len(rows) else 0


def _columns(text: str, heads: list[_RowCells]) -> dict[int, tuple[str, Extent]]:
    """The label of each column and the span of its lowest head."""
    columns: dict[int, tuple[str, Extent]] = {}
    for cell in (cell for row in heads for cell in row.cells):
        words = _words(text, cell)
        for column in range(cell.level, cell.level + cell.columns):
            above = columns[column][0] if column in columns else ""
            # A head of two rows is often repeated in both.
            label = words if not above or above == words else f"{above} {words}"
            columns[column] = (shortened(label, _MAX_LABEL), (cell.start, cell.end))
    return columns


def _cells(
    text: str,
    row: _RowCells,
    columns: Mapping[int, tuple[str, Extent]],
    is_labelled: bool,
) -> Iterator[Cell]:
    """The cells of a row that hold a value."""
    if is_labelled and len(row.cells) == 2:
        name, value = row.cells
        label = shortened(_words(text, name), _MAX_LABEL)
        yield Cell(value.start, value.end, label, Heads((name.start, name.end), None))
        return
    for number, cell in enumerate(row.cells):
        label, column = columns.get(cell.level, ("", None))
        first = (row.cells[0].start, row.cells[0].end) if number else None
        yield Cell(cell.start, cell.end, label, Heads(first, column))


def _words(text: str, block: Block) -> str:
    return " ".join(text[block.start : block.end].split())
