"""Syncing: mirrors a folder into a collection, so that the index has what the folder has."""

import os
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path

from corpus.claims import IdClaims
from corpus.document import DEFAULT_COLLECTION, Document
from corpus.errors import ConflictError, DocumentError
from corpus.folder import scan
from corpus.folder_groups import FolderGroups
from corpus.load import extraction_revisions
from corpus.pool import ParserPool
from corpus.unread import UnreadFiles
from index.collection import Collection
from index.ingest import write_batches
from index.outcome import FileOutcome, FileStatus
from index.store.documents import DocumentSummary
from service.mirror.ledger import FileStage, Ledger, LedgerChange, LedgerEntry
from service.mirror.plan import SyncPlan, make_plan, root_of
from service.mirror.plan_reader import FileUpdate, PlanReader, failed_update


class Mirror:
    """Keeps a collection in sync with a folder."""

    def __init__(
        self,
        collection: Collection,
        folder: Path,
        *,
        tags: Sequence[str] | None = None,
        into: str | None = None,
    ) -> None:
        """A mirror of ``folder``, which need not exist yet.

        :param tags: the tags of all its documents from now on; None keeps those of the last sync
        :param into: the collection of all its documents from now on; None keeps that of the last
            sync
        """
        self.folder = Path(os.path.abspath(folder))
        self._collection = collection
        self._store = collection.store
        self._ledger = Ledger(collection.store.database)
        self._tags = tags
        self._into = into

    def plan(self, *, again: bool = False, allow_empty: bool = False) -> SyncPlan:
        """Find out what has changed in the folder.

        :param again: read and parse every file, whether it has changed or not
        :param allow_empty: if the folder is empty, remove all of its documents
        :raises DocumentError: the folder does not exist, cannot be listed, or is suddenly empty; or
            a file that states the groups of a folder is not valid
        :raises NotFoundError: there is no such collection
        :raises StoreError: the folder overlaps another one that is synced
        """
        known_root = root_of(self._store, self.folder)
        root = known_root
        if self._tags is not None:
            root = replace(known_root, tags=tuple(sorted(set(self._tags))))
        if self._into is not None:
            root = replace(root, collection=self._into)
        if root.collection is not None:
            self._store.require_collections({root.collection})
        unread = UnreadFiles()
        states, versions = scan(self.folder, unread), self._ledger.versions(root.path)
        groups = FolderGroups()
        for state in states:
            groups.of(state.path)
        root = replace(root, groups=groups.stated())
        if not states and versions and not allow_empty:
            raise DocumentError(
                root.path,
                f"has no documents now, but the index has {len(versions)} from it. Is a disk not "
                "mounted? Nothing was changed; quoth sync --allow-empty removes them",
            )
        known = self._ledger.entries(root.path)
        # Other tags or groups, or another collection, change every document, so every file must
        # be read.
        again = again or root != known_root
        extracted = self._ledger.revisions(root.path)
        outdated = {
            suffix
            for suffix, revision in extraction_revisions().items()
            # A ledger from before revisions was written by the first one of every format.
            if revision != extracted.get(suffix, 1)
        }
        plan = make_plan(
            root,
            states,
            known,
            versions=versions,
            again=again,
            outdated=outdated,
            nameless=self._ledger.nameless(root.path),
            groups=groups,
        )
        return replace(plan, unread=unread)

    def carry_out(self, plan: SyncPlan, pool: ParserPool) -> Iterator[FileOutcome]:
        """Carry out a plan, a batch at a time. Each outcome is yielded when it is on disk and
        visible.

        If the caller stops asking, the work stops after the current batch, and the next sync does
        the rest. Documents of missing files are removed with the last batch, and those of moved
        files with the batch of the new path, so that a small sync is a single generation.

        :raises StoreError: this process may not write, or the disk is full; the outcomes that were
            yielded are kept
        """
        self._collection.require_writable()
        yield from map(_unread_outcome, plan.unchanged)
        self._ledger.record(
            # Outdated files have lost their fingerprints in these lines, so that they are read even
            # if this sync is interrupted.
            LedgerChange(
                list(plan.pending.values()),
                root=plan.root,
                revisions=extraction_revisions(),
                unread=plan.unread,
            )
        )
        reader = PlanReader(plan, IdClaims(self._ledger.claims()))
        # One batch is held back, because the last one also removes the missing files, and which
        # files are missing is known only when all have been read.
        held: list[FileUpdate] = []
        for batch in write_batches(reader.read(pool)):
            yield from self._commit(reader, held, ())
            held = batch
        yield from self._commit(reader, held, reader.missing)

    def _commit(
        self, reader: PlanReader, batch: Sequence[FileUpdate], missing: Sequence[LedgerEntry]
    ) -> Iterator[FileOutcome]:
        """Write a batch. A document that cannot be stored fails alone."""
        arriving = [update for update in batch if update.document is not None]
        previous = [*(update.before for update in arriving), *missing]
        change = LedgerChange(
            [update.entry for update in batch], [entry.path for entry in previous]
        )
        try:
            done = self._collection.exchange(
                [update.document for update in arriving if update.document is not None],
                reader.removable(previous),
                origins={
                    update.entry.document_id or "": update.before.document_id
                    for update in arriving
                    if update.before.document_id
                },
                also=change.write if change else None,
                admit=partial(_may_replace, set(chain.from_iterable(map(_own_ids, arriving)))),
            )
        except DocumentError as exc:
            yield from self._commit(reader, _without_failed_document(batch, exc), missing)
            return
        statuses = {outcome.document_id: outcome.status for outcome in done.outcomes}
        for update in batch:
            yield FileOutcome(
                update.entry.path,
                _status(update, statuses),
                update.entry.document_id,
                moved_from=update.moved_from,
                reason=update.entry.reason,
                notes=update.document.notes if update.document else (),
            )
        for entry in missing:
            yield _missing_outcome(entry, done.removed)


