"""Pages joined into one text, with a map of where each stands."""

from collections.abc import Iterable

from corpus.document import Page

_SENTENCE_ENDS = '.!?:;…”"»)。！？'
PARAGRAPH = "\n\n"
LINE = "\n"


def join_pages(pages: Iterable[tuple[int, str]]) -> tuple[str, tuple[Page, ...]]:
    """The text of all pages and their map. Pages with nothing on them are left out of both.

    A blank line goes between two pages, a line end only where a sentence runs on from one to the
    next.

    :param pages: number and clean text of each, in order
    """
    text = ""
    placed: list[Page] = []
    for number, page in pages:
        page = page.strip("\n")
        if not page.strip():
            continue
        text += _between(text, page)
        placed.append(Page(number, len(text), len(text) + len(page)))
        text += page
    return text, tuple(placed)


def _between(before: str, after: str) -> str:
    if not before:
        return ""
    return LINE if after[0].islower() and before[-1] not in _SENTENCE_ENDS else PARAGRAPH
