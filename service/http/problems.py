"""Errors over HTTP: ``application/problem+json`` (RFC 9457), one table from error class to
status.
"""

import json
import logging
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import Scope

from corpus.errors import (
    BusyError,
    ConflictError,
    DocumentError,
    NotFoundError,
    QuestionError,
    QuothError,
    SettingsError,
    StoreError,
)
from service.http.headers import COMMON_HEADERS, DATA_POLICY
from service.http.media import PROBLEM_JSON
from service.http.strict_json import JsonContentError

STATUS: Mapping[type[QuothError], HTTPStatus] = {
    DocumentError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ConflictError: HTTPStatus.CONFLICT,
    QuestionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotFoundError: HTTPStatus.NOT_FOUND,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    BusyError: HTTPStatus.SERVICE_UNAVAILABLE,
    SettingsError: HTTPStatus.INTERNAL_SERVER_ERROR,
    QuothError: HTTPStatus.INTERNAL_SERVER_ERROR,
}

RETRY_AFTER_S = 5
"""After how many seconds to try again what cannot be done now, where nothing better is known."""

BUG = "something is wrong in Quoth itself; the log says what"

ErrorFormat = Callable[[int, str, str | None, str | None], Response]
"""Makes an error response from the parameters of :func:`problem`."""

log = logging.getLogger("quoth")


def problem(
    status: int,
    detail: str,
    field: str | None = None,
    slug: str | None = None,
    extension: Mapping[str, object] | None = None,
) -> Response:
    """An error response.

    :param field: the field of the request that is at fault
    :param slug: the kind of problem, where the status alone does not tell
    :param extension: more members of the problem
    """
    body: dict[str, object] = {
        "type": f"urn:quoth:problem:{slug}" if slug else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if field is not None:
        body["field"] = field
    body |= extension or {}
    # ASCII only: what is echoed may hold what UTF-8 cannot.
    return Response(json.dumps(body), status, retry_headers(status), media_type=PROBLEM_JSON)


def install(app: FastAPI, formats: Mapping[str, ErrorFormat]) -> None:
    """Make every error of the app a problem.

    :param formats: the format of errors for paths that begin with a key, where it is another
    """
    app.state.formats = formats
    app.add_exception_handler(QuothError, _quoth_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(JsonContentError, _content_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(ClientDisconnect, _client_left)
    app.add_exception_handler(Exception, _bug)


def formatted(
    scope: Scope, status: int, detail: str, field: str | None = None, slug: str | None = None
) -> Response:
    """An error response in the format that the clients of the path expect."""
    formats: Mapping[str, ErrorFormat] = scope["app"].state.formats
    error_format = next(
        (each for path, each in formats.items() if scope["path"].startswith(path)), problem
    )
    return error_format(status, detail, field, slug)


def problem_of(exc: Exception, error_format: ErrorFormat = problem) -> Response:
    """The error response for an exception, which is logged unless the caller is at fault."""
    if not isinstance(exc, QuothError):
        log.error("unexpected exception", exc_info=exc)
        return error_format(HTTPStatus.INTERNAL_SERVER_ERROR, BUG, None, None)
    kind = next(kind for kind in type(exc).__mro__ if kind in STATUS)
    field = exc.field if isinstance(exc, QuestionError) else None
    if STATUS[kind] >= HTTPStatus.INTERNAL_SERVER_ERROR and not isinstance(exc, BusyError):
        log.error("%s", exc)
    slug = kind.__name__.removesuffix("Error").lower()
    response = error_format(STATUS[kind], str(exc), field, slug)
    if isinstance(exc, BusyError):
        response.headers["Retry-After"] = str(exc.retry_after_s)
    return response


def retry_headers(status: int) -> dict[str, str]:
    """The headers of an error that say when to try again, if that makes sense."""
    return {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}


def content_problem(scope: Scope, exc: JsonContentError) -> Response:
    """The error response for a body that is not strict JSON."""
    return formatted(
        scope, HTTPStatus.UNPROCESSABLE_ENTITY, str(exc), field=exc.field, slug="invalid-json"
    )


def fault_of(errors: list[dict[str, object]]) -> tuple[str | None, str]:
    """The field at fault and a message, from pydantic's list of errors. The message describes the
    first error and counts the others.
    """
    first = errors[0]
    location = first.get("loc", ())
    parts = [str(part) for part in location] if isinstance(location, tuple | list) else []
    field = ".".join(parts) or None
    others = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    message = f"{str(first['msg']).removeprefix('Value error, ')}{others}"
    return field, f"{field}: {message}" if field else message


def validation_problem(errors: list[dict[str, object]]) -> Response:
    """A problem from pydantic's list of errors."""
    if errors[0].get("type") == "json_invalid":
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not JSON", slug="not-json")
    field, detail = fault_of(errors)
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, field, "invalid-request")


async def _quoth_error(request: Request, exc: Exception) -> Response:
    return problem_of(exc, partial(formatted, request.scope))


async def _invalid_request(_request: Request, exc: Exception) -> Response:
    if not isinstance(exc, RequestValidationError):
        raise exc
    # The first part of a location says whether it is in the body, the query or the path.
    return validation_problem([{**error, "loc": error["loc"][1:]} for error in exc.errors()])


async def _content_error(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, JsonContentError):
        raise exc
    return content_problem(request.scope, exc)


async def _http_exception(request: Request, exc: Exception) -> Response:
    if not isinstance(exc, HTTPException):
        raise exc
    response = formatted(request.scope, exc.status_code, str(exc.detail))
    response.headers.update(exc.headers or {})
    return response


async def _client_left(_request: Request, _exc: Exception) -> Response:
    # Nobody reads this response. Without a handler, the server would log the exception as a bug.
    return problem(HTTPStatus.BAD_REQUEST, "the client left before it had sent the whole body")


async def _bug(request: Request, _exc: Exception) -> Response:
    response = formatted(request.scope, HTTPStatus.INTERNAL_SERVER_ERROR, BUG)  # the server logs it
    response.headers["Connection"] = "close"  # the server closes the connection after a bug
    # This response is made outside the guard, which gives the others their headers.
    response.headers.update(COMMON_HEADERS)
    response.headers["Content-Security-Policy"] = DATA_POLICY
    return response
