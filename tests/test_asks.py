"""The form and the type of answer that a question expects."""

import pytest

from service.reader.asks import (
    AnswerTypes,
    asked_plainly,
    asks_for_several,
    defined_term,
    kind_of,
    subject_of,
    wants_steps,
)
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
        "What is the price of a ticket?",
        "What is the capital of France?",
        "what's the wifi password",
        "What is the maximum weight?",
        "What is Maja's salary?",
        "Could you tell me who runs the depot?",
        "Which city hosted the talks?",
        "Which news agency carried the statement?",
        "What subject did the paper cover?",
    ],
)
def test_a_few_words_answer_questions_for_a_value(question: str) -> None:
    assert kind_of(question) is AnswerForm.SHORT


@pytest.mark.parametrize(
    "question",
    [
        "Is the pipeline finished?",
        "Can I bring a dog?",
        "Must readers register?",
        "Doesn't the fee include breakfast?",
        "Do you know if pets are allowed?",
        "Can you tell me whether dogs are allowed?",
    ],
)
def test_one_sentence_decides_a_yes_or_no(question: str) -> None:
    assert kind_of(question) is AnswerForm.SENTENCE


@pytest.mark.parametrize(
    "question",
    [
        "Why did trade fall?",
        "How did they cross the border?",
        "How is gas stored?",
        "How do I reset my password?",
        "What did Xi Jinping say about trade?",
        "What does the report recommend?",
        "What happened in September?",
        "What happens if I lose my card?",
        "What was the reason for the delay?",
        "What is the difference between the two routes?",
        "What is a tranche?",
        "What are widgets?",
        "What is the refund policy?",
        "Explain the trial period",
        "Can you explain how returns work?",
        "tell me about the red lorry",
        "refund policy",
        "gas",
        "🦦",
    ],
)
def test_reasons_manners_definitions_statements_and_bare_words_take_a_passage(
    question: str,
) -> None:
    assert kind_of(question) is AnswerForm.PASSAGE


@pytest.mark.parametrize(
    "question",
    [
        "What do I have to bring to the reading room?",
        "What are the requirements for a loan?",
        "Which documents do I need?",
        "What does the kit contain?",
        "What is included in the price?",
        "list the members",
        "steps to install it",
        "What must I send to claim a journey?",
        "What can I take on board?",
        "What am I allowed to bring?",
        "What must be attached to the form?",
    ],
)
def test_a_list_answers_questions_for_several_things(question: str) -> None:
    assert kind_of(question) is AnswerForm.LIST


@pytest.mark.parametrize(
    ("question", "subject"),
    [
        ("What does the table say about the blue van?", "the blue van?"),
        ("Give me the details of the blue van", "the blue van"),
    ],
)
def test_a_row_answers_questions_about_a_row(question: str, subject: str) -> None:
    assert kind_of(question) is AnswerForm.ROW
    assert subject_of(question) == subject


def test_a_question_for_no_row_is_its_own_subject() -> None:
    assert subject_of("Who drives the blue van?") == "Who drives the blue van?"


@pytest.mark.parametrize(
    "question", ["How do I reset it?", "how to reset it", "What are the steps to reset it?"]
)
def test_ways_of_doing_things_may_be_steps(question: str) -> None:
    assert wants_steps(question)
    assert not wants_steps("How does it reset?")


def test_several_things_are_asked_for_by_a_plural() -> None:
    assert asks_for_several("Which documents do I need?")
    assert not asks_for_several("Which bus does she take?")
    assert not asks_for_several("What do I need?")


def test_polite_words_are_not_the_question() -> None:
    assert asked_plainly("Please could you tell me who runs it?") == "who runs it?"
    assert asked_plainly("please") == "please"


def test_a_definition_names_its_term() -> None:
    assert defined_term("What is a  Tranche?") == "tranche"
    assert defined_term("Who is it?") is None


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
