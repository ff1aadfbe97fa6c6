"""E-mail (eml): its head, its body, and the files that are attached to it."""

from collections.abc import Iterator, Sequence
from datetime import date
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage, MIMEPart
from email.policy import default
from email.utils import parsedate_to_datetime
from itertools import groupby

from corpus.blocks import BlockKind
from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats import fragment
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import AttachedFile, Extracted
from corpus.formats.fragment import EMPTY, Fragment
from corpus.formats.html import decode_html
from corpus.formats.markup import html_tree, prose
from corpus.formats.text import decode
from corpus.text_blocks import text_blocks
from corpus.titles import TitleKind

REVISION = 1
"""Raised when other text is extracted from e-mails, so that synced files are read again."""

_SHOWN = ("From", "To", "Cc", "Date")
_KNOWN = frozenset(("from", "to", "subject", "date", "received", "message-id", "return-path"))
_QUOTED = ">"
_SUBJECT_LEVEL = 1
_HTML_SHARE = 0.8
"""An HTML body with fewer words than this share of the plain one leaves something out."""


def read_eml(source: str, data: bytes) -> Extracted:
    """The text of an e-mail, and the files attached to it.

    :raises DocumentError: it is not an e-mail, or is damaged
    """
    try:
        message = message_from_bytes(data, policy=default)
        heads = _heads(message)
        if not heads.keys() & _KNOWN or not isinstance(message, EmailMessage):
            raise DocumentError(source, "is not an e-mail, or is damaged")
        notes: list[str] = []
        body = _body(source, message)
        files = tuple(_files(message, notes))
    except RecursionError as exc:
        raise DocumentError(source, "nests its parts too deeply") from exc
    except (ValueError, LookupError, MessageError, AttributeError, TypeError) as exc:
        raise DocumentError(source, "is damaged: its contents cannot be read") from exc
    written = mail_prose(
        heads.get("subject", ""), [(name, heads.get(name.lower(), "")) for name in _SHOWN], body
    )
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=one_line(heads.get("subject", "")) or None,
        title_kind=TitleKind.CHOSEN,
        published=_day(heads.get("date", "")),
        published_from=DateSource.METADATA,
        notes=tuple(notes),
        files=files,
    )


def mail_prose(subject: str, fields: Sequence[tuple[str, str]], body: Fragment) -> Fragment:
    """The text of an e-mail: its subject as the heading, a line for each field that has a value,
    and the body.
    """
    stated = [(name, one_line(value)) for name, value in fields]
    head = fragment.joined(
        [fragment.block(BlockKind.FIELD, f"{name}: {value}") for name, value in stated if value],
        fragment.LINE,
    )
    return fragment.joined([fragment.heading(subject, _SUBJECT_LEVEL), head, body])


def plain_body(text: str) -> Fragment:
    """A plain body, with lines that are marked as quoted made quotations."""
    pieces: list[Fragment] = []
    lines = clean_text(text).split("\n")
    for is_quoted, group in groupby(lines, lambda line: line.startswith(_QUOTED)):
        if not is_quoted:
            own = clean_text("\n".join(group))
            pieces.append(Fragment(own, text_blocks(own, has_headings=False)))
            continue
        bare = "\n".join(line.lstrip("> \t") for line in group)
        pieces += [fragment.block(BlockKind.QUOTATION, part) for part in bare.split("\n\n")]
    return fragment.joined(pieces)


def html_body(markup: str) -> Fragment:
    """A body that is a web page."""
    tree = html_tree(markup)
    return EMPTY if tree is None else prose(tree)


def chosen_body(plain: Fragment, html: Fragment) -> Fragment:
    """The HTML body, which keeps lists and tables, unless it leaves out much of the plain one."""
    is_whole = len(html.text.split()) >= _HTML_SHARE * len(plain.text.split())
    return html if html and is_whole else plain


def _heads(message: object) -> dict[str, str]:
    """The decoded header fields by their names in lower case, the first of each name."""
    heads: dict[str, str] = {}
    for name, value in message.raw_items():  # type: ignore[attr-defined]  # of every message
        if name.lower() in heads or name.lower() not in {*_KNOWN, "cc"}:
            continue
        raw = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        try:
            heads[name.lower()] = str(make_header(decode_header(raw)))
        except (ValueError, LookupError, MessageError):
            heads[name.lower()] = raw
    return heads


def _day(stated: str) -> date | None:
    try:
        return parsedate_to_datetime(stated).date()
    except (ValueError, TypeError, IndexError):
        return None


def _body(source: str, message: EmailMessage) -> Fragment:
    plain, html = message.get_body(("plain",)), message.get_body(("html",))
    written = chosen_body(
        EMPTY if plain is None else plain_body(_text(source, plain)),
        EMPTY if html is None else html_body(_text(source, html)),
    )
    # Pictures and signatures of mailing lists divide a body into several parts.
    further = [
        _text_part(source, part)
        for part in message.iter_attachments()
        if not _name(part) and part.get_content_maintype() == "text"
    ]
    return fragment.joined([written, *further])


def _text_part(source: str, part: MIMEPart) -> Fragment:
    text = _text(source, part)
    return html_body(text) if part.get_content_subtype() == "html" else plain_body(text)


def _text(source: str, part: MIMEPart) -> str:
    data = _bytes(part)
    charset = part.get_content_charset()
    try:
        return data.decode(charset or "utf-8")
    except (LookupError, UnicodeDecodeError):
        if not data:
            return ""
        is_html = part.get_content_subtype() == "html"
        return decode_html(source, data) if is_html else decode(source, data)


def _files(message: EmailMessage, notes: list[str]) -> Iterator[AttachedFile]:
    for number, part in enumerate(message.iter_attachments(), 1):
        name = _name(part)
        if part.get_content_maintype() == "image":
            notes.append(f"The picture {name or number} is left out.")
        elif part.get_content_type() == "message/rfc822":
            inner = part.get_content()
            subject = _heads(inner).get("subject", "")
            yield AttachedFile(name or f"{one_line(subject) or 'message'}.eml", inner.as_bytes())
        elif name:
            yield AttachedFile(name, _bytes(part))


def _name(part: MIMEPart) -> str:
    return one_line(part.get_filename() or "").rpartition("/")[2]


def _bytes(part: MIMEPart) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""
