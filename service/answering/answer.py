"""The Answerer: search, read, choose, cite, or say that the documents do not tell."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from corpus.errors import NotFoundError, StoreError
from index.search.searcher import Hit, Searcher, SearchResult
from index.store.store import Store
from service.answering.agreement import grouped
from service.answering.citation import Citation, cite
from service.answering.confidence import Calibration, Groups
from service.answering.conflict import Confidence, conflicting
from service.answering.question import Question
from service.answering.reason import Reason
from service.followups.resolver import Resolver
from service.reader.evidence import support
from service.reader.span import Findings, Kind, Reader, Span, Watch, unwatched

MAX_ALTERNATIVES = 3

FULL_SUPPORT = 1 / 3
"""The share of a follow-up's own words that a passage must hold to be trusted in full."""

_ATTEMPTS = 5


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
    :param conflict: whether the sources disagree; the statement and the alternatives are then their
        values, the newest first, each as sure as if the others had not been found"""

    asked: Asked
    statement: Statement
    alternatives: tuple[Statement, ...]
    threshold: float
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The documents do not say, as far as Quoth can tell. The nearest passages are in ``asked``."""

    asked: Asked
    reason: Reason


class Answerer:
    """Answers questions from one collection. Thread-safe and deterministic; every way in calls this
    one.
    """

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        reader: Reader,
        calibrations: Mapping[Kind, Calibration],
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
                # a document was deleted while it was being read: the next try does not see it
                continue
        raise StoreError("documents are deleted faster than they can be read; ask again")

    def _look(self, question: Question, watch: Watch) -> tuple[Asked, SearchResult]:
        started = time.perf_counter()
        resolved = Resolver(self._searcher.encoder).resolve(question.text, question.history)
        result = self._searcher.search(
            resolved, question.top_k, question.filters, aside=question.text
        )
        searched = time.perf_counter()
        findings = self._reader.read(resolved, result, watch)
        read = time.perf_counter()
        timings = {
            "retrieve": (searched - started) * 1e3,
            "read": (read - searched) * 1e3,
            "total": (read - started) * 1e3,
        }
        return Asked(question, resolved, result.hits, findings, result.generation, timings), result

    def _answer(self, looked: tuple[Asked, SearchResult]) -> Answer | NoAnswer:
        asked, result = looked
        if not result.hits:
            return NoAnswer(
                asked,
                Reason.FILTER_EXCLUDES_ALL if result.excluded_all else Reason.NOTHING_RETRIEVED,
            )
        kind, groups = self._chosen(asked, result.idf)
        if not groups:
            return NoAnswer(asked, Reason.NO_SPAN)
        threshold, floor = self._calibrations[kind].threshold, asked.question.min_confidence
        confidence = self._confidence(kind, asked, result.idf)
        values = (
            conflicting(groups, confidence, max(threshold, floor or 0.0))
            if kind is Kind.SHORT
            else {}
        )
        if values:
            return Answer(asked, *self._states(groups, values), threshold, conflict=True)
        if confidence(groups, 0) < (threshold if floor is None else floor):
            return NoAnswer(asked, Reason.LOW_CONFIDENCE)
        places = range(min(len(groups), 1 + MAX_ALTERNATIVES))
        return Answer(
            asked,
            *self._states(groups, {place: confidence(groups, place) for place in places}),
            threshold,
        )

    def _chosen(self, asked: Asked, idf: Mapping[str, float]) -> tuple[Kind, Groups]:
        """The kind of answer to give, and all answers of that kind.

        A question that may take a sentence is answered in a few words where these are sure.
        """
        findings = asked.findings
        short = grouped(findings.spans[Kind.SHORT])
        confidence = self._confidence(Kind.SHORT, asked, idf)
        threshold = self._calibrations[Kind.SHORT].threshold
        if findings.expected is Kind.SHORT or (short and confidence(short, 0) >= threshold):
            return Kind.SHORT, short
        return Kind.SENTENCE, grouped(findings.spans[Kind.SENTENCE])

    def _confidence(self, kind: Kind, asked: Asked, idf: Mapping[str, float]) -> Confidence:
        """The calibrated confidence; for a follow-up, no more than its own words bear out.

        What was said before helps to find passages. It is no evidence: a passage that holds none of
        this turn's own words answers an earlier question, if any."""
        calibrated = self._calibrations[kind].confidence
        if asked.resolved == asked.question.text:
            return calibrated

        def borne_out(groups: Groups, place: int) -> float:
            share = support(asked.question.text, idf, groups[place][0].hit)
            return calibrated(groups, place) * min(1.0, share / FULL_SUPPORT)

        return borne_out

    def _states(
        self, groups: Groups, shown: Mapping[int, float]
    ) -> tuple[Statement, tuple[Statement, ...]]:
        """The answers of the groups at these places, with the confidence of each: the first, and
        the others.
        """
        first, *others = (
            self._state(groups[place], confidence) for place, confidence in shown.items()
        )
        return first, tuple(others)

    def _state(self, group: Sequence[Span], confidence: float) -> Statement:
        citations = cite(self._store, group)
        return Statement(citations[0].quote, confidence, citations)
