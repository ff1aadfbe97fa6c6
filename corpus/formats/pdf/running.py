"""Running heads and feet: what stands at the top or the bottom of many pages."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from corpus.blocks import BlockKind
from corpus.formats import fragment
from corpus.formats.fragment import Fragment
from corpus.formats.pdf.layout import Row

_EDGE_ROWS = 2
_MIN_PAGES = 3
_MIN_SHARE = 0.3
_MIN_WORDS = 3
_PAGE_NUMBER = re.compile(
    r"[\W_]*+(?:(?:page|pag|pg|p|seite|str|s)[\W_]*+)?(?:\d{1,4}|[ivxlc]{1,7})[\W_]*+"
    r"(?:(?:of|von|de|sur)?[\W_]*+\d{1,4}[\W_]*+)?",
    re.IGNORECASE,
)
_NUMBER_AT_START = re.compile(r"\A(?:page |p\. ?)?(\d{1,4})[\s|·–—]+(?=\S)", re.IGNORECASE)
_NUMBER_AT_END = re.compile(
    r"[\s|·–—]+(?:page |p\. ?)?(\d{1,4})(?: ?(?:of|/|von|de|sur) ?\d{1,4})?\Z", re.IGNORECASE
)
_NUMBER_WITHIN = 30
"""How many characters from the end of a line the number of its page begins at most."""


@dataclass(slots=True)
class RunningLines:
    """The lines that run through a document. Each is written once, where it first stands.

    :param texts: what is repeated, without page numbers
    """

    texts: frozenset[str]
    _written: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, pages: Sequence[Sequence[Row]]) -> "RunningLines":
        """The running lines of all pages."""
        seen: Counter[str] = Counter()
        for number, rows in enumerate(pages, 1):
            # A set, so that a page counts only once for each text.
            seen.update({_without_number(row.text, number) for row in _edges(rows)})
        enough = max(_MIN_PAGES, len(pages) * _MIN_SHARE)
        return cls(frozenset(text for text, count in seen.items() if count >= enough))

    def taken_from(
        self, rows: Sequence[Row], number: int
    ) -> tuple[list[Fragment], list[Row], list[Fragment]]:
        """The running heads of a page that are new, its other rows, and the running feet that are
        new. Page numbers are in none of them.
        """
        heads: list[Fragment] = []
        feet: list[Fragment] = []
        body = []
        edges = [id(row) for row in _edges(rows)]
        for at, row in enumerate(rows):
            text = _without_number(row.text, number)
            is_edge = id(row) in edges
            if is_edge and _PAGE_NUMBER.fullmatch(row.text) and len(rows) > 1:
                continue
            if not is_edge or text not in self.texts:
                body.append(row)
            elif text not in self._written:
                self._written.add(text)
                is_head = at < len(rows) / 2
                kind = BlockKind.PAGE_HEAD if is_head else BlockKind.PAGE_FOOT
                (heads if is_head else feet).append(fragment.block(kind, row.text))
        # A page of nothing but such lines is a page of text.
        return (heads, body, feet) if body else ([], list(rows), [])


def _edges(rows: Sequence[Row]) -> list[Row]:
    if len(rows) <= 2 * _EDGE_ROWS:
        return list(rows)
    return [*rows[:_EDGE_ROWS], *rows[-_EDGE_ROWS:]]


def _without_number(text: str, number: int) -> str:
    """The line without the number of its page at its start or end.

    Other numbers stay, because "Invoice 118" and "Day 2" say more than the page.
    """
    before, edge = text[:-_NUMBER_WITHIN], text[-_NUMBER_WITHIN:]
    at_end, at_start = _NUMBER_AT_END.search(edge), _NUMBER_AT_START.match(text)
    if at_end and int(at_end[1]) <= number:
        rest = before + edge[: at_end.start()]
    elif at_start and int(at_start[1]) <= number:
        rest = text[at_start.end() :]
    else:
        return text
    return rest if len(rest.split()) >= _MIN_WORDS else text
