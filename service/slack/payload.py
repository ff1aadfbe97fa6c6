"""Parses what Slack sends, and refuses what Slack would not send."""

import re
from collections.abc import Mapping
from typing import Any

from corpus.document import unencodable
from service.slack.event import (
    BotIdentity,
    ButtonPress,
    MessageChanged,
    MessageDeleted,
    OtherEvent,
    SlackEvent,
    SlackMessage,
    SlashCommand,
)

Payload = Mapping[str, Any]  # JSON

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_SLACKBOT = "USLACKBOT"


class PayloadError(Exception):
    """A payload is not of the form that Slack documents. HTTP answers 400, and nothing is kept."""


def teams_of(payload: Payload) -> tuple[str, ...]:
    """The workspaces in which the app is installed, empty where the payload does not say."""
    installed = tuple(str(one["team_id"]) for one in _authorizations(payload) if one.get("team_id"))
    if installed:
        return installed
    # In a channel that workspaces share, team_id is the workspace where it happened, and not
    # always the one with the app: it counts only where there are no authorizations.
    team = payload.get("team")
    team_id = payload.get("team_id") or (team.get("id") if isinstance(team, dict) else team)
    return (team_id,) if isinstance(team_id, str) else ()


def identity_of(payload: Payload) -> BotIdentity:
    """The bot that a payload is for, as far as the payload says."""
    users = (one.get("user_id") for one in _authorizations(payload) if one.get("is_bot"))
    return BotIdentity(next(iter(teams_of(payload)), ""), str(next(users, "") or ""))


def parse_event(payload: Payload) -> SlackEvent:
    """The event of an ``event_callback`` payload.

    :raises PayloadError: a required part is missing or of the wrong form
    """
    event = _object(payload, "event")
    kind = _text(event, "type")
    if kind not in ("message", "app_mention"):
        return OtherEvent(kind)
    if kind == "message" and event.get("subtype") == "message_changed":
        return _parse_changed(event)
    if kind == "message" and event.get("subtype") == "message_deleted":
        ts = _ts(event, "deleted_ts")
        thread_ts = _optional_ts(_optional_object(event, "previous_message"), "thread_ts")
        return MessageDeleted(_id(event, "channel"), ts, thread_ts or ts)
    message = _parse_message(event, event)
    return (
        MessageChanged(message, _edited_ts(event))
        if isinstance(event.get("edited"), dict)
        else message
    )


def parse_command(payload: Payload) -> SlashCommand:
    """The slash command of a payload.

    :raises PayloadError: as :func:`parse_event`
    """
    return SlashCommand(
        name=_text(payload, "command"),
        text=_text(payload, "text", ""),
        channel=_id(payload, "channel_id"),
        user=_id(payload, "user_id"),
        response_url=_text(payload, "response_url", ""),
        trigger=_text(payload, "trigger_id", ""),
    )


def parse_press(payload: Payload) -> ButtonPress:
    """The pressed button of a ``block_actions`` payload.

    :raises PayloadError: as :func:`parse_event`
    """
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise PayloadError("actions is missing or empty")
    message = _optional_object(payload, "message")
    container = _optional_object(payload, "container")
    channel = _optional_object(payload, "channel")
    # The container says where the button is; a payload without one has the message.
    location = {**message, "message_ts": message.get("ts"), **container}
    return ButtonPress(
        action=_text(actions[0], "action_id"),
        value=_text(actions[0], "value", ""),
        user=_id(_object(payload, "user"), "id"),
        channel=_id(channel, "id") if channel else _text(container, "channel_id", ""),
        message_ts=_optional_ts(location, "message_ts"),
        thread_ts=_optional_ts(location, "thread_ts"),
        pressed_ts=_text(actions[0], "action_ts", ""),
        response_url=_text(payload, "response_url", ""),
        trigger=_text(payload, "trigger_id", ""),
    )


def _parse_message(message: Payload, event: Payload) -> SlackMessage:
    """A message of an event; for an edit, the event wraps the message and has its channel."""
    user = _text(message, "user", "")
    subtype = _text(message, "subtype", "")
    channel = _id(event, "channel")
    return SlackMessage(
        channel=channel,
        ts=_ts(message, "ts"),
        user=user,
        text=_text(message, "text", ""),
        thread_ts=_optional_ts(message, "thread_ts"),
        # The ids of direct messages begin with D; app_mention events have no channel_type.
        is_direct=event.get("channel_type") in ("im", "app_home") or channel.startswith("D"),
        is_mention=event.get("type") == "app_mention",
        is_automatic=bool(message.get("bot_id") or message.get("bot_profile"))
        or subtype == "bot_message"
        or user in ("", _SLACKBOT),
        subtype=subtype or None,
        client_id=_text(message, "client_msg_id", "") or None,
    )


def _parse_changed(event: Payload) -> SlackEvent:
    now, before = _object(event, "message"), _optional_object(event, "previous_message")
    if now.get("subtype") == "tombstone":  # how Slack deletes a message that has replies
        ts = _ts(now, "ts")
        return MessageDeleted(_id(event, "channel"), ts, _optional_ts(now, "thread_ts") or ts)
    if before.get("text") == now.get("text"):  # Slack unfurled a link, or counted a reply
        return OtherEvent("message_changed without a change of the text")
    edited_ts = _edited_ts(now) or _text(event, "event_ts", "") or _text(event, "ts", "")
    return MessageChanged(_parse_message(now, event), edited_ts)


def _edited_ts(message: Payload) -> str:
    return _text(_optional_object(message, "edited"), "ts", "")


def _object(payload: Payload, name: str) -> Payload:
    value = payload.get(name)
    if not isinstance(value, dict):
        raise PayloadError(f"{name} is missing or not an object")
    return value


def _optional_object(payload: Payload, name: str) -> Payload:
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def _authorizations(payload: Payload) -> list[Payload]:
    value = payload.get("authorizations")
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(payload: Payload, name: str, default: str | None = None) -> str:
    value = payload.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise PayloadError(f"{name} is missing or not a string")
    fault = unencodable(value)
    if fault:
        raise PayloadError(f"{name} {fault}")
    return value


def _id(payload: Payload, name: str) -> str:
    value = _text(payload, name)
    if not _ID.fullmatch(value):
        raise PayloadError(f"{name} is not a Slack id")
    return value


def _ts(payload: Payload, name: str) -> str:
    value = _text(payload, name)
    if not _TS.fullmatch(value):
        raise PayloadError(f"{name} is not a Slack time stamp")
    return value


def _optional_ts(payload: Payload, name: str) -> str | None:
    return None if payload.get(name) is None else _ts(payload, name)
