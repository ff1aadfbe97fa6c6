"""Loading: turns files and uploads into documents.

The suffix selects the format, the text is cleaned once, and every error names its file.
"""

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from corpus.attachments import with_attachments
from corpus.blocks import bounded
from corpus.content import FileContent
from corpus.document import DateSource, Document, make_document, web_address
from corpus.errors import DocumentError
from corpus.files import (
    Fingerprint,
    check_size,
    is_ignored,
    path_text,
    read_contents,
    read_settled,
)
from corpus.formats import (
    book,
    delimited,
    html,
    legacy,
    mail,
    markdown,
    opendocument,
    outlook,
    picture,
    restructured,
    rich_text,
    sheet,
    slides,
    text,
    word,
)
from corpus.formats import data as data_files
from corpus.formats.book import read_epub
from corpus.formats.data import read_json, read_jsonl
from corpus.formats.delimited import read_csv, read_tsv
from corpus.formats.extracted import Extracted, Extractor, Format
from corpus.formats.html import read_html
from corpus.formats.legacy import read_doc, read_ppt, read_xls
from corpus.formats.mail import read_eml
from corpus.formats.markdown import read_markdown, read_mdx
from corpus.formats.opendocument import read_odp, read_ods, read_odt
from corpus.formats.outlook import read_msg
from corpus.formats.pdf import read as pdf
from corpus.formats.pdf.read import read_pdf
from corpus.formats.pdf.render import RENDERING, page_image
from corpus.formats.picture import read_picture
from corpus.formats.programs import program_limits
from corpus.formats.restructured import read_rst
from corpus.formats.rich_text import read_rtf
from corpus.formats.sheet import read_xlsx
from corpus.formats.slides import read_pptx
from corpus.formats.text import read_text
from corpus.formats.word import read_docx
from corpus.limits import DEFAULT_LIMITS, MAX_PAGES, ParseLimits
from corpus.media_types import media_type_of
from corpus.publication import is_plausible, stated_publication
from corpus.titles import document_title
from corpus.unread import UnreadFiles

_TEXT = Format(read_text, text.REVISION)
_MARKDOWN = Format(read_markdown, markdown.REVISION)
_HTML = Format(read_html, html.REVISION)
_WORD = Format(read_docx, word.REVISION)
_SLIDES = Format(read_pptx, slides.REVISION)
_SHEET = Format(read_xlsx, sheet.REVISION)

SUPPORTED: Mapping[str, Format] = MappingProxyType(
    {
        ".txt": _TEXT,
        ".text": _TEXT,
        ".md": _MARKDOWN,
        ".markdown": _MARKDOWN,
        ".html": _HTML,
        ".htm": _HTML,
        ".xhtml": _HTML,
        ".pdf": Format(read_pdf, pdf.REVISION, runs_programs=True),
        # Macros are programs, and are not read.
        **dict.fromkeys((".docx", ".docm", ".dotx", ".dotm"), _WORD),
        **dict.fromkeys((".pptx", ".pptm", ".potx", ".potm", ".ppsx", ".ppsm"), _SLIDES),
        **dict.fromkeys((".xlsx", ".xlsm", ".xltx", ".xltm"), _SHEET),
        ".odt": Format(read_odt, opendocument.REVISION),
        ".ods": Format(read_ods, opendocument.REVISION),
        ".odp": Format(read_odp, opendocument.REVISION),
        ".doc": Format(read_doc, legacy.REVISION, runs_programs=True),
        ".xls": Format(read_xls, legacy.REVISION, runs_programs=True),
        ".ppt": Format(read_ppt, legacy.REVISION, runs_programs=True),
        # Scans are TIFF files. Most other pictures in folders are icons and photographs.
        **dict.fromkeys(
            (".tif", ".tiff"), Format(read_picture, picture.REVISION, runs_programs=True)
        ),
        **dict.fromkeys(
            (".png", ".jpg", ".jpeg"),
            Format(read_picture, picture.REVISION, runs_programs=True, only_if_named=True),
        ),
        ".csv": Format(read_csv, delimited.REVISION),
        ".tsv": Format(read_tsv, delimited.REVISION),
        ".json": Format(read_json, data_files.REVISION),
        ".jsonl": Format(read_jsonl, data_files.REVISION),
        ".ndjson": Format(read_jsonl, data_files.REVISION),
        ".rst": Format(read_rst, restructured.REVISION),
        ".mdx": Format(read_mdx, markdown.REVISION),
        ".rtf": Format(read_rtf, rich_text.REVISION),
        ".epub": Format(read_epub, book.REVISION),
        ".eml": Format(read_eml, mail.REVISION, has_attachments=True, runs_programs=True),
        ".msg": Format(read_msg, outlook.REVISION, has_attachments=True, runs_programs=True),
    }
)
"""How files are read, by their suffix. In a folder, files with these suffixes are documents, unless
their format is read only if the file is named.
"""

