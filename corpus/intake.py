"""The intake: files read and parsed in processes of their own, so that one which hangs or crashes its parser stops no
other, and reading goes on while documents are embedded."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import wait
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Self

import pebble

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.folder import Fingerprint, read_settled
from corpus.load import parse_document, path_text

READ_TIMEOUT_S = 600.0

_LOOK_S = 1.0
"""How often it is looked whether the processes are still there."""

log = logging.getLogger("quoth")

_FILES_FOR_A_PROCESS = 8
"""So many are read sooner than a process has started."""

_AHEAD = 4
"""Files that each process may be ahead of what is done with them; more would only fill the memory."""


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


class Intake:
    """Reads files in processes that start with the first file and stay until it is closed."""

    def __init__(self, processes: int, max_bytes: int, timeout_s: float = READ_TIMEOUT_S) -> None:
        """An intake.

        :param processes: 0 reads in this one, where a parser that crashes or hangs takes it along
        :param max_bytes: the largest file that is taken
        :param timeout_s: the longest that one file may take
        """
        self._processes = processes
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._take = partial(_take, max_bytes=max_bytes)
        self._pool: pebble.ProcessPool | None = None

    @classmethod
    def sized(cls, files: int, cores: int, max_bytes: int) -> Self:
        """An intake for so many files: processes for half of the cores, since the encoder has all; none for a few."""
        return cls(min(max(1, cores // 2), files // _FILES_FOR_A_PROCESS), max_bytes)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.stop()  # type: ignore[no-untyped-call]  # pebble types a part of its methods
            self._pool.join()
            self._pool = None

    def read(self, orders: Iterable[Order]) -> Iterator[Taken]:
        """The files, in order, each with its document or what is wrong with it."""
        return self._read_apart(orders) if self._processes else map(self._take, orders)

    def _read_apart(self, orders: Iterable[Order]) -> Iterator[Taken]:
        ahead: deque[_Reading] = deque()
        try:
            for order in orders:
                ahead.append(self._begun(order))
                if len(ahead) > _AHEAD * self._processes:
                    yield self._result(ahead.popleft())
            while ahead:
                yield self._result(ahead.popleft())
        finally:
            for reading in ahead:
                reading.future.cancel()  # type: ignore[no-untyped-call]

    def _begun(self, order: Order) -> "_Reading":
        pool = self._started()
        return _Reading(order, pool, pool.schedule(self._take, [order], timeout=self._timeout_s))

    def _started(self) -> pebble.ProcessPool:
        """The processes, new ones where they were killed while they had nothing to do."""
        if self._pool is None or not self._pool.active:
            # One that is broken is left behind: joining it can wait for ever. No fork: this process has threads, whose locks would be held for ever in its copy.
            self._pool = pebble.ProcessPool(self._processes, context=get_context("spawn"))
        return self._pool

    def _result(self, reading: "_Reading") -> Taken:
        while not reading.future.done() and reading.pool.active:
            wait([reading.future], timeout=_LOOK_S)
        if not reading.future.done():
            return self._result(self._begun(reading.order))  # its processes were killed before they got to it
        try:
            return reading.future.result()
        except TimeoutError:
            reason = f"takes longer than {self._timeout_s:g} s to read"
        except pebble.ProcessExpired as exc:
            reason = f"cannot be parsed: the process that tried ended with code {exc.exitcode}"
        return self._refused(reading.order, reason)

    def _refused(self, order: Order, reason: str) -> Taken:
        """The file with what it holds all the same, so that it is not tried again before it changes."""
        error = DocumentError(path_text(order.path), reason)
        try:
            return Taken(order, read_settled(order.path, self._max_bytes)[1], error=error)
        except DocumentError:
            return Taken(order, error=error)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A file on its way through the processes of a pool."""

    order: Order
    pool: pebble.ProcessPool
    future: "pebble.ProcessFuture[Taken]"


def _take(order: Order, max_bytes: int) -> Taken:
    name, fingerprint = path_text(order.path), None
    try:
        data, fingerprint = read_settled(order.path, max_bytes)
        if fingerprint.sha256 == order.sha256:
            return Taken(order, fingerprint)
        document = parse_document(name, data, id=order.id, tags=order.tags, max_bytes=max_bytes)
    except DocumentError as exc:
        return Taken(order, fingerprint, error=exc)
    except Exception as exc:  # a parser's own bug: it is logged, the file refused, and the rest goes on
        log.exception("%s", name)
        return Taken(order, fingerprint, error=DocumentError(name, f"cannot be parsed ({type(exc).__name__}: {exc})"))
    return Taken(order, fingerprint, document)
