"""What a reader takes out of a file: clean text, and what the file says about itself."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from corpus.document import Page


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of one file and what the file states about it; None or empty where it states
    nothing.

    :param text: clean (:func:`corpus.formats.clean.clean_text`), blocks separated by a blank line,
        headings as ``## Heading`` lines
    :param pages: offsets into ``text``, only the pages with something on them
    """

    text: str
    title: str | None = None
    published: date | None = None
    url: str | None = None
    tags: tuple[str, ...] = ()
    pages: tuple[Page, ...] = field(default=())
    id: str | None = None


Extractor = Callable[[str, bytes], Extracted]
"""Takes the name to blame and a file's bytes; raises DocumentError where they cannot be read."""
