"""One evaluation: a set is asked, measured, judged by a gate and compared with a baseline."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.errors import EvaluationError
from eval.measuring.compare import (
    Baseline,
    Gate,
    Verdict,
    compare,
    differences,
    judge,
    read_baseline,
    read_gate,
)
from eval.measuring.metrics import DEFAULT, Measure, Row, Table, measure_of, row_of
from eval.measuring.runner import Outcome, fingerprint, run
from eval.measuring.target import desk_for
from eval.reporting.report import Report
from eval.sets.question import QuestionSet, read_set
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report, and what kept it from being compared with the baseline."""

    report: Report
    incomparable: Sequence[str]


def evaluate(
    path: Path,
    settings: Settings,
    *,
    documents: Sequence[Path] = (),
    gate: Path | None = None,
    baseline: Path | None = None,
    split: str | None = None,
    progress: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Ask the questions of a set, and measure.

    :param documents: ask about these files and folders rather than the index in the settings'
        folder
    :param split: ask the questions of this split only
    :param progress: called after each question
    :raises QuothError: the set, the gate, the baseline or the index cannot be used
    """
    bars = read_gate(gate) if gate else None
    earlier = read_baseline(baseline) if baseline else None
    questions = _of_split(read_set(path), split)
    with desk_for(questions, documents, settings) as service:
        prints = fingerprint(questions, service)
        outcomes = run(questions, service, progress)
    measures = _measures(bars)
    report = _reported(questions, outcomes, prints, measures)
    odd = differences(earlier.fingerprint, prints) if earlier else []
    return Evaluation(_judged(report, bars, earlier if not odd else None), odd)


def _of_split(questions: QuestionSet, split: str | None) -> QuestionSet:
    if split is None:
        return questions
    chosen = tuple(question for question in questions.questions if question.split == split)
    if not chosen:
        raise EvaluationError(f"{questions.name}: no question is of the split {split!r}")
    return replace(questions, questions=chosen, digest=f"{questions.digest} {split}")


def _measures(gate: Gate | None) -> list[Measure]:
    """Those that are always reported, and those that the gate names besides."""
    named = [bar.measure.name for bar in gate.bars] + list(gate.drops) if gate else []
    return [measure_of(name) for name in dict.fromkeys([*DEFAULT, *named])]


def _reported(
    questions: QuestionSet,
    outcomes: Sequence[Outcome],
    prints: Mapping[str, str],
    measures: Sequence[Measure],
) -> Report:
    rows = [row_of(outcome, measures) for outcome in outcomes]
    tags = dict.fromkeys(tag for row in rows for tag in row.tags)
    types = dict.fromkeys(row.type for row in rows if row.type)
    return Report(
        name=questions.name,
        fingerprint=prints,
        measures=_measured(rows, measures),
        by_tag={tag: _measured((row for row in rows if tag in row.tags), measures) for tag in tags},
        by_type={
            type: _measured((row for row in rows if row.type == type), measures) for type in types
        },
        outcomes=outcomes,
        rows=rows,
    )


def _measured(rows: Iterable[Row], measures: Sequence[Measure]) -> dict[str, float]:
    table = Table.of(list(rows))
    return {measure.name: measure.of(table) for measure in measures}


def _judged(report: Report, gate: Gate | None, baseline: Baseline | None) -> Report:
    """The report with the gate's verdicts and the changes against the baseline."""
    names = list(gate.drops) if gate and gate.drops else list(report.measures)
    changes = compare(baseline.rows, report.rows, names) if baseline else []
    verdicts: list[Verdict] = judge(gate, report.rows, changes) if gate else []
    return replace(report, verdicts=verdicts, changes=changes)
