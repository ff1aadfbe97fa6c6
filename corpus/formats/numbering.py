"""The numbers and marks that Word gives to paragraphs: lists, and headings that are counted."""

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
BULLET = "-"
_LEVELS = 9
_PLACEHOLDER = re.compile(r"%([1-9])")
_MAX_NUMBER = 100_000
"""No list is longer. Roman numbers of greater ones would be very long."""

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)


@dataclass(frozen=True, slots=True)
class _Level:
    """How paragraphs of one level are marked.

    :param pattern: the mark, in which ``%1`` stands for the number of the first level
    :param number_format: Word's name of the format of the number
    """

    start: int = 1
    number_format: str = "decimal"
    pattern: str = ""
    is_legal: bool = False


@dataclass(slots=True)
class Numbering:
    """The marks of a document. Each call of :meth:`mark` counts on."""

    _levels: dict[str, dict[int, _Level]] = field(default_factory=dict)
    _lists: dict[str, str] = field(default_factory=dict)
    _restarts: dict[str, dict[int, int]] = field(default_factory=dict)
    _counts: dict[str, list[int | None]] = field(default_factory=dict)
    _begun: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, root: "Element | None") -> "Numbering":
        """The numbering of ``word/numbering.xml``, which may be missing."""
        numbering = cls()
        if root is None:
            return numbering
        for definition in root.iter(f"{W}abstractNum"):
            name = definition.get(f"{W}abstractNumId", "")
            numbering._levels[name] = {
                _number(level.get(f"{W}ilvl")): _level(level)
                for level in definition.iter(f"{W}lvl")
            }
        for instance in root.iter(f"{W}num"):
            number = instance.get(f"{W}numId", "")
            base = instance.find(f"{W}abstractNumId")
            if base is not None:
                numbering._lists[number] = base.get(f"{W}val", "")
            numbering._restarts[number] = {
                _number(override.get(f"{W}ilvl")): _number(start.get(f"{W}val"))
                for override in instance.iter(f"{W}lvlOverride")
                for start in override.iter(f"{W}startOverride")
            }
        return numbering

    def mark(self, list_id: str, level: int) -> str | None:
        """The mark of the next paragraph of a list: its number as Word shows it, a dash for every
        kind of bullet, None if the list has no mark at this level.

        :param level: from 0
        """
        name = self._lists.get(list_id)
        levels = self._levels.get(name or "")
        if name is None or not levels or level not in levels:
            return None
        counts = self._counts.setdefault(name, [None] * _LEVELS)
        if list_id not in self._begun:
            # A list that only shares its format with others counts on unless it says otherwise.
            self._begun.add(list_id)
            for restarted, start in self._restarts.get(list_id, {}).items():
                if restarted < _LEVELS:
                    counts[restarted] = start - 1
        before = counts[level]
        counts[level] = levels[level].start if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)
        return _written(levels, counts, level)


def _level(element: "Element") -> _Level:
    def value(name: str, default: str) -> str:
        child = element.find(f"{W}{name}")
        return default if child is None else child.get(f"{W}val", default)

    return _Level(
        _number(value("start", "1")),
        value("numFmt", "decimal"),
        value("lvlText", ""),
        element.find(f"{W}isLgl") is not None,
    )


def _written(levels: dict[int, _Level], counts: list[int | None], level: int) -> str | None:
    own = levels[level]
    if own.number_format == "bullet":
        return BULLET
    if own.number_format == "none":
        return None

    def number(match: re.Match[str]) -> str:
        at = int(match[1]) - 1
        of_level = levels.get(at, _Level())
        count = counts[at]
        count = of_level.start if count is None else count
        return formatted_count(count, "decimal" if own.is_legal else of_level.number_format)

    return _PLACEHOLDER.sub(number, own.pattern).strip() or None


def formatted_count(count: int, number_format: str) -> str:
    """The number of a list item as it is shown.

    :param number_format: as Word names it, such as ``lowerLetter``
    """
    count = min(max(count, 0), _MAX_NUMBER)
    if number_format in ("lowerLetter", "upperLetter") and count:
        # After z come aa, bb, cc.
        letters = chr(ord("a") + (count - 1) % 26) * min(1 + (count - 1) // 26, 9)
        return letters if number_format == "lowerLetter" else letters.upper()
    if number_format in ("lowerRoman", "upperRoman") and count:
        roman = _roman(min(count, 9_999))
        return roman if number_format == "lowerRoman" else roman.upper()
    if number_format == "decimalZero":
        return f"{count:02}"
    if number_format == "ordinal":
        suffix = {1: "st", 2: "nd", 3: "rd"}.get(count % 10, "th")
        return f"{count}{'th' if count % 100 in (11, 12, 13) else suffix}"
    return str(count)


def _roman(count: int) -> str:
    text = ""
    for value, letters in _ROMAN:
        times, count = divmod(count, value)
        text += letters * times
    return text


def _number(text: str | None) -> int:
    text = (text or "0").strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 0
