"""OpenDocument files (odt, ods, odp), read from their XML."""

import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.dates import stated_day
from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.clean import one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import LINE, Fragment, TableCell
from corpus.formats.grid import GridCell, tables
from corpus.formats.number import shown_number
from corpus.formats.numbering import formatted_count
from corpus.formats.package import member_xml, open_package, required_xml, translated
from corpus.formats.paged import join_pages
from corpus.formats.sheet import NOT_CALCULATED
from corpus.formats.superscript import superscript

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

REVISION = 1
"""Raised when other text is extracted from OpenDocument files, so that synced files are read
again.
"""

_NAMES = "{urn:oasis:names:tc:opendocument:xmlns:"
_TEXT, _TABLE, _OFFICE = (f"{_NAMES}{name}:1.0}}" for name in ("text", "table", "office"))
_DRAW, _STYLE, _META = (f"{_NAMES}{name}:1.0}}" for name in ("drawing", "style", "meta"))
_PRESENTATION, _SVG = f"{_NAMES}presentation:1.0}}", f"{_NAMES}svg-compatible:1.0}}"
_DC = "{http://purl.org/dc/elements/1.1/}"

# Deleted text, comments, and fields that differ from page to page or from day to day.
_LEFT_OUT = frozenset(
    f"{_TEXT}{name}"
    for name in "tracked-changes hidden-text hidden-paragraph page-number page-count date time "
    "file-name ruby-text note-citation bookmark bibliography-source table-of-content-source "
    "illustration-index-source table-index-source alphabetical-index-source user-index-source "
    "object-index-source".split()
) | {f"{_OFFICE}{name}" for name in ("annotation", "annotation-end", "forms")}
_COUNTS = {"1": "decimal", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman"} | {
    "I": "upperRoman"
}
_INDEXES = frozenset(f"{_TEXT}{name}" for name in ("table-of-content", "illustration-index"))
_HEADING = re.compile(r"Heading_20_(\d)")
_TITLES = {"Title": 1, "Subtitle": 2}
_SUPERSCRIPT_CONTEXT = 20
_MAX_DEPTH = 40
_MAX_LEVELS = 10
_MAX_REPEATED = 1_000
"""The most times that a row or a cell with a text is repeated."""
_MAX_EMPTY = 16_384
_SHEET_LEVEL = 2
_NOTES_LEVEL = 3


def read_odt(source: str, data: bytes) -> Extracted:
    """The text of an OpenDocument text: headers, body, notes and footers.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    return _read(source, data, "odt", "text")


def read_ods(source: str, data: bytes) -> Extracted:
    """The visible cells of an OpenDocument spreadsheet, as its program shows them.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    return _read(source, data, "ods", "spreadsheet")


