"""Searching, adding, starting and memory as an index grows: 10,000, 100,000 and 1,000,000 chunks in
one table.

    python -m eval.benchmarks.scale --squad FILE --work DIR [--sizes 10000,100000,1000000] \\
        [--questions 200]

docs/benchmarks.md says what every figure means. The indexes are kept in the folder given with
``--work``, and a second run measures them again without building them. Delete the folder afterwards
(a million chunks take about 6 GB). Needs psutil.
"""

import argparse
import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

from rich import box
from rich.table import Table

from corpus.document import Document
from corpus.load import ParseResult
from eval.benchmarks.copies import TAG
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.nearest import exact_nearest
from eval.benchmarks.options import positive
from eval.benchmarks.scaled_index import (
    EmbeddedMaterial,
    SizedFigure,
    build_scaled,
    load_embedded,
)
from eval.benchmarks.serving import SERVICE_QUESTIONS, environment, serving
from eval.benchmarks.timing import CLOCKS, PROCESSOR, Stopwatch, TimedEncoder
from eval.console import print_wide, stderr
from eval.measuring.formulas import percentile
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.encoding.identity import DEFAULT_ENCODER
from index.filters import Filters
from index.search.embedded.vectors import VectorIndex
from index.search.searcher import CANDIDATES
from index.store.store import Store
from service.question import DEFAULT_TOP_K
from service.settings import Settings, load_settings

SIZES = (10_000, 100_000, 1_000_000)
SEARCHED_QUESTIONS = 200

_CHANGES = 10
_ADDED_DOCUMENTS = 100
_DEPTHS = (10, 100)
_WARM_UP = 10


@dataclass(frozen=True, slots=True)
class FigureBySize:
    """One figure at every size that was measured.

    :param values: by number of chunks
    """

    name: str
    unit: str
    digits: int
    values: Mapping[int, float]


def main() -> None:
    """Build what is not there, measure, print, write."""
    options = _parser().parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    watch = CLOCKS[options.clock]
    machine = this_machine(settings.threads)
    print_machine(machine)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    material = load_embedded(
        options.squad,
        options.work / "real",
        encoder,
        questions=_WARM_UP + options.questions,
        chunks=options.real_chunks,
    )
    found: dict[int, list[SizedFigure]] = {}
    for size in options.sizes:
        folder = options.work / f"chunks-{size}"
        built = list(build_scaled(folder, size, material, encoder, watch=watch))
        found[size] = [
            *built,
            *measure_index(folder, material, encoder, settings=settings, watch=watch),
        ]
        _print(_rows(found))
    print(
        f"{material.chunks:,} chunks are real, the rest are copies; "
        f"{len(material.questions)} questions"
    )
    if options.json is not None:
        rows = [asdict(row) for row in _rows(found)]
        described = {"machine": asdict(machine), "real_chunks": material.chunks, "rows": rows}
        options.json.write_text(json.dumps(described, indent=2, ensure_ascii=False) + "\n")


def measure_index(
    folder: Path,
    material: EmbeddedMaterial,
    encoder: Encoder,
    *,
    settings: Settings,
    watch: Stopwatch,
) -> Iterator[SizedFigure]:
    """Every figure of one index."""
    stderr.print(f"measuring {folder.name}")
    yield from measure_start(folder, settings, folder.parent / "serve.log")
    yield from measure_recall(folder, material, encoder, watch)
    timed = TimedEncoder(encoder)
    opening = watch.clock()
    with Collection(folder, timed, writable=True) as collection:
        yield SizedFigure("opening", watch.clock() - opening, "s", 2)
        yield from measure_search(collection, material, watch)
        yield from measure_changes(collection, material, watch)
        yield from measure_overhead(collection, material, timed, watch)


def measure_search(
    collection: Collection, material: EmbeddedMaterial, watch: Stopwatch
) -> Iterator[SizedFigure]:
    """Searches one after another, embedding included: of everything, of half of it, and of one
    document.
    """
    searcher = collection.searcher
    ((one,), _) = collection.store.documents(1)
    sides = {
        "search": None,
        "search of the half with a tag": Filters(tags=(TAG,)),
        "search of one document": Filters(document_ids=(one.id,)),
    }
    if not collection.store.overview(tags=1).tags:
        del sides["search of the half with a tag"]  # there are no copies
    embedding = [
        watch.milliseconds(partial(searcher.encoder.encode, [question]))
        for question in material.questions
    ]
    yield SizedFigure("embedding the question, p50", percentile(embedding, 50), "ms")
    for name, filters in sides.items():
        search = partial(searcher.search, top_k=DEFAULT_TOP_K, filters=filters)
        first = watch.milliseconds(partial(search, material.questions[0]))
        for question in material.questions[:_WARM_UP]:
            search(question)
        times = [
            watch.milliseconds(partial(search, question))
            for question in material.questions[_WARM_UP:]
        ]
        yield SizedFigure(f"{name}, p50", percentile(times, 50), "ms")
        yield SizedFigure(f"{name}, p95", percentile(times, 95), "ms")
        if filters is not None:
            yield SizedFigure(f"{name}, the first", first, "ms")
            yield SizedFigure(
                f"{name}, hits of {DEFAULT_TOP_K}", len(search(material.questions[0]).hits), "", 0
            )


