"""FAISS: the vectors of one generation, searched by inner product.

Up to :data:`EXACT_UP_TO` vectors are compared one by one. With more, most of them are in a
compressed part on disk, mapped into memory (:mod:`index.search.embedded.compressed`), which gives a
shortlist. New vectors are kept uncompressed beside it. Every score that this module returns is the
exact inner product with the stored vector.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import faiss
import numpy as np

from corpus.errors import StoreError
from index.encoding.vectors import Vectors
from index.search.embedded.compressed import (
    OUTGROWN,
    CompressedPart,
    StoredVectors,
    all_cores,
    bitmap_of,
    lists_for,
    trained_index,
    use_one_core,
)
from index.search.embedded.sealed import is_intact, read_sealed, write_sealed
from index.search.idset import IdSet
from index.store.chunks import VectorChanges
from index.store.rows import ChunkIds

EXACT_UP_TO = 50_000
"""The number of vectors up to which comparing all of them is fast enough."""

RECENT = 20_000
"""The number of changes beside the compressed part above which they are merged into it."""

SHORTLIST = 1.25
"""The number of vectors that the compressed part proposes for each one wanted."""

_FILE = re.compile(r"(vectors|compressed)-(\d+)\.faiss")


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest chunks.

    :param hits: id and inner product, best first
    :param others: the inner products of the other requested chunks, whether or not they are among
        the hits
    :param whole: False if the store no longer has the vector of one of these chunks, because it is
        ahead of this index
    """

    hits: tuple[tuple[int, float], ...]
    others: Mapping[int, float]
    whole: bool


def _none() -> ChunkIds:
    return np.empty(0, dtype=np.int64)


