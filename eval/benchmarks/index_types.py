"""FAISS's compressed index types side by side, on the vectors of an index made by
:mod:`eval.benchmarks.scale`.

    python -m eval.benchmarks.index_types --index DIR/chunks-100000 --squad FILE \\
        [--types ivf-sq8,...]

For each type: seconds of processor time to train it and to add the vectors, its size on disk, and
for several depths of search the time of one question and recall@10, before and after the shortlist
of 200 is scored again with the exact vectors.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray
from rich import box
from rich.table import Table

from eval.benchmarks.material import load_sources, sample_questions
from eval.benchmarks.nearest import exact_nearest
from eval.benchmarks.timing import PROCESSOR
from eval.console import print_wide, stderr
from eval.seed import SEED
from index.encoding.encoder import load_encoder
from index.encoding.identity import DEFAULT_ENCODER
from index.encoding.vectors import Vectors
from index.store.store import Store
from service.settings import load_settings

COMPARED_QUESTIONS = 100
SHORTLIST_SIZE = 200
RECALL_DEPTH = 10

_SAMPLE_PER_LIST = 40
_ROUNDS = 10


@dataclass(frozen=True, slots=True)
class IndexType:
    """A way to build an index.

    :param make: makes an empty index from the dimension and the number of lists of an inverted file
    :param depths: depths of search to try: lists probed, or ``efSearch``
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
        help="lists, as a multiple of the square root of the number of vectors (%(default)s)",
    )
    given = parser.parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    asked = sample_questions(list(load_sources(given.squad)), COMPARED_QUESTIONS)
    questions = encoder.encode(asked)
    store = Store(given.index)
    vectors = np.concatenate([part.vectors for part in store.vector_changes_since(0)])
    ids = np.concatenate([part.added for part in store.vector_changes_since(0)])
    nearest = exact_nearest(store, questions, RECALL_DEPTH)
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
        rows = _measured(
            TYPES[name], vectors, ids, questions=questions, nearest=nearest, times=given.lists
        )
        for row in rows:
            table.add_row(name, *row)
            stderr.print(name, *row)
    print_wide(table)


def _measured(
    kind: IndexType,
    vectors: Vectors,
    ids: NDArray[np.int64],
    *,
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
    trained_s = PROCESSOR.seconds(lambda: index.train(sample))
    added_s = PROCESSOR.seconds(lambda: index.add(vectors))
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
        rows = index.search(question[np.newaxis], SHORTLIST_SIZE, params=parameters)[1][0]
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
        len(set(ids[rows[:RECALL_DEPTH]].tolist()) & set(best))
        for rows, best in zip(found, nearest, strict=True)
    ]
    return sum(shared) / (RECALL_DEPTH * len(shared))


if __name__ == "__main__":
    main()
