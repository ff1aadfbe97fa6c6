"""A pool of processes that read and parse files: of folders, single files, uploads and jobs alike.

A parser that hangs, crashes or takes too much costs only the file it had, and files are parsed
while others are being embedded.
"""

import logging
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.limits import ParseLimits
from corpus.load import PageTask, ParseResult, Task, is_known, parse_task, read_task, with_content
from corpus.parser_process import ParserGoneError, ParserProcess

_FILES_PER_WORKER = 8
"""With fewer files for each, another worker is not worth its start."""

_TASKS_AHEAD = 4
"""How many results each worker may be ahead of the caller. More would only fill the memory."""

_ATTEMPTS = 3
"""How many processes are tried that end before they begin with the file."""

_STOP_CHECK_S = 0.1

log = logging.getLogger("quoth")


class ParsingStoppedError(Exception):
    """A file was not parsed, because its caller or the pool was no longer interested."""


class PendingParse:
    """A file that waits for a worker, or that a worker is parsing."""

    def __init__(self) -> None:
        self.future: Future[ParseResult] = Future()
        """Gives the result, or raises ParsingStoppedError."""
        self.is_cancelled = False
        self._process: ParserProcess | None = None
        self._lock = threading.Lock()

    def cancel(self) -> None:
        """Take the file out of the queue, or end the process that parses it. A file that has been
        parsed stays so.
        """
        with self._lock:
            self.is_cancelled = True
            if self._process is not None:
                self._process.kill()

    def parse(self, process: ParserProcess, task: Task | PageTask) -> ParseResult:
        """What came of the file.

        :raises ParsingStoppedError: it was cancelled
        :raises ParserGoneError: the process ended before it began
        """
        with self._lock:
            if self.is_cancelled:
                raise ParsingStoppedError
            self._process = process
        try:
            result = process.parse(task)
        finally:
            with self._lock:
                self._process = None
        # The process was killed for that, which is not the fault of the file.
        if self.is_cancelled:
            raise ParsingStoppedError
        return result


class ParserPool:
    """Parses files in worker processes, which start with the first file and run until closed.

    Any number of threads may use it at once. Files are parsed in the order in which they were
    submitted, so callers that submit a few at a time share the workers fairly.
    """

    def __init__(self, workers: int, limits: ParseLimits) -> None:
        """Create a pool.

        :param workers: how many processes; 0 parses in this process without any protection, which
            is only for files that are trusted
        """
        self._limits = limits
        self._workers = workers
        self._threads = ThreadPoolExecutor(max(1, workers), thread_name_prefix="parse")
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []
        self._pending: set[PendingParse] = set()
        self._is_closed = False

    @classmethod
    def sized(cls, files: int, cores: int, limits: ParseLimits) -> Self:
        """A pool for a known number of files, whose first process is starting already.

        It uses at most half of the cores, because the encoder uses all of them.
        """
        pool = cls(max(1, min(cores // 2, files // _FILES_PER_WORKER)), limits)
        if files:
            pool.warm()
        return pool

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
        """Cancel what is being parsed, and end the processes."""
        with self._lock:
            self._is_closed = True
            pending = list(self._pending)
        for each in pending:
            each.cancel()
        self._threads.shutdown()
        while self._idle:
            self._idle.pop().close()

    def warm(self) -> None:
        """Start the first process in the background, so that the first file need not wait."""
        if self._workers:
            self._threads.submit(lambda: self._put_back(self._take()))

    def parse(self, tasks: Iterable[Task]) -> Iterator[ParseResult]:
        """One result for each task, in the order of the tasks."""
        if not self._workers:
            yield from (_parse_here(task, self._limits) for task in tasks)
            return
        queue: deque[PendingParse] = deque()
        try:
            for task in tasks:
                queue.append(self.submit(task))
                if len(queue) > _TASKS_AHEAD * self._workers:
                    yield queue.popleft().future.result()
            while queue:
                yield queue.popleft().future.result()
        finally:
            for pending in queue:
                pending.cancel()

    def load(self, task: Task, stop: threading.Event) -> Document:
        """The document in a file.

        :param stop: ends the parsing when it is set
        :raises DocumentError: the file is refused, or the parsing was ended
        """
        pending = self.submit(task)
        while True:
            try:
                return pending.future.result(_STOP_CHECK_S).required_document()
            except TimeoutError:
                if stop.is_set():
                    pending.cancel()
            except ParsingStoppedError:
                raise DocumentError(task.source, "was not read, because this was stopped") from None

    def submit(self, task: Task | PageTask) -> PendingParse:
        """Parse a file after those submitted before it."""
        pending = PendingParse()
        with self._lock:
            if self._is_closed:
                pending.future.set_exception(ParsingStoppedError())
                return pending
            self._pending.add(pending)
            self._threads.submit(self._run, task, pending)
        return pending

    def _run(self, task: Task | PageTask, pending: PendingParse) -> None:
        try:
            # False if somebody who awaited the future was cancelled meanwhile.
            if pending.future.set_running_or_notify_cancel():
                pending.future.set_result(self._result(task, pending))
        except BaseException as exc:
            pending.future.set_exception(exc)
        finally:
            with self._lock:
                self._pending.discard(pending)

    def _result(self, task: Task | PageTask, pending: PendingParse) -> ParseResult:
        if not self._workers:
            return _parse_here(task, self._limits)
        for _ in range(_ATTEMPTS):
            process = self._take()
            try:
                return pending.parse(process, task)
            except ParserGoneError:
                # It was killed while it was idle, which is not the fault of this file.
                log.debug("a parser process had ended; another one is started")
            finally:
                self._put_back(process)
        error = DocumentError(task.source, "cannot be read: no process to parse it could be kept")
        return ParseResult(task.source, error=error)

    def _take(self) -> ParserProcess:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return ParserProcess(self._limits)

    def _put_back(self, process: ParserProcess) -> None:
        if process.is_usable:
            with self._lock:
                self._idle.append(process)
        else:
            process.close()


def _parse_here(task: Task | PageTask, limits: ParseLimits) -> ParseResult:
    fingerprint = None
    try:
        data, fingerprint = read_task(task, limits)
        if is_known(task, fingerprint):
            return ParseResult(task.source, fingerprint=fingerprint)
        if isinstance(task, PageTask):
            return ParseResult(task.source, image=task.image(data))
        document = parse_task(task, data, limits)
    except DocumentError as exc:
        error = DocumentError(task.source, exc.reason)
        return ParseResult(task.source, error=error, fingerprint=fingerprint)
    except Exception as exc:
        # A bug in a parser is logged and costs only this file.
        log.exception("%s", task.source)
        error = DocumentError(task.source, f"cannot be parsed ({type(exc).__name__}: {exc})")
        return ParseResult(task.source, error=error, fingerprint=fingerprint)
    document = with_content(document, task, fingerprint, limits)
    return ParseResult(task.source, document, fingerprint=fingerprint)
