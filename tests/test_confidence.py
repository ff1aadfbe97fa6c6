"""Confidence: a probability that follows its weights, fitted over features that exist."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.chunk import Chunk
from index.embed import Encoder
from index.search import Fused, Hit, SearchResult
from index.store import StoredChunk
from service.confidence import MARGIN_LIMIT, Calibration, confidence_features, load_fitted
from service.reader.sentence import SentenceReader
from service.reader.span import Span

TEXT = "The line carries 38 bcm a year."
CHUNK = Chunk("gas", "0" * 64, 0, len(TEXT), TEXT, "Gas")
HIT = Hit(1, Fused(1, 0.9, 0.6, 1, 3.0, 1), StoredChunk(1, CHUNK, "Gas", None, date(2025, 1, 1), ()))
FITTED = load_fitted()

scores = st.floats(-50, 50)


def span(score: float, null_score: float = 0.0, passage: float = 0.5, passage_words: float = 0.5) -> Span:
    features = {"passage": passage, "passage_words": passage_words}
    return Span(HIT, 0, len(TEXT), 0, len(TEXT), score, null_score, features)


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    calibration = Calibration({"score": 2.0, "margin": 0.5, "passage": 1.0, "passage_words": -1.0}, -1.0, 0.5)
    found = span(1.5, null_score=0.5, passage=0.25, passage_words=0.75)
    # -1 + 2 x (1.5 - 0.5) + 0.5 x (1.5 - 0.5) + 0.25 - 0.75 = 1
    assert calibration.confidence(found, [span(0.5), span(-2)]) == pytest.approx(1 / (1 + np.exp(-1.0)))


@given(scores, scores, st.lists(scores, max_size=3), st.floats(-1, 1), st.floats(0, 1))
def test_confidence_is_a_probability(
    score: float, null_score: float, rivals: list[float], passage: float, passage_words: float
) -> None:
    found = span(score, null_score, passage, passage_words)
    assert 0 <= FITTED.calibration.confidence(found, [span(rival) for rival in rivals]) <= 1


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_confidence_follows_the_sign_of_the_weight_of_the_score(one: float, other: float) -> None:
    lower, higher = sorted([one, other])
    # The null score alone moves the score and leaves the margin.
    doubtful, sure = (FITTED.calibration.confidence(span(0, null_score=-score), []) for score in (lower, higher))
    assert (sure - doubtful) * FITTED.calibration.weights["score"] >= 0


@given(st.floats(-20, 20), st.floats(-20, 20))
def test_confidence_follows_the_sign_of_the_weight_of_the_margin(one: float, other: float) -> None:
    nearer, farther = sorted([one, other], reverse=True)
    close, clear = (FITTED.calibration.confidence(span(1), [span(rival)]) for rival in (nearer, farther))
    assert (clear - close) * FITTED.calibration.weights["margin"] >= 0


def test_a_better_score_is_surer_where_nothing_else_differs() -> None:
    assert FITTED.calibration.confidence(span(4), []) > FITTED.calibration.confidence(span(-4), [])


def test_the_margin_is_to_the_best_rival_and_bounded() -> None:
    assert confidence_features(span(2), [span(-9), span(1.5), span(0)])["margin"] == 0.5
    assert confidence_features(span(2), [span(-9)])["margin"] == MARGIN_LIMIT
    assert confidence_features(span(-9), [span(2)])["margin"] == -MARGIN_LIMIT
    assert confidence_features(span(2), [])["margin"] == MARGIN_LIMIT


def test_another_document_that_says_it_otherwise_does_not_narrow_the_margin() -> None:
    elsewhere = replace(HIT, stored=replace(HIT.stored, chunk=replace(HIT.chunk, document_id="another")))
    rival = replace(span(1.5), hit=elsewhere)
    assert confidence_features(span(2), [rival, span(-1)])["margin"] == 3


def test_the_fitted_weights_name_features_that_the_reader_and_the_confidence_have(encoder: Encoder) -> None:
    result = SearchResult((HIT,), 1, {"line": 1.0})
    (found,) = SentenceReader(encoder, FITTED.sentence).read("Which line?", result)
    assert set(FITTED.sentence.weights) <= set(found.features)
    assert set(FITTED.calibration.weights) == set(confidence_features(found, []))


def test_the_fitted_threshold_is_a_probability_and_the_numbers_are_told_apart() -> None:
    assert 0 < FITTED.calibration.threshold < 1
    assert load_fitted() == FITTED
    assert len(FITTED.fingerprint) == 64
