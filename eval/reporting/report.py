"""Reports of a run: JSON for machines and baselines; tables, JUnit XML, Markdown and a page for
people.
"""

import html
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from rich.console import Console

from eval.measuring.compare import Change, Verdict
from eval.measuring.judgement import first_rank, mistakes, standing_of
from eval.measuring.measures import percentile
from eval.measuring.metrics import Row
from eval.measuring.runner import Outcome
from eval.reporting.junit import junit
from eval.reporting.page import cards, counts, figures
from eval.reporting.tables import (
    breakdown_table,
    change_table,
    measure_table,
    mistake_table,
    unresolved_table,
    verdict_table,
)
from eval.reporting.wording import (
    accepted,
    applying,
    breakdown,
    difference,
    direction,
    grouped,
    plain,
    shown,
    sizes_by_tag,
    sizes_by_type,
)
from service.answering.citation import Citation

SHOWN_MISTAKES = 20
"""How many wrong answers tables and Markdown show."""

_DIGITS = 6
_TEMPLATE = "report.html"


@dataclass(frozen=True, slots=True)
class Report:
    """A run as it is reported.

    :param fingerprint: what the figures depend on
    :param measures: value by name, in the order in which they are shown; NaN where there was
        nothing to measure
    :param by_tag: the same by tag, and ``by_type`` by type of question
    :param outcomes: of every question; ``rows`` the same in short, in the same order
    :param verdicts: of the gate, none without one
    :param changes: against the baseline, none without one
    """

    name: str
    fingerprint: Mapping[str, str]
    measures: Mapping[str, float]
    by_tag: Mapping[str, Mapping[str, float]]
    by_type: Mapping[str, Mapping[str, float]]
    outcomes: Sequence[Outcome]
    rows: Sequence[Row]
    verdicts: Sequence[Verdict] = ()
    changes: Sequence[Change] = ()

    @property
    def passed(self) -> bool:
        """Whether every verdict of the gate is met; true without one."""
        return all(verdict.passed for verdict in self.verdicts)


def as_json(report: Report) -> dict[str, object]:
    """The whole report, and what :func:`eval.measuring.compare.read_baseline` reads.

    Two runs of the same questions on the same documents and models are equal but for what is named
    ``timings_ms``."""
    return {
        "set": report.name,
        "fingerprint": dict(report.fingerprint),
        "measures": _rounded(report.measures),
        "by_tag": {tag: _rounded(measures) for tag, measures in report.by_tag.items()},
        "by_type": {type: _rounded(measures) for type, measures in report.by_type.items()},
        "verdicts": [
            {"name": each.name, "passed": each.passed, "said": each.said}
            for each in report.verdicts
        ],
        "changes": [_change(change) for change in report.changes],
        "questions": [_question(*pair) for pair in zip(report.outcomes, report.rows, strict=True)],
        "timings_ms": stage_times(report.outcomes),
    }


def stage_times(outcomes: Sequence[Outcome]) -> dict[str, dict[str, float]]:
    """Milliseconds of each stage: the median and the 95th percentile over all questions."""
    stages = dict.fromkeys(stage for outcome in outcomes for stage in outcome.timings_ms)
    spent = {
        stage: [each.timings_ms[stage] for each in outcomes if stage in each.timings_ms]
        for stage in stages
    }
    return {
        stage: {f"p{percent}": round(percentile(times, percent), 1) for percent in (50, 95)}
        for stage, times in spent.items()
    }


def _rounded(measures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _or_null(round(value, _DIGITS)) for name, value in measures.items()}


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _change(change: Change) -> dict[str, object]:
    values = {"before": change.before, "now": change.now, "low": change.low, "high": change.high}
    return {"measure": change.measure.name, **_rounded(values), "significant": change.significant}


def _question(outcome: Outcome, row: Row) -> dict[str, object]:
    return {
        "id": row.id,
        "question": outcome.question.text,
        "history": [
            {"role": turn.role.value, "text": turn.text} for turn in outcome.question.history
        ],
        "type": row.type,
        "tags": list(row.tags),
        "split": row.split,
        "answerable": row.answerable,
        "answers": list(outcome.question.answers),
        "standing": standing_of(outcome).value,
        "judged": row.judged,
        "right": row.right,
        "given": row.given,
        "confidence": row.confidence,
        "threshold": outcome.threshold,
        "reason": outcome.reason,
        "answer": outcome.text,
        "sentence": outcome.sentence,
        "citations": [_citation(outcome, citation) for citation in outcome.citations],
        "exact": outcome.exact,
        "first_evidence_rank": first_rank(outcome),
        "unresolved": [
            {"document": each.document_id, "quote": each.quote} for each in outcome.unresolved
        ],
        "values": {name: _or_null(value) for name, value in row.values.items()},
        "timings_ms": dict(outcome.timings_ms),
    }


