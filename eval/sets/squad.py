"""SQuAD files (v1.1 and v2.0 JSON, plain or gzipped) as articles that can be put into a collection
and asked about.
"""

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

    :param answers: accepted texts, as they stand in the paragraph; none where the document does not
        answer
    :param spans: where they stand in it, as half-open code point spans; one answer may stand at
        several places"""

    text: str
    document_id: str
    answers: tuple[str, ...]
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph with the questions about it."""

    text: str
    questions: tuple[SquadQuestion, ...]


@dataclass(frozen=True, slots=True)
class Article:
    """An article of Wikipedia."""

    id: str
    title: str
    paragraphs: tuple[Paragraph, ...]

    @property
    def document(self) -> Document:
        """The article as one document, its paragraphs between blank lines."""
        text = "\n\n".join(paragraph.text for paragraph in self.paragraphs)
        return make_document(text, document_id=self.id, title=self.title)


def articles(path: Path) -> Iterator[Article]:
    """The articles of a SQuAD file, in its order."""
    stored = path.read_bytes()
    for number, entry in enumerate(
        json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)["data"]
    ):
        id = f"squad/{number:03d}"
        paragraphs = tuple(_paragraph(id, paragraph) for paragraph in entry["paragraphs"])
        yield Article(id, entry["title"].replace("_", " "), paragraphs)


def _paragraph(document_id: str, entry: Mapping[str, Any]) -> Paragraph:  # Any: JSON
    return Paragraph(
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
