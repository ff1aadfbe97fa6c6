"""Indexes of a given size, kept on disk: real documents, embedded once, and copies of them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from corpus.document import Document, make_document
from corpus.errors import DocumentError
from corpus.load import ParseResult
from eval.benchmarks.copies import Copies
from eval.benchmarks.material import AskedDocument, load_sources
from eval.benchmarks.timing import Stopwatch
from eval.console import stderr
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.ingest import prepare
from index.store.manifest import Manifest
from index.store.store import Store
from index.store.writing import PreparedDocument
from index.text.chunk import ChunkSettings

_BATCH = 50
"""Documents written together."""

_SPARE_ARTICLES = 10
_SPARE_CHARACTERS = 200
_QUESTIONS_PER_ARTICLE = 5


@dataclass(frozen=True, slots=True)
class EmbeddedMaterial:
    """Real documents, embedded once, and questions that people asked about them.

    :param spare: documents that are not among them, to be added later
    """

    batches: tuple[tuple[PreparedDocument, ...], ...]
    questions: tuple[str, ...]
    spare: tuple[Document, ...]

    @property
    def chunks(self) -> int:
        """The number of real chunks."""
        return sum(len(prepared.chunks) for batch in self.batches for prepared in batch)


@dataclass(frozen=True, slots=True)
class SizedFigure:
    """One measured number at one size of index.

    :param digits: after the decimal point, where the value is shown
    """

    name: str
    value: float
    unit: str
    digits: int = 1


def load_embedded(
    squad: Path, folder: Path, encoder: Encoder, *, questions: int, chunks: int
) -> EmbeddedMaterial:
    """The articles of a SQuAD file, embedded once and kept in ``folder``. The last articles are
    kept apart, to be added later.

    :param questions: how many to ask
    :param chunks: how many real chunks to embed, about
    """
    sources = list(load_sources(squad))
    spare = tuple(_spare(sources[-_SPARE_ARTICLES:]))
    taken: list[AskedDocument] = []
    embedded = 0
    with Collection(folder, encoder, writable=True) as collection:
        for source in sources[:-_SPARE_ARTICLES]:
            (result,) = collection.put_files([ParseResult(source.document.id, source.document)])
            if result.is_failure:
                raise DocumentError(result.source, result.reason or "was not added")
            taken.append(source)
            embedded += result.chunks
            if embedded >= chunks:
                break
        prepared = [
            prepare([source.document], encoder, ChunkSettings(), collection.store.embedded)[0]
            for source in taken
        ]
    asked: list[str] = []
    for source in taken:
        asked += source.questions[:: max(1, len(source.questions) // _QUESTIONS_PER_ARTICLE)]
    step = max(1, len(asked) // questions)
    firsts = range(0, len(prepared), _BATCH)
    groups = tuple(tuple(prepared[first : first + _BATCH]) for first in firsts)
    return EmbeddedMaterial(groups, tuple(asked[::step][:questions]), spare)


def _spare(sources: Sequence[AskedDocument]) -> Iterator[Document]:
    """The longer paragraphs of articles, each a document."""
    number = 0
    for source in sources:
        for text in source.document.text.split("\n\n"):
            if len(text) > _SPARE_CHARACTERS:
                yield make_document(
                    text, document_id=f"spare/{number}", title=source.document.title
                )
                number += 1


def build_scaled(
    folder: Path, size: int, material: EmbeddedMaterial, encoder: Encoder, *, watch: Stopwatch
) -> Iterator[SizedFigure]:
    """Make an index of about ``size`` chunks, unless the folder holds it already, and yield what
    that took.

    The real documents come first, then copies of them; every other copy has a tag. The store is
    written directly in large batches. Opening the index then builds FAISS's part and tantivy's.
    """
    timings = folder / "timings.json"
    if not timings.is_file():
        stderr.print(f"building an index of {size:,} chunks")
        written_s = watch.seconds(partial(_write_store, folder, size, material, encoder))
        indexed_s = watch.seconds(lambda: Collection(folder, encoder, writable=True).close())
        timings.write_text(json.dumps({"written": written_s, "indexed": indexed_s}))
    took = json.loads(timings.read_text())
    yield SizedFigure("writing the store", took["written"] / size * 1e6, "µs a chunk", 0)
    yield SizedFigure("making both indexes from it", took["indexed"] / size * 1e6, "µs a chunk", 0)
    parts = {
        "store": [folder / "quoth.db"],
        "vectors": folder.glob("*.faiss"),
        "terms": (folder / "terms").iterdir(),
    }
    for name, files in parts.items():
        size_mb = sum(path.stat().st_size for path in files) / 1e6
        yield SizedFigure(f"{name} on disk", size_mb, "MB", 0)


def _write_store(folder: Path, size: int, material: EmbeddedMaterial, encoder: Encoder) -> None:
    store = Store(folder)
    store.set_manifest(Manifest(encoder.identity, ChunkSettings()).as_dict())
    written = 0
    for batch in _batches(material):
        # only as many documents of the batch as it takes to reach the size
        kept: list[PreparedDocument] = []
        for prepared in batch:
            if written >= size:
                break
            kept.append(prepared)
            written += len(prepared.chunks)
        store.write(kept)
        if written >= size:
            break
    store.close()


def _batches(material: EmbeddedMaterial) -> Iterator[Sequence[PreparedDocument]]:
    yield from material.batches
    yield from Copies(material.batches).batches()
