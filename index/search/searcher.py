"""Hybrid search fuses candidates by meaning and by words into one ranking of hits."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from corpus.errors import StoreError
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.search.engine import Candidates, CandidateSource
from index.search.fusion import DENSE_WEIGHT, Fused, fuse
from index.store.chunks import StoredChunk
from index.store.store import Store
from index.text.chunk import Chunk

CANDIDATES = 100
"""The number of chunks that each of the two searches proposes."""

_PATIENCE_S = 10.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that a search found, with metadata of its document.

    :param rank: from 1
    """

    rank: int
    fused: Fused
    stored: StoredChunk

    @property
    def chunk(self) -> Chunk:
        """The chunk itself."""
        return self.stored.chunk

    @property
    def score(self) -> float:
        """The fused score, 0 to 1."""
        return self.fused.score


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first, all of one generation.

    :param idf: how rare each of the question's analysed terms is among the chunks; higher is rarer
    :param excluded_all: whether there are chunks, but none of them passes the filters
    """

    hits: tuple[Hit, ...]
    generation: int
    idf: Mapping[str, float]
    excluded_all: bool = False


@dataclass(frozen=True, slots=True)
class _Side:
    """An engine and the encoder of its vectors. They change together."""

    engine: CandidateSource
    encoder: Encoder

    def candidates(self, forms: Sequence[str], limit: int, filters: Filters) -> list[Candidates]:
        """The candidates for each form of a question."""
        return [
            self.engine.candidates(form, partial(self._vector, form), limit, filters)
            for form in forms
        ]

    def _vector(self, form: str) -> Vectors:
        vector: Vectors = self.encoder.encode([form])[0]
        return vector


class Searcher:
    """Finds passages. Thread-safe; the same question on the same generation gives the same hits."""

    def __init__(self, store: Store, engine: CandidateSource, encoder: Encoder) -> None:
        self._store = store
        self._side = _Side(engine, encoder)

    @property
    def encoder(self) -> Encoder:
        """The encoder that embeds questions."""
        return self._side.encoder

    def switch_to(self, engine: CandidateSource, encoder: Encoder) -> None:
        """Search with another engine and encoder from now on. A running search either finishes with
        the old ones or starts again with the new ones.
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

        :param dense_weight: the weight of the dense score in the fusion; 1 means only dense search,
            0 only lexical search
        :param aside: another form of the question, whose scores have the weight ``ASIDE_WEIGHT``
        :raises StoreError: the indexes and the store do not agree, or documents change all the time
        """
        forms = [question] if aside is None or aside == question else [question, aside]
        return self._search(forms, 1, top_k, filters=filters, dense_weight=dense_weight)[0]

    def search_both(
        self, question: str, typed: str, top_k: int, filters: Filters | None = None
    ) -> tuple[SearchResult, SearchResult]:
        """The best chunks for a question, with its typed form aside, and those for the typed form
        alone, of one generation. This costs no more than :meth:`search` with ``aside``.

        :raises StoreError: the indexes and the store do not agree, or documents change all the time
        """
        both = [question, typed]
        first, second = self._search(both, 2, top_k, filters=filters, dense_weight=DENSE_WEIGHT)
        return first, second

    def _search(
        self,
        forms: Sequence[str],
        count: int,
        top_k: int,
        *,
        filters: Filters | None,
        dense_weight: float,
    ) -> list[SearchResult]:
        """The results for the first ``count`` forms, each with the form after it aside."""
        filters = filters or Filters()
        # What is not in the scope does not exist.
        visible = self._store.within(filters.scope)
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            side = self._side
            by_form = side.candidates(forms, max(CANDIDATES, top_k), filters)
            best = [
                fuse(*by_form[form:], weight=dense_weight, limit=top_k) for form in range(count)
            ]
            wanted = {candidate.id for candidates in best for candidate in candidates}
            stored = self._store.chunks(sorted(wanted))
            generation = by_form[0].generation
            if _settled(by_form) and len(stored) == len(wanted):
                return [
                    SearchResult(
                        hits=_hits(candidates, stored),
                        generation=generation,
                        idf=found.idf,
                        excluded_all=found.excluded_all and not visible.is_empty(),
                    )
                    for candidates, found in zip(best, by_form, strict=False)
                ]
            if self._store.generation == generation:
                raise StoreError(
                    "the search indexes name chunks that the store does not hold: run quoth "
                    "verify, then quoth rebuild"
                )
            if time.monotonic() > deadline:
                raise StoreError("documents change faster than they can be searched; ask again")
            # A writer removed chunks after the candidates were found. The next attempt sees its
            # generation.
            side.engine.advance(generation)


def _settled(by_form: Sequence[Candidates]) -> bool:
    """Whether nothing was written between these searches."""
    return all(each.whole and each.generation == by_form[0].generation for each in by_form)


def _hits(best: Sequence[Fused], stored: Mapping[int, StoredChunk]) -> tuple[Hit, ...]:
    return tuple(
        Hit(rank, candidate, stored[candidate.id]) for rank, candidate in enumerate(best, start=1)
    )
