"""Searching, adding, starting and memory as an index grows: 10,000, 100,000 and 1,000,000 chunks in
one table.

    python -m eval.benchmarks.scale --squad FILE --work DIR [--sizes 10000,100000,1000000] \\
        [--questions 200]

What every figure means is in docs/benchmarks.md. The indexes are kept in the folder given with
``--work``, and a second run measures them again without building them: delete it afterwards (a
million chunks take about 6 GB). Needs psutil."""

import argparse
import json
import re
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from corpus.document import Document, make_document
from corpus.errors import DocumentError
from corpus.load import ParseResult
from eval.benchmarks.speed import (
    SEED,
    SERVICE_QUESTIONS,
    SWAPPED_WORDS,
    Source,
    ask_service,
    environment,
    err,
    load_sources,
    positive,
    print_machine,
    serving,
    this_machine,
    turned,
)
from eval.measuring.measures import percentile
from index.collection import Collection
from index.encoding.encoder import DEFAULT_ENCODER, Encoder, EncoderIdentity, Vectors, load_encoder
from index.ingest import prepare
from index.search.embedded.vectors import VectorIndex
from index.search.searcher import CANDIDATES
from index.store.manifest import Manifest
from index.store.store import Filters, PreparedDocument, Store
from index.text.chunk import ChunkSettings
from service.answering.question import DEFAULT_TOP_K
from service.settings import Settings, load_settings

SIZES = (10_000, 100_000, 1_000_000)
QUESTIONS = 200
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
TAG = "every-other"

_BETWEEN = re.compile(r"(\w+)")
_BATCH = 50
"""Documents written together."""

_CHANGES = 10
_ADDED_DOCUMENTS = 100
_DEPTHS = (10, 100)
_WARM_UP = 10
_WIDTH = 130


@dataclass(frozen=True, slots=True)
class Row:
    """One figure, at every size that was measured.

    :param values: by number of chunks
    """

    name: str
    unit: str
    digits: int
    values: Mapping[int, float]


@dataclass(frozen=True, slots=True)
class Measured:
    """One figure at one size."""

    name: str
    value: float
    unit: str
    digits: int = 1


@dataclass(frozen=True, slots=True)
class Stopwatch:
    """Times work, by the wall's clock or by this process's processor time, which other processes do
    not lengthen.
    """

    clock: Callable[[], float] = time.perf_counter

    def seconds(self, work: Callable[[], object]) -> float:
        """How long it takes."""
        started = self.clock()
        work()
        return self.clock() - started

    def milliseconds(self, work: Callable[[], object]) -> float:
        """How long it takes."""
        return 1_000 * self.seconds(work)


class TimedEncoder:
    """An encoder that adds up the time that it takes."""

    def __init__(self, encoder: Encoder, watch: Stopwatch) -> None:
        self._encoder = encoder
        self._watch = watch
        self.seconds = 0.0

    @property
    def identity(self) -> EncoderIdentity:
        """That of the encoder."""
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """What the encoder makes of the texts."""
        started = self._watch.clock()
        vectors = self._encoder.encode(texts)
        self.seconds += self._watch.clock() - started
        return vectors

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """What the encoder makes of the texts."""
        return self._encoder.token_spans(texts)


@dataclass(frozen=True, slots=True)
class Material:
    """Real documents, embedded once, and questions that people asked about them.

    :param spare: documents that are not in it, to be added
    """

    batches: tuple[tuple[PreparedDocument, ...], ...]
    questions: tuple[str, ...]
    spare: tuple[Document, ...]

    @property
    def chunks(self) -> int:
        """How many real chunks there are."""
        return sum(len(prepared.chunks) for batch in self.batches for prepared in batch)


