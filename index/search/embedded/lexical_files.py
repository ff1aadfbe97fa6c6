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
_FOOTER = struct.Struct(
    "<II"
)  # how long the footer before it is, and a number that marks tantivy's files
_FOOTER_MARK = 1337
_PARTS = ("fast", "fieldnorm", "idx", "pos", "store", "term")
_REVISIONS = "quoth-revisions.json"
_FIRST_REVISION = 1
"""The revision of every part of an index from before revisions were written."""


def discard_terms(folder: Path) -> None:
    """Delete the lexical index in a data folder."""
    shutil.rmtree(folder / TERMS_FOLDER, ignore_errors=True)


def move_terms(source: Path, target: Path) -> None:
    """Replace the lexical index of one data folder by that of another, if it has one."""
    if (source / TERMS_FOLDER).is_dir():
        discard_terms(target)
        (source / TERMS_FOLDER).rename(target / TERMS_FOLDER)


def has_current_terms(folder: Path) -> bool:
    """Whether the lexical index in a data folder has the terms and fields of the present code. An
    index that does not exist has.
    """
    place = folder / TERMS_FOLDER
    try:
        written = json.loads((place / _REVISIONS).read_bytes())
    except FileNotFoundError:
        written = {}
    except (OSError, ValueError):
        return False
    present = _revisions()
    first = dict.fromkeys(present, _FIRST_REVISION)
    return not (place / "meta.json").exists() or {**first, **written} == present


def record_revisions(folder: Path) -> None:
    """Write down that the lexical index in a data folder is built by the present code."""
    (folder / TERMS_FOLDER / _REVISIONS).write_text(json.dumps(_revisions()))


def damaged_files(folder: Path) -> list[str]:
    """The names of the present generation's files that do not hold what tantivy wrote.

    Each file ends with a checksum, which tantivy itself does not compare. Files of a generation
    that is still being written are not among them.
    """
    place = folder / TERMS_FOLDER
    return sorted(name for name in _committed(place) if _is_damaged(place / name))


def _committed(place: Path) -> set[str]:
    """The names of the present generation's files; none if their list cannot be read."""
    try:
        segments = json.loads((place / "meta.json").read_bytes())["segments"]
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
        return False  # merged away meanwhile
    except (struct.error, ValueError, KeyError, TypeError):
        return True


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn what tantivy raises for files that are damaged or of another version into a
    :class:`StoreError`.
    """
    try:
        yield
    except BaseException as exc:
        # A panic of Rust is no Exception, and its class cannot be imported.
        if isinstance(exc, ValueError | OSError) or type(exc).__name__ == "PanicException":
            raise StoreError(f"the lexical index is damaged ({exc}); run quoth rebuild") from exc
        raise


def _revisions() -> dict[str, int]:
    return {"analyser": analyser.REVISION, "schema": lexical_schema.REVISION}