def _own_ids(update: FileUpdate) -> Iterator[str | None]:
    """The ids of documents that a file may replace: the one that it gave before, and the one that
    its path makes. Any other is from its front matter, where whoever writes the file chooses it.
    """
    yield update.before.document_id
    if update.document and update.entry.path.endswith(f"/{update.document.id}"):
        yield update.document.id


def _may_replace(own: Set[str | None], document: Document, present: DocumentSummary) -> None:
    """Refuse to replace a document that a file took its id from, if others may know of it.

    :param own: the ids that the files have not chosen
    :raises ConflictError: it is in another collection, or for some groups
    """
    target = document.collection or DEFAULT_COLLECTION
    if document.id not in own and (present.collection != target or present.groups):
        raise ConflictError(
            document.id, "has the id of a document elsewhere in the index; give it another one"
        )


def _without_failed_document(batch: Sequence[FileUpdate], error: DocumentError) -> list[FileUpdate]:
    """The batch in which the document that ``error`` is about has failed.

    :raises DocumentError: the error is about no document of the batch
    """
    updates = []
    has_failed = False
    for update in batch:
        if update.document is not None and update.document.id == error.source:
            has_failed = True
            # The file keeps the last document that it gave.
            before = replace(update.before, path=update.entry.path)
            line = replace(update.entry, document_id=before.document_id, version=before.version)
            update = failed_update(before, line, error.reason)
        updates.append(update)
    if not has_failed:
        raise error
    return updates


def _unread_outcome(entry: LedgerEntry) -> FileOutcome:
    is_failing = entry.stage is FileStage.FAILED
    status = FileStatus.STILL_FAILING if is_failing else FileStatus.UNCHANGED
    return FileOutcome(entry.path, status, entry.document_id, reason=entry.reason)


def _status(update: FileUpdate, statuses: Mapping[str | None, FileStatus]) -> FileStatus:
    if update.status is not None:
        return update.status
    if update.moved_from:
        return FileStatus.MOVED
    document_id = update.entry.document_id
    has_other_id = update.before.document_id not in (None, document_id)
    return FileStatus.UPDATED if has_other_id else statuses[document_id]


def _missing_outcome(entry: LedgerEntry, removed: Set[str]) -> FileOutcome:
    if entry.document_id is None or entry.document_id in removed:
        return FileOutcome(entry.path, FileStatus.REMOVED, entry.document_id)
    reason = "its document was removed or replaced since, or now belongs to another file"
    return FileOutcome(entry.path, FileStatus.KEPT, entry.document_id, reason=reason)
