"""Unread files: what a folder holds and is not read, counted, with the reason for each."""

from dataclasses import dataclass, field

MAX_UNREAD = 100
"""How many unread files of a folder are listed by name. The others are only counted."""


@dataclass(frozen=True, slots=True)
class UnreadFile:
    """A file or folder that is not read.

    :param name: its path as text
    :param reason: why, as the rest of a sentence about it
    """

    name: str
    reason: str


@dataclass(slots=True)
class UnreadFiles:
    """The files that a walk through folders passed over. Hidden files are not among them.

    :param count: how many there are
    :param files: the first ``MAX_UNREAD`` of them
    """

    count: int = 0
    files: list[UnreadFile] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        """Count a file, and list it if there is still room."""
        self.count += 1
        if len(self.files) < MAX_UNREAD:
            self.files.append(UnreadFile(name, reason))
