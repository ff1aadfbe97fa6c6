"""How the shifts of the confidence are fitted: by form, with the same weight for each kind."""

import math

import pytest

from eval.fitting.shifts import Composed, fitted_shifts


def _answers(kind: str, form: str, right: int, wrong: int) -> list[Composed]:
    return [
        Composed(kind, form, log_odds=0.0, right=number < right) for number in range(right + wrong)
    ]


def test_a_form_that_is_right_more_often_than_its_confidence_says_is_shifted_up() -> None:
    shifts = fitted_shifts([*_answers("a", "passage", 9, 1), *_answers("a", "list", 1, 9)])
    # Ten answers of confidence 1/2, nine of them right: 9 - 10 p = shift, p the logistic of it.
    shift = shifts["passage"]
    assert shift == pytest.approx(9 - 10 / (1 + math.exp(-shift)), abs=0.03)
    assert shifts["list"] == pytest.approx(-shift, abs=0.011)


def test_a_form_without_answers_is_not_shifted() -> None:
    shifts = fitted_shifts(_answers("a", "passage", 9, 1))
    assert shifts["cell"] == 0
    assert "short" not in shifts


def test_many_answers_move_a_shift_further_than_few() -> None:
    few = fitted_shifts(_answers("a", "cell", 3, 0))["cell"]
    many = fitted_shifts(_answers("a", "cell", 30, 0))["cell"]
    assert 0 < few < many


def test_each_kind_of_documents_counts_the_same() -> None:
    answers = [*_answers("large", "passage", 0, 90), *_answers("small", "passage", 10, 0)]
    assert fitted_shifts(answers)["passage"] == pytest.approx(0, abs=0.01)
