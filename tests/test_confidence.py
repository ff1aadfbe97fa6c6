"""Confidence: a probability that follows its weights, fitted over features that exist."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.search.fusion import Fused
from index.search.searcher import Hit, SearchResult
from index.store.chunks import StoredChunk
from index.text.chunk import Chunk
from service.answering.agreement import grouped
from service.answering.confidence import LEAD_LIMIT, confidence_features, confidence_in
from service.reader.fitted import Calibration, Fitted, IndexCalibration, Linear, load_fitted
from service.reader.form import FITTED_FORMS, AnswerForm
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Span

TEXT = "Line 7 carries 38 bcm a year."
CHUNK = Chunk("gas", "0" * 64, 0, len(TEXT), TEXT, "Gas")
HIT = Hit(
    1, Fused(1, 0.9, 0.6, 1, 3.0, 1), StoredChunk(1, CHUNK, "Gas", None, date(2025, 1, 1), ())
)
FITTED = load_fitted()

scores = st.floats(-50, 50)


def span(
    score: float,
    log_probability: float = -1.0,
    document: str = "gas",
    word: int = 0,
    **features: float,
) -> Span:
    """A span over a word of the text."""
    hit = replace(HIT, stored=replace(HIT.stored, chunk=replace(HIT.chunk, document_id=document)))
    every = {"log_probability": log_probability, "margin": score, **features}
    start, end = list(re.finditer(r"\w+", TEXT))[word].span()
    return Span(hit, AnswerForm.SHORT, start, end, 0, len(TEXT), score, every)


def features(*groups: Sequence[Span], place: int = 0) -> dict[str, float]:
    return confidence_features(groups, place)


def test_confidence_is_the_logistic_function_of_the_weighted_features() -> None:
    calibration = Calibration(Linear({"margin": 2.0, "lead": 0.5, "passage": -1.0}, -1.0), 0.5)
    groups = [[span(1.5, passage=0.25)], [span(0.5, word=1)], [span(-2, word=2)]]
    # -1 + 2 x 1.5 + 0.5 x (1.5 - 0.5) - 0.25 = 2.25
    assert confidence_in(groups, 0, calibration) == pytest.approx(1 / (1 + math.exp(-2.25)))


@given(scores, st.lists(scores, max_size=3))
def test_confidence_is_a_probability(score: float, rivals: list[float]) -> None:
    calibration = Calibration(Linear({"margin": 3.0, "lead": 1.0, "probability": 1.0}, -1.0), 0.5)
    groups = [
        [span(score)],
        *([span(rival, word=word)] for word, rival in enumerate(rivals, start=1)),
    ]
    assert all(0 <= confidence_in(groups, place, calibration) <= 1 for place in range(len(groups)))


def test_the_lead_is_over_the_best_rival_and_bounded() -> None:
    assert features([span(2)], [span(1.5, word=1)], [span(0, word=2)])["lead"] == 0.5
    assert features([span(2)], [span(-9, word=1)])["lead"] == LEAD_LIMIT
    assert features([span(2)], [span(-9, word=1)], place=1)["lead"] == -LEAD_LIMIT
    assert features([span(2)])["lead"] == LEAD_LIMIT


def test_what_says_the_same_in_other_words_is_no_rival() -> None:
    wide = replace(span(1.5), end=CHUNK.end)  # the whole sentence holds its first word
    assert features([span(2)], [wide], [span(0, word=2)])["lead"] == 2


def test_another_document_that_says_otherwise_does_not_narrow_the_lead_within_the_document() -> (
    None
):
    found = features([span(2)], [span(1.5, document="another", word=1)], [span(-1, word=2)])
    assert (found["lead"], found["own_lead"]) == (0.5, 3)


def test_documents_that_agree_are_counted_and_their_probabilities_summed() -> None:
    quarter, eighth = math.log(0.25), math.log(0.125)
    same = [span(2, quarter), span(1, eighth), span(1, eighth, document="copy")]
    found = features(same)
    assert found["agreement"] == pytest.approx(math.log(2))
    assert found["probability"] == pytest.approx(math.log(0.5))


def test_the_fitted_weights_name_features_that_the_reader_and_the_confidence_have(
    passages: PassageReader,
) -> None:
    result = SearchResult((HIT,), 1, {"line": 1.0})
    found = SpanReader(passages, FITTED.ranking).spans("Which line?", result, FITTED_FORMS)
    for kind in FITTED_FORMS:
        assert set(FITTED.ranking.forms[kind].weights) <= set(found[kind][0].features)
        assert set(FITTED.calibrations[kind].log_odds.weights) <= set(
            confidence_features(grouped(found[kind]), 0)
        )


def test_no_evidence_counts_against_what_it_speaks_for() -> None:
    for kind in FITTED_FORMS:
        weights = [
            *FITTED.ranking.forms[kind].weights.values(),
            *FITTED.calibrations[kind].log_odds.weights.values(),
        ]
        assert weights
        assert min(weights) >= 0


def test_the_fitted_thresholds_are_probabilities_and_were_judged_on_other_questions() -> None:
    assert all(0 < FITTED.calibrations[kind].threshold < 1 for kind in FITTED_FORMS)
    report = json.loads(files("service.answering").joinpath("calibration.json").read_text())[
        "report"
    ]
    assert all(report[kind]["questions"] > 0 for kind in FITTED_FORMS)


@pytest.mark.models
def test_the_confidence_was_fitted_for_the_reader_that_comes_with_it(
    real_passages: PassageReader,
) -> None:
    assert real_passages.digest == FITTED.reader


def test_other_numbers_have_another_fingerprint() -> None:
    stored = files("service.answering").joinpath("calibration.json").read_bytes()
    assert Fitted.parse(stored) == FITTED
    assert Fitted.parse(stored + b" ").fingerprint != FITTED.fingerprint


def test_fitted_numbers_are_written_as_they_are_read() -> None:
    stored = files("service.answering").joinpath("calibration.json").read_bytes()
    assert FITTED.as_dict() == json.loads(stored)
    own = IndexCalibration("r", {"name": "e"}, FITTED.calibrations, {"short": {}})
    assert IndexCalibration.parse(json.loads(json.dumps(own.as_dict()))) == own


@pytest.mark.parametrize(
    "stored", [b"", b"{}", b"[]", b'{"reader": "x", "ranking": {}, "calibration": {}}']
)
def test_damaged_numbers_are_no_numbers(stored: bytes) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        Fitted.parse(stored)
