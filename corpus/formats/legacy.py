"""Old binary Office formats (doc, xls, ppt), which LibreOffice converts first."""

from collections.abc import Callable

from corpus.formats import sheet, slides, word
from corpus.formats.extracted import Extracted
from corpus.formats.package import wrong_format
from corpus.formats.programs import converted
from corpus.formats.rich_text import read_rtf
from corpus.formats.sheet import read_xlsx
from corpus.formats.slides import read_pptx
from corpus.formats.word import read_docx

REVISION = 1 + word.REVISION + slides.REVISION + sheet.REVISION
"""Raised when other text is extracted from old Office formats, or from those that they are
converted to, so that synced files are read again.
"""

_OLE = b"\xd0\xcf\x11\xe0"
_STREAMS = {
    "doc": ("WordDocument",),
    "xls": ("Workbook", "Book"),
    "ppt": ("PowerPoint Document",),
}
_ZIP = b"PK\x03\x04"


def read_doc(source: str, data: bytes) -> Extracted:
    """The text of an old Word document.

    :raises DocumentError: it is damaged or of another format, or LibreOffice is not installed
    """
    # Word reads rich text under this suffix too, and many programs write it.
    if data.startswith(b"{\\rtf"):
        return read_rtf(source, data)
    return _read(source, data, "doc", "docx", read_docx)


def read_xls(source: str, data: bytes) -> Extracted:
    """The visible cells of an old workbook.

    :raises DocumentError: it is damaged or of another format, or LibreOffice is not installed
    """
    return _read(source, data, "xls", "xlsx", read_xlsx)


def read_ppt(source: str, data: bytes) -> Extracted:
    """The text of an old presentation.

    :raises DocumentError: it is damaged or of another format, or LibreOffice is not installed
    """
    return _read(source, data, "ppt", "pptx", read_pptx)


def _read(
    source: str,
    data: bytes,
    suffix: str,
    target: str,
    read: Callable[[str, bytes], Extracted],
) -> Extracted:
    if data.startswith(_ZIP):
        # A new file under an old name.
        return read(source, data)
    # LibreOffice would take anything else for a text, so the stream of the format must be there.
    names = (name.encode("utf-16-le") for name in _STREAMS[suffix])
    if not data.startswith(_OLE) or not any(name in data for name in names):
        raise wrong_format(source, suffix)
    return read(source, converted(source, data, suffix, target))
