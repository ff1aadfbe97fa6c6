"""Example questions: made of the collection's own sentences, and answered by them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering.examples import MAX_EXAMPLES, ExampleQuestions
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader

SENTENCES = [
    ("The Otter Bridge was opened on 4 May 1931.", "When was the Otter Bridge opened?"),
    ("The Elm is about 212 kilometres long.", "How long is the Elm?"),
    ("- The fair was held in Ningbo.", "Where was the fair held?"),
    ("The novel was written by Ada Fenwick.", "Who was the novel written by?"),
    ("Sales of gas fell by 21 per cent. Then sales rose.", "By how much did sales of gas fall?"),
    ("LNG means 1 Gas, made liquid.", "What does LNG mean?"),
    ("Ada Fenwick, the engineer of the bridge, retired.", "Who is the engineer of the bridge?"),
    ("Hangzhou is a city in China.", "What is Hangzhou?"),
]
PLAIN = [
    "It was opened on 4 May 1931.",
    "There is a need for this.",
    "They met in 1931.",
    "No bridge without a river!",
]

Open = Callable[..., AnswerService]


@pytest.fixture
def opened(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, answering: Callable[..., Path]
) -> Iterator[Open]:
    """Opens a service that answers from a confidence on, with these documents in it."""
    services = []

    def opening(*documents: Document, threshold: float = 0.0) -> AnswerService:
        service = AnswerService(
            answering(tmp_path / "data", threshold), encoder, passages, writable=True
        )
        services.append(service)
        if documents:
            service.collection.put(documents)
        return service

    yield opening
    for service in services:
        service.collection.close()


@pytest.mark.parametrize(("sentence", "question"), SENTENCES)
def test_a_sentence_of_a_plain_shape_gives_the_question_that_it_answers(
    sentence: str, question: str, opened: Open, make: Callable[..., Document]
) -> None:
    text = f"{sentence} Of the fair, the novel, the river and the bridge more is said elsewhere."
    assert ExampleQuestions(opened(make("one", text))).questions() == (question,)


@pytest.mark.parametrize("sentence", PLAIN)
def test_a_sentence_that_leans_on_others_gives_none(
    sentence: str, opened: Open, make: Callable[..., Document]
) -> None:
    assert ExampleQuestions(opened(make("one", sentence))).questions() == ()


def test_an_empty_collection_has_no_examples(opened: Open) -> None:
    assert ExampleQuestions(opened()).questions() == ()


def test_a_question_that_would_be_refused_is_no_example(
    opened: Open, make: Callable[..., Document]
) -> None:
    assert ExampleQuestions(opened(make("one", SENTENCES[0][0]), threshold=1.0)).questions() == ()


def test_every_example_is_answered_out_of_the_collection(
    opened: Open, make: Callable[..., Document]
) -> None:
    service = opened(
        *(make(f"d{number}", sentence) for number, (sentence, _) in enumerate(SENTENCES))
    )
    questions = ExampleQuestions(service).questions()
    assert len(questions) == MAX_EXAMPLES
    assert [
        asked for asked in questions if not service.ask(make_question(asked)).record.answered
    ] == []


def test_examples_come_from_different_documents_before_two_come_from_one(
    opened: Open, make: Callable[..., Document]
) -> None:
    long = " ".join(
        f"The {name} Bridge was opened on {day} May 1931." for day, name in enumerate("ABCDEF", 1)
    )
    service = opened(make("a", long), make("b", "The Elm is about 212 kilometres long."))
    assert "How long is the Elm?" in ExampleQuestions(service).questions()[:2]


def test_examples_follow_the_collection(opened: Open, make: Callable[..., Document]) -> None:
    service = opened(make("one", SENTENCES[0][0]))
    examples = ExampleQuestions(service)
    assert examples.questions() == (SENTENCES[0][1],)
    service.collection.remove(["one"])
    assert examples.questions() == ()


def test_a_megabyte_on_one_line_is_looked_at_no_further_than_its_beginning(
    opened: Open, make: Callable[..., Document]
) -> None:
    service = opened(make("one", f"{SENTENCES[0][0]} {'word ' * 200_000}"))
    assert ExampleQuestions(service).questions() == (SENTENCES[0][1],)


def test_examples_are_tried_without_being_counted_or_kept(
    opened: Open, make: Callable[..., Document]
) -> None:
    service = opened(make("one", SENTENCES[0][0]))
    observed: list[str] = []
    service.observers.append(lambda outcome, _: observed.append(outcome))
    assert ExampleQuestions(service).questions() == (SENTENCES[0][1],)
    assert observed == []
    assert service.collection.store.counts()["answers"] == 0
    service.ask(make_question(SENTENCES[0][1]))
    assert (observed, service.collection.store.counts()["answers"]) == (["answered"], 1)
