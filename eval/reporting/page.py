"""What the page of a report shows: a card for every question, and the plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from eval.measuring.judgement import Standing, first_rank, gravest_first, refusal, standing_of
from eval.measuring.measures import reliability
from eval.measuring.metrics import Row, Table
from eval.measuring.runner import Outcome
from eval.reporting.plots import (
    bars_plot,
    latency_plot,
    operating_point,
    reliability_plot,
    risk_coverage,
    risk_coverage_plot,
)
from eval.sets.question import Evidence
from service.answering.citation import Citation

_UNJUDGED = "It is not known of any question whether its answer is right."


@dataclass(frozen=True, slots=True)
class Figure:
    """A plot with its caption.

    :param drawing: None where there is nothing to plot; the caption then says why
    """

    title: str
    caption: str
    drawing: Markup | None


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a question, in words.

    :param passed: None where it does not apply
    """

    said: str
    passed: bool | None


@dataclass(frozen=True, slots=True)
class Quoted:
    """A citation in its sentence: what stands before the quote, and what after it."""

    citation: Citation
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Card:
    """A question as the page shows it.

    :param sought: the evidence that would have answered it, where it was answered wrongly or not at
        all"""

    outcome: Outcome
    standing: Standing
    stages: tuple[Stage, ...]
    quotes: tuple[Quoted, ...]
    sought: tuple[Evidence, ...]


def cards(outcomes: Sequence[Outcome]) -> list[Card]:
    """A card for every question, the wrong ones first."""
    return [_card(outcome) for outcome in gravest_first(outcomes)]


def _card(outcome: Outcome) -> Card:
    quotes = tuple(_quoted(citation) for citation in outcome.citations)
    standing = standing_of(outcome)
    lost = standing in (Standing.WRONG, Standing.REFUSED)
    sought = tuple(
        each for each in outcome.question.evidence if lost and each not in outcome.unresolved
    )
    return Card(outcome, standing, tuple(stages(outcome)), quotes, sought)


def _quoted(citation: Citation) -> Quoted:
    start, end = citation.start - citation.sentence_start, citation.end - citation.sentence_start
    return Quoted(citation, citation.sentence[:start], citation.sentence[end:])


def stages(outcome: Outcome) -> list[Stage]:
    """What became of the evidence and of the answer, stage by stage."""
    return [_found(outcome), *_read(outcome), _given(outcome)]


def _found(outcome: Outcome) -> Stage:
    if not outcome.question.evidence:
        return Stage("no evidence labelled", None)
    if not outcome.places:
        return Stage("evidence no longer in its document", False)
    rank = first_rank(outcome)
    missed = f"evidence not among {len(outcome.retrieved)} passages"
    return Stage(f"evidence at rank {rank}" if rank else missed, bool(rank))


def _read(outcome: Outcome) -> list[Stage]:
    if not outcome.citations:
        return [Stage("nothing quoted", None if not outcome.question.answerable else False)]
    exact = Stage("quote exact" if outcome.exact else "quote not exact", outcome.exact)
    if not outcome.places:
        return [exact]
    supported = any(outcome.supported(citation) for citation in outcome.citations)
    return [
        Stage("quoted from the evidence" if supported else "quoted from elsewhere", supported),
        exact,
    ]


def _given(outcome: Outcome) -> Stage:
    wanted = outcome.given is outcome.question.answerable
    if outcome.given:
        return Stage(f"answered, {outcome.confidence:.2f} ≥ {outcome.threshold:.2f}", wanted)
    if outcome.text:
        return Stage(f"refused, {outcome.confidence:.2f} < {outcome.threshold:.2f}", wanted)
    return Stage(f"refused, {refusal(outcome)}", wanted)


def counts(outcomes: Sequence[Outcome]) -> dict[Standing, int]:
    """How many questions stand how, the gravest first; only what there is."""
    standings = [standing_of(outcome) for outcome in outcomes]
    return {standing: standings.count(standing) for standing in Standing if standing in standings}


def figures(
    outcomes: Sequence[Outcome], rows: Sequence[Row], by_type: Mapping[str, Mapping[str, float]]
) -> list[Figure]:
    """The plots of a run, with their captions."""
    judged = Table.of([row for row in rows if row.judged])
    return [
        _risk_coverage(judged, default_threshold(outcomes)),
        _reliability(judged),
        _by_type(rows, by_type),
        _latency(
            [outcome.timings_ms["total"] for outcome in outcomes if "total" in outcome.timings_ms]
        ),
    ]


def default_threshold(outcomes: Sequence[Outcome]) -> float | None:
    """The threshold of the run; None where there is no answer that shows it, or more than one
    threshold.
    """
    thresholds = {outcome.threshold for outcome in outcomes if outcome.text}
    return thresholds.pop() if len(thresholds) == 1 else None


def _risk_coverage(judged: Table, threshold: float | None) -> Figure:
    title = "Risk and coverage"
    if not len(judged.right):
        return Figure(title, _UNJUDGED, None)
    points = risk_coverage(judged.confidence, judged.right)
    chosen = operating_point(judged.given, judged.right)
    caption = (
        "Answering the surest questions first: how many are answered, and how many of those "
        "wrongly."
    )
    return Figure(title, caption, risk_coverage_plot(points, chosen, threshold))


def _reliability(judged: Table) -> Figure:
    title = "Reliability"
    if not len(judged.right):
        return Figure(title, _UNJUDGED, None)
    caption = (
        "Where the curve follows the dashed line, a confidence of 0.8 is right eight times in ten."
    )
    return Figure(title, caption, reliability_plot(reliability(judged.confidence, judged.right)))


def _by_type(rows: Sequence[Row], by_type: Mapping[str, Mapping[str, float]]) -> Figure:
    title = "F1 by type of question"
    values = {name: measured.get("F1", np.nan) for name, measured in by_type.items()}
    sizes = {
        name: sum(row.type == name and not np.isnan(row.values.get("F1", np.nan)) for row in rows)
        for name in values
    }
    bars = {name: (value, sizes[name]) for name, value in values.items() if not np.isnan(value)}
    if not bars:
        return Figure(title, "No question with an accepted answer has a type.", None)
    return Figure(title, "Words that the best answer shares with an accepted one.", bars_plot(bars))


def _latency(totals: Sequence[float]) -> Figure:
    title = "Latency"
    if not totals:
        return Figure(title, "No times were taken.", None)
    caption = "Retrieving and reading, one question after another, on the machine of this run."
    return Figure(title, caption, latency_plot(np.array(totals, dtype=np.float64)))
