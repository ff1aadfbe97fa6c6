"""Server-sent events: a response that is sent while it is made, and made no further when nobody
receives it.
"""

import math
from collections.abc import Callable

from anyio import CancelScope, create_memory_object_stream, create_task_group, from_thread
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from index.search.searcher import SearchResult
from service.answering.question import Question
from service.answering.record import RetrievedPassages
from service.answering.service import AnswerService
from service.http.threads import Threads

MEDIA_TYPE = "text/event-stream"


def event(data: str, name: str | None = None) -> bytes:
    """One event.

    :param data: without line breaks, as JSON is
    """
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {data}\n\n".encode()


class Emitter:
    """The worker's end of a stream. Where the client has left, every call raises, which ends the
    work.
    """

    def __init__(self, sender: MemoryObjectSendStream[bytes]) -> None:
        self._sender = sender

    def check(self) -> None:
        """Go on only if the client is there."""
        from_thread.check_cancelled()

    def send(self, *events: bytes) -> None:
        """Send events, without waiting for the client to take them."""
        self.check()
        for each in events:
            from_thread.run_sync(self._sender.send_nowait, each)


Work = Callable[[Emitter], None]
"""Makes the events of a response, in a thread."""

LastWords = Callable[[Exception], bytes]
"""What a stream ends with when its work fails."""


class EventStream(Response):
    """Sends events as they are made.

    The status leaves with the first event, so that work which fails before is an error like any
    other. When the client leaves, work that waits for a thread is not begun, and work under way
    ends at its next event or check."""

    media_type = MEDIA_TYPE

    def __init__(self, threads: Threads, work: Work, last_words: LastWords) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._threads = threads
        self._work = work
        self._last_words = last_words
        self._is_begun = False
        self._failure: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work and send side by side, until the work is done or the client has left.

        :raises Exception: what the work failed with before its first event
        """
        del scope
        sender, events = create_memory_object_stream[bytes](math.inf)
        async with events, create_task_group() as group:
            group.start_soon(self._run, sender)
            group.start_soon(_leave, receive, group.cancel_scope)
            await self._pass_on(events, send)
            group.cancel_scope.cancel()
        if self._failure is not None and not self._is_begun:
            raise self._failure

    async def _run(self, sender: MemoryObjectSendStream[bytes]) -> None:
        async with sender:
            try:
                await self._threads.read(self._work, Emitter(sender))
            except Exception as exc:
                self._failure = exc

    async def _pass_on(self, events: MemoryObjectReceiveStream[bytes], send: Send) -> None:
        async for each in events:
            if not self._is_begun:
                self._is_begun = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": self.status_code,
                        "headers": self.raw_headers,
                    }
                )
            await send({"type": "http.response.body", "body": each, "more_body": True})
        if self._is_begun:
            last = self._last_words(self._failure) if self._failure is not None else b""
            await send({"type": "http.response.body", "body": last})


async def _leave(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def passages_then_answer(service: AnswerService, question: Question) -> Work:
    """Work that tells a question's passages as soon as they are found, and then its answer.

    Where documents change meanwhile, the passages may be told again; the last ones were read.
    """

    def working(emitter: Emitter) -> None:
        told: SearchResult | None = None

        def watch(result: SearchResult) -> None:
            nonlocal told
            if result is told:
                emitter.check()
            else:
                told = result
                emitter.send(_passages(RetrievedPassages.of(result)))

        kept = service.ask(question, watch)
        if told is None:
            record = kept.record
            emitter.send(
                _passages(RetrievedPassages(passages=record.passages, generation=record.generation))
            )
        emitter.send(event(kept.body.decode(), "answer"))

    return working


def _passages(found: RetrievedPassages) -> bytes:
    return event(found.model_dump_json(), "passages")
