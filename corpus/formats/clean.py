"""Cleaning: the one change that a text goes through on its way in, after which it never changes
again.
"""

import re

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
_ODD_SPACES = re.compile("[\u00a0\u2007\u2009\u200a\u202f]")
_INVISIBLE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b\ufeff\ufffe\uffff]")
_TRAILING = re.compile("[ \t]+$", re.MULTILINE)
_MANY_BREAKS = re.compile("\n{3,}")
_EDGES = re.compile(r"\A(?:[ \t]*\n)+|\n+\Z")


def clean_text(text: str) -> str:
    """The text as it is stored: ``\\n`` for line ends, plain spaces, nothing invisible, at most one
    blank line.

    Letters, digits, marks and their order stay as they are (no Unicode normalisation: ``m³`` stays
    ``m³``), and so do joiners and direction marks, which change how a word is read. Cleaning twice
    changes nothing."""
    text = _LINE_ENDS.sub("\n", text)
    text = _INVISIBLE.sub("", text)
    text = _ODD_SPACES.sub(" ", text)
    text = _TRAILING.sub("", text)
    text = _MANY_BREAKS.sub("\n\n", text)
    return _EDGES.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, runs of white space made one space."""
    return " ".join(text.split())
