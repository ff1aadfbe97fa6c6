"""The form and the type of answer that a question expects."""

import pytest

from service.reader.asks import AnswerTypes, kind_of
from service.reader.form import AnswerForm


@pytest.mark.parametrize(
    "question",
    [
        "How long is the pipeline?",
        "Who said so?",
        "When did Peskov say so?",
        "What game did he say he would play in?",
        "In which city did they meet?",
        "What is the capital?",
        "how many tons of goods crossed the border",
        "Name the minister.",
        "year the deal was signed?",
    ],
)
def test_a_few_words_answer_questions_about_things(question: str) -> None:
    assert kind_of(question) is AnswerForm.SHORT


@pytest.mark.parametrize(
    "question",
    [
        "Why did trade fall?",
        "How did they cross the border?",
        "How is gas stored?",
        "What did Xi Jinping say about trade?",
        "What does the report recommend?",
        "What happened in September?",
        "What was the reason for the delay?",
        "What is the difference between the two routes?",
        "Is the pipeline finished?",
        "gas",
        "🦦",
    ],
)
def test_reasons_manners_statements_yes_or_no_and_bare_words_may_take_a_sentence(
    question: str,
) -> None:
    assert kind_of(question) is AnswerForm.SENTENCE


@pytest.mark.parametrize(
    ("question", "holds", "lacks"),
    [
        ("How much gas can the line carry?", "38 billion cubic metres", "gas to the north"),
        ("How many people came?", "There were twelve of them.", "people from everywhere"),
        ("When was the bridge opened?", "on 4 May 1931", "opened with a dance"),
        ("In what year did it end?", "2014", "a long quarrel"),
        ("Who drew the bridge?", "drawn by Ada Fenwick", "drawn in a great hurry"),
        ("Who drew the bridge?", "Fenwick", "hurry"),
        ("Where did they meet?", "They met in Hangzhou.", "for a long talk"),
        ("Why did trade fall?", "because the market was full", "by a great deal"),
    ],
)
def test_text_of_the_expected_type_is_recognised(question: str, holds: str, lacks: str) -> None:
    asked = AnswerTypes(question)
    assert (asked.held(holds), asked.held(lacks)) == (1.0, -1.0)


def test_words_of_the_question_do_not_answer_it() -> None:
    assert (
        AnswerTypes("How much was the 40 tons of trade?").held("Sales of 40 tons were made.")
        == -1.0
    )


def test_a_question_without_a_clear_type_expects_nothing() -> None:
    assert AnswerTypes("Tell me of the bridge.").held("It was opened in 1931 by Ada.") == 0.0
