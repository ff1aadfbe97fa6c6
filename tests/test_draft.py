"""A draft of a set: candidates that a person completes, and that no evaluation takes before."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from corpus.document import Document
from eval.draft import FEW, draft
from eval.errors import EvaluationError
from eval.question import read_set
from index.embed import Encoder
from service.desk import Desk
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
BRIDGE = "The Otter Bridge crosses the Elm near Ashford. The Otter Bridge is 212 metres long in all. It is nice."


@pytest.fixture
def desk(tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make) -> Iterator[Desk]:
    with Desk(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put([make("bridge", BRIDGE)])
        yield opened


def answer_id(desk: Desk, question: str) -> str:
    return str(json.loads(desk.ask(make_question(question, min_confidence=0)))["id"])


def test_a_thumbs_down_becomes_a_question_without_its_answer(desk: Desk) -> None:
    desk.give_feedback(answer_id(desk, "How wide is the bridge?"), False, "not there", None)
    line = draft(desk.collection.store)[0]
    assert (line["question"], line["tags"]) == ("How wide is the bridge?", ["feedback"])
    assert "answers" not in line
    assert line["todo"] == "give answers and evidence, or answerable: false (not there)"


def test_a_place_that_somebody_marked_becomes_answer_and_evidence(desk: Desk) -> None:
    start = BRIDGE.index("212 metres")
    desk.give_feedback(answer_id(desk, "How long?"), False, None, ("bridge", start, start + 10))
    line = draft(desk.collection.store)[0]
    assert (line["answers"], line["evidence"]) == (["212 metres"], [{"document": "bridge", "quote": "212 metres"}])


def test_a_thumbs_up_is_no_question_to_add(desk: Desk) -> None:
    desk.give_feedback(answer_id(desk, "How long?"), True, None, None)
    assert not any("feedback" in str(line["id"]) for line in draft(desk.collection.store))


def test_sentences_that_state_a_fact_are_proposed_as_they_stand(desk: Desk, make: Make) -> None:
    desk.collection.put(
        [make("many", " ".join(f"There were {number} boats on the river." for number in range(10, 30)))]
    )
    lines = draft(desk.collection.store)
    quotes = [line["evidence"][0]["quote"] for line in lines]  # type: ignore[index]  # JSON
    assert quotes[:2] == [
        "The Otter Bridge crosses the Elm near Ashford.",
        "The Otter Bridge is 212 metres long in all.",
    ]
    assert len(quotes) == 2 + FEW
    assert len({line["id"] for line in lines}) == len(lines)
    assert draft(desk.collection.store) == lines


def test_a_draft_is_refused_until_it_is_complete(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "set.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in draft(desk.collection.store)))
    with pytest.raises(EvaluationError, match=r"line 1: 'bridge-0' is a draft; ask something"):
        read_set(path)
