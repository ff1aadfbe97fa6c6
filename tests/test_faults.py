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
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import NotFoundError, StoreError
from eval.benchmarks.acknowledged import OPERATIONS
from eval.benchmarks.faults import KillRounds, Moment
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.opening import LOCK_NAME
from index.renewal import built_otherwise, rebuild
from index.store.store import FILE_NAME, Store, holds_index
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader
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


def test_questions_are_answered_on_a_full_disk_though_nothing_can_be_kept(
    full: Full,
    tmp_path: Path,
    encoder: Encoder,
    passages: PassageReader,
    make: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    question = make_question("What does the line carry?", min_confidence=0, conversation_id="talk")
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as service:
        service.collection.put([make("gas", "The line carries 38 bcm.")])
        with full(0):
            answers = [service.ask(question), service.ask(replace(question, top_k=3))]
            for kept in answers:
                assert kept.record.answer is not None
                assert kept.record.answer.text == "38 bcm"
                assert service.kept_answer(kept.record.id) is None
                with pytest.raises(NotFoundError, match="could not be kept"):
                    service.give_feedback(kept.record.id, True, None, None)
        (line,) = [each for each in caplog.messages if "without being kept" in each]
        assert "disk" in line  # one line for four failures
        again = service.ask(question)
        assert service.kept_answer(again.record.id) is not None


def test_a_question_is_answered_while_another_process_keeps_the_database_busy(
    tmp_path: Path,
    encoder: Encoder,
    passages: PassageReader,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("service.answering.history._PATIENCE_S", 0.1)
    question = make_question("What does the line carry?", min_confidence=0)
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as service:
        service.collection.put([make("gas", "The line carries 38 bcm.")])
        with Store(tmp_path / "data").database.transaction():
            kept = service.ask(question)
        assert service.kept_answer(kept.record.id) is None
        assert service.kept_answer(service.ask(question).record.id) is not None


@pytest.mark.parametrize("name", [FILE_NAME, f"{FILE_NAME}-wal"])
def test_nothing_is_acknowledged_into_a_database_that_was_removed(
    name: str, open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    moved = (collection.folder / name).rename(collection.folder / "moved")
    with pytest.raises(StoreError, match=r"was removed .*nothing was changed"):
        collection.put([make("b")])
    if name == FILE_NAME:
        shutil.copyfile(moved, collection.folder / name)
        with pytest.raises(StoreError, match="was removed or replaced while it was in use"):
            collection.put([make("b")])
    moved.replace(collection.folder / name)
    collection.put([make("c")])
    assert (ids(collection), collection.verify()) == ({"a", "c"}, [])


@pytest.mark.parametrize("lost", ["missing", "empty"])
def test_indexes_whose_database_was_lost_are_left_alone(
    lost: str, open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.close()
    path = collection.folder / FILE_NAME
    saved = path.read_bytes()
    path.unlink()
    if lost == "empty":
        path.touch()
    before = sorted(path.name for path in collection.folder.rglob("*"))
    for opening in (
        open_collection,
        partial(open_collection, writable=False),
        partial(rebuild, collection.folder, encoder),
        partial(built_otherwise, collection.folder, encoder),
        partial(holds_index, collection.folder),
    ):
        with pytest.raises(StoreError, match="missing or empty, though its indexes are here"):
            opening()
    assert sorted(path.name for path in collection.folder.rglob("*")) == before
    path.write_bytes(saved)
    assert ids(open_collection()) == {"a"}


@pytest.mark.parametrize("name", ["que?ry", "per%63ent", "ha#sh", "file:x", "a b&mode=memory"])
def test_a_data_folder_may_have_any_name(name: str, tmp_path: Path, open_collection: Open) -> None:
    open_collection(tmp_path / name).close()
    assert (tmp_path / name / FILE_NAME).stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_stands_in_the_place_of_a_file_is_named(tmp_path: Path, open_collection: Open) -> None:
    for name in (FILE_NAME, LOCK_NAME):
        (tmp_path / f"{name}-folder" / name).mkdir(parents=True)
        with pytest.raises(StoreError, match=rf"{name}: the (database|lock) cannot be"):
            open_collection(tmp_path / f"{name}-folder")
    (tmp_path / "file").write_text("x")
    for folder in (tmp_path / "file" / "data", tmp_path / ("long" * 99)):
        with pytest.raises(StoreError, match="the data folder cannot be"):
            open_collection(folder)
