"""Text in and out of Slack's markup: what people wrote as plain text, and what Quoth says without
any markup in it.
"""

import html
import re

SECTION_LIMIT = 3_000
"""Characters of a section, a context element or a fallback text."""

_JOINER = "\u2060"
_BROADCAST = re.compile(
    r"@(?=here|channel|everyone|group)", re.IGNORECASE
)  # longer words too: they may be cut
_MARKED = re.compile(r"<([^<>]*)>")
_EMOJI_NAME = re.compile(r":[\w+'-]+:")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")


def escaped(text: str, limit: int = SECTION_LIMIT) -> str:
    """The text as Slack shows it character for character: nothing in it is markup, and nothing
    mentions anybody.

    :param limit: the most UTF-16 units that come back; what is over is cut at a character, with an
        ellipsis"""
    readable = text[: limit + 16]  # what comes after it cannot be shown
    pieces = [_escaped(character) for character in _BROADCAST.sub("@" + _JOINER, readable)]
    if sum(map(length, pieces)) <= limit:
        return "".join(pieces)
    kept, room = [], limit - 1
    for piece in pieces:
        room -= length(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + "…"


def literal(text: str) -> str:
    """The text for where Slack shows it as it stands. A joiner that nobody sees keeps other readers
    from more.

    Slack's older clients, exports and bridges to other chats make markup of such a text.
    """
    return _BROADCAST.sub("@" + _JOINER, text.replace("<", "<" + _JOINER))


def cut(text: str, limit: int) -> str:
    """The text, cut at a character with an ellipsis where it has more than ``limit`` UTF-16 units.
    For plain text.
    """
    if length(text) <= limit:
        return text
    kept = (
        text[:limit]
        .encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
        .decode("utf-16-le", "ignore")
    )
    return kept.rstrip() + "…"


def length(text: str) -> int:
    """UTF-16 units: never fewer than the code points, so a limit holds whichever of them Slack
    counts.
    """
    return len(text) + sum(character > "\uffff" for character in text)


def link(url: str, text: str, limit: int = SECTION_LIMIT) -> str:
    """A link in Slack's markup; the plain text where the address is no web address, or too long for
    ``limit``.
    """
    if not url.startswith(("https://", "http://")) or re.search(r"[\s\x00-\x1f]", url):
        return escaped(text, limit)
    address = _escaped_address(url)
    room = limit - length(address) - 3
    return f"<{address}|{escaped(text, room)}>" if room >= 16 else escaped(text, limit)


def plain_text(marked: str) -> str:
    """What a person wrote, without Slack's markup: links by their words, channels by name, no
    mentions.
    """
    return " ".join(html.unescape(_MARKED.sub(_words, marked)).split())


def mentioned(marked: str) -> tuple[str, ...]:
    """The ids of the people whom a message names, in order."""
    return tuple(match[1] for match in _MENTION.finditer(marked))


def has_words(text: str) -> bool:
    """Whether there is a letter or a digit in it that is not an emoji's name."""
    return bool(re.search(r"[^\W_]", _EMOJI_NAME.sub("", text)))


def _words(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    if target.startswith(("@", "!")):
        return " "
    if target.startswith("#"):
        return f"#{label}" if label else " "
    return label or target.removeprefix("mailto:")


def _escaped(character: str) -> str:
    return {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(character, character)


def _escaped_address(url: str) -> str:
    return (
        _BROADCAST.sub("%40", url)
        .replace("&", "&amp;")
        .replace("<", "%3C")
        .replace(">", "%3E")
        .replace("|", "%7C")
    )
