"""Slack's Web API, as far as the bot uses it, and its errors by what to do about them."""

import hashlib
import ipaddress
import logging
import urllib.request
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError, ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from service.slack.blocks import Block, Post
from service.slack.event import Me

_TIMEOUT_S = 10
_OK = 200
_TOO_MANY = 429
_SERVER_ERROR = 500
_DEFAULT_WAIT_S = 30.0
_MAX_WAIT_S = 3_600.0
_SEARCHED = 15
"""Messages of a thread that are looked through; Slack gives some apps no more."""
_PASSING = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
_TO_MEND = {
    *(
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "missing_scope",
    ),
    *("no_permission", "org_login_required", "team_access_not_granted", "ekm_access_denied"),
}
_HOOK = "the address for responses"

# The libraries' own messages may hold what was said, and at DEBUG addresses that are secrets.
sdk_log = logging.getLogger("quoth.slack.sdk")
sdk_log.setLevel(logging.WARNING)


class SlackError(Exception):
    """Slack did not do what it was asked to."""


class LaterError(SlackError):
    """Slack cannot now, or could not be reached: try again.

    :param wait_s: how long Slack asks everybody to wait, None where it does not say
    :param unsure: it may have been done all the same
    """

    def __init__(self, reason: str, *, wait_s: float | None = None, unsure: bool = False) -> None:
        super().__init__(reason)
        self.wait_s = wait_s
        self.unsure = unsure


class RefusedError(SlackError):
    """Slack will not do this, however often it is asked.

    :param code: Slack's name of the error
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Permit:
    """What a token is good for.

    :param scopes: None where Slack does not say
    """

    me: Me
    team_name: str
    scopes: frozenset[str] | None


class Workspace:
    """One workspace, through the bot's token."""

    def __init__(self, token: str, url: str) -> None:
        self._client = _client(token, url)
        self.anonymous = _client(None, url)
        """The same Slack without a token."""
        self.fingerprint = hashlib.sha256(token.encode()).hexdigest()[:16]
        """What the token is told apart by where it may not be kept."""

    async def permit(self) -> Permit:
        """Whom the token belongs to, and what it may do.

        :raises SlackError: Slack does not say
        """
        found = await _done("auth.test", self._client.auth_test())
        team, user = found.get("team_id"), found.get("user_id")
        if not team or not user:
            raise LaterError("auth.test: there is no team_id or user_id in the answer")
        scopes = found.headers.get("x-oauth-scopes") or found.headers.get("X-OAuth-Scopes")
        granted = frozenset(scope.strip() for scope in scopes.split(",")) if scopes else None
        return Permit(Me(str(team), str(user)), str(found.get("team", "")), granted)

    async def open_socket(self, app_token: str) -> None:
        """Ask for a Socket Mode address, and for nothing more than whether there is one.

        :raises SlackError: there is none
        """
        await _done(
            "apps.connections.open", self.anonymous.apps_connections_open(app_token=app_token)
        )

    async def post(self, channel: str, post: Post, thread_ts: str | None = None) -> str:
        """Say something; the time stamp that names the message.

        :raises SlackError: it was not said
        """
        call = self._client.chat_postMessage(
            channel=channel,
            thread_ts=thread_ts,
            text=post.text,
            blocks=post.blocks,
            unfurl_links=False,
            unfurl_media=False,
            link_names=False,
            parse="none",
        )
        return str((await _done("chat.postMessage", call)).get("ts", ""))

    async def whisper(self, channel: str, user: str, post: Post) -> None:
        """Say something in a channel that only one person sees.

        :raises SlackError: it was not said
        """
        call = self._client.chat_postEphemeral(
            channel=channel,
            user=user,
            text=post.text,
            blocks=post.blocks,
            link_names=False,
            parse="none",
        )
        await _done("chat.postEphemeral", call)

    async def update(self, channel: str, ts: str, post: Post) -> None:
        """Put something in place of what was said.

        :raises SlackError: it stays as it was
        """
        call = self._client.chat_update(
            channel=channel,
            ts=ts,
            text=post.text,
            blocks=post.blocks,
            link_names=False,
            parse="none",
        )
        await _done("chat.update", call)

    async def delete(self, channel: str, ts: str) -> None:
        """Take something back that was said.

        :raises SlackError: it is still there
        """
        await _done("chat.delete", self._client.chat_delete(channel=channel, ts=ts))

    async def find(self, channel: str, root: str, after: str, name: str) -> str | None:
        """The time stamp of the message in a thread whose first block has a name, None where there
        is none.

        :raises SlackError: Slack does not say
        """
        call = self._client.conversations_replies(
            channel=channel, ts=root, oldest=after, limit=_SEARCHED
        )
        messages: list[dict[str, Any]] = (await _done("conversations.replies", call)).get(
            "messages", []
        )  # JSON
        for message in messages:
            if any(block.get("block_id") == name for block in message.get("blocks", [])):
                return str(message["ts"])
        return None

    async def open_view(self, trigger: str, view: Block) -> None:
        """Show a modal to whoever pressed a button within the last three seconds.

        :raises SlackError: it is not shown
        """
        await _done("views.open", self._client.views_open(trigger_id=trigger, view=view))

    async def respond(self, url: str, post: Post) -> None:
        """Say something that only the person who called a command, or pressed a button, sees.

        :param url: the address that came with the call
        :raises SlackError: it was not said
        """
        if urlsplit(url).scheme not in ("http", "https"):
            raise RefusedError("there is no address for responses")
        hook = AsyncWebhookClient(url, timeout=_TIMEOUT_S, logger=sdk_log, retry_handlers=[])
        hook.proxy = hook.proxy if _goes_through_a_proxy(url) else None
        body = {**_said(post), "response_type": "ephemeral", "replace_original": False}
        try:
            found = await hook.send_dict(body)
        except (ClientError, SlackClientError, TimeoutError, OSError, ValueError) as exc:
            raise LaterError(f"{_HOOK}: {type(exc).__name__}") from exc
        if found.status_code != _OK:
            raise _fault(found.status_code, found.headers, str(found.body)[:40] or "refused", _HOOK)


