"""Documents: the text that answers quote, with its title, date, tags and pages."""

import hashlib
import json
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from urllib.parse import urlsplit

from corpus.blocks import Block, as_lists
from corpus.content import FileContent
from corpus.errors import DocumentError
from corpus.text_blocks import text_blocks

MAX_ID_LENGTH = 200
MAX_TITLE_LENGTH = 500
MAX_URL_LENGTH = 2_000
MAX_TAG_LENGTH = 100
MAX_TAGS = 50
MAX_GROUPS = 50
MAX_COLLECTION_LENGTH = 100

DEFAULT_COLLECTION = "default"
"""The collection of a document that names no other. It always exists."""

_MAX_FILE_NAME_LENGTH = 255


class DateSource(StrEnum):
    """Where the date of a document was found."""

    GIVEN = "given"
    FRONT_MATTER = "front_matter"
    METADATA = "metadata"
    STATED = "stated"
    DATELINE = "dateline"
    PROPERTIES = "properties"


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a paged format. Its text is ``text[start:end]`` of the document.

    :param number: the page number, from 1
    :param start: offset of the first character in the document's text, in code points
    :param end: offset after the last character
    """

    number: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Document:
    """A text with an id. The text of a version never changes.

    Create it with :func:`make_document`, which checks every field.

    :param id: 1 to 200 characters without control characters
    :param version: sha256 of the text, 64 hexadecimal digits
    :param text: exactly what is cited; every offset in Quoth counts its code points
    :param url: where the original is: a web address, as :func:`web_address` has it
    :param published: the date that the document states, if any
    :param tags: sorted, without duplicates
    :param pages: in order, without overlaps; empty if the format has no pages
    :param blocks: the structure of the text, in its order
    :param notes: what of its file is not in the text, a sentence each
    :param file_name: of the file that it was read from, without folders; None without a file
    :param media_type: of that file
    :param original: the sha256 of that file if it is kept
    :param published_from: where the date was found
    :param collection: the collection that it belongs to. None leaves a document that is stored
        where it is, and adds a new one to the default collection
    :param groups: the groups that may know of it, sorted; empty for everybody who may see its
        collection. None leaves those of a document that is stored, and is for everybody otherwise
    :param content: that file, until a store keeps it
    """

    id: str
    version: str
    title: str
    text: str
    url: str | None = None
    published: date | None = None
    tags: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    blocks: tuple[Block, ...] = ()
    notes: tuple[str, ...] = ()
    file_name: str | None = None
    media_type: str | None = None
    original: str | None = None
    published_from: DateSource | None = None
    collection: str | None = None
    groups: tuple[str, ...] | None = None
    content: FileContent | None = field(default=None, compare=False, repr=False)

    @property
    def structure(self) -> str:
        """A digest of the blocks and the notes, 32 hexadecimal digits."""
        parts = json.dumps([as_lists(self.blocks), list(self.notes)])
        return hashlib.sha256(parts.encode()).hexdigest()[:32]

    def with_metadata(
        self,
        *,
        title: str | None,
        url: str | None,
        published: date | None,
        published_from: DateSource | None,
        tags: Iterable[str],
        collection: str | None,
        groups: Iterable[str] | None,
    ) -> "Document":
        """The same text with other metadata, which has been checked.

        :param title: the first line of the text by default, shortened
        :raises DocumentError: a field is too long, or contains characters that cannot be stored
        """
        line = _checked_line(self.id, "title", title, limit=MAX_TITLE_LENGTH)
        return replace(
            self,
            title=line or first_line(self.text),
            url=_checked_url(self.id, url),
            published=published,
            published_from=published_from if published else None,
            tags=_checked_tags(self.id, tags),
            collection=None if collection is None else check_collection(collection),
            groups=None if groups is None else make_groups(self.id, groups),
        )

    def with_access(self, collection: str | None, groups: Iterable[str] | None) -> "Document":
        """The same document in a collection, for some groups. The groups that it names itself
        narrow these, and never widen them.

        :raises DocumentError: a name cannot be one
        """
        allowed = None if groups is None else make_groups(self.id, groups)
        own = self.groups
        if allowed and own:
            own = tuple(sorted({*allowed} & {*own})) or allowed
        return replace(
            self,
            collection=None if collection is None else check_collection(collection),
            groups=own or allowed if allowed is not None else own,
        )

    def page_of(self, offset: int) -> int | None:
        """The number of the page that contains the character at ``offset``, None without pages."""
        return page_of(self.pages, offset)


def page_of(pages: Sequence[Page], offset: int) -> int | None:
    """The number of the last page that starts at or before ``offset``, None without pages."""
    following = bisect_right(pages, offset, key=lambda page: page.start)
    return pages[following - 1].number if following else None


def version_of(text: str) -> str:
    """The version of a text: sha256 of its UTF-8 bytes, in hexadecimal."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def make_document(
    text: str,
    *,
    document_id: str | None = None,
    title: str | None = None,
    url: str | None = None,
    published: date | None = None,
    tags: Iterable[str] = (),
    pages: Iterable[Page] = (),
    blocks: Iterable[Block] | None = None,
    notes: Iterable[str] = (),
    file_name: str | None = None,
    media_type: str | None = None,
    published_from: DateSource | None = None,
    collection: str | None = None,
    groups: Iterable[str] | None = None,
) -> Document:
    """A document whose fields have been checked. The text is kept exactly as given.

    :param document_id: derived from the text by default
    :param title: the first line of the text by default, shortened
    :param blocks: by default those that the lines of the text show
    :param file_name: of the file that it was read from, with or without folders
    :raises DocumentError: a field is empty, too long, or contains characters that cannot be stored
    """
    source = "document" if document_id is None else document_id
    _check_text(source, text)
    version = version_of(text)
    if document_id is None:
        document_id = f"text-{version[:16]}"
    _check_id(document_id)
    return Document(
        id=document_id,
        version=version,
        title=_checked_line(source, "title", title, limit=MAX_TITLE_LENGTH) or first_line(text),
        text=text,
        url=_checked_url(source, url),
        published=published,
        tags=_checked_tags(source, tags),
        pages=tuple(pages),
        blocks=text_blocks(text) if blocks is None else tuple(blocks),
        notes=tuple(notes),
        file_name=None if file_name is None else shown_file_name(file_name),
        media_type=media_type,
        published_from=published_from if published else None,
        collection=None if collection is None else check_collection(collection),
        groups=None if groups is None else make_groups(source, groups),
    )


