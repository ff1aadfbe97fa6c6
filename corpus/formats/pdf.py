"""PDF: the text of each page, its lines made paragraphs again, with a map of the pages.

The one module that imports pypdfium2. PDFium is not thread-safe: one lock is held wherever it is
called."""

import ctypes
import re
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from corpus.errors import DocumentError
from corpus.formats.clean import clean_text, one_line
from corpus.formats.dates import stated_day
from corpus.formats.extracted import Extracted
from corpus.formats.paged import join_pages

_PDFIUM = threading.Lock()
_MAGIC_WITHIN = 1_024
_PASSWORD_ERROR = 4
_SECURITY_ERROR = 5
_NO_TITLES = frozenset({"untitled", "(anonymous)", "anonymous"})
_TITLE_OF_PRINTER = re.compile(r"\AMicrosoft (?:Word|PowerPoint|Excel) - ")
# PDFium writes one of these for a hyphen at the end of a line, and takes the line end away.
_BROKEN = re.compile("([^\\W\\d_]*)[\x02\ufffe]\\s*([^\\W\\d_]*)")
_BREAK = "\x02"
_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_ITEM = re.compile(r"(?:[•‣▪■●◦○–—*·-]|\(?\d{1,3}[.)]|\(?[a-z][.)])\s")
_SENTENCE_END = re.compile(r"[.!?:;…。！？][”\"’')\]]*\Z")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_DIGITS = re.compile(r"\d+")
_RUNNING_PAGES = 3
_RUNNING_SHARE = 0.3
_RUNNING_LINES = 2
_PARAGRAPH, _LINE, _SPACE = "\n\n", "\n", " "


@dataclass(frozen=True, slots=True)
class Line:
    """One printed line. Lengths are in points, ``y`` upwards from the foot of the page.

    :param first_word: how wide the first word is
    :param last_y: where its end stands, lower than ``y`` where a broken word goes on in the next
        printed line"""

    text: str
    left: float
    right: float
    y: float
    last_y: float
    size: float
    first_word: float


def read_pdf(source: str, data: bytes) -> Extracted:
    """The text of a PDF with its page map.

    :raises DocumentError: it is encrypted, damaged or no PDF, or there is no text in it
    """
    with _PDFIUM:
        pages, stated = _read(source, data)
    text, placed = join_pages(_page_texts(pages))
    if not text:
        raise DocumentError(source, "has no text (scanned pages need OCR first)")
    return Extracted(
        text=text,
        title=_title(stated),
        published=stated_day(stated.get("CreationDate")),
        pages=placed,
    )


def _read(source: str, data: bytes) -> tuple[list[list[Line]], dict[str, str]]:
    import pypdfium2 as pdfium

    document = _opened(source, data)
    try:
        pages = [list(_lines(document[number])) for number in range(len(document))]
        return pages, document.get_metadata_dict()
    except (pdfium.PdfiumError, OSError, ValueError) as exc:
        raise DocumentError(source, "is damaged: a page of it cannot be read") from exc
    finally:
        document.close()


def _opened(source: str, data: bytes) -> Any:  # Any: pypdfium2 ships no types
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


def _lines(page: Any) -> Iterator[Line]:  # Any: pypdfium2 ships no types
    """The lines of a page, in PDFium's order."""
    page_text = page.get_textpage()
    try:
        characters = _Characters(page_text.raw, page_text.count_chars())
        for start, end in characters.rows():
            yield characters.line(start, end)
    finally:
        page_text.close()
        page.close()


