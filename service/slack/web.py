"""Slack's Web API, as far as the bot uses it."""

import hashlib
import ipaddress
import logging
import urllib.request
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import ClientConnectorError, ClientError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

from service.slack.block_kit import Block, Post
from service.slack.errors import RefusedError, RetryableError, SlackError, error_of
from service.slack.event import BotIdentity

_TIMEOUT_S = 10
_MAX_REPLIES = 15
"""How many messages of a thread are searched; Slack gives some apps no more in one call."""
_RESPONSE_URL = "response_url"

# At WARNING and above only: below, slack_sdk logs what was posted, and addresses that are secrets.
sdk_log = logging.getLogger("quoth.slack.sdk")
sdk_log.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """Whom a token belongs to.

    :param scopes: what it may do, None where Slack does not say
    """

    bot: BotIdentity
    team_name: str
    scopes: frozenset[str] | None


class Workspace:
    """One workspace, through the bot's token. Runs in one event loop."""

    def __init__(self, token: str, api_url: str) -> None:
        self._client = web_client(token, api_url)
        self._api_url = api_url
        self.fingerprint = hashlib.sha256(token.encode()).hexdigest()[:16]
        """Identifies the token where the token itself must not be stored."""

    async def token_info(self) -> TokenInfo:
        """Whom the token belongs to, and what it may do.

        :raises SlackError: Slack does not say
        """
        response = await _call("auth.test", self._client.auth_test())
        team, user = response.get("team_id"), response.get("user_id")
        if not team or not user:
            raise RetryableError("auth.test: the response has no team_id or user_id")
        headers = response.headers
        scopes = headers.get("x-oauth-scopes") or headers.get("X-OAuth-Scopes")
        return TokenInfo(
            bot=BotIdentity(str(team), str(user)),
            team_name=str(response.get("team", "")),
            scopes=frozenset(map(str.strip, scopes.split(","))) if scopes else None,
        )

    async def check_app_token(self, app_token: str) -> None:
        """Ask for a Socket Mode address, to see whether the token may have one.

        :raises SlackError: it may not
        """
        client = web_client(None, self._api_url)
        call = client.apps_connections_open(app_token=app_token)
        await _call("apps.connections.open", call)

    async def post(self, channel: str, post: Post, thread_ts: str | None = None) -> str:
        """Post a message.

        :return: its time stamp, which identifies it within the channel
        :raises SlackError: it was not posted
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
        return str((await _call("chat.postMessage", call)).get("ts", ""))

    async def post_ephemeral(self, channel: str, user: str, post: Post) -> None:
        """Post a message in a channel that only one person sees.

        :raises SlackError: it was not posted
        """
        call = self._client.chat_postEphemeral(
            channel=channel,
            user=user,
            text=post.text,
            blocks=post.blocks,
            link_names=False,
            parse="none",
        )
        await _call("chat.postEphemeral", call)

    async def update(self, channel: str, ts: str, post: Post) -> None:
        """Replace a message.

        :raises SlackError: it is unchanged
        """
        call = self._client.chat_update(
            channel=channel,
            ts=ts,
            text=post.text,
            blocks=post.blocks,
            link_names=False,
            parse="none",
        )
        await _call("chat.update", call)

    async def delete(self, channel: str, ts: str) -> None:
        """Delete a message.

        :raises SlackError: it is still there
        """
        await _call("chat.delete", self._client.chat_delete(channel=channel, ts=ts))

    async def find(self, channel: str, root: str, after: str, block_id: str) -> str | None:
        """The time stamp of a message in a thread, None where there is no such message.

        :param after: the time stamp before the first message to look at
        :param block_id: of one of the message's blocks
        :raises SlackError: Slack does not say
        """
        call = self._client.conversations_replies(
            channel=channel, ts=root, oldest=after, limit=_MAX_REPLIES
        )
        response = await _call("conversations.replies", call)
        messages: list[dict[str, Any]] = response.get("messages", [])  # JSON
        for message in messages:
            if any(block.get("block_id") == block_id for block in message.get("blocks", [])):
                return str(message["ts"])
        return None

    async def open_view(self, trigger: str, view: Block) -> None:
        """Show a modal to whoever pressed a button within the last three seconds.

        :raises SlackError: it is not shown
        """
        await _call("views.open", self._client.views_open(trigger_id=trigger, view=view))

    async def respond(self, response_url: str, post: Post) -> None:
        """Reply to a slash command or a pressed button; only that person sees the reply.

        :param response_url: the address that came with the command or the button
        :raises SlackError: the reply was not shown
        """
        if urlsplit(response_url).scheme not in ("http", "https"):
            raise RefusedError("there is no response_url")
        webhook = AsyncWebhookClient(
            response_url, timeout=_TIMEOUT_S, logger=sdk_log, retry_handlers=[]
        )
        webhook.proxy = webhook.proxy if _uses_proxy(response_url) else None
        body = {
            "text": post.text,
            "blocks": list(post.blocks),
            "response_type": "ephemeral",
            "replace_original": False,
        }
        try:
            response = await webhook.send_dict(body)
        except (ClientError, SlackClientError, TimeoutError, OSError, ValueError) as exc:
            raise RetryableError(f"{_RESPONSE_URL}: {type(exc).__name__}") from exc
        if response.status_code != HTTPStatus.OK:
            code = str(response.body)[:40] or "refused"
            raise error_of(response.status_code, response.headers, code, _RESPONSE_URL)


def web_client(token: str | None, api_url: str) -> AsyncWebClient:
    """A client of Slack's Web API that leaves every retry to its caller."""
    client = AsyncWebClient(token, api_url, timeout=_TIMEOUT_S, logger=sdk_log, retry_handlers=[])
    client.proxy = client.proxy if _uses_proxy(api_url) else None
    return client


async def _call(method: str, call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    try:
        return await call
    except SlackApiError as exc:
        raise _translated(method, exc) from exc
    except ClientConnectorError as exc:
        raise RetryableError(f"{method}: {type(exc).__name__}") from exc
    except (
        ClientError,
        SlackClientError,
        TimeoutError,
        OSError,
        ValueError,
        AttributeError,  # slack_sdk raises it where the response is neither JSON nor an error
    ) as exc:
        raise RetryableError(f"{method}: {type(exc).__name__}", unconfirmed=True) from exc


def _translated(method: str, exc: SlackApiError) -> SlackError:
    response = exc.response
    if not isinstance(response, AsyncSlackResponse):
        return RetryableError(f"{method}: the response is not JSON", unconfirmed=True)
    data = response.data if isinstance(response.data, dict) else {}
    return error_of(response.status_code, response.headers, str(data.get("error", "")), method)


def _uses_proxy(url: str) -> bool:
    """Whether an address is reached through the proxy that the environment names, if any.

    slack_sdk reads HTTPS_PROXY and the like, but neither NO_PROXY nor whether the address is on
    this machine.
    """
    host = urlsplit(url).hostname or ""
    try:
        is_local = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_local = host == "localhost"
    return not is_local and not urllib.request.proxy_bypass(host)
