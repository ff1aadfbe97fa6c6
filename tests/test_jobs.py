"""Jobs: uploads are stored in the background, one after another, and can be cancelled."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from corpus.document import Document
from corpus.errors import DocumentError, NotFoundError, StoreError
from index.collection import Collection
from index.outcome import FileOutcome, FileStatus
from service.mirror import jobs as jobs_module
from service.mirror.jobs import FINISHED, MAX_WAITING, Job, Jobs, JobState, Upload

Make = Callable[..., Document]

WAIT_S = 60


class Gate:
    """An upload that waits in ``load`` until it is opened."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.is_reached = threading.Event()
        self.opened = threading.Event()

    def load(self, _stop: threading.Event) -> Document:
        self.is_reached.set()
        assert self.opened.wait(WAIT_S)
        return self._document


@pytest.fixture
def collection(open_collection: Callable[..., Collection]) -> Collection:
    return open_collection()


@pytest.fixture
def jobs(collection: Collection) -> Iterator[Jobs]:
    running = Jobs(collection)
    yield running
    running.close()


@pytest.fixture
def gate(make: Make) -> Gate:
    return Gate(make("gate"))


def end(job: Job) -> JobState:
    """Wait for the end of a job, and return its state."""
    deadline = time.monotonic() + WAIT_S
    while job.state not in FINISHED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return job.state


def uploads(make: Make, *names: str) -> list[Upload]:
    def made(name: str, _stop: threading.Event) -> Document:
        return make(name)

    return [Upload(name, partial(made, name)) for name in names]


def ids(collection: Collection) -> list[str]:
    return [summary.id for summary in collection.documents()]


def test_jobs_run_one_after_another(
    jobs: Jobs, collection: Collection, make: Make, gate: Gate
) -> None:
    first = jobs.start([Upload("gate", gate.load)])
    second = jobs.start(uploads(make, "a"))
    assert gate.is_reached.wait(WAIT_S)
    assert (first.state, second.state, second.elapsed_s) == (
        JobState.RUNNING,
        JobState.WAITING,
        None,
    )
    gate.opened.set()
    assert (end(first), end(second)) == (JobState.DONE, JobState.DONE)
    assert (ids(collection), jobs.find(first.id)) == (["a", "gate"], first)


def test_a_waiting_job_is_cancelled_at_once(
    jobs: Jobs, collection: Collection, make: Make, gate: Gate
) -> None:
    first = jobs.start([Upload("gate", gate.load)])
    second = jobs.start(uploads(make, "a"))
    assert gate.is_reached.wait(WAIT_S)
    assert jobs.cancel(second.id).state is JobState.CANCELLED
    assert second.uploads == ()
    gate.opened.set()
    assert (end(first), end(jobs.start(uploads(make, "b")))) == (JobState.DONE, JobState.DONE)
    assert (ids(collection), second.elapsed_s) == (["b", "gate"], None)


def test_a_running_job_is_cancelled_after_its_current_batch(
    jobs: Jobs, collection: Collection, make: Make, gate: Gate
) -> None:
    job = jobs.start([*uploads(make, "a"), Upload("gate", gate.load), *uploads(make, "b", "c")])
    assert gate.is_reached.wait(WAIT_S)
    assert jobs.cancel(job.id).state is JobState.RUNNING
    gate.opened.set()
    assert (end(job), len(job.outcomes), job.remaining_s) == (JobState.CANCELLED, 2, None)
    assert ids(collection) == ["a", "gate"]
    assert jobs.cancel(job.id).state is JobState.CANCELLED


def test_a_bad_upload_fails_alone_and_so_does_a_second_one_with_the_same_id(
    jobs: Jobs, collection: Collection, make: Make
) -> None:
    def bad(_stop: threading.Event) -> Document:
        raise DocumentError("bad.pdf", "is encrypted")

    job = jobs.start([*uploads(make, "a"), Upload("bad.pdf", bad), *uploads(make, "a", "b")])
    assert end(job) is JobState.DONE
    assert [(outcome.source, outcome.status.value, outcome.reason) for outcome in job.outcomes] == [
        ("a", "added", None),
        ("bad.pdf", "failed", "is encrypted"),
        ("a", "failed", "has the id 'a', which a has too; give one of them another id"),
        ("b", "added", None),
    ]
    assert ids(collection) == ["a", "b"]
    # What was uploaded may be large, and is not kept.
    assert job.uploads == ()
    first = job.elapsed_s
    assert (job.elapsed_s, first is None) == (first, False)


def test_the_remaining_time_follows_from_the_rate_so_far(make: Make) -> None:
    job = Job(
        "1", uploads(make, "a", "b", "c", "d"), 4, JobState.RUNNING, started_s=time.monotonic() - 10
    )
    assert job.remaining_s is None
    job.outcomes.append(FileOutcome("a", FileStatus.ADDED))
    assert job.remaining_s == pytest.approx(30, abs=1)  # one in 10 s, three to go


def test_too_many_waiting_jobs_are_refused(jobs: Jobs, make: Make, gate: Gate) -> None:
    jobs.start([Upload("gate", gate.load)])
    assert gate.is_reached.wait(WAIT_S)
    for number in range(MAX_WAITING):
        jobs.start(uploads(make, str(number)))
    with pytest.raises(StoreError, match="16 jobs are waiting already"):
        jobs.start(uploads(make, "a"))
    gate.opened.set()


def test_old_finished_jobs_are_forgotten(
    jobs: Jobs, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs_module, "MAX_FINISHED", 2)
    started = []
    for number in range(4):
        started.append(jobs.start(uploads(make, str(number))))
        assert end(started[-1]) is JobState.DONE
    for job in started[:2]:
        with pytest.raises(NotFoundError, match="there is no job"):
            jobs.find(job.id)
    assert [jobs.find(job.id) for job in started[2:]] == started[2:]


def test_a_job_fails_as_a_whole_if_nothing_can_be_written(
    open_collection: Callable[..., Collection], make: Make
) -> None:
    open_collection().close()
    jobs = Jobs(open_collection(writable=False))
    job = jobs.start(uploads(make, "a"))
    assert end(job) is JobState.FAILED
    assert "was opened for reading only" in str(job.reason)
    jobs.close()


def test_a_bug_fails_only_the_job_it_is_in(
    jobs: Jobs, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "quoth")

    def broken(_stop: threading.Event) -> Document:
        raise RuntimeError("broken")

    first, second = jobs.start([Upload("a", broken)]), jobs.start(uploads(make, "b"))
    assert (end(first), end(second)) == (JobState.FAILED, JobState.DONE)
    assert first.reason == "an internal error; the log has the details"
    assert "broken" in caplog.text


def test_closing_the_jobs_stops_the_running_one(
    collection: Collection, make: Make, gate: Gate
) -> None:
    jobs = Jobs(collection)
    job = jobs.start([Upload("gate", gate.load), *uploads(make, "a")])
    waiting = jobs.start(uploads(make, "b"))
    assert gate.is_reached.wait(WAIT_S)
    closing = threading.Thread(target=jobs.close)
    closing.start()
    while not job.cancelled.is_set():
        time.sleep(0.01)
    gate.opened.set()
    closing.join(WAIT_S)
    assert (job.state, waiting.state, ids(collection)) == (
        JobState.CANCELLED,
        JobState.CANCELLED,
        ["gate"],
    )
