"""OpenAI's responses: the newer of its two protocols for answers. See docs/clients.md.

A response carries the same message as a chat completion. Quoth keeps no responses, so a request
brings its conversation along.
"""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field

from service.answering.service import AnswerService
from service.http import problems
from service.http.assistant import Assistant
from service.http.completion import MODEL, Reply
from service.http.completion_request import ChatMessage, CompletionRequest, Extension, latest
from service.http.dependencies import Dependencies
from service.http.events import STREAMED, Emitter, EventStream
from service.http.openai import RESPONSES_PATH, OpenAIRoute, error, json_event, unknown_model
from service.http.threads import Check

_Json = dict[str, Any]  # what json gives


def _messages(given: object) -> object:
    """Input as a list of messages: a text is one of the user. Items of other kinds are left out."""
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    recent = latest(given)
    if not isinstance(recent, list):
        return recent
    return [
        item
        for item in recent
        if not isinstance(item, dict) or item.get("type", "message") == "message"
    ]


class ResponseRequest(BaseModel):
    """A conversation. Its last user message is the question. Other fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    model: str
    input: Annotated[
        list[ChatMessage],
        FailFast(),
        BeforeValidator(_messages, json_schema_input_type=str | list[ChatMessage]),
    ] = Field(min_length=1)
    stream: bool | None = None
    previous_response_id: None = Field(None, description="not supported: responses are not kept")
    conversation: None = Field(None, description="not supported: conversations are not kept")
    quoth: Extension | None = None

    def as_completion(self) -> CompletionRequest:
        """The same conversation as a request for a chat completion."""
        return CompletionRequest(model=self.model, messages=self.input, quoth=self.quoth)


def router(deps: Dependencies) -> APIRouter:
    """``POST /v1/responses``."""
    routes = APIRouter(route_class=OpenAIRoute, tags=["openai"])

    @routes.post(RESPONSES_PATH, responses=STREAMED)
    async def respond(body: ResponseRequest) -> Response:
        """The answer as a response, with its sources as annotations, and the whole answer under
        `quoth`.
        """
        if body.model != MODEL:
            return unknown_model(body.model)
        responding = _Responding(deps.service, body.as_completion(), deps.settings.address)
        if body.stream:
            return EventStream(deps.threads, responding.stream, _error_event)
        return JSONResponse(await deps.threads.ask(responding.answer))

    return routes


class _Responding:
    """One request, from the question to the response.

    :raises QuestionError: the question is not valid
    """

    def __init__(self, service: AnswerService, body: CompletionRequest, base_url: str) -> None:
        self._assistant = Assistant(service, body, base_url)
        self._response_id, self._message_id = f"resp_{uuid4().hex}", f"msg_{uuid4().hex}"
        self._created = int(time.time())

    def answer(self, check: Check) -> _Json:
        """The response."""
        reply = self._assistant.reply(check)
        return self._response("completed", [self._message(reply)], reply)

    def stream(self, emitter: Emitter) -> None:
        """Send the events of the response, the first as soon as the passages are retrieved."""
        sent = 0

        def send(kind: str, content: Mapping[str, Any]) -> None:
            nonlocal sent
            data = {"type": kind, "sequence_number": sent, **content}
            emitter.send(json_event(data, kind))
            sent += 1

        def watch(_result: object) -> None:
            if sent:
                emitter.check()
                return
            for kind in ("response.created", "response.in_progress"):
                send(kind, {"response": self._response("in_progress", [], None)})

        reply = self._assistant.reply(watch)
        if not sent:
            watch(None)  # The answer was kept already, or nothing was searched.
        for kind, content in self._events(reply):
            send(kind, content)

    def _events(self, reply: Reply) -> Iterator[tuple[str, _Json]]:
        """The events between the first two of a response and its end, and that end."""
        message = self._message(reply)
        (part,) = message["content"]
        empty = {**part, "text": "", "annotations": []}
        item = {"output_index": 0}
        at = {"item_id": self._message_id, "output_index": 0, "content_index": 0}
        opened = {**message, "status": "in_progress", "content": []}
        yield "response.output_item.added", {**item, "item": opened}
        yield "response.content_part.added", {**at, "part": empty}
        yield "response.output_text.delta", {**at, "delta": part["text"], "logprobs": []}
        for index, annotation in enumerate(part["annotations"]):
            added = {**at, "annotation_index": index, "annotation": annotation}
            yield "response.output_text.annotation.added", added
        yield "response.output_text.done", {**at, "text": part["text"], "logprobs": []}
        yield "response.content_part.done", {**at, "part": part}
        yield "response.output_item.done", {**item, "item": message}
        yield "response.completed", {"response": self._response("completed", [message], reply)}

    def _message(self, reply: Reply) -> _Json:
        annotations = [
            {"type": "url_citation", **annotation["url_citation"]}
            for annotation in reply.annotations
        ]
        text = {
            "type": "output_text",
            "text": reply.content,
            "annotations": annotations,
            "logprobs": [],
        }
        return {
            "id": self._message_id,
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [text],
        }

    def _response(self, status: str, output: list[_Json], reply: Reply | None) -> _Json:
        return {
            "id": self._response_id,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "model": MODEL,
            "output": output,
            "parallel_tool_calls": False,
            "previous_response_id": None,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "none",
            "tools": [],
            "top_p": None,
            "usage": self._usage(reply) if reply else None,
            **(reply.extension if reply else {}),
        }

    def _usage(self, reply: Reply) -> _Json:
        asked, written = self._assistant.token_counts(reply)
        return {
            "input_tokens": asked,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": written,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": asked + written,
        }


def _error_event(exc: Exception) -> bytes:
    fault = json.loads(bytes(problems.problem_of(exc, error).body))["error"]
    # What was sent before is not known here. Clients stop at an error and do not read its number.
    data = {"type": "error", "sequence_number": 0, **fault, "error": fault}
    return json_event({**data, "type": "error"}, "error")
