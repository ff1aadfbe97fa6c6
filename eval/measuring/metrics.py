"""Named measures of a run, as ``nDCG@10`` or ``ECE``.

A question without an answer counts as 0, never as missing; unanswerable questions have measures of
their own and are never averaged into those of answers. A measure of nothing (no unanswerable
questions, say) is NaN."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eval.errors import EvaluationError
from eval.measuring.measures import (
    Floats,
    auroc,
    calibration_error,
    contains,
    coverage_at,
    exact,
    ndcg,
    overlap,
    recall,
    reciprocal_rank,
)
from eval.measuring.runner import Outcome

Flags = NDArray[np.bool_]
Each = Callable[[Outcome], float]


@dataclass(frozen=True, slots=True)
class Row:
    """What measures need of one question.

    :param judged: whether it is known if its answer is right
    :param given: whether it is answered by default
    :param values: of every mean measure; NaN where it does not apply
    """

    id: str
    type: str
    tags: tuple[str, ...]
    split: str
    answerable: bool
    judged: bool
    right: bool
    given: bool
    confidence: float
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as arrays of one length."""

    answerable: Flags
    judged: Flags
    right: Flags
    given: Flags
    confidence: Floats
    values: Mapping[str, Floats]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The arrays of some rows."""

        def flags(name: str) -> Flags:
            return np.array([getattr(row, name) for row in rows], dtype=np.bool_)

        names = rows[0].values if rows else ()
        return cls(
            flags("answerable"),
            flags("judged"),
            flags("right"),
            flags("given"),
            np.array([row.confidence for row in rows], dtype=np.float64),
            {
                name: np.array([row.values[name] for row in rows], dtype=np.float64)
                for name in names
            },
        )

    def take(self, places: NDArray[np.intp]) -> "Table":
        """The rows at these places, which may repeat."""
        return Table(
            self.answerable[places],
            self.judged[places],
            self.right[places],
            self.given[places],
            self.confidence[places],
            {name: column[places] for name, column in self.values.items()},
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """A named value of a run.

    :param group: retrieval, answers, citations, abstention or calibration
    :param each: the value of one question, where the measure is a mean over questions; NaN where it
        does not apply"""

    name: str
    group: str
    meaning: str
    of: Callable[[Table], float]
    each: Each | None = None
    lower_is_better: bool = False

    def better(self, one: float, other: float) -> bool:
        """Whether the first value is better."""
        return one < other if self.lower_is_better else one > other


def row_of(outcome: Outcome, measures: Sequence[Measure]) -> Row:
    """What these measures need of an outcome."""
    question = outcome.question
    return Row(
        question.id,
        question.type,
        question.tags,
        question.split,
        question.answerable,
        bool(question.answers) or not question.answerable,
        outcome.right,
        outcome.given,
        outcome.confidence,
        {measure.name: measure.each(outcome) for measure in measures if measure.each},
    )


def _mean(name: str, table: Table) -> float:
    column = table.values[name]
    column = column[~np.isnan(column)]
    return float(column.mean()) if len(column) else math.nan


def _averaged(
    name: str, group: str, meaning: str, each: Each, *, lower_is_better: bool = False
) -> Measure:
    return Measure(name, group, meaning, partial(_mean, name), each, lower_is_better)


def _retrieval(value: Callable[[Sequence[int], int], float], outcome: Outcome) -> float:
    """Of questions with evidence; evidence that is unresolved is no part of it."""
    return value(outcome.retrieved, len(outcome.places)) if outcome.places else math.nan


def _answer(value: Callable[[str, Sequence[str]], float], outcome: Outcome) -> float:
    """Of questions with accepted answers, the best answer whatever its confidence."""
    return (
        float(value(outcome.text, outcome.question.answers))
        if outcome.question.answers
        else math.nan
    )


def _resolved(outcome: Outcome) -> float:
    """Of questions with evidence: the share of it that still stands in its document."""
    every = len(outcome.places) + len(outcome.unresolved)
    return len(outcome.places) / every if every else math.nan


def _evidence_precision(outcome: Outcome) -> float:
    """Of answered questions with evidence: the share of citations that quote from it."""
    if not outcome.places or not outcome.citations:
        return math.nan
    return float(np.mean([outcome.supported(citation) for citation in outcome.citations]))


def _evidence_recall(outcome: Outcome) -> float:
    """Of questions with evidence: the share of it that is cited."""
    if not outcome.places:
        return math.nan
    cited = outcome.citations
    held = [
        any(place.meets(each.document_id, each.start, each.end) for each in cited)
        for place in outcome.places
    ]
    return float(np.mean(held))


def _answered(answerable: bool, outcome: Outcome) -> float:
    return float(outcome.given) if outcome.question.answerable is answerable else math.nan


def _precision(table: Table) -> float:
    given = table.given & table.judged
    return float(table.right[given].mean()) if given.any() else math.nan


def _auroc(table: Table) -> float:
    if table.answerable.all() or not table.answerable.any():
        return math.nan
    return auroc(table.confidence, table.answerable)


def _coverage(precision: float, table: Table) -> float:
    return coverage_at(table.confidence[table.judged], table.right[table.judged], precision)


def _calibration(table: Table) -> float:
    if not table.judged.any():
        return math.nan
    return calibration_error(table.confidence[table.judged], table.right[table.judged])


_FIXED = (
    _averaged(
        "EM",
        "answers",
        "the best answer is an accepted one, in SQuAD's normal form",
        partial(_answer, exact),
    ),
    _averaged(
        "F1",
        "answers",
        "words that the best answer shares with an accepted one",
        partial(_answer, overlap),
    ),
    _averaged(
        "Contains", "answers", "the best answer holds an accepted one", partial(_answer, contains)
    ),
    _averaged(
        "CitationExact",
        "citations",
        "every quote stands where it says",
        lambda outcome: float(outcome.exact),
    ),
    _averaged(
        "Resolved",
        "citations",
        "share of the evidence that still stands in its document",
        _resolved,
    ),
    _averaged(
        "EvidenceP",
        "citations",
        "share of citations that quote from the evidence",
        _evidence_precision,
    ),
    _averaged("EvidenceR", "citations", "share of the evidence that is cited", _evidence_recall),
    Measure("AUROC", "abstention", "answerable questions have the higher confidence", _auroc),
    Measure("Precision", "abstention", "answers given by default that are right", _precision),
    _averaged(
        "Coverage",
        "abstention",
        "answerable questions that are answered by default",
        partial(_answered, True),
    ),
    _averaged(
        "FalseAnswers",
        "abstention",
        "unanswerable questions that are answered by default",
        partial(_answered, False),
        lower_is_better=True,
    ),
    Measure(
        "Coverage@P80",
        "abstention",
        "questions answered where 80 % are right",
        partial(_coverage, 0.8),
    ),
    Measure(
        "Coverage@P90",
        "abstention",
        "questions answered where 90 % are right",
        partial(_coverage, 0.9),
    ),
    Measure(
        "ECE",
        "calibration",
        "expected calibration error, ten bins",
        _calibration,
        lower_is_better=True,
    ),
)
_CUT = re.compile(r"(R|RR|nDCG)@([1-9]\d*)")
_CUTS: dict[str, tuple[Callable[[int, Sequence[int], int], float], str]] = {
    "R": (recall, "share of the evidence found by rank {}"),
    "RR": (reciprocal_rank, "one over the rank of the first evidence, by rank {}"),
    "nDCG": (ndcg, "discounted cumulative gain of the evidence by rank {}"),
}
DEFAULT = ("R@1", "R@5", "R@10", "RR@10", "nDCG@10", *(measure.name for measure in _FIXED))
"""What is reported."""


def measure_of(name: str) -> Measure:
    """The measure of that name.

    :raises EvaluationError: there is none
    """
    for fixed in _FIXED:
        if fixed.name == name:
            return fixed
    cut = _CUT.fullmatch(name)
    if cut is None:
        known = ", ".join([*(fixed.name for fixed in _FIXED), *(f"{kind}@k" for kind in _CUTS)])
        raise EvaluationError(f"there is no measure {name!r}; there are {known}")
    value, meaning = _CUTS[cut[1]]
    return _averaged(
        name, "retrieval", meaning.format(cut[2]), partial(_retrieval, partial(value, int(cut[2])))
    )
