"""The receiver: takes what Slack tells, puts on the disk what there is to do about it, and replies
at once.
"""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from service.slack import blocks
from service.slack.blocks import Post, notice
from service.slack.channel import change_channel
from service.slack.decide import Ask, Quieten, Reask, Retract, Way, decide
from service.slack.event import (
    Command,
    Deleted,
    Edited,
    Event,
    Me,
    Message,
    Other,
    Payload,
    Press,
    parse_command,
    parse_event,
    parse_press,
)
from service.slack.inbox import Asked, Inbox, Kind, NewWork

ASK_COMMAND = "/ask"
SETTINGS_COMMAND = "/quoth"
USAGE = f"Write your question after {ASK_COMMAND}."

log = logging.getLogger("quoth.slack")


@dataclass(frozen=True, slots=True)
class Reply:
    """What becomes of a payload.

    :param body: JSON that Slack is told, None acknowledges
    :param works: there is something new to do in the inbox
    :param shows: a button that promises a passage, for which Slack gives three seconds and no more
    """

    body: Mapping[str, object] | None = None
    works: bool = False
    shows: Press | None = None


class Receiver:
    """Where everything from Slack comes in, over whichever way. Thread-safe."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox

    def take(self, me: Me, payload: Payload) -> Reply:
        """Take what Slack tells. When this returns, it is on the disk, or there is nothing to do
        about it.

        :raises PayloadError: it is not made as Slack makes them
        :raises StoreError: it cannot be kept
        """
        if "command" in payload:
            return self._take_command(me, parse_command(payload))
        if payload.get("type") == "block_actions":
            return self._take_press(me, parse_press(payload))
        if payload.get("type") == "event_callback":
            return Reply(works=self._take_event(me, parse_event(payload)))
        return Reply()

    def _take_event(self, me: Me, event: Event) -> bool:
        """Whether there is something new to do."""
        if isinstance(event, Other):
            return False
        decision = decide(me, event, self._inbox.facts(*_place(event)))
        if isinstance(decision, Ask):
            return self._take_question(me, decision)
        if isinstance(decision, Reask):
            return self._take_rewording(me, decision)
        if isinstance(decision, Retract):
            gone = decision.deleted
            work = _about(
                Kind.RETRACT, [f"{me.team} deleted {gone.channel} {gone.ts}"], *_place(gone)
            )
            return self._inbox.retract(work, gone.channel, gone.ts)
        if isinstance(decision, Quieten):
            self._inbox.quieten(decision.channel, decision.root)
        log.debug("%s: nothing is said: %s", " ".join(_place(event)), decision.why.value)
        return False

    def _take_question(self, me: Me, ask: Ask) -> bool:
        message = ask.message
        keys = [f"{me.team} said {message.channel} {message.ts}"]
        if message.client_id:
            keys.append(f"{me.team} client {message.client_id}")
        asked = Asked(*_place(message), message.user, ask.way, ask.question)
        return self._inbox.ask(
            _about(Kind.ANSWER, keys, *_place(message)), asked, opens=ask.way is not Way.AUTO
        )

    def _take_rewording(self, me: Me, reask: Reask) -> bool:
        message = reask.edited.message
        key = (
            f"{me.team} edited {message.channel} {message.ts} {reask.edited.edited_ts} "
            f"{_digest(reask.question)}"
        )
        work = _about(Kind.ANSWER, [key], *_place(message))
        return self._inbox.reword(work, message.channel, message.ts, reask.question)

    def _take_command(self, me: Me, command: Command) -> Reply:
        if command.name == SETTINGS_COMMAND:
            return self._take_settings(command)
        if command.name != ASK_COMMAND:
            return Reply()
        if not command.text.strip():
            return _private(notice(USAGE))
        lane = f"command {_digest(repr(command))}"
        return Reply(
            works=self._inbox.accept(
                NewWork(Kind.COMMAND, (f"{me.team} {lane}",), lane, asdict(command))
            )
        )

    def _take_settings(self, command: Command) -> Reply:
        settings = self._inbox.channel(command.channel)
        changed, said = change_channel(settings, command.text)
        if changed != settings:
            self._inbox.set_channel(command.channel, changed)
        return _private(notice(said))

    def _take_press(self, me: Me, press: Press) -> Reply:
        if press.action in (blocks.CONTEXT, blocks.NEAREST):
            return Reply(shows=press)
        if press.action in (blocks.HELPFUL, blocks.UNHELPFUL):
            lane = f"vote {press.user} {press.value}"
            return Reply(works=self._inbox.accept(NewWork(Kind.VOTE, (), lane, asdict(press))))
        if press.action == blocks.SHARE:
            lane = f"share {press.channel} {press.user} {press.message_ts} {press.value}"
            return Reply(
                works=self._inbox.accept(
                    NewWork(Kind.SHARE, (f"{me.team} {lane}",), lane, asdict(press))
                )
            )
        return Reply()


def _place(event: Message | Edited | Deleted) -> tuple[str, str, str]:
    """Channel, time stamp and thread of a message."""
    message = event.message if isinstance(event, Edited) else event
    return message.channel, message.ts, message.root


def _about(kind: Kind, keys: list[str], channel: str, ts: str, root: str) -> NewWork:
    return NewWork(kind, tuple(keys), f"{channel} {root}", {"channel": channel, "ts": ts})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _private(post: Post) -> Reply:
    return Reply({"response_type": "ephemeral", "text": post.text, "blocks": list(post.blocks)})