class Variation:
    """Copies of documents as :func:`eval.benchmarks.speed.varied` makes them, many at a time.

    Three words in ten are swapped for words of the same length, drawn as often as they occur; every
    vector is turned away a little (cosine about 0.9) and is of length 1 again. Every other copy has
    a tag."""

    def __init__(self, material: Material) -> None:
        self._draw = np.random.default_rng(SEED)
        self._parts: dict[str, list[str]] = {}
        for batch in material.batches:
            for prepared in batch:
                self._parts[prepared.document.id] = _BETWEEN.split(prepared.document.text)
        words = sorted((word for parts in self._parts.values() for word in parts[1::2]), key=len)
        lengths = np.array([len(word) for word in words])
        self._words = np.array(words, dtype=object)
        self._first = np.searchsorted(lengths, np.arange(lengths.max() + 2))

    def of(self, prepared: PreparedDocument, copy: int) -> PreparedDocument:
        """A copy with other text and other vectors, but the same chunks at the same offsets."""
        id = f"{prepared.document.id}/{copy}"
        text = self._varied(prepared.document)
        document = make_document(
            text, document_id=id, title=prepared.document.title, tags=[TAG] if copy % 2 else []
        )
        chunks = tuple(
            replace(
                chunk, document_id=id, version=document.version, text=text[chunk.start : chunk.end]
            )
            for chunk in prepared.chunks
        )
        return PreparedDocument(
            document, chunks, turned(prepared.vectors, int(self._draw.integers(2**32)))
        )

    def _varied(self, document: Document) -> str:
        parts = list(self._parts[document.id])
        words = np.array(parts[1::2], dtype=object)
        swapped = np.flatnonzero(self._draw.random(len(words)) < SWAPPED_WORDS)
        lengths = np.array([len(words[at]) for at in swapped], dtype=np.int64)
        first, last = self._first[lengths], self._first[lengths + 1]
        words[swapped] = self._words[
            first + (self._draw.random(len(swapped)) * (last - first)).astype(np.int64)
        ]
        parts[1::2] = words.tolist()
        return "".join(parts)


def main() -> None:
    """Build what is not there, measure, print, write."""
    options = _parse()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    watch = Stopwatch(CLOCKS[options.clock])
    machine = this_machine(settings.threads)
    print_machine(machine)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    material = load_material(
        options.squad, options.work / "real", encoder, options.questions, options.real_chunks
    )
    found: dict[int, list[Measured]] = {}
    for size in options.sizes:
        folder = options.work / f"chunks-{size}"
        built = list(build(folder, size, material, encoder, watch))
        found[size] = [*built, *measure(folder, material, encoder, settings, watch)]
        _print(_rows(found))
    print(
        f"{material.chunks:,} chunks are real, the rest varied copies; "
        f"{len(material.questions)} questions"
    )
    if options.json is not None:
        rows = [asdict(row) for row in _rows(found)]
        described = {"machine": asdict(machine), "real_chunks": material.chunks, "rows": rows}
        options.json.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n")


# -- what is measured with


