"""tantivy: BM25 over words and numbers, filters inside the search, and snapshots that stand
still.
"""

import shutil
from contextlib import suppress
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import StoreError
from index.filters import Filters
from index.search.embedded.analyser import terms_of
from index.search.embedded.lexical import LexicalIndex
from index.search.embedded.lexical_files import discard_terms
from index.search.idset import IdSet
from index.store.chunks import ChunkChanges, StoredChunk
from index.text.chunk import Chunk


def chunk(
    id: int,
    text: str,
    document_id: str = "a",
    context: str = "",
    tags: tuple[str, ...] = (),
    published: date | None = None,
) -> StoredChunk:
    return StoredChunk(
        id, Chunk(document_id, "v", 0, len(text), text, context), "", None, published, tags
    )


def changes(
    generation: int, *added: StoredChunk, removed: tuple[int, ...] = ()
) -> list[ChunkChanges]:
    return [ChunkChanges(generation, np.array(removed, dtype=np.int64), added)]


def opened(folder: Path, *added: StoredChunk) -> LexicalIndex:
    made = LexicalIndex(folder, writable=True)
    if added:
        made.apply(changes(1, *added))
    return made


def found(
    made: LexicalIndex, question: str, filters: Filters | None = None, limit: int = 10
) -> list[int]:
    return [id for id, _ in made.snapshot.search(question, limit, filters)]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("The Pipelines, carrying gas!", ["the", "pipelin", "carri", "gas"]),
        ("café Müller Ångström", ["cafe", "muller", "angstrom"]),
        ("38.5 bcm in 2025-11", ["38", "5", "bcm", "in", "2025", "11"]),
        ("… — 🙂", []),
        ("x" * 70, []),
    ],
)
def test_terms_are_lower_case_stems_without_accents(text: str, terms: list[str]) -> None:
    assert terms_of(text) == terms


def test_more_of_the_questions_words_rank_higher(tmp_path: Path) -> None:
    made = opened(
        tmp_path, chunk(1, "gas oil coal"), chunk(2, "gas line coal"), chunk(3, "wind sun coal")
    )
    assert found(made, "gas line") == [2, 1]


def test_a_rare_word_outweighs_a_frequent_one(tmp_path: Path) -> None:
    made = opened(
        tmp_path,
        chunk(1, "gas here"),
        chunk(2, "gas there"),
        chunk(3, "line here"),
        chunk(4, "gas now"),
    )
    assert found(made, "gas line")[0] == 3


def test_a_short_text_outranks_a_long_one_with_the_same_word(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas " + "and other things " * 10), chunk(2, "gas now"))
    assert found(made, "gas") == [2, 1]


def test_a_word_said_again_ranks_higher(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas oil oil"), chunk(2, "gas gas oil"))
    assert found(made, "gas") == [2, 1]


def test_a_word_in_the_text_outranks_one_in_the_title(tmp_path: Path) -> None:
    made = opened(
        tmp_path,
        chunk(1, "oil flows", context="gas line"),
        chunk(2, "gas line", context="oil flows"),
    )
    assert found(made, "gas") == [2, 1]


def test_words_are_found_in_other_forms(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "The cafés negotiated."), chunk(2, "Something else."))
    assert found(made, "NEGOTIATING") == found(made, "cafe") == [1]


def test_equal_scores_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(9, "gas"), chunk(3, "gas"), chunk(5, "gas"))
    assert found(made, "gas") == [3, 5, 9]


@pytest.mark.parametrize(
    "question", ["", "?!", "nothing shared", "AND OR NOT", 'text:gas" ^2 ~ [a TO b] *']
)
def test_a_question_is_words_and_no_query_language(tmp_path: Path, question: str) -> None:
    made = opened(tmp_path, chunk(1, "oil flows"))
    assert found(made, question) == []


def test_scores_are_above_0_and_the_limit_holds(tmp_path: Path) -> None:
    made = opened(tmp_path, *(chunk(id, "gas flows") for id in range(1, 8)))
    hits = made.snapshot.search("gas", 3)
    assert len(hits) == 3
    assert all(score > 0 for _, score in hits)
    assert made.snapshot.search("gas", 0) == []


