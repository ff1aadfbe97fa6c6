"""Which chunks pass which filters: kept, brought forward by what changed, and never of another
generation unsaid.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from corpus.document import Document
from index.filters import Filters
from index.search.allowed import AllowedChunks
from index.store.store import FILE_NAME, Store
from index.store.writing import PreparedDocument
from index.text.chunk import Chunk

Make = Callable[..., Document]
TAGGED = Filters(tags=("x",))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path)
    yield made
    made.close()


def prepared(document: Document) -> PreparedDocument:
    chunk = Chunk(document.id, document.version, 0, len(document.text), document.text, "")
    return PreparedDocument(document, (chunk,), np.zeros((1, 4), dtype=np.float32))


def write(store: Store, *documents: Document, removed: tuple[str, ...] = ()) -> None:
    store.write([prepared(document) for document in documents], removed)


def owners(store: Store, allowed: AllowedChunks, filters: Filters, generation: int) -> list[str]:
    found = allowed.of(filters, generation)
    assert found.generation == generation
    stored = store.chunks(found.ids.ids().tolist())
    return sorted(one.chunk.document_id for one in stored.values())


@pytest.mark.parametrize(
    ("filters", "passing"),
    [
        (TAGGED, "ac"),
        (Filters(published_from=date(2025, 1, 1)), "bc"),
        (Filters(document_ids=("b", "z")), "b"),
    ],
)
def test_those_chunks_pass_that_the_filters_name(
    store: Store, make: Make, filters: Filters, passing: str
) -> None:
    day = date(2025, 5, 5)
    write(
        store, make("a", tags=["x"]), make("b", published=day), make("c", tags=["x"], published=day)
    )
    assert owners(store, AllowedChunks(store), filters, 1) == list(passing)


def test_what_came_and_went_since_is_brought_in(store: Store, make: Make) -> None:
    write(store, make("a", tags=["x"]), make("b", tags=["x"]), make("c"))
    allowed = AllowedChunks(store)
    assert owners(store, allowed, TAGGED, 1) == ["a", "b"]
    write(
        store,
        make("a", tags=["y"]),
        make("c", tags=["x"]),
        make("d", tags=["x"]),
        make("e"),
        removed=("b",),
    )
    write(store, make("d", "New text.", tags=["x"]))
    assert owners(store, allowed, TAGGED, 3) == ["c", "d"]
    assert allowed.of(TAGGED, 3).ids.ids().tolist() == store.chunk_ids(TAGGED).tolist()


def test_a_generation_that_is_kept_is_not_read_again(
    store: Store, make: Make, tmp_path: Path
) -> None:
    write(store, make("a", tags=["x"]))
    allowed = AllowedChunks(store)
    kept = allowed.of(TAGGED, 1)
    store.close()
    (tmp_path / FILE_NAME).unlink()
    assert allowed.of(TAGGED, 1) is kept


def test_a_generation_that_is_over_is_told_by_another_number(store: Store, make: Make) -> None:
    write(store, make("a", tags=["x"]))
    write(store, make("b", tags=["x"]))
    assert AllowedChunks(store).of(TAGGED, 1).generation == 2


def test_only_so_many_filters_are_kept(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search.allowed._KEPT", 2)
    write(store, make("a", tags=["x"]))
    allowed = AllowedChunks(store)
    first = allowed.of(TAGGED, 1)
    for tag in ("y", "z"):
        allowed.of(Filters(tags=(tag,)), 1)
    again = allowed.of(TAGGED, 1)
    assert (again is not first, again.ids.ids().tolist()) == (True, first.ids.ids().tolist())


def test_the_filters_that_were_asked_for_longest_ago_are_forgotten_first(
    store: Store, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search.allowed._KEPT", 2)
    write(store, make("a", tags=["x"]))
    allowed = AllowedChunks(store)
    second, third = Filters(tags=("y",)), Filters(tags=("z",))
    first_kept, second_kept = allowed.of(TAGGED, 1), allowed.of(second, 1)
    assert allowed.of(TAGGED, 1) is first_kept
    third_kept = allowed.of(third, 1)
    assert allowed.of(third, 1) is third_kept
    assert allowed.of(TAGGED, 1) is first_kept
    assert allowed.of(second, 1) is not second_kept
