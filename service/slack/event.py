"""What happened in Slack, out of its payloads: checked, and without what Quoth does not need."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from corpus.document import unencodable

Payload = Mapping[str, Any]  # JSON

_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_TS = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?")
_SLACKBOT = "USLACKBOT"


class PayloadError(Exception):
    """A payload is not made as Slack makes them. Answered with 400; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Me:
    """The bot itself in its workspace; a part that is not known is empty."""

    team: str
    user: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message somebody wrote.

    :param ts: Slack's time stamp, which names the message within its channel
    :param thread_ts: of the thread's first message, None outside threads
    :param text: as Slack marks it up
    :param mentioning: it came as ``app_mention``
    :param automatic: a bot or an app wrote it
    """

    channel: str
    ts: str
    user: str
    text: str
    thread_ts: str | None = None
    direct: bool = False
    mentioning: bool = False
    automatic: bool = False
    subtype: str | None = None
    client_id: str | None = None

    @property
    def root(self) -> str:
        """The message that starts the thread in which an answer to this one stands."""
        return self.thread_ts or self.ts


@dataclass(frozen=True, slots=True)
class Edited:
    """A message was changed.

    :param edited_ts: when
    """

    message: Message
    edited_ts: str


@dataclass(frozen=True, slots=True)
class Deleted:
    """A message was taken back."""

    channel: str
    ts: str
    root: str


@dataclass(frozen=True, slots=True)
class Other:
    """Something that Quoth has nothing to do with."""

    what: str


Event = Message | Edited | Deleted | Other


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command.

    :param trigger: names this call of it
    """

    name: str
    text: str
    channel: str
    user: str
    response_url: str
    trigger: str


@dataclass(frozen=True, slots=True)
class Press:
    """A button was pressed.

    :param value: what the button carries: the id of an answer
    :param message_ts: of the message that has the button, None in a modal
    :param pressed_ts: when
    """

    action: str
    value: str
    user: str
    channel: str
    message_ts: str | None
    thread_ts: str | None
    pressed_ts: str
    response_url: str
    trigger: str


def teams_of(payload: Payload) -> tuple[str, ...]:
    """The workspaces in which the app that is told of this is installed, empty where that is not
    said.

    A channel may be shared between workspaces: then ``team_id`` names the one where it happened,
    which may be another."""
    installed = tuple(str(one["team_id"]) for one in _authorizations(payload) if one.get("team_id"))
    team = payload.get("team")
    named = payload.get("team_id") or (team.get("id") if isinstance(team, dict) else team)
    return installed or ((named,) if isinstance(named, str) else ())


def me_of(payload: Payload) -> Me:
    """The bot that is told of this, as far as the payload says."""
    users = (one.get("user_id") for one in _authorizations(payload) if one.get("is_bot"))
    return Me(next(iter(teams_of(payload)), ""), str(next(users, "") or ""))


def parse_event(payload: Payload) -> Event:
    """What an ``event_callback`` tells.

    :raises PayloadError: a part that belongs to it is missing, or is not what it should be
    """
    event = _part(payload, "event")
    kind = _text(event, "type")
    if kind not in ("message", "app_mention"):
        return Other(kind)
    if kind == "message" and event.get("subtype") == "message_changed":
        return _changed(event)
    if kind == "message" and event.get("subtype") == "message_deleted":
        return _deleted(event)
    message = _message(
        event, _id(event, "channel"), _is_direct(event), mentioning=kind == "app_mention"
    )
    return Edited(message, _edited_ts(event)) if isinstance(event.get("edited"), dict) else message


def parse_command(payload: Payload) -> Command:
    """A slash command.

    :raises PayloadError: as :func:`parse_event`
    """
    return Command(
        name=_text(payload, "command"),
        text=_text(payload, "text", ""),
        channel=_id(payload, "channel_id"),
        user=_id(payload, "user_id"),
        response_url=_text(payload, "response_url", ""),
        trigger=_text(payload, "trigger_id", ""),
    )


