"""The report of a run as Markdown, for the summary of a job or a pull request."""

import html
import re
from collections.abc import Sequence

from eval.measuring.judgement import judgement_of, mistakes
from eval.measuring.report import EvaluationReport, judgement_counts
from eval.measuring.runner import QuestionOutcome
from eval.reporting.wording import (
    SHOWN_MISTAKES,
    accepted_answers,
    cut_line,
    difference,
    direction,
    gate_summary,
    measures_by_group,
    shown,
)
from service.answering.citation import Citation
from service.answering.record import OutcomeKind

_SIGNS = {True: "✅", False: "❌"}


def as_markdown(report: EvaluationReport) -> str:
    """Markdown with the result of the gate, the measures, the changes, and the wrong answers to
    unfold.
    """
    parts = (
        _headline(report),
        _gate(report),
        _measures(report),
        _changes(report),
        _mistakes(report),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def answers_as_markdown(report: EvaluationReport) -> str:
    """A table of every question with its outcome, and with the form, the quotes and the sources of
    its answer or best guess.
    """
    rows = []
    for outcome in report.outcomes:
        quotes = outcome.quotes if outcome.kind is not OutcomeKind.NONE else ()
        sources = dict.fromkeys(_source(quote) for quote in quotes)
        rows.append(
            (
                outcome.question.text,
                outcome.question.type,
                outcome.kind.value,
                (outcome.form or "") if quotes else "",
                "; ".join(f"“{cut_line(quote.quote, 400)}”" for quote in quotes),
                "; ".join(sources),
                judgement_of(outcome).value if outcome.given or not quotes else _guess(outcome),
            )
        )
    columns = ("question", "type", "outcome", "form", "quotes", "source", "judgement")
    return f"{_table(columns, rows)}\n"


def _source(quote: Citation) -> str:
    return f"{quote.document_id}, page {quote.page}" if quote.page else quote.document_id


def _guess(outcome: QuestionOutcome) -> str:
    if not outcome.question.answerable:
        return "guess though unanswerable"
    return "right guess" if outcome.right else "wrong guess"


def _headline(report: EvaluationReport) -> str:
    sign = f"{_SIGNS[report.passed]} " if report.checks else ""
    counts = ", ".join(
        f"{count} {judgement.value}"
        for judgement, count in judgement_counts(report.outcomes).items()
    )
    return (
        f"## {sign}{_escaped(report.name)}: {gate_summary(report)}\n\n"
        f"{len(report.outcomes)} questions: {counts or 'none'}."
    )


def _gate(report: EvaluationReport) -> str:
    rows = [(_SIGNS[check.passed], check.name, check.message) for check in report.checks]
    return _table(("", "condition", "value"), rows)


def _measures(report: EvaluationReport) -> str:
    rows = []
    for _, values in measures_by_group(report.measures):
        rows += [(measure.name, shown(value), measure.meaning) for measure, value in values]
    return _table(("measure", "value", "meaning"), rows)


def _changes(report: EvaluationReport) -> str:
    rows = [
        (
            change.measure.name,
            shown(change.before),
            shown(change.now),
            difference(change),
            direction(change),
        )
        for change in report.changes
    ]
    table = _table(("measure", "before", "now", "difference [95 %]", ""), rows)
    return f"### Against the baseline\n\n{table}" if table else ""


def _mistakes(report: EvaluationReport) -> str:
    wrong = mistakes(report.outcomes)
    rows = [
        (
            shown(outcome.confidence),
            cut_line(outcome.question.text, 200),
            cut_line(outcome.text, 200),
            cut_line(accepted_answers(outcome), 200),
        )
        for outcome in wrong[:SHOWN_MISTAKES]
    ]
    table = _table(("confidence", "question", "answer", "accepted"), rows)
    title = f"Wrong answers: {len(rows)} of {len(wrong)}, the most confident first"
    return f"<details>\n<summary>{title}</summary>\n\n{table}\n\n</details>" if table else ""


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, or "" if it has no rows."""
    lines = [headers, ["---"] * len(headers), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is. An ``@`` in it notifies nobody."""
    bare = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", html.escape(cut_line(text), quote=False))
    return re.sub(r"(?<!\w)@", "@<!-- -->", bare)
