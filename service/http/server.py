"""The server: connections that are bounded in number and time, and an end that loses nothing."""

import asyncio
import logging
import resource
import time
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.http.problems import problem

MAX_CONNECTIONS = 1_000
"""How many connections are served at a time. Others get 503, and of twice as many no answer."""

HEAD_S = 10.0
"""How long a client may take to send the head of a request."""

BODY_S = 20.0
"""How long a client may take to send a body, besides what it takes at ``LEAST_RATE``."""

LEAST_RATE = 10_000
"""Bytes of a body that a client has to send in a second."""

STALL_S = 30.0
"""How long a client may read nothing of a response."""

RESPONSE_S = 900.0
"""How long a client may take to read a response."""

KEEP_ALIVE_S = 15
"""How long a connection stays open between requests: longer than clients keep them, so that none
sends a request while this side closes."""

SHUTDOWN_S = 3
"""How long the requests that are under way may take when the server is asked to end."""

_MAX_FILES = 65_536
_TICK_S = 1.0
_LOG_INTERVAL_S = 10.0


def run_server(app: ASGIApp, host: str, port: int, log_level: str) -> None:
    """Serve an app until the process gets SIGINT or SIGTERM.

    Requests that are under way then have ``SHUTDOWN_S`` seconds. The signal is raised again at the
    end, for the handler that was there before.

    :raises SystemExit: the app or the server cannot start
    """
    # A connection needs one file, and the index, uploads and Slack need the rest.
    limit = min(MAX_CONNECTIONS, _raise_file_limit() // 3)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level=log_level,
        access_log=False,
        http=Connection,
        ws="none",
        limit_concurrency=limit,
        # So many connections are accepted at once before any of them can be refused.
        backlog=max(16, limit // 2),
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
    )
    logging.getLogger("asyncio").addFilter(_OncePerInterval())
    server = uvicorn.Server(config)
    try:
        server.run()
    except KeyboardInterrupt:
        return
    if not server.started:
        raise SystemExit(3)


class Connection(H11Protocol):
    """A connection that ends when its client is too slow, and that is refused if there are too
    many.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:  # those of the base class
        super().__init__(*arguments, **options)
        self._max_connections = self.limit_concurrency or MAX_CONNECTIONS
        self.limit_concurrency = None  # The base class would answer without a problem body.
        self._timer: asyncio.TimerHandle | None = None
        self._phase: tuple[object, str] = (None, "head")
        self._since = self.loop.time()
        self._received = 0
        self._unread: tuple[float, int] | None = None
        self._unread_since = self.loop.time()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as the base class has it
        """Serve the connection, or refuse it."""
        super().connection_made(transport)
        if len(self.connections) > 2 * self._max_connections:
            transport.abort()
            return
        if len(self.connections) > self._max_connections:
            self.app = _too_many
        self._timer = self.loop.call_later(_TICK_S, self._tick)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Count what the client sends."""
        self._received += len(data)
        super().data_received(data)

    def resume_writing(self) -> None:
        """Note that the client reads."""
        self._unread = None
        super().resume_writing()

    def _tick(self) -> None:
        if self._is_stalled(self.loop.time()):
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(_TICK_S, self._tick)

    def _is_stalled(self, now: float) -> bool:
        """Whether the client has taken too long for what it has to do now."""
        unread = self.transport.get_write_buffer_size()
        if not unread:
            self._unread, self._unread_since = None, now
        elif self._unread is None or unread < self._unread[1]:
            self._unread = now, unread
        cycle = self.cycle
        phase = (cycle, "answer")
        if cycle is None or cycle.response_complete:
            phase = (cycle, "head")
        elif cycle.more_body:
            phase = (cycle, "body")
        # While a response is being read, or this side does not read, the client need not send.
        if phase != self._phase or unread or self.flow.read_paused:
            self._phase, self._since, self._received = phase, now, 0
        if self._unread is not None:
            return now - self._unread[0] > STALL_S or now - self._unread_since > RESPONSE_S
        if phase[1] == "head" and cycle is not None and not self._received:
            return False  # between two requests, which ``KEEP_ALIVE_S`` bounds
        allowed_s = {"head": HEAD_S, "body": BODY_S + self._received / LEAST_RATE}
        return now - self._since > allowed_s.get(phase[1], float("inf"))


async def _too_many(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer that there are too many connections."""
    response = problem(503, "too many connections are open; try again later", slug="busy")
    response.headers["Connection"] = "close"
    await response(scope, receive, send)


class _OncePerInterval(logging.Filter):
    """Lets the same message through once in a while: without files, asyncio repeats it for every
    connection that it cannot accept.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the message was not logged for some time."""
        now, message = time.monotonic(), record.getMessage()[:100]
        if now - self._passed.get(message, -_LOG_INTERVAL_S) < _LOG_INTERVAL_S:
            return False
        if len(self._passed) > 100:
            self._passed.clear()
        self._passed[message] = now
        return True


def _raise_file_limit() -> int:
    """Allow this process as many open files as it may have, and return how many these are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > _MAX_FILES:
        hard = _MAX_FILES
    if soft != resource.RLIM_INFINITY and soft < hard:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (hard, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        )
        return hard
    return _MAX_FILES if soft == resource.RLIM_INFINITY else soft
