"""Slack over HTTP: signed requests to ``/slack/events``, which carry events, commands and pressed
buttons alike.
"""

import hashlib
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from corpus.errors import SettingsError, StoreError
from service.answering.service import AnswerService
from service.http.dependencies import Dependencies
from service.http.problems import problem
from service.http.threads import Threads
from service.settings import Settings

if TYPE_CHECKING:
    from service.slack.app import SlackApp

MAX_CLOCK_DIFFERENCE_S = 300

log = logging.getLogger("quoth.slack")


def router(deps: Dependencies) -> APIRouter:
    """Slack's way in; its bot works while the service runs, where Slack's settings are there."""
    door = _Door(deps.service, deps.settings, deps.threads)
    routes = APIRouter(lifespan=door.open)
    routes.add_api_route("/slack/events", door.take, methods=["POST"], include_in_schema=False)
    return routes


class _Door:
    def __init__(self, service: AnswerService, settings: Settings, threads: Threads) -> None:
        self._desk = service
        self._settings = settings
        self._threads = threads
        secret = settings.slack_signing_secret
        self._secret = secret.get_secret_value() if secret else None
        self._app: SlackApp | None = None
        self._closed = "the service is starting or ending"

    @asynccontextmanager
    async def open(self, _app: object) -> AsyncIterator[None]:
        """Answer Slack meanwhile, what was taken before a restart first."""
        if self._secret is None:
            yield
            return
        from service.slack.app import opened  # loads what only Slack needs

        try:
            slack = opened(self._desk, self._settings, self._threads)
        except (SettingsError, StoreError) as exc:  # everything else is served all the same
            log.error("Slack is not answered: %s", exc)
            self._closed = str(exc)
            yield
            return
        async with slack.running():
            self._app = slack
            yield
            self._app = None

    async def take(self, request: Request) -> Response:
        """Take what Slack sends, once its signature is checked."""
        if self._secret is None:
            return _closed("Slack is not answered here: set QUOTH_SLACK_SIGNING_SECRET")
        body = await request.body()
        timestamp = request.headers.get("x-slack-request-timestamp", "")
        if not signature_is_valid(
            self._secret, timestamp, request.headers.get("x-slack-signature", ""), body
        ):
            detail = "the signature is missing, wrong or older than five minutes"
            return problem(HTTPStatus.UNAUTHORIZED, detail, slug="slack-signature")
        try:
            payload = parse_body(body, request.headers.get("content-type", ""))
        except (ValueError, RecursionError) as exc:
            return problem(
                HTTPStatus.BAD_REQUEST,
                f"the body is not what Slack sends: {exc}",
                slug="slack-body",
            )
        return await self._answered(payload)

    async def _answered(self, payload: Mapping[str, Any]) -> Response:  # JSON
        if payload.get("type") == "url_verification":  # asked before there is a bot token
            return JSONResponse({"challenge": payload.get("challenge")})
        if self._app is None:
            return _closed(self._closed)
        answer = await self._app.take(payload)
        if answer.status != HTTPStatus.OK:
            return problem(answer.status, answer.body, slug="slack")
        return Response(answer.body, media_type="application/json" if answer.body else None)


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What Slack signs a body with.

    As https://docs.slack.dev/authentication/verifying-requests-from-slack describes it.
    """
    made = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={made.hexdigest()}"


def signature_is_valid(
    secret: str, timestamp: str, given: str, body: bytes, now: float | None = None
) -> bool:
    """Whether Slack signed this body with the secret, within the last five minutes.

    slack_sdk's own check fails with an exception, so with status 500, where a header is not what it
    expects.

    :param now: seconds since 1970
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs((time.time() if now is None else now) - int(timestamp)) > MAX_CLOCK_DIFFERENCE_S:
        return False
    return hmac.compare_digest(
        signature(secret, timestamp, body).encode(), given.encode("utf-8", "replace")
    )


def parse_body(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The payload of a request, however Slack wraps it.

    :raises ValueError: it is nothing that Slack sends
    """
    text = body.decode("utf-8")
    if content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded":
        form = dict(parse_qsl(text, keep_blank_values=True))
        if "command" in form or "ssl_check" in form:
            return form
        text = form.get("payload", "")
    payload = json.loads(text)
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise ValueError("it is no JSON object with a type")
    return payload


def _closed(why: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, why, slug="slack-closed")
