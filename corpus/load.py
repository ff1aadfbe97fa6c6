"""Files and uploads become documents: the format is chosen by the name, the text cleaned once,
every fault named.
"""

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from corpus.document import Document, make_document
from corpus.errors import DocumentError
from corpus.formats.extracted import Reader
from corpus.formats.html import read_html
from corpus.formats.markdown import read_markdown
from corpus.formats.office import read_docx, read_epub, read_pptx, read_xlsx
from corpus.formats.pdf import read_pdf
from corpus.formats.text import read_text

SUPPORTED: Mapping[str, Reader] = MappingProxyType(
    {
        ".txt": read_text,
        ".text": read_text,
        ".md": read_markdown,
        ".markdown": read_markdown,
        ".html": read_html,
        ".htm": read_html,
        ".xhtml": read_html,
        ".pdf": read_pdf,
        ".docx": read_docx,
        ".pptx": read_pptx,
        ".xlsx": read_xlsx,
        ".epub": read_epub,
    }
)
"""The reader of each suffix; in a folder, files with these suffixes are documents."""

TEXT_SUFFIXES = frozenset(
    ("", ".adoc", ".asc", ".csv", ".json", ".log", ".org", ".rst", ".tex", ".tsv", ".yaml", ".yml")
)
"""Suffixes of files that are read as text where one is named; in a folder they are passed over."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to read.

    :param id: the id for its document, unless its front matter gives one
    """

    path: Path
    id: str


class ClaimedIds:
    """The ids of one run of adding, so that two of its files cannot become one document."""

    def __init__(self) -> None:
        self._paths: dict[str, Path] = {}

    def claim(self, id: str, path: Path) -> None:
        """Takes ``id`` for ``path``.

        :raises DocumentError: another file of this run has it; the message names both
        """
        other = self._paths.setdefault(id, path)
        if other != path:
            raise DocumentError(path_text(path), same_id(id, path_text(other)))


def same_id(id: str, other: str) -> str:
    """What is wrong with a file whose document has the id of another file's.

    :param other: the path of that one
    """
    return f"has the id {id!r}, and so has {other}; give one of them another"


def find_files(paths: Sequence[Path]) -> Iterator[FoundFile]:
    """The files that the paths name, folders walked in sorted order, each file once.

    A folder gives the files with a suffix in :data:`SUPPORTED`; hidden files and folders in it are
    passed over. What is named itself is always given, and so is a folder that cannot be listed:
    reading it says what is wrong, so that one bad path never hides the others."""
    seen: set[str] = set()
    for argument in paths:
        for path in _walk(argument) if os.path.isdir(argument) else [argument]:
            place = os.path.realpath(path)
            if place not in seen:
                seen.add(place)
                yield FoundFile(path, file_id(path, argument))


def is_passed_over(name: str) -> bool:
    """Whether a file or folder of that name in a folder is no document: hidden, or the mark of an
    open Office file.
    """
    return name.startswith((".", "~$"))


def file_id(path: Path, argument: Path) -> str:
    """The id for the document of a file: its path from the current folder, or from the parent of
    what was named.

    :param argument: the file itself, or the folder given in which it was found
    """
    place = Path(os.path.abspath(path))
    here = Path.cwd()
    if place.is_relative_to(here):
        return place.relative_to(here).as_posix()
    given = Path(os.path.abspath(argument))
    root = given.parent.parent if given == place else given.parent
    return place.relative_to(root).as_posix()


def path_text(path: Path) -> str:
    """The path for a message; bytes of it that are no text are shown as such."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def read_document(
    path: Path, *, id: str | None = None, tags: Iterable[str] = (), max_bytes: int
) -> Document:
    """The document in a file.

    :param id: for a document whose front matter gives none; without it, the id is made from the
        path
    :param tags: added to those of the front matter
    :raises DocumentError: the file cannot be read, is too large, or holds no document
    """
    data = read_contents(path, max_bytes)
    return _parsed(
        path_text(path), path.suffix, data, file_id(path, path) if id is None else id, tags
    )


def read_contents(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file, at most ``max_bytes`` of them, whatever the file does while it is read.

    :raises DocumentError: the file cannot be read, or is too large
    """
    name = path_text(path)
    try:
        status = path.stat()
        _check_file(path, name, status, max_bytes)
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as exc:
        raise DocumentError(name, _plain_reason(path, exc)) from exc
    if len(data) > max_bytes:
        raise DocumentError(name, _too_large(len(data), max_bytes))
    return data


def parse_document(
    name: str, data: bytes, *, id: str | None = None, tags: Iterable[str] = (), max_bytes: int
) -> Document:
    """The document in the bytes of an uploaded file.

    :param name: chooses the format by its suffix, and is the id where nothing else gives one
    :param id: for a document whose front matter gives none
    :param tags: added to those of the front matter
    :raises DocumentError: the bytes are too many, or hold no document
    """
    source = name.encode("utf-8", "replace").decode("utf-8")
    if len(data) > max_bytes:
        raise DocumentError(source, _too_large(len(data), max_bytes))
    return _parsed(source, PurePosixPath(name).suffix, data, name if id is None else id, tags)


def _parsed(source: str, suffix: str, data: bytes, id: str, tags: Iterable[str]) -> Document:
    reader = _reader(source, suffix.lower())
    if not data:
        raise DocumentError(source, "is empty")
    extracted = reader(source, data)
    if not extracted.text.strip():
        raise DocumentError(source, "has no text in it")
    try:
        return make_document(
            extracted.text,
            id=extracted.id or id,
            title=extracted.title,
            url=extracted.url,
            published=extracted.published,
            tags=[*extracted.tags, *tags],
            pages=extracted.pages,
        )
    except DocumentError as exc:
        raise DocumentError(source, exc.reason) from exc


def _reader(source: str, suffix: str) -> Reader:
    if suffix in TEXT_SUFFIXES:
        return read_text
    if suffix not in SUPPORTED:
        raise DocumentError(
            source, f"has the suffix {suffix}, which is not supported; {', '.join(SUPPORTED)} are"
        )
    return SUPPORTED[suffix]


def _walk(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        yield folder
        return
    for entry in entries:
        if is_passed_over(entry.name):
            continue
        if not os.path.isdir(entry):
            if entry.suffix.lower() in SUPPORTED:
                yield entry
        # A link to a folder may lead back to where it stands.
        elif not entry.is_symlink():
            yield from _walk(entry)


def _check_file(path: Path, name: str, status: os.stat_result, max_bytes: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        os.listdir(path)
        raise DocumentError(name, "is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise DocumentError(name, "is not an ordinary file")
    if status.st_size > max_bytes:
        raise DocumentError(name, _too_large(status.st_size, max_bytes))


def _plain_reason(path: Path, exc: OSError) -> str:
    if isinstance(exc, FileNotFoundError):
        return "is a link to a file that does not exist" if path.is_symlink() else "does not exist"
    if isinstance(exc, PermissionError):
        return "may not be read by this user"
    return f"cannot be read: {exc.strerror or exc}"


def _too_large(size: int, max_bytes: int) -> str:
    return f"has {size:,} bytes or more; at most {max_bytes:,} are allowed"
