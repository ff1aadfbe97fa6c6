"""Scanned pages of PDFs: their text, recognised in an image of the page."""

import time
from collections.abc import Iterable, Iterator
from math import sqrt
from typing import Any

from corpus.errors import DocumentError
from corpus.formats.fragment import Fragment
from corpus.formats.picture import recognised_pages
from corpus.formats.programs import has_recognition
from corpus.limits import DEFAULT_LIMITS

_SCALE = 200 / 72
"""Pixels for each point of the page, 200 to an inch."""
_MAX_PIXELS = 12_000_000
_SHARE_OF_TIME = 0.3
"""How much of the processor time for a file may be spent on the images of its pages."""


def scanned_pages(
    source: str,
    document: Any,  # Any: pypdfium2 ships no types
    numbers: Iterable[int],
    size: int,
) -> dict[int, Fragment]:
    """The text of pages that have none of their own, by their numbers. Pages in which nothing is
    recognised, or that the time does not suffice for, are not in it. The caller holds ``PDFIUM``.

    :param size: of the file, in bytes
    """
    recognised: dict[int, Fragment] = {}
    if not has_recognition():
        return recognised
    try:
        for number, image in _images(document, numbers, size):
            for _, written in recognised_pages(source, image):
                recognised[number] = written
    except DocumentError:
        # The time is over, or a language is missing. The note on the pages without text says so.
        return recognised
    return {number: written for number, written in recognised.items() if written}


def _images(document: Any, numbers: Iterable[int], size: int) -> Iterator[tuple[int, bytes]]:
    """The pages that are not blank, as grey images in the format PGM."""
    spent, most = 0.0, _SHARE_OF_TIME * DEFAULT_LIMITS.seconds_for(size)
    for number in numbers:
        if spent > most:
            return
        begun = time.process_time()
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(_SCALE, sqrt(_MAX_PIXELS / max(1.0, width * height)))
        bitmap = page.render(scale=scale, grayscale=True)
        rows = bytes(bitmap.buffer)
        pixels = b"".join(
            rows[at : at + bitmap.width]
            for at in range(0, bitmap.height * bitmap.stride, bitmap.stride)
        )
        head = f"P5 {bitmap.width} {bitmap.height} 255\n".encode("ascii")
        bitmap.close()
        page.close()
        spent += time.process_time() - begun
        if pixels.count(pixels[:1]) < len(pixels):
            yield number, head + pixels
