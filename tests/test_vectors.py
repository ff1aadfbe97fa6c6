"""FAISS: the nearest vectors are those that numpy finds, and nothing on disk can hurt."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.errors import StoreError
from index.encoding.vectors import Vectors
from index.search.embedded.vectors import VectorIndex
from index.search.idset import IdSet
from index.store.chunks import VectorChanges
from index.store.rows import ChunkIds
from tests.damage import flip_bit

AXES = np.eye(4, dtype=np.float32)


def changes(
    generation: int, added: Mapping[int, Vectors], removed: tuple[int, ...] = ()
) -> VectorChanges:
    vectors = np.stack(list(added.values())) if added else np.empty((0, 0), dtype=np.float32)
    return VectorChanges(generation, ids(*removed), ids(*added), vectors)


def nowhere(_ids: Sequence[int]) -> tuple[ChunkIds, Vectors]:
    """No store: what is exact needs none."""
    raise AssertionError("the store was asked")


def ids(*numbers: int) -> ChunkIds:
    return np.array(numbers, dtype=np.int64)


def three() -> VectorIndex:
    """Chunks 1, 2 and 7 on the first three axes."""
    return VectorIndex.empty(4, nowhere).apply(changes(1, {1: AXES[0], 2: AXES[1], 7: AXES[2]}))


def test_the_nearest_come_first_with_their_inner_product() -> None:
    vector = np.array([0.6, 0.8, 0, 0], dtype=np.float32)
    found = three().search(vector, 2).hits
    assert [id for id, _ in found] == [2, 1]
    assert [score for _, score in found] == pytest.approx([0.8, 0.6])


def test_equal_scores_come_in_the_order_of_their_numbers() -> None:
    same = VectorIndex.empty(4, nowhere).apply(changes(1, {9: AXES[0], 3: AXES[0], 5: AXES[0]}))
    assert [id for id, _ in same.search(AXES[0], 3).hits] == [3, 5, 9]


def test_a_search_uses_one_core_in_whichever_thread_it_runs() -> None:
    cores: list[int] = []

    def search() -> None:
        faiss.omp_set_num_threads(2)  # FAISS keeps the number for each thread
        three().search(AXES[0], 2)
        cores.append(faiss.omp_get_max_threads())

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert cores == [1]


def test_only_allowed_chunks_are_found() -> None:
    assert [id for id, _ in three().search(AXES[0], 9, IdSet.of(ids(2, 7, 99))).hits] == [2, 7]
    assert three().search(AXES[0], 9, IdSet.of(ids())).hits == ()


def test_an_empty_index_finds_nothing() -> None:
    assert VectorIndex.empty(4, nowhere).search(AXES[0], 5).hits == ()
    assert (len(VectorIndex.empty(4, nowhere)), VectorIndex.empty(4, nowhere).generation) == (0, 0)


def test_changes_make_a_new_index_and_leave_the_old_one() -> None:
    before = three()
    after = before.apply(changes(2, {8: AXES[3]}, removed=(1,)))
    assert (before.ids.tolist(), before.generation) == ([1, 2, 7], 1)
    assert (after.ids.tolist(), after.generation, len(after)) == ([2, 7, 8], 2, 3)


def test_applying_changes_twice_does_no_harm() -> None:
    once = changes(2, {8: AXES[3]}, removed=(1,))
    twice = three().apply(once).apply(once)
    assert twice.ids.tolist() == [2, 7, 8]
    assert twice.search(AXES[3], 9) == three().apply(once).search(AXES[3], 9)


def test_an_index_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    three().save(tmp_path)
    loaded = VectorIndex.load(tmp_path, 4, nowhere)
    assert (loaded.generation, loaded.ids.tolist()) == (1, [1, 2, 7])
    assert loaded.apply(changes(2, {8: AXES[3]})).ids.tolist() == [1, 2, 7, 8]


def test_saving_leaves_one_file(tmp_path: Path) -> None:
    three().save(tmp_path)
    three().apply(changes(5, {})).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors-5.faiss"]


def test_discarding_leaves_none(tmp_path: Path) -> None:
    three().save(tmp_path)
    VectorIndex.discard(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert VectorIndex.load(tmp_path, 4, nowhere).generation == 0


@pytest.mark.parametrize("kept", [0, 1, 20, 60, -1])
def test_a_file_that_is_cut_short_is_passed_over(tmp_path: Path, kept: int) -> None:
    three().save(tmp_path)
    path = tmp_path / "vectors-1.faiss"
    path.write_bytes(path.read_bytes()[:kept])
    assert len(VectorIndex.load(tmp_path, 4, nowhere)) == 0


def test_an_older_file_is_taken_where_the_newest_is_damaged(tmp_path: Path) -> None:
    three().save(tmp_path)
    (tmp_path / "vectors-2.faiss").write_bytes(b"garbage")
    assert VectorIndex.load(tmp_path, 4, nowhere).generation == 1


def test_an_index_of_another_dimension_is_passed_over(tmp_path: Path) -> None:
    three().save(tmp_path)
    assert (
        VectorIndex.load(tmp_path, 8, nowhere).generation,
        len(VectorIndex.load(tmp_path, 8, nowhere)),
    ) == (0, 0)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vectors-x.faiss").write_bytes(b"mine")
    three().save(tmp_path)
    VectorIndex.discard(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors-x.faiss"]


# Eighths are exact in float32, and so are sums of their products: numpy and FAISS must agree to the
# last bit.
eighths = st.integers(-8, 8).map(lambda number: number / 8)
rows = st.dictionaries(st.integers(1, 500), st.lists(eighths, min_size=4, max_size=4), max_size=40)


@given(
    held=rows,
    gone=st.sets(st.integers(1, 500), max_size=20),
    question=st.lists(eighths, min_size=4, max_size=4),
    limit=st.integers(1, 50),
    allowed=st.none() | st.sets(st.integers(1, 500), max_size=30),
)
def test_a_search_finds_what_numpy_finds(
    held: dict[int, list[float]],
    gone: set[int],
    question: list[float],
    limit: int,
    allowed: set[int] | None,
) -> None:
    added = {id: np.array(vector, dtype=np.float32) for id, vector in held.items()}
    vector = np.array(question, dtype=np.float32)
    found = (
        VectorIndex.empty(4, nowhere)
        .apply(changes(1, added))
        .apply(changes(2, {}, removed=tuple(gone)))
        .search(vector, limit, None if allowed is None else IdSet.of(ids(*allowed)))
        .hits
    )
    left = [id for id in added if id not in gone and (allowed is None or id in allowed)]
    best = sorted(
        ((id, float(added[id] @ vector)) for id in left), key=lambda pair: (-pair[1], pair[0])
    )[:limit]
    assert [score for _, score in found] == [score for _, score in best]
    # Where equals straddle the limit, either may be cut off; above it they are the same, in the
    # same order.
    last = best[-1][1] if best else 0.0
    assert [pair for pair in found if pair[1] > last] == [pair for pair in best if pair[1] > last]
    assert {id for id, _ in found} <= set(left)


@given(held=rows, question=st.lists(eighths, min_size=4, max_size=4))
def test_save_then_load_gives_the_same_hits(
    held: dict[int, list[float]], question: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    vector = np.array(question, dtype=np.float32)
    added = {id: np.array(row, dtype=np.float32) for id, row in held.items()}
    made = VectorIndex.empty(4, nowhere).apply(changes(3, added))
    made.save(folder)
    loaded = VectorIndex.load(folder, 4, nowhere)
    assert loaded.search(vector, 50) == made.search(vector, 50)
    assert (loaded.generation, loaded.ids.tolist()) == (3, sorted(held))


# The compressed part: few enough vectors that every list is searched, so that only its rounding
# could lose one.

COUNT = 300


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compression from a hundred vectors on."""
    monkeypatch.setattr("index.search.embedded.vectors.EXACT_UP_TO", 100)
    monkeypatch.setattr("index.search.embedded.vectors.RECENT", 20)


