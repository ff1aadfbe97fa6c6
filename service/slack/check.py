"""What is missing before the bot can work: a setting, a token that Slack takes, a scope."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.settings import Settings
from service.slack.web import SlackError, Workspace

SCOPES = {
    "app_mentions:read": "to be told when somebody mentions the bot",
    "channels:history": "to be told of messages in public channels it is a member of: "
    "follow-ups, edits, auto-answers",
    "groups:history": "the same in private channels",
    "im:history": "to be told of direct messages to it",
    "mpim:history": "the same as in channels, in group messages",
    "chat:write": "to answer, edit its answers and take them back",
    "commands": "for /ask and /quoth",
}
"""The scopes that the bot needs, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    :param fault: it keeps the bot from working
    """

    text: str
    fault: bool = False


async def check(settings: Settings) -> list[Finding]:
    """What is there and what is missing, token by token. Nothing of a token is in it."""
    tokens = [*await _bot_token(settings), *_signing_secret(settings), *await _app_token(settings)]
    return [*tokens, *_way_in(settings), *_address(settings)]


async def _bot_token(settings: Settings) -> list[Finding]:
    token = settings.slack_bot_token
    if token is None:
        return [
            Finding(
                "QUOTH_SLACK_BOT_TOKEN is missing: OAuth & Permissions, Bot User OAuth Token",
                fault=True,
            )
        ]
    if not token.get_secret_value().startswith("xoxb-"):
        return [
            Finding(
                "QUOTH_SLACK_BOT_TOKEN is no bot token; a bot token begins with xoxb-", fault=True
            )
        ]
    try:
        permit = await Workspace(token.get_secret_value(), settings.slack_api_url).permit()
    except SlackError as exc:
        return [Finding(f"QUOTH_SLACK_BOT_TOKEN: Slack does not take it ({exc})", fault=True)]
    who = Finding(
        f"QUOTH_SLACK_BOT_TOKEN: bot user {permit.me.user} in workspace "
        f"{permit.team_name or permit.me.team}"
    )
    return [who, *_scopes(permit.scopes)]


def _scopes(granted: frozenset[str] | None) -> Iterator[Finding]:
    if granted is None:
        yield Finding("scopes: Slack does not say which the bot token has")
        return
    missing = [scope for scope in SCOPES if scope not in granted]
    for scope in missing:
        yield Finding(
            f"scope {scope} is missing: {SCOPES[scope]}; add it and install the app again",
            fault=True,
        )
    if not missing:
        yield Finding(f"scopes: all {len(SCOPES)} are there")


def _signing_secret(settings: Settings) -> Iterator[Finding]:
    secret = settings.slack_signing_secret
    if secret is None:
        yield Finding("QUOTH_SLACK_SIGNING_SECRET is missing: over HTTP, /slack/events answers 503")
    elif not re.fullmatch(r"[0-9a-f]{32}", secret.get_secret_value()):
        yield Finding(
            "QUOTH_SLACK_SIGNING_SECRET does not look like one: 32 digits of 0-9 and a-f",
            fault=True,
        )
    else:
        yield Finding(
            "QUOTH_SLACK_SIGNING_SECRET is set; whether it is the right one shows with the "
            "first request"
        )


async def _app_token(settings: Settings) -> list[Finding]:
    token = settings.slack_app_token
    if token is None:
        return [Finding("QUOTH_SLACK_APP_TOKEN is missing: no Socket Mode")]
    if not token.get_secret_value().startswith("xapp-"):
        return [
            Finding(
                "QUOTH_SLACK_APP_TOKEN is no app-level token; such a token begins with xapp-",
                fault=True,
            )
        ]
    try:
        await Workspace("", settings.slack_api_url).open_socket(token.get_secret_value())
    except SlackError as exc:
        return [
            Finding(
                f"QUOTH_SLACK_APP_TOKEN: Slack opens no socket ({exc}); it needs connections:write",
                fault=True,
            )
        ]
    return [Finding("QUOTH_SLACK_APP_TOKEN: Slack opens a socket for it")]


def _way_in(settings: Settings) -> Iterator[Finding]:
    if settings.slack_signing_secret is None and settings.slack_app_token is None:
        yield Finding(
            "there is no way in: set QUOTH_SLACK_SIGNING_SECRET (HTTP) or "
            "QUOTH_SLACK_APP_TOKEN (Socket Mode)",
            fault=True,
        )


def _address(settings: Settings) -> Iterator[Finding]:
    if settings.public_url is None:
        yield Finding(
            f"QUOTH_PUBLIC_URL is missing: links lead to {settings.address}, which others may "
            "not reach"
        )
    else:
        yield Finding(f"QUOTH_PUBLIC_URL: links lead to {settings.address}")
