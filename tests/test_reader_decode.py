"""Decoding returns the best span of all pairs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reader.decode import MAX_ANSWER_TOKENS, Flags, Floats, Ints, best_spans, null_score

Row = tuple[Floats, Floats, Flags, Flags, Ints]


@st.composite
def rows(draw: st.DrawFn) -> Row:
    """Integer scores, so that ties happen, and flags, all of one length."""
    length = draw(st.integers(0, 45))
    scores = st.lists(st.integers(-6, 6), min_size=length, max_size=length)
    flags = st.lists(st.booleans(), min_size=length, max_size=length)
    start, end = (np.array(draw(scores), dtype=np.float32) for _ in range(2))
    opens, closes = (np.array(draw(flags), dtype=np.bool_) for _ in range(2))
    sentences = np.cumsum(
        draw(st.lists(st.booleans(), min_size=length, max_size=length)), dtype=np.int64
    )
    return start, end, opens, closes, sentences


def all_pairs(row: Row) -> list[tuple[float, int, int]]:
    """Every allowed span with its score, best first, by brute force."""
    start, end, opens, closes, sentences = row
    pairs = [
        (-float(start[first] + end[last]), first, last)
        for first in range(len(start))
        for last in range(first, min(first + MAX_ANSWER_TOKENS, len(start)))
        if opens[first] and closes[last] and sentences[first] == sentences[last]
    ]
    return [(-score, first, last) for score, first, last in sorted(pairs)]


@given(rows(), st.integers(1, 6))
def test_spans_are_the_best_that_overlap_no_better_one(row: Row, count: int) -> None:
    kept: list[tuple[float, int, int]] = []
    for score, first, last in all_pairs(row):
        if len(kept) < count and all(last < f or first > e for _, f, e in kept):
            kept.append((score, first, last))
    assert [(span.score, span.first, span.last) for span in best_spans(*row, count)] == kept


@given(rows())
def test_the_first_span_is_the_best_of_all_pairs(row: Row) -> None:
    found = [(span.score, span.first, span.last) for span in best_spans(*row, 1)]
    assert found == all_pairs(row)[:1]


def test_a_span_has_at_most_thirty_tokens() -> None:
    start = np.array([9.0] + [0.0] * 39, dtype=np.float32)
    end = np.array([0.0] * 30 + [9.0] * 10, dtype=np.float32)
    anywhere, sentence = np.ones(40, dtype=np.bool_), np.zeros(40, dtype=np.int64)
    # From 0 the ends that score 9 lie 31 tokens away; 9 + 0 and 0 + 9 tie, and the earliest,
    # shortest wins.
    best = best_spans(start, end, anywhere, anywhere, sentence)[0]
    assert (best.first, best.last, best.score) == (0, 0, 9.0)


def test_the_null_score_is_that_of_the_first_token() -> None:
    assert (
        null_score(np.array([1.5, 7.0], dtype=np.float32), np.array([2.0, 8.0], dtype=np.float32))
        == 3.5
    )


@pytest.mark.parametrize("length", [0, 1, 3])
def test_nothing_is_decoded_if_no_span_may_begin(length: int) -> None:
    scores, never = np.zeros(length, dtype=np.float32), np.zeros(length, dtype=np.bool_)
    assert best_spans(scores, scores, never, ~never, np.zeros(length, dtype=np.int64), 3) == []
