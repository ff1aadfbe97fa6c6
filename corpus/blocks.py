"""Blocks: what a file says about the structure of its text, as spans of that text."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class BlockKind(StrEnum):
    """What a block is."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST_ITEM = "list_item"
    DEFINITION = "definition"
    TABLE = "table"
    ROW = "row"
    CELL = "cell"
    CAPTION = "caption"
    FOOTNOTE = "footnote"
    CODE = "code"
    QUOTATION = "quotation"
    PAGE_HEAD = "page_head"
    PAGE_FOOT = "page_foot"
    FIELD = "field"
    CONTENTS = "contents"


MAX_BLOCKS = 500_000
"""A document with more blocks keeps none for its cells."""


@dataclass(frozen=True, slots=True)
class Block:
    """A span of a document's text, ``text[start:end]``, and what it is.

    A span leaves out the marks that stand before it, such as ``##`` or ``-``. Blocks come in the
    order of their text. A table contains its rows, and a row contains its cells; no other blocks
    overlap.

    :param start: offset of the first character, in code points
    :param end: offset after the last character
    :param level: of a heading, from 1; of a list item or a definition, how deeply it is nested,
        from 1; of a cell, its column, from 1; 0 for other kinds
    :param columns: of a cell, the number of columns that it covers
    :param is_head: whether a row or a cell names the columns or rows beside it
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0
    columns: int = 1
    is_head: bool = False

    def moved(self, by: int) -> "Block":
        """The block in a text that has ``by`` more characters before it."""
        # Three times as fast as dataclasses.replace, and documents have many blocks.
        start, end = self.start + by, self.end + by
        return Block(self.kind, start, end, self.level, self.columns, self.is_head)


def as_lists(blocks: Iterable[Block]) -> list[list[str | int]]:
    """The blocks as plain lists, for JSON. What has its default value at the end is left out."""
    written: list[list[str | int]] = []
    for block in blocks:
        values: list[str | int] = [block.kind.value, block.start, block.end]
        further = [block.level, block.columns, int(block.is_head)]
        while further and further[-1] == _DEFAULTS[len(further) - 1]:
            further.pop()
        written.append([*values, *further])
    return written


def from_lists(lists: Iterable[list[Any]], length: int) -> tuple[Block, ...]:
    """The blocks that :func:`as_lists` wrote, of a text of ``length`` characters.

    :raises ValueError: the lists are something else
    """
    try:
        blocks = tuple(_block(*values) for values in lists)
        last = 0
        for block in blocks:
            if not last <= block.start < block.end <= length:
                raise ValueError("its blocks are not spans of its text")
            last = block.start
    except TypeError as exc:
        raise ValueError("its blocks cannot be read") from exc
    return blocks


def bounded(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """The blocks, without cells if there are more than ``MAX_BLOCKS``."""
    if len(blocks) <= MAX_BLOCKS:
        return blocks
    return tuple(block for block in blocks if block.kind is not BlockKind.CELL)


def _block(
    kind: str, start: int, end: int, level: int = 0, columns: int = 1, is_head: int = 0
) -> Block:
    return Block(BlockKind(kind), start, end, level, columns, bool(is_head))


_DEFAULTS = (0, 1, 0)
