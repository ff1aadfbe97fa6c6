"""The shipped question sets fit their documents, as these are extracted."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.load import find_files, read_document
from eval.measuring.formulas import contains
from eval.sets.question import LabelledEvidence, LabelledQuestion, read_set
from eval.sets.shipped import DOCUMENTS

ROOT = Path(__file__).parent.parent
MOST_BYTES = 1_500_000

every_set = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)


@cache
def documents_of(path: Path) -> Mapping[str, Document]:
    """The documents of a set, by the ids that they have where Quoth runs at the root."""
    found = {}
    for task in find_files([DOCUMENTS[path]]):
        document_id = task.path.relative_to(ROOT).as_posix()
        found[document_id] = read_document(task.path, document_id=document_id, max_bytes=MOST_BYTES)
    return found


def located(evidence: LabelledEvidence, documents: Mapping[str, Document]) -> bool:
    text = documents[evidence.document_id].text
    return evidence.quote is not None and text.count(evidence.after + evidence.quote) == 1


def documents_asked(question: LabelledQuestion) -> set[str]:
    """The names of the documents that a question is about; its id begins with that of one."""
    return {question.id.rpartition("-")[0]} | {
        Path(each.document_id).stem for each in question.evidence
    }


@every_set
def test_every_quote_is_in_its_document_exactly_once(path: Path) -> None:
    documents = documents_of(path)
    wrong = [
        (question.id, each)
        for question in read_set(path).questions
        for each in question.evidence
        if not located(each, documents)
    ]
    assert wrong == []


@every_set
def test_every_point_is_in_the_evidence(path: Path) -> None:
    wrong = [
        (question.id, forms)
        for question in read_set(path).questions
        for forms in question.points
        if not any(contains(each.quote or "", forms) for each in question.evidence)
    ]
    assert wrong == []


@every_set
def test_no_document_is_in_both_splits(path: Path) -> None:
    splits: dict[str, set[str]] = {}
    for question in read_set(path).questions:
        for name in documents_asked(question):
            splits.setdefault(name, set()).add(question.split)
    assert set().union(*splits.values()) == {"tune", "report"}
    assert {name: found for name, found in splits.items() if len(found) > 1} == {}
    assert set(splits) == {Path(name).stem for name in documents_of(path)}


@every_set
def test_every_question_is_asked_once_and_has_a_type(path: Path) -> None:
    questions = read_set(path).questions
    asked = [re.sub(r"\W+", " ", question.text.lower()) for question in questions]
    assert len(set(asked)) == len(asked)
    assert all(question.type for question in questions)
    assert {question.answerable for question in questions} == {True, False}


def test_the_documents_of_all_sets_are_small() -> None:
    files = [file for folder in DOCUMENTS.values() for file in folder.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
