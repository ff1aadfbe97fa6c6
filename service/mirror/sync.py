"""A folder mirrored into a collection: what is new, changed, moved or gone on disk becomes so in
the index.
"""

import os
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.claims import IdClaims
from corpus.document import Document
from corpus.errors import DocumentError, StoreError
from corpus.files import NO_TIME, path_text
from corpus.folder import FileState, scan
from corpus.load import ParseResult, ParseTask, file_id
from corpus.pool import ParserPool
from index.collection import Collection, Exchanged
from index.ingest import batches
from index.ledger import Entry, LedgerChange, Root, Stage
from index.outcome import FileOutcome, FileStatus
from index.store.database import now
from index.store.store import Store


@dataclass(frozen=True, slots=True)
class Plan:
    """What a look at a folder found.

    :param versions: the present versions of the documents that are from it, by id
    :param settled: files that have not changed, by size and time
    :param pending: files to read, each with its line in the ledger while it waits
    :param departed: files that are gone
    """

    root: Root
    versions: Mapping[str, str]
    settled: tuple[Entry, ...]
    pending: Mapping[ParseTask, Entry]
    departed: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read.

    :param entry: its new line
    :param document: what is to be put in, None where nothing is
    :param before: the line that the new one takes the place of, of this path or of the one that the
        file was moved from"""

    status: FileStatus
    entry: Entry
    before: Entry
    document: Document | None = None

    @property
    def moved_from(self) -> str | None:
        """Where the file was before, where it was elsewhere."""
        return None if self.before.path == self.entry.path else self.before.path


class Mirror:
    """Keeps a collection up with a folder."""

    def __init__(
        self, collection: Collection, folder: Path, *, tags: Sequence[str] | None = None
    ) -> None:
        """A mirror of ``folder``, which need not be there yet.

        :param tags: of every document in it from now on; None for those of the last time
        """
        self.folder = Path(os.path.abspath(folder))
        self._collection = collection
        self._store = collection.store
        self._tags = tags

    def plan(self, *, again: bool = False, allow_empty: bool = False) -> Plan:
        """What there is to do now.

        :param again: read and parse every file, whether it has changed or not
        :param allow_empty: a folder without files takes all of its documents out of the index
        :raises DocumentError: the folder is not there, cannot be listed, or is suddenly empty
        :raises StoreError: the folder overlaps another one that the index keeps up with
        """
        kept = root_of(self._store, self.folder)
        root = kept if self._tags is None else replace(kept, tags=tuple(sorted(set(self._tags))))
        states, versions = scan(self.folder), self._store.ledger.versions(root.path)
        if not states and versions and not allow_empty:
            raise DocumentError(
                root.path,
                f"holds no documents now, and the index has {len(versions)} from it: is a disk "
                "not mounted? "
                "Nothing was changed; quoth sync --allow-empty takes them out",
            )
        return _plan(
            root, states, self._store.ledger.entries(root.path), versions, again or root != kept
        )

    def carry_out(self, plan: Plan, pool: ParserPool) -> Iterator[FileOutcome]:
        """Do what is planned, a batch at a time; each change is given when it is on disk and
        visible.

        Whoever stops asking stops the work after the batch at hand, and the next sync does the
        rest. Files that are gone leave with the last batch, moved ones with their own: a small sync
        is one generation.

        :raises StoreError: this process may not write, or the disk is full; what was given is kept
        """
        self._collection.require_writable()
        yield from map(_unread, plan.settled)
        self._store.ledger.record(LedgerChange(list(plan.pending.values()), root=plan.root))
        reading = _Reading(plan, IdClaims(self._store.ledger.claims()))
        held: list[_Read] = []
        for batch in batches(reading.each(pool)):
            yield from self._commit(reading, held, ())
            held = batch
        yield from self._commit(reading, held, reading.departed)

    def _commit(
        self, reading: "_Reading", batch: Sequence[_Read], departed: Sequence[Entry]
    ) -> Iterator[FileOutcome]:
        """Write a batch; a document that cannot be taken fails alone."""
        arriving = [read for read in batch if read.document is not None]
        previous = [*(read.before for read in arriving), *departed]
        ledger = LedgerChange([read.entry for read in batch], [entry.path for entry in previous])
        try:
            done = self._collection.exchange(
                [read.document for read in arriving if read.document is not None],
                reading.leaving(previous),
                {
                    read.entry.document_id or "": read.before.document_id
                    for read in arriving
                    if read.before.document_id
                },
                ledger,
            )
        except DocumentError as exc:
            yield from self._commit(reading, _spoiled(batch, exc), departed)
            return
        yield from _changes(batch, departed, done)


class _Reading:
    """The files of a plan, read in its order, each with its place in the ledger."""

    def __init__(self, plan: Plan, claims: IdClaims) -> None:
        """The files of ``plan``.

        :param claims: the files that documents are from, of every folder: path by document id
        """
        self._plan = plan
        self._claims = claims
        self._departed = {entry.path: entry for entry in plan.departed}
        # A file that is gone holds no id any longer; another one may take it in this sync.
        for entry in plan.departed:
            if entry.document_id:
                claims.release(entry.document_id, entry.path)
        self._departed_paths = {
            entry.sha256: entry.path for entry in reversed(plan.departed) if entry.sha256
        }

    @property
    def departed(self) -> list[Entry]:
        """Files that are gone, without those that have turned up elsewhere."""
        return list(self._departed.values())

    def each(self, pool: ParserPool) -> Iterator[_Read]:
        """Every file that is to be read."""
        results = pool.parse(self._plan.pending)
        for entry, result in zip(self._plan.pending.values(), results, strict=True):
            yield self._read(entry, result)

    def leaving(self, previous: Sequence[Entry]) -> dict[str, str]:
        """The documents, with their versions, that go with these lines: those that no file gives
        any longer.
        """
        return {
            entry.document_id: entry.version or ""
            for entry in previous
            if entry.document_id and self._claims.holder(entry.document_id) in (None, entry.path)
        }

    def _read(self, entry: Entry, result: ParseResult) -> _Read:
        line = _line(entry, result)
        if result.error:
            return _failure(entry, line, result.error.reason)
        if result.document is None:
            return _as_before(entry, line)
        try:
            if self._claims.holder(result.document.id) != entry.path:
                self._claims.claim(result.document.id, entry.path)
        except DocumentError as exc:
            # Without a fingerprint, so that it is tried again: the id may become free while the
            # file stays as it is.
            return _failure(entry, replace(line, sha256=""), exc.reason)
        return self._arrival(entry, line, result.document)

    def _arrival(self, entry: Entry, line: Entry, document: Document) -> _Read:
        before = entry if entry.document_id else self._moved(line) or entry
        if before.document_id and before.document_id != document.id:
            self._claims.release(before.document_id, before.path)
        line = replace(line, document_id=document.id, version=document.version)
        return _Read(FileStatus.ADDED, line, before, document)

    def _moved(self, line: Entry) -> Entry | None:
        """The file that this one was, taken from those that are gone."""
        path = self._departed_paths.get(line.sha256)
        return self._departed.pop(path, None) if path else None


def root_of(store: Store, folder: Path) -> Root:
    """The folder as the index keeps up with it, or would.

    :raises StoreError: it overlaps another one that the index keeps up with
    """
    place = Path(os.path.abspath(folder))
    path = path_text(place)
    roots = {root.path: root for root in store.ledger.roots()}
    for other in roots.keys() - {path}:
        if _is_inside(path, other) or _is_inside(other, path):
            raise StoreError(
                f"{path}: the index keeps up with {other} already, and one is inside the "
                "other; sync that one, or end "
                f"it with quoth sync {other} --forget"
            )
    return roots.get(path) or Root(
        path, path_text(Path(file_id(place / "name", place))).rpartition("/")[0]
    )


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/")


def _plan(
    root: Root,
    states: Sequence[FileState],
    known: Mapping[str, Entry],
    versions: Mapping[str, str],
    again: bool,
) -> Plan:
    settled: list[Entry] = []
    pending: dict[ParseTask, Entry] = {}
    for state in states:
        entry = known.get(state.name)
        if entry and not again and _is_settled(entry, state, versions):
            settled.append(entry)
        else:
            waiting = _waiting(root, state, entry, again)
            pending[_task(root, state, waiting, versions)] = waiting
    found = {state.name for state in states}
    unlisted = tuple(f"{state.name}/" for state in states if state.is_folder)
    gone = (
        entry
        for path, entry in known.items()
        if path not in found and not path.startswith(unlisted)
    )
    return Plan(root, versions, tuple(settled), pending, tuple(gone))


def _task(root: Root, state: FileState, entry: Entry, versions: Mapping[str, str]) -> ParseTask:
    document_id = f"{root.prefix}/{state.relative}" if root.prefix else state.relative
    known_sha256 = entry.sha256 if _is_intact(entry, versions) else None
    return ParseTask(state.path, document_id, root.tags, known_sha256)


def _is_settled(entry: Entry, state: FileState, versions: Mapping[str, str]) -> bool:
    """Whether a file need not be read: nothing about it has changed, nor about its document."""
    is_known = entry.stage is not Stage.WAITING and entry.sha256 != "" and entry.mtime_ns != NO_TIME
    return (
        is_known
        and (entry.size, entry.mtime_ns) == (state.size, state.mtime_ns)
        and _is_intact(entry, versions)
    )


def _is_intact(entry: Entry, versions: Mapping[str, str]) -> bool:
    """Whether the document of a file is there as the file gave it; where the file has failed, that
    is no matter.
    """
    return entry.reason is not None or versions.get(entry.document_id or "") == entry.version


def _waiting(root: Root, state: FileState, entry: Entry | None, again: bool) -> Entry:
    """The line of a file until it has been read.

    :param again: forget what it held, so that it is parsed even if this sync is cut off and another
        one does it"""
    if entry is None:
        return Entry(
            state.name, root.path, state.size, NO_TIME, "", None, None, Stage.WAITING, None, now()
        )
    return replace(entry, stage=Stage.WAITING, sha256="" if again else entry.sha256)


def _line(entry: Entry, result: ParseResult) -> Entry:
    """The line of a file that is stored now; without a fingerprint it will be read again whether it
    changes or not.
    """
    line = replace(entry, stage=Stage.STORED, reason=None, at=now(), mtime_ns=NO_TIME, sha256="")
    if result.fingerprint is None:
        return line
    held = result.fingerprint
    return replace(line, size=held.size, mtime_ns=held.mtime_ns, sha256=held.sha256)


def _as_before(entry: Entry, line: Entry) -> _Read:
    """A file that holds what it held, good or bad."""
    if entry.reason is not None:
        return _failure(entry, line, entry.reason)
    return _Read(FileStatus.UNCHANGED, replace(line, at=entry.at), entry)


def _failure(entry: Entry, line: Entry, reason: str) -> _Read:
    is_old = entry.reason == reason
    line = replace(line, stage=Stage.FAILED, reason=reason, at=entry.at if is_old else line.at)
    return _Read(FileStatus.STILL_FAILING if is_old else FileStatus.FAILED, line, entry)


def _spoiled(batch: Sequence[_Read], exc: DocumentError) -> list[_Read]:
    """The batch with that document as a failure at which it failed.

    :raises DocumentError: it is none of the batch's
    """
    if not any(read.document and read.document.id == exc.source for read in batch):
        raise exc
    return [
        _unfit(read, exc) if read.document and read.document.id == exc.source else read
        for read in batch
    ]


def _unfit(read: _Read, exc: DocumentError) -> _Read:
    last = replace(read.before, path=read.entry.path)
    return _failure(
        last, replace(read.entry, document_id=last.document_id, version=last.version), exc.reason
    )


def _unread(entry: Entry) -> FileOutcome:
    status = FileStatus.STILL_FAILING if entry.stage is Stage.FAILED else FileStatus.UNCHANGED
    return FileOutcome(entry.path, status, entry.document_id, reason=entry.reason)


def _changes(
    batch: Sequence[_Read], departed: Sequence[Entry], done: Exchanged
) -> Iterator[FileOutcome]:
    statuses = {outcome.document_id: outcome.status for outcome in done.outcomes}
    for read in batch:
        yield FileOutcome(
            read.entry.path,
            _status(read, statuses),
            read.entry.document_id,
            moved_from=read.moved_from,
            reason=read.entry.reason,
        )
    for entry in departed:
        yield _gone(entry, done.removed)


def _status(read: _Read, statuses: Mapping[str | None, FileStatus]) -> FileStatus:
    if read.document is None:
        return read.status
    if read.moved_from:
        return FileStatus.MOVED
    has_other_id = read.before.document_id not in (None, read.document.id)
    return FileStatus.UPDATED if has_other_id else statuses[read.document.id]


def _gone(entry: Entry, removed: Set[str]) -> FileOutcome:
    if entry.document_id is None or entry.document_id in removed:
        return FileOutcome(entry.path, FileStatus.REMOVED, entry.document_id)
    reason = "its document was removed or replaced since, or is another file's now"
    return FileOutcome(entry.path, FileStatus.KEPT, entry.document_id, reason=reason)
