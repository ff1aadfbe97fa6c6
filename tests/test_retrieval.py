"""The benchmark of retrieval: what counts as found, fusions, analysers, and kept vectors."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from corpus.document import make_document
from eval.benchmarks.retrieval.__main__ import together
from eval.benchmarks.retrieval.sets import (
    Half,
    LocatedQuestion,
    RetrievalSet,
    evidence_found,
    first_of_each,
    half_of,
    part_of,
    squad_set,
)
from eval.benchmarks.retrieval.terms import Terms
from eval.benchmarks.retrieval.trial import Result, Trial
from eval.benchmarks.retrieval.variants import (
    DEFAULT_VARIANT,
    DENSE,
    Analyser,
    Chunking,
    Reciprocal,
    Variant,
    Words,
    searches,
)
from eval.benchmarks.retrieval.vectors import VectorCache
from eval.measuring.measures import measure_of
from eval.measuring.public_sets import searched_row
from eval.sets.question import LabelledEvidence, LabelledQuestion
from index.encoding.vectors import Vectors
from index.search.embedded.analyser import terms_of
from index.search.embedded.lexical import LexicalIndex
from index.search.embedded.lexical_search import CONTEXT_WEIGHT
from index.search.engine import Candidates
from index.store.chunks import ChunkChanges, StoredChunk
from index.text.chunk import Chunk, ChunkSettings
from tests.conftest import ToyEncoder

SENTENCE = "Sila-2's 3,000 long-term Müller pipelines, e.g. in 2025-11, carried the gas"


def chunk(document_id: str, start: int, end: int, text: str = "", context: str = "") -> Chunk:
    return Chunk(document_id, "v", start, end, text, context)


def asked(
    *evidence: tuple[str, tuple[tuple[int, int], ...]], text: str = "?", split: str = ""
) -> LocatedQuestion:
    labels = tuple(LabelledEvidence(document_id, None) for document_id, _ in evidence)
    return LocatedQuestion(
        LabelledQuestion(text, text, (), labels, True, split=split),
        tuple(spans for _, spans in evidence),
    )


def test_a_chunk_holds_an_answer_only_at_its_offsets_and_only_completely() -> None:
    question = asked(("a", ((10, 20), (40, 45))))
    chunks = [
        chunk("b", 0, 99),
        chunk("a", 0, 19),
        chunk("a", 11, 39),
        chunk("a", 41, 99),
        chunk("a", 30, 45),
    ]
    assert evidence_found(question, chunks) == [
        -1,
        -1,
        -1,
        -1,
        0,
    ]  # the last one holds the other place
    assert evidence_found(question, [chunk("a", 10, 20)]) == [0]


def test_evidence_counts_once_and_whole_documents_anywhere_in_them() -> None:
    question = asked(("a", ()), ("b", ()))
    assert evidence_found(
        question, [chunk("a", 0, 9), chunk("a", 9, 20), chunk("c", 0, 9), chunk("b", 5, 9)]
    ) == [
        0,
        -1,
        -1,
        1,
    ]


def test_a_document_ranks_by_its_best_chunk() -> None:
    first, second, third = chunk("a", 5, 9), chunk("b", 0, 9), chunk("a", 0, 5)
    assert first_of_each([first, second, third]) == [first, second]


def test_reciprocal_ranks_add_up_over_both_rankings() -> None:
    # By meaning 1, 2, 3, 4; by words 3, 4. With k = 1: 1 has 1/2, 2 has 1/3, 3 has 1/4 + 1/2, 4 has
    # 1/5 + 1/3.
    candidates = Candidates(0, {1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}, {3: 5.0, 4: 2.0}, {})
    assert Reciprocal(1).rank(candidates) == [3, 4, 1, 2]
    assert DENSE.rank(candidates) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("words", "terms"),
    [
        (Words.SPLIT, ["sila", "2", "3", "000", "long", "term", "1", "5"]),
        (Words.NUMBERS, ["sila", "2", "3,000", "long", "term", "1.5"]),
        (Words.HYPHENS, ["sila-2", "3", "000", "long-term", "1", "5"]),
        (Words.WHOLE, ["sila-2", "3,000", "long-term", "1.5"]),
        (
            Words.BESIDE,
            [
                "sila",
                "2",
                "3",
                "000",
                "long",
                "term",
                "1",
                "5",
                "sila-2",
                "3,000",
                "long-term",
                "1.5",
            ],
        ),
    ],
)
def test_numbers_and_hyphenated_words_are_split_or_whole(words: Words, terms: list[str]) -> None:
    assert Analyser(words=words).terms("Sila-2, 3,000 (long-term) 1.5.") == terms


def test_each_other_analyser_skips_one_step() -> None:
    text = "The Müller pipelines"
    assert Analyser().terms(text) == ["the", "muller", "pipelin"]
    assert Analyser(stemming=False).terms(text) == ["the", "muller", "pipelines"]
    assert Analyser(stop_words_kept=False).terms(text) == ["muller", "pipelin"]
    assert Analyser(folding=False).terms(text) == ["the", "müller", "pipelin"]


def test_the_default_analyser_agrees_with_the_product() -> None:
    assert Analyser().terms(SENTENCE) == terms_of(SENTENCE)


def test_terms_in_memory_rank_as_the_lexical_index_does(tmp_path: Path) -> None:
    texts = ["gas gas oil", "a gas line", SENTENCE, "oil and coal", "gas " + "and more " * 9]
    chunks = [
        chunk("a", 0, len(text), text, context)
        for text, context in zip(texts, "gas line oil gas x".split(), strict=True)
    ]
    stored = tuple(StoredChunk(id, each, "", None, None, ()) for id, each in enumerate(chunks))
    product = LexicalIndex(tmp_path, writable=True)
    snapshot = product.apply([ChunkChanges(1, np.array([], dtype=np.int64), stored)])
    wanted = dict(snapshot.search("Which gas line?", 10))
    product.close()
    found = Terms(chunks, Analyser()).search("Which gas line?", 10, CONTEXT_WEIGHT)
    assert list(found.items()) == list(wanted.items())
    assert Terms(chunks, Analyser()).search("…", 10, CONTEXT_WEIGHT) == {}


def test_a_title_of_no_weight_finds_nothing() -> None:
    chunks = [chunk("a", 0, 3, "oil", "gas"), chunk("b", 0, 3, "gas", "oil")]
    assert list(Terms(chunks, Analyser()).search("gas", 10, 0.0)) == [1]


def test_offsets_of_squads_answers_are_those_in_the_whole_article(tmp_path: Path) -> None:
    def entry(context: str, start: int) -> dict[str, object]:
        answers = [{"text": "Oslo", "answer_start": start}] * 2
        return {
            "context": context,
            "qas": [{"id": context, "question": "Where?", "answers": answers}],
        }

    article = {"title": "Places", "paragraphs": [entry("Oslo or Oslo.", 8), entry("In Oslo.", 3)]}
    path = tmp_path / "s.json.gz"
    path.write_bytes(gzip.compress(json.dumps({"data": [article]}).encode()))
    read = squad_set(path)
    (document,) = read.documents
    places = [span for each in read.asked for (spans,) in [each.spans] for span in spans]
    assert places == [(8, 12), (18, 22)]
    assert {document.text[start:end] for start, end in places} == {"Oslo"}
    assert len({each.question.split for each in read.asked}) == 1  # an article is of one half


def test_both_halves_are_filled() -> None:
    halves = [half_of(f"{number}") for number in range(200)]
    assert 70 < halves.count(Half.CHOOSE) < 130


class CountingEncoder(ToyEncoder):
    """Keeps the texts that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1."""
        self.seen.extend(texts)
        return super().encode(texts)


def test_kept_vectors_are_not_made_again(tmp_path: Path) -> None:
    encoder = CountingEncoder()
    VectorCache(tmp_path, encoder).encode(["gas", "oil", "gas"])
    again = VectorCache(tmp_path, encoder).encode(["oil", "coal", "gas"])
    assert encoder.seen == ["gas", "oil", "coal"]
    assert np.array_equal(again, ToyEncoder().encode(["oil", "coal", "gas"]))


def toy_trial(folder: Path) -> Trial:
    documents = tuple(
        make_document(text, document_id=text)
        for text in ("the gas-line leaks", "a gas flows", "oil and coal")
    )
    questions = tuple(
        asked((id, ()), text=text, split=split)
        for text, id, split in [
            ("gas-line", "the gas-line leaks", "choose"),
            ("flows", "a gas flows", "choose"),
            ("coal", "oil and coal", "report"),
            ("coal", "a gas flows", "report"),
        ]
    )
    encoder = ToyEncoder()
    return Trial(
        RetrievalSet("toy", documents, questions, True, (DEFAULT_VARIANT,)),
        encoder,
        VectorCache(folder, encoder),
    )


def test_a_variant_is_measured_on_each_half_by_itself(tmp_path: Path) -> None:
    result = toy_trial(tmp_path).result(DEFAULT_VARIANT)
    assert result.chunks == 3
    assert result.text_depth == 8
    assert result.mean(Half.CHOOSE, "R@1") == 1
    assert result.mean(Half.REPORT, "R@1") == 0.5
    assert set(result.rows) == {"dense", "lexical", "fused"}


def test_chunks_of_one_document_are_one_where_documents_are_ranked(tmp_path: Path) -> None:
    documents = (
        make_document("Gas gas one. Gas gas two. Gas gas three.", document_id="a"),
        make_document("Gas or oil.", document_id="b"),
    )
    cut = Variant("chunk length", "3 tokens", Chunking(ChunkSettings(max_tokens=3, overlap=0)))
    question = asked(("b", ()), text="gas", split="report")

    def reciprocal_rank(whole: bool) -> float:
        labelled = RetrievalSet("toy", documents, (question,), whole, (DEFAULT_VARIANT, cut))
        return (
            Trial(labelled, ToyEncoder(), VectorCache(tmp_path, ToyEncoder()))
            .result(cut)
            .mean(Half.REPORT, "RR@10")
        )

    assert reciprocal_rank(whole=True) == 1 / 2
    assert reciprocal_rank(whole=False) == 1 / 4


def test_the_combination_is_chosen_on_the_choosing_half_alone() -> None:
    measures = [measure_of("nDCG@10")]

    def result(variant: Variant) -> Result:
        good = {
            Half.CHOOSE: variant.value in ("stop words left out", "k = 60"),
            Half.REPORT: variant.value in ("no stemming", "1.0"),
        }
        rows = [
            searched_row(asked(("a", ()), split=half).question, [0] if good[half] else [], measures)
            for half in Half
        ]
        return Result(variant, 1, 8, {"fused": rows})

    best = together([[result(variant) for variant in (DEFAULT_VARIANT, *searches())]] * 2)
    assert best.analyser == Analyser(stop_words_kept=False)
    assert best.fusion == Reciprocal(60)
    assert best.context_weight == CONTEXT_WEIGHT  # none is better than what is there
    assert best.chunking == DEFAULT_VARIANT.chunking


def test_a_part_keeps_every_document_with_evidence() -> None:
    documents = tuple(make_document(id, document_id=id) for id in "abcdefg")
    whole = RetrievalSet("toy", documents, (asked(("b", ()), ("g", ())),), True, (DEFAULT_VARIANT,))
    assert [document.id for document in part_of(whole, 3).documents] == [
        "a",
        "b",
        "e",
        "g",
    ]  # a and e of a, c, d, e, f
