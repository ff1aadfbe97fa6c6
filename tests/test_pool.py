"""The pool of parser processes: it gives the same documents as parsing in this process, and a
parser that crashes or hangs does not stop the rest.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from corpus.document import Document
from corpus.load import ParseResult, ParseTask, parse_document
from corpus.pool import ParserPool

LIMIT = 1_000
HEAVY_BYTES = 64_000_000


def tasks_for(folder: Path, **texts: str) -> list[ParseTask]:
    """A task for each text, written to a file: ``a_txt`` becomes ``a.txt``."""
    tasks = []
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        tasks.append(ParseTask(path, path.name, ("x",)))
    return tasks


def summary(result: ParseResult) -> tuple[str, str | None, str | None]:
    """The name of the file, the text of its document, and the reason why there is none."""
    return (
        Path(result.source).name,
        result.document.text if result.document else None,
        result.error.reason if result.error else None,
    )


@pytest.fixture(
    params=[0, *(pytest.param(workers, marks=pytest.mark.processes) for workers in (1, 2))]
)
def pool(request: pytest.FixtureRequest) -> Iterator[ParserPool]:
    with ParserPool(request.param, LIMIT) as opened:
        yield opened


def test_results_come_in_the_order_of_the_tasks_each_with_a_document_or_an_error(
    pool: ParserPool, tmp_path: Path
) -> None:
    good = {f"n{number}_txt": f"Line {number}." for number in range(20)}
    tasks = tasks_for(
        tmp_path, **good, bad_pdf="garbage", empty_txt="", large_txt="x" * 1_001, last_md="# Last"
    )
    tasks.append(ParseTask(tmp_path / "none.txt", "none"))
    results = list(pool.parse(tasks))
    assert [summary(result) for result in results] == [
        *((f"n{number}.txt", f"Line {number}.", None) for number in range(20)),
        ("bad.pdf", None, "is not a PDF, or is damaged"),
        ("empty.txt", None, "is empty"),
        ("large.txt", None, "has 1,001 bytes or more; at most 1,000 are allowed"),
        ("last.md", "# Last", None),
        ("none.txt", None, "does not exist"),
    ]
    assert [result.source for result in results] == [str(task.path) for task in tasks]
    assert [
        (result.document.id, result.document.tags) for result in results if result.document
    ] == [*((f"n{number}.txt", ("x",)) for number in range(20)), ("last.md", ("x",))]
    # A file that was read has a fingerprint, good or bad.
    assert [result.fingerprint is None for result in results[20:]] == [
        *(False, False, True, False, True)
    ]


def test_a_file_that_has_not_changed_is_not_parsed(pool: ParserPool, tmp_path: Path) -> None:
    (task,) = tasks_for(tmp_path, a_txt="Gas flows.")
    (first,) = pool.parse([task])
    assert first.fingerprint is not None
    (second,) = pool.parse([ParseTask(task.path, "a", (), first.fingerprint.sha256)])
    assert (second.document, second.error, second.fingerprint) == (None, None, first.fingerprint)


def test_a_pool_can_be_used_again_when_its_results_were_not_all_taken(
    pool: ParserPool, tmp_path: Path
) -> None:
    tasks = tasks_for(tmp_path, **{f"n{number}_txt": f"Line {number}." for number in range(40)})
    results = pool.parse(tasks)
    next(results)
    del results
    assert [summary(result)[0] for result in pool.parse(tasks[-3:])] == [
        "n37.txt",
        "n38.txt",
        "n39.txt",
    ]


@pytest.mark.parametrize(
    ("files", "cores", "workers"), [(7, 8, 0), (8, 8, 1), (31, 8, 3), (80, 8, 4), (80, 1, 1)]
)
def test_a_pool_has_a_worker_for_every_eight_files_and_leaves_half_of_the_cores(
    files: int, cores: int, workers: int
) -> None:
    assert len(ParserPool.sized(files, cores, LIMIT)._workers) == workers


@pytest.fixture
def heavy(tmp_path: Path) -> ParseTask:
    """A file that keeps a parser busy for minutes."""
    path = tmp_path / "heavy.html"
    path.write_bytes(b"<p>Gas flows.</p>" * (HEAVY_BYTES // 17))
    return ParseTask(path, "heavy")


def parser_processes(others: set[psutil.Process]) -> list[psutil.Process]:
    """The worker processes of this test, without those in ``others``."""
    children = set(psutil.Process().children()) - others
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def kill_the_parser() -> None:
    """Kill the worker process when it has read all of the heavy file."""
    while True:
        for child in parser_processes(set()):
            if child.io_counters().read_chars > HEAVY_BYTES:
                child.kill()
                return
        time.sleep(0.05)


@pytest.mark.processes
def test_a_parser_that_crashes_costs_only_the_file_it_had(heavy: ParseTask, tmp_path: Path) -> None:
    with ParserPool(1, 2 * HEAVY_BYTES) as pool:
        killer = threading.Thread(target=kill_the_parser)
        killer.start()
        tasks = [heavy, *tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")]
        results = list(pool.parse(tasks))
        killer.join()
    assert [summary(result) for result in results] == [
        ("heavy.html", None, "cannot be parsed: the process that tried ended with code -9"),
        ("a.txt", "Gas flows.", None),
        ("b.txt", "Oil flows.", None),
    ]
    # The fingerprint makes sure that it is tried again when it changes, and not before.
    assert results[0].fingerprint is not None
    assert results[0].fingerprint.size == heavy.path.stat().st_size


@pytest.mark.processes
def test_a_parser_that_hangs_costs_only_the_file_it_had(heavy: ParseTask, tmp_path: Path) -> None:
    with ParserPool(1, 2 * HEAVY_BYTES, timeout_s=5) as pool:
        results = list(pool.parse([heavy, *tasks_for(tmp_path, a_txt="Gas flows.")]))
    assert [summary(result) for result in results] == [
        ("heavy.html", None, "takes longer than 5 s to read"),
        ("a.txt", "Gas flows.", None),
    ]


@pytest.mark.processes
def test_a_worker_that_was_killed_while_idle_is_replaced(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    tasks = tasks_for(tmp_path, a_txt="Gas flows.")
    with ParserPool(1, LIMIT) as pool:
        assert [summary(result) for result in pool.parse(tasks)] == [("a.txt", "Gas flows.", None)]
        (idle,) = parser_processes(before)
        idle.kill()
        psutil.wait_procs([idle], timeout=60)
        assert [summary(result) for result in pool.parse(tasks)] == [("a.txt", "Gas flows.", None)]


@pytest.mark.processes
def test_a_worker_that_dies_before_it_begins_costs_only_the_file_it_had(tmp_path: Path) -> None:
    before = set(psutil.Process().children())

    def kill_the_first_worker() -> None:
        while not (workers := parser_processes(before)):
            time.sleep(0.001)
        workers[0].kill()

    killer = threading.Thread(target=kill_the_first_worker)
    with ParserPool(1, LIMIT) as pool:
        killer.start()
        tasks = tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")
        results = [summary(result) for result in pool.parse(tasks)]
        killer.join()
    assert results == [
        ("a.txt", None, "cannot be parsed: the process that tried ended with code -9"),
        ("b.txt", "Oil flows.", None),
    ]


def test_a_bug_in_a_parser_costs_only_the_file_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(name: str, *rest: Any, **options: Any) -> Document:  # Any: passed on as they came
        if name.endswith("a.txt"):
            raise RuntimeError("broken")
        return parse_document(name, *rest, **options)

    monkeypatch.setattr("corpus.pool.parse_document", broken)
    tasks = tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")
    assert [summary(result) for result in ParserPool(0, LIMIT).parse(tasks)] == [
        ("a.txt", None, "cannot be parsed (RuntimeError: broken)"),
        ("b.txt", "Oil flows.", None),
    ]
    assert "RuntimeError: broken" in caplog.text


@pytest.mark.processes
def test_each_worker_is_at_most_four_files_ahead_of_the_caller(tmp_path: Path) -> None:
    texts = {f"n{number:02}_txt": f"Line {number}." for number in range(40)}
    remaining = iter(tasks_for(tmp_path, **texts))
    with ParserPool(2, LIMIT) as pool:
        results = pool.parse(remaining)
        # The first result, and four files ahead for each of two workers.
        next(results)
        assert len(list(remaining)) == 40 - 1 - 2 * 4


@pytest.mark.processes
def test_a_closed_pool_leaves_no_process(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    texts = {f"n{number}_txt": "Gas." for number in range(40)}
    with ParserPool(2, LIMIT) as pool:
        next(pool.parse(tasks_for(tmp_path, **texts)))
    assert parser_processes(before) == []
