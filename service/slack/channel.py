"""What ``/quoth`` sets for a channel: which documents are searched, how sure an answer must be, and
who is answered.
"""

from dataclasses import replace

from corpus.document import MAX_TAG_LENGTH, MAX_TAGS
from service.slack.inbox import ChannelSettings

HELP = (
    "/quoth shows how I answer in this channel. "
    "/quoth tags energy, contracts: search only documents with one of these tags (/quoth tags "
    "all: every document). "
    "/quoth threshold 0.8: answer only when at least that confident (/quoth threshold default). "
    "/quoth auto on: answer questions that nobody puts to me, when I am sure enough (/quoth "
    "auto off)."
)


def change_channel(settings: ChannelSettings, text: str) -> tuple[ChannelSettings, str]:
    """The settings after a command, and what is said to whoever gave it."""
    name, _, value = text.strip().partition(" ")
    changing = _CHANGES.get(name.lower().removesuffix(":"))
    if not name:
        return settings, f"{described(settings)} {HELP}"
    if changing is None:
        return settings, HELP
    changed = changing(settings, value.strip())
    if changed is None:
        return settings, f"I do not understand “{value.strip()[:100]}”. {HELP}"
    return changed, described(changed)


def described(settings: ChannelSettings) -> str:
    """The settings in words."""
    searched = f"documents tagged {', '.join(settings.tags)}" if settings.tags else "all documents"
    sure = (
        "the calibrated threshold"
        if settings.threshold is None
        else f"a confidence of {settings.threshold:g}"
    )
    auto = (
        "also questions that are not put to me"
        if settings.auto
        else "only questions that are put to me"
    )
    return f"In this channel I search {searched}, answer above {sure}, and take {auto}."


def _tags(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    if value.lower() in ("all", "none"):
        return replace(settings, tags=())
    tags = tuple(sorted({" ".join(tag.split()) for tag in value.split(",")} - {""}))
    if not tags or len(tags) > MAX_TAGS or max(map(len, tags)) > MAX_TAG_LENGTH:
        return None
    return replace(settings, tags=tags)


def _threshold(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    if value.lower() == "default":
        return replace(settings, threshold=None)
    try:
        threshold = float(value)
    except ValueError:
        return None
    return replace(settings, threshold=threshold) if 0 <= threshold <= 1 else None


def _auto(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    switched = {"on": True, "off": False}.get(value.lower())
    return None if switched is None else replace(settings, auto=switched)


_CHANGES = {
    **dict.fromkeys(("tags", "tag"), _tags),
    **dict.fromkeys(("threshold", "confidence"), _threshold),
    **dict.fromkeys(("auto", "auto-answer"), _auto),
}
