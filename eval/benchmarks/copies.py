"""Varied copies of documents: how an index gets as large as a benchmark needs.

A copy has other text and other vectors, but the same chunks at the same offsets. A search costs as
much in copies as in real documents; what it finds in them means nothing.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count

import numpy as np

from corpus.document import Document, make_document
from eval.seed import SEED
from index.encoding.vectors import Vectors
from index.store.writing import PreparedDocument

TAG = "every-other"
"""The tag of every second copy."""

_BETWEEN = re.compile(r"(\w+)")
_SWAPPED_WORDS = 0.3
_NOISE = 0.5


class Copies:
    """Makes copies of documents.

    Three words in ten are replaced by words of the same length, drawn by frequency. Every vector is
    rotated a little (cosine about 0.9) and normalised again.
    """

    def __init__(self, batches: Sequence[Sequence[PreparedDocument]]) -> None:
        self._batches = batches
        self._random = np.random.default_rng(SEED)
        # by document id, its text as words (odd positions) and what stands between them
        self._parts: dict[str, list[str]] = {}
        for batch in batches:
            for prepared in batch:
                self._parts[prepared.document.id] = _BETWEEN.split(prepared.document.text)
        words = sorted((word for parts in self._parts.values() for word in parts[1::2]), key=len)
        lengths = np.array([len(word) for word in words])
        self._words = np.array(words, dtype=object)
        self._first = np.searchsorted(lengths, np.arange(lengths.max() + 2))

    def batches(self) -> Iterator[list[PreparedDocument]]:
        """Copies of all documents in turn, in their batches, without end."""
        for number in count(1):
            for batch in self._batches:
                yield [self.copy(prepared, number) for prepared in batch]

    def copy(self, prepared: PreparedDocument, number: int) -> PreparedDocument:
        """A copy of a document.

        :param number: becomes part of its id; copies with an odd number have the tag :data:`TAG`
        """
        text = self._varied(prepared.document)
        document = make_document(
            text,
            document_id=f"{prepared.document.id}/{number}",
            title=prepared.document.title,
            tags=[TAG] if number % 2 else [],
        )
        chunks = tuple(
            replace(
                chunk,
                document_id=document.id,
                version=document.version,
                text=text[chunk.start : chunk.end],
            )
            for chunk in prepared.chunks
        )
        return PreparedDocument(document, chunks, self._rotated(prepared.vectors))

    def _varied(self, document: Document) -> str:
        parts = list(self._parts[document.id])
        words = np.array(parts[1::2], dtype=object)
        swapped = np.flatnonzero(self._random.random(len(words)) < _SWAPPED_WORDS)
        lengths = np.array([len(words[at]) for at in swapped], dtype=np.int64)
        # words are sorted by length: those of one length stand between two positions
        first, last = self._first[lengths], self._first[lengths + 1]
        drawn = first + (self._random.random(len(swapped)) * (last - first)).astype(np.int64)
        words[swapped] = self._words[drawn]
        parts[1::2] = words.tolist()
        return "".join(parts)

    def _rotated(self, vectors: Vectors) -> Vectors:
        noise = np.random.default_rng(int(self._random.integers(2**32))).normal(size=vectors.shape)
        noise *= _NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
        rotated = vectors + noise
        lengths = np.linalg.norm(rotated, axis=1, keepdims=True)
        return np.asarray(rotated / lengths, dtype=np.float32)
