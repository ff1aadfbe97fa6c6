"""Fitting: which span of a question comes first, and how likely it is right.

Everything is fitted on labelled questions and the spans found for them. Cases are split into folds,
and each is judged by numbers fitted on the other folds. Needs scikit-learn.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from eval.measuring.formulas import BoolArray, FloatArray, calibration_error, is_right
from eval.seed import SEED
from service.answering.agreement import grouped
from service.answering.confidence import Groups, confidence_features, confidence_in
from service.reader.fitted import CONFIDENCE_FEATURES, RANKING_FEATURES, Calibration, Linear
from service.reader.form import AnswerForm
from service.reader.span import Span

TARGET_PRECISION = 0.9
"""The share of given answers that is to be right."""

LEAST_VARIED = 0.05
"""A feature gets no weight if a smaller share of the first answers than this has another value than
the most common one.
"""

FOLDS = 5
_WRONG_SPANS = 8


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled question with the spans found for it, by form, best first. A form that it tells
    nothing about has no entry.

    :param fold: cases of the same name are in the same fold
    :param documents: the documents that a right answer is from; empty for any
    :param kind: the kind of documents that it is about
    :param weight: how much it counts in a fit
    """

    fold: str
    answers: tuple[str, ...]
    documents: frozenset[str]
    spans: Mapping[AnswerForm, tuple[Span, ...]]
    kind: str = ""
    weight: float = 1.0

    def is_right(self, span: Span) -> bool:
        """Whether a span answers the question."""
        elsewhere = self.documents and span.hit.chunk.document_id not in self.documents
        return not elsewhere and is_right(span.quote, self.answers)


@dataclass(frozen=True, slots=True)
class Judged:
    """The confidence of a first answer, and whether it is right and its question answerable.

    :param kind: the kind of documents that the question is about
    :param weight: how much it counts in the choice of a threshold
    """

    confidence: float
    right: bool
    answerable: bool
    kind: str = ""
    weight: float = 1.0


def folds(cases: Sequence[Case]) -> Iterator[set[str]]:
    """The names of the cases in each fold."""
    names = sorted({case.fold for case in cases})
    random.Random(SEED).shuffle(names)
    for number in range(min(FOLDS, len(names))):
        yield set(names[number::FOLDS])


def fit_ranking(cases: Sequence[Case], kind: AnswerForm) -> Linear:
    """Weights, none negative, that rank right spans above wrong spans of the same question.

    A logistic regression on the differences between the features of a right and of a wrong span.
    """
    pairs = [(pair, case.weight) for case in cases for pair in _pairs(case, kind)]
    rows = [
        [right.features[name] - wrong.features[name] for name in RANKING_FEATURES]
        for (right, wrong), _ in pairs
    ]
    # half of the differences are turned around, so that both labels occur
    signs = np.where(np.arange(len(rows)) % 2 == 0, 1.0, -1.0)
    weights, _ = _logistic(
        _Sample(np.array(rows) * signs[:, None], signs > 0, np.array([w for _, w in pairs])),
        RANKING_FEATURES,
        intercept=False,
    )
    return Linear(weights)


def _pairs(case: Case, kind: AnswerForm) -> Iterator[tuple[Span, Span]]:
    """The best right span with each of the best wrong spans."""
    spans = case.spans.get(kind, ())
    rights = [case.is_right(span) for span in spans]
    if any(rights):
        wrongs = [span for span, right in zip(spans, rights, strict=True) if not right]
        yield from ((spans[rights.index(True)], wrong) for wrong in wrongs[:_WRONG_SPANS])


def fit_confidence(cases: Sequence[Case], kind: AnswerForm) -> Linear:
    """The logistic regression of whether the first answer is right, on the features of its
    confidence.
    """
    firsts = list(_answered(cases, kind))
    features = [confidence_features(groups, 0) for _, groups in firsts]
    names = [
        name
        for name in CONFIDENCE_FEATURES
        if _varied([each[name] for each in features]) >= LEAST_VARIED
    ]
    sample = _Sample(
        np.array([[each[name] for name in names] for each in features]),
        np.array([case.is_right(groups[0][0]) for case, groups in firsts]),
        np.array([case.weight for case, _ in firsts]),
    )
    return Linear(*_logistic(sample, names, intercept=True))


