"""How an answer is laid out, whatever draws it: a list with its lead-in, a passage with what it
leaves out, the cells of a row with their heads.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.answering.answer import AnswerText
from service.answering.citation import Citation
from service.answering.record import Passage
from service.reader.form import FITTED_FORMS

ELLIPSIS = "…"

_ITEM_MARK = re.compile(r"\n[ \t>]*(?:(?:[-*+•‣▪◦·–—]|\(?\w{1,3}[.)])[ \t]*)?\Z")
"""The mark of the first item, after its lead-in."""

OMISSION = "[…]"
"""What stands for sentences between two quotes that an answer leaves out."""

_LONGEST_WORD = 60

_MOST_BETWEEN_SENTENCES = 3
"""White space between two sentences that follow each other, in characters."""


@dataclass(frozen=True, slots=True)
class LaidOutQuote:
    """A quote of an answer, in its position.

    :param head: of a cell, the name of its column
    :param follows: whether it continues the document of the quote before
    :param omits: whether text between it and that quote is left out
    """

    text: str
    citation: Citation
    head: str | None = None
    follows: bool = False
    omits: bool = False


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """A document that an answer quotes, with the citations that are from it."""

    citations: tuple[Citation, ...]

    @property
    def first(self) -> Citation:
        """The citation that stands for the others."""
        return self.citations[0]

    @property
    def numbers(self) -> str:
        """The numbers of the citations: ``1``, ``1, 3`` or ``1–4``."""
        numbers = [citation.number for citation in self.citations]
        first, last = numbers[0], numbers[-1]
        if len(numbers) > 2 and last - first == len(numbers) - 1:
            return f"{first}–{last}"
        return ", ".join(map(str, numbers))


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A part of a passage, with the sentence in it that answers best."""

    before: str
    sentence: str
    after: str


def is_composed(answer: AnswerText) -> bool:
    """Whether an answer is made of quotes that are drawn one by one."""
    return answer.form not in FITTED_FORMS


def laid_out(answer: AnswerText, citations: Sequence[Citation]) -> tuple[LaidOutQuote, ...]:
    """The quotes of an answer, in reading order.

    :param citations: those of the answer; each quote names one of them by its number
    """
    by_number = {citation.number: citation for citation in citations}
    return tuple(_placed(answer, by_number))


def lead_in(quotes: Sequence[LaidOutQuote]) -> str | None:
    """What the document says before the items of a list, None if nothing leads into them. It is in
    the sentence of the first item.
    """
    if not quotes:
        return None
    first = quotes[0].citation
    before = first.sentence.text[: first.start - first.sentence.start]
    return _ITEM_MARK.sub("", before).strip() or None


def row_name(quotes: Sequence[LaidOutQuote]) -> str | None:
    """The name of the row that cells are from, if it has one that is not among them."""
    cell = quotes[0].citation.cell if quotes else None
    name = cell.row if cell else None
    return None if name in {quote.text for quote in quotes} else name


def paragraphs(quotes: Sequence[LaidOutQuote]) -> list[list[LaidOutQuote]]:
    """The quotes of a passage by document: a paragraph for each."""
    found: list[list[LaidOutQuote]] = []
    for quote in quotes:
        if not quote.follows or not found:
            found.append([])
        found[-1].append(quote)
    return found


def source_documents(citations: Sequence[Citation]) -> list[SourceDocument]:
    """The documents of citations, in the order in which they are first cited."""
    found: dict[tuple[str, str], list[Citation]] = {}
    for citation in citations:
        found.setdefault((citation.document_id, citation.version), []).append(citation)
    return [SourceDocument(tuple(each)) for each in found.values()]


def excerpt_of(passage: Passage, length: int) -> Excerpt:
    """About ``length`` characters of a passage around its best sentence, which is never cut before
    its end; from its beginning if no sentence is known to be the best.
    """
    best = passage.best_sentence
    start, end = (best.start - passage.start, best.end - passage.start) if best else (0, 0)
    before, sentence, after = passage.text[:start], passage.text[start:end], passage.text[end:]
    room = max(length - len(sentence), 0)
    # A quarter of the room in front, or more if less is needed behind.
    in_front = max(room // 4, room - len(after))
    shown = _end_of(before, in_front)
    return Excerpt(shown, sentence, _start_of(after, room - min(len(shown), room)))


def _placed(answer: AnswerText, by_number: dict[int, Citation]) -> Iterator[LaidOutQuote]:
    before: Citation | None = None
    for quote in answer.quotes:
        citation = by_number[quote.citation]
        follows = before is not None and _document(before) == _document(citation)
        gap = citation.start - before.end if before and follows else 0
        yield LaidOutQuote(
            quote.text,
            citation,
            head=citation.cell.column if citation.cell else None,
            follows=follows,
            omits=not 0 <= gap <= _MOST_BETWEEN_SENTENCES,
        )
        before = citation


def _document(citation: Citation) -> tuple[str, str]:
    return citation.document_id, citation.version


def _start_of(text: str, length: int) -> str:
    """The start of a text, cut between words, with an ellipsis where it is cut."""
    if len(text) <= length:
        return text
    cut = text[:length]
    space = max(cut.rfind(" "), cut.rfind("\n"))
    # A text without spaces is cut anywhere.
    kept = cut[:space] if space >= length - _LONGEST_WORD else cut
    return f"{kept.rstrip()} {ELLIPSIS}"


def _end_of(text: str, length: int) -> str:
    """The end of a text, cut in the same way."""
    if len(text) <= length:
        return text
    cut = text[len(text) - length :]
    space = min((at for at in (cut.find(" "), cut.find("\n")) if at >= 0), default=length)
    return f"{ELLIPSIS} {(cut[space:] if space <= _LONGEST_WORD else cut).lstrip()}"