TEXT_SUFFIXES = frozenset(("", ".adoc", ".asc", ".log", ".org", ".tex", ".yaml", ".yml"))
"""Suffixes that are read as plain text if the file is named itself. In a folder such files are
ignored.
"""


@dataclass(frozen=True, slots=True)
class ParseTask:
    """A file to read and parse.

    :param document_id: the id of its document, unless its front matter gives one
    :param tags: added to those of its front matter
    :param known_sha256: of the bytes that were parsed before; if they are still the same, the file
        is not parsed again
    :param root: the folder that it was found in, which no link may lead out of; None for a file
        that was named itself
    :param kept_name: the name of the file if the path is that of a kept copy
    :param collection: as a document has it
    :param groups: as a document has them; front matter may narrow them, but not widen them
    """

    path: Path
    document_id: str
    tags: tuple[str, ...] = ()
    known_sha256: str | None = None
    root: Path | None = None
    kept_name: str | None = None
    collection: str | None = None
    groups: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """The path or the name, whose suffix selects the format."""
        return path_text(self.path) if self.kept_name is None else self.kept_name

    @property
    def source(self) -> str:
        """How messages name the file."""
        return self.name

    @property
    def file_name(self) -> str:
        """The name of the file, without its folders."""
        return path_text(Path(self.path.name)) if self.kept_name is None else self.kept_name


@dataclass(frozen=True, slots=True)
class UploadTask:
    """An uploaded file to parse.

    :param name: its suffix selects the format; also the id of its document if nothing else gives
        one
    :param tags: added to those of its front matter
    :param collection: as a document has it
    :param groups: as a document has them; front matter may narrow them, but not widen them
    """

    name: str
    data: bytes
    tags: tuple[str, ...] = ()
    collection: str | None = None
    groups: tuple[str, ...] | None = None

    @property
    def document_id(self) -> str:
        """The id of its document, unless its front matter gives one."""
        return self.name

    @property
    def source(self) -> str:
        """How messages name the file."""
        return _readable(self.name)

    @property
    def file_name(self) -> str:
        """The name of the file as its owner knows it. Some clients send its folders too."""
        return self.name.replace("\\", "/").rpartition("/")[2] or self.name


Task = ParseTask | UploadTask


@dataclass(frozen=True, slots=True)
class PageTask:
    """A page of a kept PDF to draw, with ``text[start:end]`` marked.

    :param name: of the file, for messages
    :param number: of the page, from 1
    :param text: the stored text of the page
    """

    path: Path
    name: str
    number: int
    text: str = ""
    start: int = 0
    end: int = 0

    @property
    def source(self) -> str:
        """How messages name the file."""
        return self.name

    @property
    def key(self) -> str:
        """What the image depends on besides the file and its text."""
        return f"{RENDERING} {self.number} {self.start}-{self.end}"

    def image(self, data: bytes) -> bytes | None:
        """The page as PNG, drawn in this process. None if there is no such page.

        :param data: the bytes of the file
        :raises DocumentError: the file is damaged
        """
        return page_image(
            self.name, data, self.number, text=self.text, start=self.start, end=self.end
        )


@dataclass(frozen=True, slots=True)
class ParseResult:
    """What came of a task: a document, an image or an error. A file that is still the same as
    before, and a page that does not exist, have none of them.

    :param source: the path of the file or the name of the upload
    :param fingerprint: of the file that was read; None for an upload or an unreadable file
    """

    source: str
    document: Document | None = None
    error: DocumentError | None = None
    fingerprint: Fingerprint | None = None
    image: bytes | None = None

    def required_document(self) -> Document:
        """The document.

        :raises DocumentError: there is none
        """
        if self.document is None:
            raise self.error or DocumentError(self.source, "has not changed")
        return self.document


def extraction_revisions() -> dict[str, int]:
    """The revision of the code that extracts the text of each suffix in :data:`SUPPORTED`."""
    # What is attached to a file may be of any format.
    attached = sum(each.revision for each in SUPPORTED.values() if not each.has_attachments)
    return {
        suffix: each.revision + (attached if each.has_attachments else 0)
        for suffix, each in SUPPORTED.items()
    }


