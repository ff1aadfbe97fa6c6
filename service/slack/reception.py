"""The reception: takes what Slack tells, puts on the disk what there is to do about it, and acknowledges it."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass

from corpus.errors import StoreError
from service.slack import blocks
from service.slack.blocks import Post, notice
from service.slack.channel import change_channel
from service.slack.decide import Ask, Ignore, Quieten, Reask, Way, decide
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
    me_of,
    parse_command,
    parse_event,
    parse_press,
    teams_of,
)
from service.slack.inbox import Asked, Inbox, Kind, NewWork
from service.slack.web import SlackError, Workspace
from service.threads import Threads

ASK_COMMAND = "/ask"
SETTINGS_COMMAND = "/quoth"
USAGE = f"Write your question after {ASK_COMMAND}."

_INTRODUCTION_S = 1.5
"""How long the first events wait for Slack to say whom the token belongs to; Slack waits three seconds."""
_LONGEST_PAUSE_S = 300.0

log = logging.getLogger("quoth.slack")


class ForeignTeamError(Exception):
    """The payload is of a workspace that the token does not belong to."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What Slack is told at once.

    :param body: JSON, None acknowledges
    """

    body: Mapping[str, object] | None = None


class Reception:
    """Where everything from Slack comes in, over whichever way."""

    def __init__(
        self,
        inbox: Inbox,
        workspace: Workspace,
        threads: Threads,
        wake: Callable[[], None],
        show: Callable[[Press], Awaitable[None]],
    ) -> None:
        """A reception that does not know the bot until :meth:`introduce`, unless the inbox does.

        :param threads: where the inbox is used
        :param wake: is called when there is work
        :param show: shows what a button promises, within the three seconds that Slack gives for it
        """
        self._inbox = inbox
        self._workspace = workspace
        self._threads = threads
        self._wake = wake
        self._show = show
        self._me = inbox.me(workspace.fingerprint)
        self._introduced = asyncio.Event()
        self._tasks: set[asyncio.Future[None]] = set()

    async def introduce(self) -> None:
        """Ask Slack whom the token belongs to until it says; what it said last time holds meanwhile."""
        asyncio.get_running_loop().call_later(_INTRODUCTION_S, self._introduced.set)
        pause = 1.0
        while True:
            try:
                return await self._ask_who()
            except (SlackError, StoreError) as exc:
                log.warning("Slack does not say whom the bot token belongs to (%s); asking again", exc)
            finally:
                self._introduced.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def take(self, payload: Payload) -> Reply:
        """Take what Slack tells. When this returns, it is on the disk, or there is nothing to do about it.

        :raises PayloadError: it is not made as Slack makes them
        :raises ForeignTeamError: it is of another workspace
        :raises StoreError: it cannot be kept
        """
        if "command" in payload:
            return await self._take_command(await self._known(payload), parse_command(payload))
        kind = payload.get("type")
        if kind == "block_actions":
            return await self._take_press(await self._known(payload), parse_press(payload))
        if kind == "event_callback":
            return await self._take_event(await self._known(payload), parse_event(payload))
        return Reply()

    async def _ask_who(self) -> None:
        permit = await self._workspace.permit()
        if permit.me != self._me:
            await self._threads.read(self._inbox.remember_me, self._workspace.fingerprint, permit.me)
        self._me = permit.me

    async def _known(self, payload: Payload) -> Me:
        """The bot: as Slack has said whom the token belongs to, or else as the payload says."""
        if self._me is None:
            await self._introduced.wait()
        if self._me is None:
            return me_of(payload)
        teams = teams_of(payload)
        if teams and self._me.team not in teams:
            raise ForeignTeamError(teams[0])
        return self._me

    async def _take_event(self, me: Me, event: Event) -> Reply:
        if isinstance(event, Other):
            return Reply()
        decision = decide(me, event, await self._threads.read(self._inbox.facts, *_place(event)))
        if isinstance(decision, Quieten):
            await self._threads.read(self._inbox.quieten, decision.channel, decision.root)
        elif isinstance(decision, Ask):
            await self._take_question(me, decision)
        elif isinstance(decision, Reask):
            await self._take_rewording(me, decision)
        elif not isinstance(decision, Ignore):
            gone = decision.deleted
            work = _about(Kind.RETRACT, [f"{me.team} deleted {gone.channel} {gone.ts}"], *_place(gone))
            await self._accept(self._inbox.retract, work, gone.channel, gone.ts)
        return Reply()

    async def _take_question(self, me: Me, ask: Ask) -> None:
        message = ask.message
        asked = Asked(*_place(message), message.user, ask.way, ask.question)
        keys = [f"{me.team} said {message.channel} {message.ts}"]
        if message.client_id:
            keys.append(f"{me.team} client {message.client_id}")
        work = _about(Kind.ANSWER, keys, *_place(message))
        await self._accept(self._inbox.ask, work, asked, ask.way is not Way.AUTO)

    async def _take_rewording(self, me: Me, reask: Reask) -> None:
        message = reask.edited.message
        key = f"{me.team} edited {message.channel} {message.ts} {reask.edited.edited_ts} {_digest(reask.question)}"
        work = _about(Kind.ANSWER, [key], *_place(message))
        await self._accept(self._inbox.reword, work, message.channel, message.ts, reask.question)

    async def _take_command(self, me: Me, command: Command) -> Reply:
        if command.name == SETTINGS_COMMAND:
            return await self._take_settings(command)
        if command.name != ASK_COMMAND:
            return Reply()
        if not command.text.strip():
            return _private(notice(USAGE))
        lane = f"command {_digest(repr(command))}"
        await self._accept(self._inbox.accept, NewWork(Kind.COMMAND, (f"{me.team} {lane}",), lane, asdict(command)))
        return Reply()

    async def _take_settings(self, command: Command) -> Reply:
        settings = await self._threads.read(self._inbox.channel, command.channel)
        changed, said = change_channel(settings, command.text)
        if changed != settings:
            await self._threads.read(self._inbox.set_channel, command.channel, changed)
        return _private(notice(said))

    async def _take_press(self, me: Me, press: Press) -> Reply:
        if press.action in (blocks.CONTEXT, blocks.NEAREST):
            task = asyncio.ensure_future(self._show(press))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif press.action in (blocks.HELPFUL, blocks.UNHELPFUL):
            lane = f"vote {press.user} {press.value}"
            await self._accept(self._inbox.accept, NewWork(Kind.VOTE, (), lane, asdict(press)))
        elif press.action == blocks.SHARE:
            lane = f"share {press.channel} {press.user} {press.message_ts} {press.value}"
            await self._accept(self._inbox.accept, NewWork(Kind.SHARE, (f"{me.team} {lane}",), lane, asdict(press)))
        return Reply()

    async def _accept(self, function: Callable[..., bool], *args: object) -> None:
        if await self._threads.read(function, *args):
            self._wake()


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
