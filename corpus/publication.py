"""Publication: the date that a document gives itself in its text.

It may stand in a line such as ``Published on 7 November 2025``, in a line of its own below the
title, or in a dateline: ``BRUSSELS, 7 November 2025 —``. Dates in running text are about something
else, and so are deadlines and the dates of events.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from corpus.dates import MONTH_PATTERN, NUMERIC_DAY, day_of
from corpus.document import DateSource

EARLIEST_YEAR = 1900

_HEAD_CHARACTERS = 6_000
_HEAD_LINES = 50
_FOOT_CHARACTERS = 2_000
_FOOT_LINES = 15
_ORDER_CHARACTERS = 200_000
_ALONE_WITHIN = 15
"""A date in a line of its own is the document's if it is among this many first lines."""

_DATELINE_WITHIN = 12
_MAX_LINE = 160

_MONTH = rf"(?:{MONTH_PATTERN}|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?"
_WORD = r"[^\W\d_]{3,12}\.?"
_DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}(?:[T ]\d{{2}}:\d{{2}}[\d:.]*(?:Z|[+-]\d{{2}}:?\d{{2}})?)?"
    rf"|\d{{4}}[/.]\d{{1,2}}[/.]\d{{1,2}}"
    rf"|\d{{1,2}}(?:\.\d{{1,2}}\.|/\d{{1,2}}/|-\d{{1,2}}-)\d{{4}}"
    rf"|(?:{_WORD},? )?\d{{1,2}}(?:st|nd|rd|th|\.|er|º|°)?[ -](?:of |d[eio]l? )?"
    rf"[^\W\d_]{{3,12}}\.?,?[ -](?:d[eio]l? )?\d{{4}}"
    rf"|(?:{_WORD},? )?{_WORD} \d{{1,2}}(?:st|nd|rd|th)?,? \d{{4}})"
)
_LABELS = {
    "published": (
        r"first published|date published|published(?: online)?|publication date|date of "
        r"publication|posted|release date|released|issued|issue date|date of issue|date issued|"
        r"pub\. date|for immediate release|"
        r"veröffentlicht|publié|publicado|publicada|pubblicato|gepubliceerd|opublikowano|"
        r"veröffentlichungsdatum|date de publication|fecha de publicación"
    ),
    "dated": r"date|dated|datum|fecha|data|adopted|approved",
    "updated": (
        r"(?:page |content )?(?:last )?(?:updated?|modified|reviewed|revised|edited|changed?)|"
        r"(?:last )?(?:revision|review|modification)|version(?: \d+(?:\.\d+)*)?(?: of)?|as of|"
        r"stand|zuletzt aktualisiert|aktualisiert|mis à jour|"
        r"dernière mise à jour|actualizado|aggiornato|laatst bijgewerkt|bijgewerkt"
    ),
    "effective": r"effective date|effective|in force|valid from|gültig ab",
}
"""Words before a date, from the surest to the least sure kind."""

