"""Sets of chunk numbers: they do what Python's sets do."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from index.search.idset import NOTHING, IdSet
from index.store.rows import ChunkIds

numbers = st.sets(st.integers(0, 3_000), max_size=50)


def ids(some: set[int]) -> ChunkIds:
    return np.array(sorted(some), dtype=np.int64)


def of(some: set[int]) -> IdSet:
    return IdSet.of(ids(some))


@given(numbers, numbers)
def test_sets_are_combined_as_pythons_are(one: set[int], other: set[int]) -> None:
    assert set((of(one) | of(other)).ids().tolist()) == one | other
    assert set((of(one) & of(other)).ids().tolist()) == one & other
    assert set((of(one) - of(other)).ids().tolist()) == one - other


@given(numbers, numbers)
def test_a_set_knows_its_size_and_what_it_holds(one: set[int], asked: set[int]) -> None:
    assert (len(of(one)), of(one).ids().tolist()) == (len(one), sorted(one))
    assert of(one).holds(ids(asked)).tolist() == [number in one for number in sorted(asked)]


def test_nothing_is_in_the_empty_set() -> None:
    assert (len(NOTHING), NOTHING.ids().tolist(), (NOTHING | of({5})).ids().tolist()) == (
        0,
        [],
        [5],
    )
