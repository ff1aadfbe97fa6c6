"""The blocks of a plain text, whose structure shows only in its lines: for texts that come without
a file, for plain text files, and for documents that were stored before blocks were.
"""

import re
from collections.abc import Iterator, Sequence

from corpus.blocks import Block, BlockKind

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(?=\S)")
_HEADING_END = " \t#"
_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_ITEM = re.compile(r"([ \t]*)(?:[-*+•‣▪◦·–—]|\(?\d{1,3}[.)]|\(?[a-zA-Z][.)])[ \t]+(?=\S)")
_SPACES_PER_LEVEL = 2
_MAX_LEVEL = 9

_Line = tuple[int, int]


def text_blocks(text: str, *, has_headings: bool = True) -> tuple[Block, ...]:
    """The blocks of a text: paragraphs, list items, tables with ``|`` between their cells, indented
    or fenced code, and headings.

    :param has_headings: whether lines that begin with ``#`` may be headings
    """
    blocks: list[Block] = []
    for group in _groups(text):
        if _FENCE.match(text[slice(*group[0])]):
            blocks.append(Block(BlockKind.CODE, group[0][0], group[-1][1]))
            continue
        blocks.extend(_with_headings(text, group) if has_headings else _body(text, group))
    return tuple(blocks)


def _groups(text: str) -> Iterator[list[_Line]]:
    """The runs of lines between blank lines. Fenced code is one run, with its blank lines."""
    group: list[_Line] = []
    fenced = False
    for line in _lines(text):
        body = text[slice(*line)]
        if _FENCE.match(body):
            if not fenced and group:
                yield group
                group = []
            fenced = not fenced
            group.append(line)
            if not fenced:
                yield group
                group = []
        elif fenced or body.strip():
            group.append(line)
        elif group:
            yield group
            group = []
    if group:
        yield group


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    while start < len(text):
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline
        yield start, end
        start = end + 1


def _with_headings(text: str, group: Sequence[_Line]) -> Iterator[Block]:
    """The blocks of a group in which lines may be headings."""
    opened = 0
    for number, line in enumerate(group):
        following = group[number + 1] if number + 1 < len(group) else None
        heading = _heading(text, line, following)
        if heading is not None:
            yield from _body(text, group[opened:number])
            yield heading
            opened = number + 1
    yield from _body(text, group[opened:])


def _heading(text: str, line: _Line, following: _Line | None) -> Block | None:
    mark = _HEADING.match(text, *line)
    if mark is None:
        return None
    end = mark.end() + len(text[mark.end() : line[1]].rstrip(_HEADING_END))
    # "# of berths: 46" states a number, and several lines of that kind are a column of them.
    is_number_of = len(mark[1]) == 1 and (
        text[mark.end()].islower()
        or (following is not None and text.startswith("# ", following[0]))
    )
    if is_number_of or end == mark.end():
        return None
    return Block(BlockKind.HEADING, mark.end(), end, len(mark[1]))


def _body(text: str, lines: Sequence[_Line]) -> list[Block]:
    bodies = [text[slice(*line)] for line in lines]
    if not lines:
        return []
    if all(body.startswith(("    ", "\t")) for body in bodies):
        return [Block(BlockKind.CODE, lines[0][0], lines[-1][1])]
    if len(lines) > 1 and all("|" in body for body in bodies):
        return _table(text, lines)
    return list(_paragraphs_and_items(text, lines))


def _paragraphs_and_items(text: str, lines: Sequence[_Line]) -> Iterator[Block]:
    """Items begin with a mark and go on until the next one. Lines before the first are a
    paragraph.
    """
    opened: Block | None = None
    for start, end in lines:
        mark = _ITEM.match(text, start, end)
        if mark is None and opened is not None:
            opened = Block(opened.kind, opened.start, _trimmed(text, end), opened.level)
            continue
        if opened is not None:
            yield opened
        if mark is None:
            body = start + len(text[start:end]) - len(text[start:end].lstrip())
            opened = Block(BlockKind.PARAGRAPH, body, _trimmed(text, end))
        else:
            indent = len(mark[1].expandtabs(4))
            level = min(1 + indent // _SPACES_PER_LEVEL, _MAX_LEVEL)
            opened = Block(BlockKind.LIST_ITEM, mark.end(), _trimmed(text, end), level)
    if opened is not None:
        yield opened


def _table(text: str, lines: Sequence[_Line]) -> list[Block]:
    """A table whose first row names its columns if a rule follows, or if it holds no digits."""
    rules = [number for number, line in enumerate(lines) if _is_rule(text[slice(*line)])]
    rows = [
        _row(text, *line, is_head=False) for number, line in enumerate(lines) if number not in rules
    ]
    if not rows or not all(rows):
        return list(_paragraphs_and_items(text, lines))
    first = text[rows[0][0].start : rows[0][0].end]
    if rules[:1] == [1] or (len(rows) > 1 and not any(map(str.isdigit, first))):
        rows[0] = _row(text, *lines[0], is_head=True)
    table = Block(BlockKind.TABLE, rows[0][0].start, rows[-1][0].end)
    return [table, *(block for row in rows for block in row)]


def _is_rule(line: str) -> bool:
    """Whether a line only separates the head of a table from its rows, as in Markdown."""
    cells = line.strip().strip("|").split("|")
    bare = [cell.strip(" \t:") for cell in cells]
    return "-" in line and all(cell and not cell.strip("-") for cell in bare)


def _row(text: str, start: int, end: int, *, is_head: bool) -> list[Block]:
    """A row and its cells; empty if no cell has a text."""
    cells: list[Block] = []
    # Bars at the ends of a line frame the row, and have no cell outside.
    position = start + len(text[start:end]) - len(text[start:end].lstrip())
    is_framed = text[position:end].rstrip().endswith("|") and text[position:].startswith("|")
    position += is_framed
    column = 1
    while position <= end:
        bar = text.find("|", position, end)
        stop = end if bar < 0 else bar
        body = text[position:stop]
        if body.strip():
            first = position + len(body) - len(body.lstrip())
            last = first + len(body.strip())
            cells.append(Block(BlockKind.CELL, first, last, column, is_head=is_head))
        position, column = stop + 1, column + 1
    if not cells:
        return []
    return [Block(BlockKind.ROW, cells[0].start, cells[-1].end, is_head=is_head), *cells]


def _trimmed(text: str, end: int) -> int:
    while end > 0 and text[end - 1].isspace():
        end -= 1
    return end
