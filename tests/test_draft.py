"""A draft of a question set: candidates that a person has to complete before an evaluation."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from eval.errors import EvaluationError
from eval.sets.draft import SENTENCES_PER_DOCUMENT, draft
from eval.sets.question import read_set
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
BRIDGE = (
    "The Otter Bridge crosses the Elm near Ashford. The Otter Bridge is 212 metres long in "
    "all. It is nice."
)


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put([make("bridge", BRIDGE)])
        yield opened


def answer_id(service: AnswerService, question: str) -> str:
    return service.ask(make_question(question, min_confidence=0)).record.id


def test_a_thumbs_down_becomes_a_question_without_its_answer(service: AnswerService) -> None:
    service.give_feedback(answer_id(service, "How wide is the bridge?"), False, "not there", None)
    line = draft(service.collection.store)[0]
    assert (line["question"], line["tags"]) == ("How wide is the bridge?", ["feedback"])
    assert "answers" not in line
    assert line["todo"] == "give answers and evidence, or answerable: false (not there)"


def test_a_passage_that_somebody_marked_becomes_answer_and_evidence(service: AnswerService) -> None:
    start = BRIDGE.index("212 metres")
    service.give_feedback(
        answer_id(service, "How long?"), False, None, ("bridge", start, start + 10)
    )
    line = draft(service.collection.store)[0]
    assert (line["answers"], line["evidence"]) == (
        ["212 metres"],
        [{"document": "bridge", "quote": "212 metres"}],
    )


def test_a_thumbs_up_adds_no_question(service: AnswerService) -> None:
    service.give_feedback(answer_id(service, "How long?"), True, None, None)
    assert not any("feedback" in str(line["id"]) for line in draft(service.collection.store))


def test_a_passage_marked_with_a_thumbs_up_becomes_a_question_too(service: AnswerService) -> None:
    start = BRIDGE.index("212 metres")
    marked = ("bridge", start, start + 10)
    service.give_feedback(answer_id(service, "How long?"), True, None, marked)
    assert draft(service.collection.store)[0]["answers"] == ["212 metres"]


def test_sentences_without_a_fact_and_short_and_long_ones_are_not_proposed(
    service: AnswerService, make: Make
) -> None:
    without_a_fact = "The water was calm and slow all year."
    short = "It cost 7 pounds then."  # five words; six are proposed
    long = f"It had {' and '.join(['7 boats'] * 14)}."  # 43 words; up to 40 are proposed
    service.collection.put([make("other", f"{without_a_fact} {short} {long}")])
    proposed = [line["evidence"] for line in draft(service.collection.store)]
    assert not any("other" in str(evidence) for evidence in proposed)


def test_sentences_that_state_a_fact_are_proposed_word_for_word(
    service: AnswerService, make: Make
) -> None:
    service.collection.put(
        [
            make(
                "many",
                " ".join(f"There were {number} boats on the river." for number in range(10, 30)),
            )
        ]
    )
    lines = draft(service.collection.store)
    quotes = [line["evidence"][0]["quote"] for line in lines]  # type: ignore[index]  # JSON
    assert quotes[:2] == [
        "The Otter Bridge crosses the Elm near Ashford.",
        "The Otter Bridge is 212 metres long in all.",
    ]
    assert len(quotes) == 2 + SENTENCES_PER_DOCUMENT
    assert len({line["id"] for line in lines}) == len(lines)
    assert draft(service.collection.store) == lines


def test_a_draft_is_refused_until_it_is_complete(service: AnswerService, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in draft(service.collection.store)))
    with pytest.raises(EvaluationError, match=r"line 1: 'bridge-0' is a draft; ask a question"):
        read_set(path)
