"""The Answerer: search, read, choose, cite, or say that the documents do not tell."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from corpus.errors import NotFoundError, StoreError
from index.search import Hit, Searcher, SearchResult
from index.store import Store
from service.agreement import grouped
from service.citation import Citation, cite
from service.confidence import Calibration
from service.question import Question
from service.reader.span import Reader, Span

MAX_ALTERNATIVES = 3

_ATTEMPTS = 5


class Reason(StrEnum):
    """Why there is no answer."""

    NOTHING_RETRIEVED = "nothing_retrieved"
    NO_SPAN = "no_span"
    LOW_CONFIDENCE = "low_confidence"
    FILTER_EXCLUDES_ALL = "filter_excludes_all"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked, and what was looked at for it.

    :param resolved: the question as it was searched for
    :param hits: the passages that were read, best first
    :param spans: what the reader found in them, best first
    :param timings_ms: milliseconds of each stage
    """

    question: Question
    resolved: str
    hits: tuple[Hit, ...]
    spans: tuple[Span, ...]
    generation: int
    timings_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Statement:
    """A quote that answers, everywhere it was found.

    :param confidence: calibrated probability that it is right
    :param citations: at least one; the first is the quote itself
    """

    text: str
    confidence: float
    citations: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The documents say so."""

    asked: Asked
    statement: Statement
    alternatives: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The documents do not say, as far as Quoth can tell. The nearest passages are in ``asked``."""

    asked: Asked
    reason: Reason


class Answerer:
    """Answers questions from one collection. Thread-safe and deterministic; every way in calls this one."""

    def __init__(self, store: Store, searcher: Searcher, reader: Reader, calibration: Calibration) -> None:
        self._store = store
        self._searcher = searcher
        self._reader = reader
        self._calibration = calibration

    def ask(self, question: Question) -> Answer | NoAnswer:
        """The answer, or why there is none. Both are outcomes.

        :raises StoreError: the index is damaged
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._answer(self._look(question))
            except NotFoundError:
                continue  # a document was deleted while it was being read: the next try does not see it
        raise StoreError("documents are deleted faster than they can be read; ask again")

    def _look(self, question: Question) -> tuple[Asked, SearchResult]:
        started = time.perf_counter()
        result = self._searcher.search(question.text, question.top_k, question.filters)
        searched = time.perf_counter()
        spans = self._reader.read(question.text, result)
        read = time.perf_counter()
        timings = {
            "retrieve": (searched - started) * 1e3,
            "read": (read - searched) * 1e3,
            "total": (read - started) * 1e3,
        }
        return Asked(question, question.text, result.hits, tuple(spans), result.generation, timings), result

    def _answer(self, looked: tuple[Asked, SearchResult]) -> Answer | NoAnswer:
        asked, result = looked
        if not result.hits:
            return NoAnswer(asked, Reason.FILTER_EXCLUDES_ALL if result.excluded_all else Reason.NOTHING_RETRIEVED)
        groups = grouped(asked.spans)
        if not groups:
            return NoAnswer(asked, Reason.NO_SPAN)
        confidence = self._confidence(groups, 0)
        floor = asked.question.min_confidence
        if confidence < (self._calibration.threshold if floor is None else floor):
            return NoAnswer(asked, Reason.LOW_CONFIDENCE)
        others = range(1, min(len(groups), 1 + MAX_ALTERNATIVES))
        alternatives = tuple(self._state(groups[place], self._confidence(groups, place)) for place in others)
        return Answer(asked, self._state(groups[0], confidence), alternatives)

    def _confidence(self, groups: Sequence[Sequence[Span]], place: int) -> float:
        rivals = [group[0] for number, group in enumerate(groups) if number != place]
        return self._calibration.confidence(groups[place][0], rivals)

    def _state(self, group: Sequence[Span], confidence: float) -> Statement:
        citations = cite(self._store, group)
        return Statement(citations[0].quote, confidence, citations)
