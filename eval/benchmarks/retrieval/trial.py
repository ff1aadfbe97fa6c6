"""One set, searched in any number of ways."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache

import numpy as np

from eval.benchmarks.retrieval.sets import (
    Half,
    LocatedQuestion,
    RetrievalSet,
    evidence_found,
    first_of_each,
)
from eval.benchmarks.retrieval.terms import Terms
from eval.benchmarks.retrieval.variants import (
    DEFAULT_VARIANT,
    DENSE,
    LEXICAL,
    Analyser,
    Chunking,
    Variant,
)
from eval.benchmarks.retrieval.vectors import VectorCache
from eval.console import stderr
from eval.measuring.measures import ScoreRow, ScoreTable, measure_of
from eval.measuring.public_sets import searched_row
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.search.engine import Candidates
from index.search.searcher import CANDIDATES
from index.text.chunk import Chunk, ChunkSettings, chunk_document
from service.question import DEFAULT_TOP_K

MEASURES = ("R@1", "R@5", "R@10", "RR@10", "nDCG@10")


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a variant on a set.

    :param chunks: the number of chunks of the set
    :param text_depth: how many chunks hold as much text as ``DEFAULT_TOP_K`` default chunks
    :param rows: scores of every question by side: dense, lexical and fused
    """

    variant: Variant
    chunks: int
    text_depth: int
    rows: Mapping[str, Sequence[ScoreRow]]

    def mean(self, half: Half, name: str, side: str = "fused") -> float:
        """A measure over one half of the questions, by name."""
        return measure_of(name).of(
            ScoreTable.of([row for row in self.rows[side] if row.split == half])
        )


class Trial:
    """One set, searched in any number of ways. What variants share is computed once."""

    def __init__(self, labelled: RetrievalSet, encoder: Encoder, vectors: VectorCache) -> None:
        self._labelled = labelled
        self._encoder = encoder
        self._vectors = vectors
        self._cut = cache(self._cut_once)
        self._tokens = cache(self._tokens_once)
        self._dense = lru_cache(1)(self._dense_once)
        self._candidates = lru_cache(1)(self._candidates_once)
        self._rows = cache(self._rows_once)

    def result(self, variant: Variant) -> Result:
        """Search the set as a variant does."""
        stderr.print(f"{self._labelled.name}: {variant.part} {variant.value}")
        unnamed = replace(variant, part="", value="")
        sides = {
            "fused": unnamed,
            "lexical": replace(unnamed, fusion=LEXICAL),
            "dense": replace(DEFAULT_VARIANT, chunking=variant.chunking, fusion=DENSE),
        }
        rows = {side: self._rows(each) for side, each in sides.items()}
        return Result(
            variant, len(self._cut(variant.chunking.settings)), self._text_depth(variant), rows
        )

    def _text_depth(self, variant: Variant) -> int:
        return round(
            DEFAULT_TOP_K * self._tokens(ChunkSettings()) / self._tokens(variant.chunking.settings)
        )

    def _rows_once(self, variant: Variant) -> list[ScoreRow]:
        chunks = self._cut(variant.chunking.settings)
        measures = [
            measure_of(name)
            for name in dict.fromkeys([*MEASURES, f"R@{self._text_depth(variant)}"])
        ]
        candidates = self._candidates(variant.chunking, variant.analyser, variant.context_weight)
        return [
            searched_row(
                asked.question,
                self._ranked(asked, [chunks[id] for id in variant.fusion.rank(each)]),
                measures,
            )
            for asked, each in zip(self._labelled.asked, candidates, strict=True)
        ]

    def _ranked(self, asked: LocatedQuestion, chunks: Sequence[Chunk]) -> list[int]:
        return evidence_found(asked, first_of_each(chunks) if self._labelled.whole else chunks)

    def _candidates_once(
        self, chunking: Chunking, analyser: Analyser, context_weight: float
    ) -> list[Candidates]:
        """For every question the best chunks by vector and by terms, all with both scores."""
        terms = Terms(self._cut(chunking.settings), analyser)
        found = []
        for asked, scores in zip(self._labelled.asked, self._dense(chunking), strict=True):
            lexical = terms.search(asked.question.text, CANDIDATES, context_weight)
            ids = {*np.argsort(-scores, kind="stable")[:CANDIDATES].tolist(), *lexical}
            found.append(Candidates(0, {id: float(scores[id]) for id in ids}, lexical, {}))
        return found

    def _cut_once(self, settings: ChunkSettings) -> list[Chunk]:
        return [
            chunk
            for document in self._labelled.documents
            for chunk in chunk_document(document, self._encoder.token_spans, settings)
        ]

    def _tokens_once(self, settings: ChunkSettings) -> float:
        """The mean number of tokens of a chunk."""
        spans = self._encoder.token_spans([chunk.text for chunk in self._cut(settings)])
        return float(np.mean([len(each) for each in spans]))

    def _dense_once(self, chunking: Chunking) -> Vectors:
        """Inner products, float32 ``[questions, chunks]``."""
        questions = self._vectors.encode([asked.question.text for asked in self._labelled.asked])
        chunks = self._vectors.encode(
            [chunking.embedded_text(chunk) for chunk in self._cut(chunking.settings)]
        )
        return np.asarray(questions @ chunks.T, dtype=np.float32)
