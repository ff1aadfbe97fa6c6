"""Documents to measure with, and questions about them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.load import ParseResult, find_files, read_document
from eval.seed import SEED
from eval.sets.shipped import LIBRARY
from eval.sets.squad import articles
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.text.chunk import ChunkSettings, chunk_document
from index.text.sentences import sentences

_OPENING_WORDS = 12


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """A document and questions about it."""

    document: Document
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """Documents with questions.

    :param texts: the text of each of their chunks as the encoder sees it
    """

    sources: tuple[AskedDocument, ...]
    texts: tuple[str, ...]

    @property
    def documents(self) -> list[Document]:
        """The documents alone."""
        return [source.document for source in self.sources]

    def questions(self, limit: int) -> list[str]:
        """Up to ``limit`` different questions, drawn evenly from all documents, the same in every
        run.
        """
        return sample_questions(self.sources, limit)


def sample_questions(sources: Sequence[AskedDocument], limit: int) -> list[str]:
    """Up to ``limit`` different questions about the documents, the same in every run."""
    every = sorted(set().union(*(source.questions for source in sources)))
    return random.Random(SEED).sample(every, min(limit, len(every)))


def load_sources(squad: Path | None) -> Iterator[AskedDocument]:
    """The articles of a SQuAD file with their questions, or the shipped library.

    The library brings no questions. The first words of each of its sentences stand in for them.
    """
    if squad is None:
        for file in find_files([LIBRARY]):
            size = file.path.stat().st_size
            document = read_document(file.path, document_id=file.document_id, max_bytes=size)
            yield AskedDocument(document, _openings(document))
    else:
        for article in articles(squad):
            asked = [each.text for paragraph in article.paragraphs for each in paragraph.questions]
            yield AskedDocument(article.document, tuple(text for text in asked if text.strip()))


def take(sources: Iterator[AskedDocument], encoder: Encoder, chunks: int) -> Material:
    """The first documents that together have at least ``chunks`` chunks, or all documents."""
    taken: list[AskedDocument] = []
    texts: list[str] = []
    for source in sources:
        if len(texts) >= chunks:
            break
        taken.append(source)
        cut = chunk_document(source.document, encoder.token_spans, ChunkSettings())
        texts.extend(chunk.embedded_text for chunk in cut)
    return Material(tuple(taken), tuple(texts))


def add_documents(documents: Sequence[Document], encoder: Encoder, folder: Path) -> int:
    """Add documents to a new index and close it: everything is on disk when this returns.

    :return: the number of their chunks
    :raises DocumentError: one of them was refused
    """
    chunks = 0
    with Collection(folder, encoder, writable=True) as collection:
        parsed = [ParseResult(document.id, document) for document in documents]
        for result in collection.put_files(parsed):
            if result.is_failure:
                raise DocumentError(result.source, result.reason or "was not added")
            chunks += result.chunks
    return chunks


def _openings(document: Document) -> tuple[str, ...]:
    found = (document.text[start:end].split() for start, end in sentences(document.text))
    return tuple(" ".join(words[:_OPENING_WORDS]) for words in found if words)
