"""Planning a sync: compares a folder with the ledger, and lists the files that must be read."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from corpus.errors import StoreError
from corpus.files import NO_TIME, path_text
from corpus.folder import FileState
from corpus.folder_groups import FolderGroups
from corpus.load import ParseTask, file_id
from corpus.unread import UnreadFiles
from index.store.database import now
from index.store.store import Store
from service.mirror.ledger import FileStage, Ledger, LedgerEntry, SyncedFolder


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """The differences between a folder and the ledger.

    :param versions: the current versions of the documents from this folder, by id
    :param unchanged: files of the same size and modification time as before
    :param pending: files to read, each with its ledger line while it waits
    :param missing: files that are gone
    :param unread: what the folder holds and is not read
    """

    root: SyncedFolder
    versions: Mapping[str, str]
    unchanged: tuple[LedgerEntry, ...]
    pending: Mapping[ParseTask, LedgerEntry]
    missing: tuple[LedgerEntry, ...]
    unread: UnreadFiles = field(default_factory=UnreadFiles)

    @property
    def total(self) -> int:
        """How many files the plan covers."""
        return len(self.unchanged) + len(self.pending) + len(self.missing)


def make_plan(
    root: SyncedFolder,
    states: Sequence[FileState],
    known: Mapping[str, LedgerEntry],
    *,
    versions: Mapping[str, str],
    again: bool,
    outdated: Collection[str] = (),
    nameless: Collection[str] = (),
    groups: FolderGroups | None = None,
) -> SyncPlan:
    """Compare the files of a folder with their ledger lines.

    :param known: the ledger lines of the folder, by path
    :param versions: the current versions of its documents, by id
    :param again: read every file, whether it has changed or not
    :param outdated: suffixes of which every file is read, because its text is extracted by other
        code than the last time
    :param groups: of the folders that the files are in
    :param nameless: ids of documents whose files are read, because the store does not know them
    """
    groups = groups or FolderGroups()
    unchanged: list[LedgerEntry] = []
    pending: dict[ParseTask, LedgerEntry] = {}
    for state in states:
        entry = known.get(state.name)
        is_nameless = entry is not None and entry.document_id in nameless
        is_outdated = again or is_nameless or state.path.suffix.lower() in outdated
        if entry and not is_outdated and _is_unchanged(entry, state, versions):
            unchanged.append(entry)
        else:
            waiting = _waiting(root, state, entry, again=is_outdated)
            task = _task(root, state, waiting, versions=versions)
            pending[replace(task, groups=groups.of(state.path))] = waiting
    present = {state.name for state in states}
    # Nothing is known about the files in a folder that cannot be listed, so none of them is gone.
    unlisted = tuple(f"{state.name}/" for state in states if state.is_folder)
    missing = (
        entry
        for path, entry in known.items()
        if path not in present and not path.startswith(unlisted)
    )
    return SyncPlan(root, versions, tuple(unchanged), pending=pending, missing=tuple(missing))


def root_of(store: Store, folder: Path) -> SyncedFolder:
    """The folder as the ledger has it, or as a first sync would record it.

    :raises StoreError: the folder overlaps another one that is synced
    """
    absolute = Path(os.path.abspath(folder))
    path = path_text(absolute)
    roots = {root.path: root for root in Ledger(store.database).roots()}
    for other in roots.keys() - {path}:
        if _is_inside(path, other) or _is_inside(other, path):
            raise StoreError(
                f"{path}: the index is already synced with {other}, and one of the two is inside "
                f"the other; sync that one, or stop syncing it with quoth sync {other} --forget"
            )
    prefix = path_text(Path(file_id(absolute / "name", absolute))).rpartition("/")[0]
    return roots.get(path) or SyncedFolder(path, prefix)


def _is_inside(path: str, folder: str) -> bool:
    return path.startswith(f"{folder.rstrip('/')}/")


def _task(
    root: SyncedFolder, state: FileState, entry: LedgerEntry, *, versions: Mapping[str, str]
) -> ParseTask:
    document_id = f"{root.prefix}/{state.relative}" if root.prefix else state.relative
    known_sha256 = entry.sha256 if _is_intact(entry, versions) else None
    folder = state.path.parents[state.relative.count("/")]
    return ParseTask(
        state.path,
        document_id,
        root.tags,
        known_sha256=known_sha256,
        root=folder,
        collection=root.collection,
    )


def _is_unchanged(entry: LedgerEntry, state: FileState, versions: Mapping[str, str]) -> bool:
    """Whether a file need not be read: neither the file nor its document has changed."""
    was_read = (
        entry.stage is not FileStage.WAITING and entry.sha256 != "" and entry.mtime_ns != NO_TIME
    )
    return (
        was_read
        and (entry.size, entry.mtime_ns) == (state.size, state.mtime_ns)
        and _is_intact(entry, versions)
    )


def _is_intact(entry: LedgerEntry, versions: Mapping[str, str]) -> bool:
    """Whether the document of a file is still the version that the file gave. For a failed file
    this does not matter.
    """
    return entry.reason is not None or versions.get(entry.document_id or "") == entry.version


def _waiting(
    root: SyncedFolder, state: FileState, entry: LedgerEntry | None, *, again: bool
) -> LedgerEntry:
    """The ledger line of a file until it has been read.

    :param again: forget its fingerprint, so that it is parsed even if this sync is interrupted and
        a later one reads it
    """
    if entry is None:
        return LedgerEntry(
            path=state.name,
            root=root.path,
            size=state.size,
            mtime_ns=NO_TIME,
            sha256="",
            document_id=None,
            version=None,
            stage=FileStage.WAITING,
            reason=None,
            at=now(),
        )
    return replace(entry, stage=FileStage.WAITING, sha256="" if again else entry.sha256)
