"""Formulas of measures: SQuAD's exact match and F1, AUROC, retrieval, calibration, coverage."""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RIGHT_OVERLAP = 0.5
"""The least F1 of words with an accepted answer at which an answer is right."""

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def normalised(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single spaces (Rajpurkar et al.
    2016).
    """
    bare = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact(found: str, golds: Sequence[str]) -> float:
    """1 if the answer equals a gold answer in normal form, else 0. Without gold answers, only the
    empty answer is right.
    """
    return float(any(normalised(found) == normalised(gold) for gold in golds or [""]))


def overlap(found: str, golds: Sequence[str]) -> float:
    """The best F1 of words with a gold answer. Without gold answers, only the empty answer is
    right.
    """
    return max(
        _word_f1(normalised(found).split(), normalised(gold).split()) for gold in golds or [""]
    )


def contains(found: str, golds: Sequence[str]) -> bool:
    """Whether the text holds a gold answer, in normal form and as whole words."""
    return any(f" {normalised(gold)} " in f" {normalised(found)} " for gold in golds)


def is_right(found: str, golds: Sequence[str]) -> bool:
    """Whether people would call an answer right: it holds a gold answer, or their F1 of words is at
    least :data:`RIGHT_OVERLAP`.
    """
    return bool(golds) and (contains(found, golds) or overlap(found, golds) >= RIGHT_OVERLAP)


def _word_f1(found: list[str], gold: list[str]) -> float:
    if not found or not gold:
        return float(found == gold)
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold))


def auroc(scores: FloatArray, positive: BoolArray) -> float:
    """The probability that a positive scores above a negative; ties count half (Mann, Whitney)."""
    ordered = np.sort(scores)
    left = np.searchsorted(ordered, scores, side="left")
    right = np.searchsorted(ordered, scores, side="right")
    ranks = (left + right + 1) / 2
    positives, negatives = int(positive.sum()), int((~positive).sum())
    return float(
        (ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    )


def best_threshold(margins: FloatArray, answered: FloatArray, refused: FloatArray) -> float:
    """The least margin at which to answer, for the highest mean score.

    :param answered: the score of each question if it is answered
    :param refused: the score of each question if it is refused
    """
    order = np.argsort(-margins, kind="stable")
    gains = np.concatenate([[0.0], np.cumsum((answered - refused)[order])])
    cut = int(np.argmax(gains))
    steps = np.concatenate([[np.inf], margins[order], [-np.inf]])
    return (
        float((steps[cut] + steps[cut + 1]) / 2)
        if 0 < cut < len(margins)
        else float(steps[cut + (cut > 0)])
    )


def thresholded(
    margins: FloatArray, answered: FloatArray, refused: FloatArray, articles: Sequence[str]
) -> float:
    """The mean score if each article's threshold is the best one for all other articles."""
    names = np.asarray(articles)
    total = 0.0
    for name in np.unique(names):
        own = names == name
        cut = best_threshold(margins[~own], answered[~own], refused[~own])
        total += float(np.where(margins[own] >= cut, answered[own], refused[own]).sum())
    return total / len(names)


def recall(k: int, retrieved: Sequence[int], relevant: int) -> float:
    """The share of the relevant items that are among the first ``k``.

    :param retrieved: for each rank the number of the relevant item there, or -1; no number occurs
        twice
    :param relevant: the number of relevant items
    """
    return sum(number >= 0 for number in retrieved[:k]) / relevant


# All measures have the same parameters.
def reciprocal_rank(k: int, retrieved: Sequence[int], relevant: int) -> float:  # noqa: ARG001
    """One over the rank of the first relevant item among the first ``k``, or 0 if there is none
    (Voorhees 1999).
    """
    return next(
        (1 / rank for rank, number in enumerate(retrieved[:k], start=1) if number >= 0), 0.0
    )


def ndcg(k: int, retrieved: Sequence[int], relevant: int) -> float:
    """Discounted cumulative gain of the first ``k`` over that of the best order (Järvelin and
    Kekäläinen 2002). Every relevant item has a gain of 1.
    """
    gains = (
        1 / math.log2(rank + 1) for rank, number in enumerate(retrieved[:k], start=1) if number >= 0
    )
    return math.fsum(gains) / math.fsum(
        1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1)
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of similar confidence.

    :param low: the lower end of the bin
    :param confidence: the mean, NaN if the bin is empty
    :param right: the share of right answers, NaN if the bin is empty
    """

    low: float
    count: int
    confidence: float
    right: float


def reliability(confidences: FloatArray, rights: BoolArray, bins: int = 10) -> tuple[Bin, ...]:
    """Answers in bins of equal width by confidence (Guo et al. 2017, arXiv 1706.04599)."""
    # a confidence of 1 belongs to the last bin
    numbers = np.minimum((confidences * bins).astype(np.int64), bins - 1)
    return tuple(
        _bin(each / bins, confidences[numbers == each], rights[numbers == each])
        for each in range(bins)
    )


def _bin(low: float, confidences: FloatArray, rights: BoolArray) -> Bin:
    if not len(confidences):
        return Bin(low, 0, math.nan, math.nan)
    return Bin(low, len(confidences), float(confidences.mean()), float(rights.mean()))


def calibration_error(confidences: FloatArray, rights: BoolArray) -> float:
    """Expected calibration error: the gap between confidence and share of right answers in each bin
    of :func:`reliability`, weighted by the bin's share of all answers.
    """
    full = [each for each in reliability(confidences, rights) if each.count]
    gaps = math.fsum(abs(each.confidence - each.right) * each.count for each in full)
    return gaps / len(confidences)


def deepest(confidences: FloatArray, rights: BoolArray, precision: float) -> int:
    """The largest number of questions that can be answered, the most confident first, with at least
    this share of them right.
    """
    order = np.argsort(-confidences, kind="stable")
    reached = np.flatnonzero(
        np.cumsum(rights[order]) >= precision * np.arange(1, len(order) + 1) - 1e-9
    )
    return int(reached[-1]) + 1 if len(reached) else 0


def coverage_at(confidences: FloatArray, rights: BoolArray, precision: float) -> float:
    """The largest share of questions that can be answered with at least this share of them
    right.
    """
    if not len(confidences):
        return math.nan
    return deepest(confidences, rights, precision) / len(confidences)


def percentile(values: Sequence[float] | FloatArray, percent: float) -> float:
    """The value that this percentage of the values do not exceed, interpolated linearly."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), percent))
