"""The wording that all channels share."""

import pytest

from service.answering.reason import Reason
from service.answering.wording import (
    CONFIDENCE_LEVELS,
    NO_ANSWER,
    REFUSALS,
    confidence_words,
    refusal,
)


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (1, "Almost certainly right"),
        (0.96, "Almost certainly right"),
        (0.945, "Almost certainly right"),
        (0.9449, "Very likely right"),
        (0.85, "Very likely right"),
        (0.7, "Likely right"),
        (0.5, "Probably right"),
        (0.3, "Possibly right"),
        (0.1, "Doubtful"),
        (0, "Doubtful"),
    ],
)
def test_a_confidence_is_called_by_its_rounded_percentage(confidence: float, words: str) -> None:
    assert confidence_words(confidence) == words


def test_the_levels_fall_and_the_last_takes_everything_that_is_left() -> None:
    least = [percentage for percentage, _ in CONFIDENCE_LEVELS]
    assert least == sorted(set(least), reverse=True)
    assert least[-1] == 0


def test_every_reason_has_words_of_its_own() -> None:
    assert list(REFUSALS) == list(Reason)
    assert len(set(REFUSALS.values())) == len(Reason)
    assert refusal(Reason.NO_SPAN) == f"{NO_ANSWER} {REFUSALS[Reason.NO_SPAN]}"
