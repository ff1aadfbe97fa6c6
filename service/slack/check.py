"""Checks what the bot needs before it can work: settings, tokens that Slack accepts, and scopes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.settings import Settings
from service.slack.errors import SlackError
from service.slack.web import Workspace

_SECRET_FORM = re.compile(r"[0-9a-f]{32}")
SCOPES = {
    "app_mentions:read": "to see messages that mention the bot",
    "channels:history": "to see messages in public channels that it is a member of: follow-ups, "
    "edits, auto-answers",
    "groups:history": "the same in private channels",
    "im:history": "to see direct messages to it",
    "mpim:history": "the same in group direct messages",
    "chat:write": "to answer, and to edit and delete its answers",
    "commands": "for /ask and /quoth",
}
"""The scopes that the bot needs, and why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked.

    :param fault: the bot cannot work until it is fixed
    """

    text: str
    fault: bool = False


async def check_setup(settings: Settings) -> list[Finding]:
    """What is there and what is missing. No finding contains any part of a token."""
    findings = [*await _check_bot_token(settings), _check_signing_secret(settings)]
    findings.append(await _check_app_token(settings))
    if settings.slack_signing_secret is None and settings.slack_app_token is None:
        text = (
            "Slack has no way to reach Quoth: set QUOTH_SLACK_SIGNING_SECRET (HTTP) or "
            "QUOTH_SLACK_APP_TOKEN (Socket Mode)"
        )
        findings.append(Finding(text, fault=True))
    if settings.public_url is None:
        text = (
            f"QUOTH_PUBLIC_URL is not set: links lead to {settings.address}, which other people "
            "may not reach"
        )
        if settings.slack_signing_secret is not None:
            text += ", and what Slack sends to any other host name gets status 421"
    else:
        text = f"QUOTH_PUBLIC_URL: links lead to {settings.address}"
    return [*findings, Finding(text)]


async def _check_bot_token(settings: Settings) -> list[Finding]:
    token = settings.slack_bot_token
    if token is None:
        text = (
            "QUOTH_SLACK_BOT_TOKEN is missing: copy it from OAuth & Permissions, Bot User OAuth "
            "Token"
        )
        return [Finding(text, fault=True)]
    if not token.get_secret_value().startswith("xoxb-"):
        text = "QUOTH_SLACK_BOT_TOKEN is not a bot token: bot tokens begin with xoxb-"
        return [Finding(text, fault=True)]
    try:
        info = await Workspace(token.get_secret_value(), settings.slack_api_url).token_info()
    except SlackError as exc:
        return [Finding(f"QUOTH_SLACK_BOT_TOKEN: Slack does not accept it ({exc})", fault=True)]
    team = info.team_name or info.bot.team
    found = Finding(f"QUOTH_SLACK_BOT_TOKEN: bot user {info.bot.user} in workspace {team}")
    return [found, *_check_scopes(info.scopes)]


def _check_scopes(granted: frozenset[str] | None) -> Iterator[Finding]:
    if granted is None:
        yield Finding("scopes: Slack does not say which scopes the bot token has")
        return
    missing = [scope for scope in SCOPES if scope not in granted]
    for scope in missing:
        yield Finding(
            f"scope {scope} is missing ({SCOPES[scope]}): add it and install the app again",
            fault=True,
        )
    if not missing:
        yield Finding(f"scopes: the bot token has all {len(SCOPES)}")


def _check_signing_secret(settings: Settings) -> Finding:
    secret = settings.slack_signing_secret
    if secret is None:
        return Finding(
            "QUOTH_SLACK_SIGNING_SECRET is not set: over HTTP, /slack/events answers 503"
        )
    if not _SECRET_FORM.fullmatch(secret.get_secret_value()):
        text = (
            "QUOTH_SLACK_SIGNING_SECRET does not look like a signing secret: 32 characters, each "
            "0-9 or a-f"
        )
        return Finding(text, fault=True)
    return Finding(
        "QUOTH_SLACK_SIGNING_SECRET is set; the first request will show whether it is the right one"
    )


async def _check_app_token(settings: Settings) -> Finding:
    token = settings.slack_app_token
    if token is None:
        return Finding("QUOTH_SLACK_APP_TOKEN is not set: no Socket Mode")
    if not token.get_secret_value().startswith("xapp-"):
        text = "QUOTH_SLACK_APP_TOKEN is not an app-level token: these begin with xapp-"
        return Finding(text, fault=True)
    try:
        await Workspace("", settings.slack_api_url).check_app_token(token.get_secret_value())
    except SlackError as exc:
        text = (
            f"QUOTH_SLACK_APP_TOKEN: Slack does not open a connection for it ({exc}); it needs the "
            "scope connections:write"
        )
        return Finding(text, fault=True)
    return Finding("QUOTH_SLACK_APP_TOKEN: Slack opens a connection for it")
