"""Question sets: labelled questions, in Quoth's own format, SQuAD's or BEIR's.

Quoth's format is one JSON object a line (docs/evaluation.md describes it). Evidence is anchored by
its quote, so that labels outlive new chunks and edits of the documents."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.document import Document, make_document
from eval.errors import EvaluationError
from eval.sets.squad import Article, articles
from service.answering.question import Role, Turn


@dataclass(frozen=True, slots=True)
class LabelledEvidence:
    """A place that answers a question.

    :param quote: as it stands in the document; None where the whole document is the evidence
    """

    document_id: str
    quote: str | None


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question with what is known about its answer.

    :param answers: accepted answers; none where there is none, or where only evidence is labelled
    :param evidence: every place that is known to answer it
    :param type: the kind of thing asked for, "" where nobody said
    :param split: "tune" for what thresholds are chosen on, "report" for what is reported, "" where
        nobody said"""

    id: str
    text: str
    answers: tuple[str, ...]
    evidence: tuple[LabelledEvidence, ...]
    answerable: bool
    history: tuple[Turn, ...] = ()
    type: str = ""
    tags: tuple[str, ...] = ()
    split: str = ""


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Labelled questions, and the documents that they are about where the set brings its own.

    :param digest: sha256 of the questions
    """

    name: str
    questions: tuple[LabelledQuestion, ...]
    documents: tuple[Document, ...]
    digest: str


class _Evidence(BaseModel):
    model_config = ConfigDict(extra="forbid")
    document: str = Field(min_length=1)
    quote: str = Field(min_length=1)


class _Turn(BaseModel):
    model_config = ConfigDict(extra="forbid")
    role: Role
    text: str


class _Line(BaseModel):
    """One line of a set in Quoth's own format."""

    model_config = ConfigDict(extra="forbid")
    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answerable: bool = True
    answers: list[str] = []
    evidence: list[_Evidence] = []
    history: list[_Turn] = []
    type: str = ""
    tags: list[str] = []
    split: str = ""
    todo: str = ""


def read_set(path: Path) -> QuestionSet:
    """The labelled questions at a path: a ``.jsonl`` file, a SQuAD file (``.json``, ``.json.gz``)
    or a BEIR folder.

    :raises EvaluationError: it is not there, or not as it should be; the message names the file and
        the line"""
    try:
        if path.is_dir():
            return _beir(path)
        return _lines(path) if path.suffix == ".jsonl" else _squad(path)
    except OSError as exc:
        raise EvaluationError(f"{path}: cannot be read ({exc})") from exc


def _made(
    path: Path, questions: list[LabelledQuestion], documents: tuple[Document, ...] = ()
) -> QuestionSet:
    if not questions:
        raise EvaluationError(f"{path}: no questions; a set has one JSON object a line")
    twice = [
        id for id, times in Counter(question.id for question in questions).items() if times > 1
    ]
    if twice:
        raise EvaluationError(
            f"{path}: the id {twice[0]!r} stands {len(twice)} times; every question needs its own"
        )
    return QuestionSet(
        path.name, tuple(questions), documents, hashlib.sha256(repr(questions).encode()).hexdigest()
    )


def _lines(path: Path) -> QuestionSet:
    questions: list[LabelledQuestion] = []
    places: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            question = _labelled(f"{path}, line {number}", line)
            if question.id in places:
                first = places[question.id]
                raise EvaluationError(
                    f"{path}, line {number}: the id {question.id!r} stands in line {first} already"
                )
            places[question.id] = number
            questions.append(question)
    return _made(path, questions)


def _labelled(place: str, line: str) -> LabelledQuestion:
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise EvaluationError(f"{place}: {field + ': ' if field else ''}{fault['msg']}") from exc
    if read.todo:
        raise EvaluationError(
            f"{place}: {read.id!r} is a draft; {read.todo}, and take the todo out"
        )
    if read.answerable and not read.answers:
        raise EvaluationError(
            f"{place}: {read.id!r} has no accepted answer; give answers, or answerable: false"
        )
    if not read.answerable and (read.answers or read.evidence):
        raise EvaluationError(
            f"{place}: {read.id!r} is not answerable and yet has answers or evidence; take one away"
        )
    return LabelledQuestion(
        read.id,
        read.question,
        tuple(read.answers),
        tuple(LabelledEvidence(evidence.document, evidence.quote) for evidence in read.evidence),
        read.answerable,
        tuple(Turn(turn.role, turn.text) for turn in read.history),
        read.type,
        tuple(read.tags),
        read.split,
    )


def _squad(path: Path) -> QuestionSet:
    try:
        found = list(articles(path))
    except (ValueError, KeyError, TypeError, EOFError) as exc:
        raise EvaluationError(
            f"{path}: neither a set of questions (.jsonl) nor a file of SQuAD ({exc!r})"
        ) from exc
    questions = [question for article in found for question in _of_article(article)]
    return _made(path, questions, tuple(article.document for article in found))


def _of_article(article: Article) -> Iterator[LabelledQuestion]:
    for number, paragraph in enumerate(article.paragraphs):
        for place, question in enumerate(paragraph.questions):
            answerable = bool(question.answers)
            yield LabelledQuestion(
                f"{article.id}/{number}/{place}",
                question.text,
                question.answers,
                (LabelledEvidence(article.id, paragraph.text),) if answerable else (),
                answerable,
            )


def _beir(folder: Path) -> QuestionSet:
    """A BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` (or gzipped) and ``qrels/test.tsv`` or
    ``qrels.tsv``.

    Evidence is whole documents; documents without text cannot be found and are left out.
    """
    judgements = (
        folder / "qrels.tsv" if (folder / "qrels.tsv").is_file() else folder / "qrels/test.tsv"
    )
    try:
        corpus = list(_records(folder / "corpus.jsonl"))
        texts = {
            str(record["_id"]): str(record["text"]) for record in _records(folder / "queries.jsonl")
        }
        relevant: dict[str, list[str]] = {}
        for row in judgements.read_text(encoding="utf-8").splitlines()[1:]:
            query, document, gain = row.split("\t")
            if int(gain) > 0:
                relevant.setdefault(query, []).append(document)
        questions = [
            LabelledQuestion(
                id, texts[id], (), tuple(LabelledEvidence(name, None) for name in names), True
            )
            for id, names in relevant.items()
        ]
    except (ValueError, KeyError) as exc:
        raise EvaluationError(f"{folder}: not a folder of BEIR's ({exc!r})") from exc
    documents = (_beir_document(record) for record in corpus)
    return _made(folder, questions, tuple(document for document in documents if document))


def _beir_document(record: Mapping[str, Any]) -> Document | None:  # Any: JSON
    text = str(record["text"])
    return (
        make_document(text, document_id=str(record["_id"]), title=record.get("title") or None)
        if text.strip()
        else None
    )


def _records(path: Path) -> Iterator[Mapping[str, Any]]:  # Any: JSON
    packed = path.with_name(f"{path.name}.gz")
    with (
        gzip.open(packed, "rt", encoding="utf-8")
        if packed.is_file()
        else path.open(encoding="utf-8") as file
    ):
        for line in file:
            if line.strip():
                yield json.loads(line)
