"""Chat completions in OpenAI's shapes: a request as it is accepted, and an answer as a message.

Requests are as strict as OpenAI's own: what Quoth cannot do is refused where ignoring it would
mislead, and what only steers a language model is accepted and ignored."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from corpus.errors import QuestionError
from service.answering import wording
from service.answering.citation import Citation
from service.answering.question import (
    DEFAULT_TOP_K,
    MAX_TURN_LENGTH,
    MAX_TURNS,
    NO_FILTERS,
    Question,
    Role,
    Turn,
    make_question,
)
from service.answering.reason import Reason
from service.answering.record import AnswerRecord, Passage
from service.http.schemas import FiltersIn, Request

MODEL = "quoth"

MAX_NEAREST = 3
"""Passages that a message without an answer names."""

_MARKED = re.compile(r"(?:\*\*)?(?P<quote>[^\n]+?)(?:\*\*)?(?P<markers>(?: ?\[\d+\])+)\s*\n\s*1\. ")
_ACTIVE = re.compile(r"([\\`*\[\]<])")
_ESCAPED = re.compile(r"\\([\\`*\[\]<])")
_BREAKS = re.compile(r"\s*[\n\r]\s*")


# -- requests


def _parts(content: object) -> object:
    """A content that is text alone, as parts."""
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _only(*values: object) -> AfterValidator:
    """Refuse every value but these and null."""

    def checked(value: object, info: ValidationInfo) -> object:
        if value is None or value in values:
            return value
        described = {"name": info.field_name, "value": json.dumps(value)}
        if values:
            raise PydanticCustomError(
                "unsupported_value",
                "Unsupported value: '{name}' does not support {value} with this model.",
                described,
            )
        raise PydanticCustomError(
            "unsupported_parameter",
            "Unsupported parameter: '{name}' is not supported with this model.",
            described,
        )

    return AfterValidator(checked)


Ignored = object
"""What steers a language model, and has nothing to steer here."""


class Part(BaseModel):
    """A part of a message. Only text can be read."""

    model_config = ConfigDict(strict=True, frozen=True)

    type: Literal["text", "refusal"]
    text: str = ""


class Message(BaseModel):
    """A message of the conversation; what else it holds is ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[
        list[Part], BeforeValidator(_parts, json_schema_input_type=str | list[Part] | None)
    ] = []

    @property
    def text(self) -> str:
        """The text of all parts."""
        return "\n".join(part.text for part in self.content)


class StreamOptions(Request):
    """What a stream holds besides the message."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Extension(Request):
    """What /v1/ask takes and OpenAI's shape has no place for."""

    filters: FiltersIn | None = None
    top_k: int = DEFAULT_TOP_K
    min_confidence: Annotated[float | None, Field(allow_inf_nan=False)] = None


