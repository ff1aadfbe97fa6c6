"""Sources that disagree: different values for the same question, each with enough confidence to be
an answer.
"""

from collections.abc import Callable, Sequence
from datetime import date

from service.answering.agreement import contradict
from service.answering.confidence import Groups
from service.reader.span import Span

MAX_VALUES = 4
"""How many different values are shown side by side."""

Confidence = Callable[[Groups, int], float]
"""The probability that the answer of one of the groups is right, by its number."""


def conflicting(groups: Groups, confidence: Confidence, least: float) -> dict[int, float]:
    """The places of the values that contradict the first, and its own, with the confidence of each;
    newest first.

    A value's confidence is what it would be if the others had not been found. Empty where the
    sources do not disagree: no other value is of the same kind, from a document of its own, and
    sure by itself.

    :param least: the confidence that each value must have
    """
    places = [
        0,
        *(place for place in range(1, len(groups)) if _contradicts(groups[0], groups[place])),
    ]
    sure = (
        {place: _alone(groups, place, places, confidence) for place in places[:MAX_VALUES]}
        if places[1:]
        else {}
    )
    sure = {place: found for place, found in sure.items() if found >= least}
    if 0 not in sure or len(sure) == 1:
        return {}
    return dict(
        sorted(sure.items(), key=lambda pair: (-_newest(groups[pair[0]]).toordinal(), pair[0]))
    )


def _contradicts(first: Sequence[Span], other: Sequence[Span]) -> bool:
    one, two = _documents(first), _documents(other)
    return bool(one - two and two - one) and contradict(first[0].quote, other[0].quote)


def _documents(group: Sequence[Span]) -> set[str]:
    return {span.hit.chunk.document_id for span in group}


def _alone(groups: Groups, place: int, rivals: Sequence[int], confidence: Confidence) -> float:
    others = [group for number, group in enumerate(groups) if number not in rivals]
    return confidence([groups[place], *others], 0)


def _newest(group: Sequence[Span]) -> date:
    return max((span.hit.stored.published or date.min for span in group), default=date.min)
