"""Office files and books: docx and pptx through markitdown, xlsx through openpyxl, epub as the
zipped HTML it is.

markitdown's own way with a workbook goes through pandas, which writes 31 as ``31.0``, 28 % as
``0.28`` and an empty cell as ``NaN``; its way with a book puts the metadata into the text. Quotes
must be what the file shows, so these two are read directly. Its converters are called one by one:
the ``MarkItDown`` class would load a model to guess formats."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime, time
from typing import Any, TypeVar

from corpus.errors import DocumentError
from corpus.formats.blocks import first_heading
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.html import decode_html, page_prose
from corpus.formats.markdown import markdown_prose
from corpus.formats.package import book_of, book_properties, core_properties, opened
from corpus.formats.paged import join_pages

# Everything that could pass for a mark is escaped, and raised digits stay apart from the word
# before them.
_MARKDOWNIFY = {"escape_misc": True, "sup_symbol": "<sup>", "sub_symbol": "<sub>"}
_DOCX_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => h2:fresh"
_FOOTNOTE_RETURN = re.compile(r"\s*\[↑\]\(#(?:foot|end)note-ref-\d+\)")
_SLIDE = re.compile(r"^<!-- Slide number: (\d+) -->$", re.MULTILINE)
_SLIDE_IMAGE = re.compile(r"!\[(.*)\]\((\w*)\.jpg\)")
_NOT_A_NAME = re.compile(r"\W")
_T = TypeVar("_T")
_DAMAGED = "is damaged: its contents cannot be read"


def read_docx(source: str, data: bytes) -> Extracted:
    """The text of a Word document.

    :raises DocumentError: it is encrypted, damaged or no docx, or there is no text in it
    """
    with opened(source, data, "docx") as package:
        _check_holds(source, package, "word/document.xml", "docx")
        properties = core_properties(package)
    text = _docx_prose(_markdown(source, data, "docx"))
    _check_text(source, text)
    return Extracted(
        text=text, title=properties.title or first_heading(text), published=properties.published
    )


def read_pptx(source: str, data: bytes) -> Extracted:
    """The text of a presentation, its slides as pages.

    :raises DocumentError: it is encrypted, damaged or no pptx, or there is no text in it
    """
    with opened(source, data, "pptx") as package:
        _check_holds(source, package, "ppt/presentation.xml", "pptx")
        properties = core_properties(package)
    text, pages = join_pages(_slides(_markdown(source, data, "pptx")))
    _check_text(source, text)
    title = properties.title or first_heading(text)
    return Extracted(text=text, title=title, published=properties.published, pages=pages)


def read_xlsx(source: str, data: bytes) -> Extracted:
    """The cells of a workbook as its pages show them: a heading for each sheet, a line for each
    row.

    :raises DocumentError: it is encrypted, damaged or no xlsx, or there is no text in it
    """
    with opened(source, data, "xlsx") as package:
        _check_holds(source, package, "xl/workbook.xml", "xlsx")
        properties = core_properties(package)
    text = clean_text("\n\n".join(_translated(source, lambda: list(_sheets(data)))))
    _check_text(source, text)
    return Extracted(
        text=text, title=properties.title or first_heading(text), published=properties.published
    )


def read_epub(source: str, data: bytes) -> Extracted:
    """The chapters of a book, in reading order.

    :raises DocumentError: it is encrypted, damaged or no epub, or there is no text in it
    """
    with opened(source, data, "epub") as package:
        opf, names = _translated(source, lambda: book_of(source, package))
        properties = book_properties(opf)
        present = set(package.namelist())
        chapters = [_chapter(source, package, name) for name in names if name in present]
    text = "\n\n".join(filter(None, chapters))
    _check_text(source, text)
    return Extracted(
        text=text, title=properties.title or first_heading(text), published=properties.published
    )


def _check_holds(source: str, package: zipfile.ZipFile, member: str, format: str) -> None:
    if member not in package.namelist():
        article = "an" if format == "xlsx" else "a"
        raise DocumentError(source, f"is not {article} {format} file, or is damaged")


def _check_text(source: str, text: str) -> None:
    if not text.strip():
        raise DocumentError(source, "has no text in it")


def _translated(source: str, read: Callable[[], _T]) -> _T:
    """What ``read`` returns. A damaged package makes its library fail in whatever way its author
    did not think of, so everything that is not about this process (memory, an interrupt) is taken
    for damage."""
    try:
        return read()
    except (DocumentError, MemoryError):
        raise
    except Exception as exc:
        raise DocumentError(source, _DAMAGED) from exc


def _markdown(source: str, data: bytes, format: str) -> str:
    def convert() -> str:
        from markitdown import StreamInfo
        from markitdown.converters import DocxConverter, PptxConverter

        make: Any = (
            DocxConverter if format == "docx" else PptxConverter
        )  # Any: its constructors have no types
        info = StreamInfo(extension=f".{format}")
        return str(
            make().convert(io.BytesIO(data), info, style_map=_DOCX_STYLES, **_MARKDOWNIFY).markdown
        )

    return _translated(source, convert)


def _docx_prose(markdown: str) -> str:
    return markdown_prose(_FOOTNOTE_RETURN.sub("", markdown))


def _slides(markdown: str) -> Iterator[tuple[int, str]]:
    _, *parts = _SLIDE.split(markdown)
    for number, slide in zip(parts[::2], parts[1::2], strict=True):
        yield int(number), clean_text(_slide_text(slide))


def _slide_text(slide: str) -> str:
    """A slide's lines, each a block: only its tables are Markdown, its text comes as it was
    typed.
    """
    blocks: list[str] = []
    rows: list[str] = []
    for line in [*slide.split("\n"), ""]:
        if line.startswith("| ") and line.endswith(" |"):
            rows.append(line)
            continue
        if rows:
            blocks.append(markdown_prose("\n".join(rows)))
            rows = []
        blocks.append(_SLIDE_IMAGE.sub(_image_text, line))
    return "\n\n".join(block for block in blocks if block.strip())


def _image_text(image: re.Match[str]) -> str:
    """An image's description; the name that PowerPoint gave it (``Picture 3``) describes
    nothing.
    """
    text, file_name = image.groups()
    return "" if _NOT_A_NAME.sub("", text) == file_name else text


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
    """A cell as it is shown, as far as that can be told without a spreadsheet: digits are never
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
