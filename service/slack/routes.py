"""Slack over HTTP: signed requests to ``/slack/events`` for events, commands and buttons alike."""

import json
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from corpus.errors import SettingsError, StoreError
from service.http.dependencies import Dependencies
from service.http.media import FORM, media_type
from service.http.problems import problem
from service.http.strict_json import parse_json

if TYPE_CHECKING:
    from service.slack.app import SlackApp
    from service.slack.signature import RequestVerifier

log = logging.getLogger("quoth.slack")


def router(deps: Dependencies) -> APIRouter:
    """The route that Slack calls. The bot runs as long as the app, if Slack is set up."""
    endpoint = _EventsEndpoint(deps)
    routes = APIRouter(lifespan=endpoint.running)
    routes.add_api_route("/slack/events", endpoint.post, methods=["POST"], include_in_schema=False)
    return routes


class _EventsEndpoint:
    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._verifier: RequestVerifier | None = None
        self._app: SlackApp | None = None
        self._unavailable = "the service is starting or stopping"

    @asynccontextmanager
    async def running(self, _app: object) -> AsyncIterator[None]:
        """Run the bot until the block ends."""
        secret = self._deps.settings.slack_signing_secret
        if secret is None or not secret.get_secret_value().strip():
            yield
            return
        # Imported here: a service without Slack does not load what only Slack needs.
        from service.slack.app import open_slack_app
        from service.slack.signature import RequestVerifier

        self._verifier = RequestVerifier(secret.get_secret_value())
        try:
            deps = self._deps
            slack = open_slack_app(deps.service, deps.settings, deps.threads)
        except (SettingsError, StoreError) as exc:  # the rest of the service runs without Slack
            log.error("not answering Slack: %s", exc)
            self._unavailable = str(exc)
            yield
            return
        async with slack.running():
            self._app = slack
            yield
            self._app = None

    async def post(self, request: Request) -> Response:
        """Receive what Slack sends. Nothing is parsed before the signature is verified."""
        if self._verifier is None:
            return _unavailable("Slack is not set up here: set QUOTH_SLACK_SIGNING_SECRET")
        body = await request.body()
        if not self._verifier.is_valid(body, request.headers):
            detail = "the signature is missing, wrong or older than five minutes"
            return problem(HTTPStatus.UNAUTHORIZED, detail, slug="slack-signature")
        try:
            payload = parse_body(body, request.headers.get("content-type", ""))
        except (ValueError, RecursionError) as exc:
            detail = f"the body is not what Slack sends: {exc}"
            return problem(HTTPStatus.BAD_REQUEST, detail, slug="slack-body")
        if payload.get("type") == "url_verification":  # Slack asks before there is a bot token
            return JSONResponse({"challenge": str(payload.get("challenge", ""))})
        if self._app is None:
            return _unavailable(self._unavailable)
        acknowledgement = await self._app.receive(payload)
        if acknowledgement.status != HTTPStatus.OK:
            return problem(acknowledgement.status, acknowledgement.error, slug="slack")
        if acknowledgement.body is None:
            return Response()
        return Response(json.dumps(acknowledgement.body), media_type="application/json")


def parse_body(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The payload of a request, whether it is JSON, a form, or JSON in a form.

    :raises ValueError: it is none of these, the JSON is not an object with a type, or a string in
        it cannot be stored
    """
    if media_type(content_type) == FORM:
        form = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True))
        if "command" in form or "ssl_check" in form:
            return form
        body = form.get("payload", "").encode()
    payload = parse_json(body)
    if not isinstance(payload, dict) or not isinstance(payload.get("type"), str):
        raise ValueError("it is not a JSON object with a type")
    # Slack never sends unpaired surrogates, and what they are passed on to does not expect them.
    json.dumps(payload, ensure_ascii=False).encode()
    return payload


def _unavailable(why: str) -> Response:
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, why, slug="slack-closed")
