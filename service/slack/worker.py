"""The worker: does the work in the queue, several items at a time, in order within each lane."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from corpus.errors import StoreError
from service.http.threads import Threads
from service.slack.errors import RefusedError, RetryableError
from service.slack.inbox.inbox import Inbox
from service.slack.inbox.queue import WorkItem

_MAX_AGE_S = 86_400
_MAX_PAUSE_S = 300.0
_MAX_FAILURES = 5
_IDLE_S = 30.0
_SHUTDOWN_S = 5.0
_CLEANUP_INTERVAL_S = 3_600
_MAX_YIELD_S = 1.0

log = logging.getLogger("quoth.slack")


class Incoming:
    """Counts the payloads that are being received. They go before work: Slack waits three seconds
    for an acknowledgement, and longer for an answer.
    """

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count a payload as being received until the block ends."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def wait(self) -> None:
        """Wait until no payload is being received, but for a second at most: a flood of payloads
        must not stop every answer.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_MAX_YIELD_S):
                await self._none.wait()


class Worker:
    """Tries each item of the queue until it is done, refused or too old.

    Runs in one event loop.
    """

    def __init__(
        self,
        inbox: Inbox,
        threads: Threads,
        do: Callable[[WorkItem], Awaitable[None]],
        *,
        width: int,
        incoming: Incoming,
    ) -> None:
        """A worker that is idle until :meth:`run`.

        :param threads: where the inbox is used
        :param do: does an item; its errors decide whether the item is tried again
        :param width: how many items are done at a time
        :param incoming: what goes before any item
        """
        self._inbox = inbox
        self._threads = threads
        self._do = do
        self._incoming = incoming
        self._slots = asyncio.Semaphore(width)
        self._wake = asyncio.Event()
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0
        self._next_cleanup = 0.0

    def wake(self) -> None:
        """Look at the queue now: there may be new work."""
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled, beginning with what an earlier process left undone."""
        try:
            while True:
                await self._slots.acquire()
                await self._incoming.wait()
                item = await self._next_item()
                self._busy.add(item.lane)
                task = asyncio.create_task(self._work_on(item))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            await self._shut_down()

    async def _shut_down(self) -> None:
        # Let posts that are under way end: the next process would have to post them again.
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=_SHUTDOWN_S)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next_item(self) -> WorkItem:
        while True:
            self._wake.clear()
            try:
                item = await self._due_item()
                if item is not None:
                    return item
                await self._rest()
            except StoreError as exc:
                log.error("%s", exc)
                await asyncio.sleep(1)

    async def _due_item(self) -> WorkItem | None:
        now = time.time()
        if now > self._next_cleanup:
            self._next_cleanup = now + _CLEANUP_INTERVAL_S
            await self._threads.read(self._inbox.delete_expired, now)
        if now < self._paused_until:
            return None
        return await self._threads.read(self._inbox.queue.next_item, set(self._busy), now)

    async def _rest(self) -> None:
        """Wait out a rate limit; otherwise until an item is due, arrives, or is done."""
        pause = self._paused_until - time.time()
        if pause > 0:
            await asyncio.sleep(pause)
            return
        due = await self._threads.read(self._inbox.queue.next_due, set(self._busy))
        wait_s = _IDLE_S if due is None else due - time.time()
        wait_s = min(max(wait_s, 0.05), _IDLE_S)
        # Not asyncio.wait_for: before Python 3.12 it may swallow the cancellation that ends run.
        alarm = asyncio.get_running_loop().call_later(wait_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _work_on(self, item: WorkItem) -> None:
        try:
            await self._try(item)
        except StoreError as exc:  # the inbox itself cannot be written: the item stays as it is
            log.error("%s", exc)
            await asyncio.sleep(1)
        finally:
            self._busy.discard(item.lane)
            self._slots.release()
            self._wake.set()

    async def _try(self, item: WorkItem) -> None:
        try:
            await self._do(item)
        except RetryableError as exc:
            await self._retry(item, str(exc), exc.wait_s)
        except StoreError as exc:
            await self._retry(item, str(exc))
        except RefusedError as exc:
            log.error("%s %d: Slack refused it (%s); giving up", item.kind.value, item.work_id, exc)
            await self._finish(item, f"refused: {exc}")
        except Exception:
            log.exception("%s %d failed", item.kind.value, item.work_id)
            await self._retry_failed(item)
        else:
            await self._finish(item)

    async def _retry(self, item: WorkItem, why: str, wait_s: float | None = None) -> None:
        """Try an item again: after ever longer pauses, or when Slack's rate limit ends."""
        if time.time() - item.accepted_at > _MAX_AGE_S:
            log.error("%s %d: %s; giving up after a day", item.kind.value, item.work_id, why)
            await self._finish(item, "too old")
            return
        if wait_s is None:
            pause = min(0.5 * 2 ** min(item.attempts, 10), _MAX_PAUSE_S)
        else:
            # A rate limit is on every call, so all other items wait as well.
            self._paused_until = max(self._paused_until, time.time() + wait_s)
            pause = wait_s
        log.warning("%s %d: %s; trying again in %.1f s", item.kind.value, item.work_id, why, pause)
        # Waiting for a rate limit is not an attempt: nothing has failed.
        await self._threads.read(
            self._inbox.queue.postpone, item, time.time() + pause, is_attempt=wait_s is None
        )

    async def _retry_failed(self, item: WorkItem) -> None:
        if item.attempts + 1 >= _MAX_FAILURES:
            await self._finish(item, "failed")
        else:
            due_at = time.time() + 2.0**item.attempts
            await self._threads.read(self._inbox.queue.postpone, item, due_at)

    async def _finish(self, item: WorkItem, outcome: str = "done") -> None:
        await self._threads.read(self._inbox.queue.finish, item, outcome)
