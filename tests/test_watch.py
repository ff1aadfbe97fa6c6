"""Watching folders: changes reach the index by themselves, and no error ends the watch."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from watchfiles import Change

from corpus.errors import NotFoundError
from corpus.limits import ParseLimits
from corpus.pool import ParserPool
from index.collection import Collection
from index.outcome import FileOutcome, FileStatus
from service.mirror.sync import Mirror
from service.mirror.watch import Watcher, _is_relevant, watching

pytestmark = pytest.mark.processes  # they wait for the clock and the file system

WAIT_S = 60


@dataclass
class Watched:
    """A folder that is followed in a thread, and the outcomes that were reported."""

    folder: Path
    collection: Collection
    reported: list[FileOutcome] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def start(self, rescan_s: float = 600) -> threading.Thread:
        mirror = Mirror(self.collection, self.folder)
        watcher = Watcher(
            [mirror],
            ParserPool(0, ParseLimits(10_000)),
            self.reported.append,
            quiet_ms=50,
            tick_ms=100,
            rescan_s=rescan_s,
        )
        thread = threading.Thread(target=watcher.run, args=(self.stop,))
        thread.start()
        return thread

    def texts(self) -> dict[str, str]:
        """The text of each document in one generation, by id."""
        generation = self.collection.store.generation
        try:
            texts = {
                one.id: self.collection.store.document(one.id).text
                for one in self.collection.documents()
            }
        except NotFoundError:
            if self.collection.store.generation == generation:
                raise
            return self.texts()  # the watcher wrote meanwhile
        return texts if self.collection.store.generation == generation else self.texts()

    def becomes(self, **expected: str) -> bool:
        """Wait until the index has exactly these texts. The keyword ``NAME`` stands for the file
        ``NAME.txt``.
        """
        wanted = {f"papers/{name}.txt": text for name, text in expected.items()}
        return until(lambda: self.texts() == wanted)


def until(condition: Callable[[], bool]) -> bool:
    """Whether the condition becomes true in time."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@pytest.fixture
def watched(tmp_path: Path, open_collection: Callable[..., Collection]) -> Iterator[Watched]:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "a.txt").write_text("Gas flows.")
    following = Watched(tmp_path / "papers", open_collection())
    yield following
    following.stop.set()


def test_existing_files_and_later_changes_reach_the_index(watched: Watched) -> None:
    thread = watched.start()
    assert watched.becomes(a="Gas flows.")
    (watched.folder / "b.txt").write_text("Oil flows.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.")
    (watched.folder / "a.txt").write_text("Gas burns.")
    assert watched.becomes(a="Gas burns.", b="Oil flows.")
    (watched.folder / "b.txt").rename(watched.folder / "c.txt")
    assert watched.becomes(a="Gas burns.", c="Oil flows.")
    (watched.folder / "a.txt").unlink()
    assert watched.becomes(c="Oil flows.")
    assert until(lambda: any(change.status is FileStatus.REMOVED for change in watched.reported))
    watched.stop.set()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert [change.status.value for change in watched.reported if change.is_news] == [
        *("added", "added", "updated", "moved", "removed")
    ]


def test_a_bad_file_is_reported_once_and_does_not_stop_the_others(watched: Watched) -> None:
    (watched.folder / "bad.pdf").write_text("garbage")
    watched.start()
    assert watched.becomes(a="Gas flows.")
    (watched.folder / "b.txt").write_text("Oil flows.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.")
    assert until(lambda: any(change.source.endswith("b.txt") for change in watched.reported))
    failures = [change for change in watched.reported if change.is_failure and change.is_news]
    assert [Path(change.source).name for change in failures] == ["bad.pdf"]


def test_a_folder_that_disappears_and_returns_is_followed_again(
    watched: Watched, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "quoth")
    watched.start(rescan_s=0.2)
    assert watched.becomes(a="Gas flows.")
    watched.folder.rename(tmp_path / "elsewhere")
    assert until(lambda: "there is no such folder" in caplog.text)
    time.sleep(1)  # long enough for several scans, of which only the first one is logged
    assert watched.texts() == {"papers/a.txt": "Gas flows."}
    shutil.copytree(tmp_path / "elsewhere", watched.folder)
    assert until(lambda: "is followed again" in caplog.text)
    (watched.folder / "b.txt").write_text("Oil flows.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.")
    assert caplog.text.count("there is no such folder") == 1


def test_a_replaced_folder_is_followed_before_the_next_rescan(
    watched: Watched, tmp_path: Path
) -> None:
    watched.start()
    assert watched.becomes(a="Gas flows.")
    shutil.copytree(watched.folder, tmp_path / "new")
    (tmp_path / "new" / "b.txt").write_text("Oil flows.")
    watched.folder.rename(tmp_path / "old")
    (tmp_path / "new").rename(watched.folder)
    assert watched.becomes(a="Gas flows.", b="Oil flows.")
    (watched.folder / "c.txt").write_text("Coal burns.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.", c="Coal burns.")


def test_a_watcher_that_is_stopped_during_a_sync_finishes_only_its_batch(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.ingest._BATCH_DOCUMENTS", 2)
    for number in range(9):
        (watched.folder / f"{number}.txt").write_text(f"Line {number} carries gas.")
    mirror = Mirror(watched.collection, watched.folder)
    Watcher([mirror], ParserPool(0, ParseLimits(10_000)), lambda _outcome: watched.stop.set()).run(
        watched.stop
    )
    assert len(watched.texts()) == 2


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/.me/papers/a.txt", True),
        ("/home/.me/papers/sub/a.txt", True),
        ("/home/.me/papers/.quoth/store.sqlite", False),
        ("/home/.me/papers/sub/.a.txt", False),
        ("/home/.me/papers/~$a.docx", False),
    ],
)
def test_changes_of_hidden_files_are_not_relevant(path: str, expected: bool) -> None:
    folders = [Path("/home/.me/papers"), Path("/home/.me/wiki")]
    assert _is_relevant(folders, Change.modified, path) is expected


def test_a_change_that_is_not_reported_is_found_by_a_rescan(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.mirror.watch._is_relevant", lambda *_: False)
    watched.start(rescan_s=0.2)
    assert watched.becomes(a="Gas flows.")
    (watched.folder / "b.txt").write_text("Oil flows.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.")


def test_a_bug_does_not_end_the_watch(watched: Watched, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[FileOutcome] = []

    def failing(change: FileOutcome) -> None:
        seen.append(change)
        if len(seen) == 1:
            raise RuntimeError("broken")

    mirror = Mirror(watched.collection, watched.folder)
    watcher = Watcher(
        [mirror],
        ParserPool(0, ParseLimits(10_000)),
        failing,
        quiet_ms=50,
        tick_ms=100,
        rescan_s=600,
    )
    thread = threading.Thread(target=watcher.run, args=(watched.stop,))
    thread.start()
    assert until(lambda: "internal error" in caplog.text)
    (watched.folder / "b.txt").write_text("Oil flows.")
    assert watched.becomes(a="Gas flows.", b="Oil flows.")
    watched.stop.set()
    thread.join(WAIT_S)


def test_a_process_can_watch_in_the_background(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "quoth")
    before = threading.active_count()
    with watching([Mirror(watched.collection, watched.folder)], ParserPool(0, ParseLimits(10_000))):
        assert watched.becomes(a="Gas flows.")
    assert threading.active_count() == before
    assert f"added {watched.folder / 'a.txt'}" in caplog.text
    with watching([], ParserPool(0, ParseLimits(10_000))):
        assert threading.active_count() == before
