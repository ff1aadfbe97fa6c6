"""Kinds of documents to fit on: what is asked, and what is right."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from eval.fitting.kinds import KINDS, asked_of_kinds
from eval.training.splits import is_tune
from index.encoding.encoder import Encoder
from service.reader.form import AnswerForm

FACT = "The Otter ferry crosses the strait in forty minutes."
TEXT = f"{FACT} It is painted green. Nobody knows who built it."


def written(path: Path, *entries: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(entry)}\n" for entry in entries)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A document of every kind that was trained on, and several that were not."""
    for name in KINDS:
        titles = [f"Otter {number}" for number in range(80)]
        kept = [title for title in titles if is_tune(name, title)][:12]
        trained = next(title for title in titles if not is_tune(name, title))
        documents = [{"id": title, "title": title, "text": TEXT} for title in (*kept, trained)]
        questions = [
            {"id": title, "question": "How long?", "answers": [FACT], "gold_document": title}
            for title in (*kept, trained)
        ]
        written(tmp_path / name / "documents.jsonl.gz", *documents)
        written(tmp_path / name / "questions.jsonl.gz", *questions)
    return tmp_path


def test_only_documents_that_were_not_trained_on_are_asked_about(
    data: Path, encoder: Encoder
) -> None:
    asked = list(asked_of_kinds(data, encoder))
    assert {each.kind for each in asked} == set(KINDS)
    for each in asked:
        assert all(is_tune(each.kind, title) for title in each.documents)
        assert all(is_tune(each.kind, hit.chunk.document_id) for hit in each.result.hits)


def test_questions_about_documents_that_are_left_out_have_no_answer(
    data: Path, encoder: Encoder
) -> None:
    asked = [each for each in asked_of_kinds(data, encoder) if KINDS[each.kind].thinned]
    answered = [bool(each.answers) for each in asked]
    assert any(answered)
    assert not all(answered)
    for each in asked:
        found = {hit.chunk.document_id for hit in each.result.hits}
        assert each.answers or found.isdisjoint(each.documents)


def test_where_answers_are_written_from_sentences_those_are_right(
    data: Path, encoder: Encoder
) -> None:
    asked = {each.kind: each for each in asked_of_kinds(data, encoder) if each.answers}
    assert asked["clapnq"].answers == (FACT,)
    assert asked["covidqa"].answers == (FACT,)
    assert all(each.forms == (AnswerForm.SENTENCE,) for each in asked.values())
