"""A local stand-in for Slack, which keeps what was posted: Web API, response_urls, Socket Mode."""

import asyncio
import hashlib
import hmac
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from aiohttp import WSMsgType, web

Json = dict[str, Any]  # what json gives

TEAM, BOT, ANA, BEN, CHANNEL, DIRECT = "T0QUOTH", "U0BOT", "U0ANA", "U0BEN", "C0GENERAL", "D0ANA"
SECRET = "8f742231b10e8888abcd990000000fff"
TOKEN, APP_TOKEN = "xoxb-1-secret", "xapp-1-secret"
SCOPES = (
    "app_mentions:read,channels:history,groups:history,im:history,mpim:history,chat:write,commands"
)


@dataclass
class Fault:
    """A response that replaces the usual one."""

    status: int = 200
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class BotMessage:
    """A message of the bot as it is now."""

    channel: str
    thread_ts: str | None
    text: str
    blocks: list[Json]
    edits: int = 0


class LoopbackSlack:
    """Refuses what Slack would refuse, and keeps the rest."""

    def __init__(self) -> None:
        self.messages: dict[str, BotMessage] = {}
        self.deleted: list[str] = []
        self.responses: list[Json] = []
        self.views: list[Json] = []
        self.whispers: list[Json] = []
        self.calls: list[str] = []
        self.slow_s = 0.0
        self.swallowed: set[str] = set()
        self.faults: dict[str, deque[Fault]] = {}
        self.url = ""
        self.tokens: set[str] = set()
        self.scopes: str | None = SCOPES
        self.team = TEAM
        self.acknowledged: list[str] = []
        self.socket: web.WebSocketResponse | None = None
        self._count = 0
        self._runner: web.AppRunner | None = None

    async def start(self, port: int = 0) -> str:
        """Listen on a port. Returns the address of the Web API."""
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._method)
        app.router.add_post("/hooks/{id}", self._response)
        app.router.add_get("/socket", self._socket)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        # A server that listens has sockets.
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return f"http://127.0.0.1:{self.port}/api/"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def hook(self) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/secret-of-a-response"

    def fail(self, method: str, *faults: Fault) -> None:
        """Answer the next calls of a method with these faults, one each."""
        self.faults.setdefault(method, deque()).extend(faults)

    def swallow(self, method: str) -> None:
        """Carry out the next call of a method, and break the connection before the response."""
        self.swallowed.add(method)

    def present_messages(self) -> list[BotMessage]:
        return list(self.messages.values())

    async def _method(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        self.calls.append(method)
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.faults.get(method):
            return _failed(self.faults[method].popleft())
        given = await _given(request)
        if method not in _METHODS:
            return web.json_response({"ok": False, "error": "unknown_method"})
        answer = await _METHODS[method](self, given)
        await asyncio.sleep(self.slow_s)
        if method in self.swallowed:
            self.swallowed.discard(method)
            assert request.transport is not None
            request.transport.close()
        return answer

    async def _response(self, request: web.Request) -> web.Response:
        self.calls.append("response")
        if self.faults.get("response"):
            return _failed(self.faults["response"].popleft())
        given = await request.json()
        fault = fault_of_message(given)
        if fault:
            return web.Response(status=400, text=fault)
        self.responses.append(given)
        return web.Response(text="ok")

    async def _post(self, given: Json) -> web.Response:
        fault = fault_of_message(given)
        if fault:
            return web.json_response({"ok": False, "error": fault})
        self._count += 1
        ts = f"1800000000.{self._count:06}"
        self.messages[ts] = BotMessage(
            given["channel"], given.get("thread_ts"), given["text"], given.get("blocks", [])
        )
        return web.json_response({"ok": True, "ts": ts, "channel": given["channel"]})

    async def _whisper(self, given: Json) -> web.Response:
        fault = fault_of_message(given)
        if fault:
            return web.json_response({"ok": False, "error": fault})
        self.whispers.append(given)
        return web.json_response({"ok": True, "message_ts": "1800000000.000000"})

    async def _replies(self, given: Json) -> web.Response:
        thread = [
            {"ts": ts, "text": said.text, "blocks": said.blocks}
            for ts, said in self.messages.items()
            if (said.channel, said.thread_ts) == (given["channel"], given["ts"])
        ]
        return web.json_response(
            {"ok": True, "messages": [{"ts": given["ts"], "text": "?"}, *thread]}
        )

    async def _update(self, given: Json) -> web.Response:
        fault = "message_not_found" if given["ts"] not in self.messages else fault_of_message(given)
        if fault:
            return web.json_response({"ok": False, "error": fault})
        said = self.messages[given["ts"]]
        said.text, said.blocks, said.edits = given["text"], given.get("blocks", []), said.edits + 1
        return web.json_response({"ok": True, "ts": given["ts"]})

    async def _delete(self, given: Json) -> web.Response:
        if self.messages.pop(given["ts"], None) is None:
            return web.json_response({"ok": False, "error": "message_not_found"})
        self.deleted.append(given["ts"])
        return web.json_response({"ok": True})

    async def _view(self, given: Json) -> web.Response:
        fault = fault_of_view(given["view"])
        if fault:
            return web.json_response({"ok": False, "error": fault})
        self.views.append(given["view"])
        return web.json_response({"ok": True})

    async def _who(self, _given: Json) -> web.Response:
        headers = {"X-OAuth-Scopes": self.scopes} if self.scopes is not None else {}
        said = {
            "ok": True,
            "team_id": self.team,
            "team": "Quoth",
            "user_id": BOT,
            "bot_id": "B0BOT",
        }
        return web.json_response(said, headers=headers)

    async def _open(self, _given: Json) -> web.Response:
        return web.json_response({"ok": True, "url": f"ws://127.0.0.1:{self.port}/socket"})

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        await self.socket.send_json({"type": "hello", "num_connections": 1})
        async for message in self.socket:
            if message.type is WSMsgType.TEXT:
                self.acknowledged.append(json.loads(message.data)["envelope_id"])
        return self.socket


_METHODS: dict[str, Callable[[LoopbackSlack, Json], Awaitable[web.Response]]] = {
    "chat.postMessage": LoopbackSlack._post,
    "chat.postEphemeral": LoopbackSlack._whisper,
    "chat.update": LoopbackSlack._update,
    "conversations.replies": LoopbackSlack._replies,
    "chat.delete": LoopbackSlack._delete,
    "views.open": LoopbackSlack._view,
    "auth.test": LoopbackSlack._who,
    "apps.connections.open": LoopbackSlack._open,
}


async def _given(request: web.Request) -> Json:
    """The arguments of a call: a JSON body, or a form or query whose blocks and views are JSON."""
    if request.content_type == "application/json":
        return dict(await request.json())
    given = {**request.query, **await request.post()}
    return {
        name: json.loads(str(value)) if name in ("blocks", "view") else value
        for name, value in given.items()
    }


def _failed(fault: Fault) -> web.Response:
    if isinstance(fault.body, str):
        return web.Response(
            status=fault.status, text=fault.body, content_type="text/html", headers=fault.headers
        )
    return web.json_response(
        fault.body or {"ok": False}, status=fault.status, headers=fault.headers
    )


def units(text: str) -> int:
    """The length in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fault_of_message(given: Json) -> str | None:
    """Why Slack would refuse a message, None where it would accept it."""
    if not given.get("text"):
        return "no_text"
    if units(given["text"]) > 4_000:
        return "msg_too_long"
    return fault_of_blocks(given.get("blocks", []), 50)


def fault_of_view(view: Json) -> str | None:
    """Why Slack would refuse a modal, None where it would accept it."""
    if not 0 < units(view["title"]["text"]) <= 24:
        return "invalid_title"
    return "no_blocks" if not view["blocks"] else fault_of_blocks(view["blocks"], 100)


def fault_of_blocks(blocks: list[Json], limit: int) -> str | None:
    """The first limit of Block Kit that some blocks exceed, None where there is none."""
    if len(blocks) > limit:
        return "too_many_blocks"
    return next((fault for fault in map(_fault_of_block, blocks) if fault), None)


def _fault_of_block(block: Json) -> str | None:
    kind = block["type"]
    if kind == "section":
        return None if 0 < units(block["text"]["text"]) <= 3_000 else "section"
    if kind == "header":
        good = 0 < units(block["text"]["text"]) <= 150 and block["text"]["type"] == "plain_text"
        return None if good else "header"
    if kind == "context":
        texts = [element["text"] for element in block["elements"]]
        return (
            None
            if 0 < len(texts) <= 10 and all(0 < units(text) <= 3_000 for text in texts)
            else "context"
        )
    if kind == "actions":
        return (
            None
            if 0 < len(block["elements"]) <= 25 and all(map(_button_holds, block["elements"]))
            else "actions"
        )
    if kind == "rich_text":
        texts = [part["text"] for element in block["elements"] for part in element["elements"]]
        return None if texts and all(texts) and units("".join(texts)) <= 3_000 else "rich_text"
    return f"unknown block {kind}"


def _button_holds(button: Json) -> bool:
    short = 0 < units(button["text"]["text"]) <= 75 and units(button["action_id"]) <= 255
    return short and units(button.get("value", "")) <= 2_000


def shown(blocks: list[Json]) -> str:
    """The texts of some blocks, one a line."""
    lines = []
    for block in blocks:
        if block["type"] == "rich_text":
            lines += [
                "".join(part["text"] for part in element["elements"])
                for element in block["elements"]
            ]
        elif block["type"] == "context":
            lines += [element["text"] for element in block["elements"]]
        elif block["type"] == "actions":
            lines += [element["text"]["text"] for element in block["elements"]]
        else:
            lines.append(block["text"]["text"])
    return "\n".join(lines)


def marked_texts(blocks: list[Json]) -> list[str]:
    """The texts in which Slack would interpret markup."""
    found = [block["text"] for block in blocks if block["type"] == "section"]
    found += [
        element for block in blocks if block["type"] == "context" for element in block["elements"]
    ]
    return [text["text"] for text in found if text["type"] == "mrkdwn"]


# -- what Slack sends


def envelope(event: Json, team: str = TEAM) -> Json:
    authorization = {"team_id": team, "user_id": BOT, "is_bot": True}
    return {
        "type": "event_callback",
        "team_id": team,
        "event": event,
        "authorizations": [authorization],
    }


def message(text: str, ts: str = "2000000000.000100", **fields: object) -> Json:
    said = {
        "type": "message",
        "channel": CHANNEL,
        "channel_type": "channel",
        "user": ANA,
        "text": text,
        "ts": ts,
    }
    return {**said, "client_msg_id": f"id-of-{ts}", **fields}


def mention(text: str, ts: str = "2000000000.000100", **fields: object) -> Json:
    said = {
        "type": "app_mention",
        "channel": CHANNEL,
        "user": ANA,
        "text": f"<@{BOT}> {text}",
        "ts": ts,
    }
    return {**said, "client_msg_id": f"id-of-{ts}", **fields}


def direct(text: str, ts: str = "2000000000.000100", **fields: object) -> Json:
    return message(text, ts, channel=DIRECT, channel_type="im", **fields)


def edited(before: Json, text: str, edited_ts: str = "2000000009.000000") -> Json:
    after = {
        **before,
        "text": text,
        "edited": {"user": before["user"], "ts": edited_ts},
        "type": "message",
    }
    return {
        "type": "message",
        "subtype": "message_changed",
        "message": after,
        "previous_message": before,
        **_location(before),
    }


def deleted(before: Json) -> Json:
    gone = {"deleted_ts": before["ts"], "previous_message": before, "ts": "2000000010.000000"}
    return {"type": "message", "subtype": "message_deleted", **gone, **_location(before)}


def tombstone(before: Json) -> Json:
    """The event for a deleted message that has replies."""
    grave = {
        "type": "message",
        "subtype": "tombstone",
        "user": "USLACKBOT",
        "text": "This message was deleted.",
    }
    now = {**grave, "ts": before["ts"], "thread_ts": before["ts"], "reply_count": 1}
    return {**edited(before, ""), "message": now, "hidden": True}


def _location(message: Json) -> Json:
    return {key: message[key] for key in ("channel", "channel_type") if key in message}


def command(name: str, text: str, hook: str, trigger: str = "1.2.abc", **fields: object) -> Json:
    origin = {"team_id": TEAM, "channel_id": CHANNEL, "user_id": ANA}
    return {
        "command": name,
        "text": text,
        "response_url": hook,
        "trigger_id": trigger,
        **origin,
        **fields,
    }


def press(
    action: str, value: str, hook: str, user: str = ANA, pressed_ts: str = "2000000020.000001"
) -> Json:
    container = {"type": "message", "message_ts": "1800000000.000001", "channel_id": CHANNEL}
    button = {"type": "button", "action_id": action, "value": value, "action_ts": pressed_ts}
    who = {
        "user": {"id": user},
        "team": {"id": TEAM},
        "channel": {"id": CHANNEL},
        "container": container,
    }
    return {
        "type": "block_actions",
        **who,
        "trigger_id": "9.9.xyz",
        "response_url": hook,
        "actions": [button],
    }


def signed(body: bytes, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers with which Slack signs a body."""
    timestamp = str(int(time.time() if at is None else at))
    made = hmac.new(
        secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256
    ).hexdigest()
    return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={made}"}


def request_of(payload: Json) -> tuple[bytes, str]:
    """The body and the content type in which Slack sends a payload."""
    form = "application/x-www-form-urlencoded"
    if "command" in payload:
        return urlencode(payload).encode(), form
    if payload.get("type") == "block_actions":
        return urlencode({"payload": json.dumps(payload)}).encode(), form
    return json.dumps(payload).encode(), "application/json"


async def deliver(client: httpx.AsyncClient, payload: Json, **headers: str) -> httpx.Response:
    """Send a payload as Slack does."""
    body, kind = request_of(payload)
    return await client.post(
        "/slack/events", content=body, headers={**signed(body), "Content-Type": kind, **headers}
    )


async def until(holds: Callable[[], bool], timeout_s: float = 20) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "the condition did not hold in time"
        await asyncio.sleep(0.01)