def filtered(tmp_path: Path) -> LexicalIndex:
    return opened(
        tmp_path,
        chunk(1, "gas", "a", tags=("energy", "china"), published=date(2024, 12, 31)),
        chunk(2, "gas", "b", tags=("energy",), published=date(2025, 1, 1)),
        chunk(3, "gas", "b c", tags=("Energy trade",), published=date(2025, 12, 31)),
        chunk(4, "gas", "d"),
    )


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(), [1, 2, 3, 4]),
        (Filters(document_ids=("b",)), [2]),
        (Filters(document_ids=("b c", "a", "none")), [1, 3]),
        (Filters(tags=("energy",)), [1, 2]),
        (Filters(tags=("Energy trade", "china")), [1, 3]),
        (Filters(tags=("trade",)), []),
        (Filters(published_from=date(2025, 1, 1)), [2, 3]),
        (Filters(published_to=date(2025, 1, 1)), [1, 2]),
        (Filters(published_from=date(2025, 1, 1), published_to=date(2025, 1, 1)), [2]),
        (Filters(published_from=date(2025, 1, 2), published_to=date(2025, 1, 1)), []),
        (Filters(known_by=date(2024, 12, 31)), [1, 4]),
        (Filters(known_by=date.max), [1, 2, 3, 4]),
        (Filters(document_ids=("a", "b"), tags=("energy",), published_from=date(2025, 1, 1)), [2]),
    ],
)
def test_filters_narrow_the_search(tmp_path: Path, filters: Filters, expected: list[int]) -> None:
    assert found(filtered(tmp_path), "gas", filters) == expected


def test_filters_narrow_before_the_limit_does(tmp_path: Path) -> None:
    made = opened(
        tmp_path,
        *(chunk(id, "gas", "many") for id in range(1, 30)),
        chunk(30, "gas and much more", "one"),
    )
    assert found(made, "gas", Filters(document_ids=("one",)), limit=1) == [30]


def test_filters_change_no_score(tmp_path: Path) -> None:
    made = filtered(tmp_path)
    assert (
        dict(made.snapshot.search("gas", 9, Filters(tags=("china",))))[1]
        == dict(made.snapshot.search("gas", 9))[1]
    )


