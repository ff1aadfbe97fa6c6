"""Renewal builds an index again while the old one serves, with another encoder, other chunks or
other code.

The new index is a separate collection in a folder inside the data folder, filled with the documents
of the old one. When it has the same documents, it replaces the old one in one step, which is a new
generation. If the process is killed before that, the next process resumes the renewal.
"""

import logging
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus.document import Document
from corpus.errors import NotFoundError, StoreError
from corpus.load import ParseResult
from index.collection import Collection, adopt
from index.encoding.encoder import Encoder
from index.engines import open_engine
from index.ingest import is_same, prepare, write_batches
from index.opening import SUCCESSOR, take_files, take_lock
from index.store.documents import DocumentSummary
from index.store.manifest import Manifest, stored_revisions
from index.store.store import Store, holds_index
from index.store.succession import reserve_chunk_ids
from index.text.chunk import ChunkSettings

log = logging.getLogger("quoth")


@dataclass(frozen=True, slots=True)
class BuiltWith:
    """What an index was built with.

    :param source: the name or path that the encoder was loaded from
    :param identity: the encoder's identity, as in the manifest
    :param revisions: the revisions of the code that cut the documents
    """

    source: str
    identity: Mapping[str, object]
    chunking: ChunkSettings
    revisions: Mapping[str, int]


def built_otherwise(
    folder: Path, encoder: Encoder, settings: ChunkSettings | None = None
) -> BuiltWith | None:
    """What the index in a folder was built with if that differs from what is wanted now, else None.
    An index without documents never differs.

    :raises StoreError: the store is damaged or lost
    """
    if not holds_index(folder):
        return None
    store = Store(folder)
    try:
        stored: Any = store.manifest()  # JSON
        wanted = Manifest(encoder.identity, settings or ChunkSettings())
        if stored is None or not wanted.differences(stored) or store.is_empty():
            return None
        source = store.encoder_source() or stored["encoder"]["name"]
        return BuiltWith(
            source,
            stored["encoder"],
            ChunkSettings(**stored["chunking"]),
            revisions=stored_revisions(stored),
        )
    finally:
        store.close()


class Renewal:
    """Cuts and embeds the documents of a data folder again, in a collection that then replaces the
    old one.
    """

    def __init__(
        self,
        folder: Path,
        store: Store,
        encoder: Encoder,
        source: str,
        settings: ChunkSettings | None = None,
    ) -> None:
        """Begin a renewal, or resume one with the same encoder and settings.

        :param store: the store in ``folder``; this process holds the writer's lock
        :param source: what the encoder was loaded from, which is recorded
        :raises StoreError: the disk is full
        """
        self._store = store
        self._folder = folder
        target = folder / SUCCESSOR
        if built_otherwise(target, encoder, settings):
            shutil.rmtree(target)
        self._successor = Collection(target, encoder, writable=True, settings=settings)
        reserve_chunk_ids(store, self._successor.store)
        self._successor.store.set_encoder_source(source)
        self._stop = threading.Event()

    def run(self, collection: Collection) -> bool:
        """Fill the new collection while the old one serves and changes, then replace the old one.

        :return: False if :meth:`stop` was called before the end; the work so far is kept
        :raises DocumentError: a document has no text when it is cut again
        :raises StoreError: the disk is full; the old collection continues to serve
        """
        try:
            while self._fill() and not self._stop.is_set():
                pass
            with collection.writes_paused():
                self._fill()  # Documents may have changed since the last round.
                if self._stop.is_set():
                    return False
                collection.take_over(self._successor)
        finally:
            self._successor.close()
        log.info("the index is renewed, and is at generation %d", collection.generation)
        return True

    def run_alone(self) -> None:
        """Renew an index that no process serves."""
        self._fill()
        adopt(self._store, self._successor)
        take_files(self._folder, self._folder / SUCCESSOR)

    def stop(self) -> None:
        """Make :meth:`run` end soon."""
        self._stop.set()

    def _fill(self) -> int:
        """Give the new collection the documents that the old one has now, and return how many
        differed.
        """
        wanted = {summary.id: summary for summary in self._store.all_documents()}
        present = {summary.id: summary for summary in self._successor.documents()}
        self._successor.store.add_collections(self._store.collections())
        gone = [id for id in present if id not in wanted]
        lacking = [
            id for id, one in wanted.items() if id not in present or not _is_taken(one, present[id])
        ]
        if gone:
            self._successor.remove(gone)
        done = 0
        for batch in write_batches(
            ParseResult(document.id, document) for document in self._documents(lacking)
        ):
            if self._stop.is_set():
                break
            self._successor.exchange([loaded.document for loaded in batch if loaded.document])
            done += len(batch)
            log.info("renewing the index: %d of %d documents", done, len(lacking))
        return len(gone) + len(lacking)

    def _documents(self, ids: list[str]) -> Iterator[Document]:
        for id in ids:
            try:
                yield self._store.document(id)
            except NotFoundError:
                continue  # It was deleted meanwhile. The next round will notice.


