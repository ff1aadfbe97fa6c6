"""Hybrid search: hand-worked fusion, ranks, and hits that are the store's chunks."""

from collections.abc import Callable, Mapping
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import Document
from corpus.errors import StoreError
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.filters import Filters
from index.search.engine import Candidates
from index.search.fusion import ASIDE_WEIGHT, fuse
from index.search.searcher import Searcher

Make = Callable[..., Document]
Open = Callable[..., Collection]


def candidates(dense: Mapping[int, float], lexical: Mapping[int, float]) -> Candidates:
    return Candidates(1, dense, lexical, {})


def test_both_scores_are_scaled_and_combined() -> None:
    fused = fuse(candidates({1: 0.9, 2: 0.5, 3: 0.1}, {2: 8.0, 3: 2.0}), weight=0.6)
    # dense, from 0.1 to 0.9: 1, 0.5, 0. lexical, from 0 to 8: 0, 1, 0.25.
    # 1: 0.6 x 1 = 0.6;  2: 0.6 x 0.5 + 0.4 x 1 = 0.7;  3: 0.4 x 0.25 = 0.1
    assert [candidate.id for candidate in fused] == [2, 1, 3]
    assert [candidate.score for candidate in fused] == pytest.approx([0.7, 0.6, 0.1])


def test_a_candidate_tells_the_scores_and_ranks_it_came_from() -> None:
    best, second, last = fuse(candidates({1: 0.9, 2: 0.5, 3: 0.1}, {2: 8.0, 3: 2.0}), weight=0.6)
    assert (best.dense_score, best.dense_rank, best.lexical_score, best.lexical_rank) == (
        0.5,
        2,
        8.0,
        1,
    )
    assert (second.dense_rank, second.lexical_score, second.lexical_rank) == (1, 0.0, None)
    assert (last.dense_rank, last.lexical_rank) == (3, 2)


def test_equal_scores_come_in_the_order_of_their_numbers() -> None:
    fused = fuse(candidates({9: 0.5, 3: 0.5, 5: 0.5, 1: 0.1}, {}))
    assert [(candidate.id, candidate.dense_rank) for candidate in fused] == [
        (3, 1),
        (5, 2),
        (9, 3),
        (1, 4),
    ]


def test_a_single_candidate_has_the_whole_score_of_each_side_that_found_it() -> None:
    (both,) = fuse(candidates({1: 0.3}, {1: 2.0}), weight=0.6)
    (dense,) = fuse(candidates({1: 0.3}, {}), weight=0.6)
    (opposed,) = fuse(candidates({1: -0.3}, {}), weight=0.6)
    assert (both.score, dense.score, opposed.score) == pytest.approx((1.0, 0.6, 0.0))


def test_the_best_few_are_those_that_stand_first_among_all() -> None:
    found = candidates({1: 0.9, 2: 0.5, 3: 0.1, 4: 0.4}, {2: 8.0, 3: 2.0})
    assert fuse(found, limit=2) == fuse(found)[:2]
    assert len(fuse(found)) == 4


def test_another_form_of_a_question_counts_for_a_tenth() -> None:
    asked, typed = (
        candidates({1: 0.9, 2: 0.8, 3: 0.1}, {}),
        candidates({2: 0.9, 4: 0.8, 3: 0.1}, {}),
    )
    # asked: 0.6, 0.525, 0; typed: 2 has 0.6, 3 has 0; what was not asked for does not come in
    fused = fuse(asked, typed, weight=0.6)
    assert [candidate.id for candidate in fused] == [1, 2, 3]
    assert [candidate.score for candidate in fused] == pytest.approx([0.54, 0.5325, 0.0])
    assert [candidate.dense_score for candidate in fused] == [0.9, 0.8, 0.1]


def test_no_candidates_are_no_hits() -> None:
    assert fuse(candidates({}, {})) == []


@given(
    dense=st.dictionaries(st.integers(1, 50), st.floats(-1, 1), max_size=20),
    lexical=st.dictionaries(st.integers(1, 50), st.floats(0.01, 50), max_size=20),
    weight=st.floats(0, 1),
)
def test_fused_scores_lie_between_0_and_1_and_fall(
    dense: dict[int, float], lexical: dict[int, float], weight: float
) -> None:
    found = fuse(
        candidates(dense, {id: score for id, score in lexical.items() if id in dense}),
        weight=weight,
    )
    assert {candidate.id for candidate in found} == set(dense)
    scores = [candidate.score for candidate in found]
    assert scores == sorted(scores, reverse=True)
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in scores)


