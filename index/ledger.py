"""The ledger: what became of each file of the folders that an index keeps up with. The store keeps it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class Stage(StrEnum):
    """How far a file has come."""

    WAITING = "waiting"
    STORED = "stored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Root:
    """A folder that the index keeps up with.

    :param path: absolute, as the folder was named
    :param prefix: what stands before a file's path in it to make its document's id; fixed when it is first synced
    :param tags: of every document in it
    """

    path: str
    prefix: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the ledger: one file.

    :param path: absolute
    :param root: the path of the folder that it was found in
    :param size: in bytes, when it was last read
    :param mtime_ns: its modification time then, 0 where that proves nothing
    :param sha256: of what it held then, empty where it could not be read
    :param document_id: the document that it gave, the last good one where it has become bad; None where it gave none
    :param version: of that document as the file gave it
    :param reason: why it failed; of a file that waits, why it did so the last time
    :param at: when it reached the stage, ISO 8601, UTC
    """

    path: str
    root: str
    size: int
    mtime_ns: int
    sha256: str
    document_id: str | None
    version: str | None
    stage: Stage
    reason: str | None
    at: str


@dataclass(frozen=True, slots=True)
class LedgerChange:
    """Lines to write, in place of those of the same paths; paths whose lines go; and a folder to keep up with."""

    entries: Sequence[Entry] = ()
    forgotten: Sequence[str] = ()
    root: Root | None = None

    def __bool__(self) -> bool:
        """Whether anything is to be written at all."""
        return bool(self.entries or self.forgotten or self.root)


NO_LINES = LedgerChange()


def now() -> str:
    """The time, as the ledger writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
