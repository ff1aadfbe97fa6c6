"""Confidence: how likely an answer is right, calibrated on labelled questions.

The numbers are fitted by :mod:`eval.fit_sentences` and stored in ``calibration.json`` with the figures that they gave
on questions they were not fitted on. Nothing is shown that was not calibrated.
"""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from corpus.errors import SettingsError
from service.reader.sentence import SentenceWeights
from service.reader.span import Span

MARGIN_LIMIT = 4.0
"""A margin past this says no more about whether the first answer is right."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """From what a reader found to a probability (Platt scaling with more than one feature).

    :param weights: of each of :func:`confidence_features`
    :param threshold: the least confidence with which the service answers by default
    """

    weights: Mapping[str, float]
    intercept: float
    threshold: float

    def confidence(self, span: Span, rivals: Sequence[Span]) -> float:
        """The probability that ``span`` is right, 0 to 1, given the other answers that were found."""
        features = confidence_features(span, rivals)
        log_odds = self.intercept + math.fsum(weight * features[name] for name, weight in self.weights.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))


def confidence_features(span: Span, rivals: Sequence[Span]) -> dict[str, float]:
    """What the confidence in an answer rests on.

    - ``score``: the reader's log-odds for it, against saying nothing
    - ``margin``: how far it is ahead of the best different answer in the same document, from -4 to 4; another document
      may well say the same in other words
    - ``passage``: how near its passage is to the question in meaning, -1 to 1
    - ``passage_words``: share of the question's terms, weighted by rarity, that its passage holds

    :param rivals: the other answers that were found
    """
    document_id = span.hit.chunk.document_id
    own = (rival.score for rival in rivals if rival.hit.chunk.document_id == document_id)
    best_rival = max(own, default=-math.inf)
    return {
        "score": span.score - span.null_score,
        "margin": max(-MARGIN_LIMIT, min(MARGIN_LIMIT, span.score - best_rival)),
        "passage": span.features["passage"],
        "passage_words": span.features["passage_words"],
    }


@dataclass(frozen=True, slots=True)
class Fitted:
    """Everything that was fitted on labelled questions.

    :param fingerprint: sha256 of the stored numbers
    """

    sentence: SentenceWeights
    calibration: Calibration
    fingerprint: str


def load_fitted() -> Fitted:
    """The numbers that come with this version of Quoth.

    :raises SettingsError: the file is missing or damaged
    """
    try:
        stored = files("service").joinpath("calibration.json").read_bytes()
        numbers = json.loads(stored)
        return Fitted(
            SentenceWeights(**numbers["sentence"]),
            Calibration(**numbers["calibration"]),
            hashlib.sha256(stored).hexdigest(),
        )
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(f"service/calibration.json is missing or damaged ({exc}): install Quoth anew") from exc
