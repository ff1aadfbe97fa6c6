"""Recognises equal answers. Passages that agree make one answer with several citations."""

import re
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache

from corpus.dates import MONTHS
from service.reader.span import Span

_EDGES = " \t\n.,;:!?…\"'“”‘’«»()[]"
_ARTICLES = re.compile(r"\b(?:a|an|the)\b ?")
_MONTHS = [month.casefold() for month in MONTHS]
_MONTH = rf"(?P<month>{'|'.join(f'{month[:3]}(?:t?[.]|{month[3:]})?' for month in _MONTHS)})"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>\d{4})"
_DATES = [
    re.compile(rf"\b{form}\b")
    for form in (
        rf"{_DAY}(?: of)? {_MONTH},? {_YEAR}",
        rf"{_MONTH} {_DAY},? {_YEAR}",
        rf"{_MONTH},? {_YEAR}",
        rf"{_DAY}(?: of)? {_MONTH}",
        rf"{_MONTH} {_DAY}",
    )
]
_WORDS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
    fifteen
sixteen seventeen eighteen nineteen twenty""".split()
_WORD = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")
_THOUSANDS = re.compile(r"(?<![\d.,])(\d{1,3})((?:[,\u00a0\u202f ]\d{3})+)(?![\d,])")
_SCALES = {
    "thousand": 3,
    "million": 6,
    "mn": 6,
    "m": 6,
    "billion": 9,
    "bn": 9,
    "trillion": 12,
    "tn": 12,
}
_SCALED = re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?)[ -]?({'|'.join(_SCALES)})\b")
_NO_DIGIT = re.compile(r"\D")
_PERCENT = re.compile(r"(?<=\d) ?(?:%|per ?cent\b)")
_METRES = re.compile(r"(met|lit)er(s?)\b")

_ISO = re.compile(r"(?<!\d)(?P<year>\d{4}|-)-(?P<month>\d{2})(?:-(?P<day>\d{2}))?(?!\d)")
_PLAIN_YEAR = re.compile(r"(?:in )?(?P<year>(?:1\d|20)\d\d)")
_PLAIN_MONTH = re.compile(rf"(?:in )?(?P<month>{'|'.join(_MONTHS)})")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_ABOUT = re.compile(
    r"\b(?:about|around|nearly|almost|some|over|under|roughly|approximately|at (?:least|most)"
    r"|more than)\b"
)
_SMALL_WORD = 3


@lru_cache(maxsize=4096)
def same_answer(quote: str) -> str:
    """A key that equal answers share.

    The key ignores letter case, white space, articles, and punctuation at the ends. It also ignores
    how a number or a date is written: "3,000" equals "3 000", "2.5 bn" equals "2,500 million",
    "21%" equals "21 per cent", and "7 November 2025" equals "November 7, 2025".
    """
    text = _ARTICLES.sub("", " ".join(quote.casefold().split())).strip(_EDGES)
    for form in _DATES:
        text = form.sub(_iso, text)
    text = _WORD.sub(lambda match: str(_WORDS.index(match[0])), text)
    text = _THOUSANDS.sub(lambda match: match[1] + _NO_DIGIT.sub("", match[2]), text)
    text = _SCALED.sub(
        lambda match: f"{Decimal(match[1]).scaleb(_SCALES[match[2]]).normalize():f}", text
    )
    text = _METRES.sub(r"\1re\2", _PERCENT.sub("%", text))
    return text or quote.casefold().strip()


def _iso(match: re.Match[str]) -> str:
    """The date in ISO 8601, without the parts that the match lacks."""
    parts = match.groupdict()
    month = next(
        number
        for number, name in enumerate(_MONTHS, start=1)
        if name.startswith(parts["month"][:3])
    )
    day = f"-{int(parts['day']):02d}" if "day" in parts else ""
    return f"{parts.get('year', '-')}-{month:02d}{day}"


def differ(one: str, other: str) -> bool:
    """Whether two answers say different things: neither contains the other, as "Vladimir Putin"
    contains "Putin".
    """
    first, second = f" {same_answer(one)} ", f" {same_answer(other)} "
    return first not in second and second not in first


def contradict(one: str, other: str) -> bool:
    """Whether two answers are values of the same kind, of which only one can be right.

    Dates contradict each other if a part that both have differs, numbers of the same unit if they
    share no number, and names if they share no word. Any other answers may mean the same in
    different words.
    """
    first, second = same_answer(one), same_answer(other)
    dates = _date(first), _date(second)
    if dates[0] or dates[1]:
        return any(dates[0][part] != dates[1][part] for part in dates[0].keys() & dates[1].keys())
    numbers = _numbers(first), _numbers(second)
    if numbers[0] or numbers[1]:
        return (
            bool(numbers[0] and numbers[1])
            and numbers[0].isdisjoint(numbers[1])
            and _same_unit(first, second)
        )
    return _is_name(one) and _is_name(other) and set(first.split()).isdisjoint(second.split())


def _date(text: str) -> dict[str, str]:
    """The parts of the date in a normalised answer: year, month and day, each if present."""
    match = _ISO.search(text) or _PLAIN_YEAR.fullmatch(text) or _PLAIN_MONTH.fullmatch(text)
    parts = match.groupdict() if match else {}
    return {part: _as_number(value) for part, value in parts.items() if value and value != "-"}


def _as_number(value: str) -> str:
    return f"{_MONTHS.index(value) + 1:02d}" if value in _MONTHS else value


def _numbers(text: str) -> frozenset[str]:
    return frozenset(_NUMBER.findall(text))


def _same_unit(one: str, other: str) -> bool:
    """Whether two numbers count the same thing. "bcm" matches "bcm a year"."""
    first, second = _unit(one), _unit(other)
    return first.startswith(second) or second.startswith(first)


def _unit(text: str) -> str:
    return " ".join(_ABOUT.sub("", _NUMBER.sub("", text)).split())


def _is_name(quote: str) -> bool:
    """Whether every word is capitalised, except for short ones such as "of"."""
    words = [word for word in quote.split() if len(word) > _SMALL_WORD or not word.islower()]
    return bool(words) and all(word.strip(_EDGES)[:1].isupper() for word in words)


def grouped(spans: Iterable[Span]) -> list[list[Span]]:
    """The spans grouped by equal answer. Groups are in the order of their first span, and spans in
    the order given.
    """
    groups: dict[str, list[Span]] = {}
    for span in spans:
        groups.setdefault(same_answer(span.quote), []).append(span)
    return list(groups.values())
