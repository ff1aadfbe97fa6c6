"""The store: what is written comes back, a write is all or nothing, and other files are refused."""

import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from corpus.document import Document, Page, version_of
from corpus.errors import NotFoundError, StoreError
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.store.documents import Overview
from index.store.listing import DocumentListing, DocumentOrder
from index.store.store import FILE_NAME, Store
from index.store.writing import PreparedDocument
from index.text.chunk import Chunk
from index.text.view import View, ViewPart
from service.answering.history import AnswerHistory
from service.answering.storage import APPLICATION_DATA
from service.mirror.ledger import FileStage, Ledger, LedgerChange, LedgerEntry, SyncedFolder

Make = Callable[..., Document]

EARLIER = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path, APPLICATION_DATA)
    yield opened
    opened.close()


def prepared(
    document: Document, *spans: tuple[int, int], context: str = "", value: float = 0.5
) -> PreparedDocument:
    """The document with chunks at those spans, the whole of it where none is given."""
    chunks = tuple(
        Chunk(document.id, document.version, start, end, document.text[start:end], context)
        for start, end in spans or [(0, len(document.text))]
    )
    return PreparedDocument(document, chunks, np.full((len(chunks), 4), value, dtype=np.float32))


def shown(*document_ids: str) -> dict[str, str]:
    """Documents that :func:`make` has made of their ids, with their versions."""
    return {name: version_of(f"This is what document {name} says.") for name in document_ids}


def test_a_document_comes_back_with_every_field(store: Store, make: Make) -> None:
    document = make(
        "föö/🙂 1",
        "Gas 🙂 flows.\r\n\tעברית e\u0301 中文\u2028end ",
        title="Títle",
        url="https://example.org/ä?x=1",
        published=date(2025, 11, 7),
        tags=["china", "Energy trade"],
        pages=[Page(1, 0, 5), Page(3, 6, 20)],
        collection="papers",
        groups=["Vorstand", "editors"],
    )
    store.write([prepared(document)])
    assert store.document(document.id) == document
    assert store.document(document.id, document.version) == document
    spans = [(document.id, document.version, 0, 3), (document.id, document.version, 3, 5)]
    assert store.paged_passages(spans) == [
        (document.text[:3], document.pages),
        (document.text[3:5], document.pages),
    ]


def test_a_document_with_nothing_but_a_text_comes_back(store: Store, make: Make) -> None:
    document = make("a", "Gas flows.")
    store.write([prepared(document)])
    found = store.document("a")
    assert (found.url, found.published, found.tags, found.pages) == (None, None, (), ())
    assert (found.collection, found.groups) == ("default", ())
    assert replace(found, collection=None, groups=None) == document


def test_a_summary_says_what_is_known_without_the_text(store: Store, make: Make) -> None:
    document = make("a", "Gas flows. Oil too.", tags=["x"], published=date(2025, 1, 2))
    store.write([prepared(document, (0, 10), (11, 19))])
    summary = store.summary("a")
    assert summary is not None
    assert (summary.id, summary.version, summary.title) == ("a", document.version, document.title)
    assert (summary.chunks, summary.characters, summary.tags, summary.published) == (
        2,
        19,
        ("x",),
        date(2025, 1, 2),
    )
    assert datetime.fromisoformat(summary.updated_at).tzinfo is not None
    assert store.summary("b") is None


def test_an_overview_counts_documents_and_tags_and_names_the_days(store: Store, make: Make) -> None:
    assert store.overview(9) == Overview(0, (), None, None)
    days = [date(2025, 1, 2), date(2023, 4, 5), None]
    tags = [["gas", "oil"], ["gas", "air"], []]
    for number, (day, some) in enumerate(zip(days, tags, strict=True)):
        store.write([prepared(make(f"d{number}", tags=some, published=day))])
    assert store.overview(2) == Overview(
        3, (("gas", 2), ("air", 1)), date(2023, 4, 5), date(2025, 1, 2)
    )


