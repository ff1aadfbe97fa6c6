"""Splits a text into sentences, as spans with exact offsets.

It uses rules and not a model, so the same text gives the same spans on every machine. It does not
normalise the text.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

REVISION = 2
"""Increased with every change of the rules below. An index with another revision is renewed."""

_LIST_MARK = re.compile(r"\s*(?:[-*+•–—]\s|\d{1,3}[.)]\s|[|>])")
_NOTE_MARK = r"(?:<sup>[^<]{1,8}</sup>|\[\d{1,3}\])"
_TERMINATOR = re.compile(
    rf"""(?<![.!?…])[.!?…]++["'”’»)\]]*+{_NOTE_MARK}*+(?=\s)   # Western: needs white space after it
      | [。！？]+[」』”’）]*                                       # CJK: needs none""",
    re.VERBOSE,
)
_LAST_WORD = re.compile(r"(?<![^\W_])(?<![^\W_][.’'-])[^\W_](?:[^\W_]|[.’'-](?=[^\W_]))*+$")
_OPENING = "\"'“‘«([{<*_—–-"
_SIGNS = "+±~≈<>≤≥€$£"
_ABBREVIATIONS = frozenset(
    """adm al approx apr art aug ave brig bros ca capt cf cf chap co col corp dec dept dr ed eds eq
    est etc ex feb fig figs fr gen gov hon inc jan jr jul jun lt ltd maj mar messrs mr mrs ms mt
    nos nov oct op p para pp pres prof pt pvt rep rev sec sen sep sept sgt sr st supt vol vols
    vs""".split()
)
_NUMBERED = frozenset(
    """abs acct apt art avg bldg ch chap clause cl dia eq excl ext fig hrs incl inv item max min no
    nom nr p para pos pp qty ref reg rm sec sect tab tel temp tol ver vol wt""".split()
)
"""Words whose full stop does not end a sentence before a number."""
_STARTERS = frozenset(
    """A After All Although An And As At Because Before Both But By During Each Earlier For From He
    Her His How However I If In It Its Last Later Many More Most No On One Other Our She Since
    So Some Still That The Their Then There These They This Those Though Three Thus To Two Under
    Until We What When Where While Who With Yet You""".split()
)
_CELL_SEPARATOR = " | "
_WRAP_WIDTH = 130
_WRAP_MINIMUM = 30


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The sentences of ``text[start:end]`` as half-open spans into ``text``.

    They do not overlap, have no white space at their ends, and together contain all other
    characters of the range. A row of a table is one sentence.
    """
    return [
        sentence
        for paragraph in _paragraphs(text, start, len(text) if end is None else end)
        for sentence in ([paragraph] if _is_row(text, *paragraph) else _split(text, *paragraph))
    ]


def sentence_at(text: str, start: int, end: int) -> tuple[int, int]:
    """The smallest run of whole sentences of ``text`` that contains ``text[start:end]``."""
    overlapping = [span for span in sentences(text) if span[0] < end and start < span[1]]
    if not overlapping:
        return start, end
    return min(start, overlapping[0][0]), max(end, overlapping[-1][1])


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without the white space at its ends. A span of only white space becomes empty."""
    body = text[start:end]
    lead = len(body) - len(body.lstrip())
    return start + lead, start + max(lead, len(body.rstrip()))


def _lines(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Lines of ``text[start:end]`` as spans without their newlines."""
    while start < end:
        newline = text.find("\n", start, end)
        stop = end if newline < 0 else newline
        yield start, stop
        start = stop + 1


def _paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans that no sentence crosses: blocks between blank lines, or their single lines if they are
    not wrapped text.
    """
    for block in _blocks(text, start, end):
        opened = block[0][0]
        width = max(stop - begin for begin, stop in block)
        for line, following in pairwise(block):
            if not _wraps(text[slice(*line)], text[slice(*following)], width):
                yield opened, line[1]
                opened = following[0]
        yield opened, block[-1][1]


def _blocks(text: str, start: int, end: int) -> Iterator[list[tuple[int, int]]]:
    block: list[tuple[int, int]] = []
    for line in _lines(text, start, end):
        if text[slice(*line)].strip():
            block.append(line)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _wraps(line: str, following: str, width: int) -> bool:
    """Whether ``following`` continues the paragraph of ``line``, as in text wrapped at a width and
    not in a list.
    """
    if width > _WRAP_WIDTH or len(line) < _WRAP_MINIMUM or _LIST_MARK.match(following):
        return False
    if _CELL_SEPARATOR in line or _CELL_SEPARATOR in following:
        return False
    return following.lstrip()[:1].islower() or len(line) >= 0.6 * width


def _is_row(text: str, start: int, end: int) -> bool:
    """Whether a paragraph is a row of a table, which is read as one sentence."""
    return text.find(_CELL_SEPARATOR, start, end) >= 0 > text.find("\n", start, end)


def _split(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    opened = start
    for match in _TERMINATOR.finditer(text, start, end):
        if _ends_a_sentence(text, opened, match, end):
            span = trimmed(text, opened, match.end())
            if span[0] < span[1]:
                yield span
            opened = match.end()
    span = trimmed(text, opened, end)
    if span[0] < span[1]:
        yield span


def _ends_a_sentence(text: str, opened: int, match: re.Match[str], end: int) -> bool:
    mark = match[0]
    if mark[0] in "。！？":
        return True
    following = text[match.end() : min(end, match.end() + 80)].split(maxsplit=1)
    if not following:
        return True
    word = following[0].lstrip(_OPENING)
    if word[:1].islower():
        return False
    if mark != ".":
        return True
    return not _is_abbreviation(
        text[max(opened, match.start() - 40) : match.start()], word, opened == match.start()
    )


def _is_abbreviation(before: str, following: str, at_start: bool) -> bool:
    """Whether the full stop after ``before`` belongs to its last word rather than to the
    sentence.
    """
    last = _LAST_WORD.search(before)
    if last is None:
        return at_start
    word = last[0]
    if word.isdigit():
        return last.start() == 0 and len(word) <= 3 and not before[: last.start()].strip()
    if word.casefold() in _NUMBERED:
        return following.lstrip(_SIGNS)[:1].isdigit() or word.casefold() in _ABBREVIATIONS
    if word.casefold() in _ABBREVIATIONS:
        return True
    if len(word) == 1 and word.isupper():
        return following not in _STARTERS
    return "." in word and following.rstrip(",") not in _STARTERS
