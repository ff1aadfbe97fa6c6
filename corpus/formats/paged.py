"""Joining the pages of a document into one text, with the offsets of each page."""

from collections.abc import Iterable

from corpus.document import Page

_SENTENCE_ENDS = '.!?:;…”"»)。！？'
PARAGRAPH = "\n\n"
LINE = "\n"


def join_pages(pages: Iterable[tuple[int, str]]) -> tuple[str, tuple[Page, ...]]:
    """The text of all pages and their offsets. Blank pages are left out of both.

    Pages are separated by a blank line, or by a single line break if a sentence continues on the
    next page.

    :param pages: the number and the clean text of each page, in order
    """
    text = ""
    placed: list[Page] = []
    for number, page in pages:
        page = page.strip("\n")
        if not page.strip():
            continue
        text += _separator(text, page)
        placed.append(Page(number, len(text), len(text) + len(page)))
        text += page
    return text, tuple(placed)


def _separator(before: str, after: str) -> str:
    if not before:
        return ""
    return LINE if after[0].islower() and before[-1] not in _SENTENCE_ENDS else PARAGRAPH
