"""Word documents (docx), read from their XML, because libraries leave out headers, moved text,
field results and the numbers that Word counts itself.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.chart import chart_table
from corpus.formats.clean import one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import EMPTY, LINE, Fragment, TableCell
from corpus.formats.numbering import BULLET, Numbering, W
from corpus.formats.package import (
    core_properties,
    member_xml,
    open_package,
    relations,
    required_xml,
    translated,
)
from corpus.formats.superscript import superscript

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

REVISION = 3
"""Raised when other text is extracted from Word documents, so that synced files are read again."""

_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_WP = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}"
_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}chart"
_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_LEFT_OUT = frozenset(
    f"{W}{name}"
    for name in "del moveFrom delText instrText delInstrText rPr pPr sectPr tblPr tblGrid "
    "sdtPr sdtEndPr rt proofErr annotationRef".split()
) | {f"{_MC}Fallback"}
_CHANGING = frozenset(("PAGE", "NUMPAGES", "SECTIONPAGES", "DATE", "TIME", "FILENAME"))
"""Fields whose results differ from page to page or from day to day."""

_SUPERSCRIPT_CONTEXT = 20
_MAX_DEPTH = 60
_MAX_HEADING_LEVEL = 6
_BODY_TEXT_LEVEL = 9
_TITLES = {"title": 1, "subtitle": 2}


def read_docx(source: str, data: bytes) -> Extracted:
    """The text of a Word document: headers, body, notes and footers.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "docx") as package:
        root = required_xml(source, package, "word/document.xml", "docx")
        properties = core_properties(package)
        written = translated(source, lambda: _Document(package).written(root))
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=properties.title,
        published=properties.published,
    )


@dataclass(frozen=True, slots=True)
class _Style:
    """What a style says, and what it is based on.

    :param heading: its level as a heading, from 1; None if it does not say
    :param numbering: the list and the level of its paragraphs
    :param is_left_out: whether its text is hidden or struck through; None if it does not say
    """

    based_on: str | None = None
    heading: int | None = None
    numbering: tuple[str | None, int | None] = (None, None)
    is_left_out: bool | None = None


