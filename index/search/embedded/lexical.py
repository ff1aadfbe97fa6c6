"""tantivy: the lexical index on disk, which any process may read and one at a time may write."""

from collections.abc import Iterable
from pathlib import Path

import tantivy

from corpus.errors import StoreError
from index.search.embedded.analyser import ANALYZER
from index.search.embedded.lexical_files import (
    TERMS_FOLDER,
    break_seal,
    damaged_files,
    discard_terms,
    has_current_terms,
    record_revisions,
    seal_terms,
    translated_errors,
)
from index.search.embedded.lexical_schema import make_entry, make_schema
from index.search.embedded.lexical_search import LexicalSnapshot
from index.store.chunks import ChunkChanges

_HEAP_BYTES = 32_000_000


class LexicalIndex:
    """The terms on disk. Any process may read them; one at a time may :meth:`apply` changes."""

    def __init__(self, folder: Path, writable: bool) -> None:
        """Open the index in ``folder``, and create it if there is none.

        :param writable: an index that is damaged, or that other code has built, may be replaced by
            an empty one. Nothing is lost: the store has every chunk, and what is missing is applied
            from there
        :raises StoreError: the index is damaged or built by other code, and must not be written
        """
        self._folder = folder / TERMS_FOLDER
        self._writer: tantivy.IndexWriter | None = None
        # An index that was built with other terms opens without an error, and finds nothing.
        is_current = has_current_terms(folder)
        # tantivy maps its files into memory without a check, and would find something else.
        damaged = damaged_files(folder)
        if writable and (not is_current or damaged):
            discard_terms(folder)
        elif damaged:
            raise StoreError(f"the lexical index is damaged ({damaged[0]}); run quoth rebuild")
        elif not is_current:
            raise StoreError(
                f"{self._folder}: the lexical index was built by another version of Quoth; run "
                "quoth rebuild, or start the process that writes this data folder again"
            )
        try:
            self._open()
        except StoreError:
            if not writable:
                raise
            discard_terms(folder)
            self._open()

    def refresh(self) -> LexicalSnapshot:
        """The generation that is on disk now."""
        with translated_errors():
            self._index.reload()
        self.snapshot = self._take_snapshot()
        return self.snapshot

    def apply(self, changes: Iterable[ChunkChanges]) -> LexicalSnapshot:
        """The generation that the changes lead to, on disk when this returns. Applying changes
        twice does no harm.

        :param changes: the parts of one step, at least one
        :raises StoreError: another writer is at work, or the disk is full
        """
        try:
            self._write(changes)
        except BaseException as exc:
            self._writer = None  # This discards its uncommitted changes.
            if not isinstance(exc, ValueError | OSError):
                raise
            raise StoreError(
                f"{self._folder}: the lexical index cannot be written ({exc}); make room if "
                "the disk is full. What is "
                "stored is not lost: it becomes visible with the next write, or when the "
                "index is next opened"
            ) from exc
        return self.refresh()

    def close(self) -> None:
        """Wait for background work and release tantivy's lock."""
        if self._writer is not None:
            self._writer.wait_merging_threads()
            self._writer = None
            seal_terms(self._folder.parent)

    def _open(self) -> None:
        with translated_errors():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            is_new = not tantivy.Index.exists(str(self._folder))
            self._index = tantivy.Index(make_schema(), path=str(self._folder))
        if is_new:
            record_revisions(self._folder.parent)
        self._index.register_tokenizer("quoth", ANALYZER)
        self.snapshot = self._take_snapshot()
        # This opens the terms of every segment, so that damage shows here and not at the first
        # question.
        self.snapshot.idf("text")

    def _take_snapshot(self) -> LexicalSnapshot:
        return LexicalSnapshot(self._index.searcher(), self._index.schema)

    def _write(self, changes: Iterable[ChunkChanges]) -> None:
        if self._writer is None:
            break_seal(self._folder.parent)
            self._writer = self._index.writer(heap_size=_HEAP_BYTES, num_threads=1)
            # An interrupted commit may have left files whose names will be used again.
            self._writer.garbage_collect_files()
        reached = 0
        for part in changes:
            self._write_part(self._writer, part)
            reached = part.generation
        self._writer.delete_documents_by_query(tantivy.Query.exists_query("generation"))
        marker = tantivy.Document()
        marker.add_unsigned("generation", reached)
        self._writer.add_document(marker)
        self._writer.commit()

    def _write_part(self, writer: tantivy.IndexWriter, part: ChunkChanges) -> None:
        if self.snapshot.generation > 0:
            # By query: deleting by term takes a Python int for a signed number, and misses an
            # unsigned field.
            stale = [*part.removed.tolist(), *(stored.id for stored in part.added)]
            writer.delete_documents_by_query(
                tantivy.Query.term_set_query(self._index.schema, "chunk_id", stale)
            )
        for stored in part.added:
            writer.add_document(make_entry(stored))