_BY = r"(?: by [^\d|]{2,60}?)?"
_THIS_PAGE = (
    r"(?:this (?:page|document|article|text|guide|policy|notice|report|version|site) "
    r"(?:was|is|has been) )?"
)
_LABELLED = {
    kind: re.compile(
        rf"\W{{0,4}}{_THIS_PAGE}(?P<label>{words}){_BY}\s{{0,3}}(?:[:|]|[-–—] )?\s{{0,3}}"
        rf"(?:on|from|as of|am|le|el|il|op|den|the)?:? ?\(?\b(?P<date>{_DATE})(?P<rest>.*)",
        re.IGNORECASE,
    )
    for kind, words in _LABELS.items()
}
_AFTER = re.compile(
    r"\s*(?:$|[|·•,;()\[\].–—-]|at\b|by\b|in\b|\d{1,2}[:.]\d\d|last\b|updated\b)", re.IGNORECASE
)
_ALONE = re.compile(
    rf"(?:(?:by|from|von|par|por) [^\d|]{{2,60}}?(?:[|,·•–—-]| on) ?)?"
    rf"(?:[^\W\d_][^\d|:.;]{{1,40}}, ?)?(?:den |the |le )?\(?\b(?P<date>{_DATE})\)?"
    rf"(?P<rest>(?:[,|·•–—-]? ?(?:at )?\d{{1,2}}[:.]\d\d.{{0,20}}| ?[|·•–—-].{{0,60}}|\.)?)",
    re.IGNORECASE,
)
_CITY = (
    r"[A-ZÀ-Þ][\w.’'/-]{1,30}(?: [\w.’'/-]{1,30}){0,3}(?:, [A-Z][\w.]{1,30}(?: [A-Z][\w.]{1,30})?)?"
)
_AGENCY = r"(?:\([A-Z][^()\d]{1,30}\)|/[A-Z]\w{1,20}/)"
_DAY_OF_YEAR = rf"(?:{_MONTH} \d{{1,2}}|\d{{1,2}} {_MONTH})"
_DATELINE = re.compile(
    rf"(?:{_CITY}(?:,| {_AGENCY},?)? ?(?: ?[-–—]{{1,2}} ?)?\(?)?"
    rf"\b(?P<date>{_DATE}|{_DAY_OF_YEAR})\)?,?(?: ?{_AGENCY})?(?: [^\W\d_/]{{2,20}})? ?"
    rf"(?:[-–—]{{1,2}} ?|: )(?=\S.{{15}})"
)
_AGENCY_FIRST = re.compile(
    rf"{_CITY} {_AGENCY} ?[-–—]{{1,2}} ?\b(?P<date>{_DATE}|{_DAY_OF_YEAR})(?=$|[.,:;–—-]| [-–—])"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_OF_AN_EVENT = re.compile(
    r"\W{0,4}(?:venue|location|place|where|when|time|agenda|attendees|participants|present)\b",
    re.IGNORECASE,
)
_NOT_OF_THE_DOCUMENT = re.compile(
    r"\b(?:deadlines?|due|expir\w+|valid until|closing|born|birth|died|apply|register|"
    r"registration|join us|invitation|starts?|ends?)\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\s#>*_+•-]*")


@dataclass(frozen=True, slots=True)
class Publication:
    """The date of a document, and where it was found."""

    day: date
    source: DateSource


def stated_publication(text: str, *, today: date, hint: date | None = None) -> Publication | None:
    """The date that a text gives itself, None if it gives none.

    A date that is later than today, or before 1900, is not the date of a document.

    :param hint: the date in the properties of the file, which settles the year of a dateline that
        states none
    """
    head = _lines(text[:_HEAD_CHARACTERS], text)[:_HEAD_LINES]
    foot = _lines(text[-_FOOT_CHARACTERS:], text)[-_FOOT_LINES:]
    reader = _Reader(today, hint, _day_first(text[:_ORDER_CHARACTERS]), _years(text))
    for day, source in (
        (reader.labelled(head, "published"), DateSource.STATED),
        (reader.dateline(head), DateSource.DATELINE),
        (reader.alone(head), DateSource.STATED),
        (reader.labelled(head, "dated"), DateSource.STATED),
        (reader.labelled(head, "updated"), DateSource.STATED),
        (reader.labelled(foot, "published"), DateSource.STATED),
        (reader.labelled(foot, "updated"), DateSource.STATED),
        (reader.labelled(head, "effective"), DateSource.STATED),
        (reader.labelled(foot, "effective"), DateSource.STATED),
    ):
        if day is not None:
            return Publication(day, source)
    return None


def is_plausible(day: date | None, today: date) -> bool:
    """Whether a document can have been published on that day."""
    # It may be tomorrow already where the document comes from.
    return day is not None and day.year >= EARLIEST_YEAR and day <= today + timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads dates in the lines of one text.

    :param is_day_first: in dates such as 5/6/2024; None if nothing says so
    :param years: those that the text names
    """

    today: date
    hint: date | None
    is_day_first: bool | None
    years: frozenset[int]

    def labelled(self, lines: Sequence[str], kind: str) -> date | None:
        """The date in the first line that begins with a label of a kind."""
        for number, line in enumerate(lines):
            found = _LABELLED[kind].match(line)
            if found is None or not _AFTER.match(found["rest"]):
                continue
            near = lines[max(0, number - 3) : number + 4]
            if kind == "dated" and any(map(_OF_AN_EVENT.match, near)):
                continue
            if day := self._day(found["date"]):
                return day
        return None

    def alone(self, lines: Sequence[str]) -> date | None:
        """The date in a line of its own, or after a name or a city. Several such lines are a
        timetable.
        """
        days: list[date | None] = []
        for number, line in enumerate(lines):
            found = _ALONE.fullmatch(line)
            if found is None:
                continue
            before = lines[number - 1] if number else ""
            near = lines[max(0, number - 2) : number + 3]
            if number >= _ALONE_WITHIN and not days:
                return None
            if _NOT_OF_THE_DOCUMENT.search(before + " " + line) or before.endswith(":"):
                return None
            if any(map(_OF_AN_EVENT.match, near)):
                return None
            days.append(self._day(found["date"]))
        return days[0] if len(days) == 1 else None

    def dateline(self, lines: Sequence[str]) -> date | None:
        """The date before a dash at the beginning of the first paragraphs. Several of them are a
        chronicle.
        """
        found = [
            match
            for line in lines[:_DATELINE_WITHIN]
            for match in [_DATELINE.match(line) or _AGENCY_FIRST.match(line)]
            if match is not None
        ]
        if len(found) != 1 or (_NOT_OF_THE_DOCUMENT.search(found[0][0])):
            return None
        return self._day(found[0]["date"]) or self._day_without_year(found[0]["date"])

    def _day(self, written: str) -> date | None:
        day = day_of(written.strip(" ,"), is_day_first=self.is_day_first)
        return day if is_plausible(day, self.today) else None

    def _day_without_year(self, written: str) -> date | None:
        """The date of which only one year is possible: the one year that the text names, or that
        of a file made within a month of that day.
        """
        if _YEAR.search(written):
            return None
        candidates = set(self.years)
        if self.hint is not None:
            candidates = {self.hint.year - 1, self.hint.year, self.hint.year + 1}
        days = {
            day
            for year in candidates
            for day in [day_of(f"{written} {year}")]
            if day is not None
            and is_plausible(day, self.today)
            and (self.hint is None or abs((day - self.hint).days) <= 31)
        }
        return days.pop() if len(days) == 1 else None


def _lines(part: str, whole: str) -> list[str]:
    """The lines of a part that are not blank, without marks of headings, lists and quotations. A
    long line is cut, because no date of a document stands far down in one.
    """
    lines = part.split("\n")
    if len(part) < len(whole) and whole.endswith(part):
        del lines[0]  # It may be the rest of a line.
    return [
        " ".join(line[: _MAX_LINE * 2].split())[:_MAX_LINE]
        for line in (
            _MARKS.sub("", line[: _MAX_LINE * 3].replace("**", ""), count=1) for line in lines
        )
        if line
    ]


def _day_first(text: str) -> bool | None:
    """Whether the day comes first in the dates of a text such as 5/6/2024, if one of them tells."""
    orders = set(_orders((int(day[1]), int(day[3])) for day in NUMERIC_DAY.finditer(text)))
    return orders.pop() if len(orders) == 1 else None


def _orders(pairs: Iterable[tuple[int, int]]) -> Iterable[bool]:
    for first, second in pairs:
        if first > 12 >= second:
            yield True
        elif second > 12 >= first:
            yield False


def _years(text: str) -> frozenset[int]:
    return frozenset(int(year[0]) for year in _YEAR.finditer(text[:_ORDER_CHARACTERS]))
