"""The compressed part of a large vector index: an inverted file with one byte per component."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np

from index.encoding.vectors import Vectors
from index.search.idset import NOTHING, IdSet
from index.store.rows import ChunkIds

StoredVectors = Callable[[Sequence[int]], tuple[ChunkIds, Vectors]]
"""Returns the ids that exist, in any order, and their vectors, ``[ids, dimension]``."""

_LISTS = 4.0
"""The number of lists of the inverted file, divided by the square root of the number of vectors."""

_PROBED = 100
"""The number of lists that are searched without filters. With filters, more lists are searched.

The number needed to find the nearest vectors depends little on the number of lists
(docs/benchmarks.md).
"""

_SAMPLE_PER_LIST = 40

_TRAINING_ROUNDS = 10

OUTGROWN = 4
"""The factor by which the number of vectors may outgrow the lists before they are built again."""

_READ_AT_ONCE = 10_000
"""The number of vectors that are read from the store together."""

_SCORED_AT_ONCE = 1_000
"""The number of allowed vectors up to which all of them are read and scored."""


@dataclass(frozen=True, slots=True)
class CompressedPart:
    """The compressed part: an inverted file that never changes, and the ids in it that are current.

    :param path: the file that is mapped into memory
    :param alive: the ids of its chunks, without those that were replaced or removed since
    """

    index: faiss.IndexIVF
    path: Path
    alive: IdSet

    @classmethod
    def of(cls, index: faiss.IndexIVF, path: Path) -> "CompressedPart":
        """The compressed part with every vector of a file."""
        lists = index.invlists
        ids = [_ids_of(lists, number) for number in range(index.nlist) if lists.list_size(number)]
        return cls(index, path, IdSet.of(np.concatenate(ids)) if ids else NOTHING)

    @property
    def gone(self) -> int:
        """The number of vectors in the file that were replaced or removed since."""
        return int(self.index.ntotal) - len(self.alive)

    def shortlist(self, vector: Vectors, limit: int, allowed: IdSet | None) -> ChunkIds:
        """The ids of about the ``limit`` nearest chunks, or of all allowed chunks if few."""
        counted = self.alive if allowed is None else self.alive & allowed
        left = len(counted)
        if left == 0 or (allowed is not None and left <= _SCORED_AT_ONCE):
            return counted.ids()
        probed = math.ceil(min(self.index.nlist, _PROBED * self.index.ntotal / left))
        selector = bitmap_of(counted) if left < self.index.ntotal else None
        parameters = faiss.SearchParametersIVF(nprobe=probed, sel=selector)
        use_one_core()
        _, ids = self.index.search(vector[np.newaxis], limit, params=parameters)
        return np.asarray(ids[0][ids[0] >= 0], dtype=np.int64)


def trained_index(dimension: int, stored: StoredVectors, ids: ChunkIds) -> faiss.IndexIVF:
    """An empty inverted file whose lists and scales are trained on a sample of the vectors."""
    lists = lists_for(len(ids))
    index = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension),
        dimension,
        lists,
        faiss.ScalarQuantizer.QT_8bit,
        faiss.METRIC_INNER_PRODUCT,
    )
    index.cp.niter = _TRAINING_ROUNDS
    index.train(_sample(stored, ids, lists * _SAMPLE_PER_LIST))
    return index


def lists_for(total: int) -> int:
    return round(_LISTS * math.sqrt(total))


@contextmanager
def all_cores() -> Iterator[None]:
    """Let FAISS use all cores in this thread while the block runs."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def bitmap_of(ids: IdSet) -> faiss.IDSelector:
    return faiss.IDSelectorBitmap(ids.bits)


def _sample(stored: StoredVectors, ids: ChunkIds, size: int) -> Vectors:
    """A random sample of the vectors, the same each time."""
    # Every n-th vector would not do: in documents that repeat one pattern of chunks, it would be
    # the same part of each.
    drawn = np.sort(np.random.default_rng(0).choice(ids, min(size, len(ids)), replace=False))
    parts = np.array_split(drawn, math.ceil(len(drawn) / _READ_AT_ONCE))
    return np.concatenate([stored(part.tolist())[1] for part in parts])


def _ids_of(lists: faiss.InvertedLists, number: int) -> ChunkIds:
    return np.array(
        faiss.rev_swig_ptr(lists.get_ids(number), lists.list_size(number)), dtype=np.int64
    )


def use_one_core() -> None:
    """Let FAISS use one core in this thread, because the others search words or answer other
    questions.

    FAISS keeps this setting per thread, so every thread that searches calls this.
    """
    faiss.omp_set_num_threads(1)
