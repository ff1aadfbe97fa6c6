"""Cleaning: the only change that is made to a text before it is stored."""

import re

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ODD_SPACES = re.compile("[\u00a0\u2007\u2009\u200a\u202f]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\ufeff\ufffe\uffff]")
# A run of spaces is tried only from its first one, because a text may be all spaces.
_TRAILING = re.compile("(?<![ \t])[ \t]++$", re.MULTILINE)
_MANY_BREAKS = re.compile("\n{3,}")


def clean_text(text: str) -> str:
    """The text as it is stored: lines end with ``\\n``, spaces are plain, nothing is
    invisible, and there is never more than one blank line in a row.

    Letters, digits and marks keep their order and are not normalised: ``m³`` stays ``m³``. Joiners
    and direction marks stay, because they change how a word is read. Cleaning a clean text changes
    nothing.
    """
    text = _LINE_ENDS.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _ODD_SPACES.sub(" ", text)
    text = _TRAILING.sub("", text)
    text = _MANY_BREAKS.sub("\n\n", text)
    return text.strip("\n")


def one_line(text: str) -> str:
    """The text on one line, with single spaces."""
    return " ".join(text.split())
