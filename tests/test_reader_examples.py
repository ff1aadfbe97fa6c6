"""The training sets as examples: spans point at their answers."""

import gzip
import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from eval.training.examples import detokenised, occurrences, read_qamr, read_qed, read_squad


def squad(path: Path, answers: list[dict[str, object]], context: str) -> Path:
    question = {"id": "1", "question": " Where? ", "answers": answers}
    article = {"title": "T", "paragraphs": [{"context": context, "qas": [question]}]}
    path.write_bytes(gzip.compress(json.dumps({"data": [article]}).encode()))
    return path


def lines(path: Path, *records: object) -> Path:
    path.write_bytes(gzip.compress("\n".join(json.dumps(record) for record in records).encode()))
    return path


def test_a_guessed_start_stands_for_every_occurrence(tmp_path: Path) -> None:
    answer = {"text": "Oslo", "answer_start": 0, "start_is_guess": True}
    found = read_squad(squad(tmp_path / "s.gz", [answer], "Oslo, Osloer and Oslo"), "s")
    assert found.examples[0].spans == ((0, 4), (17, 21))
    assert found.examples[0].question == "Where?"


def test_an_answer_that_is_not_where_it_says_gives_no_span(tmp_path: Path) -> None:
    found = read_squad(
        squad(tmp_path / "s.gz", [{"text": "Oslo", "answer_start": 2}], "In Oslo"), "s"
    )
    assert [found.examples[0].spans, read_squad(tmp_path / "s.gz", "s").paragraphs[0].article] == [
        (),
        "s/T",
    ]
    assert read_squad(squad(tmp_path / "t.gz", [], "In Oslo"), "t").examples[0].golds == ()


def test_qed_spans_follow_the_text_as_its_spaces_go(tmp_path: Path) -> None:
    context = "In Oslo , ( Norway ) it 's 3 % ."
    record = {
        "id": "1",
        "question": "q",
        "context": context,
        "answers": ["3 %"],
        "spans": [[27, "3 %"]],
    }
    found = read_qed(lines(tmp_path / "q.gz", record))
    text, (start, end) = found.paragraphs[0].text, found.examples[0].spans[0]
    assert (text, text[start:end]) == ("In Oslo, (Norway) it's 3%.", "3%")


def test_qamr_answers_are_found_in_their_own_sentence_only(tmp_path: Path) -> None:
    records = [
        {"id": str(n), "question": "q", "context": f"Oslo has {n} trams .", "answers": ["Oslo"]}
        for n in range(6)
    ]
    found = read_qamr(lines(tmp_path / "q.gz", *records), seed=1)
    for number, example in enumerate(found.examples):
        text, ((start, _),) = found.paragraphs[example.paragraph].text, example.spans
        assert text[start:].startswith(f"Oslo has {number} trams.")


def test_occurrences_are_whole_words() -> None:
    assert occurrences("art", "art, start, Art art") == [(0, 3), (16, 19)]


@given(st.text(alphabet="ab .,'`()%-n", max_size=60), st.data())
def test_detokenising_moves_a_span_with_its_letters(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    clean, spans = detokenised(text, [(start, end)])
    for new_start, new_end in spans:
        letters = [letter for letter in text[start:end] if letter in "abn,."]
        assert [letter for letter in clean[new_start:new_end] if letter in "abn,."] == letters
