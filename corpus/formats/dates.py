"""Dates as files state them."""

import re
from datetime import date, datetime

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PDF_DAY = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})")


def iso_day(stated: str) -> date:
    """The day of ``2025-11-07`` or ``2025-11-07T10:00:00Z``.

    :raises ValueError: it is neither
    """
    if not _ISO_DAY.match(stated):
        raise ValueError(f"{stated!r} is not a date")
    return datetime.fromisoformat(stated).date()


def stated_day(stated: str | None) -> date | None:
    """The day that a file's properties state, None where they state none or what no calendar has.

    For properties that a program wrote (``D:20251107103000Z``, ``2025-11-07T10:00:00Z``); what a
    person wrote is read with :func:`iso_day`, which refuses."""
    try:
        day = _PDF_DAY.match(stated or "")
        return date(*map(int, day.groups())) if day else iso_day(stated or "")
    except ValueError:
        return None
