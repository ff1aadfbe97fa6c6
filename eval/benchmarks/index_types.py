"""FAISS's compressed index types side by side, on the vectors of an index that
:mod:`eval.benchmarks.scale` has made.

    python -m eval.benchmarks.index_types --index DIR/chunks-100000 --squad FILE \\
        [--types ivf-sq8,...]

For each type: seconds of processor time to train and to add, size on disk, and for several depths
of search that of one question, with recall@10 before and after its shortlist of 200 is scored again
with the exact vectors."""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.console import Console
from rich.table import Table

from eval.benchmarks.scale import exact_nearest
from eval.benchmarks.speed import SEED, load_sources
from index.encoding.encoder import DEFAULT_ENCODER, Vectors, load_encoder
from index.store.store import Store
from service.settings import load_settings

QUESTIONS = 100
SHORTLIST = 200
DEPTH = 10

_SAMPLE_PER_LIST = 40
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class IndexType:
    """A way to build.

    :param make: from the dimension and how many lists an inverted file is to have
    :param depths: what ``search`` is tried with: lists probed, or ``efSearch``
    """

    make: Callable[[int, int], faiss.Index]
    depths: tuple[int, ...]


def _ivf(code: str) -> Callable[[int, int], faiss.Index]:
    def make(dimension: int, lists: int) -> faiss.Index:
        index = faiss.index_factory(dimension, f"IVF{lists},{code}", faiss.METRIC_INNER_PRODUCT)
        faiss.extract_index_ivf(index).cp.niter = _ROUNDS
        return index

    return make


def _hnsw(dimension: int, _lists: int) -> faiss.Index:
    index = faiss.index_factory(dimension, "HNSW24_SQ8", faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 80
    return index


TYPES = {
    "exact": IndexType(lambda dimension, _: faiss.IndexFlatIP(dimension), (0,)),
    "ivf-sq8": IndexType(_ivf("SQ8"), (16, 32, 48, 64, 128)),
    "ivf-sq4": IndexType(_ivf("SQ4"), (16, 32, 48, 64, 128)),
    "ivf-pq96-fast-scan": IndexType(_ivf("PQ96x4fs"), (16, 32, 48, 64, 128)),
    "ivf-rabitq": IndexType(_ivf("RaBitQ"), (16, 32, 48, 64, 128)),
    "hnsw-sq8": IndexType(_hnsw, (64, 128, 256, 512)),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.index_types", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--index", type=Path, required=True, help="a data folder")
    parser.add_argument(
        "--squad", type=Path, required=True, help="a SQuAD file with questions about it"
    )
    parser.add_argument("--types", default=",".join(TYPES), help="some of %(default)s")
    parser.add_argument(
        "--lists",
        type=float,
        default=4.0,
        help="times the square root of the vectors (%(default)s)",
    )
    given = parser.parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    asked = sorted(
        {question for source in load_sources(given.squad) for question in source.questions}
    )
    questions = encoder.encode(random.Random(SEED).sample(asked, QUESTIONS))
    store = Store(given.index)
    vectors = np.concatenate([part.vectors for part in store.vector_changes_since(0)])
    ids = np.concatenate([part.added for part in store.vector_changes_since(0)])
    nearest = exact_nearest(store, questions, DEPTH)
    store.close()
    table = Table(
        "type",
        "train s",
        "add s",
        "MB",
        "depth",
        "ms, p50",
        "recall@10",
        "scored again",
        box=box.MARKDOWN,
    )
    for name in given.types.split(","):
        for row in _measured(TYPES[name], vectors, ids, questions, nearest, given.lists):
            table.add_row(name, *row)
            Console(highlight=False, width=130, stderr=True).print(name, *row)
    Console(highlight=False, width=130).print(table)


def _measured(
    kind: IndexType,
    vectors: Vectors,
    ids: NDArray[np.int64],
    questions: Vectors,
    nearest: Sequence[Sequence[int]],
    times: float,
) -> Iterator[tuple[str, ...]]:
    lists = round(times * len(vectors) ** 0.5)
    index = kind.make(vectors.shape[1], lists)
    drawn = np.random.default_rng(SEED).choice(
        len(vectors), min(len(vectors), _SAMPLE_PER_LIST * lists), replace=False
    )
    sample = vectors[np.sort(drawn)]
    trained_s = _seconds(lambda: index.train(sample))
    added_s = _seconds(lambda: index.add(vectors))
    with tempfile.TemporaryDirectory() as folder:
        faiss.write_index(index, f"{folder}/index")
        size = Path(folder, "index").stat().st_size / 1e6
    threads = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    for depth in kind.depths:
        found, took = _searched(index, questions, depth)
        exact = [
            _scored_again(question, rows, vectors)
            for question, rows in zip(questions, found, strict=True)
        ]
        figures = (trained_s, added_s, size, depth, 1_000 * float(np.median(took)))
        recalls = (_recall(found, ids, nearest), _recall(exact, ids, nearest))
        yield (*(f"{figure:,.1f}" for figure in figures), *(f"{recall:.3f}" for recall in recalls))
    faiss.omp_set_num_threads(threads)


def _searched(
    index: faiss.Index, questions: Vectors, depth: int
) -> tuple[list[NDArray[np.int64]], list[float]]:
    parameters = _parameters(index, depth)
    found, took = [], []
    for question in questions:
        started = time.thread_time()
        rows = index.search(question[np.newaxis], SHORTLIST, params=parameters)[1][0]
        took.append(time.thread_time() - started)
        found.append(rows[rows >= 0])
    return found, took


def _parameters(index: faiss.Index, depth: int) -> faiss.SearchParameters | None:
    if isinstance(index, faiss.IndexFlat):
        return None
    if isinstance(index, faiss.IndexHNSW):
        return faiss.SearchParametersHNSW(efSearch=depth)
    if isinstance(index, faiss.IndexIVFRaBitQ):
        return faiss.IVFRaBitQSearchParameters(nprobe=depth)
    return faiss.SearchParametersIVF(nprobe=depth)


def _scored_again(
    question: Vectors, rows: NDArray[np.int64], vectors: Vectors
) -> NDArray[np.int64]:
    return rows[np.argsort(-(vectors[rows] @ question), kind="stable")]


def _recall(
    found: Sequence[NDArray[np.int64]], ids: NDArray[np.int64], nearest: Sequence[Sequence[int]]
) -> float:
    shared = [
        len(set(ids[rows[:DEPTH]].tolist()) & set(best))
        for rows, best in zip(found, nearest, strict=True)
    ]
    return sum(shared) / (DEPTH * len(shared))


def _seconds(work: Callable[[], object]) -> float:
    """The processor time of all threads: other processes do not lengthen it."""
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main()
