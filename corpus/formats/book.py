"""E-books (epub): zipped web pages, in the order in which they are read."""

import zipfile

from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import EMPTY, Fragment
from corpus.formats.html import decode_html, page_prose
from corpus.formats.package import book_of, book_properties, open_package, translated
from corpus.titles import TitleKind

REVISION = 2
"""Raised when other text is extracted from e-books, so that synced files are read again."""


def read_epub(source: str, data: bytes) -> Extracted:
    """The chapters of a book in reading order, each once.

    :raises DocumentError: it is encrypted, damaged or of another format
    """
    with open_package(source, data, "epub") as package:
        opf, names = translated(source, lambda: book_of(source, package))
        properties = book_properties(opf)
        present = set(package.namelist())
        chapters = [
            _chapter(source, package, name) for name in dict.fromkeys(names) if name in present
        ]
    written = fragment.joined(chapters)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=properties.title,
        title_kind=TitleKind.PAGE,
        published=properties.published,
        published_from=DateSource.METADATA,
    )


def _chapter(source: str, package: zipfile.ZipFile, name: str) -> Fragment:
    data = translated(source, lambda: package.read(name))
    try:
        return page_prose(decode_html(source, data))
    except DocumentError:
        # A book may list a picture among its chapters.
        return EMPTY
