"""Fitting: which of a question's spans is first, and how likely the first is right.

Everything is fitted on labelled questions with what was found for them, and judged on others: cases
are split into folds, and each is judged by numbers fitted on the other folds. Needs scikit-learn.
"""

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.linear_model import LogisticRegression

from eval.measuring.formulas import BoolArray, FloatArray, calibration_error, deepest, is_right
from service.answering.agreement import grouped
from service.answering.confidence import Calibration, Groups, confidence_features
from service.reader.linear import Linear
from service.reader.span import Kind, Span

TARGET_PRECISION = 0.9
"""How often the service is to be right when it answers."""

RANKED = (
    *("margin", "asked", "fused", "passage"),
    *("words", "near_words", "topic_words", "passage_words", "figures", "names"),
)
"""What spans of one question are compared by."""

WEIGHED = (*RANKED, "probability", "lead", "own_lead", "agreement")
"""What the confidence may rest on."""

LEAST_VARIED = 0.05
"""What is the same for all but a smaller share of the first answers cannot be weighed on them."""

FOLDS = 5
_SEED = 20251122
_WRONG = 8


@dataclass(frozen=True, slots=True)
class Case:
    """A labelled question with what was found for it, by kind, best first.

    :param fold: cases of one name are judged together, by numbers fitted on none of them
    :param document_id: where an answer has to stand; None for anywhere
    """

    fold: str
    answers: tuple[str, ...]
    document_id: str | None
    spans: Mapping[Kind, tuple[Span, ...]]

    def is_right(self, span: Span) -> bool:
        """Whether a span answers the question."""
        in_place = self.document_id in (None, span.hit.chunk.document_id)
        return in_place and is_right(span.quote, self.answers)


@dataclass(frozen=True, slots=True)
class Judged:
    """A first answer's confidence, whether it is right, and whether there was one to be found."""

    confidence: float
    right: bool
    answerable: bool


def folds(cases: Sequence[Case]) -> Iterator[set[str]]:
    """The names of each fold's cases."""
    names = sorted({case.fold for case in cases})
    random.Random(_SEED).shuffle(names)
    for number in range(min(FOLDS, len(names))):
        yield set(names[number::FOLDS])


def fit_ranking(cases: Sequence[Case], kind: Kind) -> Linear:
    """Weights that put right spans before wrong ones of the same question; none is negative.

    A logistic regression on the differences between the features of a right span and of a wrong
    one."""
    rows = [
        [right.features[name] - wrong.features[name] for name in RANKED]
        for case in cases
        for right, wrong in _pairs(case, case.spans[kind])
    ]
    signs = np.where(np.arange(len(rows)) % 2 == 0, 1.0, -1.0)
    weights, _ = _logistic(np.array(rows) * signs[:, None], signs > 0, RANKED, intercept=False)
    return Linear(weights)


def _pairs(case: Case, spans: Sequence[Span]) -> Iterator[tuple[Span, Span]]:
    """The best right span with each of the best wrong ones."""
    rights = [case.is_right(span) for span in spans]
    if any(rights):
        wrongs = [span for span, right in zip(spans, rights, strict=True) if not right]
        yield from ((spans[rights.index(True)], wrong) for wrong in wrongs[:_WRONG])


def fit_confidence(cases: Sequence[Case], kind: Kind) -> Linear:
    """The logistic regression of whether the first answer is right on what its confidence rests
    on.
    """
    firsts = [(groups, case.is_right(groups[0][0])) for case, groups in _answered(cases, kind)]
    features = [confidence_features(groups, 0) for groups, _ in firsts]
    names = [name for name in WEIGHED if _varied([each[name] for each in features]) >= LEAST_VARIED]
    rows = np.array([[each[name] for name in names] for each in features])
    return Linear(*_logistic(rows, np.array([right for _, right in firsts]), names, intercept=True))


def _varied(values: Sequence[float]) -> float:
    """The share of the values that are not the commonest one."""
    return 1 - Counter(values).most_common(1)[0][1] / len(values)


def _answered(cases: Sequence[Case], kind: Kind) -> Iterator[tuple[Case, Groups]]:
    for case in cases:
        groups = grouped(case.spans[kind])
        if groups:
            yield case, groups


def _logistic(
    rows: FloatArray, labels: BoolArray, names: Sequence[str], *, intercept: bool
) -> tuple[dict[str, float], float]:
    """Weights by name and the intercept; what would count against the answer it speaks for is left
    out.
    """
    kept = list(range(len(names)))
    while True:
        scale = rows[:, kept].std(axis=0) + 1e-9
        model = LogisticRegression(fit_intercept=intercept, max_iter=1_000).fit(
            rows[:, kept] / scale, labels
        )
        if model.coef_[0].min() >= 0:
            break
        del kept[int(np.argmin(model.coef_[0]))]
    weights = zip(kept, model.coef_[0] / scale, strict=True)
    named = {names[place]: round(float(weight), 4) for place, weight in weights}
    return named, round(float(np.sum(model.intercept_)), 4)


def judge(cases: Sequence[Case], kind: Kind, log_odds: Linear) -> list[Judged]:
    """The first answer of a kind to each question; where there is none, its confidence is 0."""
    calibration = Calibration(log_odds, threshold=1.0)
    judged = []
    for case in cases:
        groups = grouped(case.spans[kind])
        confidence = calibration.confidence(groups, 0) if groups else 0.0
        judged.append(
            Judged(confidence, bool(groups) and case.is_right(groups[0][0]), bool(case.answers))
        )
    return judged


def threshold_of(judged: Sequence[Judged], precision: float = TARGET_PRECISION) -> float:
    """The lowest confidence from which on so many answers are right; 1 where there is none."""
    confidences, rights = _arrays(judged)
    answered = deepest(confidences, rights, precision)
    return round(float(np.sort(confidences)[-answered]), 4) if answered else 1.0


def _arrays(judged: Sequence[Judged]) -> tuple[FloatArray, BoolArray]:
    return np.array([each.confidence for each in judged]), np.array([each.right for each in judged])


def report_of(judged: Sequence[Judged], threshold: float) -> dict[str, object]:
    """Measures of judged answers, and how many questions are answered, how rightly, from each
    confidence on.
    """
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


def plain(linear: Linear) -> dict[str, object]:
    """Weights as they are stored."""
    return {"weights": dict(linear.weights), "intercept": linear.intercept}