def find_files(
    paths: Iterable[Path], tags: Iterable[str] = (), unread: UnreadFiles | None = None
) -> Iterator[ParseTask]:
    """A task for each file at the given paths. Folders are walked in sorted order, and no file is
    returned twice.

    In a folder, only files with a suffix in :data:`SUPPORTED` are documents, and hidden files and
    folders are ignored. A path that was named itself is always returned, and so is a folder that
    cannot be listed: reading it reports the fault, so that one bad path never hides the others.

    :param unread: what folders hold and is not read is added to it
    """
    tags = tuple(tags)
    unread = UnreadFiles() if unread is None else unread
    seen: set[str] = set()
    for argument in paths:
        is_folder = os.path.isdir(argument)
        for path in _walk(argument, unread) if is_folder else [argument]:
            real_path = os.path.realpath(path)
            if real_path not in seen:
                seen.add(real_path)
                yield ParseTask(
                    path,
                    file_id(path, argument),
                    tags,
                    root=argument if is_folder else None,
                )


def file_id(path: Path, argument: Path) -> str:
    """The document id of a file: its path relative to the current folder.

    For a file elsewhere, the path begins with the folder that the user named, or with the folder
    that contains the file that the user named.

    :param argument: the path that the user named: the file itself, or a folder that contains it
    """
    absolute, current = Path(os.path.abspath(path)), Path.cwd()
    if absolute.is_relative_to(current):
        return path_text(absolute.relative_to(current))
    given = Path(os.path.abspath(argument))
    root = given.parent.parent if given == absolute else given.parent
    return path_text(absolute.relative_to(root))


def read_document(
    path: Path, *, document_id: str | None = None, tags: Iterable[str] = (), max_bytes: int
) -> Document:
    """The document in a file, parsed in this process: only for files that are trusted.

    :param document_id: used if the front matter gives no id; without it, the id comes from the
        path
    :param tags: added to those of the front matter
    :raises DocumentError: the file cannot be read, is too large, or is not a document
    """
    data = read_contents(path, max_bytes)
    document_id = file_id(path, path) if document_id is None else document_id
    limits = ParseLimits(file_bytes=max_bytes)
    return _parse(
        path_text(path),
        path.suffix,
        data,
        document_id=document_id,
        tags=tags,
        limits=limits,
        file_name=path_text(Path(path.name)),
    )


def parse_document(
    name: str,
    data: bytes,
    *,
    document_id: str | None = None,
    tags: Iterable[str] = (),
    limits: ParseLimits = DEFAULT_LIMITS,
    file_name: str | None = None,
) -> Document:
    """The document in the bytes of a file, parsed in this process.

    Files that are not trusted are parsed by a :class:`corpus.pool.ParserPool`, which calls this in
    a process of its own.

    :param name: its suffix selects the format; also the id if nothing else gives one
    :param document_id: used if the front matter gives no id
    :param tags: added to those of the front matter
    :param file_name: the last part of the name by default
    :raises DocumentError: there are too many bytes or too much text, or they are not a document
    """
    source = _readable(name)
    check_size(source, len(data), limits.file_bytes)
    return _parse(
        source,
        PurePosixPath(name).suffix,
        data,
        document_id=name if document_id is None else document_id,
        tags=tags,
        limits=limits,
        file_name=name if file_name is None else file_name,
    )


def read_task(task: Task | PageTask, limits: ParseLimits) -> tuple[bytes, Fingerprint | None]:
    """The bytes of a task, and their fingerprint if they are a file's.

    :raises DocumentError: the file cannot be read, is too large, or changed meanwhile
    """
    if isinstance(task, ParseTask):
        root = None if limits.follow_links else task.root
        return read_settled(task.path, limits.file_bytes, root)
    if isinstance(task, PageTask):
        return read_contents(task.path, limits.file_bytes), None
    check_size(task.source, len(task.data), limits.file_bytes)
    return task.data, None


def is_known(task: Task | PageTask, fingerprint: Fingerprint | None) -> bool:
    """Whether the bytes of a task are those that were parsed before."""
    return (
        isinstance(task, ParseTask)
        and fingerprint is not None
        and fingerprint.sha256 == task.known_sha256
    )


def seconds_of_programs(task: "Task | PageTask", limits: ParseLimits) -> float:
    """How long programs may run for a task, 0 if it needs none."""
    known = SUPPORTED.get(PurePosixPath(task.name).suffix.lower())
    return limits.program_seconds if known is not None and known.runs_programs else 0.0


def parse_task(task: Task, data: bytes, limits: ParseLimits) -> Document:
    """The document of a task, parsed in this process.

    :param data: as :func:`read_task` gave them
    :raises DocumentError: they are not a document
    """
    document = parse_document(
        task.name,
        data,
        document_id=task.document_id,
        tags=task.tags,
        limits=limits,
        file_name=task.file_name,
    )
    try:
        return document.with_access(task.collection, task.groups)
    except DocumentError as exc:
        raise DocumentError(task.source, exc.reason) from exc


