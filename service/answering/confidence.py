"""Confidence: how likely an answer is right, calibrated on labelled questions."""

import math
from collections.abc import Sequence

from service.answering.agreement import differ
from service.reader.fitted import Calibration, Feature
from service.reader.span import Span

LEAD_LIMIT = 6.0
"""A greater lead says no more about whether the first answer is right."""

Groups = Sequence[Sequence[Span]]
"""Spans by equal answer, the best answer first, as :func:`service.answering.agreement.grouped`
gives them.
"""


def confidence_in(groups: Groups, rank: int, calibration: Calibration, shift: float = 0.0) -> float:
    """The probability that one of the answers is right, 0 to 1.

    :param rank: which of the groups, from 0
    :param shift: log odds that are added
    """
    return calibration.probability(confidence_features(groups, rank), shift)


def confidence_features(groups: Groups, rank: int) -> dict[str, float]:
    """What the confidence in an answer rests on: the features of its best span, and those of the
    answer among the others (:class:`service.reader.fitted.Feature`).

    :param rank: which of the groups, from 0
    """
    group = groups[rank]
    span = group[0]
    others = (other[0] for number, other in enumerate(groups) if number != rank)
    rivals = [other for other in others if differ(other.quote, span.quote)]
    own = [rival for rival in rivals if rival.hit.chunk.document_id == span.hit.chunk.document_id]
    logs = [each.features[Feature.LOG_PROBABILITY] for each in group]
    highest = max(logs)
    return {
        **span.features,
        Feature.LEAD: _lead(span, rivals),
        Feature.OWN_LEAD: _lead(span, own),
        Feature.PROBABILITY: highest
        + math.log(math.fsum(math.exp(each - highest) for each in logs)),
        Feature.AGREEMENT: math.log(len({each.hit.chunk.document_id for each in group})),
    }


def _lead(span: Span, rivals: Sequence[Span]) -> float:
    best = max((rival.score for rival in rivals), default=-math.inf)
    return max(-LEAD_LIMIT, min(LEAD_LIMIT, span.score - best))
