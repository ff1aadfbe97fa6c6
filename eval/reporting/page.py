"""The page of a report: measures and plots, and a card for every question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from eval.measuring.formulas import reliability
from eval.measuring.judgement import Judgement, judgement_of, refusal_reason, worst_first
from eval.measuring.measures import ScoreRow, ScoreTable
from eval.measuring.report import EvaluationReport, judgement_counts, stage_times
from eval.measuring.runner import QuestionOutcome
from eval.reporting.plots import (
    bars_plot,
    latency_plot,
    operating_point,
    reliability_plot,
    risk_coverage,
    risk_coverage_plot,
)
from eval.reporting.wording import (
    accepted_answers,
    breakdowns,
    difference,
    direction,
    gate_summary,
    measures_by_group,
    shown,
)
from eval.sets.question import LabelledEvidence
from service.answering.citation import Citation

_TEMPLATE = "report.html"
_UNJUDGED = "No question has an answer that can be judged."


@dataclass(frozen=True, slots=True)
class CaptionedPlot:
    """A plot with its caption.

    :param drawing: None if there is nothing to plot; the caption then says why
    """

    title: str
    caption: str
    drawing: Markup | None


@dataclass(frozen=True, slots=True)
class StageResult:
    """How one stage of a question went, in words.

    :param passed: None if the stage does not apply
    """

    text: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class QuotedSentence:
    """A citation with the parts of its sentence before and after the quote."""

    citation: Citation
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Card:
    """A question as the page shows it.

    :param sought: the evidence that would have answered it, if it was answered wrongly or not at
        all
    """

    outcome: QuestionOutcome
    judgement: Judgement
    stages: tuple[StageResult, ...]
    quotes: tuple[QuotedSentence, ...]
    sought: tuple[LabelledEvidence, ...]


def as_html(report: EvaluationReport) -> str:
    """One page that needs nothing else: no script, and no picture or font from elsewhere."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "shown": shown,
        "difference": difference,
        "direction": direction,
        "accepted_answers": accepted_answers,
    }
    source = files("eval.reporting").joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return environment.from_string(source).render(
        report=report,
        gate=gate_summary(report),
        counts=judgement_counts(report.outcomes),
        groups=measures_by_group(report.measures),
        breakdowns=breakdowns(report),
        plots=plots(report.outcomes, report.rows, report.by_type),
        times=stage_times(report.outcomes),
        cards=cards(report.outcomes),
    )


def cards(outcomes: Sequence[QuestionOutcome]) -> list[Card]:
    """A card for every question, the wrong ones first."""
    return [_card(outcome) for outcome in worst_first(outcomes)]


def _card(outcome: QuestionOutcome) -> Card:
    quotes = tuple(_quoted(citation) for citation in outcome.citations)
    judgement = judgement_of(outcome)
    lost = judgement in (Judgement.WRONG, Judgement.REFUSED)
    sought = tuple(
        each for each in outcome.question.evidence if lost and each not in outcome.unresolved
    )
    return Card(outcome, judgement, tuple(stages(outcome)), quotes, sought)


def _quoted(citation: Citation) -> QuotedSentence:
    sentence = citation.sentence
    start, end = citation.start - sentence.start, citation.end - sentence.start
    return QuotedSentence(citation, sentence.text[:start], sentence.text[end:])


def stages(outcome: QuestionOutcome) -> list[StageResult]:
    """How the question went, stage by stage: the evidence found, quoted, and the answer given."""
    return [_found(outcome), *_read(outcome), _given(outcome)]


def _found(outcome: QuestionOutcome) -> StageResult:
    if not outcome.question.evidence:
        return StageResult("no evidence labelled", None)
    if not outcome.evidence_spans:
        return StageResult("evidence is no longer in its document", False)
    rank = outcome.first_rank
    missed = f"evidence not among {len(outcome.retrieved)} passages"
    return StageResult(f"evidence at rank {rank}" if rank else missed, bool(rank))


