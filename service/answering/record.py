"""The record of an answer: what the service hands to every channel, and what it keeps.

HTTP sends the kept bytes as they are. Every other channel uses the record. Kept answers of
earlier versions are read with the same types, so a field that is added later needs a default.
"""

from dataclasses import asdict, dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, Field

from corpus.blocks import Block, BlockKind
from corpus.document import DateSource, Document
from index.search.searcher import Hit, SearchResult
from index.store.documents import DocumentSummary
from index.text.view import Extent
from service.answering.answer import Answer, AnswerText, Outcome, Statement, Trace, Unsure
from service.answering.citation import Citation
from service.answering.reason import Reason
from service.question import Question

SCORE_DIGITS = 4
"""Decimal places of every score and confidence in a record."""

_EXPLAINED_SPANS = 20


class SentenceExtent(BaseModel, frozen=True):
    """Where a sentence or a row of a table stands in its document."""

    start: int
    end: int


class Passage(BaseModel, frozen=True):
    """A passage that was found."""

    document_id: str
    version: str
    title: str
    start: int
    end: int
    text: str
    score: float
    rank: int
    file_name: str | None = None
    best_sentence: SentenceExtent | None = Field(
        default=None,
        description="the sentence that answers best, in the document; only if the passage was read",
        exclude_if=lambda best_sentence: best_sentence is None,
    )

    @classmethod
    def of(cls, hit: Hit, best_sentence: Extent | None = None) -> Self:
        """The passage of a hit.

        :param best_sentence: in the document; None if the passage was not read
        """
        chunk = hit.chunk
        return cls(
            document_id=chunk.document_id,
            version=chunk.version,
            title=hit.stored.title,
            start=chunk.start,
            end=chunk.end,
            text=chunk.text,
            score=_rounded(hit.score),
            rank=hit.rank,
            file_name=hit.stored.file_name,
            best_sentence=best_sentence
            and SentenceExtent(start=best_sentence[0], end=best_sentence[1]),
        )


class RetrievedPassages(BaseModel, frozen=True):
    """Passages, best first."""

    # A search response calls them hits, and so does its schema; the event that a stream of an
    # answer begins with is written without aliases.
    passages: tuple[Passage, ...] = Field(serialization_alias="hits")
    generation: int

    @classmethod
    def before_reading(cls, record: "AnswerRecord") -> Self:
        """The passages of an answer as they were found, without what reading them showed."""
        found = (passage.model_copy(update={"best_sentence": None}) for passage in record.passages)
        return cls(passages=tuple(found), generation=record.generation)

    @classmethod
    def of(cls, result: SearchResult) -> Self:
        """The passages of a search."""
        return cls(passages=tuple(map(Passage.of, result.hits)), generation=result.generation)


class OutcomeKind(StrEnum):
    """How sure Quoth is: of an answer, of a guess, or of nothing."""

    ANSWER = "answer"
    UNSURE = "unsure"
    NONE = "none"


class AnswerRecord(BaseModel, frozen=True):
    """The outcome of a question. Without an answer, ``answer`` is null and ``reason`` says why.

    :param outcome: null in answers that an earlier version of Quoth kept
    :param as_of: the day on which it was asked; null in such answers too
    :param best_guess: what may be the answer, if the outcome is unsure
    :param reply: what Quoth says to a greeting, thanks or the like, which it does not search for
    """

    id: str
    question: str
    resolved_question: str
    answered: bool
    outcome: OutcomeKind | None = None
    answer: AnswerText | None
    best_guess: Statement | None = None
    citations: tuple[Citation, ...]
    alternatives: tuple[Statement, ...]
    reason: Reason | None
    passages: tuple[Passage, ...]
    conflict: bool
    as_of: date | None = None
    generation: int
    timings_ms: dict[str, float]
    explanation: dict[str, Any] | None = Field(
        default=None, description="how the answer was chosen, if the request asked for it"
    )
    conversation_id: str | None = Field(
        default=None,
        description="only if the question had one",
        exclude_if=lambda conversation_id: conversation_id is None,
    )
    reply: str | None = Field(
        default=None,
        description="only to small talk: what to show instead of a refusal",
        exclude_if=lambda reply: reply is None,
    )

    @classmethod
    def of(cls, answer_id: str, outcome: Outcome) -> Self:
        """The record of an outcome."""
        trace = outcome.trace
        answer = outcome if isinstance(outcome, Answer) else None
        statement = _shown(answer.statement) if answer else None
        guess = _shown(outcome.best_guess) if isinstance(outcome, Unsure) else None
        return cls(
            id=answer_id,
            question=trace.question.text,
            resolved_question=trace.resolved,
            answered=statement is not None,
            outcome=_kind_of(outcome),
            answer=statement and AnswerText(**statement.model_dump(exclude={"citations"})),
            best_guess=guess,
            citations=statement.citations if statement else (),
            alternatives=tuple(map(_shown, answer.alternatives)) if answer else (),
            reason=None if isinstance(outcome, Answer) else outcome.reason,
            passages=tuple(
                Passage.of(hit, trace.findings.best_sentences.get(hit.rank)) for hit in trace.hits
            ),
            conflict=answer is not None and answer.conflict,
            as_of=trace.question.as_of,
            generation=trace.generation,
            timings_ms={stage: round(spent, 1) for stage, spent in trace.timings_ms.items()},
            explanation=_explanation(trace) if trace.question.explain else None,
            conversation_id=trace.question.conversation_id,
        )

    @classmethod
    def replying(cls, answer_id: str, question: Question, reply: str, generation: int) -> Self:
        """The record of a message that nothing was searched for."""
        return cls(
            id=answer_id,
            question=question.text,
            resolved_question=question.text,
            answered=False,
            outcome=OutcomeKind.NONE,
            answer=None,
            citations=(),
            alternatives=(),
            reason=Reason.NOTHING_RETRIEVED,
            passages=(),
            conflict=False,
            generation=generation,
            timings_ms=dict.fromkeys(("retrieve", "read", "total"), 0.0),
            conversation_id=question.conversation_id,
            reply=reply,
        )

    def body(self) -> bytes:
        """The record as JSON, the same bytes for equal records."""
        return self.model_dump_json().encode()


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer as it is kept.

    :param record: what ``body`` says
    :param body: the JSON that was kept first, byte for byte
    """

    record: AnswerRecord
    body: bytes

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The kept answer of these bytes."""
        return cls(AnswerRecord.model_validate_json(body), body)


