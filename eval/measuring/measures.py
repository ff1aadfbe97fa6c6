"""How good a reader is on questions with known answers: SQuAD's measures, AUROC, and the null
threshold.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RIGHT_OVERLAP = 0.5
"""F1 of words from which on an answer is right."""

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


def normalised(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles, single spaces (Rajpurkar et al.
    2016).
    """
    bare = "".join(letter for letter in text.lower() if letter not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", bare).split())


def exact(found: str, golds: Sequence[str]) -> float:
    """1 where the answer equals a gold answer in normal form; no golds means that no answer is
    right.
    """
    return float(any(normalised(found) == normalised(gold) for gold in golds or [""]))


def overlap(found: str, golds: Sequence[str]) -> float:
    """The best F1 of words with a gold answer; no golds means that no answer is right."""
    return max(
        _word_f1(normalised(found).split(), normalised(gold).split()) for gold in golds or [""]
    )


def contains(found: str, golds: Sequence[str]) -> bool:
    """Whether a gold answer stands in the text, in normal form and as whole words."""
    return any(f" {normalised(gold)} " in f" {normalised(found)} " for gold in golds)


def is_right(found: str, golds: Sequence[str]) -> bool:
    """Whether an answer is right as people take it: it holds all of a gold answer, or their words
    overlap by half.
    """
    return bool(golds) and (contains(found, golds) or overlap(found, golds) >= RIGHT_OVERLAP)


def _word_f1(found: list[str], gold: list[str]) -> float:
    if not found or not gold:
        return float(found == gold)
    shared = sum((Counter(found) & Counter(gold)).values())
    return 2 * shared / (len(found) + len(gold))


def auroc(scores: Floats, positive: Flags) -> float:
    """The chance that a positive scores above a negative, ties counting half (Mann and Whitney)."""
    ordered = np.sort(scores)
    left = np.searchsorted(ordered, scores, side="left")
    right = np.searchsorted(ordered, scores, side="right")
    ranks = (left + right + 1) / 2
    positives, negatives = int(positive.sum()), int((~positive).sum())
    return float(
        (ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives)
    )


def best_threshold(margins: Floats, answered: Floats, refused: Floats) -> float:
    """The margin from which answering gives the highest mean.

    :param answered: each question's score when its span is given; ``refused`` when it is refused.
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
    margins: Floats, answered: Floats, refused: Floats, articles: Sequence[str]
) -> float:
    """Mean score when each article's threshold is chosen on all the other articles."""
    names = np.asarray(articles)
    total = 0.0
    for name in np.unique(names):
        mine = names == name
        cut = best_threshold(margins[~mine], answered[~mine], refused[~mine])
        total += float(np.where(margins[mine] >= cut, answered[mine], refused[mine]).sum())
    return total / len(names)


def recall(k: int, retrieved: Sequence[int], relevant: int) -> float:
    """Share of the relevant among the first ``k``.

    :param retrieved: at each rank the number of what is relevant there, -1 where nothing is; no
        number stands twice
    :param relevant: how many there are
    """
    return sum(number >= 0 for number in retrieved[:k]) / relevant


def reciprocal_rank(k: int, retrieved: Sequence[int], relevant: int) -> float:  # noqa: ARG001  # as the others take
    """One over the rank of the first relevant among the first ``k``, 0 without any (Voorhees
    1999).
    """
    return next(
        (1 / rank for rank, number in enumerate(retrieved[:k], start=1) if number >= 0), 0.0
    )


def ndcg(k: int, retrieved: Sequence[int], relevant: int) -> float:
    """Discounted cumulative gain of the first ``k``, of the best (Järvelin and Kekäläinen 2002);
    gains are 1.
    """
    gains = (
        1 / math.log2(rank + 1) for rank, number in enumerate(retrieved[:k], start=1) if number >= 0
    )
    return math.fsum(gains) / math.fsum(
        1 / math.log2(rank + 1) for rank in range(1, min(relevant, k) + 1)
    )


@dataclass(frozen=True, slots=True)
class Bin:
    """Answers of about the same confidence; ``confidence`` and ``right`` are means, NaN where there
    are none.
    """

    low: float
    count: int
    confidence: float
    right: float


def reliability(confidences: Floats, rights: Flags, bins: int = 10) -> tuple[Bin, ...]:
    """Bins of equal width (Guo et al. 2017, arXiv 1706.04599)."""
    places = np.minimum((confidences * bins).astype(np.int64), bins - 1)
    return tuple(
        _bin(each / bins, confidences[places == each], rights[places == each])
        for each in range(bins)
    )


def _bin(low: float, confidences: Floats, rights: Flags) -> Bin:
    if not len(confidences):
        return Bin(low, 0, math.nan, math.nan)
    return Bin(low, len(confidences), float(confidences.mean()), float(rights.mean()))


def calibration_error(confidences: Floats, rights: Flags) -> float:
    """Expected calibration error: the gap in each bin of :func:`reliability`, weighted by its share
    of the answers.
    """
    full = (each for each in reliability(confidences, rights) if each.count)
    return math.fsum(abs(each.confidence - each.right) * each.count for each in full) / len(
        confidences
    )


def deepest(confidences: Floats, rights: Flags, precision: float) -> int:
    """How many questions can be answered, the surest first, with at least this share of them
    right.
    """
    order = np.argsort(-confidences, kind="stable")
    reached = np.flatnonzero(
        np.cumsum(rights[order]) >= precision * np.arange(1, len(order) + 1) - 1e-9
    )
    return int(reached[-1]) + 1 if len(reached) else 0


def coverage_at(confidences: Floats, rights: Flags, precision: float) -> float:
    """The largest share of questions that can be answered with at least this share of them
    right.
    """
    return (
        deepest(confidences, rights, precision) / len(confidences) if len(confidences) else math.nan
    )


def percentile(values: Sequence[float] | Floats, percent: float) -> float:
    """The value that this percentage of the values do not exceed, between neighbours in a straight
    line.
    """
    return float(np.percentile(np.asarray(values, dtype=np.float64), percent))
