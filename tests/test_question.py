"""Questions are checked once: what is out of bounds is refused by name, what is left is taken as it
is.
"""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import QuestionError
from index.filters import Filters
from service.question import (
    MAX_QUESTION_LENGTH,
    MAX_TURNS,
    Role,
    Turn,
    check_question_text,
    make_question,
)


def turns(count: int) -> list[Turn]:
    return [Turn(Role.USER, f"turn {number}") for number in range(count)]


def test_a_question_is_trimmed_and_nothing_else_is_changed() -> None:
    assert make_question("\n  How \n long?\t").text == "How \n long?"


@pytest.mark.parametrize("text", ["", " ", "\n\t  ", "\u2003\u00a0"])
def test_a_question_of_white_space_is_refused(text: str) -> None:
    with pytest.raises(QuestionError, match="empty") as refused:
        make_question(text)
    assert refused.value.field == "question"


def test_a_thousand_characters_are_taken_and_one_more_is_refused() -> None:
    assert make_question(" " + "a" * MAX_QUESTION_LENGTH + " ").text == "a" * MAX_QUESTION_LENGTH
    with pytest.raises(QuestionError, match="1001 characters; at most 1000"):
        make_question("a" * (MAX_QUESTION_LENGTH + 1))


def test_an_emoji_counts_as_one_character() -> None:
    assert len(make_question("🦦" * MAX_QUESTION_LENGTH).text) == MAX_QUESTION_LENGTH


@given(st.text(max_size=1100))
def test_any_text_is_either_taken_trimmed_or_refused(text: str) -> None:
    trimmed = text.strip()
    if 1 <= len(trimmed) <= MAX_QUESTION_LENGTH and "\x00" not in trimmed:
        assert check_question_text(text) == trimmed
    else:
        with pytest.raises(QuestionError):
            check_question_text(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [("a\x00b", "contains a NUL character"), ("ab\ud800", "unpaired surrogate at character 2")],
)
def test_what_is_no_text_is_refused_in_every_part(text: str, fault: str) -> None:
    with pytest.raises(QuestionError, match=fault) as refused:
        make_question(text)
    assert refused.value.field == "question"
    with pytest.raises(QuestionError, match=fault) as refused:
        make_question("x", history=[Turn(Role.USER, "fine"), Turn(Role.ASSISTANT, text)])
    assert refused.value.field == "history.1.text"
    with pytest.raises(QuestionError, match=fault) as refused:
        make_question("x", filters=Filters(tags=("fine", text)))
    assert refused.value.field == "filters.tags"
    with pytest.raises(QuestionError, match=fault) as refused:
        make_question("x", filters=Filters(document_ids=(text,)))
    assert refused.value.field == "filters.document_ids"


@pytest.mark.parametrize("top_k", [0, -1, 51])
def test_top_k_goes_from_1_to_50(top_k: int) -> None:
    with pytest.raises(QuestionError, match="from 1 to 50") as refused:
        make_question("x", top_k=top_k)
    assert refused.value.field == "top_k"
    assert [make_question("x", top_k=number).top_k for number in (1, 50)] == [1, 50]


@pytest.mark.parametrize("min_confidence", [-0.01, 1.01, 2.0, float("nan"), float("inf")])
def test_min_confidence_goes_from_0_to_1(min_confidence: float) -> None:
    with pytest.raises(QuestionError, match="from 0 to 1") as refused:
        make_question("x", min_confidence=min_confidence)
    assert refused.value.field == "min_confidence"
    assert [make_question("x", min_confidence=value).min_confidence for value in (0, 1)] == [0, 1]


def test_a_history_has_at_most_twenty_turns() -> None:
    assert len(make_question("x", history=turns(MAX_TURNS)).history) == 20
    with pytest.raises(QuestionError, match="21 turns") as refused:
        make_question("x", history=turns(MAX_TURNS + 1))
    assert refused.value.field == "history"


def test_dates_the_wrong_way_round_are_refused_and_one_day_is_a_range() -> None:
    earlier, later = date(2025, 1, 1), date(2025, 1, 2)
    with pytest.raises(QuestionError, match="is after") as refused:
        make_question("x", filters=Filters(published_from=later, published_to=earlier))
    assert refused.value.field == "filters.published_from"
    make_question("x", filters=Filters(published_from=earlier, published_to=earlier))
