"""Watching folders: syncs each of them at once, after every change, and at intervals, because some
file systems do not report changes.
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
from corpus.folder_groups import SETTINGS_FILE
from corpus.pool import ParserPool
from index.outcome import FileOutcome
from service.mirror.sync import Mirror

_QUIET_MS = 500
_MAX_WAIT_MS = 5_000
_TICK_MS = 1_000
_RESCAN_S = 60.0

log = logging.getLogger("quoth")


class Watcher:
    """Follows folders until it is told to stop. No error in a folder stops it."""

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

        :param report: called with each outcome
        :param quiet_ms: changes are collected until nothing has changed for this long
        :param tick_ms: how often to check whether a folder was deleted, created or replaced
        :param rescan_s: the longest time between two syncs, because network drives do not report
            changes
        """
        self._mirrors = mirrors
        self._pool = pool
        self._report = report
        self._quiet_ms = quiet_ms
        self._tick_ms = tick_ms
        self._rescan_s = rescan_s
        self._errors: dict[Path, str] = {}

    def run(self, stop: threading.Event) -> None:
        """Sync and follow the folders until ``stop`` is set. The batch that is being written then
        is finished first.
        """
        due = 0.0
        for may_have_changed in self._checks(stop):
            if may_have_changed or time.monotonic() >= due:
                for mirror in self._mirrors:
                    self._sync(mirror, stop)
                due = time.monotonic() + self._rescan_s

    def _sync(self, mirror: Mirror, stop: threading.Event) -> None:
        try:
            for outcome in mirror.carry_out(mirror.plan(), self._pool):
                self._report(outcome)
                if stop.is_set():
                    return
        except QuothError as exc:
            self._log_once(mirror.folder, str(exc))
        except Exception:
            # A bug must not end the watch: it is logged, and the folder is tried again.
            log.exception("%s: internal error", mirror.folder)
        else:
            if self._errors.pop(mirror.folder, None):
                log.info("%s: is followed again", mirror.folder)

    def _log_once(self, folder: Path, error: str) -> None:
        """Log an error, unless it is the last one that was logged for the folder."""
        if self._errors.get(folder) != error:
            log.error("%s", error)
        self._errors[folder] = error

    def _checks(self, stop: threading.Event) -> Iterator[bool]:
        """At each tick, whether anything may have changed since the tick before."""
        while not stop.is_set():
            try:
                yield from self._changes(stop)
            except (OSError, RuntimeError) as exc:  # watchfiles raises RuntimeErrors
                self._log_once(
                    Path(),
                    f"changes cannot be followed ({exc}); the folders are scanned every "
                    f"{self._rescan_s:g} s instead",
                )
            yield False
            stop.wait(self._tick_ms / 1000)

    def _changes(self, stop: threading.Event) -> Iterator[bool]:
        """The same, until a folder is deleted, created or replaced. The first value is True, for
        changes that were made before watching began.
        """
        identities = self._identities()
        folders = [folder for folder, identity in identities.items() if identity]
        if not folders:
            return
        is_first = True
        for changes in watchfiles.watch(
            *folders,
            watch_filter=partial(_is_relevant, folders),
            debounce=max(_MAX_WAIT_MS, self._quiet_ms),
            step=self._quiet_ms,
            rust_timeout=self._tick_ms,
            yield_on_timeout=True,
            stop_event=stop,
            raise_interrupt=False,
            ignore_permission_denied=True,
        ):
            yield is_first or bool(changes)
            is_first = False
            if self._identities() != identities:
                return

    def _identities(self) -> dict[Path, tuple[int, int] | None]:
        return {mirror.folder: folder_identity(mirror.folder) for mirror in self._mirrors}


@contextmanager
def watching(mirrors: Sequence[Mirror], pool: ParserPool) -> Iterator[None]:
    """Watch folders in a thread of their own. At the end, the batch that is being written is
    finished first.
    """
    if not mirrors:
        yield
        return
    stop = threading.Event()
    watcher = Watcher(mirrors, pool, log_outcome)
    thread = threading.Thread(target=watcher.run, args=(stop,), name="watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def log_outcome(outcome: FileOutcome) -> None:
    """Log what became of a file, if anything changed."""
    if outcome.is_news:
        log.log(
            logging.WARNING if outcome.is_failure else logging.INFO,
            "%s %s%s",
            outcome.status,
            outcome.source,
            f": {outcome.reason}" if outcome.reason else "",
        )


def _is_relevant(folders: Sequence[Path], _change: watchfiles.Change, path: str) -> bool:
    """Whether a change at ``path`` may be one of a document or of its groups. Nothing in a hidden
    folder is, and the data folder usually is hidden.
    """
    changed = Path(path)
    for folder in folders:
        if changed.is_relative_to(folder):
            parts = changed.relative_to(folder).parts
            above = parts[:-1] if changed.name == SETTINGS_FILE else parts
            return not any(map(is_ignored, above))
    return True
