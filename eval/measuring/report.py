"""The report of a run, as data. :mod:`eval.reporting` shows it to people and machines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.measuring.baseline import Change
from eval.measuring.formulas import percentile
from eval.measuring.gate import GateCheck
from eval.measuring.judgement import Judgement, judgement_of
from eval.measuring.measures import Measure, ScoreRow, ScoreTable, row_of
from eval.measuring.runner import QuestionOutcome


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """A run as it is reported.

    :param name: of the question set
    :param fingerprint: what the figures depend on
    :param measures: values by name, in the order in which they are shown; NaN where there was
        nothing to measure
    :param by_tag: the same by tag
    :param by_type: the same by type of question
    :param outcomes: of every question
    :param rows: the scores of every question, in the order of the outcomes
    :param checks: of the gate; empty without one
    :param changes: against the baseline; empty without one
    """

    name: str
    fingerprint: Mapping[str, str]
    measures: Mapping[str, float]
    by_tag: Mapping[str, Mapping[str, float]]
    by_type: Mapping[str, Mapping[str, float]]
    outcomes: Sequence[QuestionOutcome]
    rows: Sequence[ScoreRow]
    checks: Sequence[GateCheck] = ()
    changes: Sequence[Change] = ()

    @property
    def passed(self) -> bool:
        """Whether every condition of the gate is met; true without a gate."""
        return all(check.passed for check in self.checks)


def make_report(
    name: str,
    fingerprint: Mapping[str, str],
    outcomes: Sequence[QuestionOutcome],
    measures: Sequence[Measure],
) -> EvaluationReport:
    """A report of outcomes: their measures over all questions, by tag and by type."""

    def measured(rows: Iterable[ScoreRow]) -> dict[str, float]:
        table = ScoreTable.of(list(rows))
        return {measure.name: measure.of(table) for measure in measures}

    rows = [row_of(outcome, measures) for outcome in outcomes]
    tags: dict[str, None] = {}
    for row in rows:
        tags |= dict.fromkeys(row.tags)
    types = dict.fromkeys(row.type for row in rows if row.type)
    return EvaluationReport(
        name=name,
        fingerprint=fingerprint,
        measures=measured(rows),
        by_tag={tag: measured(row for row in rows if tag in row.tags) for tag in tags},
        by_type={kind: measured(row for row in rows if row.type == kind) for kind in types},
        outcomes=outcomes,
        rows=rows,
    )


def stage_times(outcomes: Sequence[QuestionOutcome]) -> dict[str, dict[str, float]]:
    """Milliseconds of each stage: the median and the 95th percentile over all questions."""
    stages: dict[str, list[float]] = {}
    for outcome in outcomes:
        for stage, milliseconds in outcome.timings_ms.items():
            stages.setdefault(stage, []).append(milliseconds)
    return {
        stage: {f"p{percent}": round(percentile(times, percent), 1) for percent in (50, 95)}
        for stage, times in stages.items()
    }


def judgement_counts(outcomes: Sequence[QuestionOutcome]) -> dict[Judgement, int]:
    """How many questions got each judgement, the worst first; judgements of none are left out."""
    judgements = [judgement_of(outcome) for outcome in outcomes]
    return {each: judgements.count(each) for each in Judgement if each in judgements}