def measure_recall(
    folder: Path, material: EmbeddedMaterial, encoder: Encoder, watch: Stopwatch
) -> Iterator[SizedFigure]:
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
        yield SizedFigure(f"recall@{depth} of the vector search", statistics.mean(shares), "", 4)
    yield SizedFigure("vector search alone, p50", percentile(took, 50), "ms")


def measure_changes(
    collection: Collection, material: EmbeddedMaterial, watch: Stopwatch
) -> Iterator[SizedFigure]:
    """One document added, embedding included, until a search finds it; then deleted, until no
    search finds it.
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
        yield SizedFigure(f"{name}, median", statistics.median(times), "ms")
        yield SizedFigure(f"{name}, longest", max(times), "ms")


def measure_overhead(
    collection: Collection, material: EmbeddedMaterial, encoder: TimedEncoder, watch: Stopwatch
) -> Iterator[SizedFigure]:
    """Documents added to the index as it stands, and the share of that time that is not the
    embedder's own.
    """
    documents = material.spare[_CHANGES : _CHANGES + _ADDED_DOCUMENTS]
    encoder.reset()
    loaded = [ParseResult(document.id, document) for document in documents]
    took = watch.seconds(lambda: list(collection.put_files(loaded)))
    embedding = encoder.cpu_s if watch is PROCESSOR else encoder.seconds
    yield SizedFigure("adding, share that is not embedding", 100 * (1 - embedding / took), "%")
    collection.remove([document.id for document in documents])


def measure_start(folder: Path, settings: Settings, log: Path) -> Iterator[SizedFigure]:
    """``quoth serve`` over the index: the time until it is ready, and its memory."""
    with serving(folder, environment(settings), log) as service:
        used = service.process.cpu_times()
        yield SizedFigure("start until ready", service.ready_s, "s", 2)
        yield SizedFigure("the same in processor time", used.user + used.system, "s", 2)
        asked = [service.ask(question) for question in SERVICE_QUESTIONS]
        yield SizedFigure(
            "resident memory of the service", max(held for _, held in asked) / 1e6, "MB", 0
        )
        yield SizedFigure(
            "/v1/ask over HTTP, p50", percentile([took for took, _ in asked], 50), "ms"
        )


def _until_found(collection: Collection, document: Document) -> None:
    collection.put([document])
    if document.id not in _found(collection, document):
        raise SystemExit(f"{document.id} was added, but is not found")


def _until_gone(collection: Collection, document: Document) -> None:
    collection.remove([document.id])
    if document.id in _found(collection, document):
        raise SystemExit(f"{document.id} was deleted, but is still found")


def _found(collection: Collection, document: Document) -> set[str]:
    hits = collection.searcher.search(document.text[:200], DEFAULT_TOP_K).hits
    return {hit.chunk.document_id for hit in hits}


def _rows(found: Mapping[int, Sequence[SizedFigure]]) -> list[FigureBySize]:
    rows: dict[str, FigureBySize] = {}
    for size, figures in found.items():
        for figure in figures:
            row = rows.setdefault(
                figure.name, FigureBySize(figure.name, figure.unit, figure.digits, {})
            )
            rows[figure.name] = replace(row, values={**row.values, size: figure.value})
    return list(rows.values())


def _print(rows: Sequence[FigureBySize]) -> None:
    sizes = sorted({size for row in rows for size in row.values})
    table = Table("figure", *(f"{size:,} chunks" for size in sizes), box=box.MARKDOWN)
    for row in rows:
        values = (
            f"{row.values[size]:,.{row.digits}f} {row.unit}".strip() if size in row.values else ""
            for size in sizes
        )
        table.add_row(row.name, *values)
    print_wide(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.scale", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--squad", type=Path, required=True, help="a SQuAD file, plain or gzipped")
    parser.add_argument(
        "--work", type=Path, required=True, help="a folder for the indexes, which are kept there"
    )
    parser.add_argument(
        "--sizes", type=_sizes, default=SIZES, help="numbers of chunks, separated by commas"
    )
    parser.add_argument(
        "--questions", type=positive, default=SEARCHED_QUESTIONS, help="to ask (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks", type=positive, default=10**9, help="embed at most about so many (all)"
    )
    parser.add_argument(
        "--clock", choices=CLOCKS, default="wall", help="the clock for this process's own work"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(positive(size) for size in text.split(","))


if __name__ == "__main__":
    main()
