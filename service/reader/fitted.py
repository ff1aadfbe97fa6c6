"""Numbers fitted on labelled questions, for the ranking of spans and the confidence of answers.

``eval/fitting`` writes them, the reader ranks spans with them, and the confidence of an answer
comes from them. Quoth ships its own in ``calibration.json``, together with the figures that they
reach on questions they were not fitted on.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from importlib.resources import files
from typing import Any, Self

from corpus.errors import SettingsError
from service.reader.form import FITTED_FORMS, AnswerForm


class Feature(StrEnum):
    """A number that describes a span. Higher numbers speak for the span."""

    # From the reader's model
    MARGIN = "margin"
    """Its score above the score of "not in this passage"."""
    LOG_PROBABILITY = "log_probability"
    """Log of its probability among all spans of all passages and one "not in any"."""
    EVIDENCE = "evidence"
    """Log odds that its sentence belongs to the answer: the highest of its sentences' if it has
    several, and its best margin where the model scores no sentences.
    """

    # From the words of question and passage
    ASKED = "asked"
    """1 if it is of the type that the question asks for, -1 if not, 0 if the type is unknown."""
    PASSAGE = "passage"
    """Inner product of the vectors of question and passage."""
    FUSED = "fused"
    """The fused retrieval score of the passage."""
    WORDS = "words"
    """Share of the question's terms, weighted by rarity, in its sentences."""
    NEAR_WORDS = "near_words"
    """The same, in its sentences or the one before."""
    TOPIC_WORDS = "topic_words"
    """The same, in its sentences or the title and headings above. Title and headings count less
    for fragments such as captions and bylines, which may be about something else.
    """
    PASSAGE_WORDS = "passage_words"
    """The same, in the passage, its title and headings."""
    FIGURES = "figures"
    """Share of the question's numbers in the passage, its title and headings; 1 if it has none."""
    NAMES = "names"
    """Share of the question's capitalised names in the same; 1 if it has none."""
    COLUMN = "column"
    """Of a cell, the share of the question's words that name columns of its row which name its own
    column; 0 if they name none, and for what is no cell.
    """
    ROW = "row"
    """Of a cell, the share of the question's words, weighted by rarity and without those that name
    columns, in the cells of its row; 0 for what is no cell.
    """

    # From the comparison with the other answers
    PROBABILITY = "probability"
    """Log of the summed probabilities of its occurrences."""
    LEAD = "lead"
    """How far it is ahead of the best different answer, within bounds."""
    OWN_LEAD = "own_lead"
    """The same within its document, since another document may say the same in other words."""
    AGREEMENT = "agreement"
    """Log of the number of documents that give this answer."""


RANKING_FEATURES = (
    *(Feature.MARGIN, Feature.EVIDENCE, Feature.ASKED, Feature.FUSED, Feature.PASSAGE),
    *(Feature.WORDS, Feature.NEAR_WORDS, Feature.TOPIC_WORDS, Feature.PASSAGE_WORDS),
    *(Feature.FIGURES, Feature.NAMES, Feature.COLUMN, Feature.ROW),
)
"""The features that may rank the spans of one question."""

CONFIDENCE_FEATURES = (
    *RANKING_FEATURES,
    *(Feature.PROBABILITY, Feature.LEAD, Feature.OWN_LEAD, Feature.AGREEMENT),
)
"""The features that a confidence may be based on."""


CELL = "cell"
"""What an answer from a cell of a table is called among the forms that have a shift."""


@dataclass(frozen=True, slots=True)
class Linear:
    """A weighted sum of features.

    :param weights: by the name of the feature
    :param intercept: added to the sum
    """

    weights: Mapping[str, float]
    intercept: float = 0.0

    def of(self, features: Mapping[str, float]) -> float:
        """The weighted sum. Features without a weight do not count."""
        return self.intercept + math.fsum(
            weight * features[name] for name, weight in self.weights.items()
        )

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {"weights": dict(self.weights), "intercept": self.intercept}


@dataclass(frozen=True, slots=True)
class Ranking:
    """How spans are ranked, and when reading may stop.

    :param forms: for each form of answer, the weighted sum that ranks its spans
    :param clear_margin: reading stops when the margin of the best span is at least this
    :param clear_lead: and when the fused score of the next unread passage is lower than that of
        the span's passage by at least this much
    """

    forms: Mapping[AnswerForm, Linear]
    clear_margin: float
    clear_lead: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns the features of an answer into a probability (Platt scaling with several features).

    :param threshold: the lowest confidence at which the service answers by default
    """

    log_odds: Linear
    threshold: float

    def probability(self, features: Mapping[str, float], shift: float = 0.0) -> float:
        """The probability that an answer with these features is right, 0 to 1.

        :param shift: log odds that are added
        """
        log_odds = self.log_odds.of(features) + shift
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, log_odds))))

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON."""
        return {"log_odds": self.log_odds.as_dict(), "threshold": self.threshold}


