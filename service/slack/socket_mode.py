"""Slack over Socket Mode: a connection that Quoth opens, for machines that Slack cannot reach."""

import asyncio
import logging
import signal
from contextlib import suppress
from http import HTTPStatus

from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from corpus.errors import SettingsError
from service.answering.service import AnswerService
from service.http.threads import Threads
from service.settings import Settings
from service.slack.app import SlackApp, open_slack_app
from service.slack.web import sdk_log, web_client

_PING_INTERVAL_S = 10

log = logging.getLogger("quoth.slack")


async def serve_socket(service: AnswerService, settings: Settings) -> None:
    """Answer Slack over Socket Mode until the process is told to stop.

    :raises SettingsError: a token is missing
    :raises StoreError: another process answers Slack from the same data folder
    """
    app_token = settings.slack_app_token
    if app_token is None:
        raise SettingsError("QUOTH_SLACK_APP_TOKEN is not set; docs/slack.md says where to find it")
    app = open_slack_app(service, settings, Threads(settings.threads))
    async with app.running():
        listening = asyncio.create_task(
            listen(app, app_token.get_secret_value(), settings.slack_api_url)
        )
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, listening.cancel)
        with suppress(asyncio.CancelledError):
            await listening


async def listen(app: SlackApp, app_token: str, api_url: str) -> None:
    """Pass on what arrives over Socket Mode until cancelled, connecting again where a connection
    breaks.
    """
    web = web_client(None, api_url)
    client = SocketModeClient(
        app_token, logger=sdk_log, web_client=web, ping_interval=_PING_INTERVAL_S
    )
    client.proxy = (
        web.proxy
    )  # without this, it takes the environment's proxy even where none is used

    async def receive(connection: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        acknowledgement = await app.receive(request.payload)
        if acknowledgement.status != HTTPStatus.OK:  # not acknowledged, Slack sends it again
            log.info("a payload was not accepted: %s", acknowledgement.error)
            return
        body = None if acknowledgement.body is None else dict(acknowledgement.body)
        await connection.send_socket_mode_response(SocketModeResponse(request.envelope_id, body))

    client.socket_mode_request_listeners.append(receive)
    try:
        # It tries until it is connected.
        await client.connect()  # type: ignore[no-untyped-call]  # the library has no types here
        await asyncio.Event().wait()
    finally:
        await client.close()  # type: ignore[no-untyped-call]  # the library has no types here
