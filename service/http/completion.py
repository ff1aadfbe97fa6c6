"""Chat completions in OpenAI's format, as one response or as chunks of a stream."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import uuid4

from service.answering.record import AnswerRecord
from service.http.completion_message import MarkdownMessage
from service.http.front_end_tasks import TaskReply

MODEL = "quoth"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a completion says.

    :param content: None if it only calls a function
    :param annotations: its sources, as OpenAI's ``url_citation``
    :param extension: the answer, as /v1/ask gives it, under ``quoth``
    :param call: the call of a function that the request demands
    """

    content: str | None
    annotations: Sequence[Mapping[str, Any]] = ()
    extension: Mapping[str, Any] = field(default_factory=dict)
    call: Mapping[str, Any] | None = None

    @classmethod
    def answering(cls, record: AnswerRecord, message: MarkdownMessage) -> Self:
        """A message with an answer."""
        return cls(message.content, message.annotations, {"quoth": record.model_dump(mode="json")})

    @classmethod
    def to_task(cls, reply: TaskReply) -> Self:
        """The reply to a prompt of a front end."""
        if reply.function is None:
            return cls(reply.content)
        function = {"name": reply.function, "arguments": reply.content}
        call = {"id": f"call_{uuid4().hex}", "type": "function", "function": function}
        return cls(None, call=call)


@dataclass(frozen=True, slots=True)
class Completion:
    """The response to one request, whole or in chunks.

    :param created: Unix time, seconds
    :param fingerprint: a digest of everything but the documents that answers depend on
    """

    completion_id: str
    created: int
    fingerprint: str

    def response(self, reply: Reply, usage: Mapping[str, int]) -> dict[str, Any]:
        """The whole completion."""
        choice_message = {
            "role": "assistant",
            "content": reply.content,
            "refusal": None,
            "annotations": reply.annotations,
            **({"tool_calls": [reply.call]} if reply.call else {}),
        }
        choice = {"index": 0, "message": choice_message, "logprobs": None, "finish_reason": "stop"}
        return {**self._head("chat.completion", [choice]), "usage": usage, **reply.extension}

    def opening(self) -> dict[str, Any]:
        """The first chunk of a stream."""
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, reply: Reply) -> Iterator[dict[str, Any]]:
        """The other chunks of a stream, except for the one with the usage."""
        if reply.call:
            yield self._chunk({"tool_calls": [{"index": 0, **reply.call}]})
        else:
            yield self._chunk({"content": reply.content})
        if reply.annotations:
            yield self._chunk({"annotations": reply.annotations})
        yield {**self._chunk({}, "stop"), **reply.extension}

    def usage_chunk(self, usage: Mapping[str, int]) -> dict[str, Any]:
        """The chunk with the numbers of tokens."""
        return {**self._head("chat.completion.chunk", []), "usage": usage}

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._head("chat.completion.chunk", [choice])

    def _head(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.completion_id,
            "object": kind,
            "created": self.created,
            "model": MODEL,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
        }
