"""Files read in processes of their own: the same documents as here, and nothing that a parser does
stops the rest.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from corpus.pool import Intake, Order, Taken

LIMIT = 1_000
HEAVY_BYTES = 64_000_000


def orders(folder: Path, **texts: str) -> list[Order]:
    made = []
    for name, text in texts.items():
        path = folder / name.replace("_", ".")
        path.write_text(text)
        made.append(Order(path, name, ("x",)))
    return made


def summary(taken: Taken) -> tuple[str, str | None, str | None]:
    return (
        taken.order.id,
        taken.document.text if taken.document else None,
        taken.error.reason if taken.error else None,
    )


@pytest.fixture(params=[0, 1, 2])
def intake(request: pytest.FixtureRequest) -> Iterator[Intake]:
    with Intake(request.param, LIMIT) as opened:
        yield opened


def test_files_come_in_their_order_each_with_its_document_or_its_fault(
    intake: Intake, tmp_path: Path
) -> None:
    many = {f"n{number}_txt": f"Line {number}." for number in range(20)}
    asked = orders(
        tmp_path, **many, bad_pdf="garbage", empty_txt="", large_txt="x" * 1_001, last_md="# Last"
    )
    asked.append(Order(tmp_path / "none.txt", "none"))
    taken = list(intake.read(asked))
    assert [(each.order, each.document.text if each.document else None) for each in taken[:20]] == [
        (order, f"Line {number}.") for number, order in enumerate(asked[:20])
    ]
    assert all(
        each.document and (each.document.id, each.document.tags) == (each.order.id, ("x",))
        for each in taken[:20]
    )
    assert [summary(each)[2] for each in taken[21:]] == [
        "is empty",
        "has 1,001 bytes or more; at most 1,000 are allowed",
        None,
        "does not exist",
    ]
    assert (str(taken[20].error), taken[20].fingerprint is None) == (
        f"{tmp_path}/bad.pdf: is not a PDF, or is damaged",
        False,
    )
    assert taken[24].fingerprint is None


def test_a_file_that_holds_what_it_held_is_not_parsed(intake: Intake, tmp_path: Path) -> None:
    (order,) = orders(tmp_path, a_txt="Gas flows.")
    (first,) = intake.read([order])
    assert first.fingerprint is not None
    (second,) = intake.read([Order(order.path, "a", (), first.fingerprint.sha256)])
    assert (second.document, second.error, second.fingerprint) == (None, None, first.fingerprint)


def test_an_intake_that_is_left_reads_the_next_files_all_the_same(
    intake: Intake, tmp_path: Path
) -> None:
    asked = orders(tmp_path, **{f"n{number}_txt": f"Line {number}." for number in range(40)})
    reading = intake.read(asked)
    next(reading)
    del reading
    assert [summary(taken)[0] for taken in intake.read(asked[-3:])] == [
        "n37_txt",
        "n38_txt",
        "n39_txt",
    ]


@pytest.fixture
def heavy(tmp_path: Path) -> Order:
    """A file that keeps a parser busy for minutes."""
    path = tmp_path / "heavy.html"
    path.write_bytes(b"<p>Gas flows.</p>" * (HEAVY_BYTES // 17))
    return Order(path, "heavy")


def parsers(others: set[psutil.Process]) -> list[psutil.Process]:
    """The processes that read, without those others."""
    children = set(psutil.Process().children()) - others
    return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


def kill_the_parser() -> None:
    """Kill the process that reads, once it holds the whole of the heavy file."""
    while True:
        for child in parsers(set()):
            if child.io_counters().read_chars > HEAVY_BYTES:
                child.kill()
                return
        time.sleep(0.05)


def test_a_parser_that_crashes_costs_its_file_and_no_other(heavy: Order, tmp_path: Path) -> None:
    with Intake(1, 2 * HEAVY_BYTES) as intake:
        killing = threading.Thread(target=kill_the_parser)
        killing.start()
        found = list(
            intake.read([heavy, *orders(tmp_path, a_txt="Gas flows.", b_txt="Oil flows.")])
        )
        killing.join()
    assert [summary(taken) for taken in found] == [
        ("heavy", None, "cannot be parsed: the process that tried ended with code -9"),
        ("a_txt", "Gas flows.", None),
        ("b_txt", "Oil flows.", None),
    ]
    assert (
        found[0].fingerprint is not None
    )  # so that it is tried again when it changes, and not before
    assert found[0].fingerprint.size == heavy.path.stat().st_size


def test_a_parser_that_hangs_costs_its_file_and_no_other(heavy: Order, tmp_path: Path) -> None:
    with Intake(1, 2 * HEAVY_BYTES, timeout_s=5) as intake:
        found = list(intake.read([heavy, *orders(tmp_path, a_txt="Gas flows.")]))
    assert [summary(taken) for taken in found] == [
        ("heavy", None, "takes longer than 5 s to read"),
        ("a_txt", "Gas flows.", None),
    ]


def test_processes_that_were_killed_while_they_had_nothing_to_do_are_replaced(
    tmp_path: Path,
) -> None:
    before = set(psutil.Process().children())
    asked = orders(tmp_path, a_txt="Gas flows.")
    with Intake(1, LIMIT) as intake:
        assert [summary(taken) for taken in intake.read(asked)] == [("a_txt", "Gas flows.", None)]
        (idle,) = parsers(before)
        idle.kill()
        psutil.wait_procs([idle], timeout=60)
        assert [summary(taken) for taken in intake.read(asked)] == [("a_txt", "Gas flows.", None)]


def test_an_intake_that_is_closed_leaves_no_process(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    with Intake(2, LIMIT) as intake:
        next(intake.read(orders(tmp_path, **{f"n{number}_txt": "Gas." for number in range(40)})))
    assert parsers(before) == []
