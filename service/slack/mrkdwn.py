"""Text to and from mrkdwn, Slack's markup: what people write as plain text, and what the bot writes
so that Slack takes nothing in it for markup.
"""

import html
import re

SECTION_LIMIT = 3_000
"""The most characters of a section, a context element or a fallback text."""

_ELLIPSIS = "…"
_JOINER = "\u2060"  # WORD JOINER, which nobody sees
# Also at the beginning of a longer word, which may be cut after it.
_BROADCAST = re.compile(r"@(?=here|channel|everyone|group)", re.IGNORECASE)
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKED = re.compile(r"<([^<>]*)>")
_NOT_IN_URLS = re.compile(r"[\s\x00-\x1f]")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_EMOJI_NAME = re.compile(r":[\w+'-]+:")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")
_MIN_LINK_TEXT = 16


def escaped(text: str, limit: int = SECTION_LIMIT) -> str:
    """A text that Slack shows character for character: nothing in it is markup or mentions anybody.

    :param limit: the most UTF-16 units of the result; a longer text is cut between characters and
        ends with an ellipsis
    """
    readable = text[: limit + 16]  # more than can be shown, so that long texts cost no more
    characters = _BROADCAST.sub("@" + _JOINER, readable)
    pieces = [_ENTITIES.get(character, character) for character in characters]
    if sum(map(utf16_length, pieces)) <= limit:
        return "".join(pieces)
    kept, room = [], limit - 1
    for piece in pieces:
        room -= utf16_length(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip() + _ELLIPSIS


def literal(text: str) -> str:
    """A text for rich text and plain text, which Slack itself shows as it stands.

    Slack's older clients, exports and bridges to other chats take markup in it for markup. An
    invisible character keeps them from it.
    """
    return _BROADCAST.sub("@" + _JOINER, text.replace("<", "<" + _JOINER))


def utf16_length(text: str) -> int:
    """The length in UTF-16 units. It is never less than that in code points, so a limit holds
    whichever of them Slack counts.
    """
    return len(text) + sum(character > "\uffff" for character in text)


def cut(text: str, limit: int) -> str:
    """A plain text of at most ``limit`` UTF-16 units, cut between characters, with an ellipsis at
    the end where it is cut.
    """
    if utf16_length(text) <= limit:
        return text
    units = text[:limit].encode("utf-16-le", "surrogatepass")[: 2 * (limit - 1)]
    return units.decode("utf-16-le", "ignore").rstrip() + _ELLIPSIS


def cut_around(before: str, middle: str, after: str, *, limit: int) -> tuple[str, str, str]:
    """Three parts of a plain text, cut at both ends to at most ``limit`` UTF-16 units together."""
    if utf16_length(before) + utf16_length(middle) + utf16_length(after) <= limit:
        return before, middle, after
    middle = cut(middle, limit)
    room = limit - utf16_length(middle)
    # Half of the room for each side, or more where the other side needs less.
    room_after = max(room - min(utf16_length(before), room // 2), 0)
    after = cut(after, room_after) if room > 1 and after else ""
    return _cut_start(before, room - utf16_length(after)), middle, after


def link(url: str, text: str, limit: int = SECTION_LIMIT) -> str:
    """A link in Slack's markup, or the escaped text alone where the address is not a web address or
    too long.

    :param limit: the most UTF-16 units of the result
    """
    if not url.startswith(("https://", "http://")) or _NOT_IN_URLS.search(url):
        return escaped(text, limit)
    address = (
        _BROADCAST.sub("%40", url)
        .replace("&", "&amp;")
        .replace("<", "%3C")
        .replace(">", "%3E")
        .replace("|", "%7C")
    )
    room = limit - utf16_length(address) - len("<|>")
    if room < _MIN_LINK_TEXT:
        return escaped(text, limit)
    return f"<{address}|{escaped(text, room)}>"


def plain_text(mrkdwn: str) -> str:
    """What a person wrote, without Slack's markup: links by their text, channels by name, and no
    mentions.
    """
    return " ".join(html.unescape(_MARKED.sub(_unmarked, mrkdwn)).split())


def mentioned_users(mrkdwn: str) -> tuple[str, ...]:
    """The ids of the users that a message mentions, in order."""
    return tuple(match[1] for match in _MENTION.finditer(mrkdwn))


def has_words(text: str) -> bool:
    """Whether a text has a letter or a digit outside the names of emoji."""
    return bool(_LETTER_OR_DIGIT.search(_EMOJI_NAME.sub("", text)))


def _unmarked(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    if target.startswith(("@", "!")):  # a mention
        return " "
    if target.startswith("#"):  # a channel
        return f"#{label}" if label else " "
    return label or target.removeprefix("mailto:")


def _cut_start(text: str, limit: int) -> str:
    """The end of a text, with an ellipsis before it where something is left out."""
    if utf16_length(text) <= limit:
        return text
    if limit <= 1:
        return ""
    units = text.encode("utf-16-le", "surrogatepass")[-2 * (limit - 1) :]
    return _ELLIPSIS + units.decode("utf-16-le", "ignore").lstrip()