def read_odp(source: str, data: bytes) -> Extracted:
    """The text of an OpenDocument presentation, with its slides as pages.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    return _read(source, data, "odp", "presentation")


def _read(source: str, data: bytes, suffix: str, kind: str) -> Extracted:
    with open_package(source, data, suffix) as package:
        if _is_encrypted(package):
            raise DocumentError(source, "is encrypted")
        root = required_xml(source, package, "content.xml", suffix)
        body = root.find(f"{_OFFICE}body/{_OFFICE}{kind}")
        if body is None:
            raise DocumentError(source, f"is not an {suffix} file, or is damaged")
        document = _Document(root, member_xml(package, "styles.xml"))
        meta = member_xml(package, "meta.xml")
        pages = translated(source, lambda: list(_PAGES[kind](document, body)))
    written, numbered = join_pages(pages)
    title = None if meta is None else one_line(meta.findtext(f".//{_DC}title") or "")
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=title,
        published=None if meta is None else stated_day(meta.findtext(f".//{_META}creation-date")),
        published_from=DateSource.PROPERTIES,
        pages=numbered if kind == "presentation" else (),
        notes=tuple(document.notes),
    )


def _is_encrypted(package: zipfile.ZipFile) -> bool:
    manifest = member_xml(package, "META-INF/manifest.xml")
    return manifest is not None and any(
        each.tag.endswith("}encryption-data") for each in manifest.iter()
    )


@dataclass(slots=True)
class _Style:
    """What a style says, and the style that it is based on. None where it does not say."""

    parent: str | None = None
    is_left_out: bool | None = None
    is_raised: bool | None = None
    is_shown: bool = True
    heading: int | None = None


@dataclass(frozen=True, slots=True)
class _ListLevel:
    """How the items of one level of a list are marked.

    :param number_format: None for bullets
    """

    number_format: str | None = None
    before: str = ""
    after: str = ""
    start: int = 1
    shown_levels: int = 1


@dataclass(slots=True)
class _Paragraph:
    """A paragraph under construction, and the boxes that are anchored in it."""

    text: str = ""
    boxes: list[Fragment] = field(default_factory=list)


class _Document:
    """Reads the parts of one document."""

    def __init__(self, root: "Element", styles: "Element | None") -> None:
        self.notes: list[str] = []
        self._styles: dict[str, _Style] = {}
        self._lists: dict[str, dict[int, _ListLevel]] = {}
        self._counts: dict[str, list[int]] = {}
        self._footnotes: list[Fragment] = []
        self._masters = [] if styles is None else list(styles.iter(f"{_STYLE}master-page"))
        for part in (styles, root):
            for style in () if part is None else part.iter(f"{_STYLE}style"):
                self._styles[style.get(f"{_STYLE}name", "")] = _style(style)
            for each in () if part is None else part.iter(f"{_TEXT}list-style"):
                self._lists[each.get(f"{_STYLE}name", "")] = dict(_list_levels(each))

    def text(self, body: "Element") -> Iterator[tuple[int, Fragment]]:
        """The whole text, as one page."""
        heads = self._running("header", BlockKind.PAGE_HEAD)
        feet = self._running("footer", BlockKind.PAGE_FOOT)
        content = self._blocks(body, 0)
        yield 1, fragment.joined([*heads, *content, *self._footnotes, *feet])

    def slides(self, body: "Element") -> Iterator[tuple[int, Fragment]]:
        """Each visible slide: its title, the rest of it, and the speaker's notes."""
        for number, page in enumerate(body.iter(f"{_DRAW}page"), 1):
            style = self._styles.get(page.get(f"{_DRAW}style-name", ""))
            if style and not style.is_shown:
                self.notes.append(f"Slide {number} is hidden and left out.")
                continue
            frames = [each for each in page if each.tag != f"{_PRESENTATION}notes"]
            frames.sort(key=lambda each: each.get(f"{_PRESENTATION}class") != "title")
            written = [block for frame in frames for block in self._slide_part(frame)]
            spoken = [
                block
                for each in page.iterfind(f"{_PRESENTATION}notes")
                for box in each.iter(f"{_DRAW}text-box")
                for block in self._blocks(box, 0)
            ]
            head = [fragment.heading("Notes", _NOTES_LEVEL)] if any(spoken) else []
            yield number, fragment.joined([*written, *head, *spoken])

    def sheets(self, body: "Element") -> Iterator[tuple[int, Fragment]]:
        """Each visible sheet: its name as a heading, and its tables."""
        for number, sheet in enumerate(body.findall(f"{_TABLE}table"), 1):
            style = self._styles.get(sheet.get(f"{_TABLE}style-name", ""))
            if style and not style.is_shown:
                continue
            written = [fragment.table(rows) for rows in tables(self._grid(sheet))]
            if any(written):
                name = sheet.get(f"{_TABLE}name", "")
                yield number, fragment.joined([fragment.heading(name, _SHEET_LEVEL), *written])

    def _running(self, name: str, kind: BlockKind) -> list[Fragment]:
        """The headers or footers of all page styles, each text once."""
        written: dict[str, Fragment] = {}
        for master in self._masters:
            for part in master.iterfind(f"{_STYLE}{name}"):
                for line in self._blocks(part, 0):
                    head = fragment.block(kind, line.text)
                    written.setdefault(head.text, head)
        return list(written.values())

    def _slide_part(self, frame: "Element") -> list[Fragment]:
        if frame.get(f"{_PRESENTATION}class") == "title":
            text = " ".join(each.text for each in self._blocks(frame, 0))
            return [fragment.heading(one_line(text), 1)]
        if frame.get(f"{_PRESENTATION}class") in ("page-number", "date-time"):
            return []
        return self._drawing(frame, 0)

    def _blocks(self, element: "Element", depth: int) -> list[Fragment]:
        """The fragments of the paragraphs, lists and tables in an element."""
        written: list[Fragment] = []
        for child in element:
            if child.tag in _LEFT_OUT or depth > _MAX_DEPTH:
                continue
            if child.tag in (f"{_TEXT}p", f"{_TEXT}h"):
                written += self._paragraph(child, depth)
            elif child.tag == f"{_TEXT}list":
                items = self._list(child, 1, child.get(f"{_TEXT}style-name", ""), depth)
                written.append(fragment.joined(items, LINE))
            elif child.tag == f"{_TABLE}table":
                written += self._table(child, depth)
            elif child.tag in _INDEXES:
                lines = (block for each in child for block in self._blocks(each, depth + 1))
                written += [fragment.block(BlockKind.CONTENTS, line.text) for line in lines]
            elif child.tag == f"{_TEXT}section" and child.get(f"{_TEXT}display") == "none":
                continue
            elif child.tag.startswith(_DRAW):
                written += self._drawing(child, depth + 1)
            else:
                written += self._blocks(child, depth + 1)
        return [each for each in written if each]

    def _paragraph(self, element: "Element", depth: int) -> list[Fragment]:
        content = _Paragraph()
        if not self._says(element.get(f"{_TEXT}style-name"), "is_left_out"):
            self._inline(element, content, depth)
        text = "\n".join(one_line(line) for line in content.text.split("\n")).strip()
        style = element.get(f"{_TEXT}style-name")
        level = int(self._stated(style, "heading") or 0)
        if element.tag == f"{_TEXT}h" or level:
            level = _whole(element.get(f"{_TEXT}outline-level"), level or 1)
            return [fragment.heading(text, level), *content.boxes]
        return [fragment.paragraph(text), *content.boxes]

    def _inline(self, element: "Element", content: _Paragraph, depth: int) -> None:
        content.text += " ".join((element.text or "").split("\n"))
        for child in element:
            name = child.tag.rpartition("}")[2]
            if child.tag in _LEFT_OUT or depth > _MAX_DEPTH:
                pass
            elif child.tag == f"{_TEXT}s":
                content.text += " "
            elif name in ("tab", "line-break") and child.tag.startswith(_TEXT):
                content.text += "\n" if name == "line-break" else " "
            elif child.tag == f"{_TEXT}note":
                body = child.find(f"{_TEXT}note-body")
                blocks = [] if body is None else self._blocks(body, depth + 1)
                text = " ".join(one_line(each.text) for each in blocks)
                self._footnotes.append(fragment.block(BlockKind.FOOTNOTE, text))
            elif child.tag.startswith(_DRAW) and name != "a":
                content.boxes += self._drawing(child, depth + 1)
            else:
                self._span(child, content, depth + 1)
            content.text += " ".join((child.tail or "").split("\n"))

    def _span(self, span: "Element", content: _Paragraph, depth: int) -> None:
        style = span.get(f"{_TEXT}style-name")
        if self._says(style, "is_left_out"):
            return
        before = content.text
        self._inline(span, content, depth)
        if self._says(style, "is_raised"):
            raised = content.text[len(before) :]
            content.text = before + superscript(before[-_SUPERSCRIPT_CONTEXT:], raised)

    def _drawing(self, drawing: "Element", depth: int) -> list[Fragment]:
        """The text of boxes and shapes, and the descriptions of pictures."""
        if drawing.tag.startswith(_SVG):
            return [fragment.paragraph(one_line(drawing.text or ""))] if drawing.text else []
        if drawing.tag in (f"{_DRAW}image", f"{_DRAW}object", f"{_DRAW}object-ole"):
            return []
        described = [
            fragment.paragraph(one_line(each.text or ""))
            for each in drawing.iterfind(f"{_SVG}desc")
        ]
        return [*self._blocks(drawing, depth + 1), *filter(None, described)]

    def _list(self, element: "Element", level: int, style: str, depth: int) -> list[Fragment]:
        """The items of a list, and of the lists in them."""
        style = element.get(f"{_TEXT}style-name", style)
        counts = self._counts.setdefault(style, [0] * (_MAX_LEVELS + 1))
        level = min(level, _MAX_LEVELS)
        goes_on = element.get(f"{_TEXT}continue-numbering") == "true" or (
            element.get(f"{_TEXT}continue-list") is not None
        )
        own = self._lists.get(style, {}).get(level, _ListLevel())
        if not goes_on:
            counts[level] = own.start - 1
        written: list[Fragment] = []
        for item in element:
            nested = [each for each in item if each.tag == f"{_TEXT}list"]
            content = [each for each in item if each.tag != f"{_TEXT}list"]
            holder = type(item)(item.tag)
            holder.extend(content)
            blocks = self._blocks(holder, depth + 1) if depth <= _MAX_DEPTH else []
            if blocks and blocks[0].blocks[0].kind is BlockKind.HEADING:
                # Numbered headings are lists too.
                written += blocks
            elif blocks:
                mark = "- "
                if item.tag == f"{_TEXT}list-item":
                    counts[level] = _whole(item.get(f"{_TEXT}start-value"), counts[level] + 1)
                    mark = self._mark(style, level, counts)
                text = "\n".join(each.text for each in blocks)
                one = fragment.block(BlockKind.LIST_ITEM, text, level)
                indent = "  " * (level - 1)
                written.append(
                    fragment.marked(indent + mark, fragment.indented(one, indent + "  "))
                )
            for each in nested if depth <= _MAX_DEPTH else []:
                written += self._list(each, level + 1, style, depth + 1)
        return written

    def _mark(self, style: str, level: int, counts: list[int]) -> str:
        levels = self._lists.get(style, {})
        own = levels.get(level, _ListLevel())
        if own.number_format is None:
            return "- "
        shown = range(max(1, level - own.shown_levels + 1), level + 1)
        numbers = [
            formatted_count(counts[each], levels.get(each, own).number_format or "decimal")
            for each in shown
        ]
        return f"{own.before}{'.'.join(numbers)}{own.after or '.'} "

    def _table(self, element: "Element", depth: int) -> list[Fragment]:
        """A table of a text, or the blocks in it if it has a single column, which is layout."""
        rows = list(_rows(element))
        cells = [list(_cells(row)) for row, _ in rows]
        if max(map(len, cells), default=0) <= 1:
            return [each for row in cells for cell in row for each in self._blocks(cell, depth + 1)]
        covering: dict[int, tuple[TableCell, int]] = {}
        written = []
        for (_, is_head), row in zip(rows, cells, strict=True):
            line: list[TableCell] = []
            below: dict[int, tuple[TableCell, int]] = {}
            skipped = 0
            for column, cell in enumerate(row):
                if cell.tag == f"{_TABLE}covered-table-cell":
                    # A cell beside this one covers it, or one above, which is repeated.
                    above, left = covering.get(column, (None, 0))
                    if skipped:
                        skipped -= 1
                    elif above is not None:
                        line.append(above)
                        skipped = above.columns - 1
                        if left > 1:
                            below[column] = above, left - 1
                else:
                    texts = [fragment.flat(each) for each in self._blocks(cell, depth + 1)]
                    width = min(_whole(cell.get(f"{_TABLE}number-columns-spanned"), 1), 1_000)
                    filled = TableCell("; ".join(filter(None, texts)), max(1, width), is_head)
                    height = _whole(cell.get(f"{_TABLE}number-rows-spanned"), 1)
                    if height > 1:
                        below[column] = filled, height - 1
                    line.append(filled)
                    skipped = filled.columns - 1
            covering = below
            written.append(line)
        return [fragment.table(written)]

    def _grid(self, sheet: "Element") -> Iterator[list[GridCell]]:
        """The visible cells of each visible row of a sheet."""
        hidden = _hidden_columns(sheet)
        above: dict[int, tuple[GridCell, int]] = {}  # by column, with the first row below it
        number = 0
        for row, _ in _rows(sheet):
            number += _whole(row.get(f"{_TABLE}number-rows-repeated"), 1)
            if row.get(f"{_TABLE}visibility", "visible") != "visible":
                continue
            line: list[GridCell] = []
            column = 0
            for cell in _cells(row):
                filled = self._grid_cell(cell)
                height = _whole(cell.get(f"{_TABLE}number-rows-spanned"), 1)
                if height > 1:
                    above[column] = filled, number + height
                elif cell.tag == f"{_TABLE}covered-table-cell" and column in above:
                    # A cell that covers several rows is repeated in each of them.
                    covering, end = above[column]
                    filled = covering if number < end else filled
                repeated = _whole(cell.get(f"{_TABLE}number-columns-repeated"), 1)
                most = _MAX_REPEATED if filled.text else _MAX_EMPTY
                is_covered = cell.tag == f"{_TABLE}covered-table-cell"
                for turn in range(min(repeated, most)):
                    if column not in hidden:
                        # Of a cell that covers several columns too, the others are empty.
                        line.append(GridCell() if turn and is_covered else filled)
                    column += 1
            while line and not line[-1].text:
                line.pop()
            repeated = _whole(row.get(f"{_TABLE}number-rows-repeated"), 1)
            for _ in range(min(repeated, _MAX_REPEATED) if line else 1):
                yield line

    def _grid_cell(self, cell: "Element") -> GridCell:
        kind = cell.get(f"{_OFFICE}value-type")
        blocks = [] if not len(cell) else self._blocks(cell, _MAX_DEPTH - 5)
        text = "; ".join(one_line(each.text) for each in blocks)
        if cell.get(f"{_TABLE}formula") and not text and kind is None:
            return GridCell(NOT_CALCULATED)
        # Some programs write values without the text that shows them.
        text = text or shown_number(cell.get(f"{_OFFICE}value", ""), "")
        return GridCell(text, is_word=bool(text) and kind in (None, "string"))

    def _says(self, name: str | None, what: str) -> bool:
        return bool(self._stated(name, what))

    def _stated(self, name: str | None, what: str) -> bool | int | None:
        """What the nearest says of a style and those that it is based on."""
        seen: set[str] = set()
        while name is not None and name in self._styles and name not in seen:
            seen.add(name)
            stated: bool | int | None = getattr(self._styles[name], what)
            if stated is not None:
                return stated
            name = self._styles[name].parent
        return None


