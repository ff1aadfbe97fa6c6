"""Numbers as people read them: as a spreadsheet shows them in the format of their cell."""

import math
import re
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal

_SECTION = re.compile(r'(?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])+|;')
_PART = re.compile(
    r"""(?P<quoted>"[^"]*"?)          # literal text
      | \\(?P<escaped>.?)             # one literal character
      | \[\$(?P<currency>[^\]-]*)[^\]]*\]
      | (?P<ignored>\[[^\]]*\]?|\*.?) # colours, conditions, and what fills the width of the cell
      | (?P<space>_.?)                # as wide as a character
      | (?P<digits>[0#?.,]+)
      | (?P<percent>%)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_MAX_FORMAT = 255
"""The longest format that spreadsheet programs accept."""
_MAX_DECIMALS = 30
_GENERAL = ("", "general", "@")
_UNSUPPORTED = re.compile(r"[eE][+-]|/")


def formatted_number(value: float, number_format: str) -> str:
    """A number as its cell shows it: with the decimals, thousands, leading zeros, signs and units
    of its format. A format that is not understood, such as one of fractions, adds nothing.
    """
    sections = _sections(number_format)
    if not sections or not math.isfinite(value):
        return plain(value)
    # A format has sections for positive numbers, negative ones, and zero.
    section, number = sections[0], value
    if value < 0 and len(sections) > 1:
        section, number = sections[1], -value
    elif value == 0 and len(sections) > 2:
        section = sections[2]
    written = _written(number, section)
    return plain(value) if written is None else written


def formatted_duration(value: timedelta, number_format: str) -> str:
    """A duration as its cell shows it, in hours and minutes, with seconds if its format has any."""
    seconds = round(abs(value.total_seconds()))
    sign = "-" if value < timedelta() else ""
    hours, rest = divmod(seconds, 3_600)
    text = f"{sign}{hours}:{rest // 60:02}"
    return f"{text}:{rest % 60:02}" if "s" in number_format.lower() or rest % 60 else text


def plain_number(text: str) -> str:
    """A number without the digits that only a computer adds: ``462.0`` is ``462``, and
    ``0.30000000000000004`` is ``0.3``. Other texts stay as they are.
    """
    try:
        value = float(text)
    except ValueError:
        return text
    return plain(value) if math.isfinite(value) and text[-1:].isdigit() else text


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


def _written(number: float, section: str) -> str | None:
    """A number in one section of a format, None if the section is not understood."""
    parts = list(_PART.finditer(section))
    bare = "".join(part["other"] or part["digits"] or "" for part in parts)
    patterns = [part["digits"] for part in parts if part["digits"]]
    if _UNSUPPORTED.search(bare) or "General" in section or sum(map(_has_digit, patterns)) != 1:
        return None
    percent = sum(1 for part in parts if part["percent"])
    text = ""
    for part in parts:
        if part["digits"]:
            is_number = _has_digit(part["digits"])
            text += _digits(number, part["digits"], percent) if is_number else part["digits"]
        elif part["quoted"]:
            text += part["quoted"].strip('"')
        elif part["space"]:
            text += " "
        else:
            text += part["escaped"] or part["currency"] or part["percent"] or part["other"] or ""
    return " ".join(text.split())


def _has_digit(pattern: str) -> bool:
    return any(mark in pattern for mark in "0#?")


def _digits(number: float, pattern: str, percent: int) -> str:
    """The digits of a number in a pattern such as ``#,##0.00``."""
    whole, point, decimals = pattern.partition(".")
    thousands = len(whole) - len(whole.rstrip(","))  # each comma at the end divides by a thousand
    is_grouped = "," in whole.rstrip(",")
    places = min(sum(mark in "0#?" for mark in decimals), _MAX_DECIMALS)
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
