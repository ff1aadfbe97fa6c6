"""The API description: the errors of each operation, with the media type that they are sent in."""

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from service.http.media import JSON, PROBLEM_JSON
from service.http.schemas import Problem

_EVERYWHERE = {
    HTTPStatus.FORBIDDEN: "A page of another origin makes the request.",
    HTTPStatus.METHOD_NOT_ALLOWED: "The path does not have this method.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is over the limit.",
    HTTPStatus.MISDIRECTED_REQUEST: "The `Host` is not one of this service's.",
    HTTPStatus.UNPROCESSABLE_ENTITY: "The request is not valid; `field` names the field at fault.",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something is wrong in Quoth itself; its log says what.",
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "The service has too much to do, or its index cannot be used at the moment; `detail` says "
        "what to do."
    ),
}
_NOT_FOUND = {HTTPStatus.NOT_FOUND: "There is no such document, version, answer, job or model."}
_OF_BODIES = {
    HTTPStatus.BAD_REQUEST: "The body cannot be read.",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body has another media type than the path takes.",
}
_OPENAI_ERROR = {
    "title": "OpenAIError",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}

_Schema = dict[str, Any]  # JSON


def describe_errors(app: FastAPI, openai_paths: tuple[str, ...]) -> None:
    """Have the app's description name every error that an operation may answer with.

    :param openai_paths: the beginnings of the paths whose errors have OpenAI's format
    """
    describe: Callable[[], _Schema] = app.openapi

    def described() -> _Schema:
        if app.openapi_schema is None:
            schema = describe()
            schemas = schema["components"]["schemas"]
            schemas |= {"Problem": Problem.model_json_schema(), "OpenAIError": _OPENAI_ERROR}
            # FastAPI's own format of errors, which is never sent.
            for name in ("HTTPValidationError", "ValidationError"):
                schemas.pop(name, None)
            for path, operations in schema["paths"].items():
                for method, operation in operations.items():
                    is_openai = path.startswith(openai_paths)
                    _add_errors(operation, _errors(path, method, operation, is_openai))
        return app.openapi_schema or {}

    app.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation says


def _add_errors(operation: _Schema, errors: Iterator[tuple[HTTPStatus, _Schema]]) -> None:
    """Put errors beside the other responses. What a route sends with such a status in another media
    type than JSON stays.
    """
    responses = operation["responses"]
    # FastAPI describes a 422 of its own where there are parameters.
    responses.pop("422", None)
    for status, error in errors:
        content = dict(responses.get(str(status.value), {}).get("content", {}))
        content.pop(JSON, None)
        responses[str(status.value)] = {**error, "content": content | error["content"]}


def _errors(
    path: str, method: str, operation: Mapping[str, Any], is_openai: bool
) -> Iterator[tuple[HTTPStatus, _Schema]]:
    """The errors of an operation: each with its status and its response."""
    statuses = dict(_EVERYWHERE)
    if "requestBody" in operation or "{" in path:
        statuses |= _NOT_FOUND
    if method not in ("get", "head"):
        statuses |= _OF_BODIES
    name, kind = ("OpenAIError", JSON) if is_openai else ("Problem", PROBLEM_JSON)
    content = {kind: {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    for status, description in statuses.items():
        # OpenAI's clients know 400 for what is 422 elsewhere.
        if is_openai and status == HTTPStatus.UNPROCESSABLE_ENTITY:
            status, description = HTTPStatus.BAD_REQUEST, "The request is not valid."
        yield status, {"description": description, "content": content}