def test_the_newest_documents_are_those_last_written(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    for second, id in enumerate(["b", "a", "c"]):
        monkeypatch.setattr(
            "index.store.writing.now", lambda second=second: f"2026-01-01T00:00:0{second}+00:00"
        )
        store.write([prepared(make(id))])
    assert [summary.id for summary in store.newest(2)] == ["c", "a"]


def test_chunks_and_vectors_come_back(store: Store, make: Make) -> None:
    document = make("a", "Gas 🙂 flows. Oil too.", url="https://example.org/u", tags=["x"])
    whole = prepared(document, (0, 12), (13, 21), context="Title")
    store.write([whole])
    first, second = store.chunk_ids().tolist()
    stored = store.chunks([second, first, 999])
    assert [stored[id].chunk for id in (first, second)] == list(whole.chunks)
    assert (stored[first].title, stored[first].url, stored[first].tags) == (
        document.title,
        "https://example.org/u",
        ("x",),
    )
    embedded: dict[str, Vectors] = store.embedded("a")
    assert set(embedded) == {"Title\nGas 🙂 flows.", "Title\nOil too."}
    assert all(np.array_equal(vector, whole.vectors[0]) for vector in embedded.values())


def test_a_passage_is_counted_in_code_points(store: Store, make: Make) -> None:
    document = make("a", "🙂🙂 e\u0301 gas")
    store.write([prepared(document)])
    assert store.passage("a", document.version, 6, 9) == document.text[6:9] == "gas"
    with pytest.raises(NotFoundError):
        store.passage("a", "0" * 64, 0, 1)


def test_texts_of_older_versions_are_kept_until_the_document_is_deleted(
    store: Store, make: Make
) -> None:
    old, new = make("a", "Old text."), make("a", "New text.", title="New")
    store.write([prepared(old)])
    store.write([prepared(new)])
    assert store.document("a").text == "New text."
    assert store.document("a", old.version).text == "Old text."
    assert store.counts() == {
        "documents": 1,
        "versions": 2,
        "chunks": 1,
        "answers": 0,
        "feedback": 0,
    }
    _, removals = store.write([], ["a"])
    assert [(gone.id, gone.chunks, gone.versions, gone.related) for gone in removals] == [
        ("a", 1, 2, {"answers": 0, "exchanges": 0, "feedback": 0})
    ]
    assert set(store.counts().values()) == {0}
    for version in (None, old.version, new.version):
        with pytest.raises(NotFoundError, match="there is no document 'a'"):
            store.document("a", version)


def test_a_version_that_never_was_is_not_found(store: Store, make: Make) -> None:
    store.write([prepared(make("a"))])
    with pytest.raises(NotFoundError, match="document 'a' has no version '00"):
        store.document("a", "00")


def test_removing_what_is_not_there_removes_nothing(store: Store, make: Make) -> None:
    store.write([prepared(make("a"))])
    assert store.write([], ["b"])[1] == []
    assert store.counts()["documents"] == 1


def test_documents_are_listed_in_pages_in_the_order_of_their_ids(store: Store, make: Make) -> None:
    store.write([prepared(make(id)) for id in ("c", "B", "ä", "a")])
    first, position = store.documents(3)
    assert [summary.id for summary in first] == ["B", "a", "c"]  # by code point
    rest, end = store.documents(3, position)
    assert ([summary.id for summary in rest], end) == (["ä"], None)


def _listed(store: Store, page: int = 100, **listing: object) -> list[str]:
    """The ids of a listing, read in pages."""
    ids: list[str] = []
    position = None
    while True:
        documents, position = store.documents(page, position, DocumentListing(**listing))  # type: ignore[arg-type]  # the test's own names
        ids += [summary.id for summary in documents]
        if position is None:
            return ids


def test_documents_are_found_by_words_of_title_file_name_and_id(store: Store, make: Make) -> None:
    store.write(
        [
            prepared(replace(make("rules/1"), title="Ärger im Lesesaal")),
            prepared(replace(make("x"), title="Keys", file_name="Reading_room 100%.pdf")),
            prepared(replace(make("y"), title="Reading lamps")),
        ]
    )
    assert _listed(store, words=("ärger",)) == ["rules/1"]  # SQLite alone folds ASCII only
    assert _listed(store, words=("reading",)) == ["x", "y"]
    assert _listed(store, words=("reading", "keys")) == ["x"]
    assert _listed(store, words=("0%",)) == ["x"]  # no wildcards
    assert _listed(store, words=("_",)) == ["x"]
    assert _listed(store, words=("rules/",)) == ["rules/1"]


@pytest.mark.parametrize("page", [1, 2, 100])
def test_documents_are_sorted_in_either_order_over_any_pages(
    store: Store, make: Make, page: int
) -> None:
    store.write(
        [
            prepared(replace(make("a"), title="b", published=date(2024, 5, 1), tags=("red",))),
            prepared(replace(make("b"), title="C", tags=("red",))),
            prepared(replace(make("c"), title="A", published=date(2023, 5, 1))),
            prepared(replace(make("d"), title="a", published=date(2024, 5, 1))),
        ]
    )
    by = DocumentOrder
    assert _listed(store, page, order=by.TITLE) == ["c", "d", "a", "b"]
    assert _listed(store, page, order=by.TITLE, descending=True) == ["b", "a", "c", "d"]
    assert _listed(store, page, order=by.PUBLISHED) == ["c", "a", "d", "b"]
    assert _listed(store, page, order=by.PUBLISHED, descending=True) == ["a", "d", "c", "b"]
    assert _listed(store, page, order=by.ID, descending=True) == ["d", "c", "b", "a"]
    assert _listed(store, page, tag="red") == ["a", "b"]


def test_changes_lead_from_one_generation_to_the_next(store: Store, make: Make) -> None:
    store.write([prepared(make("a")), prepared(make("b"))])
    a, b = store.chunk_ids().tolist()
    store.write([prepared(make("a", "Other."), value=0.25)], ["b"])
    (new,) = store.chunk_ids().tolist()
    (changes,), (vectors,) = store.changes_since(1), store.vector_changes_since(1)
    assert (
        changes.generation,
        sorted(changes.removed.tolist()),
        [stored.id for stored in changes.added],
    ) == (
        2,
        [a, b],
        [new],
    )
    assert (vectors.generation, sorted(vectors.removed.tolist()), vectors.added.tolist()) == (
        2,
        [a, b],
        [new],
    )
    assert vectors.vectors.tolist() == [[0.25] * 4]
    (everything,), (nothing,) = store.changes_since(0), store.changes_since(2)
    assert ([stored.id for stored in everything.added], everything.removed.tolist()) == ([new], [])
    assert (len(nothing.removed), nothing.added, nothing.generation) == (0, (), 2)


def test_a_chunks_number_is_never_given_twice(store: Store, make: Make) -> None:
    store.write([prepared(make("a"))])
    before = store.chunk_ids().tolist()
    store.write([], ["a"])
    store.write([prepared(make("a"))])
    assert store.chunk_ids().tolist() > before


def _filtered(store: Store, make: Make) -> dict[int, str]:
    documents = [
        make("a", tags=["energy", "china"], published=date(2024, 12, 31)),
        make("b", tags=["energy"], published=date(2025, 1, 1)),
        make("c", tags=["trade"], published=date(2025, 12, 31)),
        make("d", tags=["trade"]),
    ]
    store.write([prepared(document) for document in documents])
    return {
        id: stored.chunk.document_id
        for id, stored in store.chunks(store.chunk_ids().tolist()).items()
    }


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), "abcd"),
        (Filters(document_ids=("b", "d", "none")), "bd"),
        (Filters(tags=("energy",)), "ab"),
        (Filters(tags=("china", "trade")), "acd"),
        (Filters(tags=("Energy",)), ""),
        (
            Filters(published_from=date(2025, 1, 1)),
            "bc",
        ),  # d has no date: outside every date filter
        (Filters(published_to=date(2025, 1, 1)), "ab"),
        (Filters(known_by=date(2024, 12, 31)), "ad"),
        (Filters(published_from=date(2025, 1, 1), published_to=date(2025, 1, 1)), "b"),
        (Filters(document_ids=("a", "b"), tags=("energy",), published_to=date(2024, 12, 31)), "a"),
        (Filters(document_ids=("c",), tags=("energy",)), ""),
    ],
)
def test_filters_let_the_right_documents_through(
    store: Store, make: Make, filters: Filters, expected: str
) -> None:
    owner = _filtered(store, make)
    assert [owner[id] for id in store.chunk_ids(filters).tolist()] == list(expected)


