"""Delimited text (csv, tsv): tables whose cells are separated by commas, semicolons, tabs or
bars.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Literal

from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.extracted import Extracted
from corpus.formats.grid import GridCell, is_word, tables
from corpus.formats.text import decode

REVISION = 1
"""Raised when other text is extracted from delimited text, so that synced files are read again."""

_DELIMITERS = ",;\t|"
_SAMPLE_ROWS = 50
_SAMPLE_LENGTH = 65_536
_LONGEST_CELL = 1_000_000
_MOST_LINES = 50
_NAMED = re.compile(r"sep=([,;\t|])\n", re.IGNORECASE)


def read_csv(source: str, data: bytes) -> Extracted:
    """The rows of a file whose delimiter is found by trying each.

    :raises DocumentError: the bytes are not text, or a cell is too long
    """
    text = _decoded(source, data)
    # Excel's own way to name the delimiter.
    named = _NAMED.match(text)
    if named:
        return _extracted(source, text[named.end() :], named[1])
    return _extracted(source, text, _likely_delimiter(text))


def read_tsv(source: str, data: bytes) -> Extracted:
    """The rows of a file whose cells are separated by tabs.

    :raises DocumentError: the bytes are not text, or a cell is too long
    """
    text = _decoded(source, data)
    # Some programs write commas under this suffix too.
    return _extracted(source, text, "\t" if "\t" in text else _likely_delimiter(text))


def _decoded(source: str, data: bytes) -> str:
    return decode(source, data).replace("\r\n", "\n").replace("\r", "\n")


def _extracted(source: str, text: str, delimiter: str) -> Extracted:
    # A text whose quotation marks do not close is read ever less strictly.
    for is_quoted, is_strict in ((True, True), (True, False), (False, False)):
        try:
            rows = [
                [GridCell(cell, is_word=is_word(cell)) for cell in map(str.strip, row)]
                for row in _reader(text, delimiter, is_quoted=is_quoted, is_strict=is_strict)
            ]
        except csv.Error:
            continue
        written = fragment.joined(map(fragment.table, tables(rows)))
        # The first row is no title.
        return Extracted(text=written.text, blocks=written.blocks, title=PurePath(source).stem)
    raise DocumentError(source, f"has a cell of more than {_LONGEST_CELL:,} characters")


def _reader(text: str, delimiter: str, is_quoted: bool, is_strict: bool) -> Iterator[list[str]]:
    # The limit is a setting of the module, not of the reader.
    csv.field_size_limit(_LONGEST_CELL)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE
    rows = csv.reader(
        _lines(text), delimiter=delimiter, quoting=quoting, skipinitialspace=True, strict=is_strict
    )
    for row in rows:
        # A mark that stands at the start of a cell and is never closed takes all that follows.
        if not is_strict and any(cell.count("\n") > _MOST_LINES for cell in row):
            raise csv.Error("a cell has too many lines")
        yield row


def _lines(text: str) -> Iterator[str]:
    """The lines of a text with their ends, without a copy of the whole text."""
    start = 0
    while start < len(text):
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline + 1
        yield text[start:end]
        start = end


def _likely_delimiter(text: str) -> str:
    """The delimiter that divides most of the first rows into the same number of cells."""
    sample = text[:_SAMPLE_LENGTH]
    # The last line of a sample may be cut.
    sample = sample[: sample.rfind("\n") + 1] or sample

    def agreement(delimiter: str) -> tuple[float, bool, int]:
        counts: Counter[int] = Counter()
        try:
            for row in _reader(sample, delimiter, is_quoted=True, is_strict=False):
                counts[len(row)] += bool(row)
                if counts.total() >= _SAMPLE_ROWS:
                    break
        except csv.Error:
            # A quoted cell goes on beyond the sample, or its quotes are not meant as such.
            pass
        divided = [(rows, cells) for cells, rows in counts.items() if cells > 1]
        rows, cells = max(divided, default=(0, 1))
        # Commas that divide rows as evenly as another delimiter are those of decimals.
        return rows / max(1, counts.total()), cells > 1 and delimiter != ",", cells

    # Of delimiters that agree equally well, the first is the most common.
    return max(_DELIMITERS, key=agreement)