def _varied(values: Sequence[float]) -> float:
    """The share of the values that differ from the most common one."""
    return 1 - Counter(values).most_common(1)[0][1] / len(values)


def _answered(cases: Sequence[Case], kind: AnswerForm) -> Iterator[tuple[Case, Groups]]:
    for case in cases:
        groups = grouped(case.spans.get(kind, ()))
        if groups:
            yield case, groups


@dataclass(frozen=True, slots=True)
class _Sample:
    """What a regression is fitted on: rows of features, whether each is right, and its weight."""

    rows: FloatArray
    labels: BoolArray
    weights: FloatArray


def _logistic(
    sample: _Sample, names: Sequence[str], *, intercept: bool
) -> tuple[dict[str, float], float]:
    """Weights by name and the intercept. Features whose weight would be negative are left out."""
    rows = sample.rows
    kept = list(range(len(names)))
    while True:
        scale = rows[:, kept].std(axis=0) + 1e-9
        model = LogisticRegression(fit_intercept=intercept, max_iter=1_000).fit(
            rows[:, kept] / scale, sample.labels, sample_weight=sample.weights
        )
        if model.coef_[0].min() >= 0:
            break
        del kept[int(np.argmin(model.coef_[0]))]
    weights = zip(kept, model.coef_[0] / scale, strict=True)
    named = {str(names[column]): round(float(weight), 4) for column, weight in weights}
    return named, round(float(np.sum(model.intercept_)), 4)


def judge_first_answers(cases: Sequence[Case], kind: AnswerForm, log_odds: Linear) -> list[Judged]:
    """Judge the first answer of a kind to each question. If there is none, its confidence is 0."""
    calibration = Calibration(log_odds, threshold=1.0)
    judged = []
    for case in cases:
        if kind not in case.spans:
            continue
        groups = grouped(case.spans[kind])
        confidence = confidence_in(groups, 0, calibration) if groups else 0.0
        right = bool(groups) and case.is_right(groups[0][0])
        judged.append(
            Judged(confidence, right, bool(case.answers), kind=case.kind, weight=case.weight)
        )
    return judged


def threshold_of(judged: Sequence[Judged], precision: float = TARGET_PRECISION) -> float:
    """The lowest threshold at which this share of the given answers is right; 1 without one."""
    order = sorted(judged, key=lambda each: -each.confidence)
    given = np.cumsum([each.weight for each in order])
    right = np.cumsum([each.weight * each.right for each in order])
    reached = np.flatnonzero(right >= precision * given - 1e-9)
    return round(order[reached[-1]].confidence, 4) if len(reached) else 1.0


def _arrays(judged: Sequence[Judged]) -> tuple[FloatArray, BoolArray]:
    return np.array([each.confidence for each in judged]), np.array([each.right for each in judged])


def report_of(judged: Sequence[Judged], threshold: float) -> dict[str, object]:
    """Measures of judged answers, with coverage and precision at several thresholds."""
    answerable = [each for each in judged if each.answerable]
    unanswerable = [each for each in judged if not each.answerable]
    return {
        "questions": len(judged),
        "answerable": round(len(answerable) / len(judged), 4),
        "right_of_answerable": _share([each.right for each in answerable]),
        "precision": _share([each.right for each in judged if each.confidence >= threshold]),
        "coverage": _share([each.confidence >= threshold for each in judged]),
        "answered_of_answerable": _share([each.confidence >= threshold for each in answerable]),
        "answered_of_unanswerable": _share([each.confidence >= threshold for each in unanswerable]),
        "expected_calibration_error": round(calibration_error(*_arrays(judged)), 4),
        "risk_coverage": [_risk(judged, floor / 10) for floor in range(10)],
    }


def _share(flags: Sequence[bool]) -> float:
    return round(float(np.mean(flags)), 4) if flags else 0.0


def _risk(judged: Sequence[Judged], floor: float) -> dict[str, float]:
    given = [each.right for each in judged if each.confidence >= floor]
    return {
        "confidence": floor,
        "coverage": round(len(given) / len(judged), 4),
        "precision": _share(given),
    }
