"""Reads PDFs: opens them with PDFium, and puts the text of their pages together.

PDFium is not thread-safe, so one lock is held around all calls.
"""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from corpus.dates import stated_day
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import Fragment
from corpus.formats.paged import join_pages
from corpus.formats.pdf.layout import Row, regions, rows_of
from corpus.formats.pdf.paragraphs import Typesetter
from corpus.formats.pdf.running import RunningLines
from corpus.formats.pdf.scanned import scanned_pages
from corpus.formats.pdf.struck import without_struck
from corpus.formats.pdf.typed import typed_words
from corpus.formats.pdf.words import Word, page_words

REVISION = 4
"""Raised when other text is extracted from PDF, so that synced files are read again."""

PDFIUM = threading.Lock()
"""Held around all calls of PDFium."""

_MAGIC_WITHIN = 1_024
_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
_PLACEHOLDER_TITLES = frozenset({"untitled", "(anonymous)", "anonymous"})
_PRINTER_PREFIX = re.compile(r"\AMicrosoft (?:Word|PowerPoint|Excel) - ")
_MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class _Printed:
    """What PDFium finds in a file: the words of each page, and its metadata.

    :param struck: the numbers of the pages with text that is struck through
    :param scanned: what was recognised on pages without words, by their numbers
    """

    pages: list[list[Word]]
    struck: list[int]
    stated: dict[str, str]
    scanned: dict[int, Fragment]

    @property
    def without_words(self) -> list[int]:
        """The numbers of the pages without words."""
        struck = set(self.struck)
        return [
            number
            for number, words in enumerate(self.pages, 1)
            if not words and number not in struck
        ]


def read_pdf(source: str, data: bytes) -> Extracted:
    """The text of a PDF with the offsets of its pages. A note names the pages without text.

    :raises DocumentError: it is encrypted, damaged, not a PDF, or has no text
    """
    with PDFIUM:
        printed = _read(source, data)
    written, pages = join_pages(
        (number, printed.scanned.get(number, page))
        for number, page in enumerate(_pages(printed.pages), 1)
    )
    if not written and printed.struck:
        raise DocumentError(source, "has no text but what is struck through")
    if not written:
        raise DocumentError(
            source, "has no text; install tesseract to read scanned pages, if it is not installed"
        )
    notes = []
    if printed.scanned:
        which = _pages_have(list(printed.scanned))
        notes.append(f"{which} no text but a scan; what was recognised in it may have errors.")
    empty = [number for number in printed.without_words if number not in printed.scanned]
    if empty:
        notes.append(_empty_pages(empty, len(printed.pages)))
    if printed.struck:
        pages_with = _pages_have(printed.struck)
        notes.append(f"{pages_with} text that is struck through, which is left out.")
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=_title(printed.stated),
        published=stated_day(printed.stated.get("CreationDate")),
        pages=pages,
        notes=tuple(notes),
    )


def _read(source: str, data: bytes) -> _Printed:
    import pypdfium2 as pdfium

    document = opened(source, data)
    try:
        form = document.formenv if document.get_formtype() else None
        pages: list[list[Word]] = []
        struck: list[int] = []
        for number in range(len(document)):
            page = document[number]
            words, has_struck = words_of(page, form)
            pages.append(words)
            if has_struck:
                struck.append(number + 1)
            page.close()
        printed = _Printed(pages, struck, document.get_metadata_dict(), {})
        scanned = scanned_pages(source, document, printed.without_words, len(data))
        return replace(printed, scanned=scanned)
    except (pdfium.PdfiumError, OSError, ValueError) as exc:
        raise DocumentError(source, "is damaged: one of its pages cannot be read") from exc
    finally:
        document.close()


def opened(source: str, data: bytes) -> Any:  # Any: pypdfium2 ships no types
    """The document, which the caller closes. The caller holds ``PDFIUM``.

    :raises DocumentError: it is encrypted, damaged, or not a PDF
    """
    import pypdfium2 as pdfium

    if b"%PDF-" not in data[:_MAGIC_WITHIN]:
        raise DocumentError(source, "is not a PDF, or is damaged")
    try:
        document = pdfium.PdfDocument(data)
    except pdfium.PdfiumError as exc:
        locked = getattr(exc, "err_code", None) in (_PASSWORD_ERROR, _SECURITY_ERROR)
        raise DocumentError(
            source, "is encrypted" if locked else "is not a PDF, or is damaged"
        ) from exc
    if document.get_formtype():
        document.init_forms()
    return document


def words_of(page: Any, form: Any) -> tuple[list[Word], bool]:  # Any: pypdfium2 ships no types
    """The words on a page, and those that were typed in, in the order of the file; and whether
    other words are struck through.
    """
    text_page = page.get_textpage()
    try:
        words, has_struck = without_struck(page, page_words(text_page))
        return [*words, *typed_words(page, form)], has_struck
    finally:
        text_page.close()


def _pages(pages: list[list[Word]]) -> Iterator[Fragment]:
    """The text of each page."""
    rows = [upright_rows(words) for words in pages]
    running = RunningLines.of([upright for upright, _ in rows])
    typesetter = Typesetter(row for both in rows for each in both for row in each)
    for number, (upright, turned) in enumerate(rows, 1):
        heads, body, feet = running.taken_from(upright, number)
        inside = [*typesetter.page(regions(body)), *typesetter.page(regions(turned))]
        yield fragment.joined([*heads, *inside, *feet])


def upright_rows(words: list[Word]) -> tuple[list[Row], list[Row]]:
    """The rows of the words that stand as most do on the page, and the rows of the others."""
    turns = Counter(word.turns for word in words).most_common()
    upright = turns[0][0] if turns else 0
    others = [rows_of([word for word in words if word.turns == turn]) for turn, _ in turns[1:]]
    return (
        rows_of([word for word in words if word.turns == upright]),
        [row for rows in others for row in rows],
    )


def _pages_have(numbers: list[int]) -> str:
    """``Page 3 has`` or ``Pages 3, 4 have``, with a few of many numbers."""
    listed = ", ".join(map(str, numbers[:_MAX_LISTED]))
    more = f" and {len(numbers) - _MAX_LISTED} more" if len(numbers) > _MAX_LISTED else ""
    return f"Page {listed} has" if len(numbers) == 1 else f"Pages {listed}{more} have"


def _empty_pages(numbers: list[int], pages: int) -> str:
    which = _pages_have(numbers)
    return f"{which} no text (of {pages} pages); tesseract, if installed, reads scanned pages."


def _title(stated: dict[str, str]) -> str | None:
    title = _PRINTER_PREFIX.sub("", one_line(clean_text(stated.get("Title") or "")))
    return None if title.lower() in _PLACEHOLDER_TITLES else title or None
