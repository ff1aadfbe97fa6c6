"""Finds conflicts between sources: different values for the same question, each confident enough
to be an answer.
"""

from collections.abc import Callable, Sequence
from datetime import date

from service.answering.agreement import contradict
from service.answering.confidence import Groups
from service.reader.span import Span

MAX_VALUES = 4
"""The greatest number of values that are shown side by side."""

Confidence = Callable[[Groups, int], float]
"""Gives the probability that the answer of the group with this index is right."""


def conflicting(groups: Groups, confidence: Confidence, least: float) -> dict[int, float]:
    """The indices of the first value and of those that contradict it, newest first, each with its
    confidence.

    A value's confidence is the one it would have without the others. The result is empty if the
    sources do not disagree, that is, if no other value is of the same kind, comes from a different
    document and is confident enough.

    :param least: the confidence that each value must have
    """
    rivals = [number for number in range(1, len(groups)) if _contradicts(groups[0], groups[number])]
    if not rivals:
        return {}
    values = [0, *rivals]
    alone = {number: _alone(groups, number, values, confidence) for number in values[:MAX_VALUES]}
    sure = {number: value for number, value in alone.items() if value >= least}
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


def _alone(groups: Groups, index: int, values: Sequence[int], confidence: Confidence) -> float:
    """The confidence of one group if those of the other values did not exist."""
    others = [group for number, group in enumerate(groups) if number not in values]
    return confidence([groups[index], *others], 0)


def _newest(group: Sequence[Span]) -> date:
    return max((span.hit.stored.published or date.min for span in group), default=date.min)
