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

_SHORT = "|".join(month[:3] for month in MONTHS) + "|Sept"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|\.)?\s+(?:of\s+)?({MONTH_PATTERN}|{_SHORT})\.?,?\s+(\d{{4}})",
    re.IGNORECASE,
)
_MONTH_FIRST = re.compile(
    rf"({MONTH_PATTERN}|{_SHORT})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?,?\s+(\d{{4}})", re.IGNORECASE
)
_NUMBERS = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})|(\d{1,2})\.(\d{1,2})\.(\d{4})")
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


def day_of(text: str) -> date | None:
    """The date that a person wrote, None if the text is anything but one date.

    It may be ``2024-05-05``, ``5 May 2024``, ``May 5, 2024``, ``2024/05/05`` or ``5.5.2024``.
    ``5/6/2024`` is none, because nobody knows which number is the month.
    """
    text = " ".join(text.split())
    try:
        if day := _DAY_FIRST.fullmatch(text):
            return date(int(day[3]), _month(day[2]), int(day[1]))
        if day := _MONTH_FIRST.fullmatch(text):
            return date(int(day[3]), _month(day[1]), int(day[2]))
        if day := _NUMBERS.fullmatch(text):
            parts = day.groups()[:3] if day[1] else day.groups()[:2:-1]
            return date(*map(int, parts))
        return iso_day(text)
    except ValueError:
        return None


def _month(name: str) -> int:
    return next(
        number for number, month in enumerate(MONTHS, 1) if month[:3].lower() == name[:3].lower()
    )
