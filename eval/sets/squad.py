"""SQuAD files (JSON of v1.1 or v2.0, plain or gzipped) as articles, each of which is a document."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.document import Document, make_document


@dataclass(frozen=True, slots=True)
class SquadQuestion:
    """A question about one paragraph of a document.

    :param answers: accepted texts, as they are in the paragraph; none if the document does not
        answer
    :param spans: their positions in the paragraph, as half-open spans of code points; one answer
        may occur several times
    """

    text: str
    document_id: str
    answers: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SquadParagraph:
    """A paragraph with the questions about it."""

    text: str
    questions: tuple[SquadQuestion, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """An article of Wikipedia."""

    id: str
    title: str
    paragraphs: tuple[SquadParagraph, ...]

    @property
    def document(self) -> Document:
        """The article as one document, with blank lines between its paragraphs."""
        text = "\n\n".join(paragraph.text for paragraph in self.paragraphs)
        return make_document(text, document_id=self.id, title=self.title)


def articles(path: Path) -> Iterator[Article]:
    """The articles of a SQuAD file, in their order."""
    stored = path.read_bytes()
    content = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
    for number, entry in enumerate(content["data"]):
        article_id = f"squad/{number:03d}"
        paragraphs = tuple(_paragraph(article_id, paragraph) for paragraph in entry["paragraphs"])
        yield Article(article_id, entry["title"].replace("_", " "), paragraphs)


def _paragraph(document_id: str, entry: Mapping[str, Any]) -> SquadParagraph:  # Any: JSON
    return SquadParagraph(
        entry["context"], tuple(_question(document_id, question) for question in entry["qas"])
    )


def _question(document_id: str, entry: Mapping[str, Any]) -> SquadQuestion:  # Any: JSON
    given = [] if entry.get("is_impossible") else entry["answers"]
    return SquadQuestion(
        entry["question"],
        document_id,
        tuple(dict.fromkeys(answer["text"] for answer in given)),
        tuple(dict.fromkeys(_span(answer) for answer in given if "answer_start" in answer)),
    )


def _span(answer: Mapping[str, Any]) -> tuple[int, int]:  # Any: JSON
    return answer["answer_start"], answer["answer_start"] + len(answer["text"])
