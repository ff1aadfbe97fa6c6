"""Fragments: pieces of a document's text together with their blocks, from which formats put a
document together.

Every fragment is clean (:func:`corpus.formats.clean.clean_text`), and so is what these functions
make of fragments.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from corpus.blocks import Block, BlockKind
from corpus.formats.clean import clean_text, one_line

BLANK_LINE = "\n\n"
LINE = "\n"
CELL_SEPARATOR = " | "
_INDENT = "  "


@dataclass(frozen=True, slots=True)
class Fragment:
    """A text and its blocks. The offsets of the blocks count from the start of the text."""

    text: str = ""
    blocks: tuple[Block, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.text)


EMPTY = Fragment()


@dataclass(frozen=True, slots=True)
class TableCell:
    """A cell of a table before it is written.

    :param columns: the number of columns that it covers
    :param is_head: whether it names its row or its column
    """

    text: str = ""
    columns: int = 1
    is_head: bool = False


def block(kind: BlockKind, text: str, level: int = 0) -> Fragment:
    """A fragment of one block, empty if there is no text."""
    text = clean_text(text).strip()
    return Fragment(text, (Block(kind, 0, len(text), level),)) if text else EMPTY


def paragraph(text: str) -> Fragment:
    """A paragraph."""
    return block(BlockKind.PARAGRAPH, text)


def heading(text: str, level: int) -> Fragment:
    """A heading on one line, with its marks.

    :param level: from 1; at most 6 marks are written
    """
    level = min(max(level, 1), 6)
    return marked("#" * level + " ", block(BlockKind.HEADING, one_line(text), level))


def code(text: str) -> Fragment:
    """Code, indented so that none of its lines looks like a heading."""
    text = text.expandtabs(4).strip("\n")
    lines = [f"    {line}" if line.strip() else "" for line in clean_text(text).split("\n")]
    text = clean_text("\n".join(lines)).rstrip()
    return Fragment(text, (Block(BlockKind.CODE, 0, len(text)),)) if text.strip() else EMPTY


def table(rows: Iterable[Sequence[TableCell]]) -> Fragment:
    """A table: a line for each row that has a text, with ``|`` between its cells."""
    lines = joined(map(_row, rows), LINE)
    if not lines:
        return EMPTY
    return Fragment(lines.text, (Block(BlockKind.TABLE, 0, len(lines.text)), *lines.blocks))


def joined(fragments: Iterable[Fragment], separator: str = BLANK_LINE) -> Fragment:
    """The fragments that are not empty, one after another."""
    texts: list[str] = []
    blocks: list[Block] = []
    length = 0
    for fragment in fragments:
        if not fragment:
            continue
        if texts:
            texts.append(separator)
            length += len(separator)
        texts.append(fragment.text)
        blocks += [each.moved(length) for each in fragment.blocks] if length else fragment.blocks
        length += len(fragment.text)
    return Fragment("".join(texts), tuple(blocks))


def marked(mark: str, fragment: Fragment) -> Fragment:
    """The fragment after a mark that belongs to no block. An empty fragment stays empty."""
    if not fragment:
        return EMPTY
    blocks = tuple(each.moved(len(mark)) for each in fragment.blocks)
    return Fragment(mark + fragment.text, blocks)


def indented(fragment: Fragment, by: str = _INDENT) -> Fragment:
    """The fragment with every line but the first indented. Blank lines stay blank."""
    pieces: list[str] = []
    starts: list[int] = []  # where each line of the fragment begins, in the old and the new text
    moved: list[int] = []
    before = after = 0
    for number, line in enumerate(fragment.text.split("\n")):
        space = by if number and line else ""
        starts.append(before)
        moved.append(after + len(space) - before)
        pieces.append(space + line)
        before += len(line) + 1
        after += len(space) + len(line) + 1
    return Fragment("\n".join(pieces), tuple(_shifted(fragment.blocks, starts, moved)))


def first_heading(fragment: Fragment) -> str | None:
    """The text of the first heading, None if there is none."""
    return next(
        (
            fragment.text[each.start : each.end]
            for each in fragment.blocks
            if each.kind is BlockKind.HEADING
        ),
        None,
    )


def without_heading_marks(fragment: Fragment) -> str:
    """The text as it stands in a cell or a term, where a heading is no heading of the document."""
    parts, copied = [], 0
    for each in fragment.blocks:
        if each.kind is BlockKind.HEADING:
            parts.append(fragment.text[copied : each.start - each.level - len(" ")])
            copied = each.start
    return "".join([*parts, fragment.text[copied:]])


def flat(fragment: Fragment) -> str:
    """The text on one line, as it stands in a cell: its lines are separated by semicolons."""
    lines = [
        line.strip().removeprefix("- ") for line in without_heading_marks(fragment).split("\n")
    ]
    return "; ".join(line.replace(CELL_SEPARATOR, " ") for line in lines if line)


def merged(fragment: Fragment, kind: BlockKind, level: int) -> Fragment:
    """The fragment with neighbouring blocks of this kind and level made one block."""
    blocks: list[Block] = []
    for each in fragment.blocks:
        last = blocks[-1] if blocks else None
        if last and last.kind is each.kind is kind and last.level == each.level == level:
            blocks[-1] = replace(last, end=each.end)
        else:
            blocks.append(each)
    return replace(fragment, blocks=tuple(blocks))


def _shifted(
    blocks: Iterable[Block], starts: Sequence[int], moved: Sequence[int]
) -> Iterator[Block]:
    for each in blocks:
        start = each.start + moved[bisect_right(starts, each.start) - 1]
        # The end belongs to the line of the last character.
        end = each.end + moved[bisect_right(starts, max(each.start, each.end - 1)) - 1]
        yield replace(each, start=start, end=end)


def _row(cells: Sequence[TableCell]) -> Fragment:
    # Text that is all printable ASCII is clean. Large tables consist of it.
    texts = [
        one_line(
            cell.text if cell.text.isascii() and cell.text.isprintable() else clean_text(cell.text)
        )
        for cell in cells
    ]
    while texts and not texts[-1]:
        texts.pop()
    # A row with a single text, such as a title over a group of rows, needs no separators.
    separator = CELL_SEPARATOR if len([text for text in texts if text]) > 1 else ""
    line, column = "", 1
    blocks: list[Block] = []
    for cell, text in zip(cells, texts, strict=False):
        if column > 1:
            line = (line + separator).lstrip()
        if text:
            end = len(line) + len(text)
            blocks.append(Block(BlockKind.CELL, len(line), end, column, cell.columns, cell.is_head))
        line += text
        column += cell.columns
    if not blocks:
        return EMPTY
    is_head = all(each.is_head for each in blocks)
    return Fragment(line, (Block(BlockKind.ROW, 0, len(line), is_head=is_head), *blocks))
