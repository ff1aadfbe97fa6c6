"""A collection is an open data folder, through which documents are searched and changed."""

import logging
import threading
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from corpus.document import DEFAULT_COLLECTION, Document
from corpus.errors import ConflictError, DocumentError, NotFoundError, StoreError
from corpus.load import ParseResult, extraction_revisions
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.filters import EVERYTHING, Scope
from index.ingest import prepare, refuse_repeats, status_of, write_batches
from index.opening import close_to_others, open_to_read, open_to_write, take_files, take_lock
from index.outcome import FileOutcome, FileStatus
from index.search.engine import Engine
from index.search.searcher import Searcher
from index.store.application import ApplicationData, TransactionStep
from index.store.collections import StoredCollection, delete_collection_row, no_collection
from index.store.documents import DocumentSummary
from index.store.manifest import Manifest, code_revisions
from index.store.originals import Originals
from index.store.store import Store
from index.store.succession import take_over
from index.store.writing import Removal
from index.text.chunk import ChunkSettings

_REST_S = 600.0
_NOBODY: Mapping[str, str] = MappingProxyType({})

Admit = Callable[[Document, DocumentSummary], None]
"""Called for each document that would replace another one, with what is stored. Raises
DocumentError if it may not.
"""

log = logging.getLogger("quoth")


def stay_in_collection(document: Document, present: DocumentSummary) -> None:
    """Refuse to move a document to another collection by adding it there: its id may be another
    one's by chance.

    :raises ConflictError: it is in another collection than the one that was named
    """
    if document.collection not in (None, present.collection):
        raise ConflictError(
            document.id,
            f"a document of collection {present.collection!r} has this id; give this one another "
            "id, or change the collection of that one",
        )