def check_collection(name: str) -> str:
    """The name of a collection.

    :raises DocumentError: it is empty, too long, or contains spaces, slashes or characters that
        cannot be shown
    """
    fault = unencodable(name)
    if fault is None and not 1 <= len(name) <= MAX_COLLECTION_LENGTH:
        fault = f"has {len(name)} characters; it needs 1 to {MAX_COLLECTION_LENGTH}"
    if fault is None and (
        not name.isprintable() or any(one in "/\\" or one.isspace() for one in name)
    ):
        fault = "contains a space, a slash or a character that cannot be shown"
    if fault is None and name in (".", ".."):
        fault = "is . or .., which no address can reach"
    if fault:
        raise DocumentError("collection", f"the name {name[:40]!r} {fault}")
    return name


def make_groups(source: str, groups: Iterable[str]) -> tuple[str, ...]:
    """The groups of a document, sorted.

    :param source: how an error names the document
    :raises DocumentError: one is empty or too long, or there are too many
    """
    groups = tuple(groups)
    # An empty name must not open a document to everybody.
    if not all(group.strip() for group in groups):
        raise DocumentError(_printable(source), "the name of a group is empty")
    return _checked_words(source, "group", groups, limit=MAX_GROUPS)


def shown_file_name(name: str) -> str:
    """The last part of a path, in which characters that cannot be stored or shown are replaced."""
    last = name.rpartition("/")[2] or name
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp")
    shown = "".join("\ufffd" if unicodedata.category(one) in hidden else one for one in last)
    return shown[:_MAX_FILE_NAME_LENGTH]


