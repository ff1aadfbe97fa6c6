"""The gate, and the comparison with a baseline."""

import json
import math
from pathlib import Path

import pytest

from eval.errors import EvaluationError
from eval.measuring.baseline import compare, differences, read_baseline
from eval.measuring.gate import Gate, judge, read_gate
from eval.measuring.measures import ScoreRow, measure_of


def row(
    id: str, f1: float, *, tags: tuple[str, ...] = (), split: str = "", confidence: float = 0.5
) -> ScoreRow:
    values = {"F1": f1, "FalseAnswers": math.nan}
    return ScoreRow(
        id=id,
        type="",
        tags=tags,
        split=split,
        answerable=True,
        judged=True,
        right=f1 >= 0.5,
        given=True,
        confidence=confidence,
        values=values,
    )


def rows(*f1: float) -> list[ScoreRow]:
    return [row(str(number), value) for number, value in enumerate(f1)]


def gate(tmp_path: Path, text: str) -> Gate:
    path = tmp_path / "gate.toml"
    path.write_text(text, encoding="utf-8")
    return read_gate(path)


def test_a_bar_is_met_at_its_value(tmp_path: Path) -> None:
    bars = gate(tmp_path, "[bars]\nF1 = 0.5\nECE = 0.2\n")
    checks = judge(bars, [row("1", 0.5, confidence=0.9), row("2", 0.5, confidence=0.9)], [])
    assert [(check.name, check.passed) for check in checks] == [("F1", True), ("ECE", True)]
    checks = judge(bars, [row("1", 0.49, confidence=0.9), row("2", 0.49, confidence=0.9)], [])
    assert [check.passed for check in checks] == [
        False,
        False,
    ]  # none is right at a confidence of 0.9, so the error is 0.9


def test_a_bar_for_a_tag_judges_only_its_questions(tmp_path: Path) -> None:
    bars = gate(tmp_path, '[tags."near miss"]\nF1 = 0.6\n')
    (check,) = judge(bars, [row("1", 1.0), row("2", 0.5, tags=("near miss",))], [])
    assert (check.passed, check.name) == (False, "F1 of near miss")
    with pytest.raises(EvaluationError, match="no question has it"):
        judge(bars, [row("1", 1.0)], [])


def test_only_the_split_of_the_gate_is_judged(tmp_path: Path) -> None:
    bars = gate(tmp_path, 'split = "report"\n[bars]\nF1 = 0.6\n')
    mixed = [row("1", 0.0, split="tune"), row("2", 0.7, split="report")]
    assert judge(bars, mixed, [])[0].passed
    with pytest.raises(EvaluationError, match="'report', but no question"):
        judge(bars, mixed[:1], [])


def test_a_measure_of_nothing_meets_no_bar(tmp_path: Path) -> None:
    assert not judge(gate(tmp_path, "[bars]\nFalseAnswers = 0.3\n"), rows(1.0), [])[0].passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[bars]\nF2 = 1\n", "no measure 'F2'"),
        ("[bars]\nF1 = 'high'\n", "must be a measure and a number"),
        ("[bar]\nF1 = 1\n", "a gate has no part 'bar'"),
        ("[tags]\nF1 = 1\n", "must be a measure and a number"),
        ("bars", "cannot be read as a gate"),
    ],
)
def test_a_broken_gate_names_its_file_and_fault(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(EvaluationError, match=message) as caught:
        gate(tmp_path, text)
    assert "gate.toml" in str(caught.value)


def test_a_loss_counts_when_it_is_significant_and_large(tmp_path: Path) -> None:
    before = rows(*[1.0] * 40)
    much, little, chance = rows(*[0.5] * 40), rows(*[0.99] * 40), rows(*[1.0] * 39, 0.0)
    bars = gate(tmp_path, "[drop]\nF1 = 0.02\n")
    kept = {}
    for name, now in (("much", much), ("little", little), ("chance", chance)):
        changes = compare(before, now, ["F1"])
        kept[name] = judge(bars, now, changes)[0].passed
    # Half of all; a hundredth, which is significant but small; one of forty, which can be chance.
    assert kept == {"much": False, "little": True, "chance": True}


def test_a_loss_of_just_what_is_allowed_does_not_count(tmp_path: Path) -> None:
    now = rows(*[0.5] * 10)
    changes = compare(rows(*[1.0] * 10), now, ["F1"])
    assert changes[0].significant
    assert judge(gate(tmp_path, "[drop]\nF1 = 0.5\n"), now, changes)[0].passed
    assert not judge(gate(tmp_path, "[drop]\nF1 = 0.49\n"), now, changes)[0].passed


def test_a_change_has_its_interval() -> None:
    (change,) = compare(rows(*[0.0, 1.0] * 50), rows(*[0.5, 1.0] * 50), ["F1"])
    assert (change.before, change.now) == (0.5, 0.75)
    # Differences of 0.5 and 0: mean 0.25, standard error 0.25 / 10, in steps of 0.005. The ends of
    # a 90 % interval would be 0.008 nearer to the mean.
    assert change.low == pytest.approx(0.25 - 1.96 * 0.025, abs=0.005)
    assert change.high == pytest.approx(0.25 + 1.96 * 0.025, abs=0.005)
    assert change.significant
    assert change.loss == -0.25


def test_only_questions_of_both_runs_are_compared() -> None:
    (change,) = compare([row("a", 1.0), row("b", 0.0)], [row("b", 1.0), row("c", 0.0)], ["F1"])
    assert (change.before, change.now) == (0.0, 1.0)


def test_runs_without_a_question_in_common_cannot_be_compared() -> None:
    with pytest.raises(EvaluationError, match="no question in common"):
        compare([row("a", 1.0)], [row("b", 1.0)], ["F1"])


def test_a_measure_that_the_baseline_lacks_is_named() -> None:
    with pytest.raises(EvaluationError, match="the baseline does not have R@20"):
        compare([row("a", 1.0)], [row("a", 1.0)], ["R@20"])


def test_more_is_a_loss_if_less_is_better() -> None:
    (change,) = compare([row("a", 1.0, confidence=1.0)], [row("a", 1.0, confidence=0.6)], ["ECE"])
    assert change.loss == pytest.approx(0.4)
    assert measure_of("ECE").lower_is_better


@pytest.mark.parametrize(
    "text", ["", "[]", '{"questions": []}', '{"fingerprint": {}, "questions": [{}]}']
)
def test_a_file_that_is_not_a_report_is_refused_as_a_baseline(tmp_path: Path, text: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=r"old\.json: not the JSON report of a run"):
        read_baseline(path)


def test_a_baseline_is_read_with_its_missing_values(tmp_path: Path) -> None:
    kept = {
        "id": "a",
        "type": "",
        "tags": ["t"],
        "split": "",
        "answerable": True,
        "judged": True,
        "right": False,
        "given": True,
        "confidence": 0.25,
        "values": {"F1": 0.5, "FalseAnswers": None},
    }
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"fingerprint": {"index": "1"}, "questions": [kept]}))
    read = read_baseline(path)
    (first,) = read.rows
    assert (read.fingerprint, first.values["F1"], first.tags) == ({"index": "1"}, 0.5, ("t",))
    assert math.isnan(first.values["FalseAnswers"])


def test_the_fingerprints_in_which_runs_differ_are_named() -> None:
    assert differences({"index": "1", "questions": "1"}, {"index": "2", "questions": "1"}) == [
        "index"
    ]
    assert differences({"index": "1"}, {"index": "1"}) == []