def test_what_is_removed_is_not_found(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"), chunk(2, "gas"), chunk(3, "gas"))
    made.apply(changes(2, chunk(4, "gas"), removed=(1, 3)))
    assert (found(made, "gas"), made.snapshot.ids()) == ([2, 4], [2, 4])


def test_large_numbers_are_removed_too(tmp_path: Path) -> None:
    large = 2**62
    made = opened(tmp_path, chunk(large, "gas"), chunk(large + 1, "gas"))
    made.apply(changes(2, removed=(large,)))
    assert made.snapshot.ids() == [large + 1]


def test_applying_changes_twice_does_no_harm(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"), chunk(2, "gas"))
    again = changes(2, chunk(3, "gas"), removed=(1,))
    made.apply(again)
    made.apply(again)
    assert (made.snapshot.ids(), made.snapshot.generation) == ([2, 3], 2)


def test_a_snapshot_stands_still_while_others_write(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"))
    old = made.snapshot
    made.apply(changes(2, chunk(2, "gas"), removed=(1,)))
    assert ([id for id, _ in old.search("gas", 9)], old.generation, old.ids()) == ([1], 1, [1])
    assert (found(made, "gas"), made.snapshot.generation) == ([2], 2)


def test_a_reader_sees_what_was_written_when_it_refreshes(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"))
    reader = LexicalIndex(tmp_path, writable=False)
    made.apply(changes(2, chunk(2, "gas")))
    assert reader.refresh().ids() == [1, 2]


def test_terms_and_generation_survive_reopening(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"))
    made.close()
    again = LexicalIndex(tmp_path, writable=True)
    assert (again.snapshot.generation, found(again, "gas")) == (1, [1])
    again.apply(changes(2, chunk(2, "gas")))
    again.close()
    assert LexicalIndex(tmp_path, writable=False).snapshot.generation == 2


def test_a_new_index_is_of_generation_0(tmp_path: Path) -> None:
    assert (opened(tmp_path).snapshot.generation, opened(tmp_path).snapshot.ids()) == (0, [])


def test_rare_terms_have_a_higher_idf(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas line"), chunk(2, "gas"), chunk(3, "oil"))
    idf = made.snapshot.idf("Gas, lines, unheard!")
    assert sorted(idf, key=lambda term: idf[term]) == ["gas", "line", "unheard"]


def test_idf_stays_above_0_when_most_of_the_chunks_with_a_term_were_removed(tmp_path: Path) -> None:
    # tantivy still counts the removed ones as holding it, until it merges: more than there are
    # chunks.
    made = opened(tmp_path, *(chunk(id, "gas") for id in range(1, 31)))
    made.apply(changes(2, removed=tuple(range(1, 30))))
    assert made.snapshot.idf("gas")["gas"] > 0


@pytest.mark.parametrize(
    "pattern", ["meta.json", "*.term", "*.idx", "*.fast", "*.pos", "*.fieldnorm", "*.store"]
)
@pytest.mark.parametrize("damage", ["delete", "empty", "invert"])
def test_a_damaged_index_is_refused_to_readers_and_made_anew_by_the_writer(
    tmp_path: Path, pattern: str, damage: str
) -> None:
    opened(tmp_path, chunk(1, "gas and oil flow here", tags=("energy",))).close()
    files = list((tmp_path / "terms").glob(pattern))
    assert files
    for path in files:
        data = path.read_bytes()
        path.unlink()
        if damage != "delete":
            path.write_bytes(bytes(255 - byte for byte in data) if damage == "invert" else b"")
    with suppress(StoreError):  # some damage does no harm to this search, and a new index is empty
        assert found(LexicalIndex(tmp_path, writable=False), "gas") in ([1], [])
    made = LexicalIndex(tmp_path, writable=True)
    made.apply(changes(1, chunk(1, "gas and oil flow here")))
    assert (found(made, "gas"), made.snapshot.ids()) == ([1], [1])
    made.close()


def test_a_folder_of_garbage_is_refused_to_readers(tmp_path: Path) -> None:
    opened(tmp_path, chunk(1, "gas")).close()
    (tmp_path / "terms" / "meta.json").write_text("garbage")
    with pytest.raises(StoreError, match=r"^the lexical index is damaged .* run quoth rebuild"):
        LexicalIndex(tmp_path, writable=False)


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    opened(tmp_path, chunk(1, "gas")).close()
    discard_terms(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_vanishes_under_the_writer_is_an_error_of_the_store(tmp_path: Path) -> None:
    made = opened(tmp_path, chunk(1, "gas"))
    shutil.rmtree(tmp_path / "terms")
    with pytest.raises(StoreError, match="the lexical index cannot be written"):
        made.apply(changes(2, chunk(2, "gas")))


# A large index: words of many chunks only score what rarer words propose.


def crowd(tmp_path: Path) -> LexicalIndex:
    """Sixty chunks that hold "the" and "gas", of which some say "line", few "amur"; every third is
    tagged.
    """
    texts = [
        "the gas " + "line " * (id % 4 == 0) + "amur " * (id % 10 == 0) + f"number {id}"
        for id in range(1, 61)
    ]
    tags = [("x",) if id % 3 == 0 else () for id in range(1, 61)]
    return opened(
        tmp_path,
        *(
            chunk(id, text, tags=tag, context="the gas" * (id % 2))
            for id, text, tag in zip(range(1, 61), texts, tags, strict=True)
        ),
    )


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.search.embedded.lexical_search.ALL_TERMS_UP_TO", 10)
    monkeypatch.setattr("index.search.embedded.lexical_search.POSTINGS", 20)
    monkeypatch.setattr("index.search.embedded.lexical_search._FEW", 0)


QUESTION = "Does the gas line at the Amur work?"


def test_in_a_large_index_frequent_words_propose_nothing_and_score_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crowd(tmp_path)
    whole = made.snapshot.search(QUESTION, 5)
    everything = dict(made.snapshot.search(QUESTION, 60))
    for name, value in (("ALL_TERMS_UP_TO", 10), ("POSTINGS", 20)):
        monkeypatch.setattr(f"index.search.embedded.lexical_search.{name}", value)
    found = made.snapshot.search(QUESTION, 5)
    assert [id for id, _ in found] == [id for id, _ in whole]
    assert [score for _, score in found] == pytest.approx([score for _, score in whole])
    ten = made.snapshot.search(QUESTION, 10)
    assert {id for id, _ in ten} <= {id for id in range(1, 61) if id % 4 == 0 or id % 10 == 0}
    assert dict(ten) == pytest.approx({id: everything[id] for id, _ in ten})


@pytest.mark.usefixtures("large")
def test_in_a_large_index_a_question_of_frequent_words_still_finds(tmp_path: Path) -> None:
    assert len(crowd(tmp_path).snapshot.search("the gas", 5)) == 5


@pytest.mark.usefixtures("large")
def test_broad_filters_find_in_a_large_index_what_they_find_in_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = crowd(tmp_path)
    filters = Filters(tags=("x",))
    allowed = IdSet.of(np.arange(3, 61, 3))
    found = made.snapshot.search(QUESTION, 5, filters, allowed)
    assert found == made.snapshot.search(QUESTION, 5, filters)
    monkeypatch.setattr("index.search.embedded.lexical_search.ALL_TERMS_UP_TO", 1_000)
    whole = made.snapshot.search(QUESTION, 5, filters)
    assert [id for id, _ in found] == [id for id, _ in whole]
    assert [score for _, score in found] == pytest.approx([score for _, score in whole])


@pytest.mark.usefixtures("large")
def test_a_filter_that_lets_few_of_the_best_through_is_searched_inside(tmp_path: Path) -> None:
    best = (chunk(id, "amur amur", "many") for id in range(1, 50))
    made = opened(tmp_path, *best, *(chunk(id, "the amur and more", "one") for id in range(50, 60)))
    allowed = IdSet.of(np.arange(50, 60))
    assert [
        id for id, _ in made.snapshot.search("amur", 3, Filters(document_ids=("one",)), allowed)
    ] == [50, 51, 52]