async def _done(method: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    try:
        return await call
    except SlackApiError as exc:
        raise _translated(method, exc) from exc
    except ClientConnectorError as exc:
        raise LaterError(f"{method}: {type(exc).__name__}") from exc
    # AttributeError: the library takes a text for an object where Slack's answer is neither JSON
    # nor an error.
    except (
        ClientError,
        SlackClientError,
        TimeoutError,
        OSError,
        ValueError,
        AttributeError,
    ) as exc:
        raise LaterError(f"{method}: {type(exc).__name__}", unsure=True) from exc


def _client(token: str | None, url: str) -> AsyncWebClient:
    client = AsyncWebClient(token, url, timeout=_TIMEOUT_S, logger=sdk_log, retry_handlers=[])
    client.proxy = client.proxy if _goes_through_a_proxy(url) else None
    return client


def _goes_through_a_proxy(url: str) -> bool:
    """Whether an address is reached through the environment's proxy, where it names one.

    The library heeds HTTPS_PROXY and its like, and not NO_PROXY, nor that this machine needs none.
    """
    host = urlsplit(url).hostname or ""
    try:
        here = ipaddress.ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost"
    return not here and not urllib.request.proxy_bypass(host)


def _said(post: Post) -> dict[str, object]:
    return {"text": post.text, "blocks": list(post.blocks)}


def _translated(method: str, exc: SlackApiError) -> SlackError:
    response = exc.response
    if not isinstance(response, AsyncSlackResponse):
        return LaterError(f"{method}: Slack's answer is no JSON", unsure=True)
    data = response.data if isinstance(response.data, dict) else {}
    return _fault(response.status_code, response.headers, str(data.get("error", "")), method)


def _fault(status: int, headers: Mapping[str, Any], code: str, method: str) -> SlackError:
    if status == _TOO_MANY or code in ("ratelimited", "rate_limited"):
        return LaterError(f"{method}: too many calls", wait_s=_wait_s(headers))
    if status >= _SERVER_ERROR or code in _PASSING or not code:
        return LaterError(f"{method}: {code or status}", unsure=True)
    return LaterError(f"{method}: {code}") if code in _TO_MEND else RefusedError(code)


def _wait_s(headers: Mapping[str, Any]) -> float:
    named = {str(name).lower(): value for name, value in headers.items()}
    value = named.get("retry-after", "")
    try:
        wait_s = float(value[0] if isinstance(value, list) and value else value)
    except (TypeError, ValueError):
        return _DEFAULT_WAIT_S
    return min(wait_s, _MAX_WAIT_S) if wait_s >= 0 else _DEFAULT_WAIT_S