@dataclass(frozen=True, slots=True)
class Fitted:
    """All fitted numbers that ship with Quoth.

    :param reader: sha256 of the weights of the reader that the numbers were fitted for
    :param evidence_threshold: the ``Feature.EVIDENCE`` from which on a sentence counts as part of
        the answer
    :param shifts: log odds that are added to the confidence of answers of a form, by the form's
        name or :data:`CELL`
    :param report: figures on questions that the numbers were not fitted on
    :param fingerprint: sha256 of the stored numbers
    """

    reader: str
    ranking: Ranking
    calibrations: Mapping[AnswerForm, Calibration]
    evidence_threshold: float
    shifts: Mapping[str, float] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""

    @classmethod
    def parse(cls, stored: bytes) -> Self:
        """The numbers from the bytes of a file that holds the JSON of :meth:`as_dict`.

        :raises ValueError: it is not JSON; KeyError or TypeError: a part is missing or wrong
        """
        numbers = json.loads(stored)
        ranking, clear = numbers["ranking"], numbers["clear"]
        return cls(
            reader=numbers["reader"],
            ranking=Ranking(
                {form: Linear(**ranking[form]) for form in FITTED_FORMS},
                clear_margin=clear["margin"],
                clear_lead=clear["lead"],
            ),
            calibrations=_parse_calibrations(numbers["calibration"]),
            evidence_threshold=numbers["evidence"]["threshold"],
            shifts={name: float(shift) for name, shift in numbers["shifts"].items()},
            report=numbers["report"],
            fingerprint=hashlib.sha256(stored).hexdigest(),
        )

    def as_dict(self) -> dict[str, Any]:
        """The numbers as JSON, without the fingerprint."""
        return {
            "reader": self.reader,
            "ranking": {
                form.value: linear.as_dict() for form, linear in self.ranking.forms.items()
            },
            "clear": {"margin": self.ranking.clear_margin, "lead": self.ranking.clear_lead},
            "calibration": _calibrations_as_dict(self.calibrations),
            "evidence": {"threshold": self.evidence_threshold},
            "shifts": dict(self.shifts),
            "report": dict(self.report),
        }


@dataclass(frozen=True, slots=True)
class IndexCalibration:
    """A calibration that was fitted on questions about the documents of one index.

    :param reader: sha256 of the weights of the reader that it was fitted for
    :param encoder: identity of the encoder that it was fitted for
    :param report: figures on questions that the numbers were not fitted on
    """

    reader: str
    encoder: Mapping[str, Any]
    calibrations: Mapping[AnswerForm, Calibration]
    report: Mapping[str, Any]

    @classmethod
    def parse(cls, numbers: Mapping[str, Any]) -> Self:
        """The calibration from the result of :meth:`as_dict`.

        :raises KeyError: a part is missing; TypeError: a part is wrong
        """
        return cls(
            reader=numbers["reader"],
            # Calibrations of earlier versions do not name their encoder.
            encoder=numbers.get("encoder", {}),
            calibrations=_parse_calibrations(numbers["calibration"]),
            report=numbers["report"],
        )

    def as_dict(self) -> dict[str, Any]:
        """The calibration as JSON."""
        return {
            "reader": self.reader,
            "encoder": dict(self.encoder),
            "calibration": _calibrations_as_dict(self.calibrations),
            "report": dict(self.report),
        }

    def is_for(self, reader: str, encoder: Mapping[str, Any]) -> bool:
        """Whether its numbers are valid for this reader and this encoder."""
        return self.reader == reader and self.encoder == encoder


def load_fitted() -> Fitted:
    """The numbers that come with this version of Quoth.

    :raises SettingsError: the file is missing or damaged
    """
    try:
        return Fitted.parse(files("service.answering").joinpath("calibration.json").read_bytes())
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"service/answering/calibration.json is missing or damaged ({exc}); reinstall Quoth"
        ) from exc


def _parse_calibrations(numbers: Mapping[str, Any]) -> dict[AnswerForm, Calibration]:
    return {
        form: Calibration(Linear(**numbers[form]["log_odds"]), numbers[form]["threshold"])
        for form in FITTED_FORMS
    }


def _calibrations_as_dict(calibrations: Mapping[AnswerForm, Calibration]) -> dict[str, Any]:
    return {form.value: calibration.as_dict() for form, calibration in calibrations.items()}
