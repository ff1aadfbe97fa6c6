"""OpenAI's chat completions over the service: what speaks to OpenAI speaks to Quoth. See
docs/clients.md.
"""

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
from index.search.searcher import SearchResult
from service.answering.question import Question
from service.answering.service import AnswerService
from service.http import problems
from service.http.completion import MODEL, Completion, CompletionRequest, said, usage
from service.http.dependencies import Dependencies
from service.http.events import Emitter, EventStream, event

PATHS = ("/v1/chat/", "/v1/models")
"""Where errors have OpenAI's shape."""

_KINDS = {
    "missing": ("missing_required_parameter", "Missing required parameter: '{name}'."),
    "extra_forbidden": ("unknown_parameter", "Unknown parameter: '{name}'."),
    "literal_error": ("invalid_value", "Invalid value for '{name}': {message}."),
    "too_short": (
        "empty_array",
        "Invalid '{name}': empty array. Expected an array with minimum length 1.",
    ),
    "less_than_equal": ("decimal_above_max_value", "Invalid '{name}': {message}."),
    "greater_than_equal": ("decimal_below_min_value", "Invalid '{name}': {message}."),
    "unsupported_value": ("unsupported_value", "{message}"),
    "unsupported_parameter": ("unsupported_parameter", "{message}"),
    "invalid_value": ("invalid_value", "{message}"),
}
"""OpenAI's code and message for what pydantic finds."""


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> Response:
    """An error in OpenAI's shape. What cannot be taken is a 400 there."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    kind = "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    # ASCII only: what is echoed may hold what UTF-8 cannot.
    return Response(json.dumps(body), status, media_type="application/json")


class _Route(APIRoute):
    """A route whose requests are refused as OpenAI refuses them."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with its refusals put into OpenAI's words."""
        handle = super().get_route_handler()

        async def handling(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as exc:
                return _invalid(exc.errors()[0])
            except QuestionError as exc:
                return error(HTTPStatus.BAD_REQUEST, str(exc), _param(exc.field), "invalid_value")

        return handling


def router(deps: Dependencies) -> APIRouter:
    """``POST /v1/chat/completions`` and ``GET /v1/models``."""
    routes = APIRouter(route_class=_Route, tags=["openai"])
    model = {"id": MODEL, "object": "model", "created": int(time.time()), "owned_by": "quoth"}

    @routes.post("/v1/chat/completions")
    async def complete(asked: CompletionRequest, request: Request) -> Response:
        """The answer as a chat completion, with its sources as annotations and the whole of it
        under `quoth`.
        """
        if asked.model != MODEL:
            return _unknown(asked.model)
        chat = _Chat(deps.service, asked, str(request.base_url).rstrip("/"))
        if asked.stream:
            return EventStream(deps.threads, chat.stream, _last_words)
        return JSONResponse(await deps.threads.read(chat.answer))

    @routes.get("/v1/models")
    async def models() -> dict[str, Any]:
        """The one model that there is."""
        return {"object": "list", "data": [model]}

    @routes.get("/v1/models/{name:path}", response_model=None)
    async def find_model(name: str) -> dict[str, Any] | Response:
        """The model, if it is the one that there is."""
        return model if name == MODEL else _unknown(name)

    return routes


class _Chat:
    """One request on its way through the service.

    :raises QuestionError: the question cannot be taken
    """

    def __init__(self, service: AnswerService, asked: CompletionRequest, base_url: str) -> None:
        self._service = service
        self._asked = asked
        self._base_url = base_url
        self._question: Question = asked.made()
        self._completion = Completion(
            f"chatcmpl-{uuid4().hex}", int(time.time()), f"quoth_{service.fingerprint[:16]}"
        )

    def answer(self) -> dict[str, Any]:
        """The completion."""
        record = self._service.ask(self._question).record
        message = said(record, self._base_url)
        return self._completion.whole(record, message, self._usage(message.content))

    def stream(self, emitter: Emitter) -> None:
        """The completion, chunk by chunk, the first when its passages are found."""
        is_open = False

        def watch(_result: SearchResult) -> None:
            nonlocal is_open
            if is_open:
                emitter.check()
            else:
                is_open = True
                emitter.send(self._chunk(self._completion.opening()))

        record = self._service.ask(self._question, watch).record
        if not is_open:
            emitter.send(self._chunk(self._completion.opening()))
        message = said(record, self._base_url)
        emitter.send(*map(self._chunk, self._completion.chunks(record, message)))
        if self._asked.includes_usage:
            emitter.send(_event(self._completion.usage(self._usage(message.content))))
        emitter.send(event("[DONE]"))

    def _usage(self, content: str) -> dict[str, int]:
        return usage(self._question, content, self._count)

    def _count(self, texts: Sequence[str]) -> int:
        return sum(
            len(spans) for spans in self._service.collection.searcher.encoder.token_spans(texts)
        )

    def _chunk(self, chunk: Mapping[str, Any]) -> bytes:
        return _event({**chunk, "usage": None} if self._asked.includes_usage else chunk)


def _event(chunk: Mapping[str, Any]) -> bytes:
    return event(json.dumps(chunk))


def _last_words(exc: Exception) -> bytes:
    return event(bytes(problems.problem_of(exc, error).body).decode())


def _unknown(model: str) -> Response:
    return error(
        HTTPStatus.NOT_FOUND,
        f"The model '{model}' does not exist; there is '{MODEL}'.",
        "model",
        "model_not_found",
    )


def _invalid(fault: Mapping[str, Any]) -> Response:
    """What pydantic found first, in OpenAI's words."""
    if fault["type"] == "json_invalid":
        return error(HTTPStatus.BAD_REQUEST, "We could not parse the JSON body of your request.")
    name = _name(fault["loc"][1:])  # the first part says that it is in the body
    code, words = _KINDS.get(
        fault["type"], ("invalid_type", "Invalid type for '{name}': {message}.")
    )
    return error(
        HTTPStatus.BAD_REQUEST,
        words.format(name=name or "body", message=fault["msg"]),
        name or None,
        code,
    )


def _name(location: Sequence[int | str]) -> str:
    """A place in a request as OpenAI writes it: ``messages[0].role``."""
    return "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" for part in location
    ).removeprefix(".")


def _param(field: str) -> str:
    """The parameter that a field of /v1/ask came from."""
    return (
        "messages"
        if field.split(".")[0] in ("question", "history", "messages")
        else f"quoth.{field}"
    )
