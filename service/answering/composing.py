"""Composes answers of several quotes: passages, lists and rows, around the span that answers best.

Which form it becomes depends on what the question wants (:mod:`service.reader.asks`) and on where
the span stands: a list is quoted whole where it is wanted or where the words that lead into it
answer best, and a row of a table is quoted cell by cell. Everything else that wants more than a few
words is a passage of up to four sentences.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

from corpus.blocks import Block, BlockKind
from corpus.document import Document
from index.search.searcher import Hit
from index.store.store import Store
from index.text.sentences import sentences, trimmed
from index.text.view import Extent, Heads, ViewRow
from service.answering.citation import Quotable
from service.reader.asks import asked_plainly, asks_for_several, defined_term, wants_steps
from service.reader.evidence import content_terms
from service.reader.fitted import Feature
from service.reader.form import AnswerForm
from service.reader.span import Span

MAX_SENTENCES = 4
"""The most sentences of a passage."""

MAX_ITEMS = 50
"""The most items of a list that are quoted: its first ones, or those around the item that answers
best if that is not among them.
"""

SURE_EVIDENCE = 0.0
"""The evidence from which on a sentence of another document joins a passage: it belongs to the
answer more likely than not.
"""

_FURTHER_EVIDENCE = 2.0
"""How much more evidence is asked of a sentence in another paragraph, or before the one that
answers best, than of one that goes on after it.
"""

_NEAR_SCORE = 1.5
"""How much less a span may score than the best one to be preferred for where it stands."""

_MOST_KEPT = 4_000_000
"""About how many characters of documents are kept with their outlines."""

_PREFERRED_AMONG = 8
_LONGEST_CODE = 600
"""How many characters of the block after a lead-in are quoted with it."""

_SHORT_ITEM = 60
"""How many characters items have on average at most that name things."""

_LARGEST_SHARE_KNOWN = 0.6
"""The share of a sentence's terms in a passage from which on it adds nothing to it."""

_UNQUOTED = (
    *(BlockKind.HEADING, BlockKind.FOOTNOTE, BlockKind.CONTENTS),
    *(BlockKind.PAGE_HEAD, BlockKind.PAGE_FOOT),
)
_BETWEEN_ITEMS = (BlockKind.PAGE_HEAD, BlockKind.PAGE_FOOT, BlockKind.FOOTNOTE)
_PROSE = (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.QUOTATION, BlockKind.DEFINITION)
_LEAD_IN_ENDS = (":", "：")
_FOLLOWING = re.compile(r"\b(?:following|below|as follows)\b", re.I)
_CLOSING = "\"'”’»)]* _"
_QUESTION_ENDS = ("?", "？", "؟")
_NOTE_MARK = "[^"
"""What the footnotes of Markdown begin with."""

_BACK_LINK = "](#"
"""What links within a document leave in texts that were converted to Markdown: a note has one to
where it belongs, and a line of contents has one to its heading.
"""

_LEAST_WORDS = 6
"""A caption with fewer words is no sentence."""

_DECISIVE = re.compile(
    r"\b(?:not|no|never|none|only|unless|cannot|must|may|can|should|shall|will|required|allowed"
    r"|permitted|prohibited|forbidden|entitled|\w{2,7}n['’]t)\b",
    re.I,
)
_NUMBER = re.compile(r"\(?(\d{1,3})[.)][ \t]*$")
_DEFINING = ("are", "were", "means", "mean", "refers", "refer", "stands", "denotes")
_ARTICLES = ("a", "an", "the", "any", "one", "what", "when", "where")


