"""Jobs: large uploads that are stored in the background, one job after another. A client can follow
a job's progress and cancel it.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.claims import with_unique_ids
from corpus.document import Document
from corpus.errors import DocumentError, NotFoundError, QuothError, StoreError
from corpus.load import ParseResult
from index.collection import Admit, Collection, stay_in_collection
from index.filters import EVERYTHING, Scope
from index.outcome import FileOutcome

log = logging.getLogger("quoth")

MAX_WAITING = 16
MAX_FINISHED = 100


class JobState(StrEnum):
    """How far a job has got."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


FINISHED = frozenset((JobState.DONE, JobState.CANCELLED, JobState.FAILED))


@dataclass(frozen=True, slots=True)
class Upload:
    """One file or document of an upload.

    :param load: gives the document or raises ``DocumentError``; it may give up when the event that
        it gets is set
    """

    source: str
    load: Callable[[threading.Event], Document]


@dataclass(slots=True)
class Job:
    """One upload of many documents. Only the thread that runs the job changes it, except for
    ``cancelled``, which any thread may set.

    :param total: how many documents were uploaded
    :param admit: whether they may replace documents that are stored
    :param scope: the scope of the request that started it. In another one, there is no such job
    :param outcomes: what became of the documents so far
    :param reason: why the job failed as a whole
    :param started_s: when the job started, on the monotonic clock
    :param duration_s: how long it ran, once it has finished
    """

    id: str
    uploads: Sequence[Upload]
    total: int
    state: JobState = JobState.WAITING
    admit: Admit = stay_in_collection
    scope: Scope = EVERYTHING
    cancelled: threading.Event = field(default_factory=threading.Event)
    outcomes: list[FileOutcome] = field(default_factory=list)
    reason: str | None = None
    started_s: float | None = None
    duration_s: float | None = None

    @property
    def elapsed_s(self) -> float | None:
        """Seconds that the job has run so far, None while it waits."""
        if self.duration_s is None and self.started_s is not None:
            return time.monotonic() - self.started_s
        return self.duration_s

    @property
    def remaining_s(self) -> float | None:
        """Seconds that the rest will take at the rate so far, None while no rate is known."""
        done, elapsed = len(self.outcomes), self.elapsed_s
        if self.state is not JobState.RUNNING or not done or elapsed is None:
            return None
        return elapsed / done * (self.total - done)


class Jobs:
    """The jobs of one process. A restart forgets them, but keeps the documents they stored."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="jobs")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(
        self,
        uploads: Sequence[Upload],
        admit: Admit = stay_in_collection,
        scope: Scope = EVERYTHING,
    ) -> Job:
        """Queue a job behind those that were started before.

        :raises StoreError: too many jobs are waiting
        """
        job = Job(uuid.uuid4().hex, uploads, len(uploads), admit=admit, scope=scope)
        with self._lock:
            waiting = sum(other.state is JobState.WAITING for other in self._jobs.values())
            if waiting >= MAX_WAITING:
                raise StoreError(
                    f"{MAX_WAITING} jobs are waiting already; try again when some of them are done"
                )
            finished = [job_id for job_id, other in self._jobs.items() if other.state in FINISHED]
            for job_id in finished[: max(0, len(finished) - MAX_FINISHED + 1)]:
                del self._jobs[job_id]
            self._jobs[job.id] = job
            self._executor.submit(self._run, job)
        return job

    def find(self, job_id: str, scope: Scope = EVERYTHING) -> Job:
        """The job with that id, if it was started in this scope, or the scope is everything.

        :raises NotFoundError: there is no such job, or it finished too long ago
        """
        job = self._jobs.get(job_id)
        if job is None or scope not in (EVERYTHING, job.scope):
            raise NotFoundError(
                f"there is no job {job_id!r}; only the last {MAX_FINISHED} finished jobs are kept"
            )
        return job

    def cancel(self, job_id: str, scope: Scope = EVERYTHING) -> Job:
        """Stop a job after its current batch. The documents it has stored stay.

        :raises NotFoundError: there is no such job
        """
        job = self.find(job_id, scope)
        with self._lock:
            _cancel(job)
        return job

    def stop(self) -> None:
        """Let every job end after its current batch, without waiting for that."""
        with self._lock:
            for job in self._jobs.values():
                _cancel(job)

    def close(self) -> None:
        """Stop every job after its current batch."""
        self.stop()
        self._executor.shutdown()

    def _run(self, job: Job) -> None:
        with self._lock:
            if job.cancelled.is_set():
                return
            job.state, job.started_s = JobState.RUNNING, time.monotonic()
        state = JobState.FAILED
        try:
            for outcome in self._collection.put_files(with_unique_ids(_parsed(job)), job.admit):
                job.outcomes.append(outcome)
            state = JobState.CANCELLED if len(job.outcomes) < job.total else JobState.DONE
        except QuothError as exc:
            job.reason = str(exc)
        except Exception:
            # A bug must not go unnoticed: the log has the details, and the job reports it.
            job.reason = "an internal error; the log has the details"
            log.exception("job %s", job.id)
        finally:
            job.duration_s = job.elapsed_s
            job.uploads, job.state = (), state


def _cancel(job: Job) -> None:
    job.cancelled.set()
    if job.state is JobState.WAITING:
        job.state, job.uploads = JobState.CANCELLED, ()


def _parsed(job: Job) -> Iterator[ParseResult]:
    """Each upload, parsed only when it is its turn, until the job is cancelled."""
    for upload in job.uploads:
        if job.cancelled.is_set():
            return
        try:
            result = ParseResult(upload.source, upload.load(job.cancelled))
        except DocumentError as exc:
            # What was given up because the job was cancelled has not failed.
            if job.cancelled.is_set():
                return
            result = ParseResult(upload.source, error=exc)
        yield result
