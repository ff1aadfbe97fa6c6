"""Named measures, worked out by hand and compared with ir_measures."""

import math
import random
from dataclasses import replace
from datetime import date

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.errors import EvaluationError
from eval.measuring.formulas import calibration_error, coverage_at, ndcg, recall, reciprocal_rank
from eval.measuring.measures import DEFAULT_MEASURES, ScoreRow, ScoreTable, measure_of, row_of
from eval.measuring.runner import EvidenceSpan, QuestionOutcome
from eval.sets.question import LabelledEvidence, LabelledQuestion
from service.answering.citation import Citation, CitedSentence, citation_link


def outcome(
    text: str = "",
    confidence: float = 0.0,
    *golds: str,
    threshold: float = 0.5,
    answerable: bool = True,
    retrieved: tuple[int, ...] = (),
    evidence_spans: tuple[EvidenceSpan, ...] = (),
    exact: bool = True,
) -> QuestionOutcome:
    question = LabelledQuestion("q", "How long?", golds, (), answerable)
    return QuestionOutcome(
        question,
        evidence_spans=evidence_spans,
        retrieved=retrieved,
        text=text,
        sentence=text,
        confidence=confidence,
        threshold=threshold,
        exact=exact,
    )


def value(name: str, *outcomes: QuestionOutcome) -> float:
    measure = measure_of(name)
    return measure.of(ScoreTable.of([row_of(each, [measure]) for each in outcomes]))


def test_a_missing_answer_counts_as_0_and_unanswerable_questions_do_not_count() -> None:
    half, none = outcome("38 billion", 0.9, "38 billion cubic metres"), outcome("", 0.0, "Oslo")
    outcomes = half, none, outcome("x", answerable=False)
    assert value("F1", *outcomes) == pytest.approx((2 / 3 + 0) / 2)  # 2 shared words of 2 and 4
    assert value("EM", *outcomes) == 0
    assert value("EM", outcome("The 38 BCM.", 0.1, "38 bcm"), outcome("", 0.0, "Oslo")) == 0.5
    assert (
        value(
            "Contains",
            outcome("It is 38 bcm a year", 0.1, "38 bcm"),
            outcome("38 bcma", 0.1, "38 bcm"),
        )
        == 0.5
    )


def test_abstention_is_measured_at_the_threshold() -> None:
    right, wrong = outcome("Oslo", 0.9, "Oslo"), outcome("Rome", 0.6, "Oslo")
    refused, false = outcome("Oslo", 0.4, "Oslo"), outcome("Rome", 0.8, answerable=False)
    silent = outcome("Rome", 0.1, answerable=False)
    assert outcome("Oslo", 0.5, threshold=0.5).given  # from the threshold on
    assert not outcome("Oslo", 0.49, threshold=0.5).given
    outcomes = (right, wrong, refused, false, silent)
    assert value("Precision", *outcomes) == pytest.approx(1 / 3)
    assert value("Coverage", *outcomes) == pytest.approx(2 / 3)
    assert value("FalseAnswers", *outcomes) == 0.5
    # The answerable question is more confident in 4 of 3 x 2 pairs: .9 twice, .6 and .4 over .1.
    assert value("AUROC", *outcomes) == pytest.approx(4 / 6)
    # In order: right, false, wrong, refused (right), silent: only the first keeps 80 %.
    assert value("Coverage@P80", *outcomes) == 0.2


