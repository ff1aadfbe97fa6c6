"""The files of the lexical index: which are damaged, and which code wrote them."""

import json
import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from corpus.errors import StoreError
from index.search.embedded import analyser, lexical_schema

TERMS_FOLDER = "terms"
# The length of the footer before it, and the number that marks tantivy's files.
_FOOTER = struct.Struct("<II")
_FOOTER_MARK = 1337
_PARTS = ("fast", "fieldnorm", "idx", "pos", "store", "term")
_REVISIONS = "quoth-revisions.json"
_LIST = "meta.json"
_SEAL = "quoth-seal.json"
_FIRST_REVISION = 1
"""The revision of every part of an index that was written before revisions were recorded."""


def discard_terms(folder: Path) -> None:
    """Delete the lexical index in a data folder."""
    shutil.rmtree(folder / TERMS_FOLDER, ignore_errors=True)


def move_terms(source: Path, target: Path) -> None:
    """Replace the lexical index of one data folder by that of another, if it has one."""
    if (source / TERMS_FOLDER).is_dir():
        discard_terms(target)
        (source / TERMS_FOLDER).rename(target / TERMS_FOLDER)


def has_current_terms(folder: Path) -> bool:
    """Whether the lexical index in a data folder has the terms and fields of the current code, or
    does not exist.
    """
    terms = folder / TERMS_FOLDER
    try:
        written = json.loads((terms / _REVISIONS).read_bytes())
    except FileNotFoundError:
        written = {}
    except (OSError, ValueError):
        return False
    present = _revisions()
    first = dict.fromkeys(present, _FIRST_REVISION)
    return not (terms / _LIST).exists() or {**first, **written} == present


def record_revisions(folder: Path) -> None:
    """Record that the current code built the lexical index in a data folder.

    :raises StoreError: it cannot be written
    """
    path = folder / TERMS_FOLDER / _REVISIONS
    try:
        path.write_text(json.dumps(_revisions()))
    except OSError as exc:
        raise StoreError(f"{path}: cannot be written ({exc.strerror}); try again") from exc


def seal_terms(folder: Path) -> None:
    """Record the checksum of tantivy's list of its files, when nothing writes them any more.

    The files themselves end with a checksum each, and their list has none.
    """
    terms = folder / TERMS_FOLDER
    try:
        checksum = zlib.crc32((terms / _LIST).read_bytes())
        (terms / _SEAL).write_text(json.dumps({_LIST: checksum}))
    except OSError:
        return  # Without a seal, the list is only read, as after a crash.


def break_seal(folder: Path) -> None:
    """Delete the checksum of the list, which is about to change."""
    (folder / TERMS_FOLDER / _SEAL).unlink(missing_ok=True)


def damaged_files(folder: Path) -> list[str]:
    """The names of the current generation's files whose content is not what tantivy wrote.

    Each file ends with a checksum, which tantivy itself does not check. Files of a generation that
    is still being written are not checked.
    """
    terms = folder / TERMS_FOLDER
    committed = _committed(terms)
    if committed is None or _has_wrong_list(terms):
        return [_LIST]
    return sorted(name for name in committed if _is_damaged(terms / name))


def _has_wrong_list(terms: Path) -> bool:
    """Whether the list of files differs from its checksum, if it has one."""
    try:
        sealed = json.loads((terms / _SEAL).read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    try:
        is_right = sealed == {_LIST: zlib.crc32((terms / _LIST).read_bytes())}
    except OSError:
        is_right = False
    # A writer may have broken the seal and changed the list in between.
    return not is_right and (terms / _SEAL).exists()


def _committed(terms: Path) -> set[str] | None:
    """The names of the current generation's files; None if their list cannot be read."""
    try:
        segments = json.loads((terms / _LIST).read_bytes())["segments"]
        ids = {
            segment["segment_id"].replace("-", ""): segment["deletes"] or {} for segment in segments
        }
    except FileNotFoundError:
        return set()
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    parts = (*_PARTS, "{}.del")
    return {
        f"{id}.{part.format(deletes.get('opstamp'))}"
        for id, deletes in ids.items()
        for part in parts
    }


def _is_damaged(path: Path) -> bool:
    try:
        data = path.read_bytes()
        length, mark = _FOOTER.unpack(data[-_FOOTER.size :])
        body = memoryview(data)[: -_FOOTER.size - length]
        footer = json.loads(data[len(body) : -_FOOTER.size])
        return bool(mark != _FOOTER_MARK or footer["crc"] != zlib.crc32(body))
    except FileNotFoundError:
        return False  # It was merged into another file meanwhile.
    except (OSError, struct.error, ValueError, KeyError, TypeError):
        return True


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn tantivy's errors about files that are damaged or of another version into a
    :class:`StoreError`.
    """
    try:
        yield
    except BaseException as exc:
        # A Rust panic is not an Exception, and its class cannot be imported.
        if isinstance(exc, ValueError | OSError) or type(exc).__name__ == "PanicException":
            raise StoreError(f"the lexical index is damaged ({exc}); run quoth rebuild") from exc
        raise


def _revisions() -> dict[str, int]:
    return {"analyser": analyser.REVISION, "schema": lexical_schema.REVISION}
