"""The spans that a reader finds, and the protocol of a reader."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from index.search.searcher import Hit, SearchResult
from service.reader.form import AnswerForm


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a document that may answer the question.

    :param hit: the passage that it was read in
    :param start: code points into the document's text, half-open
    :param sentence_start: of the whole sentences around it, as is ``sentence_end``
    :param score: how well it answers, on the scale of its question; higher is better
    :param features: what the score was made of, and the confidence is
    """

    hit: Hit
    form: AnswerForm
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    score: float
    features: Mapping[str, float]

    @property
    def quote(self) -> str:
        """The words at the place."""
        chunk = self.hit.chunk
        return chunk.text[self.start - chunk.start : self.end - chunk.start]

    @property
    def sentence(self) -> str:
        """The whole sentences that hold it."""
        chunk = self.hit.chunk
        return chunk.text[self.sentence_start - chunk.start : self.sentence_end - chunk.start]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found for one question. Spans come best first; none overlaps a better one of its
    kind.

    :param expected: the kind that the question expects for an answer
    :param spans: by kind, from all passages on one scale
    """

    expected: AnswerForm
    spans: Mapping[AnswerForm, tuple[Span, ...]]


Watch = Callable[[SearchResult], None]
"""Called with the passages before each round of reading; an exception that it raises ends the
work."""


def unwatched(_result: SearchResult) -> None:
    """A watch that does nothing."""


class QuestionReader(Protocol):
    """Reads the passages of one question together. Thread-safe and deterministic."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same passages might be read differently."""

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Places that may answer the question."""
