"""Accidents with the real parts: full disks, damaged files, a killed service. Nothing acknowledged
is lost.
"""

import os
import random
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import StoreError
from eval.benchmarks.acknowledged import OPERATIONS
from eval.benchmarks.faults import KillRounds, Moment
from index.collection import Collection
from index.encoding.encoder import Encoder
from service.settings import Settings

Make = Callable[..., Document]
Open = Callable[..., Collection]
Full = Callable[[int], AbstractContextManager[None]]

DISK_BYTES = 8_000_000


def ids(collection: Collection) -> set[str]:
    return {summary.id for summary in collection.documents()}


@contextmanager
def filled(folder: Path, room: int) -> Iterator[None]:
    """A file system on which so many bytes are free."""
    status = os.statvfs(folder)
    (folder / "filler").write_bytes(bytes(max(0, status.f_bavail * status.f_bsize - room)))
    try:
        yield
    finally:
        (folder / "filler").unlink()


@contextmanager
def limited(folder: Path, room: int) -> Iterator[None]:
    """No file may grow to more than so many bytes above the largest that there is, as under a
    quota.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(params=[pytest.param("full", marks=pytest.mark.processes), "over quota"])
def full(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Full]:
    """Leaves so many bytes on the disk that ``tmp_path`` is on."""
    if request.param == "over quota":
        yield partial(limited, tmp_path)
        return
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(tmp_path)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("this user may not mount a small disk")
    yield partial(filled, tmp_path)
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def put_without_end(collection: Collection, make: Make, text: str, acknowledged: set[str]) -> None:
    """Put in document after document, and note which of them were acknowledged."""
    for number in count():
        collection.put([make(str(number), f"{text} {number}")])
        acknowledged.add(str(number))


@pytest.mark.parametrize("room", [0, 40_000, 78_000, 152_000, 262_000])
def test_a_full_disk_loses_nothing_and_work_goes_on_when_there_is_room(
    full: Full, room: int, open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    text = " ".join(f"Line {number} carries gas to town {number * 7}." for number in range(60))
    collection.put([make(f"before-{number}", f"{text} {number}") for number in range(3)])
    acknowledged = ids(collection)
    with full(room):
        with pytest.raises(StoreError, match="disk"):
            put_without_end(collection, make, text, acknowledged)
        assert collection.searcher.search("gas", 5).hits
    collection.put([make("after")])
    assert ids(collection) - {str(len(acknowledged) - 3)} == acknowledged | {"after"}
    assert collection.verify() == []
    collection.close()
    again = open_collection()
    assert (ids(again) >= acknowledged | {"after"}, again.verify()) == (True, [])


@pytest.mark.models
@pytest.mark.processes
def test_a_service_that_is_killed_loses_nothing_that_it_acknowledged(
    tmp_path: Path, real_encoder: Encoder
) -> None:
    rounds = KillRounds(tmp_path, real_encoder, Settings(), random.Random())
    report = rounds.run(len(OPERATIONS) + 1)
    assert report.faults == []
    assert (report.rounds["add", Moment.ANY], report.rounds["add", Moment.WRITING]) == (1, 1)
    assert report.acknowledged.total() > 0
    assert report.searches > 0
