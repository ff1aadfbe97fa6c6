"""The pool of parser processes: it gives the same documents as parsing in this process, and a
parser that crashes or hangs does not stop the rest.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil
import pytest

from corpus.document import Document
from corpus.errors import DocumentError
from corpus.limits import ParseLimits
from corpus.load import ParseResult, ParseTask, UploadTask, parse_document
from corpus.pool import ParserPool, ParsingStoppedError

LIMITS = ParseLimits(file_bytes=1_000)
HEAVY_BYTES = 16_000_000
HEAVY = ParseLimits(file_bytes=2 * HEAVY_BYTES, memory_bytes=2_000_000_000, seconds=60)


SELF_DRAWING = b"""%PDF-1.7
1 0 obj
<</Type/Catalog/Pages 2 0 R>>
endobj
2 0 obj
<</Type/Pages/Kids[3 0 R]/Count 1>>
endobj
3 0 obj
<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>
endobj
4 0 obj
<</Length 5>>stream
/X Do
endstream
endobj
5 0 obj
<</Length 11/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>>>stream
/X Do /X Do
endstream
endobj
trailer<</Size 6/Root 1 0 R>>
%%EOF
"""
"""A drawing in this PDF draws itself twice, without end."""

CRASHED = (
    "cannot be read: its parser crashed ({}), because the file is damaged, or because it needs "
    "more than {} MB (QUOTH_PARSE_MEMORY_MB)"
)


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
    with ParserPool(request.param, LIMITS) as opened:
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


@pytest.mark.processes
@pytest.mark.parametrize(
    ("files", "cores", "workers"),
    [(0, 8, 1), (1, 8, 1), (15, 8, 1), (31, 8, 3), (80, 8, 4), (80, 1, 1)],
)
def test_a_pool_has_a_worker_for_every_eight_files_and_leaves_half_of_the_cores(
    files: int, cores: int, workers: int
) -> None:
    with ParserPool.sized(files, cores, LIMITS) as pool:
        assert pool._workers == workers


@pytest.fixture
def heavy(tmp_path: Path) -> ParseTask:
    """A file that keeps a parser busy for minutes."""
    path = tmp_path / "heavy.html"
    path.write_bytes(b"<p>Gas flows.</p>" * (HEAVY_BYTES // 17))
    return ParseTask(path, "heavy")


def parser_processes() -> list[psutil.Process]:
    """The processes that parse for this one: the children of its fork server."""
    found = []
    for server in psutil.Process().children():
        # A process may end while it is looked at.
        with suppress(psutil.Error):
            if "forkserver" in " ".join(server.cmdline()):
                found += server.children()
    return [process for process in found if process.is_running() and not is_zombie(process)]


def is_zombie(process: psutil.Process) -> bool:
    """Whether a process has ended, and nobody has asked how."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.Error:
        return True


