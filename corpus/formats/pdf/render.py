"""Renders a page of a PDF as an image, in which a quote is marked."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

from corpus.errors import DocumentError
from corpus.formats.pdf.locate import Box, boxes
from corpus.formats.pdf.read import PDFIUM, opened

RENDERING = 1
"""Raised when another image is made of the same page, so that clients do not keep the old one."""

_SCALE = 1.75
"""Pixels for each point of the page, 126 to an inch."""
_MAX_PIXELS = 4_000_000
_MAX_SIDE = 8_000
_MARK = (255, 235, 90)
"""The colour of a highlighter. It is multiplied with the page, so that letters stay black."""
_TINTS = tuple(bytes(value * tint // 255 for value in range(256)) for tint in _MARK)
_MARGIN = 2


@dataclass(frozen=True, slots=True)
class _Image:
    """Red, green and blue of each pixel, row after row from the top."""

    width: int
    height: int
    pixels: bytearray


def page_image(
    source: str, data: bytes, number: int, text: str, start: int, end: int
) -> bytes | None:
    """A page as PNG, with ``text[start:end]`` marked where it can be located. None if the PDF has
    no such page.

    :param source: the name of the file, for errors
    :param number: of the page, from 1
    :param text: the stored text of the whole page
    :param start: offset into ``text``, in code points; equal to ``end`` to mark nothing
    :raises DocumentError: the file is encrypted, damaged or not a PDF
    """
    with PDFIUM:
        document = opened(source, data)
        try:
            if not 1 <= number <= len(document):
                return None
            image = _rendered(source, document, number)
        finally:
            document.close()
    if start < end:
        _mark(image, boxes(data, number, text, start, end))
    return _png(image)


def _rendered(source: str, document: Any, number: int) -> _Image:  # Any: pypdfium2 ships no types
    import pypdfium2 as pdfium

    try:
        page = document[number - 1]
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise DocumentError(source, "is damaged: its page has no size")
        scale = min(_SCALE, sqrt(_MAX_PIXELS / (width * height)), _MAX_SIDE / max(width, height))
        bitmap = page.render(
            scale=scale, rev_byteorder=True, force_bitmap_format=pdfium.raw.FPDFBitmap_BGR
        )
        try:
            view = memoryview(bitmap.buffer).cast("B")
            rows = (
                view[start : start + 3 * bitmap.width]
                for start in range(0, bitmap.stride * bitmap.height, bitmap.stride)
            )
            return _Image(bitmap.width, bitmap.height, bytearray().join(rows))
        finally:
            bitmap.close()
    except (pdfium.PdfiumError, OSError, ValueError) as exc:
        raise DocumentError(source, "is damaged: its page cannot be drawn") from exc


def _mark(image: _Image, marked: Sequence[Box]) -> None:
    # The boxes of two lines may overlap, and no pixel is tinted twice.
    tinted = bytearray(image.width * image.height)
    for box in marked:
        top = max(0, round(box.top * image.height) - _MARGIN)
        bottom = min(image.height, round(box.bottom * image.height) + _MARGIN)
        left = max(0, round(box.left * image.width) - _MARGIN)
        right = min(image.width, round(box.right * image.width) + _MARGIN)
        for row in range(top, bottom):
            start, end = (row * image.width + column for column in (left, right))
            while (start := tinted.find(0, start, end)) >= 0:
                after = tinted.find(1, start, end)
                stop = end if after < 0 else after
                _tint(image, start, stop)
                tinted[start:stop] = b"\1" * (stop - start)


def _tint(image: _Image, start: int, end: int) -> None:
    for channel, table in enumerate(_TINTS):
        inside = slice(3 * start + channel, 3 * end, 3)
        image.pixels[inside] = image.pixels[inside].translate(table)


def _png(image: _Image) -> bytes:
    size = 3 * image.width
    # Each row begins with the number of its filter, and 0 is none.
    rows = b"".join(
        b"\0" + image.pixels[start : start + size] for start in range(0, size * image.height, size)
    )
    header = struct.pack(">IIBBBBB", image.width, image.height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in parts
    )
