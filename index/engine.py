"""The search protocol, and the engine that comes with Quoth: FAISS and tantivy in this process.

Nothing above this module knows which engine finds the chunks.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from corpus.errors import StoreError
from index.embed import Vectors
from index.lexical import LexicalIndex, LexicalSnapshot, damaged_files
from index.store import Filters, Ids, Store
from index.vectors import VectorIndex

_POLL_S = 0.02
_SAVE_AFTER_CHUNKS = 2_000


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks that may answer a question, all of one generation.

    :param dense: inner product with the question's vector (-1 to 1), of every candidate
    :param lexical: BM25 (above 0), of those that share a term with the question and rank high by it
    :param idf: inverse document frequency, over this generation's chunks, of each of the question's analysed terms
    """

    generation: int
    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    idf: Mapping[str, float]


class Engine(Protocol):
    """Finds chunks by meaning and by words. Thread-safe."""

    @property
    def generation(self) -> int:
        """The generation that the next search sees."""

    def candidates(
        self, question: str, vector: Vectors, limit: int, filters: Filters, allowed: Ids | None
    ) -> Candidates:
        """The ``limit`` best chunks by vector and the ``limit`` best by terms, together.

        :param filters: narrow the search itself
        :param allowed: the numbers of the chunks that pass the filters, None where nothing is narrowed
        """

    def advance(self, store: Store, past: int) -> None:
        """Wait until the next search sees a generation after ``past``, where the store has one.

        :raises StoreError: the engine stays behind the store
        """


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Both indexes at one generation. Searches take one snapshot and need no lock."""

    vectors: VectorIndex
    lexical: LexicalSnapshot


class EmbeddedEngine:
    """FAISS and tantivy, kept at the store's generation.

    The store is written first; the indexes follow by applying what they miss (:class:`index.store.Changes`), here after
    every write and at every opening. So killing the process at any moment leaves nothing that cannot be caught up.
    """

    def __init__(self, folder: Path, dimension: int, writable: bool, mend: Callable[[], bool] = lambda: False) -> None:
        """Load what is on disk; :meth:`catch_up` or :meth:`follow` brings it to the store's generation.

        :param mend: brings what is on disk to the store's generation where no writer is there to do it, and says
            whether it could; for a reader whose writer was cut off
        :raises StoreError: the lexical index is damaged and not to be written
        """
        self._folder = folder
        self._dimension = dimension
        self._writable = writable
        self._mend = mend
        self._lexical = LexicalIndex(folder, writable)
        self._snapshot = _Snapshot(VectorIndex.load(folder, dimension), self._lexical.snapshot)
        self._saved = self._snapshot.vectors.generation
        self._unsaved_chunks = 0

    @property
    def generation(self) -> int:
        """The generation that the next search sees."""
        return self._snapshot.vectors.generation

    def candidates(
        self, question: str, vector: Vectors, limit: int, filters: Filters, allowed: Ids | None
    ) -> Candidates:
        """The ``limit`` best chunks by vector and the ``limit`` best by terms, together."""
        snapshot = self._snapshot
        dense = dict(snapshot.vectors.search(vector, limit, allowed))
        lexical = dict(snapshot.lexical.search(question, limit, filters))
        missing = np.array([id for id in lexical if id not in dense], dtype=np.int64)
        dense.update(snapshot.vectors.search(vector, len(missing), missing))
        return Candidates(snapshot.vectors.generation, dense, lexical, snapshot.lexical.idf(question))

    def chunk_ids(self) -> tuple[list[int], list[int]]:
        """The numbers of the chunks that FAISS holds, and of those that the lexical index holds, ascending."""
        return self._snapshot.vectors.ids.tolist(), self._snapshot.lexical.ids()

    def damage(self) -> list[str]:
        """A line for each file on disk that is not what was written."""
        return [f"the lexical index's file {name} is damaged" for name in damaged_files(self._folder)]

    def sizes(self) -> tuple[int, int]:
        """How many chunks FAISS holds, and how many the lexical index holds."""
        return len(self._snapshot.vectors), len(self._snapshot.lexical)

    def catch_up(self, store: Store) -> None:
        """Bring both indexes to the store's generation. For the process that may write.

        :raises StoreError: the lexical index cannot be written; the store is ahead then, until this succeeds
        """
        vectors, lexical = self._snapshot.vectors, self._snapshot.lexical
        reached = store.generation
        if max(vectors.generation, lexical.generation) > reached:  # the store was put back to an older state
            self.discard()
            vectors, lexical = self._snapshot.vectors, self._snapshot.lexical
        since = min(vectors.generation, lexical.generation)
        if since == reached:
            return
        changes = store.changes_since(since)
        lexical = self._lexical.apply(changes)
        self._snapshot = _Snapshot(vectors.apply(changes), lexical)
        self._unsaved_chunks += len(changes.added) + len(changes.removed)
        if self._unsaved_chunks >= _SAVE_AFTER_CHUNKS:
            self.save()

    def follow(self, store: Store, timeout_s: float = 5.0) -> None:
        """Bring this process to the generation that another one has written.

        :raises StoreError: the lexical index stays behind the store: the writer is very slow
        """
        deadline = time.monotonic() + timeout_s
        while True:
            vectors, lexical = self._snapshot.vectors, self._lexical.refresh()
            changes = store.changes_since(vectors.generation)
            if changes.generation == lexical.generation:
                self._snapshot = _Snapshot(vectors.apply(changes), lexical)
                return
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the lexical index is at generation {lexical.generation}, the store at {changes.generation}; "
                    "run quoth rebuild when nothing writes"
                )
            if not self._mend():
                time.sleep(_POLL_S)

    def advance(self, store: Store, past: int, timeout_s: float = 10.0) -> None:
        """Wait until the next search sees a generation after ``past``, where the store has one.

        In the process that writes, another thread is between its write and :meth:`catch_up`.

        :raises StoreError: the indexes stay behind the store
        """
        if not self._writable:
            return self.follow(store, timeout_s)
        deadline = time.monotonic() + timeout_s
        while self.generation <= past < store.generation:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the indexes stay at generation {past}, behind the store; restart, or run quoth rebuild"
                )
            time.sleep(_POLL_S)
        return None

    def discard(self) -> None:
        """Forget everything, on disk too; :meth:`catch_up` makes it anew from the store."""
        self._lexical.close()
        LexicalIndex.discard(self._folder)
        VectorIndex.discard(self._folder)
        self._lexical = LexicalIndex(self._folder, writable=True)
        self._snapshot = _Snapshot(VectorIndex.empty(self._dimension), self._lexical.snapshot)
        self._saved = 0

    def save(self) -> None:
        """Write FAISS's part to disk, so that the next opening has less to catch up. Only the writer does this."""
        if self._snapshot.vectors.generation != self._saved:
            self._snapshot.vectors.save(self._folder)
            self._saved = self._snapshot.vectors.generation
            self._unsaved_chunks = 0

    def close(self) -> None:
        """Finish background work."""
        self._lexical.close()
