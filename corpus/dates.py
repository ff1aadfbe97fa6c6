"""Dates: the names of months and days of the week, and the forms in which dates are written."""

import re
from datetime import date, datetime

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

MONTH_PATTERN = "|".join(MONTHS)
"""A regular expression that matches the full name of a month; put it in a group."""

WEEKDAY_PATTERN = "|".join(WEEKDAYS)
"""A regular expression that matches a day of the week; put it in a group."""

_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PDF_DAY = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})")


def written_day(day: date) -> str:
    """A date as it is written in English: ``7 November 2025``."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


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
    A date written by a person is read with :func:`iso_day`, which reports an invalid one.
    """
    try:
        day = _PDF_DAY.match(stated or "")
        return date(*map(int, day.groups())) if day else iso_day(stated or "")
    except ValueError:
        return None