def test_hits_are_the_stores_chunks_ranked_from_1(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    document = make(
        "gas",
        "# Lines\nThe line carries gas.",
        title="Gas",
        url="https://example.org/gas",
        tags=["x"],
        published=date(2025, 1, 2),
    )
    collection.put([document, make("oil", "Oil flows elsewhere.")])
    result = collection.searcher.search("Which line carries gas?", 5)
    assert [(hit.rank, hit.chunk.document_id) for hit in result.hits] == [(1, "gas"), (2, "oil")]
    best = result.hits[0]
    assert (best.chunk.text, best.chunk.context) == ("The line carries gas.", "Gas\nLines")
    assert (best.stored.title, best.stored.tags) == ("Gas", ("x",))
    assert best.stored.url == "https://example.org/gas"
    assert best.score == 1.0  # first by both sides
    assert result.generation == 1


def test_the_score_is_worked_out_from_vectors_and_words(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put(
        [
            make("a", "gas gas oil", title="t"),
            make("b", "oil coal", title="t"),
            make("c", "sun", title="t"),
        ]
    )
    hits = {hit.chunk.document_id: hit.fused for hit in collection.searcher.search("oil", 3).hits}
    question = encoder.encode(["oil"])[0]
    texts = {"a": "t\ngas gas oil", "b": "t\noil coal", "c": "t\nsun"}
    products = {id: float(encoder.encode([text])[0] @ question) for id, text in texts.items()}
    assert {id: found.dense_score for id, found in hits.items()} == pytest.approx(products)
    # "oil" is one of three words (counted 2, 1 and 1 with the title) or of two: 1/sqrt(6),
    # 1/sqrt(3), and 0 in c.
    assert products == pytest.approx({"a": 6**-0.5, "b": 3**-0.5, "c": 0.0})
    # b leads on both sides; c is last and has no word; a lies between: 0.6 x (1/sqrt 6)/(1/sqrt 3)
    # + 0.4 x its share.
    share = hits["a"].lexical_score / hits["b"].lexical_score
    assert 0 < share < 1
    assert (hits["b"].score, hits["c"].score) == pytest.approx((1.0, 0.0))
    assert hits["a"].score == pytest.approx(0.6 * 0.5**0.5 + 0.4 * share)


def test_the_same_question_has_the_same_hits(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put(
        [make(str(number), f"The line carries gas number {number % 3}.") for number in range(12)]
    )
    first = collection.searcher.search("gas line 2", 7)
    assert first == collection.searcher.search("gas line 2", 7)
    assert len(first.hits) == 7


def test_an_empty_index_finds_nothing_and_excludes_nothing(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    nothing = collection.searcher.search("gas", 5, Filters(tags=("x",)))
    assert (nothing.hits, nothing.excluded_all, nothing.generation) == ((), False, 0)
    collection.put([make("a")])
    collection.remove(["a"])
    assert not collection.searcher.search("gas", 5, Filters(tags=("x",))).excluded_all


def test_filters_that_let_nothing_through_are_told(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make("a", "gas", tags=["x"]), make("b", "gas", tags=["y"])])
    assert collection.searcher.search("gas", 5, Filters(tags=("z",))).excluded_all
    passing = collection.searcher.search("gas", 5, Filters(tags=("y",)))
    assert ([hit.chunk.document_id for hit in passing.hits], passing.excluded_all) == (["b"], False)


class _Lagging:
    """An engine one generation behind the store, which names a chunk that is not there until it is
    told to go on.
    """

    def __init__(self, mends: bool) -> None:
        self.generation = 0
        self.mends = mends

    def candidates(self, *_: object, **__: object) -> Candidates:
        return Candidates(
            self.generation, {1 if self.generation == 1 and self.mends else 999: 1.0}, {}, {}
        )

    def advance(self, past: int) -> None:
        assert past == 0
        self.generation = 1


def test_a_search_waits_for_the_generation_that_lacks_the_deleted_chunk(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a", "gas")])
    result = Searcher(collection.store, _Lagging(mends=True), encoder).search("gas", 5)
    assert ([hit.fused.id for hit in result.hits], result.generation) == ([1], 1)


class _Moving:
    """An engine in which another thread writes between the first two searches."""

    def __init__(self) -> None:
        self.generation = 0

    def candidates(self, *_: object, **__: object) -> Candidates:
        self.generation = min(3, self.generation + 1)
        return Candidates(self.generation, {}, {}, {})

    def advance(self, past: int) -> None:
        assert past == 1


def test_both_forms_of_a_question_are_looked_for_in_one_generation(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    for text in ("gas", "gas flows", "gas flows on"):
        collection.put([make("a", text)])
    assert (
        Searcher(collection.store, _Moving(), encoder).search("gas", 5, aside="oil").generation == 3
    )


def test_an_index_that_names_chunks_which_are_not_there_is_an_error(
    open_collection: Open, make: Make, encoder: Encoder
) -> None:
    collection = open_collection()
    collection.put([make("a", "gas")])
    with pytest.raises(StoreError, match="run quoth verify, then quoth rebuild"):
        Searcher(collection.store, _Lagging(mends=False), encoder).search("gas", 5)


def test_more_than_a_hundred_passages_can_be_asked_for(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put([make(str(number), f"gas {number}") for number in range(130)])
    hits = collection.searcher.search("gas", 120).hits
    assert len({hit.fused.id for hit in hits}) == 120
    assert np.all(np.diff([hit.score for hit in hits]) <= 0)


def test_another_form_of_the_question_counts_aside(open_collection: Open, make: Make) -> None:
    collection = open_collection()
    collection.put(
        [
            make("gas", "gas line carries"),
            make("peas", "peas were sold"),
            make("port", "a port opened"),
        ]
    )
    search = collection.searcher.search
    plain, same = search("gas line", 3), search("gas line", 3, aside="gas line")
    assert plain == same
    other = {hit.chunk.document_id: hit.score for hit in search("peas sold", 3).hits}
    for hit in search("gas line", 3, aside="peas sold").hits:
        alone = next(each.score for each in plain.hits if each.chunk == hit.chunk)
        expected = (1 - ASIDE_WEIGHT) * alone + ASIDE_WEIGHT * other[hit.chunk.document_id]
        assert hit.score == pytest.approx(expected)