def first_line(text: str, limit: int = 120) -> str:
    """The first line that is not blank, without heading marks, cut between words to at most
    ``limit`` characters.
    """
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return shortened(line.lstrip("#").strip() or line, limit)


def shortened(line: str, limit: int) -> str:
    """The line, cut between words to at most ``limit`` characters."""
    if len(line) <= limit:
        return line
    return line[:limit].rsplit(" ", 1)[0].rstrip() + "…"


def web_address(url: str) -> str | None:
    """A URL without white space around it. None if no link may lead there: if it is not an http or
    https address, is too long, or contains a character that browsers skip or that hides others.
    """
    url = url.strip()
    hidden = ("Cc", "Cf", "Cs", "Zl", "Zp", "Zs")
    if len(url) > MAX_URL_LENGTH or any(
        character in '<>"\\' or unicodedata.category(character) in hidden for character in url
    ):
        return None
    try:
        parts = urlsplit(url)
        # Reading the port checks it.
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        return None
    return url if is_address and parts.scheme in ("http", "https") else None


def unencodable(text: str) -> str | None:
    """What keeps a string from being stored as text: a NUL or an unpaired surrogate. None if it
    can be stored.
    """
    if "\x00" in text:
        return "contains a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as exc:
        return f"contains an unpaired surrogate at character {exc.start}"
    return None


def _check_text(source: str, text: str) -> None:
    fault = unencodable(text)
    if fault:
        raise DocumentError(_printable(source), f"the text {fault}")
    if not text.strip():
        raise DocumentError(_printable(source), "the document has no text")


def _check_id(document_id: str) -> None:
    fault = unencodable(document_id)
    if fault:
        raise DocumentError(_printable(document_id), f"the id {fault}")
    if not document_id.strip():
        raise DocumentError("document", "the id is empty; give 1 to 200 characters, or omit it")
    if len(document_id) > MAX_ID_LENGTH:
        raise DocumentError(
            document_id[:40] + "…",
            f"the id has {len(document_id)} characters; at most {MAX_ID_LENGTH} are allowed",
        )
    if any(unicodedata.category(character) == "Cc" for character in document_id):
        raise DocumentError(_printable(document_id), "the id contains a control character")
    if any(part in (".", "..") for part in document_id.split("/")):
        raise DocumentError(
            document_id, "the id contains . or .. as a part, which no address can reach"
        )


def _checked_line(source: str, field: str, value: str | None, *, limit: int) -> str | None:
    if value is None or not value.strip():
        return None
    fault = unencodable(value)
    if fault:
        raise DocumentError(_printable(source), f"the {field} {fault}")
    line = " ".join(value.split())
    if len(line) > limit:
        raise DocumentError(
            source, f"the {field} has {len(line)} characters; at most {limit} are allowed"
        )
    return line


def _checked_url(source: str, url: str | None) -> str | None:
    if url is None or _checked_line(source, "url", url, limit=MAX_URL_LENGTH) is None:
        return None
    address = web_address(url)
    if address is None:
        raise DocumentError(
            _printable(source),
            "the url is not a web address; give one that begins with http:// or https:// and has "
            "no spaces or control characters, or omit it",
        )
    return address


def _checked_tags(source: str, tags: Iterable[str]) -> tuple[str, ...]:
    return _checked_words(source, "tag", tags, limit=MAX_TAGS)


def _checked_words(source: str, field: str, words: Iterable[str], *, limit: int) -> tuple[str, ...]:
    """The words of a list, sorted, without repetitions and empty ones."""
    lines = (_checked_line(source, field, word, limit=MAX_TAG_LENGTH) for word in words)
    checked = {line for line in lines if line}
    if len(checked) > limit:
        raise DocumentError(
            source, f"the document has {len(checked)} {field}s; at most {limit} are allowed"
        )
    return tuple(sorted(checked))


def _printable(source: str) -> str:
    return source.encode("unicode_escape").decode("ascii")
