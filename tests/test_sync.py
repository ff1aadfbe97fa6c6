"""Syncing a folder: the index follows every change in it, and nothing else changes."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from corpus.document import Document
from corpus.errors import DocumentError, NotFoundError, StoreError
from corpus.formats.extracted import Format
from corpus.limits import ParseLimits
from corpus.load import SUPPORTED, extraction_revisions
from corpus.pool import ParserPool
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors
from index.outcome import FileOutcome, FileStatus
from index.text.chunk import Chunk, chunk_document
from service.answering.history import AnswerHistory
from service.mirror.ledger import FileStage, Ledger
from service.mirror.plan import root_of
from service.mirror.sync import Mirror

Make = Callable[..., Document]
Open = Callable[..., Collection]

LIMIT = 10_000
OTTER = "---\nid: otter\ntitle: Otter\n---\nThe Otter Bridge is 212 metres long."


@dataclass
class Recording:
    """An encoder that records the texts that it is given."""

    encoder: Encoder
    texts: list[str] = field(default_factory=list)

    @property
    def identity(self) -> EncoderIdentity:
        return self.encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        return self.encoder.encode(texts)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        return self.encoder.token_spans(texts)


@dataclass
class Synced:
    """A folder, the collection that is synced with it, and the texts that were embedded."""

    folder: Path
    collection: Collection
    embedded: list[str]
    clock: int = 10**9

    def write(self, name: str, text: str) -> Path:
        """Write a file with a modification time later than all before it, but long ago."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        self.clock += 10**9
        os.utime(path, ns=(self.clock, self.clock))
        return path

    @property
    def mirror(self) -> Mirror:
        return Mirror(self.collection, self.folder)

    def changes(self, *, again: bool = False, allow_empty: bool = False) -> list[FileOutcome]:
        return list(carried_out(self.mirror, again=again, allow_empty=allow_empty))

    def sync(self, *, again: bool = False, allow_empty: bool = False) -> dict[str, str]:
        """Sync, and return the status of each file by its path in the folder."""
        changes = self.changes(again=again, allow_empty=allow_empty)
        return {
            os.path.relpath(change.source, self.folder): change.status.value for change in changes
        }

    def ids(self) -> list[str]:
        return [summary.id for summary in self.collection.documents()]

    def text(self, document_id: str) -> str:
        return self.collection.store.document(document_id).text

    def ledger(self) -> dict[str, tuple[str, str | None]]:
        """The stage and the reason of each file."""
        entries = Ledger(self.collection.store.database).lines(100)
        return {
            os.path.relpath(entry.path, self.folder): (entry.stage.value, entry.reason)
            for entry in entries
        }


def carried_out(
    mirror: Mirror, *, again: bool = False, allow_empty: bool = False
) -> Iterator[FileOutcome]:
    return mirror.carry_out(
        mirror.plan(again=again, allow_empty=allow_empty), ParserPool(0, ParseLimits(LIMIT))
    )


