"""Questions, checked once and in the same way for every channel."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from corpus.document import unencodable
from corpus.errors import QuestionError
from index.filters import NO_FILTERS, Filters

MAX_QUESTION_LENGTH = 1_000
MAX_TURNS = 20
MAX_TURN_LENGTH = 20_000
MAX_CONVERSATION_ID_LENGTH = 200
MAX_TOP_K = 50
DEFAULT_TOP_K = 8
DEFAULT_SEARCH_TOP_K = 10


class Role(StrEnum):
    """The author of a turn of a conversation."""

    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question that :func:`make_question` has checked.

    :param text: trimmed, 1 to 1000 characters
    :param history: earlier turns, oldest first
    :param top_k: the number of passages to read
    :param min_confidence: the lowest confidence of an answer, 0 to 1; None means the calibrated
        threshold
    :param as_of: the day on which it is asked
    :param conversation_id: the conversation that the service keeps and continues, if there is one
    """

    text: str
    history: tuple[Turn, ...] = ()
    top_k: int = DEFAULT_TOP_K
    filters: Filters = NO_FILTERS
    min_confidence: float | None = None
    explain: bool = False
    conversation_id: str | None = None
    as_of: date = dataclasses.field(default_factory=date.today)


def make_question(
    text: str,
    *,
    history: Sequence[Turn] = (),
    top_k: int = DEFAULT_TOP_K,
    filters: Filters = NO_FILTERS,
    min_confidence: float | None = None,
    explain: bool = False,
    conversation_id: str | None = None,
    as_of: date | None = None,
) -> Question:
    """A checked question.

    :param as_of: the day on which it is asked, by default today. If it is given, what was published
        later is left out

    :raises QuestionError: a part is empty, too long or out of bounds; it names the field
    """
    if len(history) > MAX_TURNS:
        raise QuestionError(
            f"the history has {len(history)} turns; at most {MAX_TURNS} are allowed", "history"
        )
    for number, turn in enumerate(history):
        _check_text(turn.text, f"history.{number}.text", MAX_TURN_LENGTH)
    if not 1 <= top_k <= MAX_TOP_K:
        raise QuestionError(f"top_k is {top_k}; it goes from 1 to {MAX_TOP_K}", "top_k")
    if min_confidence is not None and not 0 <= min_confidence <= 1:
        raise QuestionError(
            f"min_confidence is {min_confidence}; it goes from 0 to 1", "min_confidence"
        )
    check_filters(filters)
    if conversation_id is not None:
        _check_conversation(conversation_id, history)
    if as_of is not None:
        filters = replace(filters, known_by=as_of)
    return Question(
        text=check_question_text(text),
        history=tuple(history),
        top_k=top_k,
        filters=filters,
        min_confidence=min_confidence,
        explain=explain,
        conversation_id=conversation_id,
        as_of=as_of or date.today(),
    )


def check_question_text(text: str) -> str:
    """The text of a question, trimmed.

    :raises QuestionError: it is empty, too long, or not valid text
    """
    trimmed = text.strip()
    if not trimmed:
        raise QuestionError("the question is empty")
    _check_text(trimmed, "question", MAX_QUESTION_LENGTH)
    return trimmed


def check_filters(filters: Filters) -> None:
    """Refuse filters that cannot match any document.

    :raises QuestionError: the dates are in the wrong order, or a value is not valid text
    """
    for field, values in (("document_ids", filters.document_ids), ("tags", filters.tags)):
        for value in values:
            _check_text(value, f"filters.{field}", MAX_QUESTION_LENGTH)
    if (
        filters.published_from
        and filters.published_to
        and filters.published_from > filters.published_to
    ):
        raise QuestionError(
            f"published_from ({filters.published_from}) is after published_to "
            f"({filters.published_to})",
            "filters.published_from",
        )


def _check_conversation(id: str, history: Sequence[Turn]) -> None:
    _check_text(id, "conversation_id", MAX_CONVERSATION_ID_LENGTH)
    if not id or not id.isprintable():
        raise QuestionError(
            "conversation_id is empty or contains unprintable characters", "conversation_id"
        )
    if history:
        raise QuestionError(
            "history and conversation_id exclude each other; send only one", "conversation_id"
        )


def _check_text(text: str, field: str, limit: int) -> None:
    fault = unencodable(text)
    if fault:
        raise QuestionError(f"the {field.rpartition('.')[2]} {fault}", field)
    if len(text) > limit:
        raise QuestionError(
            f"{field} has {len(text)} characters; at most {limit} are allowed", field
        )
