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
from service.confidence import Calibration, Groups
from service.question import Question
from service.reader.span import Findings, Kind, Reader, Span, Watch, unwatched

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
    :param findings: what the reader found in them
    :param timings_ms: milliseconds of each stage
    """

    question: Question
    resolved: str
    hits: tuple[Hit, ...]
    findings: Findings
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
    """The documents say so.

    :param threshold: the least confidence with which such an answer is given by default
    """

    asked: Asked
    statement: Statement
    alternatives: tuple[Statement, ...]
    threshold: float


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The documents do not say, as far as Quoth can tell. The nearest passages are in ``asked``."""

    asked: Asked
    reason: Reason


class Answerer:
    """Answers questions from one collection. Thread-safe and deterministic; every way in calls this one."""

    def __init__(
        self, store: Store, searcher: Searcher, reader: Reader, calibrations: Mapping[Kind, Calibration]
    ) -> None:
        self._store = store
        self._searcher = searcher
        self._reader = reader
        self._calibrations = calibrations

    def ask(self, question: Question, watch: Watch = unwatched) -> Answer | NoAnswer:
        """The answer, or why there is none. Both are outcomes.

        :param watch: told of the passages before they are read; what it raises ends the work
        :raises StoreError: the index is damaged
        """
        for _ in range(_ATTEMPTS):
            try:
                return self._answer(self._look(question, watch))
            except NotFoundError:
                continue  # a document was deleted while it was being read: the next try does not see it
        raise StoreError("documents are deleted faster than they can be read; ask again")

    def _look(self, question: Question, watch: Watch) -> tuple[Asked, SearchResult]:
        started = time.perf_counter()
        result = self._searcher.search(question.text, question.top_k, question.filters)
        searched = time.perf_counter()
        findings = self._reader.read(question.text, result, watch)
        read = time.perf_counter()
        timings = {
            "retrieve": (searched - started) * 1e3,
            "read": (read - searched) * 1e3,
            "total": (read - started) * 1e3,
        }
        return Asked(question, question.text, result.hits, findings, result.generation, timings), result

    def _answer(self, looked: tuple[Asked, SearchResult]) -> Answer | NoAnswer:
        asked, result = looked
        if not result.hits:
            return NoAnswer(asked, Reason.FILTER_EXCLUDES_ALL if result.excluded_all else Reason.NOTHING_RETRIEVED)
        kind, groups = self._chosen(asked.findings)
        if not groups:
            return NoAnswer(asked, Reason.NO_SPAN)
        calibration = self._calibrations[kind]
        confidence = calibration.confidence(groups, 0)
        floor = asked.question.min_confidence
        if confidence < (calibration.threshold if floor is None else floor):
            return NoAnswer(asked, Reason.LOW_CONFIDENCE)
        alternatives = self._alternatives(groups, calibration)
        return Answer(asked, self._state(groups[0], confidence), alternatives, calibration.threshold)

    def _chosen(self, findings: Findings) -> tuple[Kind, Groups]:
        """The kind of answer to give, and all answers of that kind.

        A question that may take a sentence is answered in a few words where these are sure.
        """
        short = grouped(findings.spans[Kind.SHORT])
        calibration = self._calibrations[Kind.SHORT]
        if findings.expected is Kind.SHORT or (short and calibration.confidence(short, 0) >= calibration.threshold):
            return Kind.SHORT, short
        return Kind.SENTENCE, grouped(findings.spans[Kind.SENTENCE])

    def _alternatives(self, groups: Groups, calibration: Calibration) -> tuple[Statement, ...]:
        places = range(1, min(len(groups), 1 + MAX_ALTERNATIVES))
        return tuple(self._state(groups[place], calibration.confidence(groups, place)) for place in places)

    def _state(self, group: Sequence[Span], confidence: float) -> Statement:
        citations = cite(self._store, group)
        return Statement(citations[0].quote, confidence, citations)
