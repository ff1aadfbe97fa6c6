"""Asks every question of a set, through the same Answerer as HTTP and Slack, and keeps what came of
each.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from corpus.errors import NotFoundError
from eval.measuring.measures import is_right
from eval.sets.question import Evidence, LabelledQuestion, QuestionSet
from index.search.searcher import Hit
from service.answering.answer import Answer, NoAnswer
from service.answering.citation import Citation
from service.answering.question import make_question
from service.answering.service import AnswerService

RETRIEVED = 100
"""How many passages the measures of retrieval look at."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a piece of evidence stands now: code points, half-open."""

    document_id: str
    start: int
    end: int

    def meets(self, document_id: str, start: int, end: int) -> bool:
        """Whether a span of a document overlaps it."""
        return document_id == self.document_id and start < self.end and self.start < end


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    :param places: where its evidence stands, in the order of the question's
    :param unresolved: evidence that no longer stands in its document
    :param retrieved: for each passage found, best first, the number of the evidence that it is the
        first to hold, or -1
    :param text: the best answer, however doubtful; "" where there is none
    :param confidence: of it; 0 where there is none
    :param threshold: the least confidence with which it is given by default
    :param exact: whether every quote stands where its citation says
    :param reason: why there is no answer, even a doubtful one
    :param timings_ms: milliseconds of each stage
    """

    question: LabelledQuestion
    places: tuple[Place, ...]
    unresolved: tuple[Evidence, ...]
    retrieved: tuple[int, ...]
    text: str
    sentence: str
    citations: tuple[Citation, ...]
    confidence: float
    threshold: float
    exact: bool
    reason: str
    timings_ms: Mapping[str, float]

    @property
    def given(self) -> bool:
        """Whether it is answered by default."""
        return bool(self.text) and self.confidence >= self.threshold

    @property
    def right(self) -> bool:
        """Whether the best answer is right."""
        return is_right(self.text, self.question.answers)

    def supported(self, citation: Citation) -> bool:
        """Whether a citation quotes from the evidence."""
        return any(
            place.meets(citation.document_id, citation.start, citation.end) for place in self.places
        )


def run(
    questions: QuestionSet, service: AnswerService, progress: Callable[[], None] = lambda: None
) -> tuple[Outcome, ...]:
    """The outcome of every question, in their order.

    :param progress: called after each
    """
    return tuple(_counted(_asked(question, service), progress) for question in questions.questions)


def _counted(outcome: Outcome, progress: Callable[[], None]) -> Outcome:
    progress()
    return outcome


def _asked(question: LabelledQuestion, service: AnswerService) -> Outcome:
    resolved = {evidence: _place(evidence, service) for evidence in question.evidence}
    places = tuple(place for place in resolved.values() if place)
    outcome = service.answerer.ask(
        make_question(question.text, history=question.history, min_confidence=0)
    )
    statement = outcome.statement if isinstance(outcome, Answer) else None
    hits = service.collection.searcher.search(
        outcome.asked.resolved, RETRIEVED, aside=question.text
    ).hits
    return Outcome(
        question=question,
        places=places,
        unresolved=tuple(evidence for evidence, place in resolved.items() if not place),
        retrieved=tuple(_firsts(hits, places)),
        text=statement.text if statement else "",
        sentence=statement.citations[0].sentence if statement else "",
        citations=statement.citations if statement else (),
        confidence=statement.confidence if statement else 0.0,
        threshold=outcome.threshold if isinstance(outcome, Answer) else 1.0,
        exact=_exact(outcome, service),
        reason=outcome.reason.value if isinstance(outcome, NoAnswer) else "",
        timings_ms=outcome.asked.timings_ms,
    )


def _place(evidence: Evidence, service: AnswerService) -> Place | None:
    """Where evidence stands in its document as it is now, the first time it does."""
    try:
        text = service.collection.store.document(evidence.document_id).text
    except NotFoundError:
        return None
    start = text.find(evidence.quote) if evidence.quote is not None else 0
    end = start + len(evidence.quote) if evidence.quote is not None else len(text)
    return Place(evidence.document_id, start, end) if start >= 0 else None


def _firsts(hits: Sequence[Hit], places: Sequence[Place]) -> Iterator[int]:
    """For each hit, the number of the first piece of evidence that no better hit holds, or -1."""
    open_places = dict(enumerate(places))
    for hit in hits:
        chunk = hit.chunk
        held = [
            number
            for number, place in open_places.items()
            if place.meets(chunk.document_id, chunk.start, chunk.end)
        ]
        yield held[0] if held else -1
        if held:
            del open_places[held[0]]


def _exact(outcome: Answer | NoAnswer, service: AnswerService) -> bool:
    """Whether every quote of every answer and alternative stands where it says, read from the store
    once more.
    """
    if isinstance(outcome, NoAnswer):
        return True
    said = (outcome.statement, *outcome.alternatives)
    return all(_stands(citation, service) for statement in said for citation in statement.citations)


def _stands(citation: Citation, service: AnswerService) -> bool:
    text = service.collection.store.document(citation.document_id, citation.version).text
    return text[citation.start : citation.end] == citation.quote


def fingerprint(questions: QuestionSet, service: AnswerService) -> dict[str, str]:
    """What a result depends on: questions, documents, models and settings, each by its sha256.

    Two results can be compared where all but the documents and the reader are equal.
    """
    store = service.collection.store
    versions = sorted((summary.id, summary.version) for summary in service.collection.documents())
    return {
        "questions": questions.digest,
        "documents": hashlib.sha256(repr(versions).encode()).hexdigest(),
        "index": hashlib.sha256(
            repr(sorted((store.manifest() or {}).items())).encode()
        ).hexdigest(),
        "reader": service.fingerprint,
    }
