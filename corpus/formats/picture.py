"""Pictures of text (png, jpg, tiff): the text that tesseract recognises in them."""

from collections.abc import Iterator
from itertools import groupby

from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import Fragment
from corpus.formats.paged import join_pages
from corpus.formats.programs import recognised

REVISION = 1
"""Raised when other text is extracted from pictures, so that synced files are read again."""

_MARKS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\x00", b"MM\x00*")
_WORD_LEVEL = 5
_FIELDS = 12
_MAX_PIXELS = 100_000_000


def read_picture(source: str, data: bytes) -> Extracted:
    """The text in a picture.

    :raises DocumentError: it is damaged, huge or of another format, or tesseract is not installed
    """
    if not data.startswith(_MARKS):
        raise DocumentError(source, "is not a picture, or is damaged")
    if data.startswith(_MARKS[0]):
        width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
        if width * height > _MAX_PIXELS:
            raise DocumentError(
                source, f"has {width:,} x {height:,} pixels; at most {_MAX_PIXELS:,} are allowed"
            )
    pages = list(recognised_pages(source, data))
    written, numbered = join_pages(pages)
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        pages=numbered if len(pages) > 1 else (),
        notes=("Its text was recognised in a picture and may have errors.",),
    )


def recognised_pages(source: str, image: bytes) -> Iterator[tuple[int, Fragment]]:
    """The number and the paragraphs of each page in a picture.

    :raises DocumentError: tesseract is not installed, or cannot read the picture in time
    """
    rows = (line.split("\t", _FIELDS - 1) for line in recognised(source, image).split("\n"))
    words = [row for row in rows if len(row) == _FIELDS and row[0] == str(_WORD_LEVEL)]
    for page, of_page in groupby(words, lambda row: row[1]):
        paragraphs = [
            fragment.paragraph(_joined(list(of_paragraph)))
            for _, of_paragraph in groupby(of_page, lambda row: (row[2], row[3]))
        ]
        yield int(page), fragment.joined(paragraphs)


def _joined(words: list[list[str]]) -> str:
    """The words of a paragraph, with those joined that are divided at the end of a line."""
    text = ""
    for _, of_line in groupby(words, lambda row: row[4]):
        line = " ".join(row[11].strip() for row in of_line if row[11].strip())
        if text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower():
            text = text[:-1] + line
        else:
            text = f"{text} {line}".strip()
    return text
