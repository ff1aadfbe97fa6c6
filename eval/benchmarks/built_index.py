"""Indexes made for measuring, written batch by batch as adding writes them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpus.document import Document
from corpus.load import ParseResult
from eval.benchmarks.copies import Copies
from eval.benchmarks.material import Material
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.ingest import prepare, write_batches
from index.store.manifest import Manifest
from index.store.store import Store
from index.store.writing import PreparedDocument
from index.text.chunk import ChunkSettings


@dataclass(frozen=True, slots=True)
class BuiltIndex:
    """An index made for measuring.

    :param real: how many of its chunks are real text with the vectors of that text
    """

    folder: Path
    chunks: int
    real: int


def build_index(folder: Path, material: Material, encoder: Encoder, chunks: int) -> BuiltIndex:
    """An index of about ``chunks`` chunks; the last batch may pass that number.

    It holds the material, and where that is not enough, copies of it.
    """
    real = list(_prepared(material.documents, encoder))
    written = sum(_write(folder, batch, encoder) for batch in real)
    copies = Copies(real).batches()
    while written < chunks:
        written += _write(folder, next(copies), encoder)
    return BuiltIndex(folder, written, len(material.texts))


def _prepared(documents: Sequence[Document], encoder: Encoder) -> Iterator[list[PreparedDocument]]:
    """The documents with chunks and vectors, in the batches in which adding would write them."""
    for batch in write_batches(ParseResult(document.id, document) for document in documents):
        loaded = [each.document for each in batch if each.document]
        # a new index knows no vectors yet
        yield prepare(loaded, encoder, ChunkSettings(), lambda _document_id: {})


def _write(folder: Path, batch: Sequence[PreparedDocument], encoder: Encoder) -> int:
    """Write a batch.

    :return: the number of its chunks
    """
    store = Store(folder)
    store.set_manifest(Manifest(encoder.identity, ChunkSettings()).as_dict())
    store.write(batch)
    store.close()
    # the search indexes follow the store when a collection is opened
    Collection(folder, encoder, writable=True).close()
    return sum(len(prepared.chunks) for prepared in batch)
