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
    return not (terms / "meta.json").exists() or {**first, **written} == present


def record_revisions(folder: Path) -> None:
    """Record that the current code built the lexical index in a data folder."""
    (folder / TERMS_FOLDER / _REVISIONS).write_text(json.dumps(_revisions()))


def damaged_files(folder: Path) -> list[str]:
    """The names of the current generation's files whose content is not what tantivy wrote.

    Each file ends with a checksum, which tantivy itself does not check. Files of a generation that
    is still being written are not checked.
    """
    terms = folder / TERMS_FOLDER
    return sorted(name for name in _committed(terms) if _is_damaged(terms / name))


def _committed(terms: Path) -> set[str]:
    """The names of the current generation's files; empty if their list cannot be read."""
    try:
        segments = json.loads((terms / "meta.json").read_bytes())["segments"]
        ids = {
            segment["segment_id"].replace("-", ""): segment["deletes"] or {} for segment in segments
        }
    except (OSError, ValueError, KeyError, TypeError):
        return set()
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
    except (struct.error, ValueError, KeyError, TypeError):
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
