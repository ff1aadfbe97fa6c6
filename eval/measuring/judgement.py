"""How a question was answered: rightly, wrongly, not at all, or though the documents do not say."""

from collections.abc import Sequence
from enum import StrEnum

from eval.measuring.runner import QuestionOutcome


class Judgement(StrEnum):
    """What became of a question at the default threshold, the worst first. The values are words
    for people.
    """

    FALSE_ANSWER = "answered though unanswerable"
    WRONG = "wrong"
    REFUSED = "refused"
    UNJUDGED = "answered, not judged"
    RIGHT = "right"
    RIGHTLY_REFUSED = "rightly refused"


def judgement_of(outcome: QuestionOutcome) -> Judgement:
    """The judgement of an outcome. An answer is not judged if only evidence is labelled."""
    if not outcome.question.answerable:
        return Judgement.FALSE_ANSWER if outcome.given else Judgement.RIGHTLY_REFUSED
    if not outcome.given:
        return Judgement.REFUSED
    if not outcome.question.answers and not outcome.question.points:
        return Judgement.UNJUDGED
    return Judgement.RIGHT if outcome.right else Judgement.WRONG


def worst_first(outcomes: Sequence[QuestionOutcome]) -> list[QuestionOutcome]:
    """Outcomes by judgement, the most confident of each first; equal ones keep their order."""
    order = list(Judgement)
    return sorted(
        outcomes, key=lambda outcome: (order.index(judgement_of(outcome)), -outcome.confidence)
    )


def mistakes(outcomes: Sequence[QuestionOutcome]) -> list[QuestionOutcome]:
    """Wrong answers that are given by default, answerable or not, the most confident first."""
    wrong = [
        outcome
        for outcome in outcomes
        if judgement_of(outcome) in (Judgement.FALSE_ANSWER, Judgement.WRONG)
    ]
    return sorted(wrong, key=lambda outcome: -outcome.confidence)


def refusal_reason(outcome: QuestionOutcome) -> str:
    """Why a question is not answered by default, in words; "" if it is answered."""
    if outcome.given:
        return ""
    if not outcome.text:
        return outcome.reason.replace("_", " ") or "no answer"
    return f"confidence {outcome.confidence:.3f} is below the threshold {outcome.threshold:.3f}"
