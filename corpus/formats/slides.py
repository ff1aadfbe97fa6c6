"""Presentations (pptx), read slide by slide from their XML, so that one odd shape or one damaged
slide costs no other.
"""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.chart import chart_table
from corpus.formats.clean import one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import LINE, Fragment, TableCell
from corpus.formats.package import (
    core_properties,
    member_xml,
    open_package,
    relations,
    required_xml,
    translated,
)
from corpus.formats.paged import join_pages
from corpus.formats.superscript import superscript

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

REVISION = 2
"""Raised when other text is extracted from presentations, so that synced files are read again."""

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_C = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_TITLES = ("title", "ctrTitle")
_LEFT_OUT = ("sldNum", "dt", "hdr")
_BODIES = (None, "body", "obj", "subTitle")
_SUPERSCRIPT_CONTEXT = 20
_MAX_DEPTH = 40
_TITLE_LEVEL = 1
_NOTES_LEVEL = 3


def read_pptx(source: str, data: bytes) -> Extracted:
    """The text of a presentation, with its slides as pages. Hidden slides are left out.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "pptx") as package:
        root = required_xml(source, package, "ppt/presentation.xml", "pptx")
        properties = core_properties(package)
        notes: list[str] = []
        slides = translated(source, lambda: list(_slides(package, root, notes)))
    written, pages = join_pages(slides)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=properties.title,
        published=properties.published,
        pages=pages,
        notes=tuple(notes),
    )


def _slides(
    package: zipfile.ZipFile, root: "Element", notes: list[str]
) -> Iterator[tuple[int, Fragment]]:
    parts = relations(package, "ppt/presentation.xml")
    feet: set[str] = set()
    for number, reference in enumerate(root.iter(f"{_P}sldId"), 1):
        name = parts.get(reference.get(f"{_R}id", ""), "")
        slide = member_xml(package, name)
        if slide is None:
            notes.append(f"Slide {number} is damaged and cannot be read.")
            continue
        if slide.get("show") in ("0", "false"):
            notes.append(f"Slide {number} is hidden and left out.")
            continue
        yield number, fragment.joined(_Slide(package, name, feet).written(slide))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a shape stands on its slide, in the units of the file. Shapes that inherit their
    position come first.
    """

    top: int = -1
    left: int = -1

    @classmethod
    def of(cls, shape: "Element") -> "_Place":
        offset = shape.find(f".//{_A}off")
        if offset is None:
            return cls()
        return cls(_whole(offset.get("y")), _whole(offset.get("x")))


class _Slide:
    """Reads one slide.

    :param feet: the feet of the slides before it, which are not repeated
    """

    def __init__(self, package: zipfile.ZipFile, name: str, feet: set[str]) -> None:
        self._package = package
        self._relations = relations(package, name)
        self._feet = feet

    def written(self, slide: "Element") -> list[Fragment]:
        """The title, everything else from top to bottom, and the speaker's notes."""
        tree = slide.find(f"{_P}cSld/{_P}spTree")
        blocks = [] if tree is None else self._shapes(tree, 0)
        return [*blocks, *self._notes()]

    def _shapes(self, group: "Element", depth: int) -> list[Fragment]:
        shapes = [shape for shape in _each_shape(group) if not _is_hidden(shape)]
        # Sorting is stable, so shapes of one position keep the order of the file.
        shapes.sort(
            key=lambda shape: (
                _placeholder(shape) not in _TITLES,
                _Place.of(shape).top,
                _Place.of(shape).left,
            )
        )
        return [each for shape in shapes for each in self._shape(shape, depth) if each]

    def _shape(self, shape: "Element", depth: int) -> list[Fragment]:
        kind = shape.tag.removeprefix(_P)
        if kind == "grpSp":
            return self._shapes(shape, depth + 1) if depth < _MAX_DEPTH else []
        if kind == "graphicFrame":
            return self._graphic(shape)
        if kind == "pic":
            return [fragment.paragraph(_description(shape))]
        placeholder = _placeholder(shape)
        body = shape.find(f"{_P}txBody")
        if body is None or placeholder in _LEFT_OUT:
            return []
        if placeholder in _TITLES:
            return [fragment.heading(one_line(" ".join(_lines(body))), _TITLE_LEVEL)]
        if placeholder == "ftr":
            return self._foot(one_line(" ".join(_lines(body))))
        is_list = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph") is not None and placeholder in _BODIES
        return _paragraphs(body, is_list)

    def _foot(self, text: str) -> list[Fragment]:
        if text in self._feet:
            return []
        self._feet.add(text)
        return [fragment.block(BlockKind.PAGE_FOOT, text)]

    def _graphic(self, frame: "Element") -> list[Fragment]:
        table = frame.find(f".//{_A}tbl")
        if table is not None:
            return [_table(table)]
        chart = frame.find(f".//{_C}chart")
        if chart is not None:
            path = self._relations.get(chart.get(f"{_R}id", ""), "")
            return [chart_table(member_xml(self._package, path))]
        diagram = frame.find(f".//{_DIAGRAM}relIds")
        if diagram is not None:
            path = self._relations.get(diagram.get(f"{_R}dm", ""), "")
            data = member_xml(self._package, path)
            bodies = () if data is None else data.iter(f"{_DIAGRAM}t")
            return [each for body in bodies for each in _paragraphs(body, is_list=True)]
        return [fragment.paragraph(_description(frame))]

    def _notes(self) -> list[Fragment]:
        for name in self._relations.values():
            if "/notesSlides/" not in name:
                continue
            notes = member_xml(self._package, name)
            for shape in () if notes is None else notes.iter(f"{_P}sp"):
                body = shape.find(f"{_P}txBody")
                if _placeholder(shape) == "body" and body is not None:
                    written = [each for each in _paragraphs(body, is_list=False) if each]
                    return [fragment.heading("Notes", _NOTES_LEVEL), *written] if written else []
        return []


