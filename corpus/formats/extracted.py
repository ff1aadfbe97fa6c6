"""What is extracted from a file: its clean text, and what the file states about itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from corpus.blocks import Block
from corpus.document import DateSource, Page
from corpus.titles import TitleKind


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file inside another one, such as an attachment of an e-mail."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Extracted:
    """The text of a file and what the file states about itself. What it does not state is None or
    empty.

    :param text: clean (:func:`corpus.formats.clean.clean_text`)
    :param blocks: its structure, in the order of the text
    :param title: as the file states it, whether it is a title or not
    :param title_kind: how far it is to be trusted
    :param site: the name of the site that a page is from
    :param published_from: where the date was found, by default in the properties of the file
    :param url: as the file states it, whether it is a web address or not
    :param pages: offsets into ``text``, without blank pages
    :param notes: what of the file is not in the text, or could not be made out, a sentence each
    :param files: attached to it, and not yet in the text
    :param groups: that may know of it, empty for everybody
    """

    text: str
    blocks: tuple[Block, ...] = ()
    title: str | None = None
    title_kind: TitleKind = TitleKind.PROPERTY
    site: str | None = None
    published: date | None = None
    published_from: DateSource | None = None
    url: str | None = None
    tags: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    id: str | None = None
    notes: tuple[str, ...] = ()
    files: tuple[AttachedFile, ...] = ()
    groups: tuple[str, ...] | None = None


Extractor = Callable[[str, bytes], Extracted]
"""Takes the name of a file, for errors, and its bytes. Raises DocumentError if they cannot be read.
"""


@dataclass(frozen=True, slots=True)
class Format:
    """How the files of a format are read.

    :param read: gives what is extracted from a file
    :param revision: of the code that extracts; raised when it gives another text, so that synced
        files are read again
    :param has_attachments: whether its files may hold files of other formats
    :param runs_programs: whether programs are run for its files, which takes longer
    :param only_if_named: whether its files in folders are passed over
    """

    read: Extractor
    revision: int
    has_attachments: bool = False
    runs_programs: bool = False
    only_if_named: bool = False
