"""The worker: does what the inbox holds, several things at a time, in order within a lane, until
each is done.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

from corpus.errors import StoreError
from service.http.threads import Threads
from service.slack.inbox import KEPT_S, Inbox, Work
from service.slack.web import LaterError, RefusedError

_MAX_AGE_S = 86_400
_LONGEST_PAUSE_S = 300.0
_MAX_FAILURES = 5
_IDLE_S = 30.0
_GRACE_S = 15.0
_FORGETTING_S = 3_600
_YIELDING_S = 1.0

log = logging.getLogger("quoth.slack")


class Incoming:
    """What is being taken from Slack. It goes before work: Slack waits three seconds, a question
    may wait longer.
    """

    def __init__(self) -> None:
        self._count = 0
        self._none = asyncio.Event()
        self._none.set()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Something is being taken meanwhile."""
        self._count += 1
        self._none.clear()
        try:
            yield
        finally:
            self._count -= 1
            if not self._count:
                self._none.set()

    async def over(self) -> None:
        """Wait until nothing is being taken, but no longer than a second, or a flood would be
        answered by silence.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(_YIELDING_S):
                await self._none.wait()


class Worker:
    """Takes work out of the inbox and tries it until it is done, refused, or too old. Runs in one
    event loop.
    """

    def __init__(
        self,
        inbox: Inbox,
        threads: Threads,
        do: Callable[[Work], Awaitable[None]],
        width: int,
        incoming: Incoming,
    ) -> None:
        """A worker that is idle until :meth:`run`.

        :param threads: where the inbox is used
        :param do: does some work; its errors say whether it is tried again
        :param width: how much is worked on at a time
        :param incoming: what goes before any work
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
        self._forgets_at = 0.0

    def wake(self) -> None:
        """There is work."""
        self._wake.set()

    async def run(self) -> None:
        """Work, on what a process before this one left undone too, until cancelled."""
        try:
            while True:
                await self._slots.acquire()
                await self._incoming.over()
                work = await self._next()
                self._busy.add(work.lane)
                task = asyncio.create_task(self._finish(work))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            await self._wind_up()

    async def _wind_up(self) -> None:
        """Let what is being said be said to its end, or it would be said again."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=_GRACE_S)
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _next(self) -> Work:
        while True:
            self._wake.clear()
            try:
                work = await self._due()
                if work is not None:
                    return work
                await self._rest()
            except StoreError as exc:
                log.error("%s", exc)
                await asyncio.sleep(1)

    async def _due(self) -> Work | None:
        now = time.time()
        if now > self._forgets_at:
            self._forgets_at = now + _FORGETTING_S
            await self._threads.read(self._inbox.forget, now - KEPT_S)
        if now < self._paused_until:
            return None
        return await self._threads.read(self._inbox.take, set(self._busy), now)

    async def _rest(self) -> None:
        """Wait until Slack may be called again; then until something is due, is taken, or is
        done.
        """
        pause = self._paused_until - time.time()
        if pause > 0:
            await asyncio.sleep(pause)
            return
        due = await self._threads.read(self._inbox.next_due, set(self._busy))
        wait = _IDLE_S if due is None else due - time.time()
        # Not asyncio.wait_for: until Python 3.12 it may swallow the cancellation that ends this.
        alarm = asyncio.get_running_loop().call_later(min(max(wait, 0.05), _IDLE_S), self._wake.set)
        try:
            await self._wake.wait()
        finally:
            alarm.cancel()

    async def _finish(self, work: Work) -> None:
        try:
            await self._try(work)
        except StoreError as exc:  # the inbox itself cannot be written: the work stays as it is
            log.error("%s", exc)
            await asyncio.sleep(1)
        finally:
            self._busy.discard(work.lane)
            self._slots.release()
            self._wake.set()

    async def _try(self, work: Work) -> None:
        try:
            await self._do(work)
        except LaterError as exc:
            await self._later(work, str(exc), exc.wait_s)
        except StoreError as exc:
            await self._later(work, str(exc))
        except RefusedError as exc:
            log.error("%s %d: Slack refuses (%s); given up", work.kind.value, work.id, exc)
            await self._done(work, f"refused: {exc}")
        except Exception:
            log.exception("%s %d", work.kind.value, work.id)
            await self._failed(work)
        else:
            await self._done(work)

    async def _later(self, work: Work, why: str, wait_s: float | None = None) -> None:
        """Try again when Slack says so, to which everything else keeps as well, or after longer and
        longer pauses.
        """
        if time.time() - work.accepted_at > _MAX_AGE_S:
            log.error("%s %d: %s; given up after a day", work.kind.value, work.id, why)
            await self._done(work, "too old")
            return
        if wait_s is not None:
            self._paused_until = max(self._paused_until, time.time() + wait_s)
        pause = (
            min(0.5 * 2 ** min(work.attempts, 10), _LONGEST_PAUSE_S) if wait_s is None else wait_s
        )
        log.warning("%s %d: %s; again in %.1f s", work.kind.value, work.id, why, pause)
        await self._threads.read(self._inbox.postpone, work, time.time() + pause, wait_s is None)

    async def _failed(self, work: Work) -> None:
        if work.attempts + 1 >= _MAX_FAILURES:
            await self._done(work, "failed")
        else:
            await self._threads.read(self._inbox.postpone, work, time.time() + 2.0**work.attempts)

    async def _done(self, work: Work, outcome: str = "done") -> None:
        await self._threads.read(self._inbox.finish, work, outcome)
