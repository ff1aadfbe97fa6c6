"""Numbers as people read them: as a spreadsheet shows them in the format of their cell."""

import math
import operator
import re
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])+|;')
_PART = re.compile(
    r"""(?P<quoted>"[^"]*"?)          # literal text
      | \\(?P<escaped>.?)             # one literal character
      | \[\$(?P<currency>[^\]-]*)[^\]]*\]
      | (?P<ignored>\[[^\]]*\]?|\*.?) # colours, conditions, and what fills the width of the cell
      | (?P<space>_.?)                # as wide as a character
      | (?P<general>General)
      | (?P<digits>[0#?.,]+)
      | (?P<percent>%)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MAX_FORMAT = 255
"""The longest format that spreadsheet programs accept."""
_MAX_DECIMALS = 30
_DAY = re.compile("[yd]", re.IGNORECASE)
_DAY_ZERO = date(1899, 12, 30)
_LAST_DAY = 2_958_466  # the first day of the year 10,000
_PRECISION = 1_000
"""More digits than any number has before and after its point, in the longest format."""

_GENERAL = ("", "general", "@")
_CONDITION = re.compile(r"\[(?P<sign>[<>]=?|<>|=)(?P<limit>-?\d+(?:\.\d+)?)\]")
_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_BESIDE_SIGNS = re.compile(r'\[[^\]]*\]|[\\"]')
_SCIENTIFIC = re.compile(r"0(?:\.(?P<decimals>[0#]+))?E[+-]0+", re.IGNORECASE)
_FRACTION = re.compile(r"(?P<whole>[0#]+ +)?[0#?]+ ?/ ?(?:(?P<places>[#?]+)|(?P<denominator>\d+))")


def formatted_number(value: float, number_format: str) -> str:
    """A number as its cell shows it: with the decimals, thousands, leading zeros, signs and units
    of its format, or as a fraction. A format that is not understood adds nothing.
    """
    sections = _sections(number_format)
    if not sections or not math.isfinite(value):
        return plain(value)
    section, number = _chosen(value, sections)
    written = _written(number, section)
    return plain(value) if written is None else written


def formatted_duration(value: timedelta, number_format: str) -> str:
    """A duration as its cell shows it: in hours and minutes, with seconds if its format has any;
    or in minutes alone or hours alone, if its format counts those.
    """
    shown = number_format.lower()
    seconds = round(abs(value.total_seconds()))
    sign = "-" if value < timedelta() else ""
    minutes, rest = divmod(seconds, 60)
    has_seconds = "s" in shown or rest
    if "[m" in shown:
        return f"{sign}{minutes}:{rest:02}" if has_seconds else f"{sign}{minutes}"
    if "[h" in shown and "m" not in shown and not seconds % 3_600:
        return f"{sign}{minutes // 60}"
    text = f"{sign}{minutes // 60}:{minutes % 60:02}"
    return f"{text}:{rest:02}" if has_seconds else text


def shown_number(text: str, number_format: str) -> str:
    """A number that stands in a file as text, as its format shows it, and days in ISO form.
    Without a format, it has no digits that only a computer adds: ``462.0`` is ``462``, and
    ``0.30000000000000004`` is ``0.3``. Other texts stay as they are.
    """
    try:
        value = float(text)
    except ValueError:
        return text
    if not math.isfinite(value) or not text[-1:].isdigit():
        return text
    signs = "".join(part["other"] or "" for part in _PART.finditer(number_format[:_MAX_FORMAT]))
    if _DAY.search(signs) and 0 < value < _LAST_DAY:
        return (_DAY_ZERO + timedelta(days=int(value))).isoformat()
    return formatted_number(value, number_format)


def plain(value: float) -> str:
    """A number in as few digits as it needs, at most 15, which is what spreadsheets keep."""
    if math.isfinite(value) and value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _sections(number_format: str) -> list[str]:
    if number_format.lower() in _GENERAL or len(number_format) > _MAX_FORMAT:
        return []
    sections = [""]
    for match in _SECTION.finditer(number_format):
        if match[0] == ";":
            sections.append("")
        else:
            sections[-1] += match[0]
    return sections


def _chosen(value: float, sections: list[str]) -> tuple[str, float]:
    """The section for a number, and the number without the sign that the section writes itself."""
    if any(map(_CONDITION.search, sections)):
        for section in sections:
            stated = _CONDITION.search(section)
            if stated is None or _SIGNS[stated["sign"]](value, float(stated["limit"])):
                signs = _BESIDE_SIGNS.sub("", section)[:1]
                return section, abs(value) if signs in ("-", "(") else value
        return "General", value
    # Without conditions, sections are for positive numbers, negative ones, and zero.
    if value < 0 and len(sections) > 1:
        return sections[1], -value
    return sections[2 if value == 0 and len(sections) > 2 else 0], value


def _written(number: float, section: str) -> str | None:
    """A number in one section of a format, None if the section is not understood."""
    parts = list(_PART.finditer(section))
    bare = "".join(
        " " if part["escaped"] == " " else part["other"] or part["digits"] or "" for part in parts
    )
    scientific, fraction = _SCIENTIFIC.search(bare), _FRACTION.search(bare)
    if scientific or fraction:
        # Other signs and units beside these are rare.
        if scientific and scientific[0] == bare:
            return f"{number:.{min(len(scientific['decimals'] or ''), _MAX_DECIMALS)}E}"
        return _fraction(number, fraction) if fraction and fraction[0] == bare else None
    patterns = [part["digits"] for part in parts if part["digits"] and _has_digit(part["digits"])]
    is_literal = not patterns and not any(part["general"] for part in parts)
    is_colour = bool(section) and all(part["ignored"] for part in parts)
    if is_literal and (is_colour or any(character.isalnum() for character in bare)):
        return None
    percent = sum(1 for part in parts if part["percent"])
    pieces = _pieces(number, patterns, percent) if patterns else []
    if pieces is None:
        return None
    text = ""
    for part in parts:
        if part["digits"]:
            text += pieces.pop(0) if _has_digit(part["digits"]) else part["digits"]
        elif part["general"]:
            text += plain(number)
        elif part["quoted"]:
            text += part["quoted"].strip('"')
        elif part["space"]:
            text += " "
        else:
            text += part["escaped"] or part["currency"] or part["percent"] or part["other"] or ""
    return " ".join(text.split())


def _pieces(number: float, patterns: list[str], percent: int) -> list[str] | None:
    """The digits of a number for each pattern of a section, such as the three of
    ``(000) 000-0000``. None if the patterns do not go together.
    """
    *first, last = patterns
    if first and ("," in last or any("." in pattern or "," in pattern for pattern in first)):
        return None
    digits = _digits(number, "".join(patterns), percent)
    pieces: list[str] = []
    for pattern in reversed(patterns[1:]):
        whole, point, decimals = digits.partition(".")
        places = sum(mark in "0#?" for mark in pattern.partition(".")[0])
        at = max(0, len(whole) - places)
        pieces.append(whole[at:] + point + decimals)
        digits = whole[:at]
    return [digits, *reversed(pieces)]


def _fraction(number: float, pattern: re.Match[str]) -> str:
    """A number as a fraction, such as ``2 5/8``."""
    exact = abs(Fraction(repr(number)))
    if pattern["denominator"]:
        under = max(1, int(pattern["denominator"][:9]))
        over = round(exact * under)
    else:
        nearest = exact.limit_denominator(10 ** min(len(pattern["places"]), 6) - 1)
        over, under = nearest.numerator, nearest.denominator
    whole, over = divmod(over, under) if pattern["whole"] else (0, over)
    sign = "-" if number < 0 else ""
    if not over:
        return f"{sign}{whole}"
    return f"{sign}{whole} {over}/{under}" if whole else f"{sign}{over}/{under}"


def _has_digit(pattern: str) -> bool:
    return any(mark in pattern for mark in "0#?")


def _digits(number: float, pattern: str, percent: int) -> str:
    """The digits of a number in a pattern such as ``#,##0.00``."""
    whole, point, decimals = pattern.partition(".")
    # Each comma at the end divides by a thousand.
    thousands = sum(len(part) - len(part.rstrip(",")) for part in (whole, decimals))
    is_grouped = "," in whole.rstrip(",")
    places = min(sum(mark in "0#?" for mark in decimals), _MAX_DECIMALS)
    with localcontext(prec=_PRECISION):
        scaled = Decimal(repr(number)) * (100**percent) / (1000**thousands)
        rounded = scaled.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    sign = "-" if rounded < 0 else ""
    integer, _, fraction = f"{abs(rounded):f}".partition(".")
    least = whole.count("0")
    integer = ("" if integer == "0" and not least else integer).zfill(least)
    if is_grouped:
        integer = _grouped(integer)
    required = sum(mark == "0" for mark in decimals)
    while len(fraction) > required and fraction.endswith("0"):
        fraction = fraction[:-1]
    shown_point = point if fraction or required else ""
    return f"{sign}{integer}{shown_point}{fraction}"


def _grouped(integer: str) -> str:
    first = len(integer) % 3
    groups = [integer[:first], *(integer[at : at + 3] for at in range(first, len(integer), 3))]
    return ",".join(filter(None, groups))
