"""Folders watched: a sync at once, one after every change, and one now and then for what no system
reports.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import watchfiles

from corpus.errors import QuothError
from corpus.files import is_ignored
from corpus.folder import folder_identity
from corpus.pool import ParserPool
from index.outcome import FileOutcome
from service.mirror.sync import Mirror

_QUIET_MS = 500
_MOST_MS = 5_000
_TICK_MS = 1_000
_RESCAN_S = 60.0

log = logging.getLogger("quoth")


class Watcher:
    """Follows folders until it is told to stop. Nothing that happens in them ends it."""

    def __init__(
        self,
        mirrors: Sequence[Mirror],
        pool: ParserPool,
        report: Callable[[FileOutcome], None],
        *,
        quiet_ms: int = _QUIET_MS,
        tick_ms: int = _TICK_MS,
        rescan_s: float = _RESCAN_S,
    ) -> None:
        """A watcher of the folders of ``mirrors``.

        :param report: is given each change
        :param quiet_ms: changes are taken together until nothing has changed for so long
        :param tick_ms: how often the folders themselves are looked at, which may be taken away and
            put back
        :param rescan_s: a sync even where no change was reported: network drives report none
        """
        self._mirrors = mirrors
        self._pool = pool
        self._report = report
        self._quiet_ms = quiet_ms
        self._tick_ms = tick_ms
        self._rescan_s = rescan_s
        self._faults: dict[Path, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Sync, then follow, until ``stop`` is set; the batch that is being written then is
        finished.
        """
        due = 0.0
        for has_changed in self._looks(stop):
            if has_changed or time.monotonic() >= due:
                for mirror in self._mirrors:
                    self._sync(mirror, stop)
                due = time.monotonic() + self._rescan_s

    def _sync(self, mirror: Mirror, stop: threading.Event) -> None:
        try:
            for change in mirror.carry_out(mirror.plan(), self._pool):
                self._report(change)
                if stop.is_set():
                    return
        except QuothError as exc:
            self._complain(mirror.folder, str(exc))
        except Exception:  # a bug must not end the watch: it is logged, and the folder tried again
            log.exception("%s: something is wrong in Quoth itself", mirror.folder)
        else:
            if self._faults.pop(mirror.folder, None):
                log.info("%s: is followed again", mirror.folder)

    def _complain(self, folder: Path, fault: str) -> None:
        """Say what is wrong, once until it changes."""
        if self._faults.get(folder) != fault:
            log.error("%s", fault)
        self._faults[folder] = fault

    def _looks(self, stop: threading.Event) -> Iterator[bool]:
        """Again and again, whether anything may have changed since the last time."""
        while not stop.is_set():
            try:
                yield from self._followed(stop)
            except (OSError, RuntimeError) as exc:  # watchfiles' own errors are RuntimeErrors
                self._complain(
                    Path(),
                    f"changes cannot be followed ({exc}); looking every {self._rescan_s:g} s "
                    "instead",
                )
            yield False
            stop.wait(self._tick_ms / 1000)

    def _followed(self, stop: threading.Event) -> Iterator[bool]:
        """The same while the folders are those of the beginning; the first time stands for what was
        missed.
        """
        places = self._places()
        folders = [folder for folder, place in places.items() if place]
        if not folders:
            return
        is_first = True
        for changes in watchfiles.watch(
            *folders,
            watch_filter=partial(_matters, folders),
            debounce=max(_MOST_MS, self._quiet_ms),
            step=self._quiet_ms,
            rust_timeout=self._tick_ms,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            yield is_first or bool(changes)
            is_first = False
            if self._places() != places:
                return

    def _places(self) -> dict[Path, tuple[int, int] | None]:
        """What each folder is told apart by from another at its path, None where there is none."""
        return {mirror.folder: folder_identity(mirror.folder) for mirror in self._mirrors}


@contextmanager
def watching(mirrors: Sequence[Mirror], pool: ParserPool) -> Iterator[None]:
    """Watch folders beside what else the process does; the batch that is being written at the end
    is finished.
    """
    stop = threading.Event()
    thread = threading.Thread(
        target=Watcher(mirrors, pool, log_outcome).run, args=(stop,), name="watch", daemon=True
    )
    if mirrors:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        if mirrors:
            thread.join()


def log_outcome(outcome: FileOutcome) -> None:
    """A line in the log for a file that changed or failed."""
    if outcome.is_news:
        log.log(
            logging.WARNING if outcome.is_failure else logging.INFO,
            "%s %s%s",
            outcome.status,
            outcome.source,
            f": {outcome.reason}" if outcome.reason else "",
        )


def _matters(folders: Sequence[Path], _change: watchfiles.Change, path: str) -> bool:
    """Whether a change there can be one of documents: not in what is hidden, as the data folder
    mostly is.
    """
    within = [
        Path(path).relative_to(folder) for folder in folders if Path(path).is_relative_to(folder)
    ]
    return not any(is_ignored(part) for place in within for part in place.parts)
