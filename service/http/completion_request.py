"""Requests for chat completions, as OpenAI's clients send them.

What Quoth uses is checked as strictly as OpenAI does. Everything else is ignored, whether OpenAI
defines it or not: clients of language models send many parameters that steer them.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
)

from corpus.errors import QuestionError
from index.filters import NO_FILTERS
from service.http.completion_message import answer_in
from service.http.schemas import Day, FiltersIn, Request
from service.question import (
    DEFAULT_TOP_K,
    MAX_TURN_LENGTH,
    MAX_TURNS,
    Question,
    Role,
    Turn,
    make_question,
)

MAX_MESSAGES = 2_000
"""How many messages are looked at."""

MAX_PARTS = 1_000


def _parts(content: object) -> object:
    """Content as a list of parts: a string is one part of text, null is none."""
    if content is None:
        return []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def latest(messages: object) -> object:
    """The latest messages, many more than are used: a long conversation costs no more than they."""
    return messages[-MAX_MESSAGES:] if isinstance(messages, list) else messages


class ContentPart(BaseModel):
    """A part of a message. Only text is accepted."""

    model_config = ConfigDict(strict=True, frozen=True)

    type: Literal["text", "refusal", "input_text", "output_text"]
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


class StreamOptions(BaseModel):
    """What a stream contains besides the message. Other fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    include_usage: bool | None = None


class Extension(Request):
    """The parameters of /v1/ask that have no counterpart in OpenAI's request."""

    filters: FiltersIn | None = None
    top_k: int = DEFAULT_TOP_K
    min_confidence: Annotated[float | None, Field(allow_inf_nan=False)] = None
    as_of: Day | None = None


class CompletionRequest(BaseModel):
    """A conversation. Its last user message is the question. Other fields are ignored."""

    model_config = ConfigDict(strict=True, frozen=True)

    model: str
    messages: Annotated[list[ChatMessage], FailFast(), BeforeValidator(latest)] = Field(
        min_length=1
    )
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    quoth: Extension | None = None
    n: int | None = Field(default=None, ge=1, le=1, description="one completion is made")
    response_format: object = Field(
        default=None, description="used for titles, tags and the like alone"
    )
    tools: object = Field(default=None, description="used for titles, tags and the like alone")
    tool_choice: object = Field(
        default=None, description="used for titles, tags and the like alone"
    )

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
            as_of=extension.as_of,
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
