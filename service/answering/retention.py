"""Retention: how long answers and former versions are kept, and the thread that deletes them."""

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from corpus.errors import StoreError
from index.collection import Collection
from service.answering.history import AnswerHistory
from service.settings import KEEP_ANSWERS_DAYS, KEEP_ANSWERS_MB, Settings

_FIRST_AFTER_S = 30.0
_EVERY_S = 600.0

log = logging.getLogger("quoth")


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept.

    :param answers_days: how long an answer is kept after it was last asked for
    :param answers_bytes: the most that all answers may take
    :param originals: whether the files that documents are read from are kept
    :param versions: how many former versions of a document are kept; None keeps all
    """

    answers_days: float = KEEP_ANSWERS_DAYS
    answers_bytes: int = int(KEEP_ANSWERS_MB * 1_000_000)
    versions: int | None = None
    originals: bool = True

    @classmethod
    def of(cls, settings: Settings) -> "Retention":
        """What the settings say."""
        return cls(
            settings.keep_answers_days,
            int(settings.keep_answers_mb * 1_000_000),
            settings.keep_versions,
            settings.keep_originals,
        )


class Housekeeping:
    """Deletes what need not be kept, again and again, in a thread of the process that writes."""

    def __init__(
        self, collection: Collection, history: AnswerHistory, retention: Retention
    ) -> None:
        self._collection = collection
        self._history = history
        self._retention = retention
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)

    def start(self) -> None:
        """Begin. The first round comes soon, and the others every ten minutes."""
        self._thread.start()

    def stop(self) -> None:
        """End after the step that is under way."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def clean(self) -> None:
        """Delete what need not be kept. What fails is tried again in the next round."""
        before = datetime.now(UTC) - timedelta(days=self._retention.answers_days)
        steps = (
            self._history.recount,
            lambda: self._history.prune(before),
            self._history.delete_unneeded_links,
            self._collection.clean,
        )
        for step in steps:
            if self._stop.is_set():
                return
            try:
                step()
            except StoreError as exc:
                log.warning("housekeeping: %s", exc)

    def _run(self) -> None:
        pause_s = _FIRST_AFTER_S
        while not self._stop.wait(pause_s):
            self.clean()
            pause_s = _EVERY_S