def _each_shape(group: "Element") -> Iterator["Element"]:
    for child in group:
        if child.tag == f"{_MC}AlternateContent":
            choice = child.find(f"{_MC}Choice")
            fallback = child.find(f"{_MC}Fallback")
            chosen = choice if choice is not None and len(choice) else fallback
            yield from () if chosen is None else _each_shape(chosen)
        elif child.tag in tuple(f"{_P}{name}" for name in ("sp", "grpSp", "graphicFrame", "pic")):
            yield child


def _paragraphs(body: "Element", is_list: bool) -> list[Fragment]:
    """The paragraphs of a text body. Several of them in a placeholder are a list."""
    lines = [
        (text, _level(paragraph), _bullet(paragraph))
        for paragraph in body.iter(f"{_A}p")
        for text in [_text(paragraph)]
        if text
    ]
    written: list[Fragment] = []
    items: list[Fragment] = []
    for text, level, bullet in lines:
        if bullet is True or (bullet is None and is_list and len(lines) > 1):
            item = fragment.block(BlockKind.LIST_ITEM, text, level + 1)
            indent = "  " * level
            items.append(fragment.marked(f"{indent}- ", fragment.indented(item, indent + "  ")))
            continue
        if items:
            written.append(fragment.joined(items, LINE))
            items = []
        written.append(fragment.paragraph(text))
    return [*written, fragment.joined(items, LINE)]


def _table(table: "Element") -> Fragment:
    properties = table.find(f"{_A}tblPr")
    has_head = properties is not None and properties.get("firstRow") in ("1", "true")
    above: dict[int, str] = {}
    rows = []
    for number, row in enumerate(table.iter(f"{_A}tr")):
        cells = []
        for column, cell in enumerate(row.findall(f"{_A}tc")):
            if cell.get("hMerge") in ("1", "true"):
                continue
            text = "; ".join(_lines(cell))
            if cell.get("vMerge") in ("1", "true"):
                text = above.get(column, "")
            above[column] = text
            width = min(max(1, _whole(cell.get("gridSpan") or "1")), 1_000)
            cells.append(TableCell(text, width, number == 0 and has_head))
        rows.append(cells)
    return fragment.table(rows)


def _lines(element: "Element") -> list[str]:
    texts = (one_line(_text(paragraph)) for paragraph in element.iter(f"{_A}p"))
    return [text for text in texts if text]


def _text(paragraph: "Element") -> str:
    """The text of a paragraph without what is struck through."""
    text = ""
    for run in paragraph:
        name = run.tag.removeprefix(_A)
        if name == "br":
            text += "\n"
        elif name in ("r", "fld"):
            properties = run.find(f"{_A}rPr")
            stated = {} if properties is None else properties.attrib
            if stated.get("strike", "noStrike") != "noStrike" or run.get("type") == "slidenum":
                continue
            part = run.findtext(f"{_A}t") or ""
            is_raised = _whole(stated.get("baseline")) > 0
            text += superscript(text[-_SUPERSCRIPT_CONTEXT:], part) if is_raised else part
        elif name not in ("pPr", "endParaRPr"):
            # Formulas and their fallbacks.
            text += "".join(part.text or "" for part in run.iter() if part.tag.endswith("}t"))
    lines = [one_line(line) for line in text.split("\n")]
    return "\n".join(line for line in lines if line)


def _level(paragraph: "Element") -> int:
    properties = paragraph.find(f"{_A}pPr")
    return 0 if properties is None else min(max(0, _whole(properties.get("lvl"))), 8)


def _bullet(paragraph: "Element") -> bool | None:
    """Whether a paragraph has a bullet, None if it does not say."""
    properties = paragraph.find(f"{_A}pPr")
    if properties is None:
        return None
    if properties.find(f"{_A}buNone") is not None:
        return False
    marks = ("buChar", "buAutoNum", "buBlip")
    return True if any(properties.find(f"{_A}{name}") is not None for name in marks) else None


def _placeholder(shape: "Element") -> str | None:
    place = shape.find(f"{_P}nvSpPr/{_P}nvPr/{_P}ph")
    return None if place is None else place.get("type")


def _names(shape: "Element") -> "Element | None":
    return next(shape.iter(f"{_P}cNvPr"), None)


def _is_hidden(shape: "Element") -> bool:
    names = _names(shape)
    return names is not None and names.get("hidden") in ("1", "true")


def _description(shape: "Element") -> str:
    """The description that somebody gave a picture. A file name is none."""
    names = _names(shape)
    text = "" if names is None else one_line(names.get("descr", ""))
    is_file_name = " " not in text and "." in text
    return "" if is_file_name or (names is not None and text == names.get("name")) else text


def _whole(text: str | None) -> int:
    try:
        return int((text or "0")[:12])
    except ValueError:
        return 0