def test_a_filter_that_narrows_nothing_is_false() -> None:
    assert not Filters()
    assert all([Filters(document_ids=("a",)), Filters(tags=("a",)), Filters(published_to=date.min)])


def test_an_answer_is_kept_byte_for_byte_and_the_first_one_stays(store: Store, make: Make) -> None:
    store.write([prepared(make("a"))])
    body = b'{"x": "\xc3\xa9\xf0\x9f\x99\x82"}\x00\xff'
    assert AnswerHistory(store.database).save("1", "What?", body, shown("a")) == body
    assert AnswerHistory(store.database).save("1", "What?", b"later", shown("a")) == body
    assert AnswerHistory(store.database).find("1") == body
    assert AnswerHistory(store.database).find("2") is None


def test_answers_go_with_the_documents_they_show(store: Store, make: Make) -> None:
    store.write([prepared(make(id)) for id in "abc"])
    AnswerHistory(store.database).save("1", "q", b"shows a and b", shown("a", "b"))
    AnswerHistory(store.database).save("2", "q", b"shows c", shown("c"))
    AnswerHistory(store.database).save("3", "q", b"shows nothing", {})
    _, (removal,) = store.write([], ["b"])
    assert removal.related == {"answers": 1, "exchanges": 0, "feedback": 0}
    assert [AnswerHistory(store.database).find(id) for id in "123"] == [
        None,
        b"shows c",
        b"shows nothing",
    ]
    store.write([prepared(make("c", "Updated."))])
    assert AnswerHistory(store.database).find("2") == b"shows c"


