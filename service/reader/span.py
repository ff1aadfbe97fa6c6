"""What a reader finds, and what a reader is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from index.search import Hit, SearchResult


@dataclass(frozen=True, slots=True)
class Span:
    """A place in a document that may answer the question.

    :param hit: the passage that it was read in
    :param start: code points into the document's text, half-open
    :param sentence_start: of the whole sentences around it, as is ``sentence_end``
    :param score: log-odds that this is the right place, by the reader alone; higher is better
    :param null_score: the score of saying nothing, on the same scale
    :param features: what the score was made of, for explanations
    """

    hit: Hit
    start: int
    end: int
    sentence_start: int
    sentence_end: int
    score: float
    null_score: float
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


class Reader(Protocol):
    """Reads the passages of one question together. Thread-safe and deterministic."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same passages might be read differently."""

    def read(self, question: str, result: SearchResult) -> list[Span]:
        """Spans that may answer the question, best first, from all passages on one scale."""