def many(count: int = COUNT) -> dict[int, Vectors]:
    """Random directions under every third number."""
    rows = np.random.default_rng(7).normal(size=(count, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return {3 * number + 1: row for number, row in enumerate(rows)}


class Rows:
    """A store of vectors."""

    def __init__(self, rows: Mapping[int, Vectors]) -> None:
        self.rows = dict(rows)

        self.asked: list[int] = []

    def __call__(self, numbers: Sequence[int]) -> tuple[ChunkIds, Vectors]:
        self.asked += numbers
        there = [number for number in numbers if number in self.rows]
        return ids(*there), np.array([self.rows[number] for number in there], dtype=np.float32)


def built(folder: Path, rows: Rows, generation: int = 1) -> VectorIndex:
    parts = [changes(generation, dict(list(rows.rows.items())[first::2])) for first in (0, 1)]
    return VectorIndex.built(folder, 16, rows, ids(*sorted(rows.rows)), parts)


def expected(rows: Mapping[int, Vectors], vector: Vectors, limit: int) -> list[int]:
    return sorted(rows, key=lambda id: (-float(rows[id] @ vector), id))[:limit]


def assert_finds(
    index: VectorIndex, rows: Mapping[int, Vectors], allowed: IdSet | None = None
) -> None:
    """Ten questions find the nearest ten that are allowed, with their exact inner products."""
    for vector in np.eye(16, dtype=np.float32)[:10]:
        near = index.search(vector, 10, allowed)
        assert [id for id, _ in near.hits] == expected(rows, vector, 10)
        assert [score for _, score in near.hits] == pytest.approx(
            [float(rows[id] @ vector) for id, _ in near.hits]
        )
        assert near.whole


@pytest.mark.usefixtures("small")
def test_a_large_index_is_compressed_on_disk_and_scores_exactly(tmp_path: Path) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    assert [path.name for path in tmp_path.iterdir()] == ["compressed-1.faiss"]
    assert (index.generation, index.ids.tolist(), len(index)) == (1, sorted(rows.rows), COUNT)
    assert_finds(index, rows.rows)
    assert_finds(VectorIndex.load(tmp_path, 16, rows), rows.rows)


@pytest.mark.usefixtures("small")
def test_a_replaced_vector_is_counted_once(tmp_path: Path) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    again = {
        1: np.eye(16, dtype=np.float32)[5]
    }  # one number is never given to two chunks, but applied twice it may be
    assert len(index.apply(changes(2, again)).apply(changes(3, again))) == COUNT


@pytest.mark.usefixtures("small")
def test_a_search_of_the_compressed_part_uses_one_core(tmp_path: Path) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    before = faiss.omp_get_max_threads()
    try:
        faiss.omp_set_num_threads(2)
        index.search(rows.rows[1], 3)
        assert faiss.omp_get_max_threads() == 1
    finally:
        faiss.omp_set_num_threads(before)


@pytest.mark.usefixtures("small")
def test_lists_are_made_from_chunks_of_every_place_where_documents_repeat_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search.embedded.compressed._SAMPLE_PER_LIST", 1)
    rows = Rows(many(1_200))
    built(tmp_path, rows)
    taken = [(number - 1) // 3 for number in rows.asked]
    assert len(taken) == len(set(taken)) < 150
    for length in (2, 4, 8, 12):  # chunks of a document
        assert {place % length for place in taken} == set(range(length))


@pytest.mark.usefixtures("small")
def test_up_to_the_bound_everything_is_kept_exactly(tmp_path: Path) -> None:
    rows = Rows(many(100))
    assert_finds(built(tmp_path, rows), rows.rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("small")
def test_what_comes_and_goes_is_seen_beside_the_compressed_part(tmp_path: Path) -> None:
    rows = Rows(many())
    before = built(tmp_path, rows)
    new = {5_000: np.eye(16, dtype=np.float32)[0], 5_001: np.eye(16, dtype=np.float32)[3]}
    gone = expected(rows.rows, np.eye(16, dtype=np.float32)[0], 3)
    old = dict(rows.rows)
    rows.rows.update(new)
    after = before.apply(changes(2, new, removed=tuple(gone)))
    left = {id: row for id, row in rows.rows.items() if id not in gone}
    assert_finds(after, left)
    assert_finds(after.apply(changes(2, new, removed=tuple(gone))), left)  # twice does no harm
    assert_finds(before, old)
    assert (after.ids.tolist(), len(after), after.generation) == (sorted(left), len(left), 2)
    assert (len(before), len(VectorIndex.load(tmp_path, 16, rows))) == (COUNT, COUNT)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [1, 2, 30])
def test_filters_narrow_the_compressed_part_and_still_fill_what_is_asked_for(
    tmp_path: Path, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = Rows(many(900))
    index = built(tmp_path, rows).apply(changes(2, {}, removed=(1, 4)))
    passing = dict(list(rows.rows.items())[2::share])
    for at_once in (0, 1_000):  # searched through the lists, and read one by one
        monkeypatch.setattr("index.search.embedded.compressed._SCORED_AT_ONCE", at_once)
        assert_finds(index, passing, IdSet.of(ids(*passing)))


@pytest.mark.usefixtures("small")
def test_filters_widen_the_search_by_what_they_leave_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.search.embedded.compressed._PROBED", 3)
    monkeypatch.setattr("index.search.embedded.compressed._SCORED_AT_ONCE", 0)
    rows = Rows(many(900))
    passing = dict(list(rows.rows.items())[::45])  # 20 in 120 lists: 3 lists would hold one or none
    assert_finds(built(tmp_path, rows), passing, IdSet.of(ids(*passing)))


@pytest.mark.usefixtures("small")
def test_a_vector_that_is_gone_from_the_store_is_told(tmp_path: Path) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    vector = np.eye(16, dtype=np.float32)[0]
    (best,) = expected(rows.rows, vector, 1)
    del rows.rows[best]
    near = index.search(vector, 5)
    assert (near.whole, best in dict(near.hits)) == (False, False)


@pytest.mark.usefixtures("small")
def test_what_came_since_is_worked_into_the_compressed_part(tmp_path: Path) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    assert not index.crowded
    new = {5_000 + number: row for number, row in enumerate(many(25).values())}
    gone = list(rows.rows)[:10]
    rows.rows.update(new)
    index = index.apply(changes(2, new, removed=tuple(gone)))
    assert index.crowded
    assert not index.outgrown
    for id in gone:
        del rows.rows[id]
    made = index.compacted(tmp_path)
    made.save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["compressed-2.faiss"]
    assert (made.crowded, made.ids.tolist(), made.generation) == (False, sorted(rows.rows), 2)
    assert_finds(made, rows.rows)
    assert_finds(index, rows.rows)  # its file is deleted, and still open


@pytest.mark.usefixtures("small")
def test_an_index_that_has_grown_fourfold_is_made_from_the_store(tmp_path: Path) -> None:
    index = built(tmp_path, Rows(many()))
    assert not index.apply(changes(2, dict(list(many(600).items())[300:]))).outgrown
    assert index.apply(changes(2, {9_000 + id: row for id, row in many(1_000).items()})).outgrown


@pytest.mark.usefixtures("small")
def test_a_file_of_everything_is_deleted_when_the_compressed_part_shows(tmp_path: Path) -> None:
    rows = Rows(many())
    flat = VectorIndex.empty(16, rows).apply(changes(5, rows.rows))
    assert flat.crowded
    flat.save(tmp_path)
    built(tmp_path, rows, generation=3).save(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["compressed-3.faiss"]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("cut", [1, 30, 5_000, 9_000])
def test_a_compressed_file_that_is_cut_short_is_passed_over(tmp_path: Path, cut: int) -> None:
    rows = Rows(many())
    built(tmp_path, rows)
    path = tmp_path / "compressed-1.faiss"
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(VectorIndex.load(tmp_path, 16, rows)) == 0


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("at", [200, -200, -5])
def test_a_turned_bit_in_a_file_is_found_and_a_file_that_is_read_whole_passed_over(
    tmp_path: Path, at: int
) -> None:
    rows = Rows(many())
    index = built(tmp_path, rows)
    assert VectorIndex.damaged(tmp_path) == []
    flip_bit(tmp_path / "compressed-1.faiss", at)
    assert VectorIndex.damaged(tmp_path) == ["compressed-1.faiss"]
    with pytest.raises(
        StoreError, match=r"compressed-1\.faiss: cannot be read any more; run quoth rebuild"
    ):
        index.compacted(tmp_path)
    flat = tmp_path / "flat"
    flat.mkdir()
    three().save(flat)
    flip_bit(flat / "vectors-1.faiss", at // 4)
    assert (VectorIndex.damaged(flat), len(VectorIndex.load(flat, 4, nowhere))) == (
        ["vectors-1.faiss"],
        0,
    )


@pytest.mark.usefixtures("small")
def test_files_are_moved_in_place_of_others(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.mkdir()
    target.mkdir()
    three().save(target)
    rows = Rows(many())
    built(source, rows, generation=9)
    for _ in range(2):  # cut off half-way, it is done again
        VectorIndex.move(source, target)
        assert [path.name for path in target.iterdir()] == ["compressed-9.faiss"]
    assert_finds(VectorIndex.load(target, 16, rows), rows.rows)
