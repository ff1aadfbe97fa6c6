"""Office files and books: docx and pptx are read with markitdown, xlsx with openpyxl, and epub as
zipped HTML.

A quote must be what the file shows. markitdown reads workbooks with pandas, which writes 31 as
``31.0``, 28 % as ``0.28`` and an empty cell as ``NaN``, and it puts the metadata of a book into the
text. So these two formats do not use it. Its converters are called directly, because the
``MarkItDown`` class loads a model that guesses formats.
"""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any, TypeVar

from corpus.document import Page
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.html import decode_html, page_prose
from corpus.formats.markdown import markdown_prose
from corpus.formats.markup import first_heading
from corpus.formats.package import (
    PackageProperties,
    book_of,
    book_properties,
    core_properties,
    open_package,
    wrong_format,
)
from corpus.formats.paged import join_pages

REVISIONS = {".docx": 1, ".pptx": 1, ".xlsx": 1, ".epub": 1}
"""By suffix. Raised when other text is extracted, so that synced files are read again."""

# Escape everything that looks like Markdown, and keep superscripts apart from the word before them.
_MARKDOWNIFY = {"escape_misc": True, "sup_symbol": "<sup>", "sub_symbol": "<sub>"}
# The member that every file of a format has.
_MEMBERS = {
    "docx": "word/document.xml",
    "pptx": "ppt/presentation.xml",
    "xlsx": "xl/workbook.xml",
}
_DOCX_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"
# A run of white space is tried only from its first character.
_FOOTNOTE_RETURN = re.compile(r"(?<!\s)\s*+\[↑\]\(#(?:foot|end)note-ref-\d++\)")
# A line like this with a longer number is text of the slide.
_SLIDE = re.compile(r"^<!-- Slide number: (\d{1,9}) -->$", re.MULTILINE)
_SLIDE_IMAGE_START = "!["
_SLIDE_IMAGE_END = re.compile(r"\]\((\w*+)\.jpg\)")
_NOT_A_NAME = re.compile(r"\W")
_T = TypeVar("_T")
_DAMAGED = "is damaged: its contents cannot be read"


def read_docx(source: str, data: bytes) -> Extracted:
    """The text of a Word document.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "docx") as package:
        _require_member(source, package, "docx")
        properties = core_properties(package)
    markdown = _FOOTNOTE_RETURN.sub("", _markdown(source, data, "docx"))
    return _extracted(markdown_prose(markdown), properties)


def read_pptx(source: str, data: bytes) -> Extracted:
    """The text of a presentation, with its slides as pages.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "pptx") as package:
        _require_member(source, package, "pptx")
        properties = core_properties(package)
    text, pages = join_pages(_slides(_markdown(source, data, "pptx")))
    return _extracted(text, properties, pages)


def read_xlsx(source: str, data: bytes) -> Extracted:
    """The visible cells of a workbook: a heading for each sheet, and a line for each row.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "xlsx") as package:
        _require_member(source, package, "xlsx")
        properties = core_properties(package)
    sheets = _translated(source, lambda: list(_sheets(data)))
    return _extracted(clean_text("\n\n".join(sheets)), properties)


def read_epub(source: str, data: bytes) -> Extracted:
    """The chapters of a book in reading order.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "epub") as package:
        opf, names = _translated(source, lambda: book_of(source, package))
        properties = book_properties(opf)
        present = set(package.namelist())
        chapters = [_chapter(source, package, name) for name in names if name in present]
    return _extracted("\n\n".join(filter(None, chapters)), properties)


def _require_member(source: str, package: zipfile.ZipFile, suffix: str) -> None:
    if _MEMBERS[suffix] not in package.namelist():
        raise wrong_format(source, suffix)


def _extracted(text: str, properties: PackageProperties, pages: tuple[Page, ...] = ()) -> Extracted:
    title = properties.title or first_heading(text)
    return Extracted(text=text, title=title, published=properties.published, pages=pages)


def _translated(source: str, read: Callable[[], _T]) -> _T:
    """The result of ``read``, with the errors of libraries turned into a ``DocumentError``.

    On a damaged package, a library may raise anything. So every exception means damage, except
    running out of memory and an interrupt, which are about this process.
    """
    try:
        return read()
    except (DocumentError, MemoryError):
        raise
    except Exception as exc:
        raise DocumentError(source, _DAMAGED) from exc


def _markdown(source: str, data: bytes, suffix: str) -> str:
    def convert() -> str:
        from markitdown import StreamInfo
        from markitdown.converters import DocxConverter, PptxConverter

        # Any: the converters have no types.
        make: Any = DocxConverter if suffix == "docx" else PptxConverter
        info = StreamInfo(extension=f".{suffix}")
        converted = make().convert(io.BytesIO(data), info, style_map=_DOCX_STYLES, **_MARKDOWNIFY)
        return str(converted.markdown)

    return _translated(source, convert)


def _slides(markdown: str) -> Iterator[tuple[int, str]]:
    _, *parts = _SLIDE.split(markdown)
    for number, slide in zip(parts[::2], parts[1::2], strict=True):
        yield int(number), clean_text(_slide_text(slide))


def _slide_text(slide: str) -> str:
    """The lines of a slide as blocks. Only tables are Markdown; all other lines are plain text."""
    blocks: list[str] = []
    rows: list[str] = []
    for line in [*slide.split("\n"), ""]:
        if line.startswith("| ") and line.endswith(" |"):
            rows.append(line)
            continue
        if rows:
            blocks.append(markdown_prose("\n".join(rows)))
            rows = []
        blocks.append(_without_image(line))
    return "\n\n".join(block for block in blocks if block.strip())


def _without_image(line: str) -> str:
    """The line with an image in it replaced by the description of the image, unless that is only
    the name that PowerPoint gave it, such as ``Picture 3``.
    """
    start = line.find(_SLIDE_IMAGE_START)
    ends = list(_SLIDE_IMAGE_END.finditer(line, start + 2)) if start >= 0 else []
    if not ends:
        return line
    text = line[start + 2 : ends[-1].start()]
    described = "" if _NOT_A_NAME.sub("", text) == ends[-1][1] else text
    return line[:start] + described + line[ends[-1].end() :]


def _chapter(source: str, package: zipfile.ZipFile, name: str) -> str:
    return page_prose(decode_html(source, _translated(source, lambda: package.read(name))))


def _sheets(data: bytes) -> Iterator[str]:
    from openpyxl import load_workbook

    workbook = load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    try:
        for sheet in workbook.worksheets:
            rows = [row for row in map(_row, sheet.iter_rows()) if row]
            if rows and sheet.sheet_state == "visible":
                yield f"## {one_line(sheet.title)}\n\n" + "\n".join(rows)
    finally:
        workbook.close()


def _row(cells: Any) -> str:  # Any: openpyxl ships no types
    texts = [_cell_text(cell.value, str(cell.number_format or "")) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts)


def _cell_text(value: object, number_format: str) -> str:
    """A cell as a spreadsheet program shows it, as closely as possible without one. No digit is
    added or lost.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        return _number_text(value, number_format)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return one_line(str(value))


def _number_text(value: float, number_format: str) -> str:
    if "%" in number_format:
        return f"{_plain(round(value * 100, 10))}%"
    return _plain(value)


def _plain(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
