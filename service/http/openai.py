"""OpenAI's chat completions: clients of OpenAI can ask Quoth. See docs/clients.md."""

import json
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute

from corpus.errors import QuestionError
from service.answering.service import AnswerService
from service.http import problems
from service.http.assistant import Assistant
from service.http.completion import MODEL, Completion, Reply
from service.http.completion_request import CompletionRequest
from service.http.dependencies import Dependencies
from service.http.events import STREAMED, Emitter, EventStream, event
from service.http.threads import Check

RESPONSES_PATH = "/v1/responses"

PATHS = ("/v1/chat/", "/v1/models", RESPONSES_PATH)
"""Paths under which errors have OpenAI's format."""

UNKNOWN_PATHS = "/v1/"
"""Paths under which errors have both formats, unless one of Quoth's own routes is there."""

_KINDS = {
    "missing": ("missing_required_parameter", "Missing required parameter: '{name}'."),
    "extra_forbidden": ("unknown_parameter", "Unknown parameter: '{name}'."),
    "literal_error": ("invalid_value", "Invalid value for '{name}': {message}."),
    "too_short": (
        "empty_array",
        "Invalid '{name}': empty array. Expected an array with minimum length 1.",
    ),
    "too_long": ("array_above_max_length", "Invalid '{name}': {message}."),
    "less_than_equal": ("unsupported_value", "Invalid '{name}': {message}."),
    "greater_than_equal": ("decimal_below_min_value", "Invalid '{name}': {message}."),
    "none_required": ("unsupported_parameter", "Unsupported parameter: '{name}'."),
}
"""OpenAI's code and message for each of pydantic's kinds of error."""


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> Response:
    """An error in OpenAI's format, which has status 400 where Quoth has 422."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    # ASCII only: what is echoed may hold what UTF-8 cannot.
    return Response(
        json.dumps({"error": _error_object(status, message, param, code)}),
        status,
        problems.retry_headers(status),
        media_type="application/json",
    )


def error_of_unknown_route(
    status: int, detail: str, field: str | None = None, slug: str | None = None
) -> Response:
    """A problem that holds an error in OpenAI's format too: OpenAI's clients look for routes that
    Quoth does not have, such as ``/v1/embeddings``.
    """
    is_unknown = status == HTTPStatus.NOT_FOUND
    message = "Quoth has no such route; see /docs" if is_unknown else detail
    extension = _error_object(status, message, field, "unknown_url" if is_unknown else None)
    return problems.problem(status, message, field, slug, {"error": extension})


def _error_object(
    status: int, message: str, param: str | None, code: str | None
) -> dict[str, str | None]:
    is_server_error = status >= HTTPStatus.INTERNAL_SERVER_ERROR
    kind = "server_error" if is_server_error else "invalid_request_error"
    return {"message": message, "type": kind, "param": param, "code": code}


class OpenAIRoute(APIRoute):
    """A route that reports invalid requests in OpenAI's format."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its errors in OpenAI's format."""
        handle = super().get_route_handler()

        async def handle_request(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                return _invalid(exc.errors()[0])
            except QuestionError as exc:
                param = _param(exc.field, request.url.path)
                return error(HTTPStatus.BAD_REQUEST, str(exc), param, "invalid_value")

        return handle_request


def router(deps: Dependencies) -> APIRouter:
    """``POST /v1/chat/completions`` and ``GET /v1/models``."""
    routes = APIRouter(route_class=OpenAIRoute, tags=["openai"])
    model = {"id": MODEL, "object": "model", "created": int(time.time()), "owned_by": "quoth"}

    @routes.post("/v1/chat/completions", responses=STREAMED)
    async def complete(body: CompletionRequest) -> Response:
        """The answer as a chat completion, with its sources as annotations, and the whole answer
        under `quoth`.
        """
        if body.model != MODEL:
            return unknown_model(body.model)
        # Never the address that the request names: whoever sends it chooses that.
        chat = _Chat(deps.service, body, deps.settings.address)
        if body.stream:
            return EventStream(deps.threads, chat.stream, error_event)
        return JSONResponse(await deps.threads.ask(chat.answer))

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The only model."""
        return {"object": "list", "data": [model]}

    @routes.get("/v1/models/{name:path}", response_model=None)
    async def find_model(name: str) -> dict[str, Any] | Response:
        """The model, if it has this name."""
        return model if name == MODEL else unknown_model(name)

    return routes


class _Chat:
    """One request, from the question to the completion.

    :raises QuestionError: the question is not valid
    """

    def __init__(self, service: AnswerService, body: CompletionRequest, base_url: str) -> None:
        self._body = body
        self._assistant = Assistant(service, body, base_url)
        self._completion = Completion(
            f"chatcmpl-{uuid4().hex}", int(time.time()), f"quoth_{service.fingerprint[:16]}"
        )

    def answer(self, check: Check) -> dict[str, Any]:
        """The completion."""
        reply = self._assistant.reply(check)
        return self._completion.response(reply, self._usage(reply))

    def stream(self, emitter: Emitter) -> None:
        """Send the completion in chunks, the first as soon as the passages are retrieved."""
        is_open = False

        def watch(_result: object) -> None:
            nonlocal is_open
            if is_open:
                emitter.check()
            else:
                is_open = True
                emitter.send(self._chunk(self._completion.opening()))

        reply = self._assistant.reply(watch)
        if not is_open:
            watch(None)  # The answer was kept already, or nothing was searched.
        emitter.send(*map(self._chunk, self._completion.chunks(reply)))
        if self._body.includes_usage:
            emitter.send(json_event(self._completion.usage_chunk(self._usage(reply))))
        emitter.send(event("[DONE]"))

    def _usage(self, reply: Reply) -> dict[str, int]:
        prompt, completion = self._assistant.token_counts(reply)
        return {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }

    def _chunk(self, chunk: Mapping[str, Any]) -> bytes:
        return json_event({**chunk, "usage": None} if self._body.includes_usage else chunk)


def json_event(data: Mapping[str, Any], name: str | None = None) -> bytes:
    """An event of a stream with JSON as its data."""
    return event(json.dumps(data), name)


def error_event(exc: Exception) -> bytes:
    """The event that a stream ends with when it fails."""
    return event(bytes(problems.problem_of(exc, error).body).decode())


def unknown_model(model: str) -> Response:
    """The error response to a request for a model that Quoth does not have."""
    return error(
        HTTPStatus.NOT_FOUND,
        f"The model '{model}' does not exist; there is '{MODEL}'.",
        "model",
        "model_not_found",
    )


def _invalid(fault: Mapping[str, Any]) -> Response:
    """The first of pydantic's errors in OpenAI's format."""
    if fault["type"] == "json_invalid":
        return error(HTTPStatus.BAD_REQUEST, "We could not parse the JSON body of your request.")
    name = _name(fault["loc"][1:])  # the first part says that it is in the body
    code, template = _KINDS.get(
        fault["type"], ("invalid_type", "Invalid type for '{name}': {message}.")
    )
    return error(
        HTTPStatus.BAD_REQUEST,
        template.format(name=name or "body", message=fault["msg"]),
        name or None,
        code,
    )


def _name(location: Sequence[int | str]) -> str:
    """A location in a request as OpenAI writes it: ``messages[0].role``."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location
    ).removeprefix(".")


def _param(field: str, path: str) -> str:
    """The parameter that became a field of /v1/ask."""
    if field.split(".")[0] in ("question", "history", "messages"):
        return "input" if path == RESPONSES_PATH else "messages"
    return f"quoth.{field}"
