"""HTML: the main text of a page, found by trafilatura, and what the page states about itself."""

import codecs
import logging
import re
from typing import Any

from corpus.dates import stated_day
from corpus.document import DateSource
from corpus.errors import DocumentError
from corpus.formats.clean import one_line
from corpus.formats.extracted import Extracted
from corpus.formats.fragment import EMPTY, Fragment
from corpus.formats.markup import html_tree, prose, without_declaration
from corpus.formats.page import main_part
from corpus.formats.text import decode, marked_encoding
from corpus.titles import TitleKind

REVISION = 2
"""Raised when other text is extracted from HTML, so that synced files are read again."""

_CHARSET = re.compile(
    rb"""(?:<meta[^<>]*?charset|<\?xml[^<>]*?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
_BODY = re.compile(r"<body\b", re.IGNORECASE)
_TIME_IN_TEXT = re.compile(r"(?<=[a-z,] )<time\b[^<>]*+>", re.IGNORECASE)
"""A time after a word of a sentence is about something else than the page."""
_CHARSET_WITHIN = 4_096
# Browsers read these labels as the following supersets (WHATWG Encoding Standard).
_READ_AS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
}
# Take only a date that the page states, not one guessed from its text. The result must not depend
# on today's date.
_DATE_SEARCH = {"extensive_search": False, "original_date": True, "max_date": "2200-01-01"}


def read_html(source: str, data: bytes) -> Extracted:
    """The text of the main part of a page, or of the whole page where no part is clearly it.

    :raises DocumentError: the bytes are not text, or the page is damaged
    """
    markup = without_declaration(decode_html(source, data))
    written = page_prose(markup)
    # The head of a page says what the page is about. Headings and times in its body may be about
    # something else, so its body is asked for a date only where the head has none.
    stated = _stated(source, _BODY.split(markup, maxsplit=1)[0])
    published = stated_day(stated.date) if stated else None
    if published is None:
        whole = _stated(source, _TIME_IN_TEXT.sub("", markup))
        published = stated_day(whole.date) if whole else None
    return Extracted(
        text=written.text,
        blocks=written.blocks,
        title=one_line((stated and stated.title) or ""),
        title_kind=TitleKind.PAGE,
        site=(stated.sitename or stated.hostname) if stated else None,
        published=published,
        published_from=DateSource.METADATA,
        url=stated.url if stated else None,
    )


def decode_html(source: str, data: bytes) -> str:
    """The text of a page: as its byte order mark says, else UTF-8 if it is valid UTF-8, else the
    charset that it declares, else the most likely encoding.

    Pages often declare a wrong charset, but non-ASCII text that is valid UTF-8 is hardly ever in
    another encoding.

    :raises DocumentError: the bytes are not text
    """
    declared = None if marked_encoding(data) else _declared_encoding(data)
    if declared and (data.isascii() or not _is_valid(data, "utf-8")) and _is_valid(data, declared):
        return data.decode(declared)
    return decode(source, data)


def page_prose(markup: str) -> Fragment:
    """The text of a page without navigation, controls and scripts, and its blocks."""
    tree = html_tree(markup)
    return EMPTY if tree is None else prose(main_part(tree))


def _is_valid(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _declared_encoding(data: bytes) -> str | None:
    declared = _CHARSET.search(data[:_CHARSET_WITHIN])
    if declared is None or b"\x00" in data:
        return None
    try:
        name = codecs.lookup(declared.group(1).decode("ascii")).name
    except LookupError:
        return None
    # A page whose meta tag is readable as ASCII is not UTF-16, whatever the tag says.
    return None if name.startswith(("utf-16", "utf-32")) else _READ_AS.get(name, name)


def _stated(
    source: str, markup: str
) -> Any:  # Any: trafilatura's Document, which has no types; None without one
    """What the page states about itself in its head."""
    from trafilatura import extract_metadata

    # trafilatura logs its failures, but reporting them is up to the caller.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        return extract_metadata(markup, date_config=_DATE_SEARCH)
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise DocumentError(source, "is damaged: no text could be extracted from the page") from exc
