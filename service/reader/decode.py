"""Spans from the scores of tokens, by pure functions without a model.

A span's score is the sum of its first token's start score and its last token's end score; the null
score is the same sum at the first token of the row (``[CLS]``), which training teaches to win where
the passage holds no answer.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_ANSWER_TOKENS = 30
"""The longest answer."""

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """First and last token of a row, both included, and the pair's score."""

    first: int
    last: int
    score: float


def null_score(start: Floats, end: Floats) -> float:
    """The score of "not in this passage"."""
    return float(start[0] + end[0])


def best_spans(
    start: Floats, end: Floats, opens: Flags, closes: Flags, sentences: Ints, count: int = 1
) -> list[TokenSpan]:
    """The best spans of one row, best first. No span overlaps a better one, so they are different
    answers and not variants of one.

    If scores are equal, the earliest and shortest span comes first.

    :param start: score of each token as the first of an answer, ``[L]``; ``end`` likewise as the
        last
    :param opens: ``[L]``, true where a span may begin; ``closes`` where it may end
    :param sentences: ``[L]``, the number of each token's sentence, never falling; every span stays
        within one sentence
    :return: at most ``count`` spans of at most ``MAX_ANSWER_TOKENS`` tokens
    """
    scores = _pair_scores(start, end, opens, closes)
    firsts = np.arange(len(scores))[:, None]
    lasts = firsts + np.arange(scores.shape[1])
    scores[sentences[np.minimum(lasts, len(scores) - 1)] != sentences[firsts]] = -np.inf
    spans: list[TokenSpan] = []
    while scores.size and len(spans) < count:
        first, more = divmod(int(np.argmax(scores)), scores.shape[1])
        if not np.isfinite(scores[first, more]):
            break
        spans.append(TokenSpan(first, first + more, float(scores[first, more])))
        scores[(firsts <= first + more) & (lasts >= first)] = -np.inf
    return spans


def _pair_scores(start: Floats, end: Floats, opens: Flags, closes: Flags) -> Floats:
    """Scores of every pair, ``[L, M]``. Row i, column k is the span of tokens i to i + k; spans
    that are not allowed score -inf.
    """
    width = min(MAX_ANSWER_TOKENS, len(end))
    if width == 0:
        return np.empty((0, 0), dtype=np.float32)
    starts = np.where(opens, start, -np.inf).astype(np.float32)
    ends = np.where(closes, end, -np.inf).astype(np.float32)
    padded = np.concatenate([ends, np.full(width - 1, -np.inf, dtype=np.float32)])
    pairs: Floats = starts[:, None] + np.lib.stride_tricks.sliding_window_view(padded, width)
    return pairs