def test_retrieval_counts_evidence_and_not_passages() -> None:
    spans = (EvidenceSpan("a", 0, 5), EvidenceSpan("b", 0, 5))
    found = outcome("", 0.0, "Oslo", retrieved=(-1, 1, -1, 0), evidence_spans=spans)
    assert (value("R@1", found), value("R@2", found), value("R@10", found)) == (0, 0.5, 1)
    assert value("RR@10", found) == 0.5
    # Gains at ranks 2 and 4, of ranks 1 and 2: (1/log2 3 + 1/log2 5) / (1 + 1/log2 3)
    assert value("nDCG@10", found) == pytest.approx(
        (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
    )
    assert math.isnan(value("R@1", outcome("", 0.0, "Oslo")))


def test_evidence_that_is_no_longer_in_its_document_has_a_measure_of_its_own() -> None:
    gone = replace(
        outcome("Oslo", 0.9, "Oslo", evidence_spans=(EvidenceSpan("a", 0, 5),)),
        unresolved=(LabelledEvidence("a", "was here"),),
    )
    resolved = outcome("Oslo", 0.9, "Oslo", evidence_spans=(EvidenceSpan("a", 0, 5),))
    assert value("Resolved", gone, resolved, outcome("Oslo", 0.9, "Oslo")) == 0.75
    assert math.isnan(value("Resolved", outcome("Oslo", 0.9, "Oslo")))


@given(st.integers(0, 10**6), st.integers(1, 12), st.integers(1, 15))
def test_retrieval_measures_agree_with_ir_measures(seed: int, relevant: int, k: int) -> None:
    draws = random.Random(seed)
    pool = [*range(relevant), *([-1] * 12)]
    retrieved = draws.sample(pool, draws.randint(1, len(pool)))
    qrels = [ir_measures.Qrel("q", f"r{number}", 1) for number in range(relevant)]
    names = [f"r{number}" if number >= 0 else f"x{rank}" for rank, number in enumerate(retrieved)]
    scored = [ir_measures.ScoredDoc("q", name, -float(rank)) for rank, name in enumerate(names)]
    ours = {
        ir_measures.R @ k: recall(k, retrieved, relevant),
        ir_measures.RR @ k: reciprocal_rank(k, retrieved, relevant),
        ir_measures.nDCG @ k: ndcg(k, retrieved, relevant),
    }
    theirs = ir_measures.calc_aggregate(list(ours), qrels, scored)
    assert {str(name): pytest.approx(number) for name, number in ours.items()} == {
        str(n): v for n, v in theirs.items()
    }


def test_calibration_error_is_the_mean_gap_weighted_by_bin() -> None:
    confidences, rights = np.array([0.95, 0.91, 0.05, 0.05]), np.array([True, False, False, False])
    # Bin 9: mean confidence .93, half right, 2 of 4; bin 0: mean .05, none right, 2 of 4.
    assert calibration_error(confidences, rights) == pytest.approx(0.5 * 0.43 + 0.5 * 0.05)
    assert calibration_error(np.array([1.0]), np.array([True])) == 0


def test_coverage_is_the_most_that_keeps_the_precision() -> None:
    confidences, rights = (
        np.array([0.9, 0.8, 0.7, 0.6, 0.1]),
        np.array([True, True, False, True, False]),
    )
    assert coverage_at(confidences, rights, 0.75) == 0.8
    assert coverage_at(confidences, rights, 1.0) == 0.4
    assert coverage_at(confidences, ~rights, 1.0) == 0.0


def test_a_measure_of_nothing_is_not_a_number() -> None:
    answered = outcome("Oslo", 0.9, "Oslo")
    assert all(
        math.isnan(value(name, answered)) for name in ("FalseAnswers", "AUROC", "EvidenceP", "R@5")
    )
    unanswerable = outcome("Oslo", 0.9, answerable=False)
    assert all(math.isnan(value(name, unanswerable)) for name in ("EM", "F1", "Coverage"))


def test_evidence_is_cited_or_missed() -> None:
    def cited(document: str, start: int) -> Citation:
        return Citation(
            number=1,
            document_id=document,
            version="v",
            title="t",
            url=None,
            published=date.max,
            page=None,
            start=start,
            end=start + 4,
            quote="Oslo",
            sentence=CitedSentence(start=start, end=start + 4, text="Oslo"),
            link=citation_link(document, "v", start, start + 4),
        )

    found = outcome(
        "Oslo", 0.9, "Oslo", evidence_spans=(EvidenceSpan("a", 0, 10), EvidenceSpan("b", 0, 10))
    )
    found = replace(found, citations=(cited("a", 2), cited("a", 40), cited("c", 2)))
    assert value("EvidenceP", found) == pytest.approx(1 / 3)
    assert value("EvidenceR", found) == 0.5


@pytest.mark.parametrize("name", ["F2", "R@0", "R@", "nDCG", "", "R@x"])
def test_an_unknown_measure_is_refused_with_a_list_of_those_that_exist(name: str) -> None:
    with pytest.raises(EvaluationError, match=r"there is no measure .*; there are EM, F1"):
        measure_of(name)


def test_every_reported_measure_has_its_name_group_and_meaning() -> None:
    for name in DEFAULT_MEASURES:
        measure = measure_of(name)
        assert measure.name == name
        assert measure.group in {
            *("retrieval", "answers", "citations"),
            *("usefulness", "abstention", "calibration"),
        }
        assert measure.meaning


def test_less_is_better_for_errors() -> None:
    assert measure_of("ECE").better(0.1, 0.2)
    assert measure_of("FalseAnswers").better(0.1, 0.2)
    assert measure_of("F1").better(0.2, 0.1)


def test_rows_can_be_drawn_repeatedly() -> None:
    rows = [row_of(outcome("Oslo", c, "Oslo"), [measure_of("F1")]) for c in (0.1, 0.9)]
    assert isinstance(rows[0], ScoreRow)
    drawn = ScoreTable.of(rows).take(np.array([1, 1, 0]))
    assert drawn.confidence.tolist() == [0.9, 0.9, 0.1]
    assert drawn.values["F1"].tolist() == [1, 1, 1]


def test_answers_that_cannot_be_judged_do_not_count() -> None:
    right, wrong = outcome("Oslo", 0.9, "Oslo"), outcome("Rome", 0.9, "Oslo")
    unjudged = outcome("Oslo", 0.9)  # answerable, but without accepted answers
    assert value("Precision", right, wrong, unjudged) == 0.5
    assert value("ECE", right, wrong, unjudged) == pytest.approx(0.4)  # 0.9 against 1 of 2
    assert value("Coverage@P80", right, unjudged) == 1
