"""The formulas of measures, worked out by hand and compared with scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from eval.measuring.formulas import (
    RIGHT_OVERLAP,
    auroc,
    best_threshold,
    contains,
    exact,
    is_right,
    normalised,
    overlap,
    thresholded,
)


def test_the_normal_form_drops_case_articles_and_punctuation() -> None:
    assert normalised("The  3,000 km, a Pipeline!") == "3000 km pipeline"


def test_overlap_is_the_best_f1_of_words_with_any_gold() -> None:
    # "38 billion" against "38 billion cubic metres": 2 shared of 2 and 4 words, 2 * 2 / 6.
    assert overlap("38 billion", ["38 billion cubic metres", "gas"]) == pytest.approx(2 / 3)
    assert exact("38 billion", ["38 billion cubic metres", "38 billion."]) == 1.0


@pytest.mark.parametrize(
    ("found", "golds", "score"), [("", [], 1.0), ("x", [], 0.0), ("", ["x"], 0.0)]
)
def test_refusing_is_right_only_where_there_is_no_answer(
    found: str, golds: list[str], score: float
) -> None:
    assert exact(found, golds) == overlap(found, golds) == score


@given(st.lists(st.tuples(st.integers(-4, 4), st.booleans()), min_size=2))
def test_auroc_is_scikit_learns(pairs: list[tuple[int, bool]]) -> None:
    scores = np.array([float(score) for score, _ in pairs])
    positive = np.array([flag for _, flag in pairs])
    if 0 < positive.sum() < len(positive):
        assert auroc(scores, positive) == pytest.approx(roc_auc_score(positive, scores))


@given(
    st.lists(
        st.tuples(st.integers(-99, 99), st.integers(0, 4), st.booleans()),
        min_size=1,
        unique_by=lambda p: p[0],
    )
)
def test_no_threshold_does_better_than_the_best(items: list[tuple[int, int, bool]]) -> None:
    margins = np.array([float(margin) for margin, _, _ in items])
    answered = np.array([gain / 4 for _, gain, _ in items])
    refused = np.array([float(flag) for _, _, flag in items])

    def mean(cut: float) -> float:
        return float(np.where(margins >= cut, answered, refused).mean())

    best = mean(best_threshold(margins, answered, refused))
    assert best == pytest.approx(max(mean(cut) for cut in [*margins, np.inf, -np.inf]))


def test_an_articles_threshold_is_chosen_without_it() -> None:
    # Article b alone would answer from 1 on; a's questions say from 5 on, so b's question at 2 is
    # refused, wrongly.
    margins, articles = np.array([4.0, 5.0, 2.0]), ["a", "a", "b"]
    answered, refused = np.array([0.0, 1.0, 1.0]), np.array([1.0, 0.0, 0.0])
    # a is judged by b's threshold (answer everything): 0 + 1; b by a's (between 4 and 5): refused,
    # 0.
    assert thresholded(margins, answered, refused, articles) == pytest.approx(1 / 3)


def test_an_answer_is_right_if_half_of_the_words_overlap() -> None:
    # "red lorry" and "red lorry number nine seven four": 2 shared of 2 and 6 words, 2 * 2 / 8.
    assert overlap("red lorry", ["red lorry number nine seven four"]) == RIGHT_OVERLAP
    assert is_right("red lorry", ["red lorry number nine seven four"])
    # 2 shared of 2 and 7 words: 4 / 9.
    assert not is_right("red lorry", ["red lorry number nine seven four six"])


def test_an_answer_is_contained_as_whole_words() -> None:
    assert contains("It is 38 bcm a year.", ["38 BCM"])
    assert not contains("It is 38 bcma.", ["38 bcm"])
    assert not contains("38 bcm", [])
