"""Who the bot is: the workspace and the user that its token belongs to."""

import asyncio
import json
import logging

from corpus.errors import StoreError
from service.http.threads import Threads
from service.slack.errors import SlackError
from service.slack.event import BotIdentity
from service.slack.inbox.database import SlackDatabase
from service.slack.payload import Payload, identity_of, teams_of
from service.slack.web import Workspace

_FIRST_WAIT_S = 1.5
"""How long the first events wait for Slack to identify the token. Slack waits three seconds for
their acknowledgement.
"""
_MAX_PAUSE_S = 300.0

log = logging.getLogger("quoth.slack")


class ForeignTeamError(Exception):
    """The payload is from a workspace that the token does not belong to."""


class Identity:
    """Whom a token belongs to: what Slack says, or said last time, or else what a payload says.

    Runs in one event loop.
    """

    def __init__(self, database: SlackDatabase, workspace: Workspace, threads: Threads) -> None:
        """The identity as Slack last confirmed it.

        :param threads: where the database is used
        """
        self._database = database
        self._workspace = workspace
        self._threads = threads
        self._key = f"me {workspace.fingerprint}"
        stored = database.setting(self._key)
        self._bot = None if stored is None else BotIdentity(**json.loads(stored))
        self._first_try = asyncio.Event()

    async def confirm(self) -> None:
        """Ask Slack until it answers, and keep the answer."""
        asyncio.get_running_loop().call_later(_FIRST_WAIT_S, self._first_try.set)
        pause = 1.0
        while True:
            try:
                bot = (await self._workspace.token_info()).bot
                if bot != self._bot:
                    value = json.dumps({"team": bot.team, "user": bot.user})
                    await self._threads.read(self._database.set_setting, self._key, value)
                self._bot = bot
                return
            except (SlackError, StoreError) as exc:
                log.warning(
                    "cannot confirm whom the bot token belongs to (%s); trying again in %.0f s",
                    exc,
                    pause,
                )
            finally:
                self._first_try.set()
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_PAUSE_S)

    async def of(self, payload: Payload) -> BotIdentity:
        """The bot that a payload is for.

        :raises ForeignTeamError: the payload is from another workspace
        """
        if self._bot is None:
            await self._first_try.wait()
        if self._bot is None:
            return identity_of(payload)
        teams = teams_of(payload)
        if teams and self._bot.team not in teams:
            raise ForeignTeamError(teams[0])
        return self._bot
