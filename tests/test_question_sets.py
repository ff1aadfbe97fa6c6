"""Question sets: what is read of each format, and one clear message for what is wrong."""

import gzip
import json
from pathlib import Path

import pytest

from eval.errors import EvaluationError
from eval.sets.question import LabelledEvidence, read_set
from service.question import Role, Turn

LONG = {
    "id": "1",
    "question": "How long is it?",
    "answers": ["212 metres"],
    "evidence": [{"document": "bridge", "quote": "It is 212 metres long."}],
}
NONE = {
    "id": "2",
    "question": "Who paid?",
    "answerable": False,
    "tags": ["near-miss"],
    "split": "tune",
    "type": "person",
}


def written(path: Path, *lines: object) -> Path:
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines),
        encoding="utf-8",
    )
    return path


def message(path: Path) -> str:
    with pytest.raises(EvaluationError) as caught:
        read_set(path)
    return str(caught.value)


def test_a_line_is_a_question_with_its_labels(tmp_path: Path) -> None:
    turns = [
        {"role": "user", "text": "Where is the bridge?"},
        {"role": "assistant", "text": "In Elm."},
    ]
    found = read_set(written(tmp_path / "set.jsonl", LONG | {"history": turns}, "", NONE))
    first, second = found.questions
    assert (first.id, first.text, first.answers, first.answerable) == (
        "1",
        "How long is it?",
        ("212 metres",),
        True,
    )
    assert first.evidence == (LabelledEvidence("bridge", "It is 212 metres long."),)
    assert first.history == (
        Turn(Role.USER, "Where is the bridge?"),
        Turn(Role.ASSISTANT, "In Elm."),
    )
    assert (second.answerable, second.tags, second.split, second.type) == (
        False,
        ("near-miss",),
        "tune",
        "person",
    )
    assert (found.name, found.documents) == ("set.jsonl", ())


def test_another_label_gives_another_digest_and_another_name_does_not(tmp_path: Path) -> None:
    one = read_set(written(tmp_path / "one.jsonl", LONG))
    same = read_set(written(tmp_path / "same.jsonl", LONG))
    other = read_set(written(tmp_path / "other.jsonl", LONG | {"answers": ["212 m"]}))
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: Invalid JSON"),
        ([LONG, "[]"], "line 2: "),
        ([LONG, {"id": "2"}], "line 2: question: Field required"),
        ([LONG | {"id": ""}], "line 1: id: "),
        ([LONG | {"colour": "red"}], "line 1: colour: Extra inputs"),
        (
            [LONG | {"answers": []}],
            "line 1: '1' has no accepted answer; give answers, or answerable: false",
        ),
        ([LONG | {"answerable": False}], "line 1: '1' is not answerable, but has answers"),
        ([LONG | {"evidence": [{"document": "bridge"}]}], "line 1: evidence.0.quote"),
        ([LONG | {"history": [{"role": "robot", "text": "x"}]}], "line 1: history.0.role"),
        ([LONG, NONE, LONG], "line 3: line 1 already has the id '1'"),
        ([], "no questions"),
        (["", "  "], "no questions"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_set_names_file_line_and_fault(
    tmp_path: Path, lines: list[object], said: str
) -> None:
    path = written(tmp_path / "set.jsonl", *lines)
    assert str(path) in message(path)
    assert said in message(path)


def test_a_set_that_is_not_there_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in message(tmp_path / "none.jsonl")
    assert "cannot be read" in message(tmp_path / "none.json")


@pytest.mark.parametrize("packed", [True, False])
def test_a_squad_file_brings_its_articles_and_paragraphs_are_the_evidence(
    tmp_path: Path, packed: bool
) -> None:
    questions = [
        {
            "id": "a",
            "question": "How long?",
            "answers": [{"text": "212 metres", "answer_start": 6}] * 2,
        },
        {"id": "b", "question": "Who paid?", "answers": [], "is_impossible": True},
    ]
    paragraphs = [
        {"context": "It is 212 metres long.", "qas": questions},
        {"context": "It is old.", "qas": []},
    ]
    stored = json.dumps({"data": [{"title": "Otter_Bridge", "paragraphs": paragraphs}]}).encode()
    path = tmp_path / ("squad.json.gz" if packed else "squad.json")
    path.write_bytes(gzip.compress(stored) if packed else stored)
    found = read_set(path)
    (document,) = found.documents
    assert (document.title, document.text) == (
        "Otter Bridge",
        "It is 212 metres long.\n\nIt is old.",
    )
    first, second = found.questions
    assert (first.answers, first.evidence) == (
        ("212 metres",),
        (LabelledEvidence(document.id, "It is 212 metres long."),),
    )
    assert (second.answerable, second.answers, second.evidence) == (False, (), ())
    assert first.id != second.id


@pytest.mark.parametrize("stored", [b"", b"{}", b'{"data": [{}]}', b"PK"])
def test_what_is_no_squad_file_is_said(tmp_path: Path, stored: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(stored)
    assert "neither a question set (.jsonl) nor a SQuAD file" in message(path)


def test_a_beir_folder_has_whole_documents_for_evidence(tmp_path: Path) -> None:
    written(
        tmp_path / "corpus.jsonl",
        {"_id": "d1", "title": "T", "text": "It is long."},
        {"_id": "d2", "text": ""},
    )
    written(
        tmp_path / "queries.jsonl",
        {"_id": "q1", "text": "How long?"},
        {"_id": "q2", "text": "Unjudged?"},
    )
    (tmp_path / "qrels").mkdir()
    written(tmp_path / "qrels/test.tsv", "query-id\tcorpus-id\tscore", "q1\td1\t1", "q1\td2\t0")
    found = read_set(tmp_path)
    (question,) = found.questions
    assert (question.id, question.text, question.evidence) == (
        "q1",
        "How long?",
        (LabelledEvidence("d1", None),),
    )
    assert [document.id for document in found.documents] == [
        "d1"
    ]  # a document without text cannot be found


def test_a_folder_of_something_else_is_said(tmp_path: Path) -> None:
    assert "cannot be read" in message(tmp_path)
    for name in ("corpus.jsonl", "queries.jsonl"):
        written(tmp_path / name, {"x": 1})
    assert "not a BEIR folder" in message(tmp_path)
