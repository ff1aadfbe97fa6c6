"""The span reader cleans and ranks the marked spans, and stops reading when the evidence is
clear.
"""

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import make_document
from index.collection import Collection
from index.search.embedded.analyser import terms_of
from index.search.fusion import Fused
from index.search.searcher import Hit, SearchResult
from index.store.chunks import StoredChunk
from index.text.chunk import Chunk
from index.text.view import View
from service.reader.fitted import Linear, Ranking
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader, PassageSpan, Reading
from service.reader.reader import ROUND, SpanReader
from service.reader.span import Span

BY_MARGIN = Ranking(
    dict.fromkeys(AnswerForm, Linear({"margin": 1.0})), clear_margin=float("inf"), clear_lead=0.0
)

ODD_QUESTIONS = (
    "🦦",
    "gas",
    "???",
    "how\nlong\r\nis it",
    "def f(x): return x[0] // 2",
    "Сколько газа?",
    "天然气有多少？",
    "كم طول الجسر؟",
    "a" * 1000,
    "the of and",
    "How much, and why?",
)

Open = Callable[..., Collection]


class Marks:
    """Marks every occurrence of some phrases with given margins, and records the passages that it
    reads.
    """

    digest = "1" * 64

    def __init__(self, **margins: float) -> None:
        self._margins = {phrase.replace("_", " "): margin for phrase, margin in margins.items()}
        self.read_passages: list[str] = []

    # The phrases are the same for every question.
    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:  # noqa: ARG002
        self.read_passages += [view.text for view in passages]
        return [self._reading(view.text) for view in passages]

    def _reading(self, passage: str) -> Reading:
        places = (
            (passage.find(phrase), phrase, margin) for phrase, margin in self._margins.items()
        )
        spans = [
            PassageSpan(at, at + len(phrase), margin, 0.0)
            for at, phrase, margin in places
            if at >= 0
        ]
        mass = float(np.logaddexp.reduce([-9.0, *(span.margin / 2 for span in spans)]))
        return Reading(tuple(sorted(spans, key=lambda span: -span.margin)), mass, mass)


def hit(
    text: str, rank: int = 1, *, start: int = 0, document: str = "gas", score: float = 0.9
) -> Hit:
    chunk = Chunk(document, "0" * 64, start, start + len(text), text, "")
    return Hit(
        rank,
        Fused(rank, score, 0.6, rank, 1.0, rank),
        StoredChunk(rank, chunk, "Gas", None, date.max, ()),
    )


def found(question: str, *hits: Hit) -> SearchResult:
    return SearchResult(hits, 1, dict.fromkeys(terms_of(question), 1.0))


def read(
    marks: PassageReader, question: str, *hits: Hit, kind: AnswerForm = AnswerForm.SHORT
) -> tuple[Span, ...]:
    return SpanReader(marks, BY_MARGIN).read(question, found(question, *hits)).spans[kind]


def test_a_marked_number_is_quoted_with_its_unit_in_its_sentence() -> None:
    passage = hit(
        "It opened in May. It carries 38 billion cubic metres a year. It is new.", start=100
    )
    (span,) = read(Marks(**{"38": 4.0}), "How much does it carry?", passage)
    assert span.quote == "38 billion cubic metres"
    assert span.sentence == "It carries 38 billion cubic metres a year."
    assert (span.start, span.sentence_start) == (129, 118)


def test_spans_of_all_passages_are_in_one_order() -> None:
    first, second = hit("Oslo or Bergen.", 1), hit("Rome or Paris.", 2, document="other")
    spans = read(Marks(Oslo=1.0, Bergen=3.0, Rome=2.0, Paris=4.0), "Where is it?", first, second)
    assert [span.quote for span in spans] == ["Paris", "Bergen", "Rome", "Oslo"]
    assert [span.score for span in spans] == [4.0, 3.0, 2.0, 1.0]


def test_a_span_that_two_overlapping_passages_share_appears_once() -> None:
    text = "One is Oslo. Two is Rome."
    second = text.index("Two")
    spans = read(Marks(Rome=2.0), "Where?", hit(text[second:], 1, start=second), hit(text, 2))
    assert [(span.quote, span.start, span.hit.rank) for span in spans] == [("Rome", 20, 1)]


def test_small_words_alone_are_an_answer_only_if_there_is_no_other() -> None:
    passage = hit("It is in the north.")
    assert [
        span.quote for span in read(Marks(**{"in the": 3.0, "north": 1.0}), "Where?", passage)
    ] == ["north"]
    assert [span.quote for span in read(Marks(**{"in the": 3.0}), "Where?", passage)] == ["in the"]


def test_equal_words_of_two_documents_are_both_kept() -> None:
    spans = read(
        Marks(Rome=2.0), "Where?", hit("It is Rome.", 1), hit("It is Rome.", 2, document="copy")
    )
    assert [span.hit.chunk.document_id for span in spans] == ["gas", "copy"]


def test_probabilities_of_all_spans_sum_to_at_most_one() -> None:
    hits = hit("Oslo or Bergen.", 1), hit("Rome or Paris.", 2, document="other")
    spans = read(Marks(Oslo=1.0, Bergen=3.0, Rome=2.0, Paris=4.0), "Where is it?", *hits)
    assert 0 < sum(np.exp(span.features["log_probability"]) for span in spans) <= 1


def test_why_gets_sentences_ranked_by_the_spans_marked_in_them() -> None:
    passage = hit("Trade fell. It fell because the market was full. Prices rose.")
    spans = read(
        Marks(Trade=1.0, the_market_was_full=3.0),
        "Why did it fall?",
        passage,
        kind=AnswerForm.SENTENCE,
    )
    assert spans[0].quote == "It fell because the market was full."
    assert {span.quote for span in spans} == {
        "Trade fell.",
        "It fell because the market was full.",
        "Prices rose.",
    }
    assert all(span.quote == span.sentence for span in spans)


