"""Evidence for a span from the words around it: how many of the question's terms its sentence and
its passage contain.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from index.search.embedded.analyser import terms_of
from index.search.searcher import Hit
from index.text.view import View, ViewPart, ViewRow
from service.reader.fitted import Feature
from service.reader.sentences import ViewSentence, view_sentences

_STOP_TERMS = frozenset(
    term
    for word in """
        a about after all also an and any are as at be been before being by can could did do does
    during each for from had has have he her his how i if in into is it its many may me might
    more most much must my no not of on or our out over own per please said say says she should
    since so some such tell than that the their them then there these they this those through to
    under until up us was we were what when where which while who whom whose why will with would
    you your""".split()
    for term in terms_of(word)
)
_NAME = re.compile(r"(?<!^)(?<![.!?] )\b[A-Z][\w’'-]+|\b[A-Z][^\WA-Z]*[A-Z]\w*\b")
_LIST_MARK = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+(?=\S)")
_FULL_SENTENCE_TERMS = 6


class QuestionTerms:
    """The terms of one question, to be compared with passages and their sentences.

    :param idf: how rare each of the question's terms is
    """

    def __init__(self, question: str, idf: Mapping[str, float]) -> None:
        names = {term for name in _NAME.findall(question) for term in terms_of(name)}
        # A name is no small word, as in "May" and "US".
        wanted = idf.keys() - (_STOP_TERMS - names)
        self._wanted = {term: idf[term] for term in (wanted or idf.keys())}
        self._figures = dict.fromkeys(
            (term for term in terms_of(question) if term[0].isdigit()), 1.0
        )
        self._names = dict.fromkeys(names, 1.0)

    def passage(self, hit: Hit) -> "PassageTerms":
        """The comparison of these terms with one passage."""
        return PassageTerms(hit, self._wanted, self._figures, self._names)


class PassageTerms:
    """How many of a question's terms a passage and each of its sentences contain."""

    def __init__(
        self,
        hit: Hit,
        wanted: Mapping[str, float],
        figures: Mapping[str, float],
        names: Mapping[str, float],
    ) -> None:
        text = hit.chunk.view.text
        self._wanted = wanted
        self._view = hit.chunk.view
        self._rows = self._view.rows
        self._row_starts = {row.start for row in self._rows}
        self._compared: dict[int, tuple[dict[int, float], float]] = {}
        self._topic = set(terms_of(hit.chunk.context))
        self.sentences = sentences_of(hit.chunk.view)
        terms = [set(terms_of(text[sentence.start : sentence.end])) for sentence in self.sentences]
        everything = self._topic.union(*terms)
        self._terms = terms
        self._shared: dict[str, float] = {
            Feature.PASSAGE: hit.fused.dense_score,
            Feature.FUSED: hit.score,
            Feature.PASSAGE_WORDS: _share(wanted, everything),
            Feature.FIGURES: _share(figures, everything),
            Feature.NAMES: _share(names, everything),
        }

    def around(self, start: int, end: int) -> tuple[int, int]:
        """The indices of the first and the last sentence that a span of the view overlaps."""
        overlapping = [
            number
            for number, sentence in enumerate(self.sentences)
            if sentence.start < end and start < sentence.end
        ]
        return (overlapping[0], overlapping[-1]) if overlapping else (0, len(self.sentences) - 1)

    def features(self, first: int, last: int) -> dict[str, float]:
        """The features of the sentences from ``first`` to ``last``, both included, that come from
        the words of question and passage (:class:`service.reader.fitted.Feature`).
        """
        terms = set().union(*self._terms[first : last + 1])
        # What stands in the row above is said of another row.
        alone = first == 0 or self.sentences[first].start in self._row_starts
        before = set() if alone else self._terms[first - 1]
        words = _share(self._wanted, terms)
        with_topic = _share(self._wanted, terms | self._topic)
        return {
            **self._shared,
            Feature.WORDS: words,
            Feature.NEAR_WORDS: _share(self._wanted, terms | before),
            Feature.TOPIC_WORDS: words
            + (with_topic - words) * min(1.0, len(terms) / _FULL_SENTENCE_TERMS),
        }

    def cell(self, part: ViewPart) -> dict[str, float]:
        """The features of a cell that come from the heads of its column and from its row."""
        row = next((row for row in self._rows if row.start <= part.start < row.end), None)
        if row is None:
            return {Feature.COLUMN: 0.0, Feature.ROW: 0.0}
        if row.start not in self._compared:
            self._compared[row.start] = self._compare(row)
        columns, share = self._compared[row.start]
        return {Feature.COLUMN: columns[part.start], Feature.ROW: share}

    def _compare(self, row: ViewRow) -> tuple[dict[int, float], float]:
        """For each cell of a row, by its start, how well the question names its column; and how
        well it names the row.
        """
        text, previous = self._view.text, row.start
        heads: dict[int, set[str]] = {}
        cells: set[str] = set()
        for part in self._view.parts:
            if row.start <= part.start < row.end:
                # The view writes the head of a column in front of its cell.
                heads[part.start] = set(terms_of(text[previous : part.start]))
                cells.update(terms_of(text[part.start : part.end]))
                previous = part.end
        of_heads = set().union(*heads.values()) - cells
        # A word of many heads, as in "Model A" and "Model B", tells little about the column.
        holding = {term: sum(term in head for head in heads.values()) for term in of_heads}
        named = {
            term: weight * math.log(0.5 + len(heads) / holding[term])
            for term, weight in self._wanted.items()
            if term in of_heads
        }
        others = {term: weight for term, weight in self._wanted.items() if term not in of_heads}
        columns = {start: _share(named, own) if named else 0.0 for start, own in heads.items()}
        return columns, _share(others, cells) if others else 0.0


def support(question: str, idf: Mapping[str, float], *texts: str) -> float:
    """The share of a question's terms, weighted by rarity, that occur in some texts.

    Stop words do not count. The share is 1 if the question has no other words, as in "Why?".
    """
    own = {term: idf[term] for term in set(terms_of(question)) - _STOP_TERMS if term in idf}
    return _share(own, {term for text in texts for term in terms_of(text)})


def content_terms(text: str) -> set[str]:
    """The terms of a text without stop words."""
    return set(terms_of(text)) - _STOP_TERMS


def sentences_of(view: View) -> list[ViewSentence]:
    """The sentences of a passage, without the bullets and numbers of list items."""
    spans = []
    for sentence in view_sentences(view):
        mark = _LIST_MARK.match(view.text, sentence.start, sentence.end)
        by = mark.end() - sentence.start if mark else 0
        spans.append(
            replace(sentence, start=sentence.start + by, first=sentence.first + by)
            if by
            else sentence
        )
    return spans


def _share(wanted: Mapping[str, float], present: set[str]) -> float:
    total = math.fsum(wanted.values())
    if total == 0:
        return 1.0
    return math.fsum(weight for term, weight in wanted.items() if term in present) / total
