"""Joining the pages of a document into one text, with the offsets of each page."""

from collections.abc import Iterable
from dataclasses import replace

from corpus.blocks import Block, BlockKind
from corpus.document import Page
from corpus.formats.fragment import BLANK_LINE, LINE, Fragment

_SENTENCE_ENDS = '.!?:;…”"»)。！？'


def join_pages(pages: Iterable[tuple[int, Fragment]]) -> tuple[Fragment, tuple[Page, ...]]:
    """The text of all pages with its blocks, and the offsets of each page. Blank pages are left out
    of both.

    Pages are separated by a blank line, or by a single line break if a sentence continues on the
    next page. Its paragraph is one block then.

    :param pages: the number and the text of each page, in order
    """
    fragments: list[Fragment] = []
    separators: list[str] = []
    offsets: list[Page] = []
    length = 0
    for number, page in pages:
        if not page:
            continue
        separator = _separator(fragments[-1].text, page.text) if fragments else ""
        length += len(separator)
        offsets.append(Page(number, length, length + len(page.text)))
        length += len(page.text)
        separators.append(separator)
        fragments.append(page)
    return _concatenated(fragments, separators), tuple(offsets)


def _concatenated(fragments: list[Fragment], separators: list[str]) -> Fragment:
    text: list[str] = []
    blocks: list[Block] = []
    length = 0
    for separator, page in zip(separators, fragments, strict=True):
        text += [separator, page.text]
        length += len(separator)
        moved = [block.moved(length) for block in page.blocks]
        runs_on = separator == LINE and blocks and moved
        if runs_on and blocks[-1].kind is moved[0].kind is BlockKind.PARAGRAPH:
            blocks[-1] = replace(blocks[-1], end=moved.pop(0).end)
        blocks += moved
        length += len(page.text)
    return Fragment("".join(text), tuple(blocks))


def _separator(before: str, after: str) -> str:
    return LINE if after[0].islower() and before[-1] not in _SENTENCE_ENDS else BLANK_LINE
