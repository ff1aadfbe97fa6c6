"""Sealed files hold a FAISS index and end with its size and checksum.

So a truncated or damaged file is detected before FAISS reads it.
"""

import os
import zlib
from pathlib import Path

import faiss

from corpus.errors import StoreError

_SEAL = b"quoth: whole, %020d bytes, crc32 %08x\n"
_SEAL_BYTES = len(_SEAL % (0, 0))
_AT_ONCE = 1 << 20
_MAPPED = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY


def write_sealed(index: faiss.Index, target: Path) -> None:
    """Write an index atomically to a file that ends with a seal of its size and checksum."""
    scratch = target.with_suffix(".tmp")
    try:
        # FAISS writes into the file that is there, which only its owner may read.
        scratch.unlink(missing_ok=True)
        scratch.touch(mode=0o600)
        faiss.write_index(index, str(scratch))
        size = scratch.stat().st_size
        seal = _SEAL % (size, _checksum(scratch, size))
        with scratch.open("ab") as file:
            file.write(seal)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(target)
    except (RuntimeError, OSError) as exc:  # FAISS raises RuntimeError for everything.
        scratch.unlink(missing_ok=True)
        raise StoreError(f"{target}: cannot be written ({exc})") from exc


def read_sealed(path: Path, mapped: bool) -> faiss.Index | None:
    """The index in a file, or None if the file is truncated, damaged, or was deleted meanwhile.

    All of the file is compared with its checksum, because FAISS would crash on a damaged one, or
    find the wrong vectors. That takes about a second for every gigabyte.

    :param mapped: map the file into memory instead of reading it into memory
    """
    try:
        if not is_intact(path):
            return None
        index = faiss.read_index(str(path), _MAPPED if mapped else 0)
    except (RuntimeError, OSError):
        return None
    if isinstance(index, faiss.IndexIVF):
        lists = faiss.downcast_InvertedLists(index.invlists)
        if isinstance(lists, faiss.OnDiskInvertedLists):
            lists.prefetch_nthread = 0  # Otherwise every search would start threads.
    return index


def is_intact(path: Path) -> bool:
    """Whether a file matches the checksum of its seal. This reads all of it. A file that was
    deleted meanwhile counts as intact.
    """
    try:
        size = path.stat().st_size - _SEAL_BYTES
        return size >= 0 and _seal(path, size) == _SEAL % (size, _checksum(path, size))
    except FileNotFoundError:
        return True


def _seal(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(size)
        return file.read()


def _checksum(path: Path, size: int) -> int:
    """The CRC-32 of the first ``size`` bytes."""
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(min(_AT_ONCE, size - file.tell())):
            checksum = zlib.crc32(part, checksum)
    return checksum
