"""The parts of Slack's Block Kit that the bot's messages are made of, within Slack's limits.

Plain dictionaries: slack_sdk's models would check the same limits, but raise where this cuts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from service.slack.mrkdwn import cut, cut_around, literal, utf16_length

Block = dict[str, Any]  # JSON

RichText = tuple[str, bool]
"""A text that Slack shows character for character, and whether it is bold."""

MAX_BLOCKS = 50
MAX_HEADER_LENGTH = 150
MAX_MODAL_TITLE_LENGTH = 24
MAX_BUTTON_LENGTH = 75
MAX_QUOTE_LENGTH = 2_900
"""Characters of a quoted text; a longer one is cut around its bold part."""

_SHORTEST = 40
"""The room that a line needs at least."""


@dataclass(frozen=True, slots=True)
class Post:
    """A message of the bot.

    :param text: stands for the blocks where they are not shown: in notifications, for screen
        readers and in search
    """

    text: str
    blocks: tuple[Block, ...]

    def with_block_id(self, block_id: str) -> "Post":
        """The same message, which can be found by an id of at most 255 characters."""
        first, *rest = self.blocks
        return Post(self.text, ({**first, "block_id": block_id}, *rest))


def section(mrkdwn: str) -> Block:
    """A paragraph."""
    return {"type": "section", "text": mrkdwn_text(mrkdwn)}


def header(text: str) -> Block:
    """A heading."""
    return {"type": "header", "text": plain_text_object(literal(text), MAX_HEADER_LENGTH)}


def context(lines: Sequence[str]) -> Block:
    """Lines in small print, each in Slack's markup."""
    return {"type": "context", "elements": [mrkdwn_text(line) for line in lines]}


def quote(before: str, bold: str = "", after: str = "") -> Block:
    """A quoted text, a part of it in bold, cut around that part where it is too long."""
    before, bold, after = cut_around(
        literal(before), literal(bold), literal(after), limit=MAX_QUOTE_LENGTH
    )
    parts = _texts([(before, False), (bold, True), (after, False)])
    return {"type": "rich_text", "elements": [{"type": "rich_text_quote", "elements": parts}]}


def rich_quotes(paragraphs: Sequence[Sequence[RichText]]) -> Block:
    """Quoted paragraphs. What is too long for a block is left out, with an ellipsis."""
    elements = [
        {"type": "rich_text_quote", "elements": _texts(line)} for line in _fitting(paragraphs)
    ]
    return {"type": "rich_text", "elements": elements}


def rich_list(introduction: Sequence[RichText], items: Sequence[Sequence[RichText]]) -> Block:
    """A list with bullets below its introduction. What is too long for a block is left out, with
    an ellipsis.
    """
    head, *shown = _fitting([introduction or [("", False)], *items])
    listed = [{"type": "rich_text_section", "elements": _texts(item)} for item in shown]
    elements: list[Block] = []
    if introduction:
        elements.append({"type": "rich_text_section", "elements": _texts(head)})
    if listed:
        elements.append({"type": "rich_text_list", "style": "bullet", "elements": listed})
    return {"type": "rich_text", "elements": elements}


def _fitting(lines: Sequence[Sequence[RichText]]) -> Iterator[list[RichText]]:
    """The lines that a block has room for, the last of them cut; an ellipsis stands for others."""
    room = MAX_QUOTE_LENGTH
    for line in lines:
        if room < _SHORTEST:
            yield [("…", False)]
            return
        fitting: list[RichText] = []
        for text, is_bold in line:
            shown = cut(literal(text), room) if room > 0 else ""
            room -= utf16_length(shown)
            fitting.append((shown, is_bold))
        yield fitting


def _texts(parts: Sequence[RichText]) -> list[Block]:
    # Slack refuses an empty text.
    return [
        {"type": "text", "text": text, **({"style": {"bold": True}} if is_bold else {})}
        for text, is_bold in parts
        if text
    ]


def actions(buttons: Sequence[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "elements": list(buttons)}


def button(action: str, text: str, value: str, label: str | None = None) -> Block:
    """A button.

    :param action: what Slack calls it when it is pressed
    :param value: what Slack sends when it is pressed
    :param label: what a screen reader says, where the text is an emoji
    """
    made: Block = {
        "type": "button",
        "action_id": action,
        "text": plain_text_object(text, MAX_BUTTON_LENGTH),
        "value": value,
    }
    if label is not None:
        made["accessibility_label"] = label
    return made


def modal(post: Post) -> Block:
    """A message of the bot as a modal, with its text as the title."""
    return {
        "type": "modal",
        "title": plain_text_object(post.text, MAX_MODAL_TITLE_LENGTH),
        "close": plain_text_object("Close", MAX_MODAL_TITLE_LENGTH),
        "blocks": list(post.blocks),
    }


def mrkdwn_text(mrkdwn: str) -> Block:
    """A text in Slack's markup, in which Slack makes no links or mentions of its own."""
    return {"type": "mrkdwn", "text": mrkdwn, "verbatim": True}


def plain_text_object(text: str, limit: int) -> Block:
    """A text without markup, cut where it is too long."""
    return {"type": "plain_text", "text": cut(text, limit), "emoji": True}
