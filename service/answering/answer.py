"""The Answerer searches, reads, chooses and cites, or reports that the documents do not answer."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel

from index.search.searcher import Hit, Searcher, SearchResult
from index.store.store import Store
from service.answering.agreement import grouped
from service.answering.citation import Citation, cite
from service.answering.composing import Composer, Composition, Outlines, is_in_row
from service.answering.confidence import Groups, confidence_in
from service.answering.conflict import Confidence, conflicting
from service.answering.reason import Reason
from service.followups.resolver import Resolver, is_sentence
from service.question import Question
from service.reader.asks import subject_of, wants_steps
from service.reader.evidence import support
from service.reader.fitted import CELL, Calibration
from service.reader.form import AnswerForm
from service.reader.span import Findings, QuestionReader, Span, Watch, unwatched

MAX_ALTERNATIVES = 3

_NO_SHIFTS: Mapping[str, float] = MappingProxyType({})

LEAST_GUESS = 0.1
"""A guess that is right less often than this is not shown."""

FULL_SUPPORT = 1 / 3
"""The share of a follow-up's own words from which a passage's confidence is not reduced."""


TYPED_LEAD = 0.2
"""How much more confident the answer to a follow-up as it was typed has to be than the answer to
its resolved form.
"""


@dataclass(frozen=True, slots=True)
class Trace:
    """How a question was processed.

    :param resolved: the completed question, which was searched for
    :param hits: the passages that were retrieved, best first
    :param findings: the spans that the reader found in them
    :param timings_ms: milliseconds of each stage
    """

    question: Question
    resolved: str
    hits: tuple[Hit, ...]
    findings: Findings
    generation: int
    timings_ms: Mapping[str, float]


class AnswerQuote(BaseModel, frozen=True):
    """A quote that an answer is made of.

    :param citation: the number of its citation
    """

    text: str
    citation: int


class AnswerText(BaseModel, frozen=True):
    """An answer: the exact text of the first citation's quote.

    :param confidence: calibrated probability that it is right
    :param quotes: all that it is made of, in reading order
    """

    text: str
    confidence: float
    form: AnswerForm = AnswerForm.SHORT
    quotes: tuple[AnswerQuote, ...] = ()


class Statement(AnswerText, frozen=True):
    """An answer with everything that supports it.

    :param citations: one for each occurrence, at least one; the first is the source of the text
    """

    citations: tuple[Citation, ...]

    @classmethod
    def of(
        cls,
        form: AnswerForm,
        confidence: float,
        citations: tuple[Citation, ...],
        *,
        quotes: int = 1,
    ) -> Self:
        """The statement that these citations make.

        :param quotes: how many of the citations it is made of; the others are further occurrences
        """
        return cls(
            text=citations[0].quote,
            confidence=confidence,
            form=form,
            quotes=tuple(
                AnswerQuote(text=citation.quote, citation=citation.number)
                for citation in citations[:quotes]
            ),
            citations=citations,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The documents answer the question.

    :param threshold: the lowest confidence at which such an answer is given by default
    :param conflict: whether the sources disagree. The statement and the alternatives are then the
        conflicting values, newest first, each with the confidence it would have without the others
    """

    trace: Trace
    statement: Statement
    alternatives: tuple[Statement, ...]
    threshold: float
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Unsure:
    """No answer is certain enough. The best guess may be right."""

    trace: Trace
    best_guess: Statement
    reason: Reason = Reason.LOW_CONFIDENCE


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Quoth found no answer in the documents. The nearest passages are in ``trace``."""

    trace: Trace
    reason: Reason


Outcome = Answer | Unsure | NoAnswer
"""The outcome of a question."""


class Answerer:
    """Answers questions from one collection, for every channel. It is thread-safe and
    deterministic.
    """

    def __init__(
        self,
        store: Store,
        searcher: Searcher,
        reader: QuestionReader,
        calibrations: Mapping[AnswerForm, Calibration],
        evidence_threshold: float,
        shifts: Mapping[str, float] = _NO_SHIFTS,
    ) -> None:
        """Answer from a store.

        :param shifts: log odds that are added to the confidence of answers of a form, by the form's
            name or :data:`service.reader.fitted.CELL`
        """
        self._store = store
        self._searcher = searcher
        self._reader = reader
        self._calibrations = calibrations
        self._evidence_threshold = evidence_threshold
        self._shifts = shifts
        self._outlines = Outlines(store)

    def ask(self, question: Question, watch: Watch = unwatched) -> Outcome:
        """The answer, or the reason why there is none.

        :param watch: called with the passages before they are read; an exception that it raises
            stops the work
        :raises NotFoundError: a document was deleted while it was being read; the next attempt does
            not see it
        :raises StoreError: the index is damaged
        """
        started = time.perf_counter()
        resolved = Resolver(self._searcher.encoder).resolve(question.text, question.history)
        forms, results = self._searched(question, resolved)
        searched = time.perf_counter()
        findings = [
            self._reader.read(form, result, watch)
            for form, result in zip(forms, results, strict=True)
        ]
        read = time.perf_counter()
        timings = {
            "retrieve": (searched - started) * 1e3,
            "read": (read - searched) * 1e3,
            "total": (read - started) * 1e3,
        }
        outcomes = [
            self._outcome(
                Trace(
                    question=question,
                    resolved=form,
                    hits=result.hits,
                    findings=found,
                    generation=result.generation,
                    timings_ms=timings,
                ),
                result,
            )
            for form, result, found in zip(forms, results, findings, strict=True)
        ]
        return _better(*outcomes)

    def _searched(
        self, question: Question, resolved: str
    ) -> tuple[Sequence[str], Sequence[SearchResult]]:
        """The forms in which the question is read, the resolved one first, and what was found for
        each.
        """
        typed, top_k, filters = question.text, question.top_k, question.filters
        if resolved != typed and is_sentence(typed):
            # It may have been complete after all, so both forms are read.
            return (resolved, typed), self._searcher.search_both(resolved, typed, top_k, filters)
        subject = subject_of(resolved)
        return (resolved,), (self._searcher.search(subject, top_k, filters, aside=typed),)

    def _outcome(self, trace: Trace, result: SearchResult) -> Outcome:
        if not result.hits:
            excluded = result.excluded_all
            return NoAnswer(
                trace, Reason.FILTER_EXCLUDES_ALL if excluded else Reason.NOTHING_RETRIEVED
            )
        composer = Composer(
            partial(self._outlines.of, trace.generation),
            trace.resolved,
            trace.findings.expected,
            threshold=self._evidence_threshold,
        )
        kind, groups = self._chosen(trace, result.idf, composer)
        if not groups:
            return NoAnswer(trace, Reason.NO_SPAN)
        threshold, floor = self._calibrations[kind].threshold, trace.question.min_confidence
        confidence = self._confidence(kind, trace, result.idf)
        first = groups[0][0]
        if kind is AnswerForm.SHORT:
            # A conflict is shown only if its values would also be given by default.
            values = conflicting(groups, confidence, max(threshold, floor or 0.0))
            if values:
                # In a conflict, the first value is no more than the others.
                plain = Composition(kind, (groups[next(iter(values))][0],))
                statement, *others = self._statements(plain, kind, groups, values)
                return Answer(trace, statement, tuple(others), threshold=threshold, conflict=True)
        composition = composer.compose(first, trace.findings.spans.get(AnswerForm.SENTENCE, ()))
        shift = self._shifts.get(_name_of(composition.form, first), 0.0)
        best = self._confidence(kind, trace, result.idf, shift)(groups, 0)
        if best >= (threshold if floor is None else floor):
            ranks = range(1, min(len(groups), 1 + MAX_ALTERNATIVES))
            values = {0: best} | {rank: confidence(groups, rank) for rank in ranks}
            statement, *others = self._statements(composition, kind, groups, values)
            return Answer(trace, statement, tuple(others), threshold=threshold)
        if best < LEAST_GUESS:
            return NoAnswer(trace, Reason.LOW_CONFIDENCE)
        return Unsure(trace, self._statements(composition, kind, groups, {0: best})[0])

    def _statements(
        self,
        composition: Composition,
        kind: AnswerForm,
        groups: Groups,
        values: Mapping[int, float],
    ) -> list[Statement]:
        """The answers of some groups with their confidences, each quoted as it was read but for the
        first, which is composed.

        :param composition: of the first
        :param values: the confidence of each group that is wanted, by its index
        """
        first, *others = values
        others = [rank for rank in others if composition.adds(groups[rank][0])]
        whole = [*composition.quotes, *composition.further(groups[first])]
        composed, *cited = cite(self._store, [whole, *(groups[rank] for rank in others)])
        quotes = len(composition.quotes)
        return [
            Statement.of(composition.form, values[first], composed, quotes=quotes),
            *(
                Statement.of(kind, values[rank], citations)
                for rank, citations in zip(others, cited, strict=True)
            ),
        ]

    def _chosen(
        self, trace: Trace, idf: Mapping[str, float], composer: Composer
    ) -> tuple[AnswerForm, Groups]:
        """The fitted form to answer from, and all answers of that form, the best first.

        A question that takes more than a few words is answered from the sentence that ranks best,
        unless a few words are confident enough, or are a cell that answers better: a row is no
        sentence.
        """
        findings = trace.findings
        shown = 1 + MAX_ALTERNATIVES
        short = composer.ordered(grouped(findings.spans[AnswerForm.SHORT]), shown)
        if findings.expected is AnswerForm.SHORT:
            return AnswerForm.SHORT, short
        sentences = composer.ordered(grouped(findings.spans[AnswerForm.SENTENCE]), shown)
        if not short or not sentences:
            return (AnswerForm.SHORT, short) if short else (AnswerForm.SENTENCE, sentences)
        certainty = self._confidence(AnswerForm.SHORT, trace, idf)(short, 0)
        is_sure = certainty >= self._calibrations[AnswerForm.SHORT].threshold
        is_cell = short[0][0].heads is not None and (
            is_in_row(sentences[0][0])
            # A cell holds no steps.
            or (
                not wants_steps(trace.resolved)
                and certainty >= self._confidence(AnswerForm.SENTENCE, trace, idf)(sentences, 0)
            )
        )
        if is_sure or is_cell or composer.takes_few_words(sentences[0][0]):
            return AnswerForm.SHORT, short
        return AnswerForm.SENTENCE, sentences

    def _confidence(
        self, kind: AnswerForm, trace: Trace, idf: Mapping[str, float], shift: float = 0.0
    ) -> Confidence:
        """The calibrated confidence, with a shift of its log odds. For a follow-up, it is scaled
        down if the passage contains few of the follow-up's own words.
        """
        # Earlier turns help to find passages, but they are not evidence: a passage that contains
        # none of this turn's own words can at most answer an earlier question.
        calibrated = partial(confidence_in, calibration=self._calibrations[kind], shift=shift)
        if trace.resolved == trace.question.text:
            return calibrated

        typed = trace.question.text
        is_joined = trace.resolved.endswith(f"? {typed}")

        def supported(groups: Groups, rank: int) -> float:
            span = groups[rank][0]
            # Where an earlier question comes first, its answer is near. So the sentence of the
            # answer has to contain words of this turn, not only the passage.
            texts = (
                [span.sentence]
                if is_joined and span.heads is None
                else [span.hit.chunk.view.text, span.hit.chunk.context]
            )
            share = support(typed, idf, *texts)
            return calibrated(groups, rank) * min(1.0, share / FULL_SUPPORT)

        return supported


def _name_of(form: AnswerForm, span: Span) -> str:
    """What an answer is called among the forms that have a shift."""
    return CELL if form is AnswerForm.SHORT and span.heads is not None else form.value


def _better(resolved: Outcome, typed: Outcome | None = None) -> Outcome:
    """The outcome with the better evidence. That of the typed form has to be an answer that is
    clearly better, since a form that lacks what it is about is answered by any document.
    """
    if not isinstance(typed, Answer):
        return resolved
    lead = typed.statement.confidence - _evidence(resolved)
    return typed if lead >= TYPED_LEAD else resolved


def _evidence(outcome: Outcome) -> float:
    if isinstance(outcome, Answer):
        return outcome.statement.confidence
    return outcome.best_guess.confidence if isinstance(outcome, Unsure) else 0.0