class CompletionRequest(Request):
    """A conversation, the last user message of which is the question."""

    model: str
    messages: list[Message] = Field(min_length=1)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    quoth: Extension | None = None

    n: Annotated[int | None, _only(1)] = None
    tool_choice: Annotated[object, _only("none", "auto")] = None
    function_call: Annotated[object, _only("none", "auto")] = None
    response_format: Annotated[object, _only({"type": "text"})] = None
    modalities: Annotated[object, _only(["text"])] = None
    logprobs: Annotated[bool | None, _only(False)] = None
    top_logprobs: Annotated[int | None, _only(0)] = None
    audio: Annotated[object, _only()] = None
    moderation: Annotated[object, _only()] = None
    web_search_options: Annotated[object, _only()] = None

    temperature: float | None = Field(None, ge=0, le=2, description="ignored")
    top_p: float | None = Field(None, ge=0, le=1, description="ignored")
    frequency_penalty: float | None = Field(None, ge=-2, le=2, description="ignored")
    presence_penalty: float | None = Field(None, ge=-2, le=2, description="ignored")
    max_tokens: int | None = Field(None, ge=1, description="ignored: a quote is never cut")
    max_completion_tokens: int | None = Field(
        None, ge=1, description="ignored: a quote is never cut"
    )
    functions: Ignored = None
    logit_bias: Ignored = None
    metadata: Ignored = None
    parallel_tool_calls: Ignored = None
    prediction: Ignored = None
    prompt_cache_key: Ignored = None
    prompt_cache_options: Ignored = None
    prompt_cache_retention: Ignored = None
    reasoning_effort: Ignored = None
    safety_identifier: Ignored = None
    seed: Ignored = None
    service_tier: Ignored = None
    stop: Ignored = None
    store: Ignored = None
    tools: Ignored = None
    user: Ignored = None
    verbosity: Ignored = None

    @field_validator("stream_options")
    @classmethod
    def _only_in_a_stream(
        cls, value: StreamOptions | None, info: ValidationInfo
    ) -> StreamOptions | None:
        if value is not None and not info.data.get("stream"):
            raise PydanticCustomError(
                "invalid_value",
                "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            )
        return value

    @property
    def includes_usage(self) -> bool:
        """Whether a stream ends with what it took."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def made(self) -> Question:
        """The checked question: the last user message, with the turns before it as its history.

        :raises QuestionError: there is none, or it cannot be taken
        """
        last = max(
            (place for place, message in enumerate(self.messages) if message.role == "user"),
            default=None,
        )
        if last is None:
            raise QuestionError("there is no message of the user to answer", "messages")
        extension = self.quoth or Extension()
        return make_question(
            self.messages[last].text,
            history=_turns(self.messages[:last]),
            top_k=extension.top_k,
            filters=extension.filters.made() if extension.filters else NO_FILTERS,
            min_confidence=extension.min_confidence,
        )


def _turns(messages: Sequence[Message]) -> list[Turn]:
    """The latest turns of the user and the assistant that say something, and are no longer than a
    turn can be.
    """
    said = [
        Turn(
            Role(message.role), plain(message.text) if message.role == "assistant" else message.text
        )
        for message in messages
        if message.role in ("user", "assistant")
    ]
    return [turn for turn in said if turn.text.strip() and len(turn.text) <= MAX_TURN_LENGTH][
        -MAX_TURNS:
    ]


# -- messages


@dataclass(frozen=True, slots=True)
class Said:
    """A message in Markdown.

    :param annotations: its sources, as OpenAI's ``url_citation``; the offsets count characters of
        the content"""

    content: str
    annotations: list[dict[str, Any]]


class _Writer:
    """Puts a message together, and knows where its sources stand."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._content = ""
        self._annotations: list[dict[str, Any]] = []

    def write(self, text: str) -> None:
        """Add text as it is."""
        self._content += text

    def source(self, number: int, citation: Citation) -> None:
        """Add a source: the sentence, unless it is the quote, and what it stands in."""
        self.write(f"\n{number}. ")
        start, url = len(self._content), self._base_url + citation.link
        if citation.sentence.text != citation.quote:
            self.write(f"“{_shown(citation.sentence.text)}” — ")
        self.write(", ".join(_described(citation, url)))
        place = {
            "start_index": start,
            "end_index": len(self._content),
            "title": citation.title,
            "url": url,
        }
        self._annotations.append({"type": "url_citation", "url_citation": place})

    def said(self) -> Said:
        """The message."""
        return Said(self._content, self._annotations)


def said(response: AnswerRecord, base_url: str) -> Said:
    """An answer as a message: the quote, then its numbered sources, each with the sentence that
    holds it.

    Words of documents stand in it as they are, but for characters that Markdown would act on, which
    are escaped, and line breaks, which become spaces.

    :param base_url: of the service, without a slash at the end
    """
    writer = _Writer(base_url)
    if response.answer is None:
        return _refused(response, writer)
    first = _stated(writer, response.answer.text, response.citations, 1)
    if response.conflict:
        writer.write(f"\n\n{wording.CONFLICT} {wording.ALSO_SAY}")
        for other in response.alternatives:
            writer.write("\n\n")
            first = _stated(writer, other.text, other.citations, first)
    return writer.said()


def plain(content: str) -> str:
    """What an assistant's message answered: the quote alone where :func:`said` made the message,
    else all of it.
    """
    content = content.strip()
    marked = _MARKED.match(content)
    if marked:
        return _ESCAPED.sub(r"\1", marked["quote"])
    return wording.NO_ANSWER if content.startswith(wording.NO_ANSWER) else content


def _stated(writer: _Writer, text: str, citations: Sequence[Citation], first: int) -> int:
    """Write an answer with its sources, numbered from ``first``; the next number."""
    markers = "".join(f"[{number}]" for number in range(first, first + len(citations)))
    writer.write(f"**{_shown(text)}** {markers}\n")
    for number, citation in enumerate(citations, start=first):
        writer.source(number, citation)
    return first + len(citations)


def _refused(response: AnswerRecord, writer: _Writer) -> Said:
    writer.write(wording.refusal(response.reason or Reason.NO_SPAN))
    if response.passages:
        writer.write(f"\n\n{wording.NEAREST}:\n")
    for passage in response.passages[:MAX_NEAREST]:
        writer.write(f"\n- {_shown(passage.title)}: “{_beginning(passage)}”")
    return writer.said()


def _beginning(passage: Passage, length: int = 200) -> str:
    text = (
        passage.text
        if len(passage.text) <= length
        else passage.text[:length].rsplit(maxsplit=1)[0] + " …"
    )
    return _shown(text)


def _described(citation: Citation, url: str) -> Iterator[str]:
    yield f"[{_shown(citation.title)}]({url})"
    if citation.published:
        yield citation.published.isoformat()
    if citation.page:
        yield f"page {citation.page}"


def _shown(text: str) -> str:
    return _ACTIVE.sub(r"\\\1", _BREAKS.sub(" ", text))


# -- responses


@dataclass(frozen=True, slots=True)
class Completion:
    """What every part of a response to one request says of itself.

    :param created: Unix time, seconds
    :param fingerprint: of all that the answers depend on besides the documents
    """

    id: str
    created: int
    fingerprint: str

    def whole(
        self, record: AnswerRecord, message: Said, usage: Mapping[str, int]
    ) -> dict[str, Any]:
        """The completion.

        :param record: the answer, as /v1/ask gives it
        """
        spoken = {
            "role": "assistant",
            "content": message.content,
            "refusal": None,
            "annotations": message.annotations,
        }
        choice = {"index": 0, "message": spoken, "logprobs": None, "finish_reason": "stop"}
        return {
            **self._head("chat.completion", [choice]),
            "usage": usage,
            "quoth": record.model_dump(mode="json"),
        }

    def opening(self) -> dict[str, Any]:
        """The first chunk of a stream."""
        return self._chunk({"role": "assistant", "content": ""})

    def chunks(self, record: AnswerRecord, message: Said) -> Iterator[dict[str, Any]]:
        """The other chunks of a stream, but for what it took."""
        yield self._chunk({"content": message.content})
        if message.annotations:
            yield self._chunk({"annotations": message.annotations})
        yield {**self._chunk({}, "stop"), "quoth": record.model_dump(mode="json")}

    def usage(self, usage: Mapping[str, int]) -> dict[str, Any]:
        """The chunk that says what the stream took."""
        return {**self._head("chat.completion.chunk", []), "usage": usage}

    def _chunk(self, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._head("chat.completion.chunk", [choice])

    def _head(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": MODEL,
            "system_fingerprint": self.fingerprint,
            "choices": choices,
        }


Count = Callable[[Sequence[str]], int]


def usage(question: Question, content: str, count: Count) -> dict[str, int]:
    """What an answer took: tokens of the question and its history, and tokens of the message.

    :param count: counts the tokens of texts
    """
    prompt = count([*(turn.text for turn in question.history), question.text])
    completion = count([content])
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