_PAGES: dict[str, Callable[[_Document, "Element"], Iterator[tuple[int, Fragment]]]] = {
    "text": _Document.text,
    "spreadsheet": _Document.sheets,
    "presentation": _Document.slides,
}


def _style(element: "Element") -> _Style:
    name = element.get(f"{_STYLE}name", "")
    outline = element.get(f"{_STYLE}default-outline-level") or _HEADING.sub(r"\1", name)
    style = _Style(
        element.get(f"{_STYLE}parent-style-name"),
        heading=_TITLES.get(name) or _whole(outline, 0) or None,
    )
    for properties in element:
        if properties.tag == f"{_STYLE}text-properties":
            hidden = properties.get(f"{_TEXT}display")
            struck = properties.get(f"{_STYLE}text-line-through-style")
            raised = properties.get(f"{_STYLE}text-position")
            if hidden is not None or struck is not None:
                style.is_left_out = hidden == "none" or struck not in (None, "none")
            if raised is not None:
                # A share of the height, such as 33%, is positive for a superscript.
                share = raised.split("%")[0].strip()
                style.is_raised = raised.startswith("super") or _whole(share, 0) > 0
        elif properties.tag == f"{_STYLE}table-properties":
            style.is_shown = properties.get(f"{_TABLE}display") != "false"
        elif properties.tag == f"{_STYLE}drawing-page-properties":
            style.is_shown = properties.get(f"{_PRESENTATION}visibility") != "hidden"
    return style


