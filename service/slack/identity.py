"""Who the bot is: whom its token belongs to, as Slack says, said, or as far as a payload tells."""

import asyncio
import logging

from corpus.errors import StoreError
from service.http.threads import Threads
from service.slack.event import Me, Payload, me_of, teams_of
from service.slack.inbox import Inbox
from service.slack.web import SlackError, Workspace

_FIRST_WORD_S = 1.5
"""How long the first events wait for Slack to say whom the token belongs to; Slack waits three
seconds for them.
"""
_LONGEST_PAUSE_S = 300.0

log = logging.getLogger("quoth.slack")


class ForeignTeamError(Exception):
    """The payload is of a workspace that the token does not belong to."""


class Identity:
    """Whom a token belongs to. Runs in one event loop."""

    def __init__(self, inbox: Inbox, workspace: Workspace, threads: Threads) -> None:
        """As it was the last time that Slack said it.

        :param threads: where the inbox is used
        """
        self._inbox = inbox
        self._workspace = workspace
        self._threads = threads
        self._me = inbox.me(workspace.fingerprint)
        self._asked = asyncio.Event()

    async def learn(self) -> None:
        """Ask Slack until it says."""
        asyncio.get_running_loop().call_later(_FIRST_WORD_S, self._asked.set)
        pause = 1.0
        while True:
            try:
                return await self._ask()
            except (SlackError, StoreError) as exc:
                log.warning(
                    "Slack does not say whom the bot token belongs to (%s); asking again", exc
                )
            finally:
                self._asked.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    async def of(self, payload: Payload) -> Me:
        """The bot that a payload is for.

        :raises ForeignTeamError: it is of another workspace
        """
        if self._me is None:
            await self._asked.wait()
        if self._me is None:
            return me_of(payload)
        teams = teams_of(payload)
        if teams and self._me.team not in teams:
            raise ForeignTeamError(teams[0])
        return self._me

    async def _ask(self) -> None:
        permit = await self._workspace.permit()
        if permit.me != self._me:
            await self._threads.read(
                self._inbox.remember_me, self._workspace.fingerprint, permit.me
            )
        self._me = permit.me
