"""The protocol of search engines: everything that the index needs from one.

Nothing above this module knows which engine finds the chunks; :mod:`index.engines` chooses it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from index.encoding.vectors import Vectors
from index.filters import Filters
from index.store.rows import ChunkIds


@dataclass(frozen=True, slots=True)
class Candidates:
    """Chunks that may answer a question, all of one generation.

    :param dense: the inner product of every candidate with the question's vector, -1 to 1
    :param lexical: the BM25 score (above 0) of those that share a term with the question and rank
        high by it
    :param idf: the inverse document frequency of each of the question's analysed terms in this
        generation
    :param excluded_all: whether no chunk passes the filters
    :param whole: False if the store has changed, so that a chunk may be missing; then search again
    """

    generation: int
    dense: Mapping[int, float]
    lexical: Mapping[int, float]
    idf: Mapping[str, float]
    excluded_all: bool = False
    whole: bool = True


class CandidateSource(Protocol):
    """The part of an engine that a search needs. Thread-safe."""

    @property
    def generation(self) -> int:
        """The generation that the next search sees."""

    def candidates(
        self, question: str, vector: Callable[[], Vectors], limit: int, filters: Filters
    ) -> Candidates:
        """The ``limit`` best chunks by vector and the ``limit`` best by terms, together.

        :param vector: computes the question's vector; it is called once, and may take a while
        :param filters: restrict the search itself, so that up to ``limit`` chunks still pass
        """

    def advance(self, past: int) -> None:
        """Wait until the next search sees a generation after ``past``, if the store has one.

        :raises StoreError: the engine stays behind the store
        """


class Engine(CandidateSource, Protocol):
    """Finds chunks by meaning and by words. Thread-safe.

    The store is written first, and the engine then applies the changes that it lacks. So if a
    process is killed, the engine can always catch up.
    """

    def follow(self) -> None:
        """Bring this process, which only reads, to the generation that another process has written.

        :raises StoreError: the indexes stay behind the store, or were built again with other
            settings
        """

    def catch_up(self) -> None:
        """Bring the indexes to the store's generation. Only the process that writes may call this.

        :raises StoreError: an index cannot be written
        """

    def sizes(self) -> Mapping[str, int]:
        """The number of chunks that each index holds, by the index's name in receipts."""

    def agrees(self) -> bool:
        """Whether all indexes hold as many chunks as the store. A quick check, not a proof."""

    def verify(self, chunk_ids: ChunkIds) -> list[str]:
        """A line for each fault: a damaged file, or an index that does not hold these chunks.

        :param chunk_ids: the ids of all chunks in the store
        """

    @property
    def needs_compaction(self) -> bool:
        """Whether :meth:`compact` has something to do."""

    def compact(self) -> Callable[[], None]:
        """Merge recent changes into the large part of an index. This takes a while and blocks
        nothing.

        :return: a function that makes searches use the result; the writer calls it after it has
            written a new generation
        :raises StoreError: it cannot be written to disk
        """

    def save(self) -> None:
        """Write to disk what makes the next opening faster. Only the process that writes may call
        this.
        """

    def discard(self) -> None:
        """Delete everything, on disk too; :meth:`catch_up` builds it again from the store."""

    def pause(self) -> None:
        """Finish background work; the next write starts it again."""

    def close(self) -> None:
        """Finish background work, and stop waiting for other generations."""