def parse_press(payload: Payload) -> Press:
    """The button of a ``block_actions`` payload.

    :raises PayloadError: as :func:`parse_event`
    """
    actions = payload.get("actions")
    if not isinstance(actions, list) or not actions or not isinstance(actions[0], dict):
        raise PayloadError("there is no action in it")
    message, container = _optional_part(payload, "message"), _optional_part(payload, "container")
    place = {**message, "message_ts": message.get("ts"), **container}
    channel = _optional_part(payload, "channel")
    return Press(
        action=_text(actions[0], "action_id"),
        value=_text(actions[0], "value", ""),
        user=_id(_part(payload, "user"), "id"),
        channel=_id(channel, "id") if channel else _text(container, "channel_id", ""),
        message_ts=_optional_ts(place, "message_ts"),
        thread_ts=_optional_ts(place, "thread_ts"),
        pressed_ts=_text(actions[0], "action_ts", ""),
        response_url=_text(payload, "response_url", ""),
        trigger=_text(payload, "trigger_id", ""),
    )


def _message(event: Payload, channel: str, direct: bool, mentioning: bool = False) -> Message:
    automatic = (
        any(event.get(key) for key in ("bot_id", "bot_profile"))
        or event.get("subtype") == "bot_message"
    )
    return Message(
        channel=channel,
        ts=_ts(event, "ts"),
        user=_text(event, "user", ""),
        text=_text(event, "text", ""),
        thread_ts=_optional_ts(event, "thread_ts"),
        direct=direct,
        mentioning=mentioning,
        automatic=automatic or event.get("user") in (None, "", _SLACKBOT),
        subtype=_text(event, "subtype", "") or None,
        client_id=_text(event, "client_msg_id", "") or None,
    )


def _changed(event: Payload) -> Event:
    now, before = _part(event, "message"), _optional_part(event, "previous_message")
    if now.get("subtype") == "tombstone":  # how Slack deletes a message that has replies
        ts = _ts(now, "ts")
        return Deleted(_id(event, "channel"), ts, _optional_ts(now, "thread_ts") or ts)
    if before.get("text") == now.get("text"):
        return Other(
            "message_changed without another text"
        )  # Slack unfurled a link, or a reply was counted
    edited_ts = _edited_ts(now) or _text(event, "event_ts", "") or _text(event, "ts", "")
    return Edited(_message(now, _id(event, "channel"), _is_direct(event)), edited_ts)


def _edited_ts(message: Payload) -> str:
    return _text(_optional_part(message, "edited"), "ts", "")


def _deleted(event: Payload) -> Deleted:
    ts = _ts(event, "deleted_ts")
    return Deleted(
        _id(event, "channel"),
        ts,
        _optional_ts(_optional_part(event, "previous_message"), "thread_ts") or ts,
    )


def _is_direct(event: Payload) -> bool:
    return event.get("channel_type") in ("im", "app_home") or _text(
        event, "channel", ""
    ).startswith("D")


def _part(payload: Payload, name: str) -> Payload:
    part = payload.get(name)
    if not isinstance(part, dict):
        raise PayloadError(f"{name} is missing or no object")
    return part


def _optional_part(payload: Payload, name: str) -> Payload:
    part = payload.get(name)
    return part if isinstance(part, dict) else {}


def _authorizations(payload: Payload) -> list[Payload]:
    found = payload.get("authorizations")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(payload: Payload, name: str, default: str | None = None) -> str:
    value = payload.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise PayloadError(f"{name} is missing or no text")
    fault = unencodable(value)
    if fault:
        raise PayloadError(f"{name} {fault}")
    return value


def _id(payload: Payload, name: str) -> str:
    value = _text(payload, name)
    if not _ID.fullmatch(value):
        raise PayloadError(f"{name} is no id of Slack")
    return value


def _ts(payload: Payload, name: str) -> str:
    value = _text(payload, name)
    if not _TS.fullmatch(value):
        raise PayloadError(f"{name} is no time stamp of Slack")
    return value


def _optional_ts(payload: Payload, name: str) -> str | None:
    return None if payload.get(name) is None else _ts(payload, name)
