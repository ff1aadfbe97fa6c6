"""Named measures of a run, such as ``nDCG@10`` or ``ECE``.

A question without an answer counts as 0, never as missing. Unanswerable questions have measures of
their own and are never averaged into those of answers. Where there is nothing to measure (no
unanswerable questions, for example), the value is NaN.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from eval.errors import EvaluationError
from eval.measuring.formulas import (
    BoolArray,
    FloatArray,
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
from eval.measuring.runner import QuestionOutcome
from service.answering.record import OutcomeKind

Each = Callable[[QuestionOutcome], float]


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """The scores of one question, from which every measure of a run can be computed.

    :param judged: whether it is known if its answer is right
    :param given: whether it is answered by default
    :param values: its value of every measure that is a mean; NaN where the measure does not apply
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
class ScoreTable:
    """The scores of questions as arrays, one element for each question."""

    answerable: BoolArray
    judged: BoolArray
    right: BoolArray
    given: BoolArray
    confidence: FloatArray
    values: Mapping[str, FloatArray]

    @classmethod
    def of(cls, rows: Sequence[ScoreRow]) -> Self:
        """The arrays of rows."""

        def flags(name: str) -> BoolArray:
            return np.array([getattr(row, name) for row in rows], dtype=np.bool_)

        names = rows[0].values if rows else ()
        values = {
            name: np.array([row.values[name] for row in rows], dtype=np.float64) for name in names
        }
        return cls(
            answerable=flags("answerable"),
            judged=flags("judged"),
            right=flags("right"),
            given=flags("given"),
            confidence=np.array([row.confidence for row in rows], dtype=np.float64),
            values=values,
        )

    def take(self, positions: NDArray[np.int64]) -> "ScoreTable":
        """The rows at these positions, which may repeat."""
        return ScoreTable(
            answerable=self.answerable[positions],
            judged=self.judged[positions],
            right=self.right[positions],
            given=self.given[positions],
            confidence=self.confidence[positions],
            values={name: column[positions] for name, column in self.values.items()},
        )


@dataclass(frozen=True, slots=True)
class Measure:
    """A named value of a run.

    :param group: retrieval, answers, citations, usefulness, abstention or calibration
    :param meaning: in words, for reports
    :param of: the value over a table of questions
    :param each: the value of one question, if the measure is a mean over questions; NaN where it
        does not apply
    """

    name: str
    group: str
    meaning: str
    of: Callable[[ScoreTable], float]
    each: Each | None = None
    lower_is_better: bool = False

    def better(self, one: float, other: float) -> bool:
        """Whether the first value is better."""
        return one < other if self.lower_is_better else one > other


def row_of(outcome: QuestionOutcome, measures: Sequence[Measure]) -> ScoreRow:
    """The scores of an outcome for these measures."""
    question = outcome.question
    return ScoreRow(
        id=question.id,
        type=question.type,
        tags=question.tags,
        split=question.split,
        answerable=question.answerable,
        judged=bool(question.answers or question.points) or not question.answerable,
        right=outcome.right,
        given=outcome.given,
        confidence=outcome.confidence,
        values={measure.name: measure.each(outcome) for measure in measures if measure.each},
    )


def _mean(name: str, table: ScoreTable) -> float:
    column = table.values[name]
    column = column[~np.isnan(column)]
    return float(column.mean()) if len(column) else math.nan


def _averaged(
    name: str, group: str, meaning: str, each: Each, *, lower_is_better: bool = False
) -> Measure:
    return Measure(name, group, meaning, partial(_mean, name), each, lower_is_better)


def _retrieval(value: Callable[[Sequence[int], int], float], outcome: QuestionOutcome) -> float:
    """Applies to questions with evidence. Unresolved evidence does not count."""
    spans = len(outcome.evidence_spans)
    return value(outcome.retrieved, spans) if spans else math.nan


def _answer(value: Callable[[str, Sequence[str]], float], outcome: QuestionOutcome) -> float:
    """Applies to questions with accepted answers. The best answer counts, however doubtful."""
    accepted = outcome.question.answers
    return float(value(outcome.text, accepted)) if accepted else math.nan


