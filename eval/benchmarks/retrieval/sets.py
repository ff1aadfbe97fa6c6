"""The sets that the benchmark of retrieval asks, with the offsets of their evidence."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from corpus.document import Document
from eval.benchmarks.retrieval.variants import (
    DEFAULT_VARIANT,
    FEW_CHUNKINGS,
    Variant,
    chunkings,
    searches,
)
from eval.sets.question import LabelledQuestion, read_set
from eval.sets.squad import Article, articles
from index.text.chunk import Chunk

DEPTH = 100
"""How many hits are looked at."""

Offsets = tuple[int, int]
"""Code points, half-open."""


class Half(StrEnum):
    """What a question is used for: to choose by, or to report on."""

    CHOOSE = "choose"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class LocatedQuestion:
    """A question with the offsets of its evidence.

    :param spans: for each piece of evidence its occurrences, any of which counts; none where the
        whole document is the evidence
    """

    question: LabelledQuestion
    spans: tuple[tuple[Offsets, ...], ...]

    def held(self, chunk: Chunk) -> list[int]:
        """The numbers of the pieces of evidence that a chunk holds completely."""
        return [
            number
            for number, (evidence, spans) in enumerate(
                zip(self.question.evidence, self.spans, strict=True)
            )
            if evidence.document_id == chunk.document_id
            and (
                not spans or any(chunk.start <= start and end <= chunk.end for start, end in spans)
            )
        ]


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """A set of questions about documents.

    :param whole: documents are ranked rather than chunks, each by its best chunk
    :param variants: what to try on it, the defaults first
    """

    name: str
    documents: tuple[Document, ...]
    asked: tuple[LocatedQuestion, ...]
    whole: bool
    variants: tuple[Variant, ...]


def first_of_each(chunks: Sequence[Chunk]) -> list[Chunk]:
    """The first chunk of every document."""
    firsts: dict[str, Chunk] = {}
    for chunk in chunks:
        firsts.setdefault(chunk.document_id, chunk)
    return list(firsts.values())


def evidence_found(asked: LocatedQuestion, chunks: Sequence[Chunk]) -> list[int]:
    """For each rank, the number of the piece of evidence that is first found there, or -1. The list
    ends when all of it is found.
    """
    missing = set(range(len(asked.spans)))
    found: list[int] = []
    for chunk in chunks[:DEPTH]:
        number = next((number for number in asked.held(chunk) if number in missing), -1)
        missing.discard(number)
        found.append(number)
        if not missing:
            break
    return found


def half_of(key: str) -> Half:
    """The half that a question or an article belongs to."""
    return Half.REPORT if hashlib.sha256(key.encode()).digest()[0] % 2 else Half.CHOOSE


def squad_set(path: Path, every: int = 1) -> RetrievalSet:
    """A SQuAD file: every article is a document, and the occurrences of answers are the evidence.

    :param every: take only every n-th question
    """
    found = list(articles(path))
    spans = [each for article in found for each in _spans(article)]
    asked = tuple(
        LocatedQuestion(
            replace(question, split=half_of(question.evidence[0].document_id), answers=()),
            (places,),
        )
        for question, places in zip(read_set(path).questions, spans, strict=True)
        if question.answerable
    )
    documents = tuple(article.document for article in found)
    return RetrievalSet(
        "SQuAD", documents, asked[::every], False, (DEFAULT_VARIANT, *chunkings(), *searches())
    )


def _spans(article: Article) -> Iterator[tuple[Offsets, ...]]:
    """For every question, the offsets of its answers in the document."""
    start = 0
    for paragraph in article.paragraphs:
        for question in paragraph.questions:
            yield tuple((start + first, start + last) for first, last in question.spans)
        start += len(paragraph.text) + len("\n\n")


def scifact_set(folder: Path) -> RetrievalSet:
    """A BEIR folder. Whole documents are the evidence, and only the search is varied."""
    read = read_set(folder)
    asked = tuple(
        LocatedQuestion(
            replace(question, split=half_of(question.id)), tuple(() for _ in question.evidence)
        )
        for question in read.questions
    )
    return RetrievalSet("SciFact", read.documents, asked, True, (DEFAULT_VARIANT, *searches()))


def part_of(labelled: RetrievalSet, every: int) -> RetrievalSet:
    """The documents with evidence and every n-th of the others, for a few other chunkings."""
    gold = {
        evidence.document_id for asked in labelled.asked for evidence in asked.question.evidence
    }
    others = [document.id for document in labelled.documents if document.id not in gold]
    kept = gold.union(others[::every])
    documents = tuple(document for document in labelled.documents if document.id in kept)
    few = tuple(variant for variant in chunkings() if variant.chunking in FEW_CHUNKINGS)
    return replace(
        labelled,
        name=f"part of {labelled.name}",
        documents=documents,
        variants=(DEFAULT_VARIANT, *few),
    )