def test_a_store_is_empty_until_it_holds_a_document_and_again_after_the_last(
    store: Store, make: Make
) -> None:
    assert store.is_empty()
    store.write([prepared(make("a"))])
    assert not store.is_empty()
    store.write([], ["a"])
    assert store.is_empty()


def test_an_answer_that_shows_a_deleted_document_is_not_kept(store: Store, make: Make) -> None:
    store.write([prepared(make("a"))])
    with pytest.raises(NotFoundError, match="deleted while"):
        AnswerHistory(store.database).save("1", "q", b"shows a and b", shown("a", "b"))
    assert AnswerHistory(store.database).find("1") is None


def test_feedback_is_kept_with_its_question(store: Store, make: Make, tmp_path: Path) -> None:
    store.write([prepared(make("a"))])
    AnswerHistory(store.database).save("1", "How much?", b"x", shown("a"))
    first = AnswerHistory(store.database).add_feedback("1", True, None, None)
    second = AnswerHistory(store.database).add_feedback(
        "1", False, "no", {"document_id": "a", "start": 1}
    )
    assert (first, second) == (1, 2)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        rows = connection.execute(
            "SELECT question, helpful, comment, correct FROM feedback ORDER BY id"
        ).fetchall()
    connection.close()
    assert [row[:3] for row in rows] == [("How much?", 1, None), ("How much?", 0, "no")]
    assert '"document_id": "a"' in rows[1][3]
    with pytest.raises(NotFoundError, match="there is no stored answer '2'"):
        AnswerHistory(store.database).add_feedback("2", True, None, None)


def line(
    path: str, stage: FileStage = FileStage.STORED, document_id: str | None = None, root: str = "/r"
) -> LedgerEntry:
    return LedgerEntry(
        path=path,
        root=root,
        size=2**40,
        mtime_ns=2**60,
        sha256="0" * 64,
        document_id=document_id,
        version="1",
        stage=stage,
        reason=None,
        at="2025-01-02T03:04:05+00:00",
    )


