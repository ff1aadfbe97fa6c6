"""Figures and questions in words, the same in tables, in Markdown and on the page."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eval.measuring.baseline import Change
from eval.measuring.measures import Measure, ScoreRow, measure_of
from eval.measuring.report import EvaluationReport
from eval.measuring.runner import QuestionOutcome
from service.answering.record import OutcomeKind

SHOWN_MISTAKES = 20
"""How many wrong answers tables and Markdown show."""

_BROKEN_DOWN = ("F1", "Contains", "Useful", "GuessRight", "Precision", "AUROC", "FalseAnswers")


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
    points = [forms[0] for forms in outcome.question.points]
    return "; ".join(outcome.question.answers or points) or "not labelled"


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
    """A few figures by type, by tag or by form of answer.

    :param what: "type", "tag" or "form"
    :param measures: the names of the figures
    :param rows: for each part its name, its number of questions and its values, as text
    """

    title: str
    what: str
    measures: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def breakdowns(report: EvaluationReport) -> list[Breakdown]:
    """The breakdowns of a report by type, by tag and by form, those without parts left out."""
    by_type, by_tag = report.by_type, report.by_tag
    types = {kind: [row for row in report.rows if row.type == kind] for kind in by_type}
    tags = {tag: [row for row in report.rows if tag in row.tags] for tag in by_tag}
    found = (
        _breakdown("type", by_type, types),
        _breakdown("tag", by_tag, tags),
        _outcomes("type", report.outcomes, [outcome.question.type for outcome in report.outcomes]),
        _outcomes(
            "form", report.outcomes, [outcome.form or "no answer" for outcome in report.outcomes]
        ),
    )
    return [each for each in found if each.rows]


def _outcomes(what: str, outcomes: Sequence[QuestionOutcome], parts: Sequence[str]) -> Breakdown:
    """How many answers and guesses are right and wrong in each part, the parts in their order."""
    columns = ("right answer", "wrong answer", "right guess", "wrong guess", "neither")
    counts = {part: dict.fromkeys(columns, 0) for part in parts if part}
    for outcome, part in zip(outcomes, parts, strict=True):
        if part:
            shown = {OutcomeKind.ANSWER: "answer", OutcomeKind.UNSURE: "guess"}.get(outcome.kind)
            counts[part][
                f"{'right' if outcome.right else 'wrong'} {shown}" if shown else "neither"
            ] += 1
    rows = tuple(
        (part, str(sum(values.values())), *map(str, values.values()))
        for part, values in counts.items()
    )
    return Breakdown(f"Outcomes by {what}", what, columns, rows)


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
    return Breakdown(f"By {what}", what, names, rows)
