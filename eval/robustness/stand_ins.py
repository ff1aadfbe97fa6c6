"""An encoder and a reader without models, for attacks that open an index thousands of times."""

import re
import zlib
from collections.abc import Sequence

import numpy as np

from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors
from index.text.view import View
from service.reader.passage import PassageSpan, Reading

_DIMENSION = 32


class CountingEncoder:
    """Counts the words of a text in buckets."""

    def __init__(self, name: str = "stand-in") -> None:
        self.identity = EncoderIdentity(name, "0" * 64, "counted-words", _DIMENSION)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1."""
        vectors = np.full((len(texts), _DIMENSION), 1e-3, dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()):
                vectors[row, zlib.crc32(word.encode()) % _DIMENSION] += 1
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / lengths, dtype=np.float32)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Runs of characters without white space."""
        return [[match.span() for match in re.finditer(r"\S+", text)] for text in texts]


class NumberReader:
    """Answers every question with a number, the more certain the more words of the question are in
    the passage.
    """

    digest = "0" * 64

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """The numbers of each passage."""
        asked = set(re.findall(r"\w+", question.casefold()))
        return [self._reading(asked, view.text) for view in passages]

    def _reading(self, asked: set[str], passage: str) -> Reading:
        shared = len(asked & set(re.findall(r"\w+", passage.casefold())))
        spans = tuple(
            PassageSpan(*match.span(), 2.0 * shared, 4.0) for match in re.finditer(r"\d+", passage)
        )
        mass = float(np.logaddexp.reduce([-20.0, *(span.margin / 2 for span in spans)]))
        return Reading(spans[:4], mass, mass)
