"""Pagination: cursors from one page of a list to the next."""

import base64
import binascii

from corpus.errors import QuestionError

MAX_PAGE = 1_000
MAX_CURSOR_LENGTH = 10_000


def cursor_after(key: str) -> str:
    """The cursor for the page that starts after the entry with this key."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def key_before(cursor: str | None) -> str | None:
    """The key that a cursor starts after; None if there is no cursor, for the first page.

    :raises QuestionError: it is not a cursor
    """
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise not_a_cursor(cursor) from exc


def not_a_cursor(cursor: str | None) -> QuestionError:
    """The error for something else in place of a cursor."""
    return QuestionError(
        f"{cursor!r} is not a cursor; use the one that the previous page returned", "cursor"
    )
