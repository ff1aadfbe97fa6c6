"""A pool of worker processes that read and parse files.

A parser that hangs or crashes costs only the file it had, and files are parsed while others are
being embedded.
"""

import logging
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self, cast

from corpus.errors import DocumentError
from corpus.files import path_text, read_settled
from corpus.load import ParseResult, ParseTask, parse_document

PARSE_TIMEOUT_S = 600.0

log = logging.getLogger("quoth")

_FILES_PER_WORKER = 8
"""Fewer files than this are parsed sooner than a worker process starts."""

_TASKS_AHEAD = 4
"""How many results each worker may be ahead of the caller. More would only fill the memory."""

_SPAWN = get_context("spawn")
"""Not fork: this process has threads, and a fork would copy their locks in the locked state."""

_Parse = Callable[[ParseTask], ParseResult]


class ParserPool:
    """Parses files in worker processes, which start with the first file and run until closed."""

    def __init__(self, workers: int, max_bytes: int, timeout_s: float = PARSE_TIMEOUT_S) -> None:
        """Create a pool.

        :param workers: how many processes; 0 parses in this process, without any protection from
            a parser that crashes or hangs
        :param max_bytes: the size of the largest file that is accepted
        :param timeout_s: how long to wait for one file
        """
        self._max_bytes = max_bytes
        self._parse = partial(_parse, max_bytes=max_bytes)
        self._workers = [_Worker(self._parse, timeout_s) for _ in range(workers)]

    @classmethod
    def sized(cls, files: int, cores: int, max_bytes: int) -> Self:
        """A pool for a known number of files.

        It uses at most half of the cores, because the encoder uses all of them, and no worker at
        all for only a few files.
        """
        return cls(min(max(1, cores // 2), files // _FILES_PER_WORKER), max_bytes)

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
        """Stop the workers."""
        for worker in self._workers:
            worker.stop()

    def parse(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        """One result for each task, in the order of the tasks."""
        return self._parse_in_workers(tasks) if self._workers else map(self._parse, tasks)

    def _parse_in_workers(self, tasks: Iterable[ParseTask]) -> Iterator[ParseResult]:
        # The workers take turns, so the next result always comes from the first one in the queue.
        queue: deque[_Worker] = deque()
        try:
            for number, task in enumerate(tasks):
                worker = self._workers[number % len(self._workers)]
                worker.submit(task)
                queue.append(worker)
                if len(queue) > _TASKS_AHEAD * len(self._workers):
                    yield self._next_result(queue.popleft())
            while queue:
                yield self._next_result(queue.popleft())
        finally:
            for worker in queue:
                worker.stop()

    def _next_result(self, worker: "_Worker") -> ParseResult:
        try:
            return worker.result()
        except _WorkerError as failure:
            path = failure.task.path
            source = path_text(path)
            error = DocumentError(source, str(failure))
        # The result still carries the fingerprint, so that the file is tried again only when it
        # changes.
        try:
            fingerprint = read_settled(path, self._max_bytes)[1]
        except DocumentError:
            fingerprint = None
        return ParseResult(source, error=error, fingerprint=fingerprint)


class _WorkerError(Exception):
    """A worker crashed or hung on a file."""

    def __init__(self, task: ParseTask, reason: str) -> None:
        super().__init__(reason)
        self.task = task


class _Worker:
    """Parses one file after another in a process that is replaced when it ends.

    The pools of the standard library share one queue, and a process that is killed while it waits
    there leaves the queue locked for ever. Here each process has a pipe of its own, and closing
    the pipe reports its end at once.
    """

    def __init__(self, parse: _Parse, timeout_s: float) -> None:
        self._parse = parse
        self._timeout_s = timeout_s
        self._tasks: deque[ParseTask] = deque()
        self._process: _WorkerProcess | None = None

    def submit(self, task: ParseTask) -> None:
        """Parse a file after those submitted before it."""
        self._tasks.append(task)
        if self._process is None:
            self._start()
        else:
            self._process.send(task)

    def result(self) -> ParseResult:
        """The result of the oldest task without one.

        :raises _WorkerError: the process crashed or timed out on it
        """
        has_begun = False
        while True:
            if self._process is None:
                self._start()
            process = cast(_WorkerProcess, self._process)
            try:
                result = process.receive(self._timeout_s)
            except TimeoutError:
                raise self._failed(f"takes longer than {self._timeout_s:g} s to read") from None
            except EOFError:
                code, is_new = process.kill(), process.is_new
                self._process = None
                if has_begun or is_new:
                    raise self._failed(
                        f"cannot be parsed: the process that tried ended with code {code}"
                    ) from None
                # The process was killed while it was idle, which is not the fault of this file.
                continue
            if result is not None:
                self._tasks.popleft()
                return result
            has_begun = True

    def stop(self) -> None:
        """Kill the process and drop all tasks."""
        self._tasks.clear()
        self._kill()

    def _failed(self, reason: str) -> _WorkerError:
        self._kill()
        return _WorkerError(self._tasks.popleft(), reason)

    def _start(self) -> None:
        self._process = _WorkerProcess(self._parse)
        for task in self._tasks:
            self._process.send(task)

    def _kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None


class _WorkerProcess:
    """A process and our end of the pipe to it."""

    def __init__(self, parse: _Parse) -> None:
        self.is_new = True
        """Whether it has sent nothing yet."""
        self._pipe, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=_serve, args=(theirs, parse), daemon=True)
        self._process.start()
        # Their end must be open only in the process, so that its end closes the pipe.
        theirs.close()

    def send(self, task: ParseTask) -> None:
        """Send a task. If the process has ended, :meth:`receive` reports it."""
        try:
            self._pipe.send(task)
        except OSError:
            log.debug("the parser process has ended")

    def receive(self, timeout_s: float) -> ParseResult | None:
        """The next result, or None when a task has begun.

        :raises TimeoutError: the process sent nothing for ``timeout_s``
        :raises EOFError: the process has ended
        """
        if not self._pipe.poll(timeout_s):
            raise TimeoutError
        try:
            message = cast(ParseResult | None, self._pipe.recv())
        except OSError as exc:
            raise EOFError from exc
        self.is_new = False
        return message

    def kill(self) -> int | None:
        """Kill the process if it still runs, and return its exit code."""
        self._process.kill()
        self._process.join()
        self._pipe.close()
        return self._process.exitcode


def _serve(pipe: Connection, parse: _Parse) -> None:
    """Parse what arrives until the pipe is closed: send None before each file, then its result."""
    # Ctrl-C is handled by the process that owns the pool.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            task = pipe.recv()
            pipe.send(None)
            pipe.send(parse(task))
    except (EOFError, OSError):
        return


def _parse(task: ParseTask, max_bytes: int) -> ParseResult:
    source, fingerprint = path_text(task.path), None
    try:
        data, fingerprint = read_settled(task.path, max_bytes)
        if fingerprint.sha256 == task.known_sha256:
            return ParseResult(source, fingerprint=fingerprint)
        document = parse_document(
            source, data, document_id=task.document_id, tags=task.tags, max_bytes=max_bytes
        )
    except DocumentError as exc:
        return ParseResult(source, error=exc, fingerprint=fingerprint)
    except Exception as exc:
        # A bug in a parser is logged and costs only this file.
        log.exception("%s", source)
        error = DocumentError(source, f"cannot be parsed ({type(exc).__name__}: {exc})")
        return ParseResult(source, error=error, fingerprint=fingerprint)
    return ParseResult(source, document, fingerprint=fingerprint)
