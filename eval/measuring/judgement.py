"""How a question came out: right, wrong, refused, or answered though the documents do not say."""

from collections.abc import Sequence
from enum import StrEnum

from eval.measuring.runner import Outcome


class Standing(StrEnum):
    """What became of a question by default, the gravest first; the values are words for people."""

    FALSE = "answered though unanswerable"
    WRONG = "wrong"
    REFUSED = "refused"
    UNJUDGED = "answered, not judged"
    RIGHT = "right"
    HELD = "rightly refused"


def standing_of(outcome: Outcome) -> Standing:
    """What became of a question; an answer is not judged where only evidence is labelled."""
    if not outcome.question.answerable:
        return Standing.FALSE if outcome.given else Standing.HELD
    if not outcome.given:
        return Standing.REFUSED
    if not outcome.question.answers:
        return Standing.UNJUDGED
    return Standing.RIGHT if outcome.right else Standing.WRONG


def gravest_first(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Outcomes by their standing, the most confident of each first; equals stay in their order."""
    order = {standing: place for place, standing in enumerate(Standing)}
    return sorted(outcomes, key=lambda outcome: (order[standing_of(outcome)], -outcome.confidence))


def mistakes(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Answers that are given by default and wrong, answerable or not, the most confident first."""
    wrong = (
        outcome for outcome in outcomes if standing_of(outcome) in (Standing.FALSE, Standing.WRONG)
    )
    return sorted(wrong, key=lambda outcome: -outcome.confidence)


def first_rank(outcome: Outcome) -> int | None:
    """The rank, from 1, of the first passage that holds evidence; None where none of them does."""
    return next(
        (rank for rank, number in enumerate(outcome.retrieved, start=1) if number >= 0), None
    )


def refusal(outcome: Outcome) -> str:
    """Why a question is not answered by default, in words; "" where it is."""
    if outcome.given:
        return ""
    if not outcome.text:
        return outcome.reason.replace("_", " ") or "no answer"
    return f"confidence {outcome.confidence:.3f} is below the threshold {outcome.threshold:.3f}"
