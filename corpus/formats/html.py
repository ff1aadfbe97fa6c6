"""HTML: the main text of a page, found by trafilatura, and what the page states about itself."""

import codecs
import logging
import re
from typing import Any

from corpus.dates import stated_day
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text, one_line
from corpus.formats.extracted import Extracted
from corpus.formats.markup import first_heading, html_tree, prose, without_declaration
from corpus.formats.text import decode, marked_encoding

REVISION = 1
"""Raised when other text is extracted from HTML, so that synced files are read again."""

_CHARSET = re.compile(
    rb"""(?:<meta[^<>]*?charset|<\?xml[^<>]*?encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE
)
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
    """The main text of a page with its headings, or the whole page if no main text can be found.

    :raises DocumentError: the bytes are not text, or the page is damaged
    """
    markup = without_declaration(decode_html(source, data))
    found = _main_part(source, markup)
    text = _prose_of(found.body if found else None, markup)
    return Extracted(
        text=text,
        title=one_line((found and found.title) or "") or first_heading(text),
        published=stated_day(found.date) if found else None,
        url=found.url if found else None,
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


def page_prose(markup: str) -> str:
    """The clean text of all visible content of a page, without menus, forms and scripts."""
    tree = html_tree(markup)
    return "" if tree is None else clean_text(prose(tree))


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


def _main_part(
    source: str, markup: str
) -> Any:  # Any: trafilatura's Document, which has no types; None without one
    from trafilatura import bare_extraction

    # trafilatura logs its failures, but reporting them is up to the caller.
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)
    try:
        return bare_extraction(
            markup,
            with_metadata=True,
            include_comments=False,
            include_formatting=True,
            include_tables=True,
            date_extraction_params=_DATE_SEARCH,
        )
    except (ValueError, TypeError, AttributeError, RecursionError) as exc:
        raise DocumentError(source, "is damaged: no text could be extracted from the page") from exc


def _prose_of(main: Any, markup: str) -> str:  # Any: lxml has no types
    """The text of the main part. If trafilatura found no structure in it, the text of the whole
    page, whose paragraphs are kept apart.
    """
    if main is None or [child.tag for child in main] in ([], ["p"]):
        return page_prose(markup)
    return clean_text(prose(main)) or page_prose(markup)
