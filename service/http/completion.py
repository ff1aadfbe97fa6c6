"""Chat completions in OpenAI's format, as one response or as chunks of a stream."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.answering.record import AnswerRecord
from service.http.completion_message import MarkdownMessage
from service.question import Question

MODEL = "quoth"


@dataclass(frozen=True, slots=True)
class Completion:
    """The response to one request, whole or in chunks.

    :param created: Unix time, seconds
    :param fingerprint: a digest of everything but the documents that answers depend on
    """

    completion_id: str
    created: int
    fingerprint: str

    def response(
        self, record: AnswerRecord, message: MarkdownMessage, usage: Mapping[str, int]
    ) -> dict[str, Any]:
        """The whole completion.

        :param record: the answer, as /v1/ask gives it
        """
        choice_message = {
            "role": "assistant",
            "content": message.content,
            "refusal": None,
            "annotations": message.annotations,
        }
        choice = {"index": 0, "message": choice_message, "logprobs": None, "finish_reason": "stop"}
        return {
            **self._head("chat.completion", [choice]),
            "usage": usage,
            "quoth": record.model_dump(mode="json"),
        }

    def opening(self) -> dict[str, Any]:
        """The first chunk of a stream."""
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, record: AnswerRecord, message: MarkdownMessage) -> Iterator[dict[str, Any]]:
        """The other chunks of a stream, except for the one with the usage."""
        yield self._chunk({"content": message.content})
        if message.annotations:
            yield self._chunk({"annotations": message.annotations})
        yield {**self._chunk({}, "stop"), "quoth": record.model_dump(mode="json")}

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


TokenCount = Callable[[Sequence[str]], int]


def token_usage(question: Question, content: str, count: TokenCount) -> dict[str, int]:
    """The numbers of tokens of the question with its history, and of the message.

    :param count: gives the number of tokens of all the texts
    """
    prompt = count([*(turn.text for turn in question.history), question.text])
    completion = count([content])
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
