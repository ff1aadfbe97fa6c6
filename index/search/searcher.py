"""Hybrid search: candidates by meaning and by words, fused into one ranking of hits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.search.embedded.engine import Candidates, Engine
from index.store.chunks import StoredChunk
from index.store.store import Store
from index.text.chunk import Chunk

DENSE_WEIGHT = 0.6
"""Weight of the dense score in the fusion; the lexical score has the rest."""

ASIDE_WEIGHT = 0.1
"""Weight of a question's other form where it has one, as a follow-up has the words that were
typed.
"""

CANDIDATES = 100
"""How many chunks each side proposes."""

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Fused:
    """A candidate with its fused score (0 to 1) and the scores and ranks (from 1) it came from.

    :param lexical_score: BM25; 0, without a rank, where no term was shared or others ranked higher
    """

    id: int
    score: float
    dense_score: float
    dense_rank: int
    lexical_score: float
    lexical_rank: int | None


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found, with what is known about its document.

    :param rank: from 1
    """

    rank: int
    found: Fused
    stored: StoredChunk

    @property
    def chunk(self) -> Chunk:
        """The chunk itself."""
        return self.stored.chunk

    @property
    def score(self) -> float:
        """The fused score, 0 to 1."""
        return self.found.score


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, all of one generation.

    :param idf: how rare each of the question's analysed terms is among the chunks; higher is rarer
    :param excluded_all: there are chunks, and the filters let none of them through
    """

    hits: tuple[Hit, ...]
    generation: int
    idf: Mapping[str, float]
    excluded_all: bool = False


def fuse(
    candidates: Candidates,
    aside: Candidates | None = None,
    *,
    weight: float = DENSE_WEIGHT,
    limit: int | None = None,
) -> list[Fused]:
    """The candidates, best first: a convex combination of both scores, each scaled by what is known
    of its range.

    The dense score is scaled from its least value among the candidates to its greatest, the lexical
    one from 0 to its greatest. After Bruch, Gai and Ingber, "An Analysis of Fusion Functions for
    Hybrid Retrieval", arXiv 2210.11934.

    :param aside: those of another form of the question; what it says of the candidates counts for
        ``ASIDE_WEIGHT``
    :param weight: of the dense score, 0 to 1
    :param limit: how many are wanted; all by default
    """
    scores = _fused_scores(candidates, weight)
    if aside is not None:
        others = _fused_scores(aside, weight)
        scores = {
            id: (1 - ASIDE_WEIGHT) * own + ASIDE_WEIGHT * others.get(id, 0.0)
            for id, own in scores.items()
        }
    dense_ranks, lexical_ranks = _ranks(candidates.dense), _ranks(candidates.lexical)
    return [
        Fused(
            id=id,
            score=scores[id],
            dense_score=candidates.dense[id],
            dense_rank=dense_ranks[id],
            lexical_score=candidates.lexical.get(id, 0.0),
            lexical_rank=lexical_ranks.get(id),
        )
        for id in _ordered(scores)[:limit]
    ]


@dataclass(frozen=True, slots=True)
class _Side:
    """Where to search, and the encoder whose vectors are there: they change together."""

    engine: Engine
    encoder: Encoder

    def candidates(self, forms: Sequence[str], limit: int, filters: Filters) -> list[Candidates]:
        """Those of each form of a question."""
        return [
            self.engine.candidates(form, partial(self._vector, form), limit, filters)
            for form in forms
        ]

    def _vector(self, form: str) -> Vectors:
        vector: Vectors = self.encoder.encode([form])[0]
        return vector


class Searcher:
    """Finds passages. Thread-safe; the same question on the same generation gives the same hits."""

    def __init__(self, store: Store, engine: Engine, encoder: Encoder) -> None:
        self._store = store
        self._side = _Side(engine, encoder)

    @property
    def encoder(self) -> Encoder:
        """The encoder that questions go through."""
        return self._side.encoder

    def turn_to(self, engine: Engine, encoder: Encoder) -> None:
        """Search there from now on. A search that is under way ends where it began, or begins again
        there.
        """
        self._side = _Side(engine, encoder)

    def search(
        self,
        question: str,
        top_k: int,
        filters: Filters | None = None,
        dense_weight: float = DENSE_WEIGHT,
        aside: str | None = None,
    ) -> SearchResult:
        """The ``top_k`` best chunks for a question, among those that pass the filters.

        :param dense_weight: of the dense score in the fusion; 1 is dense search alone, 0 lexical
            search alone
        :param aside: another form of the question, whose scores count for ``ASIDE_WEIGHT``
        :raises StoreError: the indexes and the store do not agree, or documents change without a
            pause"""
        filters = filters or Filters()
        forms = [question] if aside is None or aside == question else [question, aside]
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            side = self._side
            found = side.candidates(forms, max(CANDIDATES, top_k), filters)
            candidates = found[0]
            best = fuse(*found, weight=dense_weight, limit=top_k)
            stored = self._store.chunks([candidate.id for candidate in best])
            if _settled(found) and len(stored) == len(best):
                excluded = candidates.excluded_all and not self._store.is_empty()
                return SearchResult(
                    _hits(best, stored), candidates.generation, candidates.idf, excluded
                )
            if self._store.generation == candidates.generation:
                raise StoreError(
                    "the search indexes name chunks that the store does not hold: run quoth "
                    "verify, then quoth rebuild"
                )
            if time.monotonic() > deadline:
                raise StoreError("documents change faster than they can be searched; ask again")
            # A writer took chunks away after the candidates were found: the next try sees its
            # generation.
            side.engine.advance(candidates.generation)


def _settled(found: Sequence[Candidates]) -> bool:
    """Whether nothing was written while these were found."""
    return all(each.whole and each.generation == found[0].generation for each in found)


def _hits(best: Sequence[Fused], stored: Mapping[int, StoredChunk]) -> tuple[Hit, ...]:
    return tuple(
        Hit(rank, candidate, stored[candidate.id]) for rank, candidate in enumerate(best, start=1)
    )


def _fused_scores(candidates: Candidates, weight: float) -> dict[int, float]:
    if not candidates.dense:
        return {}
    lowest, highest = min(candidates.dense.values()), max(candidates.dense.values())
    most = max(candidates.lexical.values(), default=0.0)
    return {
        id: weight * _scaled(dense, lowest, highest)
        + (1 - weight) * _scaled(candidates.lexical.get(id, 0.0), 0.0, most)
        for id, dense in candidates.dense.items()
    }


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    return {id: rank for rank, id in enumerate(_ordered(scores), start=1)}


def _ordered(scores: Mapping[int, float]) -> list[int]:
    """Best first; equal ones by their numbers."""
    return sorted(scores, key=lambda id: (-scores[id], id))


def _scaled(score: float, lowest: float, highest: float) -> float:
    return (score - lowest) / (highest - lowest) if highest > lowest else float(score > 0)
