"""Kept files are read again when other code extracts their text."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from corpus.limits import ParseLimits
from corpus.load import UploadTask, extraction_revisions
from corpus.pool import ParserPool
from index.collection import Collection
from index.encoding.encoder import Encoder
from service.answering.storage import APPLICATION_DATA
from service.mirror.rereading import Rereading

GATE = b"# Gate\n\nThe gate is *locked* at nine."


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(0, ParseLimits(100_000)) as pool:
        yield pool


@pytest.fixture
def collection(tmp_path: Path, encoder: Encoder, pool: ParserPool) -> Iterator[Collection]:
    """A collection of two files, read by code that left the marks of Markdown in the text."""
    with Collection(
        tmp_path / "data", encoder, writable=True, application=APPLICATION_DATA
    ) as collection:
        tasks = [UploadTask("gate.md", GATE, ("north",)), UploadTask("gate.txt", GATE)]
        list(collection.put_files(pool.parse(tasks)))
        (content,) = (each.document for each in pool.parse([UploadTask("gate.txt", GATE)]))
        assert content is not None
        fields = {name: getattr(content, name) for name in content.__dataclass_fields__}
        former = {"id": "gate.md", "file_name": "gate.md", "tags": ("north",)}
        collection.put([type(content)(**(fields | former))])
        collection.store.set_extraction({**extraction_revisions(), ".md": 0})
        yield collection


def test_outdated_files_are_read_again_and_their_former_versions_stay(
    collection: Collection, pool: ParserPool
) -> None:
    rereading = Rereading(collection, pool)
    former = collection.store.document("gate.md")
    assert "*locked*" in former.text
    assert [summary.id for summary in rereading.outdated()] == ["gate.md"]
    assert rereading.run(threading.Event()) == 1
    present = collection.store.document("gate.md")
    assert "The gate is locked at nine." in present.text
    assert (present.tags, present.file_name) == (("north",), "gate.md")
    assert present.original == former.original
    assert collection.store.document("gate.md", former.version).text == former.text
    assert rereading.outdated() == []
    assert rereading.run(threading.Event()) == 0
    assert collection.verify() == []


def test_a_run_that_is_stopped_begins_again(collection: Collection, pool: ParserPool) -> None:
    stop = threading.Event()
    stop.set()
    assert Rereading(collection, pool).run(stop) == 0
    assert Rereading(collection, pool).run(threading.Event()) == 1


def test_a_document_that_changed_or_went_meanwhile_is_left_alone(
    collection: Collection, pool: ParserPool
) -> None:
    old = collection.store.document("gate.md")
    (newer,) = (each.document for each in pool.parse([UploadTask("gate.md", b"It is open.")]))
    assert newer is not None
    collection.put([newer])
    done = collection.exchange([old], only_over={"gate.md": old.version})
    assert (done.outcomes, collection.store.document("gate.md").text) == ((), "It is open.")
    collection.remove(["gate.md"])
    collection.exchange([old], only_over={"gate.md": old.version})
    assert not collection.store.has_document("gate.md")


def test_a_file_that_can_no_longer_be_read_leaves_its_document(
    collection: Collection, pool: ParserPool
) -> None:
    document = collection.store.document("gate.md")
    collection.originals.path(document.original or "").write_bytes(b"")
    assert Rereading(collection, pool).run(threading.Event()) == 0
    assert collection.store.document("gate.md").text == document.text


def test_a_new_store_has_nothing_to_read_again(
    tmp_path: Path, encoder: Encoder, pool: ParserPool
) -> None:
    with Collection(
        tmp_path / "new", encoder, writable=True, application=APPLICATION_DATA
    ) as collection:
        list(collection.put_files(pool.parse([UploadTask("gate.md", GATE)])))
        assert Rereading(collection, pool).outdated() == []
