"""Figures and questions in words, the same in tables, in Markdown and on the page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.measuring.baseline import Change
from eval.measuring.measures import Measure, ScoreRow, measure_of
from eval.measuring.report import EvaluationReport
from eval.measuring.runner import QuestionOutcome

SHOWN_MISTAKES = 20
"""How many wrong answers tables and Markdown show."""

_BROKEN_DOWN = ("F1", "Contains", "AUROC", "FalseAnswers")


def shown(value: float) -> str:
    """A value of a measure; a dash if there was nothing to measure."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def difference(change: Change) -> str:
    """How much a measure changed, with the interval."""
    if math.isnan(change.now - change.before):
        return "–"
    return f"{change.now - change.before:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"


def direction(change: Change) -> str:
    """Whether a measure got better or worse, if the change is significant."""
    if not change.significant:
        return "no clear change"
    return "worse" if change.loss > 0 else "better"


def cut_line(text: str, most: int = 1_000) -> str:
    """Text on one line without control characters, cut to ``most`` characters."""
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= most else line[: most - 1].rstrip() + "…"


def accepted_answers(outcome: QuestionOutcome) -> str:
    """The accepted answers to a question."""
    if not outcome.question.answerable:
        return "none: the documents do not say"
    return "; ".join(outcome.question.answers) or "not labelled"


def gate_summary(report: EvaluationReport) -> str:
    """Whether the gate is passed, in a few words."""
    if not report.checks:
        return "no gate"
    met = sum(check.passed for check in report.checks)
    result = "passed" if report.passed else "missed"
    return f"gate {result}: {met} of {len(report.checks)} conditions met"


def measures_by_group(
    measures: Mapping[str, float],
) -> list[tuple[str, list[tuple[Measure, float]]]]:
    """Measures with their values by group, the groups in the order in which they first appear."""
    groups: dict[str, list[tuple[Measure, float]]] = {}
    for name, value in measures.items():
        measure = measure_of(name)
        groups.setdefault(measure.group, []).append((measure, value))
    return list(groups.items())


@dataclass(frozen=True, slots=True)
class Breakdown:
    """A few measures by type or by tag.

    :param what: "type" or "tag"
    :param measures: the names of measures that apply to one part at least
    :param rows: for each part its name, its number of questions and its values, as text
    """

    what: str
    measures: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def breakdowns(report: EvaluationReport) -> list[Breakdown]:
    """The breakdowns of a report by type and by tag, those without parts left out."""
    by_type, by_tag = report.by_type, report.by_tag
    types = {kind: [row for row in report.rows if row.type == kind] for kind in by_type}
    tags = {tag: [row for row in report.rows if tag in row.tags] for tag in by_tag}
    both = (_breakdown("type", by_type, types), _breakdown("tag", by_tag, tags))
    return [each for each in both if each.rows]


def _breakdown(
    what: str,
    parts: Mapping[str, Mapping[str, float]],
    questions: Mapping[str, Sequence[ScoreRow]],
) -> Breakdown:
    names = tuple(
        name
        for name in _BROKEN_DOWN
        if any(not math.isnan(values.get(name, math.nan)) for values in parts.values())
    )
    rows = tuple(
        (
            part,
            str(len(questions[part])),
            *(shown(values.get(name, math.nan)) for name in names),
        )
        for part, values in parts.items()
    )
    return Breakdown(what, names, rows)
