"""Errors over HTTP: every class has a status, every answer is a problem."""

import json
from http import HTTPStatus

import pytest

from corpus import errors
from corpus.errors import QuothError
from service.http.problems import STATUS, problem, validation_problem


def all_errors(root: type[QuothError]) -> set[type[QuothError]]:
    return {root}.union(*(all_errors(kind) for kind in root.__subclasses__()))


def test_every_error_has_a_status() -> None:
    declared = {
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, QuothError)
    }
    assert len(declared) >= 6
    assert declared <= set(STATUS)
    assert all(any(parent in STATUS for parent in kind.__mro__) for kind in all_errors(QuothError))


def test_the_callers_faults_are_4xx_and_the_services_5xx() -> None:
    faults = {kind.__name__: int(status) for kind, status in STATUS.items()}
    assert faults == {
        "DocumentError": 422,
        "ConflictError": 409,
        "QuestionError": 422,
        "NotFoundError": 404,
        "StoreError": 503,
        "BusyError": 503,
        "SettingsError": 500,
        "QuothError": 500,
    }


@pytest.mark.parametrize("status", [400, 404, 405, 413, 422, 500, 503])
def test_a_problem_has_the_fields_of_rfc_9457(status: int) -> None:
    response = problem(status, "what happened")
    assert (response.status_code, response.media_type) == (status, "application/problem+json")
    assert json.loads(bytes(response.body)) == {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": "what happened",
    }


def test_a_problem_may_name_its_kind_and_the_field_at_fault() -> None:
    body = json.loads(bytes(problem(422, "too long", "question", "question").body))
    assert (body["type"], body["field"]) == ("urn:quoth:problem:question", "question")


def test_a_problem_may_hold_what_utf8_cannot() -> None:
    assert (
        json.loads(bytes(problem(422, "bad: \ud800 🦦", "\udfff").body))["detail"]
        == "bad: \ud800 🦦"
    )


def test_of_several_faults_the_first_is_named_and_the_others_counted() -> None:
    faults: list[dict[str, object]] = [
        {"type": "value_error", "loc": ("filters", "tags", 0), "msg": "Value error, no tag"},
        {"type": "missing", "loc": ("question",), "msg": "Field required"},
    ]
    body = json.loads(bytes(validation_problem(faults).body))
    assert (body["field"], body["detail"]) == (
        "filters.tags.0",
        "filters.tags.0: no tag (and 1 more)",
    )
