"""Raised text: exponents are kept as the raised digits they are, footnote numbers are dropped."""

import re

_RAISED = str.maketrans("0123456789+-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻")
_NUMBER = re.compile(r"\[?[+\-−]?\d{1,3}\]?")
_MARK = re.compile(r"[*†‡§]+")
_BASE = re.compile(r"(?:\d|\b[A-Za-zµ]{1,2})\Z")


def superscript(before: str, raised: str) -> str:
    """What to write for raised text: ``m`` and ``3`` give ``³``, a footnote's number gives nothing,
    words stay.

    :param before: the text up to it
    :param raised: the text that stands raised
    """
    mark = raised.strip()
    if _MARK.fullmatch(mark):
        return ""
    if not _NUMBER.fullmatch(mark):
        return raised
    if mark.startswith("[") or not _BASE.search(before):
        return ""
    return mark.translate(_RAISED)
