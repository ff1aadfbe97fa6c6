"""What happened in Slack, as the bot sees it: messages, slash commands and pressed buttons.

``payload.py`` parses them from what Slack sends.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BotIdentity:
    """The bot's workspace and its user there; each is empty where it is not known."""

    team: str
    user: str


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """A message.

    :param ts: Slack's time stamp, which identifies the message within its channel
    :param text: with Slack's markup
    :param thread_ts: the time stamp of the thread's first message, None outside threads
    :param is_direct: it was written in a direct message to the bot
    :param is_mention: it arrived as an ``app_mention`` event
    :param is_automatic: a bot or an app wrote it
    :param client_id: Slack's ``client_msg_id``, where there is one
    """

    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    is_direct: bool = False
    is_mention: bool = False
    is_automatic: bool = False
    subtype: str | None = None
    client_id: str | None = None

    @property
    def root(self) -> str:
        """The time stamp of the first message of the thread that an answer belongs in."""
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A message was edited.

    :param message: as it is now
    :param edited_ts: the time stamp of the edit
    """

    message: SlackMessage
    edited_ts: str


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message was deleted."""

    channel: str
    ts: str
    root: str


@dataclass(frozen=True, slots=True)
class OtherEvent:
    """An event that the bot does not act on."""

    kind: str


SlackEvent = SlackMessage | MessageChanged | MessageDeleted | OtherEvent


@dataclass(frozen=True, slots=True)
class SlashCommand:
    """A slash command.

    :param trigger: Slack's ``trigger_id``, which differs from call to call
    """

    name: str
    text: str
    channel: str
    user: str
    response_url: str
    trigger: str


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A pressed button.

    :param value: the button's value: the id of an answer
    :param message_ts: the message that the button is in, None in a modal
    :param pressed_ts: when it was pressed
    :param trigger: Slack's ``trigger_id``, which opens a modal within three seconds
    """

    action: str
    value: str
    user: str
    channel: str
    message_ts: str | None
    thread_ts: str | None
    pressed_ts: str
    response_url: str
    trigger: str