def test_each_passage_has_its_best_sentence_whatever_the_question_wants() -> None:
    first = hit("It is old. It is Rome. It is big.", 1, start=10)
    second = hit("Oslo is old.", 2, document="other")
    findings = SpanReader(Marks(Rome=2.0, Oslo=1.0, old=0.5), BY_MARGIN).read(
        "Where is it?", found("Where is it?", first, second)
    )
    assert findings.best_sentences == {1: (21, 32), 2: (0, 12)}


def test_a_passage_that_was_not_read_has_no_best_sentence() -> None:
    ranking = Ranking(BY_MARGIN.forms, clear_margin=8.0, clear_lead=0.1)
    hits = [hit("It is Rome.", 1), *(hit("No.", rank, score=0.2) for rank in range(2, 6))]
    findings = SpanReader(Marks(Rome=9.0, No=0.0), ranking).read("Where?", found("Where?", *hits))
    assert set(findings.best_sentences) == {1, 2}


@pytest.mark.parametrize(
    ("margin", "score_of_the_next", "passages"),
    [(9.0, 0.2, ROUND), (7.0, 0.2, 6), (9.0, 0.85, 6)],
    ids=["clear", "too unsure", "the next passage is as near"],
)
def test_reading_ends_when_the_evidence_is_clear(
    margin: float, score_of_the_next: float, passages: int
) -> None:
    marks = Marks(Rome=margin)
    ranking = Ranking(BY_MARGIN.forms, clear_margin=8.0, clear_lead=0.1)
    hits = [hit("It is Rome.", 1)] + [
        hit(f"Number {rank}.", rank, document=f"d{rank}", score=score_of_the_next)
        for rank in range(2, 7)
    ]
    SpanReader(marks, ranking).read("Where?", found("Where?", *hits))
    assert len(marks.read_passages) == passages


def test_later_evidence_ends_reading_later() -> None:
    marks = Marks(Rome=9.0)
    ranking = Ranking(BY_MARGIN.forms, clear_margin=8.0, clear_lead=0.1)
    texts = {3: "It is Rome."}
    hits = [
        hit(
            texts.get(rank, f"Number {rank}."),
            rank,
            document=f"d{rank}",
            score=0.9 if rank <= 3 else 0.2,
        )
        for rank in range(1, 9)
    ]
    SpanReader(marks, ranking).read("Where?", found("Where?", *hits))
    assert len(marks.read_passages) == 4


def test_without_passages_there_is_nothing_to_read() -> None:
    assert read(Marks(), "Which?") == ()


def test_other_weights_or_another_model_change_the_fingerprint() -> None:
    other = Marks()
    other.digest = "2" * 64
    rankings = [BY_MARGIN, Ranking(BY_MARGIN.forms, 8.0, 0.0)]
    readers = [SpanReader(Marks(), ranking) for ranking in rankings] + [
        SpanReader(other, BY_MARGIN)
    ]
    assert len({reader.fingerprint for reader in readers}) == 3
    assert SpanReader(Marks(), BY_MARGIN).fingerprint == readers[0].fingerprint


TEXTS = {
    "word": "Gas",
    "emoji": "🦦",
    "endless": "x" * 5000,
    "cyrillic": "Газ идёт в Китай. Его много.",
    "chinese": "天然气很多。桥很长。",
    "right to left": "الجسر طويل. 38 متر.",
    "combining": "Cafe\u0301 38 e\u0301. 👩‍👩‍👧 🙂🏽 5 %.",
    "dots": "…",
    "blank lines": "a b\n\nc\n\n\nd",
    "list": "- one\n| 3 | 4 |",
}


def check(text: str, reader: SpanReader, collection: Collection) -> None:
    """Every span of every odd question is exact and overlaps no other, and a second reading gives
    the same.
    """
    for question in ODD_QUESTIONS:
        result = collection.searcher.search(question, 8)
        findings = reader.read(question, result)
        assert findings == reader.read(question, result)
        for spans in findings.spans.values():
            assert [span.score for span in spans] == sorted(
                (span.score for span in spans), reverse=True
            )
            for span in spans:
                assert text[span.start : span.end] == span.quote != ""
                assert text[span.sentence_start : span.sentence_end] == span.sentence
                assert span.quote in span.sentence


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_any_question_can_be_read_in_any_passage(
    text: str, open_collection: Open, passages: PassageReader
) -> None:
    collection = open_collection()
    collection.put([make_document(text, document_id="x")])
    check(text, SpanReader(passages, BY_MARGIN), collection)


@pytest.mark.models
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_the_real_reader_quotes_exactly_for_any_input(
    text: str, open_collection: Open, real_passages: PassageReader
) -> None:
    collection = open_collection()
    collection.put([make_document(text, document_id="x")])
    check(text, SpanReader(real_passages, BY_MARGIN), collection)


@given(
    texts=st.lists(st.text(min_size=1, max_size=60), max_size=4),
    question=st.text(min_size=1, max_size=60),
)
def test_spans_of_any_passages_are_exact_and_sorted(
    texts: list[str], question: str, passages: PassageReader
) -> None:
    hits = [hit(text, rank, start=100 * rank) for rank, text in enumerate(texts, start=1)]
    for spans in (
        SpanReader(passages, BY_MARGIN).read(question, found(question, *hits)).spans.values()
    ):
        for span in spans:
            passage, offset = texts[span.hit.rank - 1], 100 * span.hit.rank
            assert passage[span.start - offset : span.end - offset] == span.quote != ""
