"""Asks every question of a set, through the same Answerer as HTTP and Slack, and keeps the
outcomes.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from corpus.errors import NotFoundError
from eval.measuring.formulas import is_right
from eval.sets.question import LabelledEvidence, LabelledQuestion, QuestionSet
from index.search.searcher import Hit
from service.answering.answer import Answer
from service.answering.citation import Citation
from service.answering.service import AnswerService
from service.question import make_question

RETRIEVED = 100
"""How many passages the measures of retrieval look at."""


@dataclass(frozen=True, slots=True)
class EvidenceSpan:
    """The position of a piece of evidence in its document as it is now: code points, half-open."""

    document_id: str
    start: int
    end: int

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
    exact: bool = True
    reason: str = ""
    timings_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def given(self) -> bool:
        """Whether the answer is given by default."""
        return bool(self.text) and self.confidence >= self.threshold

    @property
    def right(self) -> bool:
        """Whether the best answer is right."""
        return is_right(self.text, self.question.answers)

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
    # Asked once, for the best answer however doubtful: whether it is given by default follows from
    # its confidence and its threshold.
    outcome = service.answerer.ask(
        make_question(question.text, history=question.history, min_confidence=0)
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
        timings_ms=outcome.trace.timings_ms,
    )
    if not isinstance(outcome, Answer):
        return replace(searched, reason=outcome.reason.value)
    statement = outcome.statement
    return replace(
        searched,
        text=statement.text,
        sentence=statement.citations[0].sentence.text,
        citations=statement.citations,
        confidence=statement.confidence,
        threshold=outcome.threshold,
        exact=is_exact(outcome, service),
    )


def _locate(evidence: LabelledEvidence, service: AnswerService) -> EvidenceSpan | None:
    """The first occurrence of evidence in its document as it is now."""
    try:
        text = service.collection.store.document(evidence.document_id).text
    except NotFoundError:
        return None
    if evidence.quote is None:
        return EvidenceSpan(evidence.document_id, 0, len(text))
    start = text.find(evidence.quote)
    if start < 0:
        return None
    return EvidenceSpan(evidence.document_id, start, start + len(evidence.quote))


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


def is_exact(answer: Answer, service: AnswerService) -> bool:
    """Whether every quote of the answer and its alternatives is where its citation says, read from
    the store once more.
    """
    store = service.collection.store
    for statement in (answer.statement, *answer.alternatives):
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
