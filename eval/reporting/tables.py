"""The tables of a report in a terminal. What questions and documents say is printed as it is, never
as markup.
"""

from collections.abc import Mapping, Sequence

from rich import box
from rich.table import Column, Table
from rich.text import Text

from eval.measuring.compare import Change, Verdict
from eval.measuring.judgement import mistakes
from eval.measuring.runner import Outcome
from eval.reporting.wording import (
    accepted,
    applying,
    breakdown,
    difference,
    direction,
    grouped,
    plain,
    shown,
)

_STYLES = {"better": "green", "worse": "red"}


def measure_table(title: str, measures: Mapping[str, float]) -> Table:
    """Every measure by group, with its value and its meaning."""
    table = _table(title, Column("measure", no_wrap=True), _number("value"), "meaning")
    for group, values in grouped(measures):
        table.add_row(Text(group, style="bold"))
        for measure, value in values:
            table.add_row(f"  {measure.name}", shown(value), Text(measure.meaning, style="dim"))
    return table


def breakdown_table(
    what: str, parts: Mapping[str, Mapping[str, float]], sizes: Mapping[str, int]
) -> Table:
    """The measures that apply to each type or tag."""
    table = _table(f"By {what}", what, _number("questions"), *map(_number, applying(parts)))
    for name, *values in breakdown(parts, sizes):
        table.add_row(Text(plain(name)), *values)
    return table


def change_table(changes: Sequence[Change]) -> Table:
    """Every measure before and now."""
    numbers = (_number("before"), _number("now"), _number("difference [95 %]"))
    table = _table("Against the baseline", Column("measure", no_wrap=True), *numbers, "")
    for change in changes:
        said = direction(change)
        values = (shown(change.before), shown(change.now), Text(difference(change)))
        table.add_row(change.measure.name, *values, Text(said, style=_STYLES.get(said, "dim")))
    return table


def unresolved_table(outcomes: Sequence[Outcome]) -> Table:
    """Evidence that no longer stands in its document."""
    table = _table(
        "Evidence that no longer stands in its document", "question", "document", "quote"
    )
    for outcome in outcomes:
        for evidence in outcome.unresolved:
            quote = evidence.quote or "the whole document"
            said = (outcome.question.id, evidence.document_id, quote)
            table.add_row(*(Text(plain(each, 120)) for each in said))
    return table


def mistake_table(outcomes: Sequence[Outcome], most: int) -> Table:
    """Wrong answers, the most confident first."""
    wrong = mistakes(outcomes)
    title = f"Wrong answers, {min(len(wrong), most)} of {len(wrong)}, the most confident first"
    table = _table(title, _number("confidence"), "question", "answer", "accepted")
    for outcome in wrong[:most]:
        said = (outcome.question.text, outcome.text, accepted(outcome))
        table.add_row(shown(outcome.confidence), *(Text(plain(each, 160)) for each in said))
    return table


def verdict_table(verdicts: Sequence[Verdict]) -> Table:
    """Every condition of the gate."""
    met = sum(verdict.passed for verdict in verdicts)
    table = _table(f"Gate, {met} of {len(verdicts)} conditions met", "", "condition", "value")
    for verdict in verdicts:
        mark = Text("passed", style="green") if verdict.passed else Text("missed", style="bold red")
        table.add_row(mark, Text(plain(verdict.name)), Text(plain(verdict.said)))
    return table


def _table(title: str, *columns: Column | str) -> Table:
    head = Text(plain(title), style="bold")
    return Table(*columns, title=head, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _number(header: str) -> Column:
    return Column(header, justify="right", no_wrap=True)
