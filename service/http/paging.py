"""Pages: the cursor that leads from one to the next."""

import base64
import binascii

from corpus.errors import QuestionError

MAX_PAGE = 1_000


def cursor_after(key: str) -> str:
    """What asks for the page past the entry of that key."""
    return base64.urlsafe_b64encode(key.encode()).decode()


def key_before(cursor: str | None) -> str | None:
    """The key of the last entry of the page before, None where the first page is asked for.

    :raises QuestionError: it is no cursor
    """
    if cursor is None:
        return None
    try:
        return base64.b64decode(cursor, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise QuestionError(
            f"{cursor!r} is no cursor; take the one that came with the page before", "cursor"
        ) from exc
