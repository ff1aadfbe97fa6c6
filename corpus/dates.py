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
_MONTH = rf"(?:{MONTH_PATTERN}|{_SHORT})"
_DAY_FIRST = re.compile(
    rf"(\d{{1,2}})(?:st|nd|rd|th|\.)?[ -]+(?:of +)?({_MONTH})\.?,?[ -]+(\d{{4}})", re.IGNORECASE
)
_MONTH_FIRST = re.compile(
    rf"({_MONTH})\.? +(\d{{1,2}})(?:st|nd|rd|th)?,? +(\d{{4}})", re.IGNORECASE
)
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})")
_NUMBERS = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_ISO_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_PDF_DAY = re.compile(r"(?:D:)?(\d{4})(\d{2})(\d{2})")
_WEEKDAY = re.compile(r"[^\W\d]{3,12}\.?,? +(?=\d|[^\W\d]{3})")
_OTHER_MONTH = re.compile(
    r"(\d{1,2})(?:\.|er|º|°)? (?:d[eio]l? |de )?([^\W\d]{3,12})\.? (?:d[eio]l? )?(\d{4})"
)
_LANGUAGES = ("de", "fr", "es", "it", "nl", "pt", "pl", "sv", "da", "nb", "fi", "cs")
_MAX_DATE_LENGTH = 40

NUMERIC_DAY = re.compile(r"(?<![\d./-])(\d{1,2})([/-])(\d{1,2})\2\d{4}(?![\d/-]|\.\d)")
"""A day in numbers, of which the first and the third group are the day and the month, or the
reverse.
"""


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


def day_of(text: str, *, is_day_first: bool | None = None) -> date | None:
    """The date that a person wrote, None if the text is anything but one date.

    It may be ``2024-05-05``, ``Sunday, 5 May 2024``, ``May 5, 2024``, ``2024/05/05``, ``5.5.2024``,
    or ``5 mai 2024`` in one of the larger European languages. ``5/6/2024`` is none, because nobody
    knows which number is the month.

    :param is_day_first: whether the day comes before the month in dates such as ``5/6/2024``, if
        anybody does know
    """
    text = " ".join(text.split())
    if len(text) > _MAX_DATE_LENGTH:
        return None
    try:
        return _one_day(text, is_day_first) or _one_day(_WEEKDAY.sub("", text, 1), is_day_first)
    except ValueError:
        return None


def _one_day(text: str, is_day_first: bool | None) -> date | None:
    if day := _DAY_FIRST.fullmatch(text):
        return date(int(day[3]), _month(day[2]), int(day[1]))
    if day := _MONTH_FIRST.fullmatch(text):
        return date(int(day[3]), _month(day[1]), int(day[2]))
    if day := _YEAR_FIRST.fullmatch(text):
        return date(*map(int, day.groups()))
    if day := _NUMBERS.fullmatch(text):
        known = True if day[2] == "." else is_day_first
        return _numeric_day(int(day[1]), int(day[3]), int(day[4]), known)
    if day := _OTHER_MONTH.fullmatch(text):
        return _foreign_day(f"{day[1]} {day[2]} {day[3]}")
    return iso_day(text) if _ISO_DAY.match(text) else None


def _numeric_day(first: int, second: int, year: int, is_day_first: bool | None) -> date | None:
    if is_day_first is None and first <= 12 and second <= 12 and first != second:
        return None
    is_month_first = is_day_first is False or (is_day_first is None and second > 12)
    return date(year, first, second) if is_month_first else date(year, second, first)


def _foreign_day(text: str) -> date | None:
    """A day whose month has a name in another language than English."""
    # It takes a second to load, and few documents need it.
    import dateparser  # type: ignore[import-untyped]  # it ships no types

    settings = {"STRICT_PARSING": True, "DATE_ORDER": "DMY", "PREFER_LOCALE_DATE_ORDER": False}
    found: datetime | None = dateparser.parse(text, languages=list(_LANGUAGES), settings=settings)
    return found.date() if found else None


def _month(name: str) -> int:
    return next(
        number for number, month in enumerate(MONTHS, 1) if month[:3].lower() == name[:3].lower()
    )
