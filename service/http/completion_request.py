"""Requests for chat completions, as OpenAI's clients send them.

They are checked as strictly as OpenAI does. A parameter that Quoth cannot honour is refused if
ignoring it would mislead; one that only steers a language model is accepted and ignored.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from corpus.errors import QuestionError
from service.http.completion_message import answer_in
from service.http.schemas import FiltersIn, Request
from service.question import (
    DEFAULT_TOP_K,
    MAX_TURN_LENGTH,
    MAX_TURNS,
    NO_FILTERS,
    Question,
    Role,
    Turn,
    make_question,
)

MAX_MESSAGES = 2_000
"""How many messages are looked at."""

MAX_PARTS = 1_000

_MAX_ECHO = 200
"""How much of a refused value an error repeats."""


def _parts(content: object) -> object:
    """Content as a list of parts: a string is one part of text, null is none."""
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _latest(messages: object) -> object:
    """The latest messages, many more than are used: a long conversation costs no more than they."""
    return messages[-MAX_MESSAGES:] if isinstance(messages, list) else messages


def _only(*values: object) -> AfterValidator:
    """Refuse every value except these and null."""

    def checked(value: object, info: ValidationInfo) -> object:
        if value is None or value in values:
            return value
        described = {"name": info.field_name, "value": json.dumps(value)[:_MAX_ECHO]}
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
"""A parameter that only steers a language model: it is accepted, and has no effect."""


class ContentPart(BaseModel):
    """A part of a message. Only text is accepted."""

    model_config = ConfigDict(strict=True, frozen=True)

    type: Literal["text", "refusal"]
    text: str = ""


class ChatMessage(BaseModel):
    """A message of the conversation. Other fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[
        list[ContentPart],
        FailFast(),
        Field(max_length=MAX_PARTS),
        BeforeValidator(_parts, json_schema_input_type=str | list[ContentPart] | None),
    ] = []

    @property
    def text(self) -> str:
        """The text of all parts."""
        return "\n".join(part.text for part in self.content)


class StreamOptions(Request):
    """What a stream contains besides the message."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class Extension(Request):
    """The parameters of /v1/ask that have no counterpart in OpenAI's request."""

    filters: FiltersIn | None = None
    top_k: int = DEFAULT_TOP_K
    min_confidence: Annotated[float | None, Field(allow_inf_nan=False)] = None


class CompletionRequest(Request):
    """A conversation. Its last user message is the question."""

    model: str
    messages: Annotated[list[ChatMessage], FailFast(), BeforeValidator(_latest)] = Field(
        min_length=1
    )
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
    def _check_stream_options(
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
        """Whether a stream ends with the numbers of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)

    def to_question(self) -> Question:
        """The checked question: the last user message, with the turns before it as its history.

        :raises QuestionError: there is no user message, or it is not a valid question
        """
        last = max(
            (index for index, message in enumerate(self.messages) if message.role == "user"),
            default=None,
        )
        if last is None:
            raise QuestionError("there is no user message to answer", "messages")
        extension = self.quoth or Extension()
        return make_question(
            self.messages[last].text,
            history=_turns(self.messages[:last]),
            top_k=extension.top_k,
            filters=extension.filters.to_filters() if extension.filters else NO_FILTERS,
            min_confidence=extension.min_confidence,
        )


def _turns(messages: Sequence[ChatMessage]) -> list[Turn]:
    """The latest messages of the user and the assistant that are neither empty nor longer than a
    turn may be.
    """
    turns: list[Turn] = []
    for message in reversed(messages):
        if len(turns) == MAX_TURNS:
            break
        if message.role in ("user", "assistant"):
            text = answer_in(message.text) if message.role == "assistant" else message.text
            if text.strip() and len(text) <= MAX_TURN_LENGTH:
                turns.append(Turn(Role(message.role), text))
    return turns[::-1]
