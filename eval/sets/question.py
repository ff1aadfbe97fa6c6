"""Question sets: labelled questions in Quoth's own format, SQuAD's or BEIR's.

Quoth's format is one JSON object a line; docs/evaluation.md describes it. Evidence is anchored by
its quote, so that labels stay valid when chunks change or documents are edited elsewhere.
"""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpus.document import Document, make_document
from eval.errors import EvaluationError
from eval.sets.squad import Article, articles
from service.question import Role, Turn


@dataclass(frozen=True, slots=True)
class LabelledEvidence:
    """A passage that answers a question.

    :param quote: as it is in the document; None if the whole document is the evidence
    :param after: the text directly before it, for a quote that is in the document more than once,
        such as a cell of a table
    """

    document_id: str
    quote: str | None
    after: str = ""


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question with what is known about its answer.

    :param answers: accepted answers; empty if there is no answer, or if only evidence is labelled
    :param points: what an answer has to hold, each point in every accepted form; empty if the
        accepted answers are all that is asked of it
    :param evidence: every passage that is known to answer it
    :param type: the kind of thing asked for; "" if unknown
    :param split: "tune" for questions that thresholds are chosen on, "report" for those that are
        reported, "" if the set is not split
    """

    id: str
    text: str
    answers: tuple[str, ...]
    evidence: tuple[LabelledEvidence, ...]
    answerable: bool
    history: tuple[Turn, ...] = ()
    type: str = ""
    tags: tuple[str, ...] = ()
    split: str = ""
    points: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Labelled questions, and the documents that they are about, if the set brings its own.

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
    after: str = ""


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
    points: list[Annotated[list[str], Field(min_length=1)]] = []
    evidence: list[_Evidence] = []
    history: list[_Turn] = []
    type: str = ""
    tags: list[str] = []
    split: str = ""
    todo: str = ""


def read_set(path: Path) -> QuestionSet:
    """The labelled questions at a path: a ``.jsonl`` file, a SQuAD file (``.json``, ``.json.gz``)
    or a BEIR folder.

    :raises EvaluationError: it does not exist or is malformed; the message names the file and the
        line
    """
    try:
        if path.is_dir():
            return _read_beir(path)
        return _read_lines(path) if path.suffix == ".jsonl" else _read_squad(path)
    except OSError as exc:
        raise EvaluationError(f"{path}: cannot be read ({exc})") from exc


def _question_set(
    path: Path, questions: list[LabelledQuestion], documents: tuple[Document, ...] = ()
) -> QuestionSet:
    if not questions:
        raise EvaluationError(f"{path}: no questions; a set has one JSON object a line")
    question_id, times = Counter(question.id for question in questions).most_common(1)[0]
    if times > 1:
        raise EvaluationError(
            f"{path}: the id {question_id!r} occurs {times} times; every question needs its own"
        )
    content = json.dumps([asdict(question) for question in questions])
    digest = hashlib.sha256(content.encode()).hexdigest()
    return QuestionSet(path.name, tuple(questions), documents, digest)


def _read_lines(path: Path) -> QuestionSet:
    questions: list[LabelledQuestion] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip():
            question = _labelled(f"{path}, line {number}", line)
            if question.id in lines:
                first = lines[question.id]
                raise EvaluationError(
                    f"{path}, line {number}: line {first} already has the id {question.id!r}"
                )
            lines[question.id] = number
            questions.append(question)
    return _question_set(path, questions)


def _labelled(location: str, line: str) -> LabelledQuestion:
    try:
        read = _Line.model_validate_json(line)
    except ValidationError as exc:
        fault = exc.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, fault["loc"]))
        raise EvaluationError(f"{location}: {field + ': ' if field else ''}{fault['msg']}") from exc
    if read.todo:
        raise EvaluationError(
            f"{location}: {read.id!r} is a draft; {read.todo}, and remove the todo"
        )
    if read.answerable and not (read.answers or read.points):
        raise EvaluationError(
            f"{location}: {read.id!r} has no accepted answer; give answers, or answerable: false"
        )
    if read.points and not read.evidence:
        raise EvaluationError(
            f"{location}: {read.id!r} has points, but no evidence to quote them from; give evidence"
        )
    if not read.answerable and (read.answers or read.points or read.evidence):
        raise EvaluationError(
            f"{location}: {read.id!r} is not answerable, but has answers or evidence; remove one "
            "of them"
        )
    return LabelledQuestion(
        id=read.id,
        text=read.question,
        answers=tuple(read.answers),
        evidence=tuple(
            LabelledEvidence(each.document, each.quote, each.after) for each in read.evidence
        ),
        answerable=read.answerable,
        history=tuple(Turn(turn.role, turn.text) for turn in read.history),
        type=read.type,
        tags=tuple(read.tags),
        split=read.split,
        points=tuple(map(tuple, read.points)),
    )


def _read_squad(path: Path) -> QuestionSet:
    try:
        found = list(articles(path))
    except (ValueError, KeyError, TypeError, EOFError) as exc:
        raise EvaluationError(
            f"{path}: neither a question set (.jsonl) nor a SQuAD file ({exc!r})"
        ) from exc
    questions: list[LabelledQuestion] = []
    for article in found:
        questions += _of_article(article)
    return _question_set(path, questions, tuple(article.document for article in found))


def _of_article(article: Article) -> Iterator[LabelledQuestion]:
    for number, paragraph in enumerate(article.paragraphs):
        for position, question in enumerate(paragraph.questions):
            answerable = bool(question.answers)
            yield LabelledQuestion(
                id=f"{article.id}/{number}/{position}",
                text=question.text,
                answers=question.answers,
                evidence=(LabelledEvidence(article.id, paragraph.text),) if answerable else (),
                answerable=answerable,
            )


def _read_beir(folder: Path) -> QuestionSet:
    """A BEIR folder: ``corpus.jsonl``, ``queries.jsonl`` (or gzipped) and ``qrels/test.tsv`` or
    ``qrels.tsv``.

    Evidence is whole documents. Documents without text cannot be found, and are left out.
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
                id=query,
                text=texts[query],
                answers=(),
                evidence=tuple(LabelledEvidence(document, None) for document in documents),
                answerable=True,
            )
            for query, documents in relevant.items()
        ]
    except (ValueError, KeyError) as exc:
        raise EvaluationError(f"{folder}: not a BEIR folder ({exc!r})") from exc
    found = (_beir_document(record) for record in corpus)
    return _question_set(folder, questions, tuple(document for document in found if document))


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
