"""Damage is found where it is, mended where that is possible, and never answered from."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import StoreError
from eval.robustness.damage import DAMAGES, DamageReport, DamageRun, damage_file
from eval.robustness.faults import FaultReport, FaultRun
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.renewal import rebuild
from index.store.store import FILE_NAME
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
Open = Callable[..., Collection]

TEXT = "The line carries 38 bcm. Gas flows through it."


def change(folder: Path, statement: str, *values: object) -> None:
    """Change the database as damage would: without its checksums."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute(statement, values)


@pytest.fixture
def folder(tmp_path: Path, open_collection: Open, make: Make) -> Path:
    """A data folder with two documents, which nothing has open."""
    collection = open_collection()
    collection.put([make("gas", TEXT, tags=["energy"], url="https://example.org"), make("peas")])
    collection.close()
    return tmp_path / "data"


ROWS = [
    ("UPDATE chunks SET text = replace(text, '38', '83')", "its text differs from its span"),
    ("UPDATE chunks SET context = 'Other'", "its row is damaged"),
    ("UPDATE documents SET title = 'Other'", "document 'gas'"),
    ("UPDATE documents SET published = '2020-01-01'", "document 'gas'"),
    ("UPDATE documents SET published = 'soon'", "document 'gas'"),
    ("UPDATE documents SET tags = '[', chunks = 9", "document 'gas'"),
    ("UPDATE versions SET text = replace(text, '38', '83')", "its text is damaged"),
    ("UPDATE versions SET pages = '[[7, 0, 5]]'", "its pages are damaged"),
    ("UPDATE vectors SET vector = zeroblob(length(vector))", "its vector is damaged"),
    ("UPDATE meta SET value = '{}' WHERE key = 'manifest'", "manifest"),
]


@pytest.mark.parametrize(("statement", "fault"), ROWS)
def test_no_damaged_row_is_answered_from(
    folder: Path, encoder: Encoder, passages: PassageReader, statement: str, fault: str
) -> None:
    change(folder, statement)
    question = make_question("What does the line carry?", min_confidence=0)
    refused = True
    with suppress(StoreError), AnswerService(folder, encoder, passages, writable=False) as service:
        refused = False
        assert any(fault in line for line in service.collection.verify())
        refused = True
        record = service.ask(question).record
        refused = False
    if not refused:
        assert record.answer is not None
        assert record.answer.text == "38 bcm"
        assert record.citations[0].page is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE chunks SET text = replace(text, '38', '83')",
        "UPDATE chunks SET context = 'Other'",
        "UPDATE chunks SET document_id = 'peas'",
        "DELETE FROM chunks WHERE id = 1",
        "UPDATE vectors SET vector = zeroblob(length(vector))",
        "DELETE FROM vectors",
        "INSERT INTO vectors VALUES (99, x'00', NULL)",
    ],
)
def test_what_can_be_made_from_the_texts_is_mended_by_a_rebuild(
    folder: Path, encoder: Encoder, open_collection: Open, statement: str
) -> None:
    before = open_collection(folder, writable=False)
    expected = [
        (hit.chunk, hit.score)
        for hit in before.searcher.search("What does the line carry?", 9).hits
    ]
    before.close()
    change(folder, statement)
    with closing(open_collection(folder, writable=False)) as damaged:
        assert damaged.verify() != []
    rebuild(folder, encoder)
    mended = open_collection(folder)
    assert mended.verify() == []
    hits = mended.searcher.search("What does the line carry?", 9).hits
    assert [(hit.chunk, hit.score) for hit in hits] == expected


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE versions SET text = 'Other.' WHERE document_id = 'gas'",
        "DELETE FROM versions WHERE document_id = 'gas'",
        "UPDATE documents SET title = 'Other' WHERE id = 'gas'",
    ],
)
def test_a_rebuild_names_the_documents_that_it_cannot_mend(
    folder: Path, encoder: Encoder, open_collection: Open, make: Make, statement: str
) -> None:
    change(folder, statement)
    with pytest.raises(StoreError, match=r"1 documents are damaged and cannot be rebuilt .gas: "):
        rebuild(folder, encoder)
    collection = open_collection(folder)
    collection.remove(["gas"])
    collection.put([make("gas", TEXT)])
    assert collection.verify() == []


