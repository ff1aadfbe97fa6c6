"""Jobs: uploads that are taken in the background, one after the other, with progress and a way to
stop them.
"""

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

from corpus.document import Document
from corpus.errors import DocumentError, NotFoundError, QuothError, StoreError
from index.collection import Collection, FileResult
from index.ingest import Loaded

log = logging.getLogger("quoth")

MAX_WAITING = 16
MAX_FINISHED = 100


class State(StrEnum):
    """How far a job has come."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"


FINISHED = frozenset((State.DONE, State.CANCELLED, State.FAILED))


@dataclass(frozen=True, slots=True)
class Upload:
    """A document on its way: what it is called, and what makes it, or raises ``DocumentError``."""

    source: str
    load: Callable[[], Document]


@dataclass(slots=True)
class Job:
    """One upload. Changed by the thread that runs it alone, but for ``is_cancelled``.

    :param results: of what has been taken or refused so far
    :param reason: why the whole of it failed
    """

    id: str
    uploads: Sequence[Upload]
    total: int
    state: State = State.WAITING
    is_cancelled: bool = False
    results: list[FileResult] = field(default_factory=list)
    reason: str | None = None
    began: float | None = None
    took_s: float | None = None

    @property
    def elapsed_s(self) -> float | None:
        """Seconds since it began to run, None before."""
        return (
            time.monotonic() - self.began
            if self.took_s is None and self.began is not None
            else self.took_s
        )

    @property
    def left_s(self) -> float | None:
        """Seconds that the rest will take at the rate so far, None where there is none yet."""
        done, elapsed = len(self.results), self.elapsed_s
        if self.state is not State.RUNNING or not done or elapsed is None:
            return None
        return elapsed / done * (self.total - done)


class Jobs:
    """The jobs of one process. They are not kept over a restart; what they have stored is."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="jobs")
        self._lock = threading.Lock()
        self._jobs: dict[str, Job] = {}

    def start(self, uploads: Sequence[Upload]) -> Job:
        """A new job, which runs when those before it are finished.

        :raises StoreError: too many are waiting
        """
        job = Job(uuid.uuid4().hex, uploads, len(uploads))
        with self._lock:
            if sum(other.state is State.WAITING for other in self._jobs.values()) >= MAX_WAITING:
                raise StoreError(
                    f"{MAX_WAITING} jobs are waiting already; send this one when some of them "
                    "are done"
                )
            finished = [id for id, other in self._jobs.items() if other.state in FINISHED]
            for id in finished[: max(0, len(finished) - MAX_FINISHED + 1)]:
                del self._jobs[id]
            self._jobs[job.id] = job
            self._executor.submit(self._run, job)
        return job

    def find(self, id: str) -> Job:
        """The job of that id.

        :raises NotFoundError: there is none, or it was finished long ago
        """
        job = self._jobs.get(id)
        if job is None:
            raise NotFoundError(
                f"there is no job {id!r}; finished ones are forgotten with the next {MAX_FINISHED}"
            )
        return job

    def cancel(self, id: str) -> Job:
        """Stop a job after the batch at hand; what it has stored stays.

        :raises NotFoundError: there is no such job
        """
        job = self.find(id)
        with self._lock:
            _cancel(job)
        return job

    def close(self) -> None:
        """Stop every job after the batch at hand."""
        with self._lock:
            for job in self._jobs.values():
                _cancel(job)
        self._executor.shutdown()

    def _run(self, job: Job) -> None:
        with self._lock:
            if job.is_cancelled:
                return
            job.state, job.began = State.RUNNING, time.monotonic()
        state = State.FAILED
        try:
            for result in self._collection.put_files(_loaded(job)):
                job.results.append(result)
            state = State.CANCELLED if len(job.results) < job.total else State.DONE
        except QuothError as exc:
            job.reason = str(exc)
        except Exception:  # a bug must not be silent: it is logged, and the job says so
            job.reason = "something is wrong in Quoth itself; the log says what"
            log.exception("job %s", job.id)
        finally:
            job.took_s = job.elapsed_s
            job.uploads, job.state = (), state


def _cancel(job: Job) -> None:
    job.is_cancelled = True
    if job.state is State.WAITING:
        job.state, job.uploads = State.CANCELLED, ()


def _loaded(job: Job) -> Iterator[Loaded]:
    """Each document made when its turn comes, until the job is cancelled."""
    sources: dict[str, str] = {}
    for upload in job.uploads:
        if job.is_cancelled:
            return
        yield _load(upload, sources)


def _load(upload: Upload, sources: dict[str, str]) -> Loaded:
    try:
        document = upload.load()
        if document.id in sources:
            raise DocumentError(
                upload.source, f"has the id {document.id!r}, and so has {sources[document.id]}"
            )
    except DocumentError as exc:
        return Loaded(upload.source, error=exc)
    sources[document.id] = upload.source
    return Loaded(upload.source, document)
