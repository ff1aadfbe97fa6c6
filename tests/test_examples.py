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
    ("- The trade fair was held in Ningbo.", "Where was the trade fair held?"),
    ("The first novel was written by Ada Fenwick.", "Who wrote the first novel?"),
    ("Acme Tools is owned by Ada Fenwick.", "Who owns Acme Tools?"),
    ("The north gate is locked at 9 in May.", "When is the north gate locked?"),
    ("The Elm ferry takes 40 minutes.", "How long does the Elm ferry take?"),
    ("The ferry company keeps 4 boats.", "How many boats does the ferry company keep?"),
    ("Russian Premier Oleg Orlov met nobody.", "Who is the Russian Premier?"),
    ("Acme Tools bought the Otter mill on 4 May 1931.", "When did Acme Tools buy the Otter mill?"),
    ("Brace expansion is a way of Bash to make strings.", "What is brace expansion?"),
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
    "The bridge was opened on 4 May 1931.",
    "The address argument is a string.",
    "Reliably detecting races is a problem of 1931.",
    "If the Otter Bridge is opened in 1931, so be it.",
    "Die Brücke wurde 1931 von Ada Fenwick gebaut.",
]

HEADINGS = [
    ("Why does the loaf crack?", "Why does the loaf crack?"),
    ("Q: Who pays for parking?", "Who pays for parking?"),
    ("3.1 Can I work from another country?", "Can I work from another country?"),
    ("What Is Rye Bread?", "What is rye bread?"),
    ("How to claim expenses", "How do I claim expenses?"),
    ("2. Booking a flight", "How do I book a flight?"),
]
NO_EXAMPLES = [
    "Introduction",
    "1.2.3 Overview",
    "Why?",
    "What does it cost?",
    "What is in this section?",
    "Wie viele Urlaubstage habe ich?",
    "Cleaning of the ovens",
    "How to use print()",
    "Outstanding issues",
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


BODY = "The 4 of us: the rye bread and the flight cost, the loaf and country claims expenses."


@pytest.mark.parametrize(("heading", "question"), HEADINGS)
def test_a_heading_that_asks_or_says_what_to_do_gives_a_question(
    heading: str, question: str, opened: Open, make: Callable[..., Document]
) -> None:
    service = opened(make("one", f"# Handbook\n\n## {heading}\n\n{BODY}"))
    assert ExampleQuestions(service).questions() == (question,)


@pytest.mark.parametrize("heading", NO_EXAMPLES)
def test_a_heading_that_says_too_little_by_itself_gives_none(
    heading: str, opened: Open, make: Callable[..., Document]
) -> None:
    service = opened(make("one", f"# Handbook\n\n## {heading}\n\n{BODY}"))
    assert ExampleQuestions(service).questions() == ()


def test_questions_of_a_plain_text_are_examples(
    opened: Open, make: Callable[..., Document]
) -> None:
    text = "Q: When does the pool open?\nA: When the pool does open, 9 come.\n\nQ: Why?\nA: Staff."
    assert ExampleQuestions(opened(make("one", text))).questions() == ("When does the pool open?",)


def test_a_question_that_is_answered_from_elsewhere_is_no_example(
    opened: Open, make: Callable[..., Document]
) -> None:
    # The toy reader marks the number, which is nearest to the words of the question elsewhere.
    text = "## Who pays for parking?\n\nthe guests do.\n\n## Fees\n\nWho parks pays 9."
    assert ExampleQuestions(opened(make("one", text))).questions() == ()


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