def _read(outcome: QuestionOutcome) -> list[StageResult]:
    if not outcome.citations:
        return [StageResult("nothing quoted", None if not outcome.question.answerable else False)]
    exact = StageResult("quote exact" if outcome.exact else "quote not exact", outcome.exact)
    if not outcome.evidence_spans:
        return [exact]
    supported = any(outcome.supports(citation) for citation in outcome.citations)
    return [
        StageResult(
            "quoted from the evidence" if supported else "quoted from elsewhere", supported
        ),
        exact,
    ]


def _given(outcome: QuestionOutcome) -> StageResult:
    wanted = outcome.given is outcome.question.answerable
    if outcome.given:
        return StageResult(f"answered, {outcome.confidence:.2f} ≥ {outcome.threshold:.2f}", wanted)
    if outcome.text:
        return StageResult(f"refused, {outcome.confidence:.2f} < {outcome.threshold:.2f}", wanted)
    return StageResult(f"refused, {refusal_reason(outcome)}", wanted)


def plots(
    outcomes: Sequence[QuestionOutcome],
    rows: Sequence[ScoreRow],
    by_type: Mapping[str, Mapping[str, float]],
) -> list[CaptionedPlot]:
    """The plots of a run, with their captions."""
    judged = ScoreTable.of([row for row in rows if row.judged])
    return [
        _risk_coverage(judged, default_threshold(outcomes)),
        _reliability(judged),
        _by_type(rows, by_type),
        _latency(
            [outcome.timings_ms["total"] for outcome in outcomes if "total" in outcome.timings_ms]
        ),
    ]


def default_threshold(outcomes: Sequence[QuestionOutcome]) -> float | None:
    """The threshold of the run; None if no answer shows it, or if there is more than one."""
    thresholds = {outcome.threshold for outcome in outcomes if outcome.text}
    return thresholds.pop() if len(thresholds) == 1 else None


def _risk_coverage(judged: ScoreTable, threshold: float | None) -> CaptionedPlot:
    title = "Risk and coverage"
    if not len(judged.right):
        return CaptionedPlot(title, _UNJUDGED, None)
    points = risk_coverage(judged.confidence, judged.right)
    chosen = operating_point(judged.given, judged.right)
    caption = (
        "The share of questions answered, the most confident first, and the share of those answers "
        "that are wrong."
    )
    return CaptionedPlot(title, caption, risk_coverage_plot(points, chosen, threshold))


def _reliability(judged: ScoreTable) -> CaptionedPlot:
    title = "Reliability"
    if not len(judged.right):
        return CaptionedPlot(title, _UNJUDGED, None)
    caption = "On the dashed line, answers with a confidence of 0.8 are right eight times in ten."
    return CaptionedPlot(
        title, caption, reliability_plot(reliability(judged.confidence, judged.right))
    )


def _by_type(rows: Sequence[ScoreRow], by_type: Mapping[str, Mapping[str, float]]) -> CaptionedPlot:
    title = "F1 by type of question"
    values = {name: measured.get("F1", np.nan) for name, measured in by_type.items()}
    sizes = {
        name: sum(row.type == name and not np.isnan(row.values.get("F1", np.nan)) for row in rows)
        for name in values
    }
    bars = {name: (value, sizes[name]) for name, value in values.items() if not np.isnan(value)}
    if not bars:
        return CaptionedPlot(title, "No question with an accepted answer has a type.", None)
    return CaptionedPlot(
        title, "Words that the best answer shares with an accepted one.", bars_plot(bars)
    )


def _latency(totals: Sequence[float]) -> CaptionedPlot:
    title = "Latency"
    if not totals:
        return CaptionedPlot(title, "No times were measured.", None)
    caption = "Retrieving and reading, one question after another, on the machine of this run."
    return CaptionedPlot(title, caption, latency_plot(np.array(totals, dtype=np.float64)))
