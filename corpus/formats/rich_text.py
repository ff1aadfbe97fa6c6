"""Rich text (rtf): its text by striprtf, with the blocks that its lines show."""

import re
from collections.abc import Iterator
from datetime import date
from itertools import groupby

from corpus.blocks import BlockKind
from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import Fragment
from corpus.formats.grid import GridCell, is_word, tables
from corpus.formats.package import wrong_format
from corpus.text_blocks import text_blocks

REVISION = 1
"""Raised when other text is extracted from rich text, so that synced files are read again."""

_TITLE = re.compile(r"\{\\title ([^{}\\]{1,300})\}")
_CREATED = re.compile(r"\{\\creatim\\yr(\d{4})\\mo(\d{1,2})\\dy(\d{1,2})")
_PROPERTIES_WITHIN = 65_536
_INNERMOST = re.compile(r"\{[^{}]*\}")
_LEFT_OUT = re.compile(r"\\(?:v|strike|striked1|deleted)(?![a-z0-9])")
_CELL_END = "|"


def read_rtf(source: str, data: bytes) -> Extracted:
    """The text of a rich text file.

    :raises DocumentError: it is damaged or of another format
    """
    if not data.lstrip().startswith(b"{\\rtf"):
        raise wrong_format(source, "rtf")
    raw = data.decode("latin-1")
    written = fragment.joined(_pieces(_stripped(source, _INNERMOST.sub(_shown, raw))))
    properties = raw[:_PROPERTIES_WITHIN]
    title = _TITLE.search(properties)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=one_line(title[1]) if title else None,
        published=_created(properties),
        published_from=DateSource.PROPERTIES,
    )


def _shown(group: re.Match[str]) -> str:
    """A group, empty if it is hidden, struck through or deleted."""
    return "" if _LEFT_OUT.search(group[0]) else group[0]


def _pieces(text: str) -> Iterator[Fragment]:
    """The paragraphs of a text, a line each, and its tables, whose cells end with a bar."""
    lines = clean_text(text).split("\n")
    for is_row, group in groupby(lines, lambda line: line.rstrip().endswith(_CELL_END)):
        if is_row:
            cells = ([part.strip() for part in line.split(_CELL_END)] for line in group)
            rows = [[GridCell(cell, is_word=is_word(cell)) for cell in row] for row in cells]
            yield from map(fragment.table, tables(rows))
            continue
        items: list[Fragment] = []
        for line in map(one_line, group):
            written = Fragment(line, text_blocks(line, has_headings=False))
            if written and written.blocks[0].kind is BlockKind.LIST_ITEM:
                items.append(written)
                continue
            # The items of a list stand on lines without a blank one between them.
            yield fragment.joined(items, fragment.LINE)
            items = []
            yield written
        yield fragment.joined(items, fragment.LINE)


def _stripped(source: str, raw: str) -> str:
    from striprtf.striprtf import rtf_to_text

    try:
        text = rtf_to_text(raw, errors="ignore")  # type: ignore[no-untyped-call]  # it ships no types
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError) as exc:
        raise DocumentError(source, "is damaged: its contents cannot be read") from exc
    return str(text)


def _created(raw: str) -> date | None:
    stated = _CREATED.search(raw)
    try:
        return date(*map(int, stated.groups())) if stated else None
    except ValueError:
        return None
