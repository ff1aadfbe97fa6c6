"""FAISS: the nearest vectors are those that numpy finds, and nothing on disk can hurt."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.embed import Vectors
from index.idset import IdSet
from index.store import Ids, VectorChanges
from index.vectors import VectorIndex

AXES = np.eye(4, dtype=np.float32)


def changes(generation: int, added: Mapping[int, Vectors], removed: tuple[int, ...] = ()) -> VectorChanges:
    vectors = np.stack(list(added.values())) if added else np.empty((0, 0), dtype=np.float32)
    return VectorChanges(generation, ids(*removed), ids(*added), vectors)


def nowhere(_ids: Sequence[int]) -> dict[int, Vectors]:
    """No store: what is exact needs none."""
    raise AssertionError("the store was asked")


def ids(*numbers: int) -> Ids:
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
    assert (VectorIndex.load(tmp_path, 8, nowhere).generation, len(VectorIndex.load(tmp_path, 8, nowhere))) == (0, 0)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "vectors-x.faiss").write_bytes(b"mine")
    three().save(tmp_path)
    VectorIndex.discard(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["vectors-x.faiss"]


# Eighths are exact in float32, and so are sums of their products: numpy and FAISS must agree to the last bit.
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
    held: dict[int, list[float]], gone: set[int], question: list[float], limit: int, allowed: set[int] | None
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
    best = sorted(((id, float(added[id] @ vector)) for id in left), key=lambda pair: (-pair[1], pair[0]))[:limit]
    assert [score for _, score in found] == [score for _, score in best]
    # Where equals straddle the limit, either may be cut off; above it they are the same, in the same order.
    last = best[-1][1] if best else 0.0
    assert [pair for pair in found if pair[1] > last] == [pair for pair in best if pair[1] > last]
    assert {id for id, _ in found} <= set(left)


@given(held=rows, question=st.lists(eighths, min_size=4, max_size=4))
def test_save_then_load_gives_the_same_hits(
    held: dict[int, list[float]], question: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("vectors")
    vector = np.array(question, dtype=np.float32)
    made = VectorIndex.empty(4, nowhere).apply(changes(3, {id: np.array(row, dtype=np.float32) for id, row in held.items()}))
    made.save(folder)
    loaded = VectorIndex.load(folder, 4, nowhere)
    assert loaded.search(vector, 50) == made.search(vector, 50)
    assert (loaded.generation, loaded.ids.tolist()) == (3, sorted(held))
