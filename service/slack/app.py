"""The bot, put together: receiver, worker and identity over one inbox."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from corpus.errors import SettingsError, StoreError
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.settings import Settings
from service.slack.bot import Bot
from service.slack.identity import ForeignTeamError, Identity
from service.slack.inbox.inbox import Inbox
from service.slack.payload import PayloadError
from service.slack.receiver import Receiver
from service.slack.web import Workspace
from service.slack.worker import Incoming, Worker

_INBOX_THREADS = 4

log = logging.getLogger("quoth.slack")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What Slack gets in return for a payload.

    :param status: over Socket Mode, only 200 is acknowledged; Slack sends the rest again
    :param body: JSON, None for nothing
    :param error: what is wrong, where the status is not 200
    """

    status: HTTPStatus = HTTPStatus.OK
    body: Mapping[str, object] | None = None
    error: str = ""


class SlackApp:
    """One bot. Runs in one event loop."""

    def __init__(
        self,
        service: AnswerService,
        inbox: Inbox,
        workspace: Workspace,
        *,
        settings: Settings,
        threads: Threads,
    ) -> None:
        """A bot that is idle until :meth:`running`.

        :param threads: where questions are answered
        """
        self._inbox = inbox
        # Threads of their own, so that an acknowledgement never waits for a question.
        self._inbox_threads = Threads(_INBOX_THREADS)
        self._bot = Bot(
            service,
            inbox,
            workspace,
            question_threads=threads,
            inbox_threads=self._inbox_threads,
            base_url=settings.address,
        )
        self._incoming = Incoming()
        self._worker = Worker(
            inbox,
            self._inbox_threads,
            self._bot.do,
            width=2 * settings.threads,
            incoming=self._incoming,
        )
        self._identity = Identity(inbox.database, workspace, self._inbox_threads)
        self._receiver = Receiver(inbox)
        self._shows: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work until the block ends, and then close the inbox."""
        tasks = [
            asyncio.create_task(self._worker.run()),
            asyncio.create_task(self._identity.confirm()),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._inbox.close()

    async def receive(self, payload: Mapping[str, Any]) -> Acknowledgement:  # JSON
        """Receive a payload; what there is to do about it is on disk when this returns."""
        try:
            with self._incoming.one():
                bot = await self._identity.of(payload)
                receipt = await self._inbox_threads.read(self._receiver.receive, bot, payload)
        except PayloadError as exc:
            return Acknowledgement(HTTPStatus.BAD_REQUEST, error=str(exc))
        except ForeignTeamError:
            error = "the bot token belongs to another workspace"
            return Acknowledgement(HTTPStatus.FORBIDDEN, error=error)
        except StoreError as exc:  # Slack will send it again
            log.warning("a payload was not accepted: %s", exc)
            return Acknowledgement(HTTPStatus.SERVICE_UNAVAILABLE, error=str(exc))
        if receipt.has_work:
            self._worker.wake()
        if receipt.show:
            task = asyncio.create_task(self._bot.show(receipt.show))
            self._shows.add(task)
            task.add_done_callback(self._shows.discard)
        return Acknowledgement(body=receipt.body)


def open_slack_app(service: AnswerService, settings: Settings, threads: Threads) -> SlackApp:
    """The bot that the settings describe.

    :raises SettingsError: there is no bot token
    :raises StoreError: another process answers Slack from the same data folder
    """
    token = settings.slack_bot_token
    if token is None:
        raise SettingsError("QUOTH_SLACK_BOT_TOKEN is not set; docs/slack.md says where to find it")
    workspace = Workspace(token.get_secret_value(), settings.slack_api_url)
    inbox = Inbox(settings.data_dir)
    return SlackApp(service, inbox, workspace, settings=settings, threads=threads)