class VectorIndex:
    """The vectors of one generation by chunk id. It is immutable; :meth:`apply` returns the next
    one.

    So a search needs no lock, and sees one generation from start to end.
    """

    def __init__(
        self,
        recent: faiss.IndexIDMap2,
        generation: int,
        stored: StoredVectors,
        compressed: CompressedPart | None = None,
    ) -> None:
        self._recent = recent
        self._compressed = compressed
        self._stored = stored
        self.generation = generation

    @classmethod
    def empty(cls, dimension: int, stored: StoredVectors) -> "VectorIndex":
        """The index of generation 0, which is empty.

        :param stored: reads exact vectors; it is not needed while there is no compressed part
        """
        return cls(_flat(dimension), 0, stored)

    def __len__(self) -> int:
        """The number of vectors."""
        return int(self._recent.ntotal) + (
            0 if self._compressed is None else len(self._compressed.alive)
        )

    @property
    def ids(self) -> ChunkIds:
        """The ids of the chunks in ascending order."""
        recent = faiss.vector_to_array(self._recent.id_map)
        return np.sort(
            recent
            if self._compressed is None
            else np.concatenate([recent, self._compressed.alive.ids()])
        )

    def differing(self, ids: ChunkIds, vectors: Vectors) -> int:
        """How many of these vectors this index holds uncompressed, and otherwise than given."""
        held = faiss.vector_to_array(self._recent.id_map)
        order = np.argsort(held)
        _, given, found = np.intersect1d(ids, held[order], return_indices=True)
        if not len(given):
            return 0
        own = self._recent.index.reconstruct_n(0, len(held))[order[found]]
        return int(np.any(own != vectors[given], axis=1).sum())

    @property
    def crowded(self) -> bool:
        """Whether so many vectors are beside the compressed part that they should be merged into it
        (:meth:`compacted`).
        """
        if self._compressed is None:
            return int(self._recent.ntotal) > EXACT_UP_TO
        return int(self._recent.ntotal) + self._compressed.gone > RECENT

    @property
    def outgrown(self) -> bool:
        """Whether a new compressed part must be built from the store (:meth:`built`), and not from
        the current one.
        """
        if self._compressed is None:
            return True
        lists = self._compressed.index.nlist
        total = self._compressed.index.ntotal + self._recent.ntotal
        return bool(lists_for(total) > lists * math.sqrt(OUTGROWN))

    def apply(self, changes: VectorChanges) -> "VectorIndex":
        """The index of the generation that the changes lead to. Applying changes twice does no
        harm.
        """
        following = faiss.clone_index(self._recent)
        gone = np.concatenate([changes.removed, changes.added])
        following.remove_ids(gone)
        if len(changes.added):
            following.add_with_ids(np.ascontiguousarray(changes.vectors), changes.added)
        compressed = self._compressed
        if compressed is not None and len(gone):
            compressed = replace(compressed, alive=compressed.alive - IdSet.of(gone))
        return VectorIndex(following, changes.generation, self._stored, compressed)

    def search(
        self,
        vector: Vectors,
        limit: int,
        allowed: IdSet | None = None,
        others: Callable[[], ChunkIds] = _none,
    ) -> Near:
        """The ``limit`` nearest chunks among the allowed ones, and the inner products of others.

        :param vector: float32 ``[dimension]``, of length 1
        :param allowed: None allows all
        :param others: returns the ids of those others, which need not be allowed; it is called
            after the nearest are found
        """
        recent = self._search_recent(vector, limit, None if allowed is None else bitmap_of(allowed))
        if self._compressed is None:
            wanted = others()
            scores = dict(self._search_recent(vector, len(wanted), faiss.IDSelectorBatch(wanted)))
            return Near(_best(recent, limit), scores, len(scores) == len(wanted))
        shortlist = self._compressed.shortlist(vector, math.ceil(SHORTLIST * limit), allowed)
        wanted = others()
        together = np.union1d(shortlist, wanted)
        scores = self._exact(vector, together)
        hits = _best(recent + _those(scores, shortlist), limit)
        return Near(hits, dict(_those(scores, wanted)), len(scores) == len(together))

    @classmethod
    def built(
        cls,
        folder: Path,
        dimension: int,
        stored: StoredVectors,
        ids: ChunkIds,
        parts: Iterable[VectorChanges],
    ) -> "VectorIndex":
        """An index of everything in the store. A large one is compressed and written to ``folder``.

        :param ids: the ids of all chunks, ascending
        :param parts: all vectors, as the store gives them from generation 0 on
        :raises StoreError: the file cannot be written
        """
        if len(ids) <= EXACT_UP_TO:
            return cls.empty(dimension, stored)._applied(parts)
        with all_cores():
            whole = trained_index(dimension, stored, ids)
            generation = 0
            for part in parts:
                whole.add_with_ids(part.vectors, part.added)
                generation = part.generation
        return cls._written(folder, whole, generation, stored)

    def compacted(self, folder: Path) -> "VectorIndex":
        """The same vectors, all in a compressed part that is written to ``folder``. Vectors that
        were replaced or removed are left out.

        :raises StoreError: the file cannot be written, or the current one is missing or damaged
        """
        if self._compressed is None:
            raise ValueError("there is no compressed part that could be added to")
        whole = read_sealed(self._compressed.path, mapped=False)
        if whole is None:
            raise StoreError(f"{self._compressed.path}: cannot be read any more; run quoth rebuild")
        whole.remove_ids(faiss.IDSelectorNot(bitmap_of(self._compressed.alive)))
        ids = faiss.vector_to_array(self._recent.id_map)
        if len(ids):
            whole.add_with_ids(self._recent.index.reconstruct_n(0, len(ids)), ids)
        return self._written(folder, whole, self.generation, self._stored)

    def save(self, folder: Path) -> None:
        """Write the index atomically as a file of its generation, and delete the files that it
        replaces.

        With a compressed part, nothing is written: that part is on disk already, and newer vectors
        are quick to read from the store.

        :raises StoreError: the file cannot be written
        """
        if self._compressed is None:
            write_sealed(self._recent, folder / f"vectors-{self.generation}.faiss")
            replaced = [file.path for file in _files(folder) if file.generation < self.generation]
        else:
            own = _file(self._compressed.path)
            replaced = [
                file.path
                for file in _files(folder)
                if file.is_flat or file.generation < own.generation
            ]
        for path in replaced:
            path.unlink(missing_ok=True)

    @classmethod
    def load(
        cls, folder: Path, dimension: int, stored: StoredVectors, writable: bool = False
    ) -> "VectorIndex":
        """The newest readable index in the folder, or an empty one if there is none.

        A damaged file loses nothing, because the store has every vector, and missing vectors are
        applied from there.

        :param writable: files that cannot be read may be deleted
        """
        for file in sorted(_files(folder), key=lambda file: -file.generation):
            index = read_sealed(file.path, mapped=not file.is_flat)
            if index is None and writable:
                file.path.unlink(missing_ok=True)
            if index is None or index.d != dimension:
                continue
            if isinstance(index, faiss.IndexIVF):
                return cls(
                    _flat(dimension), file.generation, stored, CompressedPart.of(index, file.path)
                )
            if isinstance(index, faiss.IndexIDMap2):
                return cls(index, file.generation, stored)
        return cls.empty(dimension, stored)

    @staticmethod
    def move(source: Path, target: Path) -> None:
        """Replace the files of one folder by those of another, if it has any."""
        moved = list(_files(source))
        for file in _files(target) if moved else ():
            file.path.unlink(missing_ok=True)
        for file in moved:
            file.path.replace(target / file.path.name)

    @staticmethod
    def damaged(folder: Path) -> list[str]:
        """The names of the damaged files. This reads all files."""
        return sorted(file.path.name for file in _files(folder) if not is_intact(file.path))

    @staticmethod
    def discard(folder: Path) -> None:
        """Delete all files of the index in a folder."""
        for file in _files(folder):
            file.path.unlink(missing_ok=True)

    @classmethod
    def _written(
        cls, folder: Path, whole: faiss.IndexIVF, generation: int, stored: StoredVectors
    ) -> "VectorIndex":
        path = folder / f"compressed-{generation}.faiss"
        write_sealed(whole, path)
        mapped = read_sealed(path, mapped=True)
        if mapped is None:
            raise StoreError(f"{path}: cannot be read though it was just written; check the disk")
        return cls(_flat(whole.d), generation, stored, CompressedPart.of(mapped, path))

    def _applied(self, parts: Iterable[VectorChanges]) -> "VectorIndex":
        index = self
        for part in parts:
            index = index.apply(part)
        return index

    def _search_recent(
        self, vector: Vectors, limit: int, selector: faiss.IDSelector | None
    ) -> list[tuple[int, float]]:
        limit = min(limit, int(self._recent.ntotal))
        if limit == 0:
            return []
        use_one_core()
        parameters = None if selector is None else faiss.SearchParameters(sel=selector)
        scores, ids = self._recent.search(vector[np.newaxis], limit, params=parameters)
        return [
            (int(id), float(score)) for id, score in zip(ids[0], scores[0], strict=True) if id >= 0
        ]

    def _exact(self, vector: Vectors, ids: ChunkIds) -> dict[int, float]:
        existing, vectors = self._stored(ids.tolist())
        products = np.einsum("ij,j->i", vectors, vector) if len(existing) else np.empty(0)
        return dict(zip(existing.tolist(), products.tolist(), strict=True))


def _those(scores: Mapping[int, float], ids: ChunkIds) -> list[tuple[int, float]]:
    return [(id, scores[id]) for id in ids.tolist() if id in scores]


def _best(scored: Iterable[tuple[int, float]], limit: int) -> tuple[tuple[int, float], ...]:
    return tuple(sorted(scored, key=lambda pair: (-pair[1], pair[0]))[:limit])


def _flat(dimension: int) -> faiss.IndexIDMap2:
    return faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    is_flat: bool
    generation: int


def _files(folder: Path) -> list[_File]:
    return [_file(path) for path in folder.glob("*.faiss") if _FILE.fullmatch(path.name)]


def _file(path: Path) -> _File:
    kind, _, generation = path.stem.partition("-")
    return _File(path, kind == "vectors", int(generation))