def _list_levels(element: "Element") -> Iterator[tuple[int, _ListLevel]]:
    for each in element:
        level = _whole(each.get(f"{_TEXT}level"), 1)
        number_format = each.get(f"{_STYLE}num-format")
        if each.tag != f"{_TEXT}list-level-style-number" or not number_format:
            yield level, _ListLevel()
            continue
        yield (
            level,
            _ListLevel(
                _COUNTS.get(number_format, "decimal"),
                each.get(f"{_STYLE}num-prefix", ""),
                each.get(f"{_STYLE}num-suffix", ""),
                start=_whole(each.get(f"{_TEXT}start-value"), 1),
                shown_levels=_whole(each.get(f"{_TEXT}display-levels"), 1),
            ),
        )


def _rows(table: "Element") -> Iterator[tuple["Element", bool]]:
    """The rows of a table, and whether each is a head. Groups of rows are looked into."""
    stack = [(each, False) for each in reversed(list(table))]
    while stack:
        child, is_head = stack.pop()
        if child.tag == f"{_TABLE}table-row":
            yield child, is_head
        elif child.tag in (
            f"{_TABLE}table-header-rows",
            f"{_TABLE}table-rows",
            f"{_TABLE}table-row-group",
        ):
            if child.get(f"{_TABLE}display") == "false":
                continue
            is_head = is_head or child.tag == f"{_TABLE}table-header-rows"
            stack += [(each, is_head) for each in reversed(list(child))]


def _cells(row: "Element") -> Iterator["Element"]:
    for cell in row:
        if cell.tag in (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
            yield cell


def _hidden_columns(sheet: "Element") -> set[int]:
    hidden: set[int] = set()
    column = 0
    for each in sheet.iter(f"{_TABLE}table-column"):
        repeated = min(_whole(each.get(f"{_TABLE}number-columns-repeated"), 1), _MAX_EMPTY)
        if each.get(f"{_TABLE}visibility", "visible") != "visible":
            hidden.update(range(column, column + repeated))
        column = min(column + repeated, _MAX_EMPTY)
    return hidden


def _whole(text: str | None, otherwise: int) -> int:
    is_number = text is not None and text.isascii() and text.isdecimal() and len(text) < 9
    return int(text or "0") if is_number else otherwise