class _Characters:
    """The characters of a page as PDFium holds them; the places are asked for only where they are
    needed.
    """

    def __init__(self, page_text: Any, count: int) -> None:  # Any: a ctypes pointer
        from pypdfium2 import raw

        self._raw = raw
        self._page_text = page_text
        codes = (raw.FPDFText_GetUnicode(page_text, at) for at in range(count))
        self._text = [chr(code) if code < 0x110000 else "\ufffd" for code in codes]

    def rows(self) -> Iterator[tuple[int, int]]:
        """Start and end of each line, without the white space around it."""
        start = 0
        for at, character in enumerate([*self._text, "\n"]):
            if character in "\r\n":
                yield from self._trimmed(start, at)
                start = at + 1

    def line(self, start: int, end: int) -> Line:
        text = "".join(self._text[start:end])
        word = next((at for at in range(start, end) if self._text[at].isspace()), end)
        left, word_right = self._sides(start)[0], self._sides(word - 1)[1]
        return Line(
            # Characters past the 16-bit range come as two halves.
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


def _page_texts(pages: list[list[Line]]) -> Iterator[tuple[int, str]]:
    """The clean text of each page, without the lines that run at the head or foot of many."""
    running = _running_lines(pages)
    texts = [
        _paragraphs(
            [line for at, line in enumerate(lines) if not _runs(running, lines, at, number)]
        )
        for number, lines in enumerate(pages, 1)
    ]
    words = Counter(
        word.lower() for text in texts for word in _WORD.findall(_BROKEN.sub(" ", text))
    )
    for number, text in enumerate(texts, 1):
        yield number, clean_text(_BROKEN.sub(lambda broken: _mended(broken, words), text))


def _running_lines(pages: list[list[Line]]) -> frozenset[str]:
    """What stands in the first or last two lines of many pages, its page number aside."""
    seen = Counter(
        key
        for number, lines in enumerate(pages, 1)
        for key in {key for line in _edge(lines) for key in _running_keys(line.text, number)}
    )
    enough = max(_RUNNING_PAGES, len(pages) * _RUNNING_SHARE)
    return frozenset(key for key, count in seen.items() if count >= enough)


def _edge(lines: list[Line]) -> set[Line]:
    return {*lines[:_RUNNING_LINES], *lines[-_RUNNING_LINES:]}


def _runs(running: frozenset[str], lines: list[Line], at: int, number: int) -> bool:
    return lines[at] in _edge(lines) and not running.isdisjoint(
        _running_keys(lines[at].text, number)
    )


def _running_keys(line: str, number: int) -> set[str]:
    """The line as it is, and with each of its numbers counted from the page's: ``Page 7 of 9`` is
    one on all pages.
    """
    return {line, *(_counted_from(line, found, number) for found in _DIGITS.finditer(line))}


def _counted_from(line: str, found: re.Match[str], number: int) -> str:
    return f"{line[: found.start()]}#{int(found.group()[:9]) - number}{line[found.end() :]}"


def _paragraphs(lines: list[Line]) -> str:
    """The lines of a page joined: words and sentences run on, paragraphs stand apart."""
    if not lines:
        return ""
    rights = _right_edges(lines)
    leading = _leading(lines, rights)
    text = lines[0].text
    for (above, below), right in zip(pairwise(lines), rights, strict=False):
        text = _joined(text, below.text, _break_between(above, below, leading, right))
    return text


def _leading(lines: list[Line], rights: list[float]) -> float:
    """The usual distance between the lines of a paragraph: those of which the first had no room for
    a word more.
    """
    steps: list[float] = []
    full_steps: list[float] = []
    for (above, below), right in zip(pairwise(lines), rights, strict=False):
        step = above.last_y - below.y
        if 0 < step < 4 * below.size:
            steps.append(step)
            if not _would_have_fitted(above, below, right):
                full_steps.append(step)
    return median(full_steps or steps or [1.2 * lines[0].size])


def _right_edges(lines: list[Line]) -> list[float]:
    """How far to the right the lines of each line's column reach; a column ends where the next line
    stands higher.
    """
    columns: list[list[Line]] = [[lines[0]]]
    for above, below in pairwise(lines):
        if below.y > above.last_y + below.size:
            columns.append([])
        columns[-1].append(below)
    return [max(line.right for line in column) for column in columns for _ in column]


def _break_between(above: Line, below: Line, leading: float, right: float) -> str:
    runs_on = below.text[0].islower() and not _SENTENCE_END.search(above.text)
    step = above.last_y - below.y
    if step < -below.size:  # the top of the next column
        return _SPACE if runs_on else _PARAGRAPH
    if abs(above.size - below.size) > 0.1 * below.size or step > 1.3 * leading:
        return _PARAGRAPH
    if _ITEM.match(below.text):
        return _LINE
    if (
        _SENTENCE_END.search(above.text) and below.left - above.left > 0.8 * below.size
    ):  # a first line set in
        return _PARAGRAPH
    if _would_have_fitted(above, below, right) and not (runs_on and _nearly_full(above, right)):
        return _LINE
    return _SPACE


def _would_have_fitted(above: Line, below: Line, right: float) -> bool:
    """Whether the line above had room for the next word, and so was ended on purpose."""
    return right - above.right > below.first_word + 0.5 * below.size


def _nearly_full(line: Line, right: float) -> bool:
    return line.right > line.left + 0.7 * (right - line.left)


def _joined(text: str, below: str, between: str) -> str:
    if between != _SPACE:
        return text + between + below
    if len(text) > 1 and text[-1] == "-" and text[-2].isalnum() and below[0].isalnum():
        return (
            text[:-1] + _BREAK + below
            if text[-2].islower() and below[0].islower()
            else text + below
        )
    if text[-1] == _BREAK or (_CJK.match(text[-1]) and _CJK.match(below[0])):
        return text + below
    return text + _SPACE + below


def _mended(broken: re.Match[str], words: Counter[str]) -> str:
    """A word broken at the end of a line. The rest of the document tells whether its hyphen belongs
    to it.
    """
    first, second = broken.groups()
    hyphenated, whole = f"{first}-{second}", first + second
    if not first[-1:].islower() or not second[:1].islower():
        return hyphenated
    if words[whole.lower()] or words[hyphenated.lower()]:
        return whole if words[whole.lower()] >= words[hyphenated.lower()] else hyphenated
    # Two words that each stand alone elsewhere are a compound; a part of a word seldom does.
    alone = min(words[first.lower()], words[second.lower()])
    return hyphenated if alone and min(len(first), len(second)) > 2 else whole


def _title(stated: dict[str, str]) -> str | None:
    title = _TITLE_OF_PRINTER.sub("", one_line(clean_text(stated.get("Title") or "")))
    return None if title.lower() in _NO_TITLES else title or None
