"""Splits a text into sentences and sections, as spans with exact offsets.

It uses rules and not a model, so the same text gives the same spans on every machine. It does not
normalise the text.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

REVISION = 1
"""Increased with every change of the rules below. An index with another revision is renewed."""

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)")
_HEADING_END = " \t\r#"
_FENCE = re.compile(r" {0,3}(```|~~~)")
_LIST_MARK = re.compile(r"\s*(?:[-*+•–—]\s|\d{1,3}[.)]\s|[|>])")
_NOTE_MARK = r"(?:<sup>[^<]{1,8}</sup>|\[\d{1,3}\])"
_TERMINATOR = re.compile(
    rf"""(?<![.!?…])[.!?…]++["'”’»)\]]*+{_NOTE_MARK}*+(?=\s)   # Western: needs white space after it
      | [。！？]+[」』”’）]*                                       # CJK: needs none""",
    re.VERBOSE,
)
_LAST_WORD = re.compile(r"(?<![^\W_])(?<![^\W_][.’'-])[^\W_](?:[^\W_]|[.’'-](?=[^\W_]))*+$")
_OPENING = "\"'“‘«([{<*_—–-"
_ABBREVIATIONS = frozenset(
    """adm al approx apr art aug ave brig bros ca capt cf cf chap co col corp dec dept dr ed eds eq
    est etc ex feb fig figs fr gen gov hon inc jan jr jul jun lt ltd maj mar messrs mr mrs ms mt
    nos nov oct op p para pp pres prof pt pvt rep rev sec sen sep sept sgt sr st supt vol vols
    vs""".split()
)
_NUMBERED = frozenset({"no", "art", "fig", "eq", "sec", "p", "pp", "vol", "chap"})
_STARTERS = frozenset(
    """A After All Although An And As At Because Before Both But By During Each Earlier For From He
    Her His How However I If In It Its Last Later Many More Most No On One Other Our She Since
    So Some Still That The Their Then There These They This Those Though Three Thus To Two Under
    Until We What When Where While Who With Yet You""".split()
)
_WRAP_WIDTH = 130
_WRAP_MINIMUM = 30


@dataclass(frozen=True, slots=True)
class Section:
    """A run of text under one heading. Its body is ``text[start:end]``, without the heading.

    :param headings: the heading and those above it, outermost first
    """

    headings: tuple[str, ...]
    start: int
    end: int


def sections(text: str) -> Iterator[Section]:
    """The sections of a text, in order. A text of only headings is one section without headings.

    Headings are lines that begin with one to six ``#`` (ATX), outside fenced code.
    """
    headings: list[tuple[int, str]] = []
    start, fenced, is_empty = 0, False, True
    for line_start, line_end in _lines(text, 0, len(text)):
        line = text[line_start:line_end]
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading:
            if _has_words(text, start, line_start):
                is_empty = False
                yield Section(tuple(title for _, title in headings), start, line_start)
            level = len(heading[1])
            headings = [(above, title) for above, title in headings if above < level] + [
                (level, heading[2].rstrip(_HEADING_END))
            ]
            start = line_end
    if _has_words(text, start, len(text)):
        yield Section(tuple(title for _, title in headings), start, len(text))
    elif is_empty:
        yield Section((), 0, len(text))


def sentences(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """The sentences of ``text[start:end]`` as half-open spans into ``text``.

    They do not overlap, have no white space at their ends, and together contain all other
    characters of the range.
    """
    return [
        sentence
        for paragraph in _paragraphs(text, start, len(text) if end is None else end)
        for sentence in _split(text, *paragraph)
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


def _has_words(text: str, start: int, end: int) -> bool:
    """Whether there is anything but white space."""
    return not text[start:end].isspace() and start < end


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
    return following.lstrip()[:1].islower() or len(line) >= 0.6 * width


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
        return following[:1].isdigit() or word.casefold() in _ABBREVIATIONS
    if word.casefold() in _ABBREVIATIONS:
        return True
    if len(word) == 1 and word.isupper():
        return following not in _STARTERS
    return "." in word and following.rstrip(",") not in _STARTERS
