"""The bot behind slack_bolt, which both ways in share: requests over HTTP, and Socket Mode."""

import asyncio
import json
import logging
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.response import BoltResponse

from corpus.errors import SettingsError, StoreError
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.settings import Settings
from service.slack.bot import Bot
from service.slack.event import PayloadError
from service.slack.identity import ForeignTeamError, Identity
from service.slack.inbox import Inbox
from service.slack.receiver import Receiver
from service.slack.web import Workspace, sdk_log
from service.slack.worker import Incoming, Worker

_INBOX_WIDTH = 4

log = logging.getLogger("quoth.slack")


@dataclass(frozen=True, slots=True)
class Answered:
    """What Slack is answered.

    :param body: JSON, or nothing; on an error its reason
    """

    status: int
    body: str = ""


class SlackApp:
    """One bot with its receiver and its worker."""

    def __init__(
        self,
        service: AnswerService,
        inbox: Inbox,
        workspace: Workspace,
        settings: Settings,
        threads: Threads,
    ) -> None:
        self._inbox = inbox
        self._quick = Threads(_INBOX_WIDTH)
        self._bot = Bot(
            service,
            inbox,
            workspace,
            questions=threads,
            quick=self._quick,
            base_url=settings.address,
        )
        self._incoming = Incoming()
        self._worker = Worker(
            inbox, self._quick, self._bot.do, 2 * settings.threads, self._incoming
        )
        self._identity = Identity(inbox, workspace, self._quick)
        self._reception = Receiver(inbox)
        self._showing: set[asyncio.Task[None]] = set()
        # The HTTP way verifies signatures before anything is parsed, Socket Mode has none, and who
        # wrote a message is for the bot to decide: bolt's own middleware for these is left out.
        self.bolt = AsyncApp(
            client=workspace.anonymous,  # bolt makes no calls of its own
            authorize=_authorized,
            logger=sdk_log,
            signing_secret="",
            request_verification_enabled=False,
            ignoring_self_events_enabled=False,
            ssl_check_enabled=False,
            url_verification_enabled=False,
            process_before_response=True,
        )
        self.bolt.middleware(self._take)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The bot works meanwhile; then the inbox is closed."""
        tasks = [
            asyncio.create_task(self._worker.run()),
            asyncio.create_task(self._identity.learn()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._inbox.close()

    async def take(self, payload: Mapping[str, Any]) -> Answered:  # JSON
        """Answer a payload that came over HTTP."""
        # Bolt would parse a body again, and loses a command whose text has the word "payload" in
        # it; as a request of Socket Mode it takes what is parsed.
        try:
            request = AsyncBoltRequest(body=dict(payload), mode="socket_mode")
        except (ValueError, TypeError, AttributeError, KeyError):
            return Answered(HTTPStatus.BAD_REQUEST, "the body is not what Slack sends")
        answer = await self.bolt.async_dispatch(request)
        return Answered(answer.status, answer.body)

    async def _take(self, body: dict[str, Any]) -> BoltResponse:  # JSON
        try:
            with self._incoming.one():
                reply = await self._quick.read(
                    self._reception.take, await self._identity.of(body), body
                )
        except PayloadError as exc:
            return BoltResponse(status=HTTPStatus.BAD_REQUEST, body=str(exc))
        except ForeignTeamError:
            return BoltResponse(
                status=HTTPStatus.FORBIDDEN, body="the bot token belongs to another workspace"
            )
        except StoreError as exc:  # Slack tells it again
            log.warning("not taken: %s", exc)
            return BoltResponse(status=HTTPStatus.SERVICE_UNAVAILABLE, body=str(exc))
        if reply.works:
            self._worker.wake()
        if reply.shows:
            task = asyncio.create_task(self._bot.show(reply.shows))
            self._showing.add(task)
            task.add_done_callback(self._showing.discard)
        said = "" if reply.body is None else json.dumps(reply.body)
        return BoltResponse(
            status=HTTPStatus.OK, body=said, headers={"content-type": "application/json"}
        )


def opened(service: AnswerService, settings: Settings, threads: Threads) -> SlackApp:
    """The app that the settings describe; :meth:`SlackApp.running` sets it to work.

    :raises SettingsError: there is no bot token
    :raises StoreError: another process answers Slack from the same data folder
    """
    token = settings.slack_bot_token
    if token is None:
        raise SettingsError(
            "QUOTH_SLACK_BOT_TOKEN is not set; docs/slack.md says where it comes from"
        )
    workspace = Workspace(token.get_secret_value(), settings.slack_api_url)
    return SlackApp(service, Inbox(settings.data_dir), workspace, settings, threads)


async def serve_socket(service: AnswerService, settings: Settings) -> None:
    """Answer Slack over Socket Mode until the process is told to end.

    :raises SettingsError: a token is missing
    :raises StoreError: another process answers Slack from the same data folder
    """
    app_token = settings.slack_app_token
    if app_token is None:
        raise SettingsError(
            "QUOTH_SLACK_APP_TOKEN is not set; docs/slack.md says where it comes from"
        )
    slack = opened(service, settings, Threads(settings.threads))
    async with slack.running():
        listening = asyncio.create_task(listen(slack, app_token.get_secret_value()))
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, listening.cancel)
        with suppress(asyncio.CancelledError):
            await listening


async def listen(app: SlackApp, app_token: str) -> None:
    """Take what Slack tells over Socket Mode until cancelled; a connection that breaks is made
    again.
    """
    handler = AsyncSocketModeHandler(app.bolt, app_token, logger=sdk_log)
    handler.client.proxy = app.bolt.client.proxy
    try:
        await handler.connect_async()  # type: ignore[no-untyped-call]  # as below; it tries until it is connected
        await asyncio.Event().wait()
    finally:
        await handler.close_async()  # type: ignore[no-untyped-call]  # the library has no types here


async def _authorized(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
    """Bolt's leave to go on; the bot itself refuses what is of another workspace."""
    return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id)
