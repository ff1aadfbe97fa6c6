"""The tables of a report in a terminal. Text from questions and documents is never markup."""

from rich import box
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from eval.measuring.judgement import mistakes
from eval.measuring.report import EvaluationReport
from eval.reporting.wording import (
    SHOWN_MISTAKES,
    Breakdown,
    accepted_answers,
    breakdowns,
    cut_line,
    difference,
    direction,
    measures_by_group,
    shown,
)

_STYLES = {"better": "green", "worse": "red"}


def print_tables(report: EvaluationReport, console: Console) -> None:
    """Print the tables of a report that have rows. The gate comes last, where it is seen first."""
    tables = (
        _measures(report),
        *(_breakdown(each) for each in breakdowns(report)),
        _changes(report),
        _unresolved(report),
        _mistakes(report),
        _gate(report),
    )
    for table in tables:
        if table.row_count:
            console.print(table)


def _measures(report: EvaluationReport) -> Table:
    title = f"{report.name}, {len(report.outcomes)} questions"
    table = _table(title, Column("measure", no_wrap=True), _number("value"), "meaning")
    for group, values in measures_by_group(report.measures):
        table.add_row(Text(group, style="bold"))
        for measure, value in values:
            table.add_row(f"  {measure.name}", shown(value), Text(measure.meaning, style="dim"))
    return table


def _breakdown(breakdown: Breakdown) -> Table:
    # The heads may wrap, so that all columns find room beside the names of the parts.
    columns = [Column(name, justify="right") for name in ("questions", *breakdown.measures)]
    table = _table(breakdown.title, Column(breakdown.what, no_wrap=True), *columns)
    for name, *values in breakdown.rows:
        table.add_row(Text(cut_line(name)), *values)
    return table


def _changes(report: EvaluationReport) -> Table:
    numbers = (_number("before"), _number("now"), _number("difference [95 %]"))
    table = _table("Against the baseline", Column("measure", no_wrap=True), *numbers, "")
    for change in report.changes:
        trend = direction(change)
        values = (shown(change.before), shown(change.now), Text(difference(change)))
        table.add_row(change.measure.name, *values, Text(trend, style=_STYLES.get(trend, "dim")))
    return table


def _unresolved(report: EvaluationReport) -> Table:
    table = _table("Evidence that is no longer in its document", "question", "document", "quote")
    for outcome in report.outcomes:
        for evidence in outcome.unresolved:
            quote = evidence.quote or "the whole document"
            cells = (outcome.question.id, evidence.document_id, quote)
            table.add_row(*(Text(cut_line(cell, 120)) for cell in cells))
    return table


def _mistakes(report: EvaluationReport) -> Table:
    wrong = mistakes(report.outcomes)
    shown_count = min(len(wrong), SHOWN_MISTAKES)
    title = f"Wrong answers, {shown_count} of {len(wrong)}, the most confident first"
    table = _table(title, _number("confidence"), "question", "answer", "accepted")
    for outcome in wrong[:SHOWN_MISTAKES]:
        cells = (outcome.question.text, outcome.text, accepted_answers(outcome))
        table.add_row(shown(outcome.confidence), *(Text(cut_line(cell, 160)) for cell in cells))
    return table


def _gate(report: EvaluationReport) -> Table:
    met = sum(check.passed for check in report.checks)
    title = f"Gate, {met} of {len(report.checks)} conditions met"
    table = _table(title, "", "condition", "value")
    for check in report.checks:
        mark = Text("passed", style="green") if check.passed else Text("missed", style="bold red")
        table.add_row(mark, Text(cut_line(check.name)), Text(cut_line(check.message)))
    return table


def _table(title: str, *columns: Column | str) -> Table:
    head = Text(cut_line(title), style="bold")
    return Table(*columns, title=head, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _number(header: str) -> Column:
    return Column(header, justify="right", no_wrap=True)