def parser_of_heavy() -> psutil.Process:
    """The process that parses the heavy file, once it is in the midst of it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for process in parser_processes():
            with suppress(psutil.Error):
                if process.cpu_times().user > 0.5:
                    return process
        time.sleep(0.02)
    raise TimeoutError


@pytest.mark.processes
def test_a_parser_that_crashes_costs_only_the_file_it_had(heavy: ParseTask, tmp_path: Path) -> None:
    with ParserPool(1, HEAVY) as pool:
        killer = threading.Thread(target=lambda: parser_of_heavy().kill())
        killer.start()
        tasks = [heavy, *tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")]
        results = list(pool.parse(tasks))
        killer.join()
    assert [summary(result) for result in results] == [
        ("heavy.html", None, CRASHED.format("SIGKILL", 2_000)),
        ("a.txt", "Gas flows.", None),
        ("b.txt", "Oil flows.", None),
    ]
    # The fingerprint makes sure that it is tried again when it changes, and not before.
    assert results[0].fingerprint is not None
    assert results[0].fingerprint.size == heavy.path.stat().st_size


@pytest.mark.processes
def test_a_file_may_take_so_much_processor_time_and_no_more(
    heavy: ParseTask, tmp_path: Path
) -> None:
    limits = replace(HEAVY, seconds=0.5)
    with ParserPool(1, limits) as pool:
        results = list(pool.parse([heavy, *tasks_for(tmp_path, a_txt="Gas flows.")]))
    assert [summary(result) for result in results] == [
        (
            "heavy.html",
            None,
            "takes more than 0.5 s of processor time to read; divide it, or raise "
            "QUOTH_PARSE_SECONDS",
        ),
        ("a.txt", "Gas flows.", None),
    ]


@pytest.mark.processes
def test_a_file_may_take_so_much_memory_and_no_more(tmp_path: Path, heavy: ParseTask) -> None:
    limits = replace(HEAVY, memory_bytes=100_000_000)
    with ParserPool(1, limits) as pool:
        results = list(pool.parse([heavy, *tasks_for(tmp_path, a_txt="Gas flows.")]))
    assert [summary(result) for result in results] == [
        (
            "heavy.html",
            None,
            "needs more than 100 MB of memory to read; divide it, or raise QUOTH_PARSE_MEMORY_MB",
        ),
        ("a.txt", "Gas flows.", None),
    ]


@pytest.mark.processes
def test_a_parser_written_in_c_that_crashes_costs_only_the_file_it_had(tmp_path: Path) -> None:
    with ParserPool(1, LIMITS) as pool:
        (refused, *rest) = pool.parse(
            [UploadTask("a.pdf", SELF_DRAWING), *tasks_for(tmp_path, a_txt="Gas flows.")]
        )
    (_, _, reason) = summary(refused)
    assert reason in [CRASHED.format(end, 600) for end in ("SIGABRT", "SIGSEGV", "SIGTRAP")]
    assert [summary(result) for result in rest] == [("a.txt", "Gas flows.", None)]


def test_a_file_may_hold_so_much_text_and_no_more(pool: ParserPool, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("ä" * 400)
    limits = ParseLimits(text_bytes=799)
    with ParserPool(pool._workers, limits) as limited:
        (refused,) = limited.parse([ParseTask(tmp_path / "a.txt", "a")])
    assert summary(refused) == (
        "a.txt",
        None,
        "has more than 0.000799 MB of text; divide it, or raise QUOTH_MAX_TEXT_MB",
    )
    with ParserPool(pool._workers, replace(limits, text_bytes=800)) as limited:
        assert [each.error for each in limited.parse([ParseTask(tmp_path / "a.txt", "a")])] == [
            None
        ]


def test_a_small_file_gets_less_time_than_a_large_one() -> None:
    limits = ParseLimits(seconds=60)
    assert [limits.seconds_for(size) for size in (0, 1_000_000, 5_000_000, 50_000_000)] == [
        *(4, 6, 30, 60)
    ]
    assert ParseLimits(seconds=2).seconds_for(0) == 2


@pytest.mark.processes
def test_a_cancelled_file_stops_being_parsed(heavy: ParseTask, tmp_path: Path) -> None:
    with ParserPool(1, HEAVY) as pool:
        running, waiting = pool.submit(heavy), pool.submit(heavy)
        parser_of_heavy()
        running.cancel()
        waiting.cancel()
        for pending in (running, waiting):
            with pytest.raises(ParsingStoppedError):
                pending.future.result(60)
        (task,) = tasks_for(tmp_path, a_txt="Gas flows.")
        assert pool.load(task, threading.Event()).text == "Gas flows."
        stop = threading.Event()
        stop.set()
        with pytest.raises(DocumentError, match="because this was stopped"):
            pool.load(heavy, stop)


@pytest.mark.processes
def test_a_process_is_replaced_after_many_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("corpus.parser_process._FILES_PER_PROCESS", 2)
    tasks = tasks_for(tmp_path, **{f"n{number}_txt": f"Line {number}." for number in range(3)})
    seen: set[int] = set()
    with ParserPool(1, LIMITS) as pool:
        for task in tasks:
            assert pool.submit(task).future.result(60).error is None
            seen |= {process.pid for process in parser_processes()}
    assert len(seen) == 2


@pytest.mark.processes
def test_a_worker_that_was_killed_while_idle_is_replaced(tmp_path: Path) -> None:
    tasks = tasks_for(tmp_path, a_txt="Gas flows.")
    with ParserPool(1, LIMITS) as pool:
        assert [summary(result) for result in pool.parse(tasks)] == [("a.txt", "Gas flows.", None)]
        (idle,) = parser_processes()
        idle.kill()
        psutil.wait_procs([idle], timeout=60)
        assert [summary(result) for result in pool.parse(tasks)] == [("a.txt", "Gas flows.", None)]


@pytest.mark.processes
def test_a_worker_that_dies_before_it_begins_costs_nothing(tmp_path: Path) -> None:
    first, second = tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")
    with ParserPool(1, LIMITS) as pool:
        assert pool.submit(second).future.result(60).error is None
        (worker,) = parser_processes()
        # A stopped worker cannot begin, so it certainly dies before that.
        worker.suspend()
        pending = [pool.submit(task) for task in (first, second)]
        worker.kill()
        results = [summary(each.future.result(60)) for each in pending]
    assert results == [
        ("a.txt", "Gas flows.", None),
        ("b.txt", "Oil flows.", None),
    ]


def test_a_bug_in_a_parser_costs_only_the_file_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(name: str, *rest: Any, **options: Any) -> Document:  # Any: passed on as they came
        if name.endswith("a.txt"):
            raise RuntimeError("broken")
        return parse_document(name, *rest, **options)

    monkeypatch.setattr("corpus.load.parse_document", broken)
    tasks = tasks_for(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")
    assert [summary(result) for result in ParserPool(0, LIMITS).parse(tasks)] == [
        ("a.txt", None, "cannot be parsed (RuntimeError: broken)"),
        ("b.txt", "Oil flows.", None),
    ]
    assert "RuntimeError: broken" in caplog.text


@pytest.mark.processes
def test_each_worker_is_at_most_four_files_ahead_of_the_caller(tmp_path: Path) -> None:
    texts = {f"n{number:02}_txt": f"Line {number}." for number in range(40)}
    remaining = iter(tasks_for(tmp_path, **texts))
    with ParserPool(2, LIMITS) as pool:
        results = pool.parse(remaining)
        # The first result, and four files ahead for each of two workers.
        next(results)
        assert len(list(remaining)) == 40 - 1 - 2 * 4


@pytest.mark.processes
def test_a_closed_pool_leaves_no_process(tmp_path: Path) -> None:
    texts = {f"n{number}_txt": "Gas." for number in range(40)}
    with ParserPool(2, LIMITS) as pool:
        next(pool.parse(tasks_for(tmp_path, **texts)))
    assert parser_processes() == []


def test_a_document_keeps_its_structure_and_its_notes_on_the_way(
    pool: ParserPool, tmp_path: Path
) -> None:
    page = (
        "<h1>Fees</h1><ul><li>one</li></ul><table><tr><th>Year<th>Fee<tr><td>2023<td>60</table>"
        "<p># no heading</p>"
    )
    tasks = tasks_for(tmp_path, a_html=page, b_md="---\ndate: soon\n---\nText.", c_txt="# of: 4")
    documents = [result.required_document() for result in pool.parse(tasks)]
    expected = [
        parse_document(task.document_id, task.path.read_bytes(), tags=("x",)) for task in tasks
    ]
    assert [replace(document, original=None) for document in documents] == expected
    assert documents[2].original == sha256(b"# of: 4").hexdigest()
    assert [block.kind.value for block in documents[0].blocks][:3] == [
        *("heading", "list_item", "table"),
    ]
    assert len(documents[1].notes) == 1
