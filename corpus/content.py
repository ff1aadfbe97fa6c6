"""The bytes of a file that was read, wherever they are until a store keeps them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from corpus.errors import DocumentError
from corpus.files import opened_inside, path_text

_PART_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file on disk, which is read again in parts, or the bytes of an upload.

    :param sha256: of the bytes that were parsed, in hexadecimal
    :param size: bytes
    :param path: of the file on disk; None for an upload
    :param root: the folder that the file must be in, whatever links its path has
    """

    sha256: str
    size: int
    path: Path | None = None
    root: Path | None = None
    data: bytes = field(default=b"", repr=False)

    @classmethod
    def of_upload(cls, data: bytes) -> "FileContent":
        """The content of an upload."""
        return cls(hashlib.sha256(data).hexdigest(), len(data), data=data)

    def copy_to(self, target: BinaryIO) -> None:
        """Write the bytes that were parsed.

        :raises DocumentError: the file has changed since, or cannot be read
        """
        if self.path is None:
            target.write(self.data)
            return
        digest = hashlib.sha256()
        # A file that grows all the time must not fill the disk.
        parts = self._parts(self.path, self.size + 1)
        while part := _next_part(self.path, parts):
            digest.update(part)
            target.write(part)
        if digest.hexdigest() != self.sha256:
            raise DocumentError(
                path_text(self.path),
                "changed while it was being read; try again when it is complete",
            )

    def _parts(self, path: Path, most: int) -> Iterator[bytes]:
        with opened_inside(path, self.root) as file:
            while part := file.read(min(_PART_BYTES, most)):
                most -= len(part)
                yield part


def _next_part(path: Path, parts: Iterator[bytes]) -> bytes:
    """The next part, empty at the end. That a file cannot be read is a fault of the file, and must
    not be taken for one of the disk that is written.
    """
    try:
        return next(parts, b"")
    except OSError as exc:
        reason = f"cannot be read any more: {exc.strerror or exc}"
        raise DocumentError(path_text(path), reason) from exc