def test_lines_of_the_ledger_come_back_and_the_last_one_of_a_path_stays(store: Store) -> None:
    for root in (
        SyncedFolder("/r", "old"),
        SyncedFolder("/r", "papers", ("x",)),
        SyncedFolder("/empty", ""),
    ):
        Ledger(store.database).record(LedgerChange(root=root))
    Ledger(store.database).record(
        LedgerChange(
            [line("/r/b"), line("/r/a", FileStage.WAITING, "a"), line("/r/c", FileStage.FAILED)]
        )
    )
    Ledger(store.database).record(LedgerChange([line("/r/a", FileStage.STORED, "a")], ["/r/b"]))
    assert Ledger(store.database).entries("/r") == {
        "/r/a": line("/r/a", FileStage.STORED, "a"),
        "/r/c": line("/r/c", FileStage.FAILED),
    }
    assert Ledger(store.database).roots() == [
        SyncedFolder("/empty", ""),
        SyncedFolder("/r", "papers", ("x",)),
    ]
    assert Ledger(store.database).stages() == {
        "/empty": {},
        "/r": {FileStage.STORED: 1, FileStage.FAILED: 1},
    }
    assert (Ledger(store.database).claims(), Ledger(store.database).entries("/empty")) == (
        {"a": "/r/a"},
        {},
    )
    assert [entry.path for entry in Ledger(store.database).lines(1)] == ["/r/a"]
    assert [entry.path for entry in Ledger(store.database).lines(9, after="/r/a")] == ["/r/c"]
    assert [entry.path for entry in Ledger(store.database).lines(9, stage=FileStage.FAILED)] == [
        "/r/c"
    ]


def test_the_ledger_changes_with_the_documents_or_not_at_all(store: Store, make: Make) -> None:
    def failing() -> Iterator[PreparedDocument]:
        yield prepared(make("a"))
        raise RuntimeError("the encoder broke")

    Ledger(store.database).record(LedgerChange(root=SyncedFolder("/r", "")))
    with pytest.raises(RuntimeError):
        store.write(failing(), also=LedgerChange([line("/r/a")]).write)
    assert Ledger(store.database).entries("/r") == {}
    store.write([prepared(make("a"))], also=LedgerChange([line("/r/a", document_id="a")]).write)
    assert (set(Ledger(store.database).entries("/r")), Ledger(store.database).versions("/r")) == (
        {"/r/a"},
        {"a": make("a").version},
    )


def test_a_store_that_kept_no_ledger_gets_one(store: Store, make: Make, tmp_path: Path) -> None:
    store.write([prepared(make("a"))])
    store.close()
    _execute(tmp_path, "DROP TABLE synced_files")
    _execute(tmp_path, "DROP TABLE synced_folders")
    again = Store(tmp_path, APPLICATION_DATA)
    assert (
        Ledger(again.database).lines(9),
        Ledger(again.database).roots(),
        again.document("a").id,
    ) == ([], [], "a")
    again.close()


@pytest.mark.parametrize("read", ["Gas flows.", "Who?\nGas flows."])
def test_a_view_comes_back_also_from_a_store_that_named_its_column_otherwise(
    store: Store, make: Make, tmp_path: Path, read: str
) -> None:
    document = make("a", "Gas flows.")
    at = read.index("Gas")
    view = View(read, (ViewPart(at, at + 3, 0), ViewPart(at + 3, len(read), 3)))
    chunk = Chunk("a", document.version, 0, 10, document.text, "", own_view=view)
    store.write([PreparedDocument(document, (chunk,), np.ones((1, 4), dtype=np.float32))])
    assert [stored.chunk for stored in store.chunks([1]).values()] == [chunk]
    store.close()
    _execute(tmp_path, "ALTER TABLE chunks RENAME COLUMN view TO table_view")
    again = Store(tmp_path, APPLICATION_DATA)
    assert [stored.chunk for stored in again.chunks([1]).values()] == [chunk]
    again.close()


def test_a_write_that_fails_midway_leaves_nothing(store: Store, make: Make) -> None:
    store.write([prepared(make("a", "Old text."))])

    def failing() -> Iterator[PreparedDocument]:
        yield prepared(make("a", "New text."))
        yield prepared(make("b"))
        raise RuntimeError("the encoder broke")

    with pytest.raises(RuntimeError, match="the encoder broke"):
        store.write(failing(), ["a"])
    assert store.generation == 1
    assert store.document("a").text == "Old text."
    assert store.counts()["versions"] == 1
    assert [len(changes.added) for changes in store.changes_since(0)] == [1]


def test_a_manifest_comes_back(store: Store) -> None:
    assert store.manifest() is None
    store.set_manifest({"a": {"b": 1}})
    store.set_manifest({"a": {"b": 2}})
    assert store.manifest() == {"a": {"b": 2}}


