"""Greetings, thanks and questions about Quoth itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.document import make_document
from index.encoding.encoder import Encoder
from service.answering.record import OutcomeKind
from service.answering.service import AnswerService
from service.answering.small_talk import REPLIES, SmallTalk, small_talk, without_small_talk
from service.question import Role, Turn, make_question
from service.reader.passage import PassageReader

ROUTE = "The Otter Bridge was opened on 4 May 1931. It is 212 metres long."


@pytest.fixture
def service(tmp_path: Path, encoder: Encoder, passages: PassageReader) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put([make_document(ROUTE, document_id="bridge")])
        yield opened


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("hi", SmallTalk.GREETING),
        ("Hello there!", SmallTalk.GREETING),
        ("Good morning, everyone", SmallTalk.GREETING),
        ("Hi!! 👋 How are you?", SmallTalk.GREETING),
        ("thanks", SmallTalk.THANKS),
        ("Thank you very much!", SmallTalk.THANKS),
        ("ok thanks", SmallTalk.THANKS),
        ("Great, thanks a lot for your help.", SmallTalk.THANKS),
        ("vielen Dank", SmallTalk.THANKS),
        ("OK", SmallTalk.AGREEMENT),
        ("I see, that makes sense", SmallTalk.AGREEMENT),
        ("bye", SmallTalk.FAREWELL),
        ("Thanks, bye!", SmallTalk.FAREWELL),
        ("Who are you?", SmallTalk.ABOUT_QUOTH),
        ("Hi, what can you do?", SmallTalk.ABOUT_QUOTH),
        ("help", SmallTalk.ABOUT_QUOTH),
    ],
)
def test_a_message_that_asks_nothing_is_small_talk(text: str, kind: SmallTalk) -> None:
    assert small_talk(text) is kind


@pytest.mark.parametrize(
    "text",
    [
        "Hi, how much gas can the pipeline carry?",
        "Great Barrier Reef",
        "Good Morning America",
        "Hello world",
        "thanks for all the fish",
        "help desk hours",
        "Who are you allowed to invite?",
        "What is the greeting?",
        "bye laws",
        "welcome pack",
        "hi-fi",
        "?",
        "",
        "thanks " * 15,
    ],
)
def test_a_message_that_says_anything_else_is_none(text: str) -> None:
    assert small_talk(text) is None


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hi, how much gas can it carry?", "how much gas can it carry?"),
        ("Hi how much gas can it carry?", "how much gas can it carry?"),
        ("Hello! When was it opened? Thanks!", "When was it opened?"),
        ("How long is it? Thank you in advance.", "How long is it?"),
        ("How long is the bridge, thanks", "How long is the bridge"),
        ("Ok, and the second one?", "and the second one?"),
        ("Good morning everyone,\nwhat is the dress code", "what is the dress code"),
        ("Great Barrier Reef depth", "Great Barrier Reef depth"),
        ("Hello Kitty: what is it?", "Hello Kitty: what is it?"),
        ("Hi-Fi cables", "Hi-Fi cables"),
        ("Who said thank you?", "Who said thank you?"),
        ("Who wrote Hello, Goodbye", "Who wrote Hello, Goodbye"),
    ],
)
def test_what_is_said_around_a_question_is_not_searched_for(text: str, asked: str) -> None:
    assert without_small_talk(make_question(text)).text == asked


def test_small_talk_is_no_turn_that_a_follow_up_may_mean() -> None:
    history = [
        Turn(Role.USER, "Hello"),
        Turn(Role.ASSISTANT, REPLIES[SmallTalk.GREETING]),
        Turn(Role.USER, "When was the bridge opened?"),
        Turn(Role.ASSISTANT, "4 May 1931"),
        Turn(Role.USER, "thanks"),
        Turn(Role.ASSISTANT, REPLIES[SmallTalk.THANKS]),
    ]
    question = without_small_talk(make_question("How long is it?", history=history))
    assert question.history == tuple(history[2:4])


def test_small_talk_gets_a_reply_and_is_counted_apart_from_refusals(
    service: AnswerService,
) -> None:
    outcomes: list[str] = []
    service.observers.append(lambda outcome, _timings: outcomes.append(outcome))
    record = service.ask(make_question("Thank you!", conversation_id="c")).record
    assert record.reply == REPLIES[SmallTalk.THANKS]
    assert (record.answered, record.outcome, record.passages) == (False, OutcomeKind.NONE, ())
    assert service.kept_answer(record.id) is not None
    service.ask(make_question("Thank you!", conversation_id="c"))
    assert outcomes == ["small_talk"] * 2
    # The conversation that Quoth keeps does not hold it.
    follow_up = service.ask(make_question("How long is it?", conversation_id="c")).record
    assert follow_up.resolved_question == "How long is it?"


def test_a_question_with_a_greeting_is_answered_as_the_question(service: AnswerService) -> None:
    question = "how long is the Otter Bridge?"
    greeted = service.ask(make_question(f"Hello! {question}", min_confidence=0)).record
    alone = service.ask(make_question(question, min_confidence=0)).record
    assert (greeted.question, greeted.resolved_question) == (f"Hello! {question}", question)
    assert (greeted.answer, greeted.citations) == (alone.answer, alone.citations)
    assert greeted.answer is not None
    assert greeted.reply is None


def test_a_question_about_quoth_is_answered_by_documents_that_answer_it(
    service: AnswerService,
) -> None:
    asked = "who are you"
    assert service.ask(make_question(asked, min_confidence=0)).record.answer is not None
    refused = service.ask(make_question(asked, min_confidence=1)).record
    assert (refused.answer, refused.reply) == (None, REPLIES[SmallTalk.ABOUT_QUOTH])
