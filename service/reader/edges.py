"""Clean edges of spans: whole numbers with their sign and unit, and no stray punctuation."""

import re

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_SIGN = re.compile(r"(?:(?:\b(?:US|A|C|HK|NZ|R))?[$€£¥₹]|[-−±~<>≥≤](?<![\w][-−]))\s?$")
_MAGNITUDE = r"(?:hundred|thousand|million|billion|trillion|dozen|bn|mn|tn)"
_UNIT = (
    r"(?:%|‰|per ?cent(?:age points?)?\b|[°º]\s?[CF]\b|degrees(?: (?:Celsius|Fahrenheit))?\b"
    r"|(?:(?:cubic|square|nautical|light|metric|short|long)[ -])?(?:kilo|centi|milli|micro"
    r"|nano|mega|giga|tera|hecto)?"
    r"(?:met(?:re|er)s?|lit(?:re|er)s?|grams?|grammes?|tons?|tonnes?|watts?|watt-hours?|hertz"
    r"|joules?|bytes?|bits?"
    r"|volts?|amps?|pascals?|miles?|yards?|feet|foot|inch(?:es)?|acres?|hectares?|pounds?"
    r"|ounces?|gallons?|barrels?)\b"
    r"|(?:years?|months?|weeks?|days?|hours?|minutes?|seconds?|decades?|centuries)\b(?: old\b)?"
    r"|(?:US dollars|dollars?|euros?|yuan|renminbi|roubles?|rubles?|rupees?|yen|pounds "
    r"sterling|francs?)\b"
    r"|(?:km/h|km2|km²|km|cm|mm|nm|kg|mg|ml|kWh|MWh|GWh|TWh|kW|MW|GW|TW|Hz|kHz|MHz|GHz|kB|KB"
    r"|MB|GB|TB|mph|m2|m²|m3|m³"
    r"|bcma|bcm|mcm|bpd|ppm|dB|hp|psi|kPa|MPa|kV|USD|EUR|GBP|CNY|RMB|RUB)(?!\w)"
    r")"
)
_AFTER_NUMBER = re.compile(rf"(?:[ \u00a0-]?{_MAGNITUDE}\b)?(?:[ \u00a0-]?{_UNIT})?")
_AFTER_MAGNITUDE = re.compile(rf"[ \u00a0-]?{_UNIT}")
_EXTENT = re.compile(r"(?<=\d)[ \u00a0-]?\w{1,60}( (?:long|wide|high|tall|deep|thick))(?!\w)")
_ENDS_WITH_NUMBER = re.compile(r"\d$")
_ENDS_WITH_MAGNITUDE = re.compile(rf"\d[ \u00a0-]?{_MAGNITUDE}$", re.I)
_DOTTED = re.compile(
    r"(?:\b[^\W\d_]\.)+[^\W\d_]$|\b(?:Inc|Jr|Sr|Co|Corp|Ltd|Bros|St|etc|a\.m|p\.m)$"
)
_STRAY_BEFORE = " \t\r\n\u00a0,.;:!?)]}»”’%*_|/\\–—…-"
_STRAY_AFTER = " \t\r\n\u00a0,.;:!?([{«“‘*_|/\\–—…-"
_EMPTY = re.compile(
    r"(?:[\W_]|\b(?:[Tt]he|[Aa]n?|[Ii]ts?|about|and|are|at|by|for|from|in|is|of|on|or|that|to"
    r"|was|were|which|with)\b)*"
)
_PAIRS = {")": "(", "]": "[", "}": "{", "”": "“", "»": "«", '"': '"'}


def tidied(text: str, start: int, end: int) -> tuple[int, int]:
    """The span ``text[start:end]`` with clean edges: numbers are whole, with sign and unit, and
    stray punctuation is cut off.

    A span of nothing but punctuation stays as it is.
    """
    first, last = _stripped(text, start, end)
    if first >= last:
        return start, end
    first, last = _whole_numbers(text, first, last)
    last = _with_unit(text, first, last)
    extent = _EXTENT.search(text, first, last)
    last = extent.start(1) if extent and extent.end() == last else last
    sign = (
        _SIGN.search(text, max(0, first - 4), first) if text[first : first + 1].isdigit() else None
    )
    closed = _closed(text, sign.start() if sign else first, last)
    return closed if closed[0] < closed[1] else (first, last)


def is_empty(text: str) -> bool:
    """Whether a text is only punctuation and small words, and so cannot be an answer."""
    return _EMPTY.fullmatch(text) is not None


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start] in _STRAY_BEFORE and not _signs(text, start):
        start += 1
    while (
        end > start and text[end - 1] in _STRAY_AFTER and not _DOTTED.search(text, start, end - 1)
    ):
        end -= 1
    return start, end


def _signs(text: str, position: int) -> bool:
    """Whether a character belongs to the number after it, as in -5 and .5."""
    return text[position] in "-–." and text[position + 1 : position + 2].isdigit()


def _whole_numbers(text: str, start: int, end: int) -> tuple[int, int]:
    around = max(0, start - 24)
    for match in _NUMBER.finditer(text, around, end + 24):
        if match.start() < start < match.end():
            start = match.start()
        if match.start() < end < match.end():
            end = match.end()
    return start, end


def _with_unit(text: str, start: int, end: int) -> int:
    tail = text[max(start, end - 24) : end]
    if _ENDS_WITH_NUMBER.search(tail):
        match = _AFTER_NUMBER.match(text, end)
    elif _ENDS_WITH_MAGNITUDE.search(tail):
        match = _AFTER_MAGNITUDE.match(text, end)
    else:
        match = None
    return match.end() if match else end


def _closed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span with its brackets and quotation marks in pairs, and with the full stop of an
    abbreviation at its end.
    """
    if text[end : end + 1] == "." and _DOTTED.search(text, start, end):
        return start, end + 1
    for closing, opening in _PAIRS.items():
        inside = text[start:end]
        if opening == closing:
            odd = inside.count(closing) % 2 == 1
            opens = closes = odd
        else:
            opens, closes = (
                inside.count(opening) > inside.count(closing),
                inside.count(closing) > inside.count(opening),
            )
        if opens and text[end : end + 1] == closing and not inside.startswith(opening):
            return start, end + 1
        if opens and inside.startswith(opening):
            return start + 1, end
        if closes and text[start - 1 : start] == opening and not inside.endswith(closing):
            return start - 1, end
        if closes and inside.endswith(closing):
            return start, end - 1
    return start, end