def with_content(
    document: Document, task: Task, fingerprint: Fingerprint | None, limits: ParseLimits
) -> Document:
    """The document of a task, which knows the file that it was read from.

    :param fingerprint: of the bytes that were parsed, if they are a file's
    """
    if isinstance(task, UploadTask):
        content = FileContent.of_upload(task.data)
    elif fingerprint is not None:
        content = FileContent(
            fingerprint.sha256,
            fingerprint.size,
            path=task.path,
            root=None if limits.follow_links else task.root,
        )
    else:
        return document
    return replace(document, original=content.sha256, content=content)


def _readable(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")


def _parse(
    source: str,
    suffix: str,
    data: bytes,
    *,
    document_id: str,
    tags: Iterable[str],
    limits: ParseLimits,
    file_name: str,
) -> Document:
    extract = _extractor(source, suffix.lower())
    if not data:
        raise DocumentError(source, "is empty")
    with program_limits(limits.program_seconds, limits.ocr_languages):
        extracted = with_attachments(extract(source, data), _extractor)
    if not extracted.text.strip():
        raise DocumentError(source, "has no text in it")
    limits.check_text(source, extracted.text, len(data))
    if len(extracted.pages) > MAX_PAGES:
        raise DocumentError(source, f"has more than {MAX_PAGES:,} pages with text; divide it")
    published, published_from = _published(extracted, date.today())
    try:
        return make_document(
            extracted.text,
            document_id=extracted.id or document_id,
            title=document_title(
                extracted.title,
                extracted.title_kind,
                site=extracted.site,
                text=extracted.text,
                blocks=extracted.blocks,
                file_name=file_name,
            ),
            # A link that cannot be followed is no reason to refuse the text.
            url=web_address(extracted.url or ""),
            published=published,
            published_from=published_from,
            tags=[*extracted.tags, *tags],
            pages=extracted.pages,
            blocks=bounded(extracted.blocks),
            notes=extracted.notes,
            file_name=file_name,
            media_type=media_type_of(suffix),
            groups=extracted.groups,
        )
    except DocumentError as exc:
        raise DocumentError(source, exc.reason) from exc


def _published(extracted: Extracted, today: date) -> tuple[date | None, DateSource | None]:
    """The date of a document and where it was found. What the text states goes before the
    properties of the file, which only say when the file was made.
    """
    day, source = extracted.published, extracted.published_from or DateSource.PROPERTIES
    if source is DateSource.FRONT_MATTER and day:
        return day, source
    if not is_plausible(day, today):
        day = None
    if day is None or source is DateSource.PROPERTIES:
        stated = stated_publication(extracted.text, today=today, hint=day)
        if stated is not None:
            return stated.day, stated.source
    return day, source if day else None


def _extractor(source: str, suffix: str) -> Extractor:
    if suffix in TEXT_SUFFIXES:
        return read_text
    if suffix not in SUPPORTED:
        raise DocumentError(
            source, f"has the suffix {suffix}, which is not supported; {', '.join(SUPPORTED)} are"
        )
    return SUPPORTED[suffix].read


def _walk(folder: Path, unread: UnreadFiles) -> Iterator[Path]:
    # A stack in place of recursion, which very deep folders would exhaust.
    waiting = [folder]
    while waiting:
        path = waiting.pop()
        try:
            is_folder = stat.S_ISDIR(os.stat(path).st_mode)
        except OSError as exc:
            if exc.errno == errno.ENAMETOOLONG:
                unread.add(path_text(path), "has a longer path than this system allows")
                continue
            # A broken link may be a document's.
            is_folder = False
        if path is not folder and not is_folder:
            known = SUPPORTED.get(path.suffix.lower())
            if known is not None and not known.only_if_named:
                yield path
            else:
                unread.add(path_text(path), _reason_unread(path.suffix.lower()))
            continue
        # A link to a folder may form a loop, so it is not followed.
        if path is not folder and path.is_symlink():
            unread.add(path_text(path), "is a link to a folder, and these are not followed")
            continue
        try:
            entries = sorted(path.iterdir(), reverse=True)
        except OSError:
            yield path
            continue
        waiting += [entry for entry in entries if not is_ignored(entry.name)]


def _reason_unread(suffix: str) -> str:
    if suffix in TEXT_SUFFIXES:
        kind = f"the suffix {suffix}" if suffix else "no suffix"
        return f"has {kind}; name the file itself to add it as plain text"
    if suffix in SUPPORTED:
        return "is a picture; name the file itself to add the text in it"
    return f"has the suffix {suffix}, which is not supported"