@pytest.fixture
def synced(
    tmp_path: Path, open_collection: Open, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> Synced:
    """An empty folder ``papers`` and an empty index that stores 64 documents at a time."""
    monkeypatch.setattr("index.ingest._BATCH_DOCUMENTS", 64)
    recording = Recording(encoder)
    (tmp_path / "papers").mkdir()
    return Synced(tmp_path / "papers", open_collection(encoder=recording), recording.texts)


def test_new_changed_and_deleted_files_reach_the_index(synced: Synced) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("sub/b.md", "Oil flows.")
    assert synced.sync() == {"a.txt": "added", "sub/b.md": "added"}
    assert synced.ids() == ["papers/a.txt", "papers/sub/b.md"]
    synced.write("a.txt", "Gas burns.")
    (synced.folder / "sub" / "b.md").unlink()
    synced.write("c.txt", "Coal burns.")
    assert synced.sync() == {"a.txt": "updated", "sub/b.md": "removed", "c.txt": "added"}
    assert (synced.ids(), synced.text("papers/a.txt")) == (
        ["papers/a.txt", "papers/c.txt"],
        "Gas burns.",
    )
    assert (synced.collection.generation, synced.collection.verify()) == (2, [])
    assert synced.ledger() == {"a.txt": ("stored", None), "c.txt": ("stored", None)}


def test_an_unchanged_file_is_not_read_again(synced: Synced) -> None:
    path = synced.write("a.txt", "Gas flows.")
    synced.sync()
    path.write_text("Oil flows.")  # the size and the time are the same as before
    os.utime(path, ns=(synced.clock, synced.clock))
    assert synced.mirror.plan().pending == {}
    assert (synced.sync(), synced.text("papers/a.txt")) == ({"a.txt": "unchanged"}, "Gas flows.")
    assert (synced.sync(again=True), synced.text("papers/a.txt")) == (
        {"a.txt": "updated"},
        "Oil flows.",
    )


def test_another_size_is_a_change_even_at_the_same_time(synced: Synced) -> None:
    path = synced.write("a.txt", "Gas flows.")
    synced.sync()
    path.write_text("Gas flows and burns.")
    os.utime(path, ns=(synced.clock, synced.clock))
    assert (synced.sync(), synced.text("papers/a.txt")) == (
        {"a.txt": "updated"},
        "Gas flows and burns.",
    )


def test_the_ledger_says_since_when_a_file_has_been_as_it_is(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    def times() -> dict[str, str]:
        entries = Ledger(synced.collection.store.database).lines(100)
        return {os.path.relpath(entry.path, synced.folder): entry.at for entry in entries}

    for name, text in (("a.txt", "Gas flows."), ("b.txt", "Oil flows."), ("c.txt", "")):
        synced.write(name, text)
    synced.sync()
    before = times()
    later = "2100-01-01T00:00:00+00:00"
    monkeypatch.setattr("service.mirror.plan_reader.now", lambda: later)
    for name, text in (("a.txt", "Gas flows."), ("b.txt", "Oil burns."), ("c.txt", "")):
        synced.write(name, text)
    assert synced.sync() == {"a.txt": "unchanged", "b.txt": "updated", "c.txt": "still failing"}
    assert times() == before | {"b.txt": later}


def test_a_file_that_keeps_failing_is_a_failure_but_no_news(synced: Synced) -> None:
    synced.write("a.txt", "")
    synced.write("b.txt", "Gas flows.")
    first = [(change.is_failure, change.is_news) for change in synced.changes()]
    again = [(change.is_failure, change.is_news) for change in synced.changes()]
    assert (sorted(first), sorted(again)) == (
        [(False, True), (True, True)],
        [(False, False), (True, False)],
    )


def test_of_two_missing_files_with_the_same_contents_the_first_was_moved(synced: Synced) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("b.txt", "Gas flows.")
    synced.sync()
    (synced.folder / "a.txt").unlink()
    (synced.folder / "b.txt").rename(synced.folder / "c.txt")
    moved, removed = synced.changes()
    assert (moved.status, moved.moved_from) == (FileStatus.MOVED, str(synced.folder / "a.txt"))
    assert (removed.status, removed.source) == (FileStatus.REMOVED, str(synced.folder / "b.txt"))
    assert synced.ids() == ["papers/c.txt"]


def test_a_touched_file_is_not_embedded_and_makes_no_generation(
    synced: Synced,
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    synced.embedded.clear()
    synced.write("a.txt", "Gas flows.")
    assert synced.sync() == {"a.txt": "unchanged"}
    assert (synced.embedded, synced.collection.generation, synced.ledger()["a.txt"]) == (
        [],
        1,
        ("stored", None),
    )
    assert synced.mirror.plan().pending == {}


def test_a_recently_changed_file_is_compared_by_its_contents(synced: Synced) -> None:
    path = synced.folder / "a.txt"
    path.write_text("Gas flows.")
    synced.sync()
    path.write_text("Oil flows.")  # may have the same size and time
    assert (synced.sync(), synced.text("papers/a.txt")) == ({"a.txt": "updated"}, "Oil flows.")


def test_a_moved_file_is_not_embedded_again_and_moves_in_one_generation(synced: Synced) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    synced.embedded.clear()
    (synced.folder / "a.txt").rename(synced.folder / "b.txt")
    (change,) = synced.changes()
    assert (change.status, change.document_id, change.moved_from) == (
        FileStatus.MOVED,
        "papers/b.txt",
        str(synced.folder / "a.txt"),
    )
    assert (synced.ids(), synced.embedded, synced.collection.generation) == (
        ["papers/b.txt"],
        [],
        2,
    )
    assert synced.ledger() == {"b.txt": ("stored", None)}
    assert synced.collection.verify() == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (OTTER, {"new/b.md": "moved"}),
        (OTTER.replace("212", "213"), {"new/b.md": "updated", "a.md": "kept"}),
    ],
)
def test_a_moved_file_with_an_id_of_its_own_keeps_its_answers(
    synced: Synced, text: str, expected: dict[str, str]
) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    shown = {"otter": synced.collection.store.document("otter").version}
    AnswerHistory(synced.collection.store.database).save("1", "How long?", b"212 metres", shown)
    (synced.folder / "a.md").unlink()
    synced.write("new/b.md", text)
    assert synced.sync() == expected
    assert (synced.ids(), AnswerHistory(synced.collection.store.database).find("1")) == (
        ["otter"],
        b"212 metres",
    )
    assert text.endswith(synced.text("otter"))
    # The document now belongs to the new path.
    (synced.folder / "new" / "b.md").unlink()
    assert (synced.sync(allow_empty=True), synced.ids()) == ({"new/b.md": "removed"}, [])


def test_a_file_that_was_renamed_and_changed_is_replaced_in_one_generation(
    synced: Synced,
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    (synced.folder / "a.txt").unlink()
    synced.write("b.txt", "Oil flows.")
    assert synced.sync() == {"b.txt": "added", "a.txt": "removed"}
    assert (synced.ids(), synced.collection.generation) == (["papers/b.txt"], 2)


def test_a_file_with_a_new_id_leaves_nothing_behind(synced: Synced) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    synced.write("a.md", OTTER.replace("id: otter", "id: beaver"))
    assert (synced.sync(), synced.ids(), synced.collection.generation) == (
        {"a.md": "updated"},
        ["beaver"],
        2,
    )


def test_an_id_that_a_file_gives_up_is_free_for_another_in_the_same_sync(synced: Synced) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    synced.write("a.md", OTTER.replace("id: otter", "id: beaver"))
    synced.write("b.md", OTTER.replace("212", "99"))
    assert synced.sync() == {"a.md": "updated", "b.md": "updated"}
    assert (synced.ids(), synced.text("otter")) == (
        ["beaver", "otter"],
        "The Otter Bridge is 99 metres long.",
    )


def test_a_document_that_an_earlier_batch_gave_to_another_file_is_kept(synced: Synced) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    (synced.folder / "a.md").unlink()
    # The text is the same, so that only the id tells whose document it is.
    synced.write("00.md", OTTER.replace("title: Otter", "title: Otter\ntags: bridges"))
    for number in range(10, 80):
        synced.write(f"{number}.txt", f"Line {number} carries gas.")
    outcomes = synced.sync()
    assert (outcomes["00.md"], outcomes["a.md"]) == ("updated", "kept")
    assert "otter" in synced.ids()


def test_a_failed_file_keeps_its_last_good_version_and_is_tried_again_when_it_changes(
    synced: Synced,
) -> None:
    synced.write("a.md", OTTER)
    synced.write("b.txt", "Gas flows.")
    synced.sync()
    synced.write("a.md", " ")
    assert synced.sync() == {"a.md": "failed", "b.txt": "unchanged"}
    assert synced.text("otter") == "The Otter Bridge is 212 metres long."
    assert synced.ledger()["a.md"] == ("failed", "has no text in it")
    assert synced.mirror.plan().pending == {}
    assert synced.sync() == {"a.md": "still failing", "b.txt": "unchanged"}
    synced.write("a.md", OTTER.replace("212", "213"))
    assert synced.sync() == {"a.md": "updated", "b.txt": "unchanged"}
    assert synced.text("otter") == "The Otter Bridge is 213 metres long."
    (synced.folder / "a.md").unlink()
    assert (synced.sync(), synced.ids()) == (
        {"b.txt": "unchanged", "a.md": "removed"},
        ["papers/b.txt"],
    )


def test_a_failed_file_is_not_read_again_when_its_last_document_is_removed(
    synced: Synced,
) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    synced.write("a.md", " ")
    synced.sync()
    synced.collection.remove(["otter"])
    assert synced.mirror.plan().pending == {}
    assert synced.sync() == {"a.md": "still failing"}


def test_bad_files_do_not_stop_the_others(synced: Synced) -> None:
    for number in range(70):
        synced.write(f"{number:02}.txt", f"Line {number} carries gas.")
    synced.write("30.pdf", "garbage")
    synced.write("31.txt", "")
    synced.write("99.txt", "x" * (LIMIT + 1))
    outcome = synced.sync()
    failed = {name: synced.ledger()[name][1] for name, what in outcome.items() if what == "failed"}
    assert set(failed) == {"30.pdf", "31.txt", "99.txt"}
    assert (failed["31.txt"], failed["99.txt"]) == (
        "is empty",
        "has 10,001 bytes or more; at most 10,000 are allowed",
    )
    assert (len(synced.ids()), len(outcome), synced.collection.verify()) == (69, 72, [])


def test_a_document_that_cannot_be_stored_fails_alone(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write("b.txt", "Oil flows.")
    synced.sync()

    def cut(document: Document, *rest: Any) -> list[Chunk]:  # Any: passed on as they came
        return [] if document.text == "Unquotable." else chunk_document(document, *rest)

    monkeypatch.setattr("index.ingest.chunk_document", cut)
    synced.write("a.txt", "Gas flows.")
    synced.write("b.txt", "Unquotable.")
    synced.write("c.txt", "Coal burns.")
    assert synced.sync() == {"a.txt": "added", "b.txt": "failed", "c.txt": "added"}
    assert "could be quoted" in str(synced.ledger()["b.txt"][1])
    # The last good version stays, and goes with its file.
    assert synced.text("papers/b.txt") == "Oil flows."
    (synced.folder / "b.txt").unlink()
    assert synced.sync() == {"a.txt": "unchanged", "b.txt": "removed", "c.txt": "unchanged"}


def test_a_file_takes_over_a_document_that_had_its_id(synced: Synced, make: Make) -> None:
    synced.collection.put([make("papers/a.txt", "Coal burns."), make("other")])
    path = synced.write("a.txt", "Gas flows.")
    assert (synced.sync(), synced.text("papers/a.txt")) == ({"a.txt": "updated"}, "Gas flows.")
    synced.write("b.txt", "Oil flows.")
    path.unlink()
    assert synced.sync() == {"b.txt": "added", "a.txt": "removed"}
    assert synced.ids() == ["other", "papers/b.txt"]
    assert "a.txt" not in synced.ledger()


def test_a_document_that_was_replaced_by_other_means_is_not_removed(
    synced: Synced, make: Make
) -> None:
    synced.write("a.txt", "Gas flows.").unlink()
    synced.write("a.txt", "Gas flows.")
    synced.write("b.txt", "Oil flows.")
    synced.sync()
    synced.collection.put([make("papers/a.txt", "Somebody else's.")])
    (synced.folder / "a.txt").unlink()
    assert synced.sync() == {"b.txt": "unchanged", "a.txt": "kept"}
    assert synced.text("papers/a.txt") == "Somebody else's."


def test_a_removed_or_replaced_document_comes_back_while_its_file_exists(
    synced: Synced, make: Make
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("b.txt", "Oil flows.")
    synced.sync()
    synced.collection.remove(["papers/a.txt"])
    synced.collection.put([make("papers/b.txt", "Somebody else's.")])
    assert synced.sync() == {"a.txt": "added", "b.txt": "updated"}
    assert (synced.text("papers/a.txt"), synced.text("papers/b.txt")) == (
        "Gas flows.",
        "Oil flows.",
    )


def test_of_two_files_with_one_id_the_first_keeps_it(synced: Synced) -> None:
    synced.write("a.md", OTTER)
    synced.write("b.md", OTTER.replace("212", "99"))
    assert synced.sync() == {"a.md": "added", "b.md": "failed"}
    assert "has the id 'otter', which" in str(synced.ledger()["b.md"][1])
    synced.write("a.md", OTTER.replace("212", "213"))
    assert synced.sync() == {"a.md": "updated", "b.md": "still failing"}
    (synced.folder / "a.md").unlink()
    # The id is free now, although b has not changed.
    assert synced.sync() == {"b.md": "updated", "a.md": "kept"}
    assert synced.sync() == {"b.md": "unchanged"}
    assert synced.text("otter") == "The Otter Bridge is 99 metres long."


def test_an_id_may_belong_to_a_file_in_another_synced_folder(
    synced: Synced, tmp_path: Path
) -> None:
    synced.write("a.md", OTTER)
    synced.sync()
    other = Synced(tmp_path / "other", synced.collection, [])
    other.write("a.md", OTTER)
    assert other.sync() == {"a.md": "failed"}


def test_a_folder_that_is_gone_or_suddenly_empty_removes_nothing(
    synced: Synced, tmp_path: Path
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    synced.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(DocumentError, match="papers: there is no such folder; nothing was changed"):
        synced.sync()
    synced.folder.mkdir()
    with pytest.raises(
        DocumentError,
        match=r"papers: has no documents now.*has 1 from it.*mounted.*--allow-empty",
    ):
        synced.sync()
    assert synced.ids() == ["papers/a.txt"]
    assert (synced.sync(allow_empty=True), synced.ids()) == ({"a.txt": "removed"}, [])


def test_a_folder_that_gave_no_document_may_become_empty(synced: Synced) -> None:
    synced.write("bad.pdf", "garbage")
    synced.sync()
    (synced.folder / "bad.pdf").unlink()
    assert (synced.sync(), synced.ledger()) == ({"bad.pdf": "removed"}, {})


def test_a_collection_opened_for_reading_cannot_be_synced(
    synced: Synced, open_collection: Open
) -> None:
    synced.write("a.txt", "Gas flows.")
    with pytest.raises(StoreError, match="was opened for reading only"):
        list(carried_out(Mirror(open_collection(writable=False), synced.folder)))
    assert Ledger(synced.collection.store.database).roots() == []


def test_files_in_a_subfolder_that_cannot_be_listed_are_kept(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write("sub/a.txt", "Gas flows.")
    synced.write("b.txt", "Oil flows.")
    synced.sync()
    listed = Path.iterdir

    def list_unless_denied(path: Path) -> Iterator[Path]:
        if path == synced.folder / "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    with monkeypatch.context() as denied:
        denied.setattr(Path, "iterdir", list_unless_denied)
        assert synced.sync() == {"b.txt": "unchanged", "sub": "failed"}
    assert synced.ids() == ["papers/b.txt", "papers/sub/a.txt"]
    assert synced.sync() == {"b.txt": "unchanged", "sub/a.txt": "unchanged", "sub": "removed"}


def test_ids_do_not_depend_on_where_later_syncs_run(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    monkeypatch.chdir(synced.folder)
    synced.write("a.txt", "Oil flows.")
    synced.write("b.txt", "Coal burns.")
    synced.sync()
    assert synced.ids() == ["papers/a.txt", "papers/b.txt"]


def test_ids_are_the_same_as_for_add(synced: Synced, monkeypatch: pytest.MonkeyPatch) -> None:
    synced.write("a.txt", "Gas flows.")
    monkeypatch.chdir(synced.folder)
    synced.sync()
    assert synced.ids() == ["a.txt"]


def test_a_folder_inside_another_synced_folder_is_refused(synced: Synced, tmp_path: Path) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("sub/b.txt", "Oil flows.")
    synced.sync()
    for folder in (tmp_path, synced.folder / "sub"):
        with pytest.raises(
            StoreError,
            match="one of the two is inside the other; sync that one, or stop syncing it with",
        ):
            root_of(synced.collection.store, folder)
    assert root_of(synced.collection.store, tmp_path / "papers-2").prefix == "papers-2"


def test_the_documents_of_a_forgotten_folder_stay(synced: Synced, tmp_path: Path) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    assert Ledger(synced.collection.store.database).forget_root(str(synced.folder)) == 1
    with pytest.raises(NotFoundError, match="is not synced with this folder"):
        Ledger(synced.collection.store.database).forget_root(str(synced.folder))
    assert (synced.ids(), synced.ledger(), Ledger(synced.collection.store.database).roots()) == (
        ["papers/a.txt"],
        {},
        [],
    )
    assert root_of(synced.collection.store, tmp_path).path == str(tmp_path)


def test_new_tags_reach_every_document_and_stay(synced: Synced) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.sync()
    tagged = Mirror(synced.collection, synced.folder, tags=["energy"])
    assert [change.status for change in carried_out(tagged)] == [FileStatus.UPDATED]
    synced.write("b.txt", "Oil flows.")
    assert synced.sync() == {"a.txt": "unchanged", "b.txt": "added"}
    assert {summary.tags for summary in synced.collection.documents()} == {("energy",)}


def test_an_interrupted_change_of_tags_is_finished_by_the_next_sync(
    synced: Synced,
) -> None:
    for number in range(130):
        synced.write(f"{number:03}.txt", f"Line {number} carries gas.")
    synced.sync()
    next(carried_out(Mirror(synced.collection, synced.folder, tags=["energy"])))
    tags = {summary.tags for summary in synced.collection.documents()}
    assert tags == {("energy",), ()}
    synced.sync()
    assert {summary.tags for summary in synced.collection.documents()} == {("energy",)}


def test_an_interrupted_sync_is_finished_by_the_next(synced: Synced) -> None:
    for number in range(130):
        synced.write(f"{number:03}.txt", f"Line {number} carries gas.")
    next(carried_out(synced.mirror))
    assert Ledger(synced.collection.store.database).stages() == {
        str(synced.folder): {FileStage.STORED: 64, FileStage.WAITING: 66}
    }
    outcomes = list(synced.sync().values())
    assert (outcomes.count("unchanged"), outcomes.count("added")) == (64, 66)
    assert Ledger(synced.collection.store.database).stages() == {
        str(synced.folder): {FileStage.STORED: 130}
    }
    assert synced.collection.verify() == []


def test_an_interrupted_sync_removes_nothing(synced: Synced) -> None:
    for number in range(130):
        synced.write(f"{number:03}.txt", f"Line {number} carries gas.")
    synced.sync()
    for number in range(100):
        (synced.folder / f"{number:03}.txt").rename(synced.folder / f"new-{number:03}.txt")
    (synced.folder / "129.txt").unlink()
    # Stop at the first moved file.
    assert FileStatus.MOVED in (change.status for change in carried_out(synced.mirror))
    assert len(synced.ids()) == 130
    outcomes = list(synced.sync().values())
    assert {what: outcomes.count(what) for what in sorted(set(outcomes))} == {
        "moved": 36,
        "removed": 1,
        "unchanged": 29 + 64,
    }


def test_the_ledger_survives_a_restart(synced: Synced, open_collection: Open) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("b.txt", "")
    synced.sync()
    synced.collection.close()
    synced.collection = open_collection()
    assert synced.ledger() == {"a.txt": ("stored", None), "b.txt": ("failed", "is empty")}
    assert synced.sync() == {"a.txt": "unchanged", "b.txt": "still failing"}


def test_a_subfolder_can_be_moved(synced: Synced) -> None:
    for number in range(70):
        synced.write(f"old/{number:02}.txt", f"Line {number} carries gas.")
    synced.sync()
    synced.embedded.clear()
    shutil.move(synced.folder / "old", synced.folder / "new")
    assert set(synced.sync().values()) == {"moved"}
    assert (len(synced.ids()), synced.embedded, synced.collection.verify()) == (70, [], [])
    assert all(each.startswith("papers/new/") for each in synced.ids())


def raise_revision(monkeypatch: pytest.MonkeyPatch, suffix: str) -> None:
    """As if a new version of Quoth extracted another text from the files of a format."""
    raised = Format(SUPPORTED[suffix].read, SUPPORTED[suffix].revision + 1)
    monkeypatch.setattr("corpus.load.SUPPORTED", {**SUPPORTED, suffix: raised})


def test_files_of_a_format_that_is_extracted_differently_are_read_again(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced.write("a.txt", "Gas flows.")
    synced.write("b.md", "Oil flows.")
    synced.sync()
    assert list(synced.mirror.plan().pending) == []
    raise_revision(monkeypatch, ".md")
    assert [task.path.name for task in synced.mirror.plan().pending] == ["b.md"]
    synced.sync()
    assert list(synced.mirror.plan().pending) == []


def test_a_sync_that_reads_a_format_again_may_be_interrupted(
    synced: Synced, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(66):
        synced.write(f"{number}.md", f"Line {number} carries gas.")
    synced.sync()
    raise_revision(monkeypatch, ".md")
    outcomes = synced.mirror.carry_out(synced.mirror.plan(), ParserPool(0, ParseLimits(LIMIT)))
    next(outcomes)
    del outcomes  # as if the process had ended here
    # The two files that are left have lost their fingerprints, so they are not taken for read.
    assert [task.known_sha256 for task in synced.mirror.plan().pending] == ["", ""]
    synced.sync()
    assert list(synced.mirror.plan().pending) == []


def test_every_format_has_a_revision() -> None:
    assert extraction_revisions().keys() == SUPPORTED.keys()
    assert all(each.revision >= 1 for each in SUPPORTED.values())


def test_emails_are_read_again_when_a_format_that_may_be_attached_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = extraction_revisions()
    raise_revision(monkeypatch, ".docx")
    changed = {suffix for suffix, each in extraction_revisions().items() if each != before[suffix]}
    assert changed == {".docx", ".eml", ".msg"}