def _resolved(outcome: QuestionOutcome) -> float:
    """Applies to questions with evidence: the share of it that is still in its document."""
    resolved, unresolved = len(outcome.evidence_spans), len(outcome.unresolved)
    return resolved / (resolved + unresolved) if resolved + unresolved else math.nan


def _evidence_precision(outcome: QuestionOutcome) -> float:
    """Applies to answered questions with evidence: the share of citations that quote from it."""
    if not outcome.evidence_spans or not outcome.citations:
        return math.nan
    return float(np.mean([outcome.supports(citation) for citation in outcome.citations]))


def _evidence_recall(outcome: QuestionOutcome) -> float:
    """Applies to questions with evidence: the share of it that is cited."""
    if not outcome.evidence_spans:
        return math.nan
    cited = [
        any(span.overlaps(each.document_id, each.start, each.end) for each in outcome.citations)
        for span in outcome.evidence_spans
    ]
    return float(np.mean(cited))


def _answered(answerable: bool, outcome: QuestionOutcome) -> float:
    return float(outcome.given) if outcome.question.answerable is answerable else math.nan


def _shown_right(kinds: Sequence[OutcomeKind], outcome: QuestionOutcome) -> float:
    """Applies to answerable questions with accepted answers or points."""
    question = outcome.question
    if not question.answers and not question.points:
        return math.nan
    return float(outcome.right and outcome.kind in kinds)


def _precision(table: ScoreTable) -> float:
    given = table.given & table.judged
    return float(table.right[given].mean()) if given.any() else math.nan


def _auroc(table: ScoreTable) -> float:
    if table.answerable.all() or not table.answerable.any():
        return math.nan
    return auroc(table.confidence, table.answerable)


def _coverage(precision: float, table: ScoreTable) -> float:
    return coverage_at(table.confidence[table.judged], table.right[table.judged], precision)


def _calibration(table: ScoreTable) -> float:
    if not table.judged.any():
        return math.nan
    return calibration_error(table.confidence[table.judged], table.right[table.judged])


_MEASURES = (
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
        "every quote is in its document where the citation says",
        lambda outcome: float(outcome.exact),
    ),
    _averaged(
        "Resolved",
        "citations",
        "share of the evidence that is still in its document",
        _resolved,
    ),
    _averaged(
        "EvidenceP",
        "citations",
        "share of citations that quote from the evidence",
        _evidence_precision,
    ),
    _averaged("EvidenceR", "citations", "share of the evidence that is cited", _evidence_recall),
    _averaged(
        "Useful",
        "usefulness",
        "answerable questions that are answered by default, and rightly",
        partial(_shown_right, (OutcomeKind.ANSWER,)),
    ),
    _averaged(
        "GuessRight",
        "usefulness",
        "answerable questions whose answer or best guess is right",
        partial(_shown_right, (OutcomeKind.ANSWER, OutcomeKind.UNSURE)),
    ),
    _averaged(
        "BestRight",
        "usefulness",
        "answerable questions whose best answer, however doubtful, is right",
        partial(_shown_right, tuple(OutcomeKind)),
    ),
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
    "R": (recall, "share of the evidence found up to rank {}"),
    "RR": (reciprocal_rank, "one over the rank of the first evidence, up to rank {}"),
    "nDCG": (ndcg, "discounted cumulative gain of the evidence up to rank {}"),
}
DEFAULT_MEASURES = (
    "R@1",
    "R@5",
    "R@10",
    "RR@10",
    "nDCG@10",
    *(measure.name for measure in _MEASURES),
)
"""The names of the measures that every report has."""


def measure_of(name: str) -> Measure:
    """The measure with a name.

    :raises EvaluationError: there is none
    """
    for measure in _MEASURES:
        if measure.name == name:
            return measure
    cut = _CUT.fullmatch(name)
    if cut is None:
        known = [*(measure.name for measure in _MEASURES), *(f"{cut}@k" for cut in _CUTS)]
        raise EvaluationError(f"there is no measure {name!r}; there are {', '.join(known)}")
    value, meaning = _CUTS[cut[1]]
    return _averaged(
        name, "retrieval", meaning.format(cut[2]), partial(_retrieval, partial(value, int(cut[2])))
    )