def _is_taken(one: DocumentSummary, copy: DocumentSummary) -> bool:
    """Whether the new collection's copy of a document is up to date."""
    # An older version of Quoth recorded no structure, and the copy has the one of its text.
    return is_same(one if one.structure else replace(one, structure=copy.structure), copy)


def rebuild(
    folder: Path, encoder: Encoder, settings: ChunkSettings | None = None, source: str | None = None
) -> int:
    """Build the search indexes again from the store. If the index was built with other settings or
    other code, also cut and embed the documents again.

    Chunks and vectors of the store that are damaged are made again from the texts.

    :param source: what the encoder was loaded from; by default, its name
    :return: the number of chunks
    :raises StoreError: another process writes, or the database or texts are damaged; the message
        names the documents
    """
    manifest = Manifest(encoder.identity, settings or ChunkSettings())
    lock = take_lock(folder)
    try:
        store = Store(folder)
        store.mend_structure()
        _refuse_hurt_documents(store)
        if store.is_empty():
            store.set_manifest(manifest.as_dict())
        stored = store.manifest()
        if stored is not None and not manifest.differences(stored):
            _mend_chunks(store, encoder, manifest.chunking)
            _rebuild_indexes(folder, store, encoder.identity.dimension)
        else:
            Renewal(folder, store, encoder, source or encoder.identity.name, settings).run_alone()
        chunks = store.chunk_count()
        try:
            store.database.vacuum()
        except StoreError as exc:
            log.warning("free space could not be given back: %s", exc)
        store.close()
    finally:
        lock.release()
    return chunks


def _refuse_hurt_documents(store: Store) -> None:
    """Refuse to rebuild from texts that are damaged.

    :raises StoreError: the message names the documents
    """
    hurt = store.damaged_texts()
    if hurt:
        named = "; ".join(f"{document_id}: {fault}" for document_id, fault in sorted(hurt.items()))
        raise StoreError(
            f"{store.path}: the texts of {len(hurt)} documents are damaged and cannot be rebuilt "
            f"({named}); remove these with quoth remove, add them again, and run quoth rebuild, or "
            "restore a backup"
        )


def _mend_chunks(store: Store, encoder: Encoder, settings: ChunkSettings) -> None:
    """Cut and embed again the documents whose chunks or vectors are damaged. Their texts are
    sound.
    """
    damaged = sorted(store.damaged_documents())
    store.delete_loose_rows()
    documents = [store.document(name) for name in damaged if store.has_document(name)]
    for batch in write_batches(ParseResult(document.id, document) for document in documents):
        present = [parsed.document for parsed in batch if parsed.document]
        store.write(prepare(present, encoder, settings, store.embedded))
    if documents:
        log.info(
            "the chunks or vectors of %d documents were damaged, and are mended", len(documents)
        )


def _rebuild_indexes(folder: Path, store: Store, dimension: int) -> None:
    shutil.rmtree(folder / SUCCESSOR, ignore_errors=True)
    engine = open_engine(folder, store, dimension, writable=True)
    engine.discard()
    engine.catch_up()
    engine.save()
    engine.close()
