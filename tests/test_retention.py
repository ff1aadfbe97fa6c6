"""What is kept, for how long, and what is gone when it is deleted: not even a byte on the disk."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from corpus.document import Document, version_of
from corpus.errors import NotFoundError
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.store.store import Store
from service.answering.history import AnswerHistory
from service.answering.retention import Housekeeping, Retention
from service.answering.service import AnswerService
from service.answering.storage import APPLICATION_DATA
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
Open = Callable[..., Collection]

SECRET = "The line carries 38 bcm to Quelimane."
CARRIED = make_question("What does the line carry?", min_confidence=0, conversation_id="talk")


@pytest.fixture
def store(open_collection: Open, make: Make) -> Store:
    """A store of one document, which shows answers of every kind."""
    collection = open_collection()
    collection.put([make("a")])
    return collection.store


def shown() -> dict[str, str]:
    return {"a": version_of("This is what document a says.")}


def age(store: Store, answer_id: str, days: float) -> None:
    """Make an answer look as if it was last used that many days ago."""
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("UPDATE answers SET used_at = ? WHERE id = ?", (at, answer_id))


def kept(history: AnswerHistory, *answer_ids: str) -> list[str]:
    return [answer_id for answer_id in answer_ids if history.find(answer_id) is not None]


def test_answers_that_nobody_asks_for_are_deleted_and_those_with_feedback_stay(
    store: Store,
) -> None:
    history = AnswerHistory(store.database)
    for name in ("old", "asked again", "with feedback", "new"):
        history.save(name, "q", b"body", shown())
    for name in ("old", "asked again", "with feedback"):
        age(store, name, 10)
    assert history.find("asked again") == b"body"
    history.add_feedback("with feedback", True, "good", None)
    assert history.prune(datetime.now(UTC) - timedelta(days=9)) == 1
    assert kept(history, "old", "asked again", "with feedback", "new") == [
        "asked again",
        "with feedback",
        "new",
    ]


def test_many_answers_are_deleted_in_small_transactions(store: Store) -> None:
    history = AnswerHistory(store.database)
    for number in range(450):
        history.save(str(number), "q", b"body", shown())
    assert history.prune(datetime.now(UTC) + timedelta(days=1)) == 450
    assert store.counts()["answers"] == 0


def test_answers_never_take_more_than_their_bound(store: Store) -> None:
    history = AnswerHistory(store.database, max_bytes=100_000)
    for number in range(100):
        history.save(f"{number:03}", "q", bytes(5_000), shown())
        if number == 50:
            age(store, "040", -1)  # Somebody asks for it now and then.
    names = kept(history, *(f"{number:03}" for number in range(100)))
    assert names[0] == "040"
    assert names[1:] == [f"{number:03}" for number in range(101 - len(names), 100)]
    assert 15 <= len(names) <= 100_000 // 5_000


def test_neither_feedback_nor_conversations_fill_the_disk(store: Store) -> None:
    history = AnswerHistory(store.database, max_bytes=400_000)
    history.save("1", "q", b"body", shown())
    expired = datetime.now(UTC) - timedelta(hours=1)
    for number in range(300):
        history.add_feedback("1", True, "c" * 1_000, None)
        history.add_exchange(f"talk {number}", "q" * 1_000, "1", expired)
    assert 70 <= len(history.feedback()) <= 100
    assert history.exchanges("talk 0", 9, expired) == []
    assert len(history.exchanges("talk 299", 9, expired)) == 1


def test_what_an_older_version_wrote_is_counted_by_the_next_round(store: Store) -> None:
    AnswerHistory(store.database).save("1", "q", bytes(50_000), shown())
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DELETE FROM meta WHERE key = 'kept_bytes'")
    history = AnswerHistory(store.database, max_bytes=10_000)
    history.recount()
    assert kept(history, "1") == []


def test_former_versions_are_kept_by_number(tmp_path: Path, encoder: Encoder, make: Make) -> None:
    with Collection(
        tmp_path, encoder, writable=True, application=APPLICATION_DATA, keep_versions=2
    ) as collection:
        versions = []
        for number in (1, 2, 3, 2, 4, 5):
            document = make("a", f"Text {number}.")
            collection.put([document])
            versions.append(document.version)
        present = {
            number
            for number in range(1, 6)
            if _has_version(collection.store, version_of(f"Text {number}."))
        }
        assert present == {2, 4, 5}  # The document returned to text 2 after text 3.


def _has_version(store: Store, version: str) -> bool:
    try:
        store.document("a", version)
    except NotFoundError:
        return False
    return True


def test_a_lower_number_holds_for_what_was_written_before(
    open_collection: Open, make: Make, encoder: Encoder, tmp_path: Path
) -> None:
    collection = open_collection()
    for number in range(250):
        collection.put([make(f"d{number % 2}", f"Text {number}.")])
    history = AnswerHistory(collection.store.database)
    history.save("old", "q", b"Text 0.", {"d0": version_of("Text 0.")})
    history.save("new", "q", b"Text 248.", {"d0": version_of("Text 248.")})
    collection.close()
    with Collection(
        tmp_path / "data", encoder, writable=True, application=APPLICATION_DATA, keep_versions=0
    ) as again:
        history = AnswerHistory(again.store.database)
        Housekeeping(again, history, Retention(versions=0)).clean()
        assert again.store.counts()["versions"] == 2
        assert kept(history, "old", "new") == ["new"]


def test_space_is_given_back_to_the_disk(store: Store) -> None:
    history = AnswerHistory(store.database)
    for number in range(60):
        history.save(str(number), "q", bytes(100_000), shown())
    store.database.checkpoint()
    before = store.path.stat().st_size
    history.prune(datetime.now(UTC) + timedelta(days=1))
    assert store.database.give_back() == 4_096_000
    store.database.checkpoint()
    assert store.path.stat().st_size < before - 4_000_000
    assert store.faults() == []


def files_with(folder: Path, text: str) -> list[str]:
    return [
        path.name
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    ]


def test_nothing_of_a_deleted_document_stays_on_the_disk(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    folder = tmp_path / "data"
    with AnswerService(folder, encoder, passages, writable=True) as service:
        service.collection.put([make("gas", SECRET, title="Quelimane pipes"), make("peas")])
        record = service.ask(CARRIED).record
        start = SECRET.index("38")
        service.give_feedback(record.id, False, "38 bcm to Quelimane?", ("gas", start, start + 9))
        service.collection.put([make("gas", SECRET.replace("38", "40"))])
        (removal,) = service.collection.remove(["gas"]).documents
        assert removal.related == {"answers": 1, "exchanges": 1, "feedback": 1}
        assert files_with(folder, "Quelimane") == []
        (feedback,) = service.history.feedback()
        assert (feedback.comment, feedback.correct, feedback.helpful) == (None, None, False)
        assert service.history.exchanges("talk", 9, datetime.now(UTC) - timedelta(1)) == []
        # The kept question is the asker's own.
        assert feedback.question == CARRIED.text
    assert files_with(folder, "Quelimane") == []


def test_edited_out_text_is_unreadable_if_no_former_versions_are_kept(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    folder = tmp_path / "data"
    with AnswerService(
        folder, encoder, passages, writable=True, retention=Retention(versions=0)
    ) as service:
        old = make("gas", SECRET)
        service.collection.put([old])
        record = service.ask(CARRIED).record
        start = SECRET.index("38")
        service.give_feedback(record.id, True, "Quelimane", ("gas", start, start + 19))
        service.collection.put([make("gas", "The line carries 38 bcm.")])
        assert service.kept_answer(record.id) is None
        with pytest.raises(NotFoundError, match="has no version"):
            service.document("gas", old.version)
        service.housekeeping.clean()
        assert files_with(folder, "Quelimane") == []


def test_an_answer_that_shows_a_version_that_was_dropped_is_not_kept(store: Store) -> None:
    with pytest.raises(NotFoundError, match="deleted while it was being quoted"):
        AnswerHistory(store.database).save("1", "q", b"old", {"a": "0" * 64})


def test_feedback_is_emptied_though_its_answer_is_gone(store: Store) -> None:
    history = AnswerHistory(store.database)
    history.save("1", "q", b"body", shown())
    history.add_feedback("1", False, "it quotes the document", None)
    with closing(sqlite3.connect(store.path)) as connection, connection:
        connection.execute("DELETE FROM answers")
    history.delete_unneeded_links()
    store.write([], ["a"])
    assert [each.comment for each in history.feedback()] == [None]


def test_the_status_says_what_takes_the_room(store: Store) -> None:
    AnswerHistory(store.database).save("1", "q", bytes(50_000), shown())
    sizes = store.database.sizes()
    assert sizes["answers"] > 50_000
    assert {"documents", "versions", "chunks", "vectors", "feedback", "free"} <= sizes.keys()
    store.database.checkpoint()
    assert sum(sizes.values()) == pytest.approx(store.path.stat().st_size, rel=0.1)
