"""The intake: files read and parsed in processes of their own, so that one which hangs or crashes
its parser stops no other, and reading goes on while documents are embedded."""

import logging
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Self, cast

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.folder import Fingerprint, read_settled
from corpus.load import parse_document, path_text

READ_TIMEOUT_S = 600.0

log = logging.getLogger("quoth")

_FILES_FOR_A_PROCESS = 8
"""So many are read sooner than a process has started."""

_AHEAD = 4
"""Files that each process may be ahead of what is done with them; more would only fill the
memory.
"""

_SPAWN = get_context("spawn")
"""No fork: this process has threads, whose locks would be held for ever in its copy."""


@dataclass(frozen=True, slots=True)
class Order:
    """A file to read.

    :param id: for its document, unless its front matter gives one
    :param sha256: of what it held when it was last read; where it still does, it is not parsed
    """

    path: Path
    id: str
    tags: tuple[str, ...] = ()
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was read.

    :param fingerprint: None where it could not be read
    :param document: None where it could not be parsed, or holds what it held
    :param error: why there is no document, None where there is no fault
    """

    order: Order
    fingerprint: Fingerprint | None = None
    document: Document | None = None
    error: DocumentError | None = None


Take = Callable[[Order], Taken]


class Intake:
    """Reads files in processes that start with the first file and stay until it is closed."""

    def __init__(self, processes: int, max_bytes: int, timeout_s: float = READ_TIMEOUT_S) -> None:
        """An intake.

        :param processes: 0 reads in this one, where a parser that crashes or hangs takes it along
        :param max_bytes: the largest file that is taken
        :param timeout_s: the longest that is waited for one file
        """
        self._max_bytes = max_bytes
        self._take = partial(_take, max_bytes=max_bytes)
        self._readers = [_Reader(self._take, timeout_s) for _ in range(processes)]

    @classmethod
    def sized(cls, files: int, cores: int, max_bytes: int) -> Self:
        """An intake for so many files: processes for half of the cores, since the encoder has all;
        none for a few.
        """
        return cls(min(max(1, cores // 2), files // _FILES_FOR_A_PROCESS), max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for reader in self._readers:
            reader.end()

    def read(self, orders: Iterable[Order]) -> Iterator[Taken]:
        """The files, in order, each with its document or what is wrong with it."""
        return self._read_apart(orders) if self._readers else map(self._take, orders)

    def _read_apart(self, orders: Iterable[Order]) -> Iterator[Taken]:
        """The readers take turns, so that the next result is always that of the first in the
        line.
        """
        ahead: deque[_Reader] = deque()
        try:
            for number, order in enumerate(orders):
                reader = self._readers[number % len(self._readers)]
                reader.begin(order)
                ahead.append(reader)
                if len(ahead) > _AHEAD * len(self._readers):
                    yield self._result(ahead.popleft())
            while ahead:
                yield self._result(ahead.popleft())
        finally:
            for reader in ahead:
                reader.end()

    def _result(self, reader: "_Reader") -> Taken:
        """A refused file comes with what it holds all the same, so that it is not tried again
        before it changes.
        """
        try:
            return reader.result()
        except _RefusedError as refused:
            order, error = refused.order, DocumentError(path_text(refused.order.path), str(refused))
        try:
            return Taken(order, read_settled(order.path, self._max_bytes)[1], error=error)
        except DocumentError:
            return Taken(order, error=error)


class _RefusedError(Exception):
    """A file that its process did not come back from."""

    def __init__(self, order: Order, reason: str) -> None:
        super().__init__(reason)
        self.order = order


class _Reader:
    """A process that reads one file after another, and is replaced when it has ended.

    Pools of processes share a queue, which is locked for ever by one that is killed while it waits
    there; here each has a pipe of its own, and its end is heard at once."""

    def __init__(self, take: Take, timeout_s: float) -> None:
        self._take = take
        self._timeout_s = timeout_s
        self._orders: deque[Order] = deque()
        self._running: _Running | None = None

    def begin(self, order: Order) -> None:
        """Have a file read after those that were begun before."""
        self._orders.append(order)
        if self._running is None:
            self._start()
        else:
            self._running.send(order)

    def result(self) -> Taken:
        """The first file that was begun, and has not been given.

        :raises _RefusedError: its process ended, or took too long
        """
        begun = False
        while True:
            if self._running is None:
                self._start()
            running = cast(_Running, self._running)
            try:
                taken = running.heard(self._timeout_s)
            except TimeoutError:
                raise self._refused(f"takes longer than {self._timeout_s:g} s to read") from None
            except EOFError:
                code, fresh = running.end(), running.fresh
                self._running = None
                if begun or fresh:
                    raise self._refused(
                        f"cannot be parsed: the process that tried ended with code {code}"
                    ) from None
                continue  # it was killed while it had nothing to do
            if taken is not None:
                self._orders.popleft()
                return taken
            begun = True

    def end(self) -> None:
        """End the process, and forget what was begun."""
        self._orders.clear()
        self._stop()

    def _refused(self, reason: str) -> _RefusedError:
        self._stop()
        return _RefusedError(self._orders.popleft(), reason)

    def _start(self) -> None:
        self._running = _Running(self._take)
        for order in self._orders:
            self._running.send(order)

    def _stop(self) -> None:
        if self._running is not None:
            self._running.end()
            self._running = None


class _Running:
    """A process, and our end of the pipe to it."""

    def __init__(self, take: Take) -> None:
        self.fresh = True
        """Whether nothing was heard of it yet."""
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, take), daemon=True)
        self._process.start()
        theirs.close()  # so that its end is heard when the process ends

    def send(self, order: Order) -> None:
        """Ask for a file; one that has ended is noticed when it is listened to."""
        try:
            self._pipe.send(order)
        except OSError:
            log.debug("the process that reads has ended")

    def heard(self, timeout_s: float) -> Taken | None:
        """A file that was read, or None for one that is begun.

        :raises TimeoutError: nothing was heard for so long
        :raises EOFError: it has ended
        """
        if not self._pipe.poll(timeout_s):
            raise TimeoutError
        try:
            said = cast(Taken | None, self._pipe.recv())
        except OSError as exc:
            raise EOFError from exc
        self.fresh = False
        return said

    def end(self) -> int | None:
        """Kill it if it is there yet, and give the code that it ended with."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        return self._process.exitcode


def _serve(pipe: Connection, take: Take) -> None:
    """Read what is asked for until nobody is there to ask: before each file None is sent, after it
    what came of it.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the asking process's matter
    try:
        while True:
            order = pipe.recv()
            pipe.send(None)
            pipe.send(take(order))
    except (EOFError, OSError):
        return


def _take(order: Order, max_bytes: int) -> Taken:
    name, fingerprint = path_text(order.path), None
    try:
        data, fingerprint = read_settled(order.path, max_bytes)
        if fingerprint.sha256 == order.sha256:
            return Taken(order, fingerprint)
        document = parse_document(name, data, id=order.id, tags=order.tags, max_bytes=max_bytes)
    except DocumentError as exc:
        return Taken(order, fingerprint, error=exc)
    except (
        Exception
    ) as exc:  # a parser's own bug: it is logged, the file refused, and the rest goes on
        log.exception("%s", name)
        return Taken(
            order,
            fingerprint,
            error=DocumentError(name, f"cannot be parsed ({type(exc).__name__}: {exc})"),
        )
    return Taken(order, fingerprint, document)
