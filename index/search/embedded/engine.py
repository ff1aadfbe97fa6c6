"""The engine that comes with Quoth: FAISS and tantivy in this process."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from corpus.errors import StoreError
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.search.allowed import AllowedChunks
from index.search.embedded.lexical import LexicalIndex
from index.search.embedded.lexical_files import damaged_files, discard_terms, move_terms
from index.search.embedded.lexical_search import LexicalSnapshot
from index.search.embedded.vectors import VectorIndex
from index.search.engine import Candidates
from index.store.chunks import VectorChanges
from index.store.rows import ChunkIds
from index.store.store import Store

_POLL_S = 0.02
_SAVE_AFTER_CHUNKS = 2_000

log = logging.getLogger("quoth")


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """Both indexes at one generation. Searches take one snapshot and need no lock."""

    vectors: VectorIndex
    lexical: LexicalSnapshot


class EmbeddedEngine:
    """FAISS and tantivy, kept at the store's generation.

    The store is written first. After every write and at every opening, the indexes apply the
    changes that they lack. So they can always catch up if the process is killed.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        dimension: int,
        writable: bool,
        mend: Callable[[], bool] = lambda: False,
    ) -> None:
        """Load what is on disk. :meth:`catch_up` or :meth:`follow` then brings it to the store's
        generation.

        :param mend: brings what is on disk to the store's generation if there is no writer to do
            it, and returns whether it could; for a reader whose writer was killed
        :raises StoreError: the lexical index is damaged and must not be written
        """
        self._folder = folder
        self._store = store
        self._dimension = dimension
        self._writable = writable
        self._mend = mend
        self._allowed = AllowedChunks(store)
        # Its threads end when the engine is garbage-collected.
        self._pool = ThreadPoolExecutor(thread_name_prefix="words")
        self._lexical = LexicalIndex(folder, writable)
        vectors = VectorIndex.load(folder, dimension, store.vectors, writable)
        self._snapshot = _Snapshot(vectors, self._lexical.snapshot)
        self._saved = vectors.generation
        self._unsaved_chunks = 0
        self._manifest = store.manifest()
        self._following = threading.Lock()
        self._closed = False

    @property
    def generation(self) -> int:
        """The generation that the next search sees."""
        return self._snapshot.vectors.generation

    @property
    def needs_compaction(self) -> bool:
        """Whether :meth:`compact` has something to do."""
        return self._snapshot.vectors.crowded

    def candidates(
        self, question: str, vector: Callable[[], Vectors], limit: int, filters: Filters
    ) -> Candidates:
        """The ``limit`` best chunks by vector and the ``limit`` best by terms, together."""
        # Words are searched in another thread while the vector is computed and searched with. On
        # two cores, this costs no time.
        snapshot = self._snapshot
        generation = snapshot.vectors.generation
        filters, valid_in = self._allowed.needed(filters, generation)
        allowed = self._allowed.of(filters, generation) if filters else None
        passing = None if allowed is None else allowed.ids
        by_words = self._pool.submit(snapshot.lexical.search, question, limit, filters, passing)
        near = snapshot.vectors.search(
            vector(),
            limit,
            passing,
            lambda: np.array([id for id, _ in by_words.result()], dtype=np.int64),
        )
        return Candidates(
            generation,
            {**near.others, **dict(near.hits)},
            dict(by_words.result()),
            snapshot.lexical.idf(question),
            excluded_all=allowed is not None and not len(allowed.ids),
            whole=near.whole
            and valid_in == generation
            and (allowed is None or allowed.generation == generation),
        )

    def verify(self, chunk_ids: ChunkIds) -> list[str]:
        """A line for each fault: a damaged file, or an index that does not hold these chunks."""
        damage = [
            *(
                f"the lexical index's file {name} is damaged"
                for name in damaged_files(self._folder)
            ),
            *(f"FAISS's file {name} is damaged" for name in VectorIndex.damaged(self._folder)),
        ]
        if damage:  # The contents of damaged files cannot be compared.
            return damage
        expected, snapshot = chunk_ids.tolist(), self._snapshot
        return [
            *_differences("FAISS", expected, snapshot.vectors.ids.tolist()),
            *_differences("the lexical index", expected, snapshot.lexical.ids()),
            *self._differing_vectors(snapshot.vectors),
        ]

    def _differing_vectors(self, held: VectorIndex) -> Iterator[str]:
        count = 0
        try:
            for part in self._store.vector_changes_since(0):
                count += held.differing(part.added, part.vectors)
        except StoreError as exc:
            yield f"FAISS's vectors cannot be compared with those of the store: {exc}"
        if count:
            yield f"{count} vectors in FAISS differ from those of the store"

    def sizes(self) -> dict[str, int]:
        """The number of chunks that FAISS (``vectors``) and the lexical index (``terms``) hold."""
        return {"vectors": len(self._snapshot.vectors), "terms": len(self._snapshot.lexical)}

    def agrees(self) -> bool:
        """Whether both indexes hold as many chunks as the store. A quick check, not a proof."""
        return set(self.sizes().values()) == {self._store.chunk_count()}

    def catch_up(self) -> None:
        """Bring both indexes to the store's generation. Only the process that writes may call this.

        :raises StoreError: the lexical index cannot be written; then the store is ahead until this
            succeeds
        """
        self._reach(self._snapshot.vectors)

    def compact(self) -> Callable[[], None]:
        """Merge new vectors into FAISS's compressed part, or create it. This takes a while and
        blocks nothing.

        :return: a function that makes searches use the result; the writer calls it after it has
            written a new generation
        :raises StoreError: it cannot be written to disk
        """
        vectors = self._snapshot.vectors
        compacted = self._built() if vectors.outgrown else vectors.compacted(self._folder)
        return partial(self._show, compacted)

    def follow(self, timeout_s: float = 5.0) -> None:
        """Bring this process to the generation that another process has written.

        :raises StoreError: the lexical index stays behind the store, or the index was built again
            with other settings
        """
        with self._following:  # Two threads at once could install an older generation.
            self._follow(timeout_s)

    def _follow(self, timeout_s: float) -> None:
        snapshot = self._snapshot
        if snapshot.vectors.generation == snapshot.lexical.generation == self._store.generation:
            return
        if not self.generation and self._store.generation:
            # FAISS's files cannot be read. A new file takes less memory than every vector.
            self._mend()
        deadline = time.monotonic() + timeout_s
        while True:
            vectors, lexical = self._nearest_on_disk(), self._lexical.refresh()
            parts = list(self._store.vector_changes_since(vectors.generation))
            if self._manifest not in (None, self._store.manifest()):
                raise StoreError(
                    "the index was built again with other settings; restart with those"
                )
            vectors = self._applied(vectors, parts)
            if vectors.generation == lexical.generation:
                self._snapshot = _Snapshot(vectors, lexical)
                return
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the lexical index is at generation {lexical.generation}, the store at "
                    f"{vectors.generation}; "
                    "run quoth rebuild when nothing writes"
                )
            if not self._mend():
                time.sleep(_POLL_S)

    def advance(self, past: int, timeout_s: float = 10.0) -> None:
        """Wait until the next search sees a generation after ``past``, if the store has one.

        In the process that writes, another thread is then between its write and :meth:`catch_up`.

        :raises StoreError: the indexes stay behind the store
        """
        if not self._writable:
            return self.follow(timeout_s)
        deadline = time.monotonic() + timeout_s
        while self.generation <= past < self._store.generation and not self._closed:
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the indexes stay at generation {past}, behind the store; restart, or run "
                    "quoth rebuild"
                )
            time.sleep(_POLL_S)
        return None

    def discard(self) -> None:
        """Delete everything, on disk too; :meth:`catch_up` builds it again from the store."""
        self._lexical.close()
        discard_terms(self._folder)
        VectorIndex.discard(self._folder)
        self._lexical = LexicalIndex(self._folder, writable=True)
        empty = VectorIndex.empty(self._dimension, self._store.vectors)
        self._snapshot = _Snapshot(empty, self._lexical.snapshot)
        self._saved = 0

    @staticmethod
    def move(source: Path, target: Path) -> None:
        """Replace the engine's files in one folder by those in another. Both engines are closed.

        If it is interrupted, it can be done again.
        """
        VectorIndex.move(source, target)
        move_terms(source, target)

    def save(self) -> None:
        """Write FAISS's part to disk, so that the next opening has less to catch up with. Only the
        writer does this.

        If there is no room, nothing is lost, because the store has everything.
        """
        vectors = self._snapshot.vectors
        if vectors.generation == self._saved:
            return
        try:
            vectors.save(self._folder)
        except StoreError as exc:
            log.warning("%s; the next start reads the vectors from the store", exc)
        self._saved = vectors.generation
        self._unsaved_chunks = 0

    def pause(self) -> None:
        """Finish background work; the next write starts it again."""
        self._lexical.close()

    def close(self) -> None:
        """Finish background work, and stop waiting for other generations."""
        self._closed = True
        self.pause()

    def _show(self, vectors: VectorIndex) -> None:
        self._reach(vectors)
        self.save()

    def _reach(self, vectors: VectorIndex) -> None:
        """Show these vectors, and the terms, at the store's generation."""
        reached = self._store.generation
        # The indexes are ahead only if an older copy of the store was restored.
        ahead = max(vectors.generation, self._snapshot.lexical.generation)
        if ahead > reached:
            log.warning(
                "%s: the database is at generation %d and its indexes are at %d: it was restored, "
                "or the last changes were lost; the indexes are built again",
                *(self._folder, reached, ahead),
            )
            self.discard()
            vectors = self._snapshot.vectors
        lexical = self._snapshot.lexical
        if lexical.generation < reached:
            lexical = self._lexical.apply(self._store.changes_since(lexical.generation))
        if vectors.generation < reached:
            vectors = self._forward(vectors)
        self._snapshot = _Snapshot(vectors, lexical)
        if self._unsaved_chunks >= _SAVE_AFTER_CHUNKS:
            self.save()

    def _forward(self, vectors: VectorIndex) -> VectorIndex:
        """The vectors at the store's generation, built from the store if there are none yet."""
        if vectors.generation == 0:
            return self._built()
        return self._applied(vectors, self._store.vector_changes_since(vectors.generation))

    def _applied(self, vectors: VectorIndex, parts: Iterable[VectorChanges]) -> VectorIndex:
        for part in parts:
            vectors = vectors.apply(part)
            self._unsaved_chunks += len(part.added) + len(part.removed)
        return vectors

    def _built(self) -> VectorIndex:
        ids, parts = self._store.chunk_ids(), self._store.vector_changes_since(0)
        self._unsaved_chunks += len(ids)
        return VectorIndex.built(self._folder, self._dimension, self._store.vectors, ids, parts)

    def _nearest_on_disk(self) -> VectorIndex:
        """The vectors of this process. If it has none, or too many beside its compressed part,
        newer ones on disk.
        """
        vectors = self._snapshot.vectors
        if vectors.generation and not vectors.crowded:
            return vectors
        on_disk = VectorIndex.load(self._folder, self._dimension, self._store.vectors)
        return on_disk if on_disk.generation > vectors.generation else vectors


def _differences(name: str, expected: Sequence[int], held: Sequence[int]) -> Iterator[str]:
    missing, extra = sorted(set(expected) - set(held)), sorted(set(held) - set(expected))
    if missing:
        yield f"{name} lacks {len(missing)} chunks of the store, the first {missing[0]}"
    if extra:
        yield f"{name} holds {len(extra)} chunks that the store does not, the first {extra[0]}"
    if len(held) != len(set(held)):
        yield f"{name} holds {len(held) - len(set(held))} chunks twice"
