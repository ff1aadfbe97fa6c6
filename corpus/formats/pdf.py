"""PDF: the text of each page, with its lines joined into paragraphs, and the offsets of the pages.

Only this module imports pypdfium2. PDFium is not thread-safe, so one lock is held around all calls.
"""

import ctypes
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from corpus.dates import stated_day
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.paged import LINE, PARAGRAPH, join_pages

REVISION = 1
"""Raised when other text is extracted from PDF, so that synced files are read again."""

_PDFIUM = threading.Lock()
_MAGIC_WITHIN = 1_024
_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
_PLACEHOLDER_TITLES = frozenset({"untitled", "(anonymous)", "anonymous"})
_PRINTER_PREFIX = re.compile(r"\AMicrosoft (?:Word|PowerPoint|Excel) - ")
# PDFium replaces a hyphen at the end of a line and the line end by one of these characters.
# A word is tried only from its first letter, or from the hyphen if the word before it ends there.
_HYPHENATED = re.compile(
    "(?:(?<![^\\W\\d_])|(?=[\x02\ufffe]))([^\\W\\d_]*+)[\x02\ufffe]\\s*+([^\\W\\d_]*+)"
)
_LINE_END_HYPHEN = "\x02"
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_LIST_MARKER = re.compile(r"(?:[•‣▪■●◦○–—*·-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][”\"’')\]]*\Z")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_DIGITS = re.compile(r"\d+")
_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.3
_RUNNING_LINES = 2
_RUNNING_LENGTH = 300
_SPACE = " "


@dataclass(frozen=True, slots=True)
class PrintedLine:
    """A line on the page. Lengths are in points, and ``y`` is measured from the bottom of the page.

    :param first_word: the width of the first word
    :param last_y: the baseline at its end, which is lower than ``y`` if a hyphenated word continues
        on the next line
    """

    text: str
    left: float
    right: float
    y: float
    last_y: float
    size: float
    first_word: float


def read_pdf(source: str, data: bytes) -> Extracted:
    """The text of a PDF with the offsets of its pages.

    :raises DocumentError: it is encrypted, damaged, not a PDF, or has no text
    """
    with _PDFIUM:
        pages, stated = _read_lines(source, data)
    text, placed = join_pages(_page_texts(pages))
    if not text:
        raise DocumentError(source, "has no text (scanned pages need OCR first)")
    return Extracted(
        text=text,
        title=_title(stated),
        published=stated_day(stated.get("CreationDate")),
        pages=placed,
    )


def _read_lines(source: str, data: bytes) -> tuple[list[list[PrintedLine]], dict[str, str]]:
    import pypdfium2 as pdfium

    document = _open(source, data)
    try:
        pages = [list(_lines(document[number])) for number in range(len(document))]
        return pages, document.get_metadata_dict()
    except (pdfium.PdfiumError, OSError, ValueError) as exc:
        raise DocumentError(source, "is damaged: one of its pages cannot be read") from exc
    finally:
        document.close()


def _open(source: str, data: bytes) -> Any:  # Any: pypdfium2 ships no types
    import pypdfium2 as pdfium

    if b"%PDF-" not in data[:_MAGIC_WITHIN]:
        raise DocumentError(source, "is not a PDF, or is damaged")
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as exc:
        locked = getattr(exc, "err_code", None) in (_PASSWORD_ERROR, _SECURITY_ERROR)
        raise DocumentError(
            source, "is encrypted" if locked else "is not a PDF, or is damaged"
        ) from exc


def _lines(page: Any) -> Iterator[PrintedLine]:  # Any: pypdfium2 ships no types
    """The lines of a page, in the order in which PDFium gives them."""
    page_text = page.get_textpage()
    try:
        characters = _Characters(page_text.raw, page_text.count_chars())
        for start, end in characters.rows():
            yield characters.line(start, end)
    finally:
        page_text.close()
        page.close()


