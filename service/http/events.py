"""Server-sent events: responses that are sent while they are made, and given up when the client
leaves.
"""

import math
from collections.abc import Callable

from anyio import CancelScope, create_memory_object_stream, create_task_group, from_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from index import filters
from index.search.searcher import SearchResult
from service.answering.record import RetrievedPassages
from service.answering.service import AnswerService
from service.http.threads import Check, Threads
from service.question import Question

MEDIA_TYPE = "text/event-stream"

STREAMED: dict[int | str, dict[str, object]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}
"""What a route that can stream sends besides its JSON, for its description."""


def event(data: str, name: str | None = None) -> bytes:
    """One event.

    :param data: without line breaks, as JSON is
    """
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode()


class Emitter:
    """The worker's end of a stream. Once the answer is no longer wanted, every call raises, which
    ends the work.
    """

    def __init__(self, sender: MemoryObjectSendStream[bytes], check: Check) -> None:
        self._sender = sender
        self._check = check

    def check(self) -> None:
        """Return if the answer is still wanted; raise otherwise."""
        self._check(None)

    def send(self, *events: bytes) -> None:
        """Send events without waiting for the client to receive them."""
        self.check()
        for each in events:
            from_thread.run_sync(self._sender.send_nowait, each)


StreamWork = Callable[[Emitter], None]
"""Makes the events of a response, in a thread."""

ErrorEvent = Callable[[Exception], bytes]
"""Gives the event that a stream ends with when its work fails."""


class EventStream(Response):
    """Sends events as they are made.

    The status is sent with the first event, so work that fails before it is an error like any
    other. When the client leaves, work that waits for a thread never starts, and running work ends
    at its next event or check.
    """

    media_type = MEDIA_TYPE

    def __init__(self, threads: Threads, work: StreamWork, error_event: ErrorEvent) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._threads = threads
        self._work = work
        self._error_event = error_event
        self._has_started = False
        self._failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the work and send its events, until it is done or the client has left.

        :raises Exception: the work failed before its first event
        """
        del scope
        sender, events = create_memory_object_stream[bytes](math.inf)
        async with events, create_task_group() as group:
            group.start_soon(self._run, sender)
            group.start_soon(_cancel_on_disconnect, receive, group.cancel_scope)
            await self._send_events(events, send)
            group.cancel_scope.cancel()
        if self._failure is not None and not self._has_started:
            raise self._failure

    async def _run(self, sender: MemoryObjectSendStream[bytes]) -> None:
        async with sender:
            try:
                await self._threads.ask(lambda check: self._work(Emitter(sender, check)))
            except Exception as exc:
                self._failure = exc

    async def _send_events(self, events: MemoryObjectReceiveStream[bytes], send: Send) -> None:
        async for each in events:
            if not self._has_started:
                self._has_started = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
            await send({"type": "http.response.body", "body": each, "more_body": True})
        if self._has_started:
            last = self._error_event(self._failure) if self._failure is not None else b""
            await send({"type": "http.response.body", "body": last})


async def _cancel_on_disconnect(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def passages_then_answer(
    service: AnswerService, question: Question, scope: filters.Scope = filters.EVERYTHING
) -> StreamWork:
    """Work that sends a question's passages as soon as they are retrieved, and then its answer.

    If documents change meanwhile, passages may be sent again; the last ones are those that were
    read.
    """

    def work(emitter: Emitter) -> None:
        sent: SearchResult | None = None

        def watch(result: SearchResult) -> None:
            nonlocal sent
            if result is sent:
                emitter.check()
            else:
                sent = result
                emitter.send(_passages(RetrievedPassages.of(result)))

        kept = service.ask(question, watch, scope)
        if sent is None:
            record = kept.record
            emitter.send(_passages(RetrievedPassages.before_reading(record)))
        emitter.send(event(kept.body.decode(), "answer"))

    return work


def _passages(passages: RetrievedPassages) -> bytes:
    return event(passages.model_dump_json(), "passages")
