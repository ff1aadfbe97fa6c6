"""Workbooks (xlsx): a heading for each visible sheet, and its cells as tables, as a spreadsheet
program shows them.
"""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from corpus.formats import fragment
from corpus.formats.clean import one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import Fragment
from corpus.formats.grid import GridCell, tables
from corpus.formats.number import formatted_duration, formatted_number
from corpus.formats.package import (
    core_properties,
    member_xml,
    open_package,
    relations,
    required_xml,
    streamed_xml,
    translated,
)

REVISION = 2
"""Raised when other text is extracted from workbooks, so that synced files are read again."""

NOT_CALCULATED = "(not calculated)"
"""The text of a formula whose file holds no result, because no spreadsheet program saved it."""

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_SHEET_LEVEL = 2
_MAX_COLUMNS = 16_384
_MAX_COVERED = 100_000
"""The most cells that merged cells may cover. More of them are left as single cells."""

_Position = tuple[int, int]  # row and column, from 1


@dataclass(slots=True)
class _Layout:
    """What a sheet's XML says besides values.

    :param covered: for each cell that a merged cell covers, the first cell of that one
    :param widths: the number of columns of merged cells
    """

    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    not_calculated: set[_Position] = field(default_factory=set)
    covered: dict[_Position, _Position] = field(default_factory=dict)
    widths: dict[_Position, int] = field(default_factory=dict)


def read_xlsx(source: str, data: bytes) -> Extracted:
    """The visible cells of a workbook.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "xlsx") as package:
        required_xml(source, package, "xl/workbook.xml", "xlsx")
        properties = core_properties(package)
        written = translated(source, lambda: fragment.joined(_sheets(package, data)))
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=properties.title,
        published=properties.published,
    )


def _sheets(package: zipfile.ZipFile, data: bytes) -> Iterator[Fragment]:
    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    paths = _sheet_paths(package)
    try:
        for sheet in workbook.worksheets:
            if sheet.sheet_state != "visible":
                continue
            # Some programs leave a dimension in the file that covers only the first cell.
            sheet.reset_dimensions()
            layout = _layout(package, paths.get(sheet.title, ""))
            written = [fragment.table(rows) for rows in tables(_rows(sheet, layout))]
            if any(written):
                yield fragment.joined([fragment.heading(sheet.title, _SHEET_LEVEL), *written])
    finally:
        workbook.close()


def _sheet_paths(package: zipfile.ZipFile) -> dict[str, str]:
    """The name of the part of each sheet by its title."""
    root = member_xml(package, "xl/workbook.xml")
    parts = relations(package, "xl/workbook.xml")
    sheets = () if root is None else root.iter(f"{_S}sheet")
    return {sheet.get("name", ""): parts.get(sheet.get(f"{_R}id", ""), "") for sheet in sheets}


def _layout(package: zipfile.ZipFile, path: str) -> _Layout:
    layout = _Layout()
    row = 0
    for element in streamed_xml(package, path):
        name = element.tag.removeprefix(_S)
        if name == "row":
            stated = element.get("r", "")
            row = int(stated) if stated.isdecimal() and len(stated) < 8 else row + 1
            if element.get("hidden") in ("1", "true"):
                layout.hidden_rows.add(row)
            element.clear()
        elif name == "c":
            if element.find(f"{_S}f") is not None and not (element.findtext(f"{_S}v") or ""):
                layout.not_calculated.add(_position(element.get("r", "")))
            element.clear()
        elif name == "col" and element.get("hidden") in ("1", "true"):
            first, last = (_small(element.get(edge, "0")) for edge in ("min", "max"))
            layout.hidden_columns.update(range(first, last + 1))
        elif name == "mergeCell":
            _merge(layout, element.get("ref", ""))
    return layout


def _merge(layout: _Layout, reference: str) -> None:
    first, _, last = reference.partition(":")
    (top, left), (bottom, right) = _position(first), _position(last)
    cells = (bottom - top + 1) * (right - left + 1)
    if not cells > 1 or len(layout.covered) + cells > _MAX_COVERED or top < 1 or left < 1:
        return
    layout.widths[top, left] = right - left + 1
    for row in range(top, bottom + 1):
        for column in range(left, right + 1):
            layout.covered[row, column] = (top, left)


def _rows(sheet: Any, layout: _Layout) -> Iterator[list[GridCell]]:  # Any: openpyxl ships no types
    """The visible cells of each visible row, in their columns."""
    merged: dict[_Position, GridCell] = {}
    for number, cells in enumerate(sheet.iter_rows(), 1):
        row: list[GridCell] = []
        for column, cell in enumerate(cells, 1):
            position = number, column
            origin = layout.covered.get(position)
            if origin is not None and origin[0] < number:
                # A cell that covers several rows is repeated in each of them.
                text = merged.get(origin, GridCell()) if origin[1] == column else GridCell()
            elif position in layout.not_calculated:
                text = GridCell(NOT_CALCULATED)
            else:
                text = _cell(cell.value, str(cell.number_format or ""))
            if origin == position:
                merged[position] = text
            if column not in layout.hidden_columns:
                row.append(text)
        yield row if number not in layout.hidden_rows else []


def _cell(value: object, number_format: str) -> GridCell:
    if isinstance(value, bool):
        return GridCell(str(value).upper())
    if isinstance(value, int | float):
        return GridCell(formatted_number(value, number_format))
    if isinstance(value, datetime):
        is_day = value.time() == time()
        return GridCell(value.date().isoformat() if is_day else value.isoformat(" "))
    if isinstance(value, date | time):
        return GridCell(value.isoformat())
    if isinstance(value, timedelta):
        return GridCell(formatted_duration(value, number_format))
    text = "" if value is None else one_line(str(value))
    return GridCell(text, is_word=bool(text))


def _position(reference: str) -> _Position:
    """Row and column of a reference such as ``B12``; zeros if it is none."""
    letters = reference.rstrip("0123456789")
    digits = reference[len(letters) :]
    if not letters.isascii() or not letters.isalpha() or len(letters) > 3 or len(digits) > 7:
        return 0, 0
    column = 0
    for letter in letters.upper():
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(digits or 0), column


def _small(text: str) -> int:
    return min(int(text), _MAX_COLUMNS) if text.isdecimal() and len(text) < 8 else 0