class BlockRecord(BaseModel, frozen=True):
    """A span of a document's text, and what its file says that it is.

    :param level: of a heading, list item or definition; of a cell, its column; from 1
    :param page: the page on which it begins, if the document has pages
    :param head: whether a row or a cell names the columns or rows beside it
    :param columns: of a cell, the number of columns that it covers
    """

    kind: BlockKind
    start: int
    end: int
    level: int | None = Field(None, exclude_if=lambda level: level is None)
    page: int | None = Field(None, exclude_if=lambda page: page is None)
    head: bool = Field(False, exclude_if=lambda head: not head)
    columns: int = Field(1, exclude_if=lambda columns: columns == 1)

    @classmethod
    def of(cls, block: Block, document: Document) -> Self:
        """The record of a block of a document."""
        return cls(
            kind=block.kind,
            start=block.start,
            end=block.end,
            level=block.level or None,
            page=document.page_of(block.start),
            head=block.is_head,
            columns=block.columns,
        )


class SummaryRecord(BaseModel, frozen=True):
    """A document without its text."""

    id: str
    version: str
    title: str
    url: str | None
    published: date | None
    tags: tuple[str, ...]
    chunks: int
    characters: int
    updated_at: str
    file_name: str | None = Field(None, description="of the file that it was read from")
    media_type: str | None = Field(None, description="of that file")
    original: bool = Field(False, description="whether the file itself is kept")
    published_from: DateSource | None = Field(None, description="where the date was found")
    collection: str = "default"
    groups: tuple[str, ...] = Field(
        (), description="that may know of it; empty for everybody who may see its collection"
    )

    @classmethod
    def of_summary(cls, summary: DocumentSummary) -> "SummaryRecord":
        """The record of what the store knows of a document."""
        return SummaryRecord.model_validate(_listed(summary))


class DocumentRecord(SummaryRecord, frozen=True):
    """A document with the text of one version, which ``version`` names."""

    text: str
    pages: tuple[dict[str, int], ...]
    blocks: tuple[BlockRecord, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, summary: DocumentSummary, document: Document) -> Self:
        """The record of one version of a document."""
        own = {
            "version": document.version,
            "characters": len(document.text),
            "text": document.text,
            "pages": tuple(map(asdict, document.pages)),
            "blocks": tuple(BlockRecord.of(block, document) for block in document.blocks),
            "notes": document.notes,
            "file_name": document.file_name,
            "media_type": document.media_type,
            "original": document.original is not None,
        }
        return cls.model_validate(_listed(summary) | own)


def _kind_of(outcome: Outcome) -> OutcomeKind:
    if isinstance(outcome, Answer):
        return OutcomeKind.ANSWER
    return OutcomeKind.UNSURE if isinstance(outcome, Unsure) else OutcomeKind.NONE


def _listed(summary: DocumentSummary) -> dict[str, object]:
    listed = {name: getattr(summary, name) for name in SummaryRecord.model_fields}
    return listed | {"original": summary.original is not None}


def _rounded(score: float) -> float:
    return round(score, SCORE_DIGITS)


def _shown(statement: Statement) -> Statement:
    return statement.model_copy(update={"confidence": _rounded(statement.confidence)})


def _explanation(trace: Trace) -> dict[str, Any]:  # JSON
    passages = [
        {
            "rank": hit.rank,
            "score": _rounded(hit.score),
            "dense_score": _rounded(hit.fused.dense_score),
            "dense_rank": hit.fused.dense_rank,
            "lexical_score": _rounded(hit.fused.lexical_score),
            "lexical_rank": hit.fused.lexical_rank,
        }
        for hit in trace.hits
    ]
    spans = []
    for ranked in trace.findings.spans.values():
        for span in ranked[:_EXPLAINED_SPANS]:
            features = {name: _rounded(value) for name, value in span.features.items()}
            spans.append(
                {
                    "rank_of_passage": span.hit.rank,
                    "kind": span.form,
                    "start": span.start,
                    "end": span.end,
                    "quote": span.quote,
                    "score": _rounded(span.score),
                    "features": features,
                }
            )
    return {"passages": passages, "spans": spans}
