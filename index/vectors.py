"""FAISS: the vectors of one generation, to be searched by inner product."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np

from index.embed import Vectors
from index.store import Changes, Ids

faiss.omp_set_num_threads(1)  # a team of threads would wait for cores that the encoder's threads hold

_FILE = re.compile(r"vectors-(\d+)\.faiss")


class VectorIndex:
    """The vectors of one generation under their chunks' numbers. It never changes: :meth:`apply` makes the next one.

    Because of that a search needs no lock, and sees one generation from its start to its end.
    """

    def __init__(self, index: faiss.IndexIDMap2, generation: int) -> None:
        self._index = index
        self.generation = generation

    @classmethod
    def empty(cls, dimension: int) -> "VectorIndex":
        """The index of generation 0, which holds nothing."""
        return cls(faiss.IndexIDMap2(faiss.IndexFlatIP(dimension)), 0)

    def __len__(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def ids(self) -> Ids:
        """The chunks' numbers, ascending."""
        return np.sort(faiss.vector_to_array(self._index.id_map))

    def apply(self, changes: Changes) -> "VectorIndex":
        """The index of the generation that the changes lead to. Applying changes twice does no harm."""
        following = faiss.clone_index(self._index)
        added = np.array([stored.id for stored in changes.added], dtype=np.int64)
        following.remove_ids(np.concatenate([changes.removed, added]))
        if len(added):
            following.add_with_ids(np.ascontiguousarray(changes.vectors), added)
        return VectorIndex(following, changes.generation)

    def search(self, vector: Vectors, limit: int, allowed: Ids | None = None) -> list[tuple[int, float]]:
        """The ``limit`` nearest chunks among the allowed ones, as (number, inner product), best first.

        :param vector: float32 ``[dimension]``, of length 1
        :param allowed: numbers of chunks; None allows all
        """
        limit = min(limit, len(self) if allowed is None else len(allowed))
        if limit == 0:
            return []
        parameters = None
        if allowed is not None:
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBatch(allowed))
        scores, ids = self._index.search(vector[np.newaxis], limit, params=parameters)
        found = [(int(id), float(score)) for id, score in zip(ids[0], scores[0], strict=True) if id >= 0]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def save(self, folder: Path) -> None:
        """Write the index as a file of its generation, whole or not at all, and delete older ones."""
        target = folder / f"vectors-{self.generation}.faiss"
        scratch = target.with_suffix(".tmp")
        faiss.write_index(self._index, str(scratch))
        with scratch.open("rb") as file:
            os.fsync(file.fileno())
        scratch.replace(target)
        for path, generation in _files(folder):
            if generation < self.generation:
                path.unlink(missing_ok=True)

    @classmethod
    def load(cls, folder: Path, dimension: int) -> "VectorIndex":
        """The newest index in the folder that can be read, an empty one where there is none.

        A damaged file is no loss: the store holds every vector, and what is missing is applied from there.
        """
        for path, generation in sorted(_files(folder), key=lambda file: -file[1]):
            try:
                index = faiss.read_index(str(path))
            except RuntimeError:  # FAISS's one error: the file is cut short, damaged, or was deleted meanwhile
                continue
            if isinstance(index, faiss.IndexIDMap2) and index.d == dimension:
                return cls(index, generation)
        return cls.empty(dimension)

    @staticmethod
    def discard(folder: Path) -> None:
        """Delete what :meth:`save` wrote."""
        for path, _ in _files(folder):
            path.unlink(missing_ok=True)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in folder.glob("vectors-*.faiss"):
        name = _FILE.fullmatch(path.name)
        if name:
            yield path, int(name[1])
