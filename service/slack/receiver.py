"""The receiver: decides on every payload, and puts the work on disk before it is acknowledged."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from service.slack import blocks
from service.slack.blocks import notice
from service.slack.channel_command import change_settings
from service.slack.decide import (
    AnswerAgain,
    AnswerMessage,
    MuteThread,
    QuestionOrigin,
    RetractAnswer,
    decide,
)
from service.slack.event import (
    BotIdentity,
    ButtonPress,
    MessageChanged,
    MessageDeleted,
    OtherEvent,
    SlackEvent,
    SlackMessage,
    SlashCommand,
)
from service.slack.inbox.conversations import SlackQuestion
from service.slack.inbox.inbox import Inbox
from service.slack.inbox.queue import NewWorkItem, WorkKind
from service.slack.payload import Payload, parse_command, parse_event, parse_press

ASK_COMMAND = "/ask"
SETTINGS_COMMAND = "/quoth"
USAGE = f"Write your question after {ASK_COMMAND}."

log = logging.getLogger("quoth.slack")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a payload.

    :param body: the JSON that acknowledges it, None for an empty acknowledgement
    :param has_work: something new is in the queue
    :param show: a pressed button that shows passages at once; Slack allows three seconds for that
    """

    body: Mapping[str, object] | None = None
    has_work: bool = False
    show: ButtonPress | None = None


class Receiver:
    """Takes every payload, whether it came over HTTP or Socket Mode. Thread-safe."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def receive(self, bot: BotIdentity, payload: Payload) -> Receipt:
        """Decide on a payload. Whatever is to be done about it is on disk when this returns.

        :raises PayloadError: the payload is not of the form that Slack documents
        :raises StoreError: the work cannot be put on disk
        """
        if "command" in payload:
            return self._receive_command(bot, parse_command(payload))
        if payload.get("type") == "block_actions":
            return self._receive_press(bot, parse_press(payload))
        if payload.get("type") == "event_callback":
            return Receipt(has_work=self._receive_event(bot, parse_event(payload)))
        return Receipt()

    def _receive_event(self, bot: BotIdentity, event: SlackEvent) -> bool:
        """Whether there is new work."""
        if isinstance(event, OtherEvent):
            return False
        channel, ts, root = _location(event)
        decision = decide(bot, event, self._inbox.context(channel, ts, root))
        if isinstance(decision, AnswerMessage):
            return self._receive_question(bot, decision)
        if isinstance(decision, AnswerAgain):
            # An edit may arrive twice, and without a time stamp of its own: the text is in the key.
            edited_ts, digest = decision.change.edited_ts, _digest(decision.question)
            key = f"{bot.team} edited {channel} {ts} {edited_ts} {digest}"
            item = _message_work(WorkKind.ANSWER, [key], event)
            return self._inbox.conversations.reword(item, channel, ts, decision.question)
        if isinstance(decision, RetractAnswer):
            item = _message_work(WorkKind.RETRACT, [f"{bot.team} deleted {channel} {ts}"], event)
            return self._inbox.conversations.retract(item, channel, ts)
        if isinstance(decision, MuteThread):
            self._inbox.conversations.mute(decision.channel, decision.root)
        log.debug("%s %s %s: ignored: %s", channel, ts, root, decision.reason.value)
        return False

    def _receive_question(self, bot: BotIdentity, decision: AnswerMessage) -> bool:
        message = decision.message
        # The mention and the message event of one message, and retries of either, share these keys.
        keys = [f"{bot.team} said {message.channel} {message.ts}"]
        if message.client_id:
            keys.append(f"{bot.team} client {message.client_id}")
        question = SlackQuestion(
            channel=message.channel,
            ts=message.ts,
            root=message.root,
            user=message.user,
            origin=decision.origin,
            text=decision.question,
        )
        return self._inbox.conversations.ask(
            _message_work(WorkKind.ANSWER, keys, message),
            question,
            follow_thread=decision.origin is not QuestionOrigin.AUTO,
        )

    def _receive_command(self, bot: BotIdentity, command: SlashCommand) -> Receipt:
        if command.name == SETTINGS_COMMAND:
            settings = self._inbox.channels.settings(command.channel)
            changed, reply = change_settings(settings, command.text)
            if changed != settings:
                self._inbox.channels.set_settings(command.channel, changed)
            return _private_reply(reply)
        if command.name != ASK_COMMAND:
            return Receipt()
        if not command.text.strip():
            return _private_reply(USAGE)
        lane = f"command {_digest(repr(command))}"
        item = NewWorkItem(WorkKind.COMMAND, (f"{bot.team} {lane}",), lane, payload=asdict(command))
        return Receipt(has_work=self._inbox.queue.accept(item))

    def _receive_press(self, bot: BotIdentity, press: ButtonPress) -> Receipt:
        if press.action in (blocks.CONTEXT_ACTION, blocks.NEAREST_ACTION):
            return Receipt(show=press)
        if press.action in (blocks.HELPFUL_ACTION, blocks.UNHELPFUL_ACTION):
            # No key: a person may vote up, down and up again, and the last vote counts.
            lane = f"vote {press.user} {press.value}"
            item = NewWorkItem(WorkKind.VOTE, (), lane, payload=asdict(press))
            return Receipt(has_work=self._inbox.queue.accept(item))
        if press.action == blocks.SHARE_ACTION:
            lane = f"share {press.channel} {press.user} {press.message_ts} {press.value}"
            item = NewWorkItem(WorkKind.SHARE, (f"{bot.team} {lane}",), lane, payload=asdict(press))
            return Receipt(has_work=self._inbox.queue.accept(item))
        return Receipt()


def _location(event: SlackMessage | MessageChanged | MessageDeleted) -> tuple[str, str, str]:
    """Channel, time stamp and thread of the message that an event is about."""
    message = event.message if isinstance(event, MessageChanged) else event
    return message.channel, message.ts, message.root


def _message_work(
    kind: WorkKind, keys: list[str], event: SlackMessage | MessageChanged | MessageDeleted
) -> NewWorkItem:
    """Work on a message, in order with all other work on its thread."""
    channel, ts, root = _location(event)
    payload = {"channel": channel, "ts": ts}
    return NewWorkItem(kind, tuple(keys), f"{channel} {root}", payload=payload)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _private_reply(text: str) -> Receipt:
    post = notice(text)
    return Receipt({"response_type": "ephemeral", "text": post.text, "blocks": list(post.blocks)})
