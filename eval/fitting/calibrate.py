"""Calibration of confidence on labelled questions about one's own documents."""

from collections.abc import Sequence

from corpus.errors import StoreError
from eval.errors import EvaluationError
from eval.fitting.regression import (
    TARGET_PRECISION,
    Case,
    Judged,
    fit_confidence,
    folds,
    judge_first_answers,
    report_of,
    threshold_of,
)
from eval.sets.question import QuestionSet
from service.answering.service import AnswerService
from service.question import DEFAULT_TOP_K
from service.reader.fitted import Calibration, IndexCalibration
from service.reader.form import FITTED_FORMS, AnswerForm

LEAST_QUESTIONS = 60
"""Fewer questions are too few to fit on."""


def calibrate(
    questions: QuestionSet, service: AnswerService, precision: float = TARGET_PRECISION
) -> dict[str, object]:
    """Fit confidence and thresholds on the questions, and keep them with the index.

    The report judges every question by numbers that were fitted on others.

    :param precision: the share of given answers that is to be right
    :return: the numbers as they are kept, with the report
    :raises EvaluationError: there are too few questions, or all answers are right or all wrong
    :raises StoreError: the index is empty
    """
    if service.collection.store.is_empty():
        raise StoreError("the index is empty; add the documents that the questions are about")
    cases = _cases(questions, service)
    judged = {kind: _judged(cases, kind) for kind in FITTED_FORMS}
    thresholds = {kind: threshold_of(judged[kind], precision) for kind in FITTED_FORMS}
    calibration = IndexCalibration(
        reader=service.passages.digest,
        encoder=service.collection.searcher.encoder.identity.as_dict(),
        calibrations={
            form: Calibration(fit_confidence(cases, form), thresholds[form])
            for form in FITTED_FORMS
        },
        report={form.value: report_of(judged[form], thresholds[form]) for form in FITTED_FORMS},
    )
    numbers = calibration.as_dict()
    service.collection.store.set_calibration(numbers)
    return numbers


def _cases(questions: QuestionSet, service: AnswerService) -> list[Case]:
    labelled = [
        question for question in questions.questions if question.answers or not question.answerable
    ]
    cases = []
    for question in labelled:
        result = service.collection.searcher.search(question.text, DEFAULT_TOP_K)
        spans = service.reader.spans(question.text, result, FITTED_FORMS)
        cases.append(Case(question.id, question.answers, documents=frozenset(), spans=spans))
    rights = [any(map(case.is_right, case.spans[AnswerForm.SHORT][:1])) for case in cases]
    if len(cases) < LEAST_QUESTIONS or all(rights) or not any(rights):
        raise EvaluationError(
            f"{questions.name}: {len(cases)} questions, {sum(rights)} of them answered correctly; "
            f"calibrating takes {LEAST_QUESTIONS} or more, some answered correctly and some not"
        )
    return cases


def _judged(cases: Sequence[Case], kind: AnswerForm) -> list[Judged]:
    judged: list[Judged] = []
    for held in folds(cases):
        log_odds = fit_confidence([case for case in cases if case.fold not in held], kind)
        judged += judge_first_answers([case for case in cases if case.fold in held], kind, log_odds)
    return judged