def test_everything_survives_reopening(store: Store, make: Make, tmp_path: Path) -> None:
    document = make("a", tags=["x"], collection="default", groups=[])
    store.write([prepared(document)])
    store.close()
    again = Store(tmp_path, APPLICATION_DATA)
    assert (again.document("a"), again.generation) == (document, 1)
    again.close()


def _execute(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / FILE_NAME) as connection:
        connection.execute(statement)
    connection.close()


def test_a_store_of_another_format_is_refused(store: Store, tmp_path: Path) -> None:
    store.close()
    _execute(tmp_path, "UPDATE meta SET value = '2' WHERE key = 'format'")
    with pytest.raises(
        StoreError, match="format 2, and this Quoth reads 1; use the version of Quoth that wrote it"
    ):
        Store(tmp_path, APPLICATION_DATA)


@pytest.mark.parametrize("damage", [b"garbage", bytes(range(256)) * 100])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(damage)
    with pytest.raises(StoreError, match=r"quoth\.db: the database is damaged or not one of Quoth"):
        Store(tmp_path, APPLICATION_DATA)


def test_a_database_that_is_cut_short_is_refused(store: Store, make: Make, tmp_path: Path) -> None:
    store.write([prepared(make(str(number))) for number in range(50)])
    store.close()
    path = tmp_path / FILE_NAME
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(StoreError, match="the database is damaged"):
        Store(tmp_path, APPLICATION_DATA)


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(StoreError, match="data: the data folder cannot be made or opened"):
        Store(tmp_path / "data")


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE chunks SET text = 'tampered'",
            "its text differs from its span of the document",
        ),
        (
            "UPDATE chunks SET start = start + 1",
            "its text differs from its span of the document",
        ),
        (
            "UPDATE versions SET text = 'tampered'",
            "its text differs from its span of the document",
        ),
        ("UPDATE documents SET version = '0'", "its document has another version or is gone"),
        ("DELETE FROM vectors", "it has no vector"),
    ],
)
def test_a_damaged_chunk_is_named(
    store: Store, make: Make, tmp_path: Path, statement: str, fault: str
) -> None:
    store.write([prepared(make("a"))])
    assert store.faults() == []
    _execute(tmp_path, statement)
    assert f"chunk 1 of document 'a': {fault}" in store.faults()
    assert store.damaged_documents() == {"a"}


def test_a_conversation_gives_back_its_last_exchanges_in_order(store: Store, make: Make) -> None:
    store.write([prepared(make("gas", "The line carries gas."))])
    versions = {"gas": version_of("The line carries gas.")}
    AnswerHistory(store.database).save("a1", "first?", b"{}", versions)
    for question in ("first?", "second?", "third?"):
        AnswerHistory(store.database).add_exchange(
            "c", question, "a1" if question == "first?" else "gone", EARLIER
        )
    AnswerHistory(store.database).add_exchange("other", "else?", "a1", EARLIER)
    assert [
        (each.question, each.answer)
        for each in AnswerHistory(store.database).exchanges("c", 9, EARLIER)
    ] == [
        ("first?", b"{}"),
        ("second?", None),
        ("third?", None),
    ]
    assert [each.question for each in AnswerHistory(store.database).exchanges("c", 2, EARLIER)] == [
        "second?",
        "third?",
    ]
    assert AnswerHistory(store.database).exchanges("nobody", 9, EARLIER) == []


def test_a_conversation_in_which_nothing_was_asked_for_long_is_forgotten(store: Store) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    AnswerHistory(store.database).add_exchange("c", "first?", "a1", EARLIER)
    assert AnswerHistory(store.database).exchanges("c", 9, later) == []
    assert len(AnswerHistory(store.database).exchanges("c", 9, EARLIER)) == 1
    AnswerHistory(store.database).add_exchange("other", "else?", "a1", later)
    assert AnswerHistory(store.database).exchanges("c", 9, EARLIER) == []


def test_a_store_from_before_conversations_gets_their_table(store: Store) -> None:
    path = store.path
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE exchanges")
    connection.close()
    reopened = Store(path.parent, APPLICATION_DATA)
    AnswerHistory(reopened.database).add_exchange("c", "first?", "a1", EARLIER)
    assert len(AnswerHistory(reopened.database).exchanges("c", 9, EARLIER)) == 1
    reopened.close()
