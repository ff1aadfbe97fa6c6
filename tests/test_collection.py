"""A collection: documents in and out, visible at once, and whole again after any accident."""

import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest
import tantivy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpus.document import Document, make_document
from corpus.errors import DocumentError, NotFoundError, StoreError
from corpus.load import ParseResult
from index.collection import Collection, Removed
from index.encoding.encoder import Encoder
from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors
from index.filters import Filters
from index.ingest import prepare
from index.outcome import FileStatus
from index.renewal import rebuild
from index.store.chunks import VectorChanges
from index.store.manifest import code_revisions
from index.store.store import FILE_NAME
from index.store.writing import Removal
from index.text.chunk import ChunkSettings
from tests.damage import flip_bit

Make = Callable[..., Document]
Open = Callable[..., Collection]

HISTORY = ("answers", "exchanges", "feedback")

TESTS = Path(__file__).parent


def found(collection: Collection, question: str = "This is what document says") -> list[str]:
    """The ids of the documents that a search finds, sorted."""
    return sorted({hit.chunk.document_id for hit in collection.searcher.search(question, 50).hits})


class Recording:
    """An encoder that remembers what it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self.texts: list[str] = []

    @property
    def identity(self) -> EncoderIdentity:
        return self._encoder.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        return self._encoder.encode(texts)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        return self._encoder.token_spans(texts)


@contextmanager
def process(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Another Python with the toys at hand; ended when the block ends."""
    opening = f"import sys; sys.path.insert(0, {str(TESTS)!r})\nfrom pathlib import Path\n"
    toys = "from conftest import ToyEncoder\nfrom corpus.document import make_document\n"
    collection = "from index.collection import Collection\n"
    command = [sys.executable, "-c", opening + toys + collection + script, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


WRITER = """
with Collection(Path(sys.argv[1]), ToyEncoder(), writable=True) as collection:
    collection.put([make_document("Gas flows.", document_id="a")])
    print("written", flush=True)
    sys.stdin.readline()
"""


def line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def test_a_document_is_visible_to_the_next_search(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    document = make("a")
    outcomes, generation = collection.put([document])
    assert [
        (outcome.document_id, outcome.version, outcome.chunks, outcome.status)
        for outcome in outcomes
    ] == [("a", document.version, 1, FileStatus.ADDED)]
    assert (found(collection), generation, collection.generation) == (["a"], 1, 1)


def test_an_update_takes_the_old_text_out_of_the_search(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a", "Gas flows."), make("b", "Coal burns.")])
    outcomes, generation = collection.put([make("a", "Oil flows.")])
    assert (outcomes[0].status, generation) == (FileStatus.UPDATED, 2)
    texts = {hit.chunk.text for hit in collection.searcher.search("Gas flows.", 9).hits}
    assert texts == {"Oil flows.", "Coal burns."}
    assert collection.verify() == []


def test_other_tags_are_an_update(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a", tags=["x"])])
    assert collection.put([make("a", tags=["y"])])[0][0].status is FileStatus.UPDATED
    assert collection.searcher.search("document", 1).hits[0].stored.tags == ("y",)


def test_the_same_document_again_changes_nothing(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a")])
    outcomes, generation = collection.put([make("a")])
    assert (outcomes[0].status, outcomes[0].chunks, generation) == (FileStatus.UNCHANGED, 1, 1)


def test_outcomes_come_in_the_order_of_the_documents(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("b"), make("c")])
    outcomes, _ = collection.put([make("c", "New."), make("a"), make("b")])
    assert [(outcome.document_id, outcome.status.value) for outcome in outcomes] == [
        ("c", "updated"),
        ("a", "added"),
        ("b", "unchanged"),
    ]
    assert collection.put([]) == ([], 2)


def test_a_deleted_document_is_gone_from_the_next_search(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    assert collection.remove(["a"]) == Removed(
        (Removal("a", chunks=1, versions=1, related=dict.fromkeys(HISTORY, 0)),),
        {"vectors": 1, "terms": 1},
        generation=2,
    )
    assert (found(collection), collection.verify()) == (["b"], [])


def test_deleting_what_is_not_there_deletes_nothing(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a")])
    with pytest.raises(NotFoundError, match="there is no document 'b'"):
        collection.remove(["a", "b"])
    assert found(collection) == ["a"]


def test_everything_survives_reopening(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b"), make("c", "Old text.")])
    collection.put([make("c", "New text.")])
    collection.remove(["b"])
    hits = collection.searcher.search("New text", 9)
    collection.close()
    for writable in (True, False):
        again = open_collection(writable=writable)
        assert again.searcher.search("New text", 9) == hits
        assert ([summary.id for summary in again.documents()], again.verify()) == (["a", "c"], [])
        assert again.sizes() == {"store": 2, "vectors": 2, "terms": 2}
        again.close()


def test_a_batch_in_which_an_id_stands_twice_is_refused_whole(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    with pytest.raises(DocumentError, match="a: 2 documents of one batch have this id"):
        collection.put([make("b"), make("a", "One."), make("a", "Two.")])
    assert (found(collection), collection.generation) == ([], 0)


def test_one_bad_file_does_not_stop_the_others(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    files = [
        ParseResult("a.txt", make("a")),
        ParseResult("b.pdf", error=DocumentError("b.pdf", "is encrypted")),
        ParseResult("c.txt", make("c")),
        ParseResult("again.txt", make("c", "Another text.")),
    ]
    outcomes = list(collection.put_files(files))
    assert [(outcome.source, outcome.status.value, outcome.reason) for outcome in outcomes] == [
        ("a.txt", "added", None),
        ("b.pdf", "failed", "is encrypted"),
        ("c.txt", "added", None),
        ("again.txt", "updated", None),
    ]
    assert collection.store.document("c").text == "Another text."


def test_only_new_chunks_of_an_updated_document_are_embedded(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    recording = Recording(encoder)
    collection = open_collection(encoder=recording, settings=ChunkSettings(max_tokens=4, overlap=0))
    collection.put(
        [make("a", "The first one stays. The second one stays. The third one goes.", title="T")]
    )
    assert recording.texts == [
        "T\nThe first one stays.",
        "T\nThe second one stays.",
        "T\nThe third one goes.",
    ]
    recording.texts.clear()
    collection.put(
        [make("a", "Here is something new. The first one stays. The second one stays.", title="T")]
    )
    assert recording.texts == ["T\nHere is something new."]
    recording.texts.clear()
    collection.put(
        [make("a", "Here is something new. The first one stays. The second one stays.", title="T")]
    )
    assert recording.texts == []
    texts = [
        stored.chunk.text for part in collection.store.changes_since(0) for stored in part.added
    ]
    assert texts == ["Here is something new.", "The first one stays.", "The second one stays."]


def test_a_search_while_others_write_never_fails(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a", "Gas flows.")])
    failures: list[Exception] = []
    searches = 0
    written = threading.Event()

    def search() -> None:
        nonlocal searches
        while not written.is_set():
            try:
                assert collection.searcher.search("gas flows", 5).hits
                searches += 1
            except (
                Exception
            ) as exc:  # kept for the assert below: an exception in a thread fails no test
                failures.append(exc)

    searching = threading.Thread(target=search)
    searching.start()
    for number in range(10):
        collection.put([make("a", f"Gas flows, {number}.")])
    written.set()
    searching.join()
    assert (failures, searches > 0) == ([], True)


def test_a_reader_goes_on_when_a_writer_deletes_what_it_found(
    open_collection: Open, make: Make
) -> None:
    writer = open_collection()
    writer.put([make("a"), make("b")])
    reader = open_collection(writable=False)
    writer.remove(["a"])
    assert (found(reader), reader.generation) == (["b"], 2)


@pytest.mark.processes
def test_a_second_writer_is_refused_and_a_reader_is_not(
    open_collection: Open, tmp_path: Path
) -> None:
    with process(WRITER, tmp_path / "data") as running:
        assert line(running) == "written"
        with pytest.raises(
            StoreError, match="another process writes this data folder; stop it, or"
        ):
            open_collection()
        reader = open_collection(writable=False)
        assert (found(reader, "Gas"), reader.verify()) == (["a"], [])
        running.communicate("\n", timeout=60)
    assert found(open_collection(), "Gas") == ["a"]


def test_a_reader_may_not_write(open_collection: Open, make: Make) -> None:
    reader = open_collection(writable=False)
    with pytest.raises(StoreError, match="was opened for reading only"):
        reader.put([make("a")])
    with pytest.raises(StoreError, match="was opened for reading only"):
        reader.remove([])


def test_a_file_in_the_place_of_the_folder_is_refused(
    open_collection: Open, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(StoreError, match="the data folder cannot be made or opened"):
        open_collection()


@pytest.mark.parametrize("writable", [True, False])
def test_an_index_that_was_built_otherwise_is_refused_until_it_is_rebuilt(
    open_collection: Open,
    toy_encoder: Callable[..., Encoder],
    tmp_path: Path,
    make: Make,
    writable: bool,
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    collection.close()
    other = toy_encoder(dimension=32, name="other")
    with pytest.raises(
        StoreError, match=r"encoder was .* name toy, now .* name other.*run quoth rebuild"
    ):
        open_collection(encoder=other, writable=writable)
    assert rebuild(tmp_path / "data", other) == 2
    rebuilt = open_collection(encoder=other, writable=writable)
    assert (found(rebuilt), rebuilt.verify(), rebuilt.generation) == (["a", "b"], [], 2)
    with pytest.raises(StoreError, match=r"name other, now .* name toy"):
        open_collection(writable=False)


def test_other_chunking_is_refused_until_it_is_rebuilt(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a", "The first one stays. The second one stays.")])
    collection.close()
    small = ChunkSettings(max_tokens=4, overlap=0)
    with pytest.raises(
        StoreError, match="chunking was max_tokens 160, overlap 1, now max_tokens 4, overlap 0"
    ):
        open_collection(settings=small)
    assert rebuild(tmp_path / "data", collection.searcher.encoder, small) == 2
    assert open_collection(settings=small).verify() == []


def test_an_empty_index_takes_any_settings(
    open_collection: Open, toy_encoder: Callable[..., Encoder]
) -> None:
    open_collection().close()
    assert open_collection(encoder=toy_encoder(dimension=8)).verify() == []


def test_a_rebuild_with_the_same_settings_embeds_nothing(
    open_collection: Open, make: Make, tmp_path: Path, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.close()
    recording = Recording(encoder)
    assert rebuild(tmp_path / "data", recording) == 1
    assert recording.texts == []
    assert open_collection(writable=False).verify() == []


def _cut_off(collection: Collection, encoder: Encoder, *documents: Document) -> None:
    """Write to the store as a writer does that is killed before the indexes follow."""
    store = collection.store
    store.write(prepare(documents, encoder, ChunkSettings(), store.embedded))
    collection.close()


def test_a_reader_mends_what_a_writer_left_that_was_cut_off(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    _cut_off(collection, encoder, make("a", "Oil flows."), make("c"))
    reader = open_collection(writable=False)
    assert (found(reader), found(reader, "oil flows"), reader.verify()) == (
        ["a", "b", "c"],
        ["a", "b", "c"],
        [],
    )
    assert reader.searcher.search("oil flows", 1).hits[0].chunk.text == "Oil flows."


def test_a_reader_goes_on_when_its_writer_is_cut_off(open_collection: Open, make: Make) -> None:
    writer = open_collection()
    writer.put([make("a"), make("b")])
    reader = open_collection(writable=False)
    writer.store.write([], ["a"])  # and is killed before the indexes follow
    writer.close()
    assert (found(reader), reader.generation, reader.verify()) == (["b"], 2, [])


def test_the_receipt_of_a_removal_counts_nothing_but_that(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b"), make("c")])
    collection.store.write([], ["c"])  # as if the indexes could not be written then
    removed = collection.remove(["a"])
    assert (removed.entries, removed.generation) == ({"vectors": 1, "terms": 1}, 3)
    assert collection.sizes() == {"store": 1, "vectors": 1, "terms": 1}


def test_a_writer_mends_what_another_left_that_was_cut_off(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    _cut_off(collection, encoder, make("a"))
    again = open_collection()
    assert (found(again), again.verify(), again.generation) == (["a"], [], 1)


def _faiss(data: Path) -> Path:
    (path,) = data.glob("vectors-*.faiss")
    return path


def _delete_vectors(data: Path) -> None:
    _faiss(data).unlink()


def _cut_vectors(data: Path) -> None:
    _faiss(data).write_bytes(_faiss(data).read_bytes()[:100])


def _cut_off_the_end_of_vectors(data: Path) -> None:
    _faiss(data).write_bytes(_faiss(data).read_bytes()[:-1])


def _empty_vectors(data: Path) -> None:
    _faiss(data).write_bytes(b"")


def _flip_vectors(data: Path) -> None:
    flip_bit(_faiss(data), 100)


def _flip_terms(data: Path) -> None:
    """Where tantivy does not look when the index is opened."""
    for path in (data / "terms").glob("*.store"):
        flip_bit(path, 0)


def _delete_terms(data: Path) -> None:
    shutil.rmtree(data / "terms")


def _corrupt_terms(data: Path) -> None:
    for path in (data / "terms").iterdir():
        path.write_bytes(b"garbage")


def _delete_both(data: Path) -> None:
    _delete_vectors(data)
    _delete_terms(data)


def _go_back(data: Path) -> None:
    """The store as it was before the last write: what a backup that was put back looks like."""
    with sqlite3.connect(data / FILE_NAME) as connection:
        connection.execute("DELETE FROM vectors WHERE chunk_id = (SELECT max(id) FROM chunks)")
        connection.execute("DELETE FROM chunks WHERE id = (SELECT max(id) FROM chunks)")
        connection.execute("DELETE FROM documents WHERE id = 'b'")
        connection.execute("DELETE FROM versions WHERE document_id = 'b'")
        connection.execute("DELETE FROM structures WHERE document_id = 'b'")
        connection.execute("UPDATE meta SET value = '1' WHERE key = 'generation'")
    connection.close()


DAMAGES = [
    *(_delete_vectors, _cut_vectors, _cut_off_the_end_of_vectors, _empty_vectors, _flip_vectors),
    *(_delete_terms, _corrupt_terms, _flip_terms, _delete_both, _go_back),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_derived_is_made_anew_from_the_store(
    open_collection: Open, make: Make, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.put([make("b")])
    collection.close()
    damage(tmp_path / "data")
    again = open_collection()
    expected = ["a"] if damage is _go_back else ["a", "b"]
    assert (found(again), again.verify()) == (expected, [])
    again.put([make("c")])
    assert (found(again), again.verify()) == ([*expected, "c"], [])


def test_terms_are_written_again_where_the_last_step_of_a_writing_was_cut_off(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    collection.close()
    listed = tmp_path / "data" / "terms" / "meta.json"
    before = listed.read_bytes()
    collection = open_collection()
    collection.remove(["b"])
    collection.close()
    listed.write_bytes(
        before
    )  # all that the deletion wrote is there, and not in the list of what counts
    again = open_collection()
    assert (found(again), again.verify()) == (["a"], [])


def test_indexes_that_hold_another_number_of_chunks_are_made_anew(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    collection.close()
    with sqlite3.connect(tmp_path / "data" / FILE_NAME) as connection:
        connection.execute("DELETE FROM vectors WHERE chunk_id = 2")
        for table, column in (
            *(("documents", "id"), ("chunks", "document_id")),
            *(("versions", "document_id"), ("structures", "document_id")),
        ):
            connection.execute(f"DELETE FROM {table} WHERE {column} = 'b'")
    connection.close()
    again = open_collection()
    assert (found(again), again.verify()) == (["a"], [])


def test_a_reader_has_a_damaged_lexical_index_mended(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.close()
    _corrupt_terms(tmp_path / "data")
    reader = open_collection(writable=False)
    assert (found(reader), reader.verify()) == (["a"], [])


def test_verify_tells_of_a_lexical_index_that_has_changed_on_the_disk_and_a_rebuild_mends_it(
    open_collection: Open, make: Make, tmp_path: Path, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    collection.close()
    reader = open_collection(writable=False)  # An opening after the damage would mend it.
    _flip_terms(tmp_path / "data")
    (fault,) = reader.verify()
    assert fault.startswith("the lexical index's file ")
    assert fault.endswith(".store is damaged")
    reader.close()
    assert rebuild(tmp_path / "data", encoder) == 1
    assert open_collection(writable=False).verify() == []


def test_verify_tells_of_a_chunk_that_was_tampered_with(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    with sqlite3.connect(tmp_path / "data" / FILE_NAME) as connection:
        connection.execute("UPDATE chunks SET text = 'tampered' WHERE document_id = 'b'")
    connection.close()
    assert collection.verify() == [
        "chunk 2 of document 'b': its text differs from its span of the document"
    ]


def test_verify_tells_where_the_indexes_and_the_store_differ(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    with sqlite3.connect(tmp_path / "data" / FILE_NAME) as connection:
        connection.execute(
            "INSERT INTO chunks SELECT 7, 'a', version, start, end, text, context, NULL, 1, NULL "
            "FROM chunks WHERE id = 1"
        )
        connection.execute("DELETE FROM chunks WHERE id = 2")
    connection.close()
    assert collection.verify() == [
        "chunk 7 of document 'a': it has no vector",
        "document 'a' has 2 chunks, not 1",
        "document 'b' has 0 chunks, not 1",
        "1 rows of table vectors belong to nothing that is there",
        "FAISS lacks 1 chunks of the store, the first 7",
        "FAISS holds 1 chunks that the store does not, the first 2",
        "the lexical index lacks 1 chunks of the store, the first 7",
        "the lexical index holds 1 chunks that the store does not, the first 2",
    ]


steps = st.lists(
    st.one_of(
        st.tuples(
            st.just("put"),
            st.dictionaries(st.sampled_from("abcd"), st.sampled_from(["Gas.", "Oil."]), min_size=1),
        ),
        st.tuples(
            st.just("remove"), st.dictionaries(st.sampled_from("abcd"), st.just(""), min_size=1)
        ),
        st.tuples(st.just("reopen"), st.just({})),
    ),
    max_size=8,
)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_a_collection_is_what_was_put_in_less_what_was_taken_out(
    encoder: Encoder,
    tmp_path_factory: pytest.TempPathFactory,
    steps: list[tuple[str, dict[str, str]]],
) -> None:
    folder = tmp_path_factory.mktemp("data")
    expected: dict[str, str] = {}
    collection = Collection(folder, encoder, writable=True)
    for step, texts in steps:
        if step == "put":
            collection.put([make_document(text, document_id=id) for id, text in texts.items()])
            expected |= texts
        elif step == "reopen":
            collection.close()
            collection = Collection(folder, encoder, writable=True)
        elif set(texts) <= set(expected):
            collection.remove(list(texts))
            expected = {id: text for id, text in expected.items() if id not in texts}
        hits = collection.searcher.search("gas oil", 50).hits
        assert sorted((hit.chunk.document_id, hit.chunk.text) for hit in hits) == sorted(
            expected.items()
        )
        assert collection.verify() == []
    collection.close()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression from thirty vectors on, and again every ten changes."""
    monkeypatch.setattr("index.search.embedded.vectors.EXACT_UP_TO", 30)
    monkeypatch.setattr("index.search.embedded.vectors.RECENT", 10)


def vector_files(data: Path) -> list[str]:
    return sorted(path.name.partition("-")[0] for path in data.glob("*.faiss"))


def nearest(collection: Collection, question: str, filters: Filters | None = None) -> list[str]:
    """The texts of the ten nearest chunks, as a search finds them."""
    hits = collection.searcher.search(question, 10, filters, dense_weight=1.0).hits
    return [hit.chunk.text for hit in hits]


def truly_nearest(collection: Collection, question: str, tag: str = "") -> list[str]:
    """The same, by comparing the question with every vector in the store."""
    vector = collection.searcher.encoder.encode([question])[0]
    ids = collection.store.chunk_ids(Filters(tags=(tag,)) if tag else None).tolist()
    vectors = dict(zip(*collection.store.vectors(ids), strict=True))
    chunks = collection.store.chunks(ids)
    return [
        chunks[id].chunk.text
        for id in sorted(ids, key=lambda id: (-float(vectors[id] @ vector), id))[:10]
    ]


def line_of(make: Make, number: int, text: str = "Line {} carries gas, {} a day.") -> Document:
    return make(
        str(number),
        text.format(number, number**2),
        title="t",
        tags=["odd" if number % 2 else "even"],
    )


@pytest.mark.usefixtures("small")
def test_a_large_collection_is_compressed_in_the_background_and_finds_the_same(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    collection = open_collection()
    for first in range(0, 60, 10):
        collection.put([line_of(make, number) for number in range(first, first + 10)])
    collection.close()
    assert vector_files(tmp_path / "data") == ["compressed"]
    for writable in (True, False):
        again = open_collection(writable=writable)
        assert (again.verify(), again.sizes()) == ([], {"store": 60, "vectors": 60, "terms": 60})
        assert nearest(again, "line 7") == truly_nearest(again, "line 7")
        assert nearest(again, "line 7", Filters(tags=("odd",))) == truly_nearest(
            again, "line 7", "odd"
        )
        again.close()


@pytest.mark.usefixtures("small")
def test_changes_beside_a_compressed_part_are_visible_at_once_and_survive(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([line_of(make, number) for number in range(40)])
    collection.close()
    collection = open_collection()
    collection.put([line_of(make, 3, "Line {} is shut, and was so {} days."), line_of(make, 99)])
    collection.remove(["5"])
    for _ in range(2):
        texts = [
            stored.chunk.text
            for stored in collection.store.chunks(collection.store.chunk_ids().tolist()).values()
        ]
        assert (len(texts), "Line 3 is shut, and was so 9 days." in texts) == (40, True)
        assert nearest(collection, "line 99 shut") == truly_nearest(collection, "line 99 shut")
        assert "Line 5 carries gas, 25 a day." not in nearest(
            collection, "line 5 carries gas 25 a day"
        )
        assert collection.verify() == []
        collection.close()
        collection = open_collection()
    for number in range(100, 120):  # past the bound: worked in
        collection.put([line_of(make, number)])
    collection.close()
    again = open_collection(writable=False)
    assert (again.verify(), again.sizes()["vectors"]) == ([], 60)
    assert nearest(again, "line 110") == truly_nearest(again, "line 110")


@pytest.mark.usefixtures("small")
def test_a_new_compressed_part_is_a_generation_of_its_own(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([line_of(make, number) for number in range(20)])
    _, generation = collection.put([line_of(make, number) for number in range(20, 40)])
    assert generation == 2
    deadline = time.monotonic() + 60
    while collection.generation == 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (collection.generation, collection.store.generation, collection.verify()) == (3, 3, [])


@pytest.mark.usefixtures("small")
def test_a_reader_follows_a_writer_who_compresses(open_collection: Open, make: Make) -> None:
    writer = open_collection()
    writer.put([line_of(make, 1)])
    reader = open_collection(writable=False)
    for first in range(2, 62, 20):
        writer.put([line_of(make, number) for number in range(first, first + 20)])
    writer.remove(["1"])
    # It finds what is deleted, looks again, and is at the writer's generation.
    assert nearest(reader, "line 1") == truly_nearest(reader, "line 1")
    assert reader.generation >= 5
    assert reader.verify() == []


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("kept", [0, 2_000, None])
@pytest.mark.parametrize("writable", [True, False])
def test_a_compressed_part_that_is_damaged_or_gone_is_made_anew(
    open_collection: Open, make: Make, tmp_path: Path, writable: bool, kept: int | None
) -> None:
    collection = open_collection()
    collection.put([line_of(make, number) for number in range(40)])
    collection.close()
    (path,) = (tmp_path / "data").glob("compressed-*.faiss")
    whole = path.read_bytes()
    path.unlink() if kept is None else path.write_bytes(whole[:kept])
    again = open_collection(writable=writable)
    assert (again.verify(), nearest(again, "line 7")) == ([], truly_nearest(again, "line 7"))
    assert path.read_bytes()[-20:] == whole[-20:]  # sealed, at once


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("writable", [True, False])
def test_a_turned_bit_of_the_compressed_part_is_found_before_it_is_searched(
    open_collection: Open, make: Make, tmp_path: Path, writable: bool
) -> None:
    collection = open_collection()
    collection.put([line_of(make, number) for number in range(40)])
    collection.close()
    (path,) = (tmp_path / "data").glob("compressed-*.faiss")
    flip_bit(path, path.stat().st_size // 2)
    again = open_collection(writable=writable)
    assert (again.verify(), nearest(again, "line 7")) == ([], truly_nearest(again, "line 7"))


@pytest.mark.usefixtures("small")
def test_a_reader_beside_a_writer_does_without_files_of_faiss(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    writer = open_collection()
    writer.put([line_of(make, number) for number in range(40)])
    for path in (tmp_path / "data").glob("*.faiss"):
        path.unlink()
    reader = open_collection(writable=False)
    assert (reader.verify(), nearest(reader, "line 7")) == ([], truly_nearest(reader, "line 7"))


def test_a_filter_is_as_new_as_the_search(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([line_of(make, number) for number in range(6)])
    even = Filters(tags=("even",))
    assert len(nearest(collection, "line", even)) == 3
    collection.put([line_of(make, 8), line_of(make, 10)])
    collection.remove(["0"])
    assert sorted(nearest(collection, "line", even)) == sorted(
        truly_nearest(collection, "line", "even")
    )
    assert len(nearest(collection, "line", even)) == 4


@pytest.mark.parametrize("part", ["sentences", "chunk"])
def test_an_index_that_other_code_has_cut_is_refused_until_it_is_rebuilt(
    open_collection: Open,
    encoder: Encoder,
    tmp_path: Path,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
) -> None:
    collection = open_collection()
    collection.put([make("a"), make("b")])
    collection.close()
    monkeypatch.setattr(f"index.text.{part}.REVISION", 99)
    for writable in (True, False):
        with pytest.raises(StoreError, match=r"revisions was .*, now .* 99.*run quoth rebuild"):
            open_collection(writable=writable)
    assert rebuild(tmp_path / "data", encoder) == 2
    rebuilt = open_collection()
    assert (found(rebuilt), rebuilt.verify()) == (["a", "b"], [])


def test_an_index_from_before_revisions_has_the_first_one_of_every_part(
    open_collection: Open, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    collection = open_collection()
    collection.put([make("a")])
    manifest = collection.store.manifest()
    assert manifest is not None
    assert manifest.pop("revisions") == code_revisions()
    collection.store.set_manifest(manifest)
    collection.close()
    monkeypatch.setattr("index.text.sentences.REVISION", 1)
    monkeypatch.setattr("index.text.chunk.REVISION", 1)
    assert found(open_collection(writable=False)) == ["a"]
    monkeypatch.setattr("index.text.chunk.REVISION", 99)
    with pytest.raises(StoreError, match="chunks 1, sentences 1, now chunks 99, sentences 1"):
        open_collection(writable=False)


@pytest.mark.parametrize("part", ["analyser", "lexical_schema"])
@pytest.mark.parametrize("writable", [True, False])
def test_a_word_is_found_again_when_the_code_of_the_lexical_index_has_changed(
    open_collection: Open,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    writable: bool,
) -> None:
    collection = open_collection()
    collection.put([make("a", "The pipeline carries methane."), make("b", "Otters swim.")])
    collection.close()
    monkeypatch.setattr(f"index.search.embedded.{part}.REVISION", 99)
    shouted = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).build()
    monkeypatch.setattr("index.search.embedded.analyser.ANALYZER", shouted)
    monkeypatch.setattr("index.search.embedded.lexical.ANALYZER", shouted)
    again = open_collection(writable=writable)
    best = again.searcher.search("pipeline carries", top_k=1, dense_weight=0.0).hits[0]
    assert (best.chunk.document_id, best.fused.lexical_score > 0) == ("a", True)
    assert again.verify() == []


def test_a_reader_refuses_terms_of_other_code_while_a_writer_is_at_work(
    open_collection: Open, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_collection().put([make("a")])
    monkeypatch.setattr("index.search.embedded.analyser.REVISION", 99)
    with pytest.raises(StoreError, match=r"built by another version of Quoth; run quoth rebuild"):
        open_collection(writable=False)


def test_a_reader_that_is_followed_by_two_threads_never_goes_back(
    open_collection: Open, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_collection()
    writer.put([make("a")])
    reader = open_collection(writable=False)
    writer.put([make("b")])
    changes_since, slow, go_on = reader.store.vector_changes_since, Event(), Event()

    def held(generation: int) -> Iterator[VectorChanges]:
        """The first thread that asks reads the changes, and applies them late."""
        is_first = not slow.is_set()
        slow.set()
        changes = list(changes_since(generation))
        if is_first:
            go_on.wait(timeout=10)
        yield from changes

    monkeypatch.setattr(reader.store, "vector_changes_since", held)
    first = threading.Thread(target=reader.keep_up)
    first.start()
    assert slow.wait(timeout=10)
    writer.put([make("c")])
    second = threading.Thread(target=reader.keep_up)
    second.start()
    second.join(timeout=0.5)
    go_on.set()
    first.join()
    second.join()
    assert reader.generation == 3
    assert len(reader.searcher.search("gas", top_k=9).hits) == 3
