"""The files that documents were read from, kept beside the store under the sha256 of their bytes.

Equal files are kept once. A file is on the disk before a transaction names it, and is deleted after
the transaction that no longer names it. What a killed process leaves behind is deleted when the
folder is next opened to be written.
"""

import errno
import hashlib
import os
import re
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from corpus.content import FileContent
from corpus.errors import StoreError
from index.store.database import make_folder

ORIGINALS = "originals"
"""The folder, inside the data folder, of the kept files."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_PART_BYTES = 1_000_000


class Originals:
    """The kept files of one data folder. Only the process with the writer's lock changes them."""

    def __init__(self, folder: Path) -> None:
        """The files in the data folder ``folder``, in which the first of them creates a folder."""
        self._folder = folder / ORIGINALS

    def path(self, sha256: str) -> Path:
        """Where the file with this digest is, if it is kept."""
        if not _DIGEST.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a sha256")
        return self._folder / sha256[:2] / sha256

    def keep(self, content: FileContent) -> None:
        """Keep a file, unless an equal one is kept. It is on the disk when this returns.

        :raises DocumentError: the file has changed since it was read, or cannot be read
        :raises StoreError: the disk is full or cannot be written
        """
        target = self.path(content.sha256)
        try:
            if target.is_file() and target.stat().st_size == content.size:
                return
        except OSError as exc:
            raise _failed(target, exc) from exc
        make_folder(self._folder)  # so that only its owner may read it
        make_folder(target.parent)
        name = None
        try:
            descriptor, name = tempfile.mkstemp(suffix=".tmp", dir=self._folder)
            with os.fdopen(descriptor, "wb") as file:
                content.copy_to(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
            for folder in (target.parent, self._folder, self._folder.parent):
                _sync_folder(folder)
        except OSError as exc:
            raise _failed(target, exc) from exc
        finally:
            if name is not None:
                Path(name).unlink(missing_ok=True)

    def delete(self, digests: Iterable[str]) -> None:
        """Delete these files. One that cannot be deleted is left for :meth:`sweep`."""
        for sha256 in digests:
            with suppress(OSError):
                self.path(sha256).unlink(missing_ok=True)

    def sweep(self, named: Collection[str]) -> None:
        """Delete every file that no document names, and what a killed process left unfinished."""
        for path in self._files():
            if path.name not in named:
                with suppress(OSError):
                    path.unlink(missing_ok=True)

    def faults(self, named: Iterable[str]) -> Iterator[str]:
        """A line for each file that is named and is missing or damaged. This reads all of them."""
        for sha256 in sorted(named):
            try:
                path = self.path(sha256)
                with path.open("rb") as file:
                    is_sound = _sha256_of(iter(lambda: file.read(_PART_BYTES), b"")) == sha256
                if not is_sound:
                    yield f"{path}: the kept file is damaged"
            except FileNotFoundError:
                yield f"{path}: the kept file is missing"
            except (OSError, ValueError) as exc:
                yield f"{sha256}: the kept file cannot be read ({exc})"

    def _files(self) -> Iterator[Path]:
        yield from self._folder.glob("*.tmp")
        yield from self._folder.glob("[0-9a-f][0-9a-f]/*")


def _sha256_of(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder last. Some systems cannot open a folder, and need no such step."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _failed(path: Path, exc: OSError) -> StoreError:
    if exc.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(
            f"{path}: the disk is full; make room and try again (nothing was changed)"
        )
    return StoreError(f"{path}: the file cannot be kept ({exc.strerror}); nothing was changed")