@dataclass(frozen=True, slots=True)
class Exchanged:
    """The result of adding and removing documents together.

    :param outcomes: one for each document that was added, in order
    :param removed: the ids of the documents that were removed
    """

    outcomes: tuple[FileOutcome, ...]
    removed: frozenset[str]
    generation: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The result of removing documents.

    :param documents: the store's receipt for each document
    :param entries: the number of entries that each index of the engine lost, by its name
    """

    documents: tuple[Removal, ...]
    entries: Mapping[str, int]
    generation: int


class Collection:
    """One data folder. Any number of processes may read it, but only one may write it."""

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        *,
        writable: bool,
        settings: ChunkSettings | None = None,
        revisions: Mapping[str, int] | None = None,
        application: Sequence[ApplicationData] = (),
        keep_versions: int | None = None,
        keep_originals: bool = True,
    ) -> None:
        """Open the folder and bring its indexes to the state of the store.

        :param writable: take the writer's lock, which one process at a time can hold
        :param revisions: the revisions of the code that the index was built with, to serve it
            while it is renewed; by default an index of other code is refused. Documents that are
            added meanwhile are cut by the current code, and the renewal cuts them again
        :param application: other data in the store's database
        :param keep_versions: how many former versions of a document are kept; None keeps all
        :param keep_originals: whether the files that documents are read from are kept
        :raises StoreError: another process writes, the index was built with other settings or
            other code, or it is damaged
        """
        self.folder = folder
        self._encoder = encoder
        self._settings = settings or ChunkSettings()
        self._manifest = Manifest(
            encoder.identity, self._settings, code_revisions() if revisions is None else revisions
        )
        self._writing = threading.RLock()
        self._stopping = threading.Event()
        self._tending: threading.Thread | None = None
        self._rest_until_s = 0.0
        self._lock = take_lock(folder) if writable else None
        try:
            if writable:
                close_to_others(folder)
            self.store = Store(folder, application, keep_versions)
            self.store.check_structure()
            self.originals = Originals(folder)
            self._keep_originals = keep_originals
            if writable:
                self.originals.sweep(self.store.named_originals())
                if self.store.extraction() is None:
                    # No file was kept before this was recorded.
                    self.store.set_extraction(extraction_revisions())
            self._check_manifest()
            self._engine = self._open_engine()
        except BaseException:
            self._release()
            raise
        self.searcher = Searcher(self.store, self._engine, encoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def stop(self) -> None:
        """Let every change that is still being prepared fail, so that :meth:`close` is soon done.

        Later changes fail too.
        """
        self._stopping.set()

    def close(self) -> None:
        """Finish background work, save, close the files and release the lock."""
        self._finish_tending()
        with self._writing:
            if self._lock is not None:
                self._engine.save()
            self._engine.close()
            self.store.close()
            if self._lock is not None:
                close_to_others(self.folder)  # tantivy gives its files the usual modes.
            self._release()

    @property
    def generation(self) -> int:
        """The generation that the next search sees."""
        return self._engine.generation

    def require_writable(self) -> None:
        """Check that this process may write.

        :raises StoreError: it opened the folder only to read
        """
        if self._lock is None:
            raise StoreError(f"{self.folder} was opened for reading only")

    def keep_up(self) -> None:
        """Show what another process has written. A process always sees its own writes.

        :raises StoreError: the indexes stay behind the store
        """
        if self._lock is None and self.store.generation != self.generation:
            self._engine.follow()

    def put(
        self, documents: Sequence[Document], admit: Admit = stay_in_collection
    ) -> tuple[list[FileOutcome], int]:
        """Add or replace all documents or none. When this returns, the next question sees them.

        :return: an outcome for each document, in order, and the generation
        :raises DocumentError: two have the same id, or one has no text, or may not replace what is
            stored; then none is added
        :raises NotFoundError: there is no such collection
        :raises StoreError: this process may not write, or the disk is full
        """
        done = self.exchange(documents, admit=admit)
        return list(done.outcomes), done.generation

    def put_files(
        self, files: Iterable[ParseResult], admit: Admit = stay_in_collection
    ) -> Iterator[FileOutcome]:
        """Add or replace the documents of many files in batches. A bad file does not stop the rest.

        An outcome is yielded only when its batch is on disk and visible.
        """
        for batch in write_batches(files):
            yield from self._put_batch(batch, admit)

    def remove(self, ids: Sequence[str], scope: Scope = EVERYTHING) -> Removed:
        """Remove all documents or none, with their versions, chunks, and everything that shows
        their text.

        :param scope: other documents do not exist for this
        :raises NotFoundError: one of them does not exist
        :raises StoreError: this process may not write, or the disk is full
        """
        with self._writing:
            self.require_writable()
            for id in ids:
                if not self.store.within(scope).has_document(id):
                    raise NotFoundError(f"there is no document {id!r}")
            return self._remove(list(dict.fromkeys(ids)))

    def add_collection(
        self, name: str, description: str = "", min_confidence: float | None = None
    ) -> StoredCollection:
        """Create a collection.

        :param min_confidence: the lowest confidence of its answers, by default the calibrated one
        :raises DocumentError: the name cannot be one
        :raises ConflictError: there is one of this name
        :raises StoreError: this process may not write, or the disk is full
        """
        with self._writing:
            self.require_writable()
            return self.store.add_collection(name, description, min_confidence)

    def remove_collection(self, name: str, scope: Scope = EVERYTHING) -> Removed:
        """Remove a collection with all of its documents, and everything that shows their text.

        :param scope: other collections do not exist for this
        :raises NotFoundError: there is no such collection
        :raises ConflictError: it is the default one, which always exists
        :raises StoreError: this process may not write, or the disk is full
        """
        if name == DEFAULT_COLLECTION:
            raise ConflictError(name, "the default collection always exists; remove its documents")
        with self._writing:
            self.require_writable()
            if name not in {each.name for each in self.store.collections(scope)}:
                raise no_collection(name)
            its_own = self.store.within(Scope(frozenset((name,)))).all_documents()
            return self._remove(
                [summary.id for summary in its_own],
                also=partial(delete_collection_row, name=name),
            )

    def _remove(self, ids: Sequence[str], also: TransactionStep | None = None) -> Removed:
        with self._writing:
            self._engine.catch_up()  # So that only this removal is counted.
            before = self._engine.sizes()
            originals = self.store.originals_of(ids)
            _, removals = self.store.write([], ids, also=also)
            self._delete_unnamed(originals)
            self._catch_up()
            self.store.database.checkpoint()
            after = self._engine.sizes()
            entries = {name: before[name] - after[name] for name in before}
            return Removed(tuple(removals), entries, self.generation)

    def amend(
        self,
        document_id: str,
        change: Callable[[Document], Document],
        scope: Scope = EVERYTHING,
    ) -> FileOutcome:
        """Change what is known of a document besides its text: title, address, date, tags,
        collection and groups. When this returns, the next question sees it.

        :param change: returns the document with other metadata, and the same id and text
        :param scope: other documents do not exist for this
        :raises NotFoundError: there is no such document or collection
        :raises DocumentError: the new metadata is refused
        :raises StoreError: this process may not write, or the disk is full
        """
        with self._writing:
            done = self.exchange([change(self.store.within(scope).document(document_id))])
        return done.outcomes[0]

    def exchange(
        self,
        documents: Sequence[Document],
        leaving: Mapping[str, str] = _NOBODY,
        origins: Mapping[str, str] = _NOBODY,
        also: TransactionStep | None = None,
        only_over: Mapping[str, str] = _NOBODY,
        admit: Admit | None = None,
    ) -> Exchanged:
        """Add documents and remove others, as one generation.

        A document that names no collection or no groups keeps those that are stored.

        :param leaving: the ids of documents to remove, each with its version; a document that now
            has another version stays
        :param origins: the former ids of documents that have a new id; they keep their vectors
        :param also: called in the same transaction to write data of the application
        :param only_over: the version that a document must have now to be replaced; one that was
            changed or removed meanwhile is left out
        :param admit: whether documents may replace those that are stored; by default all may
        :raises DocumentError: two have the same id, or one has no text or is not admitted; then
            nothing has changed
        :raises NotFoundError: there is no such collection; then nothing has changed
        :raises StoreError: this process may not write, or the disk is full
        """
        refuse_repeats(documents)
        if not self._keep_originals:
            documents = [replace(document, original=None) for document in documents]
        with self._writing:
            self.require_writable()
            before = self.store.summaries([*(document.id for document in documents), *leaving])
            documents = [
                document
                for document in documents
                if document.id not in only_over
                or (document.id in before and before[document.id].version == only_over[document.id])
            ]
            self.store.require_collections(
                {document.collection for document in documents if document.collection is not None}
            )
            for document in documents:
                if admit is not None and document.id in before:
                    admit(document, before[document.id])
            documents = [_completed(document, before.get(document.id)) for document in documents]
            statuses = {
                document.id: status_of(document, before.get(document.id)) for document in documents
            }
            changed = [
                document
                for document in documents
                if statuses[document.id] is not FileStatus.UNCHANGED
            ]
            originals = self.store.originals_of([*before])
            left = before.keys() - statuses
            removed = [
                id
                for id, version in leaving.items()
                if id in left and before[id].version == version
            ]
            if changed or removed:
                try:
                    # The files are on the disk before anything names them.
                    for document in changed:
                        originals |= self._keep_original(document)
                    prepared = prepare(
                        changed,
                        self._encoder,
                        self._settings,
                        partial(self._known, before, origins),
                        self._check_stopped,
                    )
                    self.store.write(prepared, removed, also=also)
                finally:
                    self._delete_unnamed(originals)
            elif also is not None:
                with self.store.database.transaction("NORMAL") as connection:
                    also(connection)
            self._catch_up()
            if removed:
                self.store.database.checkpoint()
            return Exchanged(
                self._outcomes(statuses, documents), frozenset(removed), self.generation
            )

    def clean(self) -> None:
        """Delete the former versions that are not to be kept, make the files of the indexes forget
        what was removed where that is cheap, and give free space back to the disk.

        :raises StoreError: this process may not write, or the disk is full
        """
        self.require_writable()
        self.store.drop_former_versions()
        with self._writing:
            self.originals.sweep(self.store.named_originals())
            self._engine.save()
        self.store.database.give_back()
        self.store.database.checkpoint()

    @contextmanager
    def writes_paused(self) -> Iterator[None]:
        """Block all changes of documents while the block runs. Searches continue."""
        with self._writing:
            self.require_writable()
            yield

    def settle(self, generation: int) -> None:
        """Bring the store and the indexes on disk to a generation number without changing any
        document, and finish background work.

        :raises StoreError: this process may not write, or the disk is full
        """
        self._finish_tending()
        with self.writes_paused():
            self.store.skip_to(generation)
            self._engine.catch_up()
            self._engine.save()

    def take_over(self, successor: "Collection") -> None:
        """Replace the chunks by those of another collection of the same documents, and search with
        its encoder.

        Call this inside :meth:`writes_paused`. It closes the other collection and moves its files.

        :raises StoreError: the disk is full; if the store had not changed yet, nothing has changed
        """
        self._engine.pause()
        adopt(self.store, successor)
        self._encoder, self._settings, self._manifest = (
            successor._encoder,
            successor._settings,
            successor._manifest,
        )
        self._engine.close()  # Running searches keep their files open.
        take_files(self.folder, successor.folder)
        self._engine = self._open_engine()
        self.searcher.switch_to(self._engine, self._encoder)

    def documents(self) -> Iterator[DocumentSummary]:
        """Every document without its text, in the order of their ids."""
        return self.store.all_documents()

    def verify(self) -> list[str]:
        """A line for each fault of the index; none if it is sound.

        Checks the structure of the database and the checksums of its rows, that every chunk is its
        span of the stored text and has a vector, and that the search indexes hold the chunks and
        vectors of the store. The kept files are compared with their digests.
        """
        faults = [*self.store.faults(), *self._original_faults()]
        try:
            return [*faults, *self._engine.verify(self.store.chunk_ids())]
        except StoreError as exc:
            return [*faults, str(exc)]

    def sizes(self) -> dict[str, int]:
        """The number of chunks in the store and in each index of the engine, by name."""
        return {"store": self.store.chunk_count(), **self._engine.sizes()}

    def _put_batch(self, batch: Sequence[ParseResult], admit: Admit) -> Iterator[FileOutcome]:
        """Add a batch. If a document cannot be added, add each on its own, so that one bad file
        does not stop the rest.
        """
        documents = [parsed.document for parsed in batch if parsed.document is not None]
        try:
            outcomes = {outcome.document_id: outcome for outcome in self.put(documents, admit)[0]}
        except DocumentError as exc:
            if len(batch) == 1:
                yield FileOutcome(batch[0].source, FileStatus.FAILED, reason=exc.reason)
            else:
                for parsed in batch:
                    yield from self._put_batch([parsed], admit)
            return
        for parsed in batch:
            if parsed.document is not None:
                yield replace(outcomes[parsed.document.id], source=parsed.source)
            elif parsed.error is not None:
                yield FileOutcome(parsed.source, FileStatus.FAILED, reason=parsed.error.reason)
            else:
                yield FileOutcome(parsed.source, FileStatus.UNCHANGED)

    def _keep_original(self, document: Document) -> set[str]:
        """Keep the file of a document, and return its digest, if there is one.

        :raises DocumentError: it has changed since it was read
        """
        content = document.content
        if content is None or document.original is None:
            return set()
        try:
            self.originals.keep(content)
        except DocumentError as exc:
            # Callers look for the document that cannot be stored by its id.
            raise DocumentError(document.id, exc.reason) from exc
        return {content.sha256}

    def _delete_unnamed(self, digests: set[str]) -> None:
        """Delete those of the kept files that no version of a document names."""
        if digests:
            self.originals.delete(digests - self.store.named_originals(digests))

    def _original_faults(self) -> list[str]:
        try:
            named = self.store.named_originals()
        except StoreError as exc:
            return [str(exc)]
        # A document may be removed while its file is being read.
        return [
            fault
            for sha256 in sorted(named)
            for fault in self.originals.faults([sha256])
            if self.store.named_originals({sha256})
        ]

    def _check_stopped(self) -> None:
        if self._stopping.is_set():
            raise StoreError("the service is ending, and nothing was changed; try again")

    def _known(
        self, present: Container[str], origins: Mapping[str, str], id: str
    ) -> dict[str, Vectors]:
        """The current vectors of a document, and those that it had under its former id."""
        before = self.store.embedded(origins[id]) if id in origins else {}
        return before | self.store.embedded(id) if id in present else before

    def _outcomes(
        self, statuses: Mapping[str, FileStatus], documents: Sequence[Document]
    ) -> tuple[FileOutcome, ...]:
        summaries = self.store.summaries(list(statuses))
        if lost := statuses.keys() - summaries:
            raise StoreError(
                f"documents were written but are missing: {', '.join(sorted(lost))}; run "
                "quoth verify"
            )
        return tuple(
            FileOutcome(
                document.id,
                statuses[document.id],
                document.id,
                version=summaries[document.id].version,
                chunks=summaries[document.id].chunks,
                notes=document.notes,
            )
            for document in documents
        )

    def _check_manifest(self) -> None:
        stored = self.store.manifest()
        if stored is None or self.store.is_empty():
            if self._lock is not None and stored != self._manifest.as_dict():
                self.store.set_manifest(self._manifest.as_dict())
        else:
            self._manifest.check(stored)

    def _open_engine(self) -> Engine:
        opening = open_to_read if self._lock is None else open_to_write
        return opening(self.folder, self.store, self._encoder.identity.dimension)

    def _catch_up(self) -> None:
        self._engine.catch_up()
        at_rest = self._tending is None or not self._tending.is_alive()
        if self._engine.needs_compaction and at_rest and time.monotonic() >= self._rest_until_s:
            self._tending = threading.Thread(
                target=self._compact, args=(self._engine,), name="compact", daemon=True
            )
            self._tending.start()

    def _finish_tending(self) -> None:
        if self._tending is not None:
            self._tending.join()

    def _compact(self, engine: Engine) -> None:
        """Compact the engine's indexes, as a generation of its own."""
        try:
            show = engine.compact()
            with self._writing:
                if engine is self._engine:
                    self.store.write([])
                    show()
        except StoreError as exc:
            log.warning("%s; searches are slower until this is fixed", exc)
            self._rest_until_s = time.monotonic() + _REST_S

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def _completed(document: Document, present: DocumentSummary | None) -> Document:
    """The document with a collection and groups: those that it names, or those that are stored."""
    collection, groups = document.collection, document.groups
    if collection is None:
        collection = present.collection if present else DEFAULT_COLLECTION
    if groups is None:
        groups = present.groups if present else ()
    return replace(document, collection=collection, groups=groups)


def adopt(store: Store, successor: Collection) -> None:
    """Replace the store's chunks by the successor's, as a new generation, and close the successor.

    :raises StoreError: the disk is full; then the store has not changed
    """
    successor.settle(max(store.generation, successor.generation) + 1)
    take_over(store, successor.store)
    successor.close()
