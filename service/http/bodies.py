"""Request bodies: bounded before a route sees them, and work that ends when its client has left."""

import asyncio
import json
from contextlib import suppress
from functools import partial
from http import HTTPStatus

from anyio import CancelScope, Event
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.errors import BusyError
from service.http import problems
from service.http.admission import CLIENT, Client
from service.http.strict_json import JsonContentError, parse_json
from service.http.threads import Threads

SMALL_BODY_BYTES = 4_000_000
"""The largest body of a request that uploads nothing: what the longest history needs."""

MAX_UPLOAD_VALUES = 2_000_000
"""The most values in a JSON body that uploads documents."""

UPLOADS = "/v1/documents"
"""Paths under which bodies may be large. Their routes read them away from the event loop."""

QUESTIONS = ("/v1/ask", "/v1/search", "/v1/chat/completions", "/v1/responses")
"""Paths that ask questions."""

CHECKED_LATER = ("/slack/events",)
"""Paths whose routes check the JSON of a body themselves, after its signature."""

_BODIES_AT_ONCE = 4
"""How many bodies of the largest size may be in memory at a time."""


class RequestBodies:
    """Refuses bodies that are too large, or whose JSON has too many or too deeply nested values.

    A request that uploads nothing is read whole before its route sees it. If its client leaves
    after that, the route is cancelled: work that waits for a thread never starts, and running work
    ends at its next check.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, threads: Threads) -> None:
        """Bound the bodies of an app.

        :param max_bytes: the largest body of an upload
        :param threads: where questions are answered; those that find no room there are refused
            before they are parsed
        """
        self._threads = threads
        self._app = app
        self._max_bytes = max_bytes
        self._held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413, 422 or 503."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_upload = scope["path"].startswith(UPLOADS)
        limit = self._max_bytes if is_upload else min(self._max_bytes, SMALL_BODY_BYTES)
        received = 0

        async def counted() -> Message:
            # A chunked body announces no length, so its bytes are counted as they come.
            nonlocal received
            message = await receive()
            size = len(message.get("body", b""))
            received += size
            self._held_bytes += size
            if received > limit:
                raise _too_large(limit)
            if self._held_bytes > _BODIES_AT_ONCE * self._max_bytes:
                detail = "the service holds as many uploads as it can; try again"
                raise HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, detail)
            return message

        headers = dict(scope["headers"])
        token = CLIENT.set(_client(scope, headers))
        try:
            announced = headers.get(b"content-length", b"0")
            if announced.isdigit() and int(announced) > limit:
                raise _too_large(limit)
            if is_upload:
                await self._app(scope, counted, send)
            else:
                body = await _read(counted)
                if body is not None:
                    if scope["path"] in QUESTIONS:
                        self._threads.check_room()
                    if scope["path"] not in CHECKED_LATER:
                        _check_json(body)
                    await self._answer(body, scope, receive, send)
        except BusyError as exc:
            refusal = problems.problem_of(exc, partial(problems.formatted, scope))
            await refusal(scope, receive, send)
        except JsonContentError as exc:
            refusal = problems.content_problem(scope, exc)
            await refusal(scope, receive, send)
        except HTTPException as exc:
            refusal = problems.formatted(scope, exc.status_code, exc.detail)
            await refusal(scope, receive, send)
        finally:
            CLIENT.reset(token)
            self._held_bytes -= received

    async def _answer(self, body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the app on a body that was read, until it is done or the client has left."""
        has_left, is_read = Event(), False

        async def replayed() -> Message:
            nonlocal is_read
            if not is_read:
                is_read = True
                return {"type": "http.request", "body": body, "more_body": False}
            await has_left.wait()
            return {"type": "http.disconnect"}

        async def watch_client(work: CancelScope) -> None:
            while (await receive())["type"] != "http.disconnect":
                pass
            has_left.set()
            work.cancel()

        with CancelScope() as work:
            watching = asyncio.create_task(watch_client(work))
            try:
                await self._app(scope, replayed, send)
            finally:
                watching.cancel()


def _check_json(body: bytes) -> None:
    """Refuse what routes would accept although JSON does not have it, for all of them at once.

    :raises JsonContentError: the body has too many values, or one that means nothing
    """
    # What is not JSON at all is refused by the route, which knows how.
    with suppress(json.JSONDecodeError):
        parse_json(body)


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if the client left before it was complete."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _client(scope: Scope, headers: dict[bytes, bytes]) -> Client:
    """Who asks: the address, and at that address what the headers say.

    Behind a proxy, the server takes the address from ``X-Forwarded-For`` if it trusts the proxy.
    """
    address = str((scope.get("client") or ("", 0))[0])
    names = (headers.get(name, b"") for name in (b"authorization", b"user-agent"))
    return address, hash(tuple(names))


def _too_large(limit: int) -> HTTPException:
    way_out = "send less at a time, or raise QUOTH_MAX_BODY_MB"
    if limit == SMALL_BODY_BYTES:
        way_out = "send less"
    return HTTPException(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is over {limit / 1e6:g} MB; {way_out}"
    )
