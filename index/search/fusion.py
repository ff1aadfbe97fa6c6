"""Fusion merges the candidates by meaning and by words into one ranking."""

from collections.abc import Mapping
from dataclasses import dataclass

from index.search.engine import Candidates

DENSE_WEIGHT = 0.6
"""The weight of the dense score in the fusion. The lexical score has the rest."""


ASIDE_WEIGHT = 0.1
"""The weight of the other form of a question. For a follow-up, that is its text as it was typed."""


@dataclass(frozen=True, slots=True)
class Fused:
    """A candidate with its fused score (0 to 1), and its scores and ranks (from 1) in each search.

    :param lexical_score: BM25; 0, without a rank, if it shares no term or too many rank higher
    """

    id: int
    score: float
    dense_score: float
    dense_rank: int
    lexical_score: float
    lexical_rank: int | None


def fuse(
    candidates: Candidates,
    aside: Candidates | None = None,
    *,
    weight: float = DENSE_WEIGHT,
    limit: int | None = None,
) -> list[Fused]:
    """The candidates, best first, by a convex combination of their scaled scores.

    The dense score is scaled from its lowest value among the candidates to its highest, and the
    lexical one from 0 to its highest. After Bruch, Gai and Ingber, "An Analysis of Fusion Functions
    for Hybrid Retrieval", arXiv 2210.11934.

    :param aside: the candidates of another form of the question, whose scores have the weight
        ``ASIDE_WEIGHT``
    :param weight: the weight of the dense score, 0 to 1
    :param limit: how many to return; by default all
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
    """The ids, best first. Equal scores are ordered by id."""
    return sorted(scores, key=lambda id: (-scores[id], id))


def _scaled(score: float, lowest: float, highest: float) -> float:
    return (score - lowest) / (highest - lowest) if highest > lowest else float(score > 0)
