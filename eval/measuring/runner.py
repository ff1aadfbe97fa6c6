"""Asks every question of a set, through the same Answerer as HTTP and Slack, and keeps the
outcomes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from corpus.errors import NotFoundError
from eval.measuring.formulas import contains, is_right
from eval.sets.question import LabelledEvidence, LabelledQuestion, QuestionSet
from index.search.searcher import Hit
from service.answering.answer import Answer, Statement, Unsure
from service.answering.citation import Citation
from service.answering.record import OutcomeKind
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.form import AnswerForm

LEAST_POINTS = 0.9
"""The least share of its points that a right answer holds."""

RETRIEVED = 100
"""How many passages the measures of retrieval look at."""


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """The position of a piece of evidence in its document as it is now: code points, half-open.

    :param is_place: whether it was labelled as this one place, which a right answer must not leave
    """

    document_id: str
    start: int
    end: int
    is_place: bool = False

    def overlaps(self, document_id: str, start: int, end: int) -> bool:
        """Whether it shares a character with another span of a document."""
        return document_id == self.document_id and start < self.end and self.start < end


@dataclass(frozen=True, slots=True)
class QuestionOutcome:
    """What came of one question. Without an answer, the fields from ``text`` on keep their
    defaults.

    :param evidence_spans: positions of its evidence, in the order of the question
    :param retrieved: for each passage found, best first, the number of the evidence span that is
        first found there, or -1
    :param unresolved: evidence that is no longer in its document
    :param text: the best answer, however doubtful
    :param form: of that answer
    :param quotes: all that it is made of, in reading order
    :param guessed: whether it is shown, as a guess that is not certain
    :param confidence: in that answer
    :param threshold: the least confidence with which the answer is given by default
    :param exact: whether every quote is in the document where its citation says
    :param reason: why there is no answer, not even a doubtful one
    :param timings_ms: milliseconds of each stage
    """

    question: LabelledQuestion
    evidence_spans: tuple[EvidenceSpan, ...]
    retrieved: tuple[int, ...]
    unresolved: tuple[LabelledEvidence, ...] = ()
    text: str = ""
    sentence: str = ""
    citations: tuple[Citation, ...] = ()
    confidence: float = 0.0
    threshold: float = 1.0
    form: AnswerForm | None = None
    quotes: tuple[Citation, ...] = ()
    guessed: bool = False
    exact: bool = True
    reason: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        """Whether the answer is given by default."""
        return bool(self.text) and self.confidence >= self.threshold

    @property
    def right(self) -> bool:
        """Whether the best answer is right: its quotes hold what the question asks for."""
        if self.question.points:
            return holds_points(self.quotes, self.question.points, self.evidence_spans)
        return is_right(self.text, self.question.answers)

    @property
    def kind(self) -> OutcomeKind:
        """What is shown by default: an answer, a guess, or neither."""
        if self.given:
            return OutcomeKind.ANSWER
        return OutcomeKind.UNSURE if self.guessed else OutcomeKind.NONE

    @property
    def first_rank(self) -> int | None:
        """The rank, from 1, of the first passage with evidence; None if no passage has any."""
        ranks = (rank for rank, number in enumerate(self.retrieved, start=1) if number >= 0)
        return next(ranks, None)

    def supports(self, citation: Citation) -> bool:
        """Whether the evidence supports a citation: it quotes from it."""
        return any(
            span.overlaps(citation.document_id, citation.start, citation.end)
            for span in self.evidence_spans
        )


def holds_points(
    quotes: Sequence[Citation],
    points: Sequence[Sequence[str]],
    evidence: Sequence[EvidenceSpan],
) -> bool:
    """Whether quotes hold what a question asks for, and are taken from where the documents say it.

    A point is held if a quote from the evidence contains one of its accepted forms, as whole words.
    At least :data:`LEAST_POINTS` of them must be held. Of a list, no quote may come from elsewhere;
    of a place, such as a cell, no quote may be more than that place.
    """

    def supported(quote: Citation) -> bool:
        return any(
            span.overlaps(quote.document_id, quote.start, quote.end)
            and (not span.is_place or (span.start <= quote.start and quote.end <= span.end))
            for span in evidence
        )

    taken = [quote.quote for quote in quotes if supported(quote)]
    is_strict = len(points) > 1 or any(span.is_place for span in evidence)
    if is_strict and len(taken) < len(quotes):
        return False
    held = sum(any(contains(quote, forms) for quote in taken) for forms in points)
    return held >= LEAST_POINTS * len(points)


def run(
    questions: QuestionSet, service: AnswerService, progress: Callable[[], None] = lambda: None
) -> tuple[QuestionOutcome, ...]:
    """The outcome of every question, in their order.

    :param progress: called after each
    """
    outcomes = []
    for question in questions.questions:
        outcomes.append(_outcome(question, service))
        progress()
    return tuple(outcomes)


def _outcome(question: LabelledQuestion, service: AnswerService) -> QuestionOutcome:
    located = {evidence: _locate(evidence, service) for evidence in question.evidence}
    spans = tuple(span for span in located.values() if span)
    asked = make_question(question.text, history=question.history)
    default = service.answerer.ask(asked)
    # What is not given by default is asked for once more: the best answer, however doubtful, and
    # the threshold that it does not reach.
    outcome = (
        default
        if isinstance(default, Answer)
        else service.answerer.ask(replace(asked, min_confidence=0))
    )
    # Searched again, deeper: an answer reads the best few passages, the measures look at RETRIEVED.
    hits = service.collection.searcher.search(
        outcome.trace.resolved, RETRIEVED, aside=question.text
    ).hits
    searched = QuestionOutcome(
        question=question,
        evidence_spans=spans,
        retrieved=tuple(_first_found(hits, spans)),
        unresolved=tuple(evidence for evidence, span in located.items() if not span),
        timings_ms=default.trace.timings_ms,
    )
    if not isinstance(outcome, Answer):
        return replace(searched, reason=outcome.reason.value)
    statement = default.best_guess if isinstance(default, Unsure) else outcome.statement
    shown = (statement, *outcome.alternatives)
    return replace(
        searched,
        text=statement.text,
        sentence=statement.citations[0].sentence.text,
        citations=statement.citations,
        confidence=statement.confidence,
        threshold=outcome.threshold,
        form=statement.form,
        quotes=tuple(statement.citations[quote.citation - 1] for quote in statement.quotes),
        guessed=isinstance(default, Unsure),
        exact=is_exact(shown, service),
    )


def _locate(evidence: LabelledEvidence, service: AnswerService) -> EvidenceSpan | None:
    """The first occurrence of evidence in its document as it is now."""
    try:
        text = service.collection.store.document(evidence.document_id).text
    except NotFoundError:
        return None
    if evidence.quote is None:
        return EvidenceSpan(evidence.document_id, 0, len(text))
    found = text.find(evidence.after + evidence.quote)
    if found < 0:
        return None
    start = found + len(evidence.after)
    return EvidenceSpan(
        evidence.document_id, start, start + len(evidence.quote), bool(evidence.after)
    )


def _first_found(hits: Sequence[Hit], spans: Sequence[EvidenceSpan]) -> Iterator[int]:
    """For each hit, the number of the first piece of evidence in it that no better hit was counted
    for, or -1.
    """
    missing = dict(enumerate(spans))
    for hit in hits:
        chunk = hit.chunk
        held = [
            number
            for number, span in missing.items()
            if span.overlaps(chunk.document_id, chunk.start, chunk.end)
        ]
        yield held[0] if held else -1
        if held:
            del missing[held[0]]


def is_exact(statements: Iterable[Statement], service: AnswerService) -> bool:
    """Whether every quote of these statements is where its citation says, read from the store once
    more.
    """
    store = service.collection.store
    for statement in statements:
        for citation in statement.citations:
            text = store.document(citation.document_id, citation.version).text
            if text[citation.start : citation.end] != citation.quote:
                return False
    return True


def fingerprint(questions: QuestionSet, service: AnswerService) -> dict[str, str]:
    """What a run depends on, each part by its sha256: questions, documents, index (encoder and
    chunks), and reader with its calibration. Two runs can be compared if all parts are equal.
    """
    store = service.collection.store
    versions = sorted((summary.id, summary.version) for summary in service.collection.documents())
    manifest = sorted((store.manifest() or {}).items())
    return {
        "questions": questions.digest,
        "documents": hashlib.sha256(repr(versions).encode()).hexdigest(),
        "index": hashlib.sha256(repr(manifest).encode()).hexdigest(),
        "reader": service.fingerprint,
    }
