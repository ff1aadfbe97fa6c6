"""Calibration on questions about one's own documents, kept with the index."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import StoreError
from eval.errors import EvaluationError
from eval.fitting.calibrate import LEAST_QUESTIONS, calibrate
from eval.fitting.regression import Judged, report_of, threshold_of
from eval.sets.question import LabelledQuestion, QuestionSet
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.form import FITTED_FORMS
from service.reader.passage import PassageReader

Make = Callable[..., Document]
NAMES = [
    f"{first}{second}"
    for first in ("Ash", "Bell", "Cole", "Dun", "East", "Fern", "Glen")
    for second in ("ford", "ham", "ley", "ton", "wick", "by", "dale", "mere", "stow", "worth")
]


def questions(count: int = len(NAMES), *, answerable: bool = True) -> QuestionSet:
    """How long each bridge is; the documents do not say it of every third bridge."""
    asked = [
        LabelledQuestion(
            name,
            f"How long is the {name} Bridge?",
            (f"{100 + number} metres",) if answerable and number % 3 else (),
            (),
            answerable and number % 3 > 0,
        )
        for number, name in enumerate(NAMES[:count])
    ]
    return QuestionSet("set", tuple(asked), (), "digest")


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        texts = {
            name: f"The {name} Bridge is {100 + number} metres long."
            if number % 3
            else f"The {name} road is old."
            for number, name in enumerate(NAMES)
        }
        opened.collection.put([make(name, text) for name, text in texts.items()])
        yield opened


def test_the_next_service_answers_by_the_calibration_of_its_index(
    service: AnswerService, tmp_path: Path, encoder: Encoder, passages: PassageReader
) -> None:
    question = make_question("How long is the Ashham Bridge?", min_confidence=0)
    before = service.ask(question).record.answer
    numbers = calibrate(questions(), service)
    assert numbers["reader"] == passages.digest
    with AnswerService(tmp_path / "data", encoder, passages, writable=False) as later:
        assert later.fingerprint != service.fingerprint
        assert later.ask(question).record.answer != before


def test_numbers_for_another_reader_are_not_used(
    service: AnswerService, tmp_path: Path, encoder: Encoder
) -> None:
    calibrate(questions(), service)

    class Other(type(service.passages)):  # type: ignore[misc]  # whatever the toy is
        digest = "f" * 64

    with (
        AnswerService(tmp_path / "data", encoder, Other(), writable=False) as later,
        AnswerService(tmp_path / "plain", encoder, Other(), writable=True) as uncalibrated,
    ):
        assert later.fingerprint == uncalibrated.fingerprint


@pytest.mark.parametrize("encoder_of", [{"encoder": {"name": "another"}}, {"encoder": {}}])
def test_numbers_for_another_encoder_are_not_used(
    encoder_of: dict[str, object],
    service: AnswerService,
    tmp_path: Path,
    encoder: Encoder,
    passages: PassageReader,
) -> None:
    before = service.fingerprint  # of the numbers that come with Quoth
    numbers = calibrate(questions(), service)
    with AnswerService(tmp_path / "data", encoder, passages, writable=False) as later:
        assert later.fingerprint != before
    service.collection.store.set_calibration(numbers | encoder_of)
    with AnswerService(tmp_path / "data", encoder, passages, writable=False) as later:
        assert later.fingerprint == before


def test_the_report_covers_every_question(service: AnswerService) -> None:
    report = calibrate(questions(), service)["report"]
    assert isinstance(report, dict)
    assert set(report) == set(FITTED_FORMS)
    assert report["short"]["questions"] == len(NAMES)
    assert report["short"]["answerable"] == pytest.approx(46 / 70, abs=1e-4)


@pytest.mark.parametrize(
    "asked", [questions(LEAST_QUESTIONS - 1), questions(answerable=False)], ids=["few", "all wrong"]
)
def test_too_little_to_fit_on_is_refused_and_nothing_is_kept(
    asked: QuestionSet, service: AnswerService
) -> None:
    with pytest.raises(EvaluationError, match="calibrating takes 60 or more"):
        calibrate(asked, service)
    assert service.collection.store.calibration() is None


def test_an_empty_index_cannot_be_calibrated(
    tmp_path: Path, encoder: Encoder, passages: PassageReader
) -> None:
    with (
        AnswerService(tmp_path / "empty", encoder, passages, writable=True) as empty,
        pytest.raises(StoreError, match="empty"),
    ):
        calibrate(questions(), empty)


def test_the_threshold_is_the_lowest_that_keeps_the_precision() -> None:
    judged = [
        Judged(confidence, right, True)
        for confidence, right in ((0.9, True), (0.8, True), (0.7, False), (0.6, True))
    ]
    assert threshold_of(judged, 0.75) == 0.6  # 3 of 4
    assert threshold_of(judged, 0.9) == 0.8
    assert threshold_of([Judged(0.9, False, True)], 0.9) == 1.0


def test_questions_that_count_more_weigh_more_in_the_threshold() -> None:
    judged = [Judged(0.9, True, True), Judged(0.7, False, True), Judged(0.6, True, True, weight=8)]
    assert threshold_of(judged, 0.9) == 0.6  # 9 of 10


def test_a_report_has_coverage_and_precision() -> None:
    judged = [
        Judged(0.9, True, True),
        Judged(0.6, False, True),
        Judged(0.8, False, False),
        Judged(0.1, False, False),
    ]
    report = report_of(judged, 0.7)
    assert (report["precision"], report["coverage"]) == (0.5, 0.5)
    assert (report["answered_of_answerable"], report["answered_of_unanswerable"]) == (0.5, 0.5)
    assert report["right_of_answerable"] == 0.5
    # Each alone in its bin: (.1 + .6 + .8 + .1) / 4
    assert report["expected_calibration_error"] == 0.4
