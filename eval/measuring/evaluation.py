"""One evaluation: a set is asked, measured, judged by a gate and compared with a baseline."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.errors import EvaluationError
from eval.measuring.baseline import compare, differences, read_baseline
from eval.measuring.gate import judge, read_gate
from eval.measuring.measures import DEFAULT_MEASURES, measure_of
from eval.measuring.report import EvaluationReport, make_report
from eval.measuring.runner import fingerprint, run
from eval.measuring.target import service_for
from eval.sets.question import QuestionSet, read_set
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report, and the names of the fingerprints that kept it from being compared with the
    baseline.
    """

    report: EvaluationReport
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

    :param documents: ask about these files and folders instead of the index in the settings' folder
    :param split: ask only the questions of this split
    :param progress: called after each question
    :raises QuothError: the set, the gate, the baseline or the index cannot be used
    """
    bars = read_gate(gate) if gate else None
    earlier = read_baseline(baseline) if baseline else None
    questions = of_split(read_set(path), split)
    with service_for(questions, documents, settings) as service:
        fingerprints = fingerprint(questions, service)
        outcomes = run(questions, service, progress)
    # the default measures, and those that only the gate names
    named = [bar.measure.name for bar in bars.bars] + list(bars.drops) if bars else []
    measures = [measure_of(name) for name in dict.fromkeys([*DEFAULT_MEASURES, *named])]
    report = make_report(questions.name, fingerprints, outcomes, measures)
    incomparable = differences(earlier.fingerprint, fingerprints) if earlier else []
    if earlier and not incomparable:
        compared = list(bars.drops) if bars and bars.drops else list(report.measures)
        report = replace(report, changes=compare(earlier.rows, report.rows, compared))
    if bars:
        report = replace(report, checks=judge(bars, report.rows, report.changes))
    return Evaluation(report, incomparable)


def of_split(questions: QuestionSet, split: str | None) -> QuestionSet:
    if split is None:
        return questions
    chosen = tuple(question for question in questions.questions if question.split == split)
    if not chosen:
        raise EvaluationError(f"{questions.name}: no question is in the split {split!r}")
    return replace(questions, questions=chosen, digest=f"{questions.digest} {split}")
