"""Runs the real service against a local stand-in for Slack, and restarts it where a test asks."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from corpus.limits import DEFAULT_LIMITS
from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.http.app import create_app
from service.reader.passage import PassageReader
from service.settings import Settings, load_settings
from tests.loopback import (
    SECRET,
    TOKEN,
    BotMessage,
    Json,
    LoopbackSlack,
    command,
    deliver,
    envelope,
    until,
)

OTTER = (
    "The Otter Bridge was opened on 4 May 1931. It is 212 metres long and crosses the river Elm. "
    "Its architect was Ada Fenwick. Repairs in 2019 cost 3.4 million euros."
)
QUESTION = "How long is the Otter Bridge?"


class AppLifespan:
    """The lifespan of an app. Its start and its end run in one task, as under a server."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._started, self._ending = asyncio.Event(), asyncio.Event()

    async def begin(self) -> None:
        """Start the app."""
        self._task = asyncio.create_task(self._live())
        started = asyncio.create_task(self._started.wait())
        await asyncio.wait([self._task, started], return_when=asyncio.FIRST_COMPLETED)
        started.cancel()
        if self._task.done():
            await self._task

    async def end(self) -> None:
        """Stop the app, and wait until it has stopped."""
        self._ending.set()
        await self._task

    async def _live(self) -> None:
        async with self._app.router.lifespan_context(self._app):
            self._started.set()
            await self._ending.wait()


class BotHarness:
    """The service, with a workspace of the stand-in that its bot is in."""

    def __init__(
        self, folder: Path, encoder: Encoder, passages: PassageReader, runner: asyncio.Runner
    ) -> None:
        self.folder, self.encoder, self.passages, self.runner = folder, encoder, passages, runner
        self.slack = LoopbackSlack()
        self.url = runner.run(self.slack.start())
        self.given: dict[str, Any] = {}
        self.service: AnswerService | None = None
        self._living: AppLifespan | None = None

    def enter(self) -> None:
        """Start the service."""
        self.service = AnswerService(self.folder, self.encoder, self.passages, writable=True)
        self.app = create_app(self.service, self.settings(), ParserPool(0, DEFAULT_LIMITS))
        self._living = AppLifespan(self.app)
        self.runner.run(self._living.begin())

    def leave(self) -> None:
        """Stop the service, as an interrupt does."""
        if self._living is not None:
            self.runner.run(self._living.end())
            self._living = None
        if self.service is not None:
            self.service.__exit__(None, None, None)
            self.service = None

    def settings(self) -> Settings:
        tokens = {
            "slack_bot_token": TOKEN,
            "slack_signing_secret": SECRET,
            "slack_api_url": self.url,
        }
        given = {**tokens, "public_url": "https://quoth.test", **self.given}
        return load_settings(data_dir=self.folder, threads=2, **given)

    def send(self, *payloads: Json, **headers: str) -> list[httpx.Response]:
        """Send payloads one after the other. Returns the response to each."""
        return self.runner.run(self._send(payloads, headers))

    async def _send(
        self, payloads: tuple[Json, ...], headers: dict[str, str]
    ) -> list[httpx.Response]:
        async with client_of(self.app) as client:
            return [await deliver(client, payload, **headers) for payload in payloads]

    def post(self, body: bytes, headers: dict[str, str] | dict[bytes, bytes]) -> httpx.Response:
        """Send a request with these headers. Returns the response."""

        async def posting() -> httpx.Response:
            async with client_of(self.app) as client:
                return await client.post("/slack/events", content=body, headers=headers)

        return self.runner.run(posting())

    def deliver_events(self, *events: Json) -> None:
        """Deliver events, and wait until all accepted work is done."""
        assert [answer.status_code for answer in self.send(*map(envelope, events))] == [200] * len(
            events
        )
        self.settle()

    def settle(self) -> None:
        """Wait until all accepted work is done."""
        self.until(lambda: self.waiting() == 0)

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds."""
        self.runner.run(until(holds))

    def waiting(self) -> int:
        """How many items of work are not done."""
        connection = sqlite3.connect(self.folder / "slack.db")
        (found,) = connection.execute("SELECT count(*) FROM work WHERE outcome IS NULL").fetchone()
        connection.close()
        return int(found)

    def answer_always(self, *channels: str) -> None:
        """Let the bot answer in channels at any confidence: the toy reader is not calibrated."""
        for channel in channels:
            (answer,) = self.send(
                command("/quoth", "threshold 0", self.slack.hook, channel_id=channel)
            )
            assert "confidence of 0" in answer.json()["text"]

    def only_message(self) -> BotMessage:
        """The bot's only message."""
        (said,) = self.slack.present_messages()
        return said

    def answer_id(self) -> str:
        """The value of the buttons of the bot's only message."""
        return answer_id_of(self.only_message().blocks)


def answer_id_of(blocks: list[Json]) -> str:
    """The value of a message's buttons."""
    (actions,) = [block for block in blocks if block["type"] == "actions"]
    return str(actions["elements"][0]["value"])


def client_of(app: FastAPI) -> httpx.AsyncClient:
    """A client of an app that runs in this process."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
