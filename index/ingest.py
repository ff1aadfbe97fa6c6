"""Prepares documents for the store: cuts them, embeds them, and groups them into batches."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

import numpy as np

from corpus.document import Document
from corpus.errors import DocumentError
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.outcome import FileStatus
from index.store.documents import DocumentSummary
from index.store.writing import PreparedDocument
from index.text.chunk import Chunk, ChunkSettings, chunk_document

KnownVectors = Callable[[str], dict[str, Vectors]]
"""Returns the existing vectors of a document's chunks, by the text that was embedded."""

_BATCH_CHARACTERS = 200_000
_BATCH_DOCUMENTS = 256
_EMBEDDED_AT_ONCE = 32


def prepare(
    documents: Sequence[Document],
    encoder: Encoder,
    settings: ChunkSettings,
    known: KnownVectors,
    check: Callable[[], None] = lambda: None,
) -> list[PreparedDocument]:
    """The documents with their chunks and vectors. Only texts without a known vector are embedded.

    :param check: called now and then; an exception that it raises stops the work
    :raises DocumentError: a document has no text
    """
    cut = []
    for document in documents:
        check()
        cut.append(_cut(document, encoder, settings))
    vectors = [known(document.id) for document in documents]
    # A text that is repeated is embedded once.
    unseen = list(
        dict.fromkeys(
            chunk.embedded_text
            for chunks, seen in zip(cut, vectors, strict=True)
            for chunk in chunks
            if chunk.embedded_text not in seen
        )
    )
    fresh: dict[str, Vectors] = {}
    for start in range(0, len(unseen), _EMBEDDED_AT_ONCE):
        check()
        texts = unseen[start : start + _EMBEDDED_AT_ONCE]
        fresh.update(zip(texts, encoder.encode(texts), strict=True))
    return [
        PreparedDocument(
            document, tuple(chunks), np.stack([_vector(chunk, seen, fresh) for chunk in chunks])
        )
        for document, chunks, seen in zip(documents, cut, vectors, strict=True)
    ]


class HoldsDocument(Protocol):
    """The result of reading a file."""

    @property
    def document(self) -> Document | None:
        """The document, if there is one."""


_Read = TypeVar("_Read", bound=HoldsDocument)


def write_batches(files: Iterable[_Read]) -> Iterator[list[_Read]]:
    """Groups of files that are embedded and written together. They are large enough to be fast, and
    small enough that an interruption loses little.
    """
    batch: list[_Read] = []
    characters = 0
    for loaded in files:
        batch.append(loaded)
        characters += len(loaded.document.text) if loaded.document else 0
        if characters >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def refuse_repeats(documents: Sequence[Document]) -> None:
    """Refuse documents of which two have the same id.

    :raises DocumentError: two documents have the same id
    """
    for id, times in Counter(document.id for document in documents).items():
        if times > 1:
            raise DocumentError(
                id, f"{times} documents of one batch have this id; ids must be unique"
            )


def is_same(one: Document | DocumentSummary, other: DocumentSummary) -> bool:
    """Whether two documents are the same in everything that is indexed or shown."""
    fields = (
        *("version", "title", "url", "published", "published_from", "tags", "structure"),
        *("file_name", "media_type", "original", "collection", "groups"),
    )
    return all(getattr(one, field) == getattr(other, field) for field in fields)


def status_of(document: Document, present: DocumentSummary | None) -> FileStatus:
    """The status of a document that is added, given the stored one with the same id, if any."""
    if present is None:
        return FileStatus.ADDED
    return FileStatus.UNCHANGED if is_same(document, present) else FileStatus.UPDATED


def _cut(document: Document, encoder: Encoder, settings: ChunkSettings) -> list[Chunk]:
    chunks = chunk_document(document, encoder.token_spans, settings)
    if not chunks:
        raise DocumentError(document.id, "it contains no text that could be quoted")
    return chunks


def _vector(chunk: Chunk, seen: dict[str, Vectors], fresh: dict[str, Vectors]) -> Vectors:
    known = seen.get(chunk.embedded_text)
    return fresh[chunk.embedded_text] if known is None else known
