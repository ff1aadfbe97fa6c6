"""Confidence: how likely an answer is right, calibrated on labelled questions.

The numbers are fitted by :mod:`eval.fitting.fit` and stored in ``calibration.json`` with the
figures that they gave on questions they were not fitted on. Nothing is shown that was not
calibrated."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from corpus.errors import SettingsError
from service.answering.agreement import differ
from service.reader.linear import Linear
from service.reader.reader import Ranking
from service.reader.span import Kind, Span

LEAD_LIMIT = 6.0
"""A lead past this says no more about whether the first answer is right."""

Groups = Sequence[Sequence[Span]]
"""Spans by equal answer, the best answer first, as :func:`service.answering.agreement.grouped`
gives them.
"""


@dataclass(frozen=True, slots=True)
class Calibration:
    """From what a reader found to a probability (Platt scaling with more than one feature).

    :param log_odds: weighs :func:`confidence_features`
    :param threshold: the least confidence with which the service answers by default
    """

    log_odds: Linear
    threshold: float

    def confidence(self, groups: Groups, place: int) -> float:
        """The probability that the answer of the group at ``place`` is right, 0 to 1."""
        log_odds = self.log_odds.of(confidence_features(groups, place))
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def confidence_features(groups: Groups, place: int) -> dict[str, float]:
    """What the confidence in an answer rests on: the features of its best span, and

    - ``lead``: how far it is ahead of the best different answer, from -6 to 6
    - ``own_lead``: the same within its document; another document may well say the same in other
      words
    - ``probability``: log of the summed probabilities of its places, among everything that was read
    - ``agreement``: log of the number of documents that say it
    """
    group = groups[place]
    span = group[0]
    others = (other[0] for number, other in enumerate(groups) if number != place)
    rivals = [other for other in others if differ(other.quote, span.quote)]
    own = [rival for rival in rivals if rival.hit.chunk.document_id == span.hit.chunk.document_id]
    logs = [each.features["log_probability"] for each in group]
    highest = max(logs)
    return {
        **span.features,
        "lead": _lead(span, rivals),
        "own_lead": _lead(span, own),
        "probability": highest + math.log(math.fsum(math.exp(each - highest) for each in logs)),
        "agreement": math.log(len({each.hit.chunk.document_id for each in group})),
    }


def _lead(span: Span, rivals: Sequence[Span]) -> float:
    best = max((rival.score for rival in rivals), default=-math.inf)
    return max(-LEAD_LIMIT, min(LEAD_LIMIT, span.score - best))


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that was fitted on labelled questions.

    :param reader: digest of the weights whose scores the numbers are for
    :param fingerprint: sha256 of the stored numbers
    """

    reader: str
    ranking: Ranking
    calibrations: Mapping[Kind, Calibration]
    fingerprint: str


def load_fitted() -> Fitted:
    """The numbers that come with this version of Quoth.

    :raises SettingsError: the file is missing or damaged
    """
    try:
        stored = files("service.answering").joinpath("calibration.json").read_bytes()
        return parse_fitted(stored)
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"service/answering/calibration.json is missing or damaged ({exc}): install Quoth anew"
        ) from exc


def parse_fitted(stored: bytes) -> Fitted:
    """Fitted numbers out of their JSON.

    :raises ValueError: it is not JSON; KeyError or TypeError, it lacks a part
    """
    numbers = json.loads(stored)
    ranking, clear = numbers["ranking"], numbers["clear"]
    return Fitted(
        numbers["reader"],
        Ranking({kind: Linear(**ranking[kind]) for kind in Kind}, clear["margin"], clear["lead"]),
        parse_calibrations(numbers["calibration"]),
        hashlib.sha256(stored).hexdigest(),
    )


def parse_calibrations(
    numbers: Mapping[str, Mapping[str, Any]],
) -> dict[Kind, Calibration]:  # Any: JSON
    """Calibrations out of their stored numbers.

    :raises KeyError: a part is missing; TypeError, it is something else
    """
    return {
        kind: Calibration(Linear(**numbers[kind]["log_odds"]), numbers[kind]["threshold"])
        for kind in Kind
    }
