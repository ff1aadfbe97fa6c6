"""What became of a file, an upload or a document that was given to the index."""

from dataclasses import dataclass
from enum import StrEnum


class FileStatus(StrEnum):
    """What became of a file. A value is the word that users see."""

    ADDED = "added"
    UPDATED = "updated"
    MOVED = "moved"
    REMOVED = "removed"
    KEPT = "kept"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    STILL_FAILING = "still failing"


FAILURES = frozenset((FileStatus.FAILED, FileStatus.STILL_FAILING))


@dataclass(frozen=True, slots=True)
class FileOutcome:
    """What became of one file, upload or document.

    :param source: the absolute path of the file, the name of the upload, or the document's id
    :param document_id: of the document that the file gives, or gave before it failed
    :param version: of that document as it is stored now; None where nothing was stored
    :param chunks: how many chunks it has
    :param moved_from: the previous path of a file that was moved
    :param reason: why the file failed, or why the document of a deleted file was kept
    :param notes: what of the file is not in the text of its document, a sentence each
    """

    source: str
    status: FileStatus
    document_id: str | None = None
    version: str | None = None
    chunks: int = 0
    moved_from: str | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def is_failure(self) -> bool:
        """Whether the index does not have what the file contains now."""
        return self.status in FAILURES

    @property
    def is_news(self) -> bool:
        """Whether anything changed about the file since the last time."""
        return self.status not in (FileStatus.UNCHANGED, FileStatus.STILL_FAILING)