@dataclass(frozen=True, slots=True)
class QuotedWords:
    """Words of a document that an answer quotes.

    :param hit: a passage of the document
    :param start: offset of the first code point in the document's text; ``end`` is half-open
    :param sentence_start: start of what the quote is read in; ``sentence_end`` is its end
    :param quote: the words, as they were read
    :param sentence: the words around it, as they were read
    :param heads: of a cell; None for other text
    """

    hit: Hit
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    quote: str
    sentence: str
    heads: Heads | None = None

    @classmethod
    def of_text(
        cls, hit: Hit, text: str, quoted: Extent, around: Extent | None = None
    ) -> "QuotedWords":
        """The quoted words of a document's text.

        :param around: the extent of what it is read in, by default the quote itself
        """
        sentence = around or quoted
        return cls(
            hit, *quoted, *sentence, quote=text[slice(*quoted)], sentence=text[slice(*sentence)]
        )


@dataclass(frozen=True, slots=True)
class Composition:
    """An answer before it is cited.

    :param quotes: in reading order, at least one
    """

    form: AnswerForm
    quotes: tuple[Quotable, ...]

    def adds(self, span: Span) -> bool:
        """Whether a span is quoted nowhere in the answer."""
        return not any(_overlap(span, quote) for quote in self.quotes)

    def further(self, group: Sequence[Span]) -> list[Span]:
        """Those of some equal spans that are further occurrences of the answer."""
        return [span for span in group[1:] if self.adds(span)]


class Outline:
    """The blocks of a document, but for what is inside its tables."""

    def __init__(self, document: Document) -> None:
        inside = (BlockKind.ROW, BlockKind.CELL)
        self.text = document.text
        self.blocks = [block for block in document.blocks if block.kind not in inside]
        self._starts = [block.start for block in self.blocks]

    def position_of(self, end: int) -> int:
        """The position of the block that holds the text before ``end``; -1 if none begins there."""
        return bisect_right(self._starts, end - 1) - 1

    def block_of(self, span: Span) -> Block | None:
        """The block that a span ends in."""
        position = self.position_of(span.end)
        return self.blocks[position] if position >= 0 else None

    def words(self, block: Block) -> str:
        """The text of a block."""
        return self.text[block.start : block.end]

    def neighbour(self, position: int, step: int) -> int | None:
        """The position of the next block in a direction that belongs to the running text."""
        position += step
        while 0 <= position < len(self.blocks):
            if self.blocks[position].kind not in _BETWEEN_ITEMS:
                return position
            position += step
        return None

    def is_same_section(self, start: int, end: int) -> bool:
        """Whether no heading stands between two offsets."""
        first, last = sorted((self.position_of(start + 1), self.position_of(end)))
        return all(
            block.kind is not BlockKind.HEADING for block in self.blocks[first + 1 : last + 1]
        )


