"""Reading the files of a plan: what each file gives, and its new line in the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from corpus.claims import IdClaims
from corpus.document import Document
from corpus.errors import DocumentError
from corpus.files import NO_TIME
from corpus.load import ParseResult
from corpus.pool import ParserPool
from index.outcome import FileStatus
from index.store.database import now
from service.mirror.ledger import FileStage, LedgerEntry
from service.mirror.plan import SyncPlan


@dataclass(frozen=True, slots=True)
class FileUpdate:
    """A file that was read, and what to write about it.

    :param entry: its new ledger line
    :param before: the line that the new one replaces: of the same path, or of the path that the
        file was moved from
    :param status: what became of a file that has no document to store
    :param document: the document to store, None if there is none
    """

    entry: LedgerEntry
    before: LedgerEntry
    status: FileStatus | None = None
    document: Document | None = None

    @property
    def moved_from(self) -> str | None:
        """The previous path of a file that was moved."""
        return None if self.before.path == self.entry.path else self.before.path


class PlanReader:
    """Reads the files of one plan, and keeps track of which file each document belongs to."""

    def __init__(self, plan: SyncPlan, claims: IdClaims) -> None:
        """Create a reader.

        :param claims: the files that the documents of all synced folders are from
        """
        self._plan = plan
        self._claims = claims
        self._missing = {entry.path: entry for entry in plan.missing}
        self._missing_paths = {
            entry.sha256: entry.path for entry in reversed(plan.missing) if entry.sha256
        }
        # A file that is gone gives up its id, so that another file of this sync may have it.
        for entry in plan.missing:
            self._release(entry)

    @property
    def missing(self) -> list[LedgerEntry]:
        """The files that are gone, without those that were found under another path."""
        return list(self._missing.values())

    def read(self, pool: ParserPool) -> Iterator[FileUpdate]:
        """Every pending file of the plan, in order."""
        results = pool.parse(self._plan.pending)
        for entry, result in zip(self._plan.pending.values(), results, strict=True):
            yield self._update(entry, result)

    def removable(self, previous: Sequence[LedgerEntry]) -> dict[str, str]:
        """The documents, with their versions, that were from these lines and that no file gives any
        longer.
        """
        return {
            entry.document_id: entry.version or ""
            for entry in previous
            if entry.document_id and self._claims.holder(entry.document_id) in (None, entry.path)
        }

    def _update(self, entry: LedgerEntry, result: ParseResult) -> FileUpdate:
        line = _line_after(entry, result)
        if result.error:
            return failed_update(entry, line, result.error.reason)
        if result.document is None:
            # The file contains what it contained before, good or bad.
            if entry.reason is not None:
                return failed_update(entry, line, entry.reason)
            return FileUpdate(replace(line, at=entry.at), entry, FileStatus.UNCHANGED)
        document = result.document
        try:
            if self._claims.holder(document.id) != entry.path:
                self._claims.claim(document.id, entry.path)
        except DocumentError as exc:
            # Without a fingerprint, the file is read again by the next sync: the id may become free
            # while the file stays the same.
            return failed_update(entry, replace(line, sha256=""), exc.reason)
        before = entry if entry.document_id else self._moved_file(line) or entry
        if before.document_id != document.id:
            self._release(before)
        line = replace(line, document_id=document.id, version=document.version)
        return FileUpdate(line, before, document=document)

    def _moved_file(self, line: LedgerEntry) -> LedgerEntry | None:
        """The missing file with the same contents, which is then no longer missing."""
        path = self._missing_paths.get(line.sha256)
        return self._missing.pop(path, None) if path else None

    def _release(self, entry: LedgerEntry) -> None:
        if entry.document_id:
            self._claims.release(entry.document_id, entry.path)


def failed_update(before: LedgerEntry, line: LedgerEntry, reason: str) -> FileUpdate:
    """The update for a file that failed. A file that failed for the same reason before keeps the
    time at which it first did.
    """
    is_known = before.reason == reason
    status = FileStatus.STILL_FAILING if is_known else FileStatus.FAILED
    at = before.at if is_known else line.at
    return FileUpdate(replace(line, stage=FileStage.FAILED, reason=reason, at=at), before, status)


def _line_after(entry: LedgerEntry, result: ParseResult) -> LedgerEntry:
    """The line of a file that is stored now. Without a fingerprint, the next sync reads the file
    again, whether it has changed or not.
    """
    line = replace(
        entry, stage=FileStage.STORED, reason=None, at=now(), mtime_ns=NO_TIME, sha256=""
    )
    if result.fingerprint is None:
        return line
    read = result.fingerprint
    return replace(line, size=read.size, mtime_ns=read.mtime_ns, sha256=read.sha256)
