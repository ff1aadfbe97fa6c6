"""Superscripts: exponents become superscript digits, and footnote numbers are dropped."""

import re

_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_NUMBER = re.compile(r"\[?[+\-−]?\d{1,3}\]?")
_MARK = re.compile(r"[*†‡§]+")
_BASE = re.compile(r"(?:\d|\b[A-Za-zµ]{1,2})\Z")


def superscript(before: str, raised: str) -> str:
    """The plain text for a superscript: ``m`` and ``3`` give ``³``, the number of a footnote gives
    nothing, and words stay as they are.

    :param before: the text before the superscript
    :param raised: the text of the superscript
    """
    mark = raised.strip()
    if _MARK.fullmatch(mark):
        return ""
    if not _NUMBER.fullmatch(mark):
        return raised
    if mark.startswith("[") or not _BASE.search(before):
        return ""
    return mark.translate(_RAISED)
