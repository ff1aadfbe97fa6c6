"""Outlook messages (msg): the same parts as of an e-mail."""

import io

from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats.extracted import AttachedFile, Extracted
from corpus.formats.fragment import EMPTY
from corpus.formats.html import decode_html
from corpus.formats.mail import chosen_body, html_body, mail_prose, plain_body
from corpus.formats.package import translated
from corpus.titles import TitleKind

REVISION = 1
"""Raised when other text is extracted from messages, so that synced files are read again."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_msg(source: str, data: bytes) -> Extracted:
    """The text of an Outlook message, and the files attached to it.

    :raises DocumentError: it is damaged or of another format
    """
    if not data.startswith(_OLE):
        raise DocumentError(source, "is not an msg file, or is damaged")
    return translated(source, lambda: _extracted(source, data))


def _extracted(source: str, data: bytes) -> Extracted:
    from oxmsg import Message

    message = Message.load(io.BytesIO(data))
    recipients = (f"{each.name} <{each.email_address}>" for each in message.recipients)
    sent = message.sent_date
    html = message.html_body
    if isinstance(html, bytes):
        html = decode_html(source, html)
    written = mail_prose(
        message.subject or "",
        [
            ("From", message.sender or ""),
            ("To", ", ".join(recipients)),
            ("Date", sent.strftime("%a, %d %b %Y %H:%M") if sent else ""),
        ],
        chosen_body(plain_body(message.body or ""), html_body(html) if html else EMPTY),
    )
    notes: list[str] = []
    files: list[AttachedFile] = []
    for number, attachment in enumerate(message.attachments, 1):
        name = attachment.file_name or f"attachment {number}"
        if (attachment.mime_type or "").startswith("image/"):
            notes.append(f"The picture {name} is left out.")
        elif attachment.attached_by_value and attachment.file_bytes is not None:
            files.append(AttachedFile(name, attachment.file_bytes))
        else:
            notes.append(f"The attachment {name} is a message or an object inside this one.")
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=message.subject or None,
        title_kind=TitleKind.CHOSEN,
        published=sent.date() if sent else None,
        published_from=DateSource.METADATA,
        notes=tuple(notes),
        files=tuple(files),
    )
