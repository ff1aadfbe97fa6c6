"""The ``/quoth`` command: shows and changes how the bot answers in a channel."""

from dataclasses import replace

from corpus.document import MAX_TAG_LENGTH, MAX_TAGS
from service.slack.inbox.channels import ChannelSettings

HELP = (
    "/quoth shows the settings of this channel. "
    "/quoth tags energy, contracts: search only documents with one of these tags (/quoth tags "
    "all: search every document). "
    "/quoth threshold 0.8: answer only when I am at least this confident (/quoth threshold "
    "default: use the calibrated threshold). "
    "/quoth auto on: also answer questions that do not mention me, when I am confident enough "
    "(/quoth auto off: answer only when asked)."
)


def change_settings(settings: ChannelSettings, text: str) -> tuple[ChannelSettings, str]:
    """The settings after a command, and the reply to whoever gave it.

    :param text: what follows ``/quoth``
    """
    name, _, value = text.strip().partition(" ")
    if not name:
        return settings, f"{describe(settings)} {HELP}"
    change = _CHANGES.get(name.lower().removesuffix(":"))
    if change is None:
        return settings, HELP
    changed = change(settings, value.strip())
    if changed is None:
        return settings, f"I do not understand “{value.strip()[:100]}”. {HELP}"
    return changed, describe(changed)


def describe(settings: ChannelSettings) -> str:
    """The settings in words."""
    documents = f"documents tagged {', '.join(settings.tags)}" if settings.tags else "all documents"
    threshold = (
        "the calibrated threshold"
        if settings.threshold is None
        else f"a confidence of {settings.threshold:g}"
    )
    questions = (
        "questions that mention me and those that do not"
        if settings.auto
        else "only questions that mention me"
    )
    return f"In this channel I search {documents}, answer above {threshold}, and take {questions}."


def _change_tags(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    if value.lower() in ("all", "none"):
        return replace(settings, tags=())
    tags = tuple(sorted({" ".join(tag.split()) for tag in value.split(",")} - {""}))
    if not tags or len(tags) > MAX_TAGS or max(map(len, tags)) > MAX_TAG_LENGTH:
        return None
    return replace(settings, tags=tags)


def _change_threshold(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    if value.lower() == "default":
        return replace(settings, threshold=None)
    try:
        threshold = float(value)
    except ValueError:
        return None
    return replace(settings, threshold=threshold) if 0 <= threshold <= 1 else None


def _change_auto(settings: ChannelSettings, value: str) -> ChannelSettings | None:
    auto = {"on": True, "off": False}.get(value.lower())
    return None if auto is None else replace(settings, auto=auto)


_CHANGES = {
    **dict.fromkeys(("tags", "tag"), _change_tags),
    **dict.fromkeys(("threshold", "confidence"), _change_threshold),
    **dict.fromkeys(("auto", "auto-answer"), _change_auto),
}
