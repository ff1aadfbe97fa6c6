"""The dates that files state."""

import re
from datetime import date, datetime

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PDF_DAY = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})")


def iso_day(stated: str) -> date:
    """The date in ``2025-11-07`` or ``2025-11-07T10:00:00Z``.

    :raises ValueError: the text has neither form
    """
    if not _ISO_DAY.match(stated):
        raise ValueError(f"{stated!r} is not a date")
    return datetime.fromisoformat(stated).date()


def stated_day(stated: str | None) -> date | None:
    """The date in the properties of a file, None if there is none or it is invalid.

    This is for properties written by a program (``D:20251107103000Z``, ``2025-11-07T10:00:00Z``).
    A date written by a person is read with :func:`iso_day`, which reports an invalid one."""
    try:
        day = _PDF_DAY.match(stated or "")
        return date(*map(int, day.groups())) if day else iso_day(stated or "")
    except ValueError:
        return None
