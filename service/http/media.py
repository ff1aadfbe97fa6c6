"""Media types: what a ``Content-Type`` header names."""

import re

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"

_MEDIA_TYPE = re.compile(r"\A[ \t]*([\w.+-]+/[\w.+-]+)[ \t]*(?:;.*)?", re.ASCII)
_CHARSET = re.compile(r';[ \t]*charset[ \t]*=[ \t]*"?([^";,\s]*)', re.IGNORECASE)


def media_type(header: str) -> str:
    """The media type of a ``Content-Type`` header in lower case, without its parameters. Empty if
    the header does not name exactly one.
    """
    match = _MEDIA_TYPE.fullmatch(header)
    return match[1].lower() if match else ""


def is_utf8(header: str) -> bool:
    """Whether a ``Content-Type`` header states no other encoding than UTF-8."""
    return all(name.lower() in ("utf-8", "utf8") for name in _CHARSET.findall(header))