def _citation(outcome: Outcome, citation: Citation) -> dict[str, object]:
    return {
        "document": citation.document_id,
        "version": citation.version,
        "title": citation.title,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "supported": outcome.supported(citation),
    }


def print_tables(report: Report, console: Console) -> None:
    """Print the report as tables, those with nothing in them left out; the verdicts stand last,
    where they are seen.
    """
    tables = (
        measure_table(f"{report.name}, {len(report.outcomes)} questions", report.measures),
        breakdown_table("type", report.by_type, sizes_by_type(report.rows, report.by_type)),
        breakdown_table("tag", report.by_tag, sizes_by_tag(report.rows, report.by_tag)),
        change_table(report.changes),
        unresolved_table(report.outcomes),
        mistake_table(report.outcomes, SHOWN_MISTAKES),
        verdict_table(report.verdicts),
    )
    for table in tables:
        if table.row_count:
            console.print(table)


def as_junit(report: Report) -> str:
    """JUnit XML with a case for every question and for every condition of the gate."""
    return junit(report.name, report.outcomes, report.verdicts)


def as_markdown(report: Report) -> str:
    """Markdown for a pull request: verdict, measures, changes, and the wrong answers to unfold."""
    parts = (
        _headline(report),
        _verdict_part(report),
        _measure_part(report),
        _change_part(report),
        _mistake_part(report),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def gate_in_words(report: Report) -> str:
    """Whether the gate is passed, in a few words."""
    if not report.verdicts:
        return "no gate"
    met = sum(verdict.passed for verdict in report.verdicts)
    return (
        f"gate {'passed' if report.passed else 'missed'}: {met} of {len(report.verdicts)} "
        "conditions met"
    )


def _headline(report: Report) -> str:
    sign = "" if not report.verdicts else "✅ " if report.passed else "❌ "
    counted = ", ".join(
        f"{count} {standing.value}" for standing, count in counts(report.outcomes).items()
    )
    name = _escaped(report.name)
    return (
        f"## {sign}{name}: {gate_in_words(report)}\n\n{len(report.outcomes)} questions: "
        f"{counted or 'none'}."
    )


def _verdict_part(report: Report) -> str:
    signs = {True: "✅", False: "❌"}
    rows = [(signs[each.passed], each.name, each.said) for each in report.verdicts]
    return _markdown_table(("", "condition", "value"), rows)


def _measure_part(report: Report) -> str:
    rows = [
        (measure.name, shown(value), measure.meaning)
        for _, values in grouped(report.measures)
        for measure, value in values
    ]
    return _markdown_table(("measure", "value", "meaning"), rows)


def _change_part(report: Report) -> str:
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
    table = _markdown_table(("measure", "before", "now", "difference [95 %]", ""), rows)
    return f"### Against the baseline\n\n{table}" if table else ""


def _mistake_part(report: Report) -> str:
    wrong = mistakes(report.outcomes)
    rows = [
        (
            shown(each.confidence),
            plain(each.question.text, 200),
            plain(each.text, 200),
            plain(accepted(each), 200),
        )
        for each in wrong[:SHOWN_MISTAKES]
    ]
    table = _markdown_table(("confidence", "question", "answer", "accepted"), rows)
    title = f"Wrong answers: {len(rows)} of {len(wrong)}, the most confident first"
    return f"<details>\n<summary>{title}</summary>\n\n{table}\n\n</details>" if table else ""


def _markdown_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, or "" where it has no rows."""
    lines = [headers, ["---"] * len(headers), *([_escaped(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def _escaped(text: str) -> str:
    """Text on one line that Markdown shows as it is; nobody is called by an ``@`` in it."""
    bare = re.sub(r"([\\`*_{}\[\]|~])", r"\\\1", html.escape(plain(text), quote=False))
    return re.sub(r"(?<!\w)@", "@<!-- -->", bare)


def as_html(report: Report) -> str:
    """One page that needs nothing else: no script, no picture, no font from elsewhere."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "shown": shown,
        "difference": difference,
        "direction": direction,
        "accepted": accepted,
    }
    template = environment.from_string(
        files("eval.reporting").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    )
    return template.render(
        report=report,
        gate=gate_in_words(report),
        counts=counts(report.outcomes),
        groups=grouped(report.measures),
        breakdowns=_breakdowns(report),
        figures=figures(report.outcomes, report.rows, report.by_type),
        times=stage_times(report.outcomes),
        cards=cards(report.outcomes),
    )


def _breakdowns(report: Report) -> list[tuple[str, list[str], list[list[str]]]]:
    """By type and by tag: what it is by, the names of the measures, and the rows."""
    sizes = {
        "type": sizes_by_type(report.rows, report.by_type),
        "tag": sizes_by_tag(report.rows, report.by_tag),
    }
    parts = {"type": report.by_type, "tag": report.by_tag}
    return [
        (what, applying(part), breakdown(part, sizes[what])) for what, part in parts.items() if part
    ]