class _Characters:
    """The characters of a page, as PDFium gives them. Positions are queried only when needed."""

    def __init__(self, page_text: Any, count: int) -> None:  # Any: a ctypes pointer
        from pypdfium2 import raw

        self._raw = raw
        self._page_text = page_text
        codes = (raw.FPDFText_GetUnicode(page_text, at) for at in range(count))
        self._text = [chr(code) if code < 0x110000 else "\ufffd" for code in codes]

    def rows(self) -> Iterator[tuple[int, int]]:
        """The start and the end of each line, without surrounding white space."""
        start = 0
        for at, character in enumerate([*self._text, "\n"]):
            if character in "\r\n":
                yield from self._trimmed(start, at)
                start = at + 1

    def line(self, start: int, end: int) -> PrintedLine:
        text = "".join(self._text[start:end])
        word = next((at for at in range(start, end) if self._text[at].isspace()), end)
        left, word_right = self._sides(start)[0], self._sides(word - 1)[1]
        return PrintedLine(
            # Characters above U+FFFF come as two surrogates.
            text=text.encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
            left=left,
            right=self._sides(end - 1)[1],
            y=self._height(start),
            last_y=self._height(end - 1),
            size=self._raw.FPDFText_GetFontSize(self._page_text, start) or 1.0,
            first_word=max(0.0, word_right - left),
        )

    def _trimmed(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        while start < end and self._text[start].isspace():
            start += 1
        while start < end and self._text[end - 1].isspace():
            end -= 1
        if start < end:
            yield start, end

    def _sides(self, at: int) -> tuple[float, float]:
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        self._raw.FPDFText_GetCharBox(self._page_text, at, left, right, bottom, top)
        return left.value, right.value

    def _height(self, at: int) -> float:
        x, y = ctypes.c_double(), ctypes.c_double()
        self._raw.FPDFText_GetCharOrigin(self._page_text, at, x, y)
        return y.value


def _page_texts(pages: list[list[PrintedLine]]) -> Iterator[tuple[int, str]]:
    """The clean text of each page, without its running headers and footers."""
    running = _running_line_keys(pages)
    texts = [
        _paragraphs(_without_running_lines(lines, running, number))
        for number, lines in enumerate(pages, 1)
    ]
    words: Counter[str] = Counter()
    for text in texts:
        words.update(word.lower() for word in _WORD.findall(_HYPHENATED.sub(" ", text)))
    for number, text in enumerate(texts, 1):
        yield number, clean_text(_HYPHENATED.sub(lambda broken: _dehyphenated(broken, words), text))


def _running_line_keys(pages: list[list[PrintedLine]]) -> frozenset[str]:
    """The lines that appear among the first or last two of many pages, apart from page numbers."""
    seen: Counter[str] = Counter()
    for number, lines in enumerate(pages, 1):
        # A set, so that a page counts only once for each key.
        seen.update(set().union(*(_running_keys(line.text, number) for line in _edge(lines))))
    enough = max(_RUNNING_PAGES, len(pages) * _RUNNING_SHARE)
    return frozenset(key for key, count in seen.items() if count >= enough)


def _edge(lines: list[PrintedLine]) -> set[PrintedLine]:
    return {*lines[:_RUNNING_LINES], *lines[-_RUNNING_LINES:]}


def _without_running_lines(
    lines: list[PrintedLine], running: frozenset[str], number: int
) -> list[PrintedLine]:
    edge = _edge(lines)
    return [
        line
        for line in lines
        if line not in edge or running.isdisjoint(_running_keys(line.text, number))
    ]


def _running_keys(line: str, number: int) -> set[str]:
    """The line, and the line with each of its numbers relative to the page number, so that
    ``Page 7 of 9`` gives the same key on every page.
    """
    if len(line) > _RUNNING_LENGTH:
        return {line}
    return {line, *(_with_relative_number(line, found, number) for found in _DIGITS.finditer(line))}


def _with_relative_number(line: str, found: re.Match[str], number: int) -> str:
    return f"{line[: found.start()]}#{int(found.group()[:9]) - number}{line[found.end() :]}"


def _paragraphs(lines: list[PrintedLine]) -> str:
    """The text of a page: lines are joined into paragraphs, which are separated by blank lines."""
    if not lines:
        return ""
    rights = _right_edges(lines)
    leading = _leading(lines, rights)
    text = lines[0].text
    for (above, below), right in zip(pairwise(lines), rights, strict=False):
        text = _joined(text, below.text, _break_between(above, below, leading=leading, right=right))
    return text


def _leading(lines: list[PrintedLine], rights: list[float]) -> float:
    """The usual distance between the lines of a paragraph, measured below full lines if any."""
    steps: list[float] = []
    full_steps: list[float] = []
    for (above, below), right in zip(pairwise(lines), rights, strict=False):
        step = above.last_y - below.y
        if 0 < step < 4 * below.size:
            steps.append(step)
            if not _would_have_fitted(above, below, right):
                full_steps.append(step)
    return median(full_steps or steps or [1.2 * lines[0].size])


def _right_edges(lines: list[PrintedLine]) -> list[float]:
    """The right edge of the column of each line. A column ends where the next line is higher up."""
    columns: list[list[PrintedLine]] = [[lines[0]]]
    for above, below in pairwise(lines):
        if below.y > above.last_y + below.size:
            columns.append([])
        columns[-1].append(below)
    edges: list[float] = []
    for column in columns:
        edges += [max(line.right for line in column)] * len(column)
    return edges


def _break_between(above: PrintedLine, below: PrintedLine, *, leading: float, right: float) -> str:
    runs_on = below.text[0].islower() and not _SENTENCE_END.search(above.text)
    step = above.last_y - below.y
    if step < -below.size:
        # The line below is at the top of the next column.
        return _SPACE if runs_on else PARAGRAPH
    if abs(above.size - below.size) > 0.1 * below.size or step > 1.3 * leading:
        return PARAGRAPH
    if _LIST_MARKER.match(below.text):
        return LINE
    # The first line of a paragraph may be indented.
    if _SENTENCE_END.search(above.text) and below.left - above.left > 0.8 * below.size:
        return PARAGRAPH
    if _would_have_fitted(above, below, right) and not (runs_on and _nearly_full(above, right)):
        return LINE
    return _SPACE


def _would_have_fitted(above: PrintedLine, below: PrintedLine, right: float) -> bool:
    """Whether the line above had room for the next word, so that it was ended on purpose."""
    return right - above.right > below.first_word + 0.5 * below.size


def _nearly_full(line: PrintedLine, right: float) -> bool:
    return line.right > line.left + 0.7 * (right - line.left)


def _joined(text: str, below: str, between: str) -> str:
    if between != _SPACE:
        return text + between + below
    if len(text) > 1 and text[-1] == "-" and text[-2].isalnum() and below[0].isalnum():
        return (
            text[:-1] + _LINE_END_HYPHEN + below
            if text[-2].islower() and below[0].islower()
            else text + below
        )
    if text[-1] == _LINE_END_HYPHEN or (_CJK.match(text[-1]) and _CJK.match(below[0])):
        return text + below
    return text + _SPACE + below


def _dehyphenated(broken: re.Match[str], words: Counter[str]) -> str:
    """A word that was hyphenated at the end of a line. The other words of the document show whether
    the hyphen belongs to it.
    """
    first, second = broken.groups()
    hyphenated, whole = f"{first}-{second}", first + second
    if not first[-1:].islower() or not second[:1].islower():
        return hyphenated
    if words[whole.lower()] or words[hyphenated.lower()]:
        return whole if words[whole.lower()] >= words[hyphenated.lower()] else hyphenated
    # Two words that also occur alone form a compound. A part of a word seldom occurs alone.
    alone = min(words[first.lower()], words[second.lower()])
    return hyphenated if alone and min(len(first), len(second)) > 2 else whole


def _title(stated: dict[str, str]) -> str | None:
    title = _PRINTER_PREFIX.sub("", one_line(clean_text(stated.get("Title") or "")))
    return None if title.lower() in _PLACEHOLDER_TITLES else title or None