class Outlines:
    """The outlines of documents, kept while the generation stays the same, since most questions
    are about a few documents. It is thread-safe.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._kept: dict[tuple[int, str, str], Outline] = {}
        self._characters = 0

    def of(self, generation: int, document_id: str, version: str) -> Outline:
        """The outline of a version of a document.

        :raises NotFoundError: there is no such version
        """
        key = (generation, document_id, version)
        outline = self._kept.get(key)
        if outline is None:
            outline = Outline(self._store.document(document_id, version))
            with self._lock:
                self._characters += len(outline.text)
                is_new = any(kept != generation for kept, *_ in self._kept)
                if is_new or self._characters > _MOST_KEPT:
                    self._kept.clear()
                    self._characters = len(outline.text)
                self._kept[key] = outline
        return outline


class Composer:
    """Chooses and composes the answers to one question.

    :param outlines: gives the outline of a document by its id and version
    :param threshold: the evidence from which on a sentence counts as part of the answer
    """

    def __init__(
        self,
        outlines: Callable[[str, str], Outline],
        question: str,
        expected: AnswerForm,
        threshold: float,
    ) -> None:
        self._outline_of = outlines
        self._asked = asked_plainly(question)
        self._words = " ".join(self._asked.casefold().split())
        self._expected = expected
        self._threshold = threshold
        self._wants_steps = wants_steps(self._asked)
        self._term = defined_term(self._asked) if expected is AnswerForm.PASSAGE else None

    def ordered(self, groups: list[list[Span]], shown: int) -> list[list[Span]]:
        """The groups whose span can be an answer, the best first. The first may be one of a little
        lower score that stands where the question wants it.

        :param shown: how many may be shown; those after them are not looked at
        """
        answers: list[list[Span]] = []
        position = 0
        while position < len(groups) and len(answers) < shown:
            possible = [span for span in groups[position] if self.is_answer(span)]
            answers += [possible] if possible else []
            position += 1
        answers += groups[position:]
        best = answers[0][0].score if answers else 0.0
        for number, group in enumerate(answers[: min(_PREFERRED_AMONG, shown)]):
            if group[0].score < best - _NEAR_SCORE:
                break
            if self._is_preferred(group[0]) and not (
                self._expected is AnswerForm.SENTENCE and not self._says_as_much(group, answers[0])
            ):
                return [group, *answers[:number], *answers[number + 1 :]]
        return answers

    def is_answer(self, span: Span) -> bool:
        """Whether a span can be an answer: it is no heading, question, footnote, caption without a
        sentence or the like, and no lead-in with nothing after it that can be quoted.
        """
        whole = span.form is AnswerForm.SENTENCE
        words = (span.quote if whole else span.sentence).rstrip(_CLOSING)
        if words.endswith(_QUESTION_ENDS) or words.startswith(_NOTE_MARK) or _BACK_LINK in words:
            return False
        if span.heads is not None or _row_of(span) is not None:
            return True
        block = self._outline(span).block_of(span)
        if block is None:
            return True
        if block.kind in _UNQUOTED:
            return False
        if block.kind is BlockKind.CAPTION:
            return words.endswith((".", "!")) and len(words.split()) >= _LEAST_WORDS
        if whole and words.endswith(_LEAD_IN_ENDS):
            return self._led_into(span) is not None
        return True

    def takes_few_words(self, span: Span) -> bool:
        """Whether a question that asks which ones finds no list of them around its best
        sentence.
        """
        return (
            self._expected is AnswerForm.LIST
            and asks_for_several(self._asked)
            and (_row_of(span) is not None or self._list(span) is None)
        )

    def compose(self, span: Span, others: Sequence[Span]) -> Composition:
        """The answer around the span that answers best.

        :param others: the sentences that were read
        """
        row = _row_of(span)
        wants_row = self._expected is AnswerForm.ROW or self._is_named(span, row)
        if span.form is AnswerForm.SHORT and (
            self._expected is AnswerForm.SHORT or (span.heads is not None and not wants_row)
        ):
            return Composition(AnswerForm.SHORT, (span,))
        if row is not None:
            return _composed_row(span, row)
        found = self._list(span)
        if found is not None:
            return found
        if span.form is AnswerForm.SHORT and self._expected is AnswerForm.LIST:
            return Composition(AnswerForm.SHORT, (span,))
        if self._expected is AnswerForm.SENTENCE:
            return Composition(AnswerForm.SENTENCE, (self._sentence(span),))
        return self._passage(span, others)

    def _outline(self, span: Span) -> Outline:
        return self._outline_of(span.hit.chunk.document_id, span.hit.chunk.version)

    def _is_preferred(self, span: Span) -> bool:
        """Whether a span stands where the question wants its answer."""
        if self._is_named(span, _row_of(span)):
            return True
        if self._expected is AnswerForm.LIST or self._wants_steps:
            return self._list(span) is not None
        if self._expected is AnswerForm.SENTENCE:
            return _DECISIVE.search(span.quote) is not None
        return self._term is not None and (
            _defines(span.quote, self._term) or self._introduces(span, self._term)
        )

    def _introduces(self, span: Span, term: str) -> bool:
        """Whether a sentence about a term opens its document."""
        outline = self._outline(span)
        opening = next((b for b in outline.blocks if b.kind is not BlockKind.HEADING), None)
        is_opening = opening is not None and span.start == opening.start
        return is_opening and _without_article(span.quote).startswith(term)

    def _is_named(self, span: Span, row: ViewRow | None) -> bool:
        """Whether a question that wants more than a few words is about a row, by its name. One that
        names a column too, such as "snow in January", is about a cell.
        """
        if row is None or self._expected not in (AnswerForm.PASSAGE, AnswerForm.ROW):
            return False
        if span.features.get(Feature.COLUMN, 0.0) > 0:
            return False
        name = _row_name(span, row)
        return bool(name) and f" {name} " in f" {self._words.rstrip('?.! ')} "

    def _says_as_much(self, group: Sequence[Span], best: Sequence[Span]) -> bool:
        """Whether a sentence has as many of the question's words as the best one."""
        own, least = (one[0].features.get(Feature.WORDS, 0.0) for one in (group, best))
        return own >= least

    def _led_into(self, span: Span) -> int | None:
        """The position of the block that a sentence leads into, None if it leads into none that can
        be quoted.
        """
        outline = self._outline(span)
        # A few words of a lead-in stand for all of it.
        end = span.sentence_end
        position = outline.position_of(end)
        if position < 0 or outline.text[end : outline.blocks[position].end].strip(_CLOSING):
            return None
        following = outline.neighbour(position, 1)
        if following is None:
            return None
        block = outline.blocks[following]
        words = span.sentence.rstrip(_CLOSING)
        leads = words.endswith(_LEAD_IN_ENDS)
        if block.kind is BlockKind.LIST_ITEM:
            is_item = outline.blocks[position].kind is BlockKind.LIST_ITEM
            if is_item and block.level <= outline.blocks[position].level:
                return None
            wants_list = self._expected is AnswerForm.LIST or self._wants_steps
            leads = leads or wants_list or _FOLLOWING.search(words) is not None
        elif block.kind not in (*_PROSE, BlockKind.CODE):
            return None
        return following if leads else None

    def _list(self, span: Span) -> Composition | None:
        """The list that a span leads into, or that it stands in and the question wants."""
        outline = self._outline(span)
        position = outline.position_of(span.end)
        led_into = self._led_into(span)
        if led_into is not None and outline.blocks[led_into].kind is BlockKind.LIST_ITEM:
            return self._whole_list(span, led_into)
        wants_list = self._expected is AnswerForm.LIST or self._wants_steps
        if position < 0 or not wants_list:
            return None
        # A paragraph may be the rest of an item.
        is_item = outline.blocks[position].kind is BlockKind.LIST_ITEM
        if not is_item or not (self._wants_steps or self._is_about(outline, position)):
            return None
        return self._whole_list(span, position)

    def _is_about(self, outline: Outline, position: int) -> bool:
        """Whether the list at a position holds what the question asks for: something leads into it,
        or a heading with a word of the question stands above it, or its items are short. Points
        that somebody makes one after the other answer no question together.
        """
        items = _items(outline, position)
        first = items[0].position
        if _lead_in(outline, first) is not None:
            return True
        above = outline.neighbour(first, -1)
        heading = outline.blocks[above] if above is not None else None
        if heading is not None and heading.kind is BlockKind.HEADING:
            words = outline.words(heading)
            if not content_terms(words).isdisjoint(content_terms(self._asked)):
                return True
        length = sum(item.extent[1] - item.extent[0] for item in items)
        return length <= _SHORT_ITEM * len(items)

    def _whole_list(self, span: Span, position: int) -> Composition | None:
        """The list that holds the item at a position, None if it has only one."""
        outline = self._outline(span)
        items = _items(outline, position)
        if len(items) < 2:
            return None
        lead_in = _lead_in(outline, items[0].position)
        nearest = next(
            (n for n, item in enumerate(items) if span.end <= item.extent[1]), len(items) - 1
        )
        first = 0 if nearest < MAX_ITEMS else min(nearest - MAX_ITEMS // 2, len(items) - MAX_ITEMS)
        quotes = []
        for number, item in enumerate(items[first : first + MAX_ITEMS]):
            around = item.extent
            if number == 0 and first == 0 and lead_in is not None:
                around = (lead_in[0], item.extent[1])
            quotes.append(QuotedWords.of_text(span.hit, outline.text, item.extent, around))
        return Composition(AnswerForm.LIST, tuple(quotes))

    def _sentence(self, span: Span) -> QuotedWords:
        extent = (span.sentence_start, span.sentence_end)
        return QuotedWords.of_text(span.hit, self._outline(span).text, extent)

    def _passage(self, span: Span, others: Sequence[Span]) -> Composition:
        """The sentence of a span, with the sentences near it and elsewhere that belong to the
        answer as well.
        """
        outline = self._outline(span)
        led_into = self._led_into(span)
        lead = (span.sentence_start, span.sentence_end)
        if led_into is not None:
            # What is led into, such as a line of code, says what the lead-in only announces.
            block = outline.blocks[led_into]
            first, *_ = sentences(outline.text, block.start, block.end)
            end = block.end if block.kind is BlockKind.CODE else first[1]
            if end - lead[0] <= _LONGEST_CODE:
                lead = (lead[0], end)
        chosen = [lead]
        known = content_terms(outline.text[slice(*lead)])
        near = [other for other in others if self._joins(span, lead, other)]
        near.sort(key=lambda other: (-other.features[Feature.EVIDENCE], other.start))
        for other in near:
            if len(chosen) < MAX_SENTENCES and not _is_known(other, known):
                chosen.append((other.start, other.end))
                known.update(content_terms(other.quote))
        chosen += _gaps(
            chosen, [(one.start, one.end) for one in others if self._is_beside(span, one)]
        )
        runs = _runs(outline.text, sorted(chosen), lead)
        quotes: list[Quotable] = [QuotedWords.of_text(span.hit, outline.text, run) for run in runs]
        quotes += self._elsewhere(span, others, known, MAX_SENTENCES - len(chosen))
        is_one = len(chosen) == 1 and len(quotes) == 1 and led_into is None
        return Composition(AnswerForm.SENTENCE if is_one else AnswerForm.PASSAGE, tuple(quotes))

    def _is_beside(self, span: Span, other: Span) -> bool:
        """Whether a sentence stands in the same document and may be quoted."""
        same = other.hit.chunk.document_id == span.hit.chunk.document_id
        return same and _row_of(other) is None and self.is_answer(other)

    def _joins(self, span: Span, lead: Extent, other: Span) -> bool:
        """Whether a sentence of the same section belongs to the answer."""
        if (
            other.hit.chunk.document_id != span.hit.chunk.document_id
            or (evidence := other.features.get(Feature.EVIDENCE, -1e9)) < self._threshold
            or (other.start < lead[1] and lead[0] < other.end)
            or _row_of(other) is not None
        ):
            return False
        outline = self._outline(span)
        block = outline.block_of(other)
        # What is done first stands before what is done then.
        goes_on = block is outline.block_of(span) and (self._wants_steps or other.start >= lead[1])
        if not goes_on and evidence < self._threshold + _FURTHER_EVIDENCE:
            return False
        return (
            block is not None
            and block.kind in _PROSE
            and outline.is_same_section(min(lead[0], other.start), max(lead[1], other.end))
            and self.is_answer(other)
            and not other.quote.rstrip(_CLOSING).endswith(_LEAD_IN_ENDS)
        )

    def _elsewhere(
        self, span: Span, others: Sequence[Span], known: set[str], room: int
    ) -> Iterator[Quotable]:
        """Sentences of other documents that surely belong to the answer and add to it."""
        chunk = span.hit.chunk
        for other in others:
            if (
                room > 0
                and other.hit.chunk.document_id != chunk.document_id
                and other.features.get(Feature.EVIDENCE, -1e9) >= SURE_EVIDENCE
                and self._says_as_much([other], [span])
                and _row_of(other) is None
                and not _is_known(other, known)
                and self.is_answer(other)
                and not other.quote.rstrip(_CLOSING).endswith(_LEAD_IN_ENDS)
            ):
                room -= 1
                known.update(content_terms(other.quote))
                yield other


@dataclass(frozen=True, slots=True)
class _Item:
    """An item of a list.

    :param position: of its block
    :param extent: its text, with the paragraphs that go on after its first one
    """

    position: int
    extent: Extent
    level: int


def is_in_row(span: Span) -> bool:
    """Whether a span stands in a row of a table."""
    return _row_of(span) is not None


def _overlap(one: Quotable, other: Quotable) -> bool:
    same = one.hit.chunk.document_id == other.hit.chunk.document_id
    return same and one.start < other.end and other.start < one.end


def _row_of(span: Span) -> ViewRow | None:
    """The row of a table that a span stands in."""
    return next(
        (
            row
            for row in span.hit.chunk.view.rows
            if row.offsets[0] <= span.start and span.end <= row.offsets[1]
        ),
        None,
    )


def _cells(span: Span, row: ViewRow) -> Iterator[tuple[Extent, Heads]]:
    for part in span.hit.chunk.view.parts:
        if part.heads is not None and row.start <= part.start < row.end:
            yield (part.offset, part.offset + part.end - part.start), part.heads


def _row_name(span: Span, row: ViewRow) -> str:
    """The words of the cell that names a row, for comparing; empty if there is none."""
    chunk = span.hit.chunk
    for (start, end), heads in _cells(span, row):
        if heads.row is None:
            return " ".join(chunk.text[start - chunk.start : end - chunk.start].casefold().split())
    return ""


def _composed_row(span: Span, row: ViewRow) -> Composition:
    """The cells of a row, each a quote; what the span itself quotes if it has only one."""
    chunk = span.hit.chunk
    quotes = []
    for extent, heads in _cells(span, row):
        start, end = trimmed(chunk.text, extent[0] - chunk.start, extent[1] - chunk.start)
        first, last = (offset - chunk.start for offset in row.offsets)
        quotes.append(
            QuotedWords(
                span.hit,
                start + chunk.start,
                end + chunk.start,
                *row.offsets,
                quote=chunk.text[start:end],
                sentence=chunk.text[first:last],
                heads=heads,
            )
        )
    if not quotes:
        return Composition(AnswerForm.SENTENCE, (span,))
    form = AnswerForm.ROW if len(quotes) > 1 else AnswerForm.SHORT
    return Composition(form, tuple(quotes))


def _items(outline: Outline, position: int) -> list[_Item]:
    """The items of the list that holds a position, in order: those of the inner list if an item
    leads into it.
    """
    first = position
    while (before := _item_beside(outline, first, -1)) is not None:
        first = before
    items = [_item(outline, first)]
    while (after := _item_beside(outline, items[-1].position, 1)) is not None:
        items.append(_item(outline, after))
    number = next(n for n, item in enumerate(items) if item.position >= position)
    parent = _parent(items, number)
    if parent is None or not outline.words(outline.blocks[items[parent].position]).rstrip(
        _CLOSING
    ).endswith(_LEAD_IN_ENDS):
        return items
    inner = []
    for item in items[parent + 1 :]:
        if item.level <= items[parent].level:
            break
        inner.append(item)
    return inner


def _parent(items: Sequence[_Item], number: int) -> int | None:
    """The number of the item that an item is nested in."""
    for above in range(number - 1, -1, -1):
        if items[above].level < items[number].level:
            return above
    return None


def _item(outline: Outline, position: int) -> _Item:
    block = outline.blocks[position]
    return _Item(position, (block.start, block.end), block.level)


def _item_beside(outline: Outline, position: int, step: int) -> int | None:
    """The position of the next item of the same list in a direction."""
    beside = outline.neighbour(position, step)
    if beside is None:
        return None
    if outline.blocks[beside].kind is BlockKind.LIST_ITEM:
        number, following = (_numbered(outline, each) for each in sorted((position, beside)))
        # A list that begins again with 1 on the same level is another list.
        is_same_level = outline.blocks[position].level == outline.blocks[beside].level
        restarts = is_same_level and following == 1 and number is not None
        return None if restarts else beside
    if outline.blocks[beside].kind not in (BlockKind.PARAGRAPH, BlockKind.CODE):
        return None
    # A paragraph or a line of code inside a numbered list: its numbers go on after it.
    beyond = outline.neighbour(beside, step)
    if beyond is None or outline.blocks[beyond].kind is not BlockKind.LIST_ITEM:
        return None
    number, following = (_numbered(outline, each) for each in sorted((position, beyond)))
    goes_on = number is not None and following is not None and following == number + 1
    return beyond if goes_on else None


def _numbered(outline: Outline, position: int) -> int | None:
    """The number before an item, None if it has another mark."""
    start = outline.blocks[position].start
    line = outline.text.rfind("\n", 0, start) + 1
    mark = _NUMBER.search(outline.text, max(line, start - 8), start)
    return int(mark[1]) if mark else None


def _lead_in(outline: Outline, position: int) -> Extent | None:
    """The sentence that leads into the list that begins at a position."""
    before = outline.neighbour(position, -1)
    if before is None:
        return None
    block = outline.blocks[before]
    if block.kind not in (BlockKind.PARAGRAPH, BlockKind.LIST_ITEM, BlockKind.DEFINITION):
        return None
    last = sentences(outline.text, block.start, block.end)[-1]
    words = outline.text[slice(*last)].rstrip(_CLOSING)
    is_lead_in = words.endswith(_LEAD_IN_ENDS) or _FOLLOWING.search(words)
    return last if is_lead_in else None


def _is_known(other: Span, known: set[str]) -> bool:
    """Whether a passage says already what a sentence says."""
    terms = content_terms(other.quote)
    return len(terms & known) >= _LARGEST_SHARE_KNOWN * len(terms)


def _gaps(chosen: Sequence[Extent], read: Sequence[Extent]) -> list[Extent]:
    """The single sentences that stand between two chosen ones, as many as there is room for."""
    starts, ends = {start for start, _ in chosen}, {end for _, end in chosen}
    ordered = sorted(read)
    between = [
        sentence
        for before, sentence, after in zip(ordered, ordered[1:], ordered[2:], strict=False)
        if before[1] in ends and after[0] in starts and sentence not in chosen
    ]
    return between[: max(0, MAX_SENTENCES - len(chosen))]


def _runs(text: str, chosen: Sequence[Extent], lead: Extent) -> list[Extent]:
    """Sentences as quotes: those that follow each other directly are one.

    What stands before the sentence that answers best is left out unless it is followed by it
    directly, so that the answer begins with what answers.
    """
    runs: list[Extent] = []
    for start, end in chosen:
        if runs and not text[runs[-1][1] : start].strip():
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return [run for run in runs if run[1] > lead[0]]


def _defines(sentence: str, term: str) -> bool:
    """Whether a sentence says what a term is."""
    words = _without_article(sentence)
    if not words.startswith(term):
        return False
    rest = words[len(term) :].lstrip()
    if rest.startswith("("):
        rest = rest.partition(")")[2].lstrip()
    verb, *following = rest.split(" ", 2)[:2]
    # "Shoebox is free" says nothing of what it is.
    is_class = verb in ("is", "was") and following[:1] and following[0] in _ARTICLES
    return rest.startswith((":", "–", "—", "- ")) or verb in _DEFINING or bool(is_class)


def _without_article(sentence: str) -> str:
    """A sentence in small letters, without an article before it and without emphasis."""
    words = " ".join(sentence.casefold().replace("*", "").split())
    for article in ("the ", "a ", "an "):
        words = words.removeprefix(article)
    return words