@dataclass(slots=True)
class _Text:
    """The text of a paragraph under construction."""

    text: str = ""
    boxes: list[Fragment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    """The instructions of the fields that are open, outermost first. One that has reached its
    result ends with a line break.
    """


class _Document:
    """Reads the parts of one package."""

    def __init__(self, package: zipfile.ZipFile) -> None:
        self._package = package
        self._numbering = Numbering.of(member_xml(package, "word/numbering.xml"))
        self._styles, self._default_style = _styles(member_xml(package, "word/styles.xml"))
        self._relations = relations(package, "word/document.xml")
        self._notes = {
            kind: _notes(member_xml(package, f"word/{kind}s.xml"), kind)
            for kind in ("footnote", "endnote")
        }
        self._cited: list[tuple[str, str]] = []

    def written(self, root: "Element") -> Fragment:
        """The whole document."""
        body = root.find(f"{W}body")
        if body is None:
            return EMPTY
        heads = self._running(body, "header", BlockKind.PAGE_HEAD)
        feet = self._running(body, "footer", BlockKind.PAGE_FOOT)
        blocks = self._blocks(body, 0)
        notes = [note for kind, number in self._cited for note in self._note(kind, number)]
        return fragment.joined([*heads, *_spaced(blocks), *notes, *feet])

    def _running(self, body: "Element", name: str, kind: BlockKind) -> list[Fragment]:
        """The headers or footers of all sections, each text once."""
        written: dict[str, Fragment] = {}
        for reference in body.iter(f"{W}{name}Reference"):
            path = self._relations.get(reference.get(f"{_R}id", ""), "")
            part = member_xml(self._package, path)
            if part is None:
                continue
            for line in self._blocks(part, 0):
                head = fragment.block(kind, line.text)
                written.setdefault(head.text, head)
        return list(written.values())

    def _note(self, kind: str, number: str) -> list[Fragment]:
        note = self._notes[kind].get(number)
        if note is None:
            return []
        text = " ".join(one_line(each.text) for each in self._blocks(note, 0))
        return [fragment.block(BlockKind.FOOTNOTE, text)]

    def _blocks(self, element: "Element", depth: int) -> list[Fragment]:
        """The fragments of the paragraphs and tables in an element."""
        written: list[Fragment] = []
        for child in element:
            if child.tag in _LEFT_OUT:
                continue
            if child.tag == f"{W}p":
                written += self._paragraph(child, depth)
            elif depth >= _MAX_DEPTH:
                written.append(fragment.paragraph(one_line(_all_text(child))))
            elif child.tag == f"{W}tbl":
                written += self._table(child, depth + 1)
            else:
                written += self._blocks(child, depth + 1)
        return [each for each in written if each]

    def _paragraph(self, element: "Element", depth: int) -> list[Fragment]:
        properties = element.find(f"{W}pPr")
        style = _value(properties, "pStyle") or self._default_style
        if self._is_left_out(_child(properties, "rPr"), style) and not _all_text(element).strip():
            return []
        content = _Text()
        self._runs(element, style, content, depth)
        self._cited += [tuple(note.split(" ", 1)) for note in content.notes]  # type: ignore[misc]
        return [self._marked(properties, style, content.text), *content.boxes]

    def _marked(self, properties: "Element | None", style: str | None, text: str) -> Fragment:
        """A paragraph as what its style and its numbering make it."""
        text = "\n".join(one_line(line) for line in text.split("\n")).strip()
        if not text:
            return EMPTY
        mark, level = self._mark(properties, style)
        heading = self._heading_level(properties, style)
        if heading is not None:
            is_counted = mark not in (None, BULLET)
            return fragment.heading(f"{mark} {text}" if is_counted else text, heading)
        if mark is None:
            return fragment.paragraph(text)
        item = fragment.block(BlockKind.LIST_ITEM, text, level + 1)
        indent = "  " * level
        return fragment.marked(f"{indent}{mark} ", fragment.indented(item, indent + "  "))

    def _mark(self, properties: "Element | None", style: str | None) -> tuple[str | None, int]:
        own = _child(properties, "numPr")
        list_id, level = _value(own, "numId"), _value(own, "ilvl")
        for each in self._chain(style):
            list_id = list_id if list_id is not None else each.numbering[0]
            if level is None and each.numbering[1] is not None:
                level = str(each.numbering[1])
        depth = int(level) if level and level.isdecimal() and len(level) == 1 else 0
        if list_id in (None, "0"):
            return None, depth
        return self._numbering.mark(list_id or "", depth), depth

    def _heading_level(self, properties: "Element | None", style: str | None) -> int | None:
        own = _value(properties, "outlineLvl")
        if own is not None and own.isdecimal():
            level: int | None = int(own) + 1
        else:
            levels = (each.heading for each in self._chain(style))
            level = next((level for level in levels if level is not None), None)
        if level is None or level > _BODY_TEXT_LEVEL:
            return None
        return min(level, _MAX_HEADING_LEVEL)

    def _chain(self, style: str | None) -> Iterator[_Style]:
        """A style and those that it is based on."""
        seen: set[str] = set()
        while style is not None and style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            style = self._styles[style].based_on

    def _runs(self, element: "Element", style: str | None, content: _Text, depth: int) -> None:
        for child in element:
            if child.tag in _LEFT_OUT:
                if child.tag == f"{W}instrText" and content.fields:
                    content.fields[-1] += child.text or ""
                continue
            name = child.tag.rpartition("}")[2]
            if child.tag == f"{W}r":
                self._run(child, style, content, depth)
            elif child.tag == f"{W}fldSimple":
                if (child.get(f"{W}instr") or "").split()[:1] not in [[name] for name in _CHANGING]:
                    self._runs(child, style, content, depth + 1)
            elif name == "t" and child.tag.startswith(_MATH):
                content.text += child.text or ""
            elif depth < _MAX_DEPTH:
                self._runs(child, style, content, depth + 1)

    def _run(self, run: "Element", style: str | None, content: _Text, depth: int) -> None:
        properties = run.find(f"{W}rPr")
        if self._is_left_out(properties, _value(properties, "rStyle"), style):
            return
        before = content.text
        for child in run:
            if child.tag == f"{W}fldChar":
                _follow_field(child.get(f"{W}fldCharType"), content)
            elif child.tag == f"{W}instrText":
                if content.fields:
                    content.fields[-1] += child.text or ""
            elif child.tag not in _LEFT_OUT and not _is_in_left_out_field(content):
                self._run_part(child, content, depth)
        if _value(properties, "vertAlign") == "superscript":
            raised = content.text[len(before) :]
            content.text = before + superscript(before[-_SUPERSCRIPT_CONTEXT:], raised)

    def _run_part(self, part: "Element", content: _Text, depth: int) -> None:
        name = part.tag.rpartition("}")[2]
        if name == "t":
            content.text += part.text or ""
        elif name in ("tab", "ptab"):
            content.text += " "
        elif name in ("br", "cr"):
            content.text += "\n" if part.get(f"{W}type") in (None, "textWrapping") else " "
        elif name == "noBreakHyphen":
            content.text += "-"
        elif name in ("footnoteReference", "endnoteReference"):
            kind = name.removesuffix("Reference")
            content.notes.append(f"{kind} {part.get(f'{W}id', '')}")
        elif name == "ruby":
            content.text += _all_text(part.find(f"{W}rubyBase"))
        elif name in ("drawing", "pict", "object", "AlternateContent"):
            self._drawing(part, content, depth + 1)

    def _drawing(self, drawing: "Element", content: _Text, depth: int) -> None:
        """The text of boxes, the description of pictures, and the values of charts."""
        if depth >= _MAX_DEPTH:
            return
        for part in _without_fallback(drawing):
            if part.tag == f"{W}txbxContent":
                content.boxes += self._blocks(part, depth + 1)
            elif part.tag == f"{_WP}docPr" and part.get("descr"):
                content.boxes.append(fragment.paragraph(part.get("descr", "")))
            elif part.tag == _CHART:
                path = self._relations.get(part.get(f"{_R}id", ""), "")
                content.boxes.append(chart_table(member_xml(self._package, path)))

    def _is_left_out(self, properties: "Element | None", *styles: str | None) -> bool:
        """Whether text is hidden or struck through. The nearest that says so decides."""
        own = _is_left_out(properties)
        if own is not None:
            return own
        stated = (each.is_left_out for style in styles for each in self._chain(style))
        return next((value for value in stated if value is not None), False)

    def _table(self, element: "Element", depth: int) -> list[Fragment]:
        """A table, or the blocks in it if it has a single column, which is layout."""
        rows = [row for row in _descend(element, "tr") if not _has(row.find(f"{W}trPr"), "del")]
        cells = [list(_descend(row, "tc")) for row in rows]
        if max(map(len, cells), default=0) <= 1:
            return [each for row in cells for cell in row for each in self._blocks(cell, depth)]
        above: dict[int, TableCell] = {}
        written = []
        look = element.find(f"{W}tblPr/{W}tblLook")
        is_first_head = look is not None and (
            look.get(f"{W}firstRow") in ("1", "true") or _bits(look.get(f"{W}val")) & 0x20 != 0
        )
        for number, (row, of_row) in enumerate(zip(rows, cells, strict=True)):
            is_head = _has(row.find(f"{W}trPr"), "tblHeader") or (number == 0 and is_first_head)
            line = []
            column = 0
            for cell in of_row:
                filled = self._cell(cell, above.get(column), is_head=is_head, depth=depth)
                above[column] = filled
                column += filled.columns
                line.append(filled)
            # A head that is merged over several rows makes heads of all of them.
            if any(cell.is_head for cell in line):
                line = [replace(cell, is_head=True) for cell in line]
            written.append(line)
        return [fragment.table(written)]

    def _cell(
        self, cell: "Element", above: TableCell | None, *, is_head: bool, depth: int
    ) -> TableCell:
        properties = cell.find(f"{W}tcPr")
        merged = _child(properties, "vMerge")
        columns = _value(properties, "gridSpan") or "1"
        width = min(int(columns), 63) if columns.isdecimal() and len(columns) < 4 else 1
        if merged is not None and merged.get(f"{W}val") != "restart" and above is not None:
            return TableCell(above.text, width, is_head or above.is_head)
        texts = [fragment.flat(each) for each in self._blocks(cell, depth)]
        return TableCell("; ".join(filter(None, texts)), max(1, width), is_head)


def _spaced(blocks: list[Fragment]) -> Iterator[Fragment]:
    """The blocks, with the items of each list joined by single line breaks."""
    items: list[Fragment] = []
    for each in blocks:
        if each.blocks[0].kind is BlockKind.LIST_ITEM:
            items.append(each)
            continue
        if items:
            yield fragment.joined(items, LINE)
            items = []
        yield each
    if items:
        yield fragment.joined(items, LINE)


def _follow_field(kind: str | None, content: _Text) -> None:
    """A field begins with an instruction, and its result follows a separator."""
    if kind == "begin":
        content.fields.append("")
    elif kind == "separate" and content.fields:
        content.fields[-1] += "\n"
    elif kind == "end" and content.fields:
        content.fields.pop()


def _is_in_left_out_field(content: _Text) -> bool:
    """Whether text belongs to the instruction of a field, or to a result that changes."""
    for instruction in content.fields:
        words = instruction.split()
        if not instruction.endswith("\n") or (words and words[0] in _CHANGING):
            return True
    return False


def _styles(root: "Element | None") -> tuple[dict[str, _Style], str | None]:
    """The styles by their ids, and the id of the default style of paragraphs."""
    styles: dict[str, _Style] = {}
    default = None
    for style in () if root is None else root.iter(f"{W}style"):
        name = style.get(f"{W}styleId", "")
        if style.get(f"{W}type") == "paragraph" and style.get(f"{W}default") in ("1", "true"):
            default = name
        paragraph = style.find(f"{W}pPr")
        numbering = _child(paragraph, "numPr")
        level = _value(numbering, "ilvl")
        styles[name] = _Style(
            based_on=_value(style, "basedOn"),
            heading=_style_level(style, _value(paragraph, "outlineLvl")),
            numbering=(
                _value(numbering, "numId"),
                int(level) if level and level.isdecimal() and len(level) == 1 else None,
            ),
            is_left_out=_is_left_out(style.find(f"{W}rPr")),
        )
    return styles, default


def _style_level(style: "Element", outline: str | None) -> int | None:
    name = (_value(style, "name") or "").lower()
    if name in _TITLES:
        return _TITLES[name]
    if outline is not None and outline.isdecimal():
        return int(outline) + 1
    words = name.split()
    if len(words) == 2 and words[0] == "heading" and words[1] in tuple("123456789"):
        return int(words[1])
    return None


def _notes(root: "Element | None", kind: str) -> dict[str, "Element"]:
    """The notes by their ids, without the lines that separate them from the text."""
    notes = () if root is None else root.iter(f"{W}{kind}")
    return {
        note.get(f"{W}id", ""): note for note in notes if note.get(f"{W}type") in (None, "normal")
    }


def _is_left_out(properties: "Element | None") -> bool | None:
    stated = [
        _is_on(mark)
        for name in ("vanish", "webHidden", "strike", "dstrike")
        for mark in [_child(properties, name)]
        if mark is not None
    ]
    return any(stated) if stated else None


def _is_on(mark: "Element") -> bool:
    return mark.get(f"{W}val", "1") not in ("0", "false", "off", "none")


def _child(element: "Element | None", name: str) -> "Element | None":
    return None if element is None else element.find(f"{W}{name}")


def _value(element: "Element | None", name: str) -> str | None:
    child = _child(element, name)
    return None if child is None else child.get(f"{W}val")


def _has(element: "Element | None", name: str) -> bool:
    mark = _child(element, name)
    return mark is not None and _is_on(mark)


def _bits(text: str | None) -> int:
    try:
        return int(text or "0", 16)
    except ValueError:
        return 0


def _descend(element: "Element", name: str) -> Iterator["Element"]:
    """The nearest elements of a name, through content controls and custom markup, but not through
    other tables.
    """
    stack = list(reversed(list(element)))
    while stack:
        child = stack.pop()
        if child.tag == f"{W}{name}":
            yield child
        elif child.tag not in _LEFT_OUT and child.tag not in (f"{W}tbl", f"{W}tc", f"{W}p"):
            stack.extend(reversed(list(child)))


def _without_fallback(element: "Element") -> Iterator["Element"]:
    """The outermost boxes, pictures and charts of a drawing, each once."""
    stack = list(reversed(list(element)))
    while stack:
        child = stack.pop()
        if child.tag == f"{_MC}Fallback":
            continue
        yield child
        if child.tag != f"{W}txbxContent":
            stack.extend(reversed(list(child)))


def _all_text(element: "Element | None") -> str:
    parts = () if element is None else element.iter()
    return "".join(part.text or " " for part in parts if part.tag in (f"{W}t", f"{W}tab"))
