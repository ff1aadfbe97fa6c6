"""The spans that a reader finds, and the protocol of a reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from index.search.searcher import Hit, SearchResult
from index.text.view import Extent, Heads
from service.reader.form import AnswerForm


@dataclass(frozen=True, slots=True)
class Span:
    """A span of a document that may answer the question.

    :param hit: the passage that contains it
    :param start: offset of its first code point in the document's text; ``end`` is half-open
    :param sentence_start: start of the whole sentences around it; ``sentence_end`` is their end
    :param score: how well it answers; higher is better, comparable within one question
    :param features: the numbers that the score, and later the confidence, are computed from
    :param heads: of a cell; None for other text
    """

    hit: Hit
    form: AnswerForm
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    score: float
    features: Mapping[str, float]
    heads: Heads | None = None

    @property
    def quote(self) -> str:
        """The words of the span."""
        chunk = self.hit.chunk
        return chunk.text[self.start - chunk.start : self.end - chunk.start]

    @property
    def sentence(self) -> str:
        """The whole sentences that contain it."""
        chunk = self.hit.chunk
        return chunk.text[self.sentence_start - chunk.start : self.sentence_end - chunk.start]


@dataclass(frozen=True, slots=True)
class Findings:
    """The spans found for one question, best first. No span overlaps a better one of the same form.

    :param expected: the form of answer that the question expects
    :param spans: by form, from all passages on one scale
    :param best_sentences: by the rank of each passage that was read, the span of its sentence that
        answers best, in the document
    """

    expected: AnswerForm
    spans: Mapping[AnswerForm, tuple[Span, ...]]
    best_sentences: Mapping[int, Extent] = field(default_factory=dict)


Watch = Callable[[SearchResult], None]
"""Called with the search result before each round of reading. If it raises, reading stops."""


def unwatched(_result: SearchResult) -> None:
    """A watch that does nothing."""


class QuestionReader(Protocol):
    """Reads the passages of one question together. It is thread-safe and deterministic."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same passages might be read differently."""

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Spans that may answer the question."""
