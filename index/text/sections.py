"""Sections: the blocks of a document that stand under one heading, and what they must be read
with.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from corpus.blocks import Block, BlockKind
from corpus.document import Document

_LEAD_IN_END = (":", "：")
_MAX_HEADS = 2
"""The most rows at the top of a table that name its columns."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A block that chunks are cut along: a row, or any block outside tables but a heading.

    :param context: spans before the block that it needs to be understood: the lead-in of a list, or
        the caption and the heads of a table
    """

    block: Block
    context: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """The units under one heading.

    :param headings: the heading and those above it, outermost first
    """

    headings: tuple[str, ...]
    units: tuple[Unit, ...]


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
        title = " ".join(document.text[unit.block.start : unit.block.end].split())
        headings = [(above, text) for above, text in headings if above < level]
        headings.append((level, title))
    if units:
        yield Section(tuple(title for _, title in headings), tuple(units))
    elif is_empty and document.blocks:
        yield Section((), tuple(Unit(block) for block in document.blocks))


def _units(document: Document) -> Iterator[Unit]:
    """The blocks that chunks are cut along, and the headings."""
    text = document.text
    lead_in: tuple[tuple[int, int], ...] = ()
    caption: tuple[tuple[int, int], ...] = ()
    heads: tuple[tuple[int, int], ...] = ()
    is_top = False
    for block in document.blocks:
        span = (block.start, block.end)
        if block.kind is BlockKind.CELL:
            continue
        if block.kind is BlockKind.TABLE:
            heads, is_top = caption, True
        elif block.kind is BlockKind.ROW:
            yield Unit(block, heads)
            if is_top and block.is_head and len(heads) < _MAX_HEADS + len(caption):
                heads = (*heads, span)
            else:
                is_top = False
        elif block.kind is BlockKind.LIST_ITEM:
            yield Unit(block, lead_in)
        else:
            yield Unit(block)
            caption = (span,) if block.kind is BlockKind.CAPTION else ()
            is_lead_in = block.kind is BlockKind.PARAGRAPH and text.endswith(_LEAD_IN_END, *span)
            lead_in = (span,) if is_lead_in else ()