def load_material(
    squad: Path, folder: Path, encoder: Encoder, questions: int, chunks: int
) -> Material:
    """A SQuAD file's articles, embedded once and kept in ``folder``; the last of them are kept
    apart, to be added.

    :param chunks: real ones to be had, about
    """
    sources = list(load_sources(squad))
    spare = tuple(
        make_document(text, document_id=f"spare/{number}", title=source.document.title)
        for number, (source, text) in enumerate(_paragraphs(sources[-10:]))
    )
    taken: list[Source] = []
    embedded = 0
    with Collection(folder, encoder, writable=True) as collection:
        for source in sources[:-10]:
            (result,) = collection.put_files([ParseResult(source.document.id, source.document)])
            if result.is_failure:
                raise DocumentError(result.source, result.reason or "was not added")
            taken.append(source)
            embedded += result.chunks
            if embedded >= chunks:
                break
        documents = [source.document for source in taken]
        settings = ChunkSettings()
        prepared = [
            prepare([document], encoder, settings, collection.store.embedded)[0]
            for document in documents
        ]
    asked = [
        question
        for source in taken
        for question in source.questions[:: max(1, len(source.questions) // 5)]
    ]
    step = max(1, len(asked) // (questions + _WARM_UP))
    groups = tuple(
        tuple(prepared[first : first + _BATCH]) for first in range(0, len(prepared), _BATCH)
    )
    return Material(groups, tuple(asked[::step][: questions + _WARM_UP]), spare)


def build(
    folder: Path, size: int, material: Material, encoder: Encoder, watch: Stopwatch
) -> Iterator[Measured]:
    """An index of about ``size`` chunks: the real ones, then varied copies of them, every other one
    with a tag.

    The store is written directly in large batches; then the index is opened, which makes FAISS's
    part and tantivy's."""
    timings = folder / "timings.json"
    if not timings.is_file():
        err.print(f"building an index of {size:,} chunks")
        written_s = watch.seconds(partial(_write_store, folder, size, material, encoder))
        indexed_s = watch.seconds(lambda: Collection(folder, encoder, writable=True).close())
        timings.write_text(json.dumps({"written": written_s, "indexed": indexed_s}))
    took = json.loads(timings.read_text())
    yield Measured("writing the store", took["written"] / size * 1e6, "µs a chunk", 0)
    yield Measured("making both indexes from it", took["indexed"] / size * 1e6, "µs a chunk", 0)
    yield Measured("store on disk", (folder / "quoth.db").stat().st_size / 1e6, "MB", 0)
    yield Measured(
        "vectors on disk",
        sum(path.stat().st_size for path in folder.glob("*.faiss")) / 1e6,
        "MB",
        0,
    )
    yield Measured(
        "terms on disk",
        sum(path.stat().st_size for path in (folder / "terms").iterdir()) / 1e6,
        "MB",
        0,
    )


def measure(
    folder: Path, material: Material, encoder: Encoder, settings: Settings, watch: Stopwatch
) -> Iterator[Measured]:
    """Every figure of one index."""
    err.print(f"measuring {folder.name}")
    yield from measure_service(folder, settings, folder.parent / "serve.log")
    yield from measure_recall(folder, material, encoder, watch)
    timed = TimedEncoder(encoder, watch)
    opening = watch.clock()
    with Collection(folder, timed, writable=True) as collection:
        yield Measured("opening", watch.clock() - opening, "s", 2)
        yield from measure_search(collection, material, watch)
        yield from measure_changes(collection, material, watch)
        yield from measure_adding(collection, material, timed, watch)


def measure_search(
    collection: Collection, material: Material, watch: Stopwatch
) -> Iterator[Measured]:
    """Searches one after another, embedding included: of everything, of half of it, and of one
    document.
    """
    searcher = collection.searcher
    (one,) = collection.store.documents(1)
    tagged = Filters(tags=(TAG,))
    sides = {
        "search": None,
        **(
            {"search of the half with a tag": tagged}
            if collection.store.overview(tags=1).tags
            else {}
        ),
        "search of one document": Filters(document_ids=(one.id,)),
    }
    embedding = [
        watch.milliseconds(partial(searcher.encoder.encode, [question]))
        for question in material.questions
    ]
    yield Measured("embedding the question, p50", percentile(embedding, 50), "ms")
    for name, filters in sides.items():
        search = partial(searcher.search, top_k=DEFAULT_TOP_K, filters=filters)
        first = watch.milliseconds(partial(search, material.questions[0]))
        for question in material.questions[:_WARM_UP]:
            search(question)
        times = [
            watch.milliseconds(partial(search, question))
            for question in material.questions[_WARM_UP:]
        ]
        yield Measured(f"{name}, p50", percentile(times, 50), "ms")
        yield Measured(f"{name}, p95", percentile(times, 95), "ms")
        if filters is not None:
            yield Measured(f"{name}, the first", first, "ms")
            yield Measured(
                f"{name}, hits of {DEFAULT_TOP_K}", len(search(material.questions[0]).hits), "", 0
            )


def measure_recall(
    folder: Path, material: Material, encoder: Encoder, watch: Stopwatch
) -> Iterator[Measured]:
    """The share of the exactly nearest chunks that FAISS finds, by comparison with every vector in
    the store.
    """
    questions = encoder.encode(material.questions)
    store = Store(folder)
    index = VectorIndex.load(folder, encoder.identity.dimension, store.vectors)
    found = [[id for id, _ in index.search(vector, CANDIDATES).hits] for vector in questions]
    took = [watch.milliseconds(partial(index.search, vector, CANDIDATES)) for vector in questions]
    exact = exact_nearest(store, questions, max(_DEPTHS))
    store.close()
    for depth in _DEPTHS:
        shares = [
            len(set(mine[:depth]) & set(best[:depth])) / depth
            for mine, best in zip(found, exact, strict=True)
        ]
        yield Measured(f"recall@{depth} of the vector search", statistics.mean(shares), "", 4)
    yield Measured("vector search alone, p50", percentile(took, 50), "ms")


def exact_nearest(store: Store, questions: Vectors, depth: int) -> list[list[int]]:
    """The numbers of the ``depth`` chunks with the greatest inner products, for each question, best
    first.
    """
    scores = np.full((len(questions), depth), -np.inf, dtype=np.float32)
    ids = np.zeros((len(questions), depth), dtype=np.int64)
    for part in store.vector_changes_since(0):
        scores = np.concatenate([scores, questions @ part.vectors.T], axis=1)
        ids = np.concatenate(
            [ids, np.broadcast_to(part.added, (len(questions), len(part.added)))], axis=1
        )
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        scores, ids = (
            np.take_along_axis(scores, best, axis=1),
            np.take_along_axis(ids, best, axis=1),
        )
    order = np.argsort(-scores, axis=1, kind="stable")
    return [row.tolist() for row in np.take_along_axis(ids, order, axis=1)]


def measure_changes(
    collection: Collection, material: Material, watch: Stopwatch
) -> Iterator[Measured]:
    """One document put in, embedding included, until a search has found it; and taken out, until
    none does.
    """
    added, removed = [], []
    for number, document in enumerate(material.spare[:_CHANGES]):
        document = replace(document, id=f"one/{number}")
        added.append(watch.milliseconds(partial(_until_found, collection, document)))
        removed.append(watch.milliseconds(partial(_until_gone, collection, document)))
    for name, times in (
        ("adding one document until it is found", added),
        ("deleting it until it is gone", removed),
    ):
        yield Measured(f"{name}, median", statistics.median(times), "ms")
        yield Measured(f"{name}, longest", max(times), "ms")


def measure_adding(
    collection: Collection, material: Material, encoder: TimedEncoder, watch: Stopwatch
) -> Iterator[Measured]:
    """Documents added to the index as it is, and what of that is not the embedder's own time."""
    documents = material.spare[_CHANGES : _CHANGES + _ADDED_DOCUMENTS]
    encoder.seconds = 0.0
    took = watch.seconds(
        lambda: list(
            collection.put_files(ParseResult(document.id, document) for document in documents)
        )
    )
    yield Measured("adding, share that is not embedding", 100 * (1 - encoder.seconds / took), "%")
    collection.remove([document.id for document in documents])


def measure_service(folder: Path, settings: Settings, log: Path) -> Iterator[Measured]:
    """``quoth serve`` over the index: until it is ready, and what it holds after questions have
    been asked.
    """
    with serving(folder, environment(settings), log) as service:
        used = service.process.cpu_times()
        yield Measured("start until ready", service.ready_s, "s", 2)
        yield Measured("the same in processor time", used.user + used.system, "s", 2)
        asked = [ask_service(service, question) for question in SERVICE_QUESTIONS]
        yield Measured(
            "resident memory of the service", max(held for _, held in asked) / 1e6, "MB", 0
        )
        yield Measured("/v1/ask over HTTP, p50", percentile([took for took, _ in asked], 50), "ms")


# -- helpers


def _paragraphs(sources: Sequence[Source]) -> Iterator[tuple[Source, str]]:
    for source in sources:
        for paragraph in source.document.text.split("\n\n"):
            if len(paragraph) > 200:
                yield source, paragraph


def _write_store(folder: Path, size: int, material: Material, encoder: Encoder) -> None:
    store = Store(folder)
    manifest = Manifest(encoder.identity, ChunkSettings()).as_dict()
    made = 0
    for batch in _batches(material):
        left = size - made
        batch = _within(batch, left)
        store.write(batch, manifest=manifest)
        made += sum(len(prepared.chunks) for prepared in batch)
        if made >= size:
            break
    store.close()


def _batches(material: Material) -> Iterator[Sequence[PreparedDocument]]:
    yield from material.batches
    variation = Variation(material)
    for copy in count(1):
        for batch in material.batches:
            yield [variation.of(prepared, copy) for prepared in batch]


def _within(batch: Sequence[PreparedDocument], chunks: int) -> list[PreparedDocument]:
    """The first documents of a batch that together have at least so many chunks, or all of them."""
    taken: list[PreparedDocument] = []
    for prepared in batch:
        if chunks <= 0:
            break
        taken.append(prepared)
        chunks -= len(prepared.chunks)
    return taken


def _until_found(collection: Collection, document: Document) -> None:
    collection.put([document])
    if document.id not in _found(collection, document):
        raise SystemExit(f"{document.id} was added and is not found")


def _until_gone(collection: Collection, document: Document) -> None:
    collection.remove([document.id])
    if document.id in _found(collection, document):
        raise SystemExit(f"{document.id} was deleted and is found")


def _found(collection: Collection, document: Document) -> set[str]:
    hits = collection.searcher.search(document.text[:200], DEFAULT_TOP_K).hits
    return {hit.chunk.document_id for hit in hits}


def _rows(found: Mapping[int, Sequence[Measured]]) -> list[Row]:
    rows: dict[str, Row] = {}
    for size, figures in found.items():
        for figure in figures:
            row = rows.setdefault(figure.name, Row(figure.name, figure.unit, figure.digits, {}))
            rows[figure.name] = replace(row, values={**row.values, size: figure.value})
    return list(rows.values())


def _print(rows: Sequence[Row]) -> None:
    sizes = sorted({size for row in rows for size in row.values})
    table = Table("figure", *(f"{size:,} chunks" for size in sizes), box=box.MARKDOWN)
    for row in rows:
        values = (
            f"{row.values[size]:,.{row.digits}f} {row.unit}".strip() if size in row.values else ""
            for size in sizes
        )
        table.add_row(row.name, *values)
    Console(highlight=False, width=_WIDTH).print(table)


@dataclass(frozen=True, slots=True)
class _Options:
    squad: Path
    work: Path
    sizes: tuple[int, ...]
    questions: int
    real_chunks: int
    clock: str
    json: Path | None


def _parse() -> _Options:
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.scale", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD file, plain or gzipped")
    parser.add_argument(
        "--work", type=Path, required=True, help="a folder for the indexes, which are kept there"
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=SIZES, help="numbers of chunks, with commas between"
    )
    parser.add_argument(
        "--questions", type=positive, default=QUESTIONS, help="to ask (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks", type=positive, default=10**9, help="embed about so many, at most (all)"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="what this process's own work is timed by"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    given = parser.parse_args()
    return _Options(
        given.squad,
        given.work,
        given.sizes,
        given.questions,
        given.real_chunks,
        given.clock,
        given.json,
    )


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(positive(size) for size in text.split(","))


if __name__ == "__main__":
    main()
