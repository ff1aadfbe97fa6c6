"""The report of a run as JSON, which is also the baseline of a later run."""

import math
from collections.abc import Mapping

from eval.measuring.baseline import Change
from eval.measuring.judgement import judgement_of
from eval.measuring.measures import ScoreRow
from eval.measuring.report import EvaluationReport, stage_times
from eval.measuring.runner import QuestionOutcome
from service.answering.citation import Citation

_DIGITS = 6


def as_json(report: EvaluationReport) -> dict[str, object]:
    """The whole report; :func:`eval.measuring.baseline.read_baseline` reads it.

    The JSON of two runs of the same questions on the same documents and models differs only in what
    is named ``timings_ms``.
    """
    return {
        "set": report.name,
        "fingerprint": dict(report.fingerprint),
        "measures": _rounded(report.measures),
        "by_tag": {tag: _rounded(measures) for tag, measures in report.by_tag.items()},
        "by_type": {kind: _rounded(measures) for kind, measures in report.by_type.items()},
        "checks": [
            {"name": check.name, "passed": check.passed, "message": check.message}
            for check in report.checks
        ],
        "changes": [_change(change) for change in report.changes],
        "questions": [_question(*pair) for pair in zip(report.outcomes, report.rows, strict=True)],
        "timings_ms": stage_times(report.outcomes),
    }


def _rounded(measures: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _or_null(round(value, _DIGITS)) for name, value in measures.items()}


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value


def _change(change: Change) -> dict[str, object]:
    values = {"before": change.before, "now": change.now, "low": change.low, "high": change.high}
    return {"measure": change.measure.name, **_rounded(values), "significant": change.significant}


def _question(outcome: QuestionOutcome, row: ScoreRow) -> dict[str, object]:
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
        "points": [list(forms) for forms in outcome.question.points],
        "judgement": judgement_of(outcome).value,
        "judged": row.judged,
        "right": row.right,
        "given": row.given,
        "confidence": row.confidence,
        "threshold": outcome.threshold,
        "reason": outcome.reason,
        "outcome": outcome.kind.value,
        "answer": outcome.text,
        "form": outcome.form and outcome.form.value,
        "quotes": [quote.quote for quote in outcome.quotes],
        "sentence": outcome.sentence,
        "citations": [_citation(outcome, citation) for citation in outcome.citations],
        "exact": outcome.exact,
        "first_evidence_rank": outcome.first_rank,
        "unresolved": [
            {"document": each.document_id, "quote": each.quote} for each in outcome.unresolved
        ],
        "values": {name: _or_null(value) for name, value in row.values.items()},
        "timings_ms": dict(outcome.timings_ms),
    }


def _citation(outcome: QuestionOutcome, citation: Citation) -> dict[str, object]:
    return {
        "document": citation.document_id,
        "version": citation.version,
        "title": citation.title,
        "page": citation.page,
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "supported": outcome.supports(citation),
    }
