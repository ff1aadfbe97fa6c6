"""Fit by how much the confidence of each form of answer is shifted.

    python -m eval.fitting.shifts --data FOLDER

adds ``shifts`` to ``service/answering/calibration.json``. FOLDER is that of
:mod:`eval.fitting.fit`, which comes first: it fits how likely the best span or the best sentence is
right, on prose. A passage or a list that is composed around a sentence holds what is asked more
often, and cells of tables have other scores. A shift of the log odds for each form corrects for
that.

The answers are those of the whole service to questions about other kinds of documents than SQuAD's,
and to the first half of the shipped sets of newcomers' questions and of questions about tables.
The other half is only reported. Each kind counts the same.
"""

import argparse
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.optimize import brentq

from eval.fitting.kinds import drawn_kinds
from eval.measuring.evaluation import of_split
from eval.measuring.formulas import is_right
from eval.measuring.runner import QuestionOutcome, run
from eval.measuring.target import service_for
from eval.sets.question import LabelledQuestion, QuestionSet, read_set
from service.reader.fitted import CELL, load_fitted
from service.reader.form import AnswerForm
from service.settings import Settings, load_settings

SHIPPED = ("newcomers", "tables")
"""Sets of which one half is fitted on."""

SPLIT = "tune"

_FORMS = (*(form.value for form in AnswerForm if form is not AnswerForm.SHORT), CELL)
_SPREAD = 1.0
"""The standard deviation that a shift is expected to have: few answers of a form move it little."""

_BOUND = 6.0


@dataclass(frozen=True, slots=True)
class Composed:
    """An answer of the whole service, however doubtful.

    :param form: its form, or :data:`service.reader.fitted.CELL`
    :param log_odds: of its confidence, without a shift
    """

    kind: str
    form: str
    log_odds: float
    right: bool


def main() -> None:
    """Ask, fit, report and write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--sets", type=Path, default=Path("eval/sets"))
    options.add_argument("--out", type=Path, default=Path("service/answering/calibration.json"))
    given = options.parse_args()
    fitted, settings = load_fitted(), load_settings()
    answers = [
        *_shipped(given.sets, settings, fitted.shifts),
        *_of_kinds(given.data, settings, fitted.shifts),
    ]
    shifts = fitted_shifts(answers)
    for form in _FORMS:
        some = [answer for answer in answers if answer.form == form]
        right = sum(answer.right for answer in some)
        print(f"{form}: {len(some)} answers, {right} right, shift {shifts[form]:+.2f}")
    numbers = json.dumps(replace(fitted, shifts=shifts).as_dict(), indent=2)
    given.out.write_text(numbers + "\n", encoding="utf-8")


def fitted_shifts(answers: Sequence[Composed]) -> dict[str, float]:
    """The most likely shift of each form. A form without answers has none."""
    counts: dict[str, int] = defaultdict(int)
    for answer in answers:
        counts[answer.kind] += 1
    average = len(answers) / max(len(counts), 1)
    weights = {kind: average / count for kind, count in counts.items()}
    return {
        form: _shift([each for each in answers if each.form == form], weights) for form in _FORMS
    }


def _shift(answers: Sequence[Composed], weights: Mapping[str, float]) -> float:
    log_odds = np.array([answer.log_odds for answer in answers])
    right = np.array([float(answer.right) for answer in answers])
    weight = np.array([weights[answer.kind] for answer in answers])

    def slope(shift: float) -> float:
        """The derivative of the log posterior."""
        probability = 1.0 / (1.0 + np.exp(-(log_odds + shift)))
        return float(np.sum(weight * (right - probability))) - shift / _SPREAD**2

    return round(float(brentq(slope, -_BOUND, _BOUND)), 2)


def _shipped(folder: Path, settings: Settings, shifts: Mapping[str, float]) -> Iterator[Composed]:
    for name in SHIPPED:
        questions = of_split(read_set(folder / f"{name}.jsonl"), SPLIT)
        with service_for(questions, [folder / name], settings) as service:
            for outcome in run(questions, service):
                yield from _composed(name, outcome, outcome.right, shifts)


def _of_kinds(data: Path, settings: Settings, shifts: Mapping[str, float]) -> Iterator[Composed]:
    for drawn in drawn_kinds(data):
        asked = tuple(
            LabelledQuestion(
                str(number),
                question.text,
                answers=answers,
                evidence=(),
                answerable=bool(answers),
            )
            for number, (question, answers) in enumerate(drawn.questions)
        )
        questions = QuestionSet(drawn.name, asked, drawn.documents, digest="")
        with service_for(questions, (), settings) as service:
            for outcome in run(questions, service):
                # A passage is right if any of its quotes holds a sentence of the answer.
                right = any(
                    is_right(quote.quote, outcome.question.answers) for quote in outcome.quotes
                )
                yield from _composed(drawn.name, outcome, right, shifts)


def _composed(
    kind: str, outcome: QuestionOutcome, right: bool, shifts: Mapping[str, float]
) -> Iterator[Composed]:
    if outcome.form is None or not 0 < outcome.confidence < 1:
        return
    is_cell = outcome.form is AnswerForm.SHORT and outcome.quotes[0].cell is not None
    form = CELL if is_cell else outcome.form.value
    log_odds = math.log(outcome.confidence / (1 - outcome.confidence)) - shifts.get(form, 0.0)
    yield Composed(kind, form, log_odds, right)


if __name__ == "__main__":
    main()