def test_a_page_of_zeros_is_found_and_refused(folder: Path, open_collection: Open) -> None:
    path = folder / FILE_NAME
    whole = path.read_bytes()
    sound = set()
    for start in range(4096, len(whole), 4096):
        path.write_bytes(whole[:start] + bytes(4096) + whole[start + 4096 :])
        with (
            suppress(StoreError),
            closing(open_collection(folder, writable=False)) as collection,
        ):
            assert collection.verify() == []
            sound.add(start)
    assert sound <= {
        start for start in range(0, len(whole), 4096) if not any(whole[start : start + 4096])
    }


def test_a_damaged_index_of_the_database_is_built_again(
    folder: Path, encoder: Encoder, open_collection: Open
) -> None:
    # The table changes while SQLite does not know of the index, which is then out of date.
    hidden = "name = 'ix_documents_published'"
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        query = f"SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema WHERE {hidden}"
        row = connection.execute(query).fetchone()
        connection.execute(f"DELETE FROM sqlite_schema WHERE {hidden}")
    change(folder, "UPDATE documents SET published = '2020-01-01', checksum = NULL")
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", row)
    with pytest.raises(StoreError, match=r"missing from index .* run quoth rebuild"):
        open_collection(folder)
    rebuild(folder, encoder)
    assert open_collection(folder).verify() == []


def test_vectors_of_faiss_are_compared_with_those_of_the_store(
    folder: Path, open_collection: Open
) -> None:
    change(folder, "UPDATE vectors SET vector = zeroblob(length(vector)), checksum = NULL")
    reader = open_collection(folder, writable=False)
    assert reader.verify() == ["2 vectors in FAISS differ from those of the store"]


def test_a_folder_of_an_older_version_is_opened_and_gets_its_columns(
    folder: Path, open_collection: Open, make: Make
) -> None:
    change(folder, "DROP INDEX ix_answers_used_at")
    change(folder, "ALTER TABLE answers DROP COLUMN used_at")
    for table in ("meta", "documents", "versions", "chunks", "vectors", "answers", "exchanges"):
        change(folder, f"ALTER TABLE {table} DROP COLUMN checksum")
    collection = open_collection(folder)
    collection.put([make("new", "Newer text.")])
    assert {summary.id for summary in collection.documents()} == {"gas", "peas", "new"}
    assert collection.store.document("gas").text == TEXT
    assert collection.verify() == []


@pytest.mark.processes
def test_a_damaged_file_is_refused_mended_or_harmless(tmp_path: Path) -> None:
    run, report = DamageRun(tmp_path, seed=random.randrange(10**6)), DamageReport()
    run.run(run.cases(50), report)
    assert report.faults == []
    assert report.cases.total() == 50
    assert report.results["rebuild", "as before"] >= report.results["read", "as before"] > 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_changes_a_file_and_the_same_draw_is_the_same_damage(
    tmp_path: Path, damage: str
) -> None:
    content = random.Random(1).randbytes(40_000)
    for name in "ab":
        (tmp_path / name).write_bytes(content)
        damage_file(tmp_path / name, damage, random.Random(7))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() != content


def test_a_list_of_segments_that_is_damaged_or_gone_is_found(
    folder: Path, open_collection: Open
) -> None:
    path = folder / "terms" / "meta.json"
    whole = path.read_bytes()
    for content in (whole.replace(b'"max_doc": ', b'"max_doc": 1'), b"[]", None):
        path.unlink() if content is None else path.write_bytes(content)
        assert content != whole
        collection = open_collection(folder, writable=False)  # It has it mended.
        assert collection.verify() == []
        assert len(collection.searcher.search("gas", 5).hits) == 2
        collection.close()


@pytest.mark.processes
@pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
def test_whatever_call_fails_nothing_is_lost_and_nothing_comes_back(tmp_path: Path) -> None:
    report = FaultReport()
    with closing(FaultRun(tmp_path)) as run:
        for change, call in (("add", "write"), ("delete", "fsync"), ("replace", "open")):
            run.run(change, call, 12, report)
    assert report.faults == []
    assert report.cases["add", "write", "refused"] > 0
    assert report.cases["delete", "fsync", "refused"] > 0


def test_a_table_whose_definition_is_no_text_is_refused(
    folder: Path, encoder: Encoder, passages: PassageReader
) -> None:
    path = folder / FILE_NAME
    data = path.read_bytes()
    # SQLite's message begins with the name, and the driver cannot decode it.
    name = b"tabledocumentsdocuments"
    data = data.replace(name, b"table\xefo" + name[7:])
    path.write_bytes(data.replace(b"CREATE TABLE documents", b"CREATE TABLX documents"))
    with pytest.raises(StoreError, match=r"damaged|not one of Quoth"):
        AnswerService(folder, encoder, passages, writable=False)
