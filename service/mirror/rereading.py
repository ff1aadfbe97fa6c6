"""Rereading: kept files whose format is now extracted by other code are read again in the
background, while the index answers from what it has.

The files of synced folders are read again by the sync of their folder.
"""

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath

from corpus.errors import DocumentError, QuothError
from corpus.load import ParseResult, ParseTask, extraction_revisions
from corpus.pool import ParserPool
from index.collection import Collection
from index.ingest import write_batches
from index.outcome import FileStatus
from index.store.documents import DocumentSummary
from service.mirror.ledger import Ledger

log = logging.getLogger("quoth")


class Rereading:
    """Reads the kept files of a collection again."""

    def __init__(self, collection: Collection, pool: ParserPool) -> None:
        self._collection = collection
        self._pool = pool

    def outdated(self) -> list[DocumentSummary]:
        """The documents whose kept file would be extracted by other code now."""
        revisions = self._collection.store.extraction() or {}
        changed = {
            suffix
            for suffix, revision in extraction_revisions().items()
            if revisions.get(suffix) != revision
        }
        if not changed:
            return []
        synced = Ledger(self._collection.store.database).claims()
        return [
            summary
            for summary in self._collection.documents()
            if summary.original is not None
            and summary.id not in synced
            and _suffix(summary) in changed
        ]

    def run(self, stop: threading.Event) -> int:
        """Read the outdated files again, a batch at a time. If it is stopped, the next run begins
        again. A document whose file can no longer be read stays as it is.

        :return: how many documents have changed
        :raises StoreError: this process may not write, or the disk is full
        """
        outdated = self.outdated()
        if outdated:
            log.info(
                "%d kept files are read again, because they are read better now", len(outdated)
            )
        changed = 0
        versions = {summary.id: summary.version for summary in outdated}
        tasks = [self._task(summary) for summary in outdated]
        results = zip(outdated, self._pool.parse(tasks), strict=True)
        for batch in write_batches(_named(results)):
            if stop.is_set():
                return changed
            changed += self._store(batch, versions)
        self._collection.store.set_extraction(extraction_revisions())
        if outdated:
            log.info("the kept files are read again: %d documents have changed", changed)
        return changed

    def _task(self, summary: DocumentSummary) -> ParseTask:
        return ParseTask(
            self._collection.originals.path(summary.original or ""),
            summary.id,
            summary.tags,
            kept_name=summary.file_name,
            # What the file states may narrow them since, and never opens the document.
            groups=summary.groups,
        )

    def _store(self, batch: Sequence[ParseResult], versions: dict[str, str]) -> int:
        """Store a batch, and return how many documents it changed. A document that cannot be
        stored stays as it is.
        """
        documents = [result.document for result in batch if result.document is not None]
        try:
            done = self._collection.exchange(documents, only_over=versions)
        except DocumentError as exc:
            if len(batch) == 1:
                log.warning("%s; its document stays as it is", exc)
                return 0
            return sum(self._store([each], versions) for each in batch)
        return sum(outcome.status is FileStatus.UPDATED for outcome in done.outcomes)


@contextmanager
def rereading(collection: Collection, pool: ParserPool) -> Iterator[None]:
    """Read outdated kept files again in a thread of its own. At the end, the batch that is being
    written is finished first.
    """
    stop = threading.Event()

    def run() -> None:
        try:
            Rereading(collection, pool).run(stop)
        except QuothError as exc:
            if not stop.is_set():
                log.error("kept files could not be read again, which the next start does: %s", exc)
        except Exception:
            # A bug must not go unnoticed, and costs only this.
            log.exception("kept files could not be read again")

    thread = threading.Thread(target=run, name="rereading", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _suffix(summary: DocumentSummary) -> str:
    return PurePosixPath(summary.file_name or "").suffix.lower()


def _named(results: Iterator[tuple[DocumentSummary, ParseResult]]) -> Iterator[ParseResult]:
    """The results, whose documents keep the ids that they have."""
    for summary, result in results:
        if result.error is not None:
            log.warning("%s; its document stays as it is", result.error)
        if result.document is not None and result.document.id != summary.id:
            yield replace(result, document=replace(result.document, id=summary.id))
        else:
            yield result
