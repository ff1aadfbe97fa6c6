"""The sentence reader: features worked out by hand, the asked kind of thing, and texts of every sort."""

from collections.abc import Callable, Mapping
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import make_document
from index.chunk import Chunk
from index.collection import Collection
from index.embed import Encoder
from index.lexical import terms_of
from index.search import Fused, Hit, SearchResult
from index.store import StoredChunk
from service.reader.sentence import SentenceReader, SentenceWeights, candidate_sentences
from service.reader.span import Span

FEATURES = {*("meaning", "passage", "fused", "words", "near_words", "topic_words", "passage_words", "figures", "asked")}
EVERYTHING = SentenceWeights(dict.fromkeys(sorted(FEATURES), 1.0), 0.0)
BY_KIND = SentenceWeights({"asked": 1.0}, 0.0)

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
)

Open = Callable[..., Collection]


def hit(text: str, rank: int = 1, *, start: int = 0, context: str = "", score: float = 0.9, dense: float = 0.6) -> Hit:
    """A passage of document "gas" that was found with these scores."""
    chunk = Chunk("gas", "0" * 64, start, start + len(text), text, context)
    return Hit(rank, Fused(rank, score, dense, rank, 1.0, rank), StoredChunk(rank, chunk, "Gas", None, date.max, ()))


def found(question: str, *hits: Hit, idf: Mapping[str, float] | None = None) -> SearchResult:
    """What a search gives for these passages, every term equally rare unless said otherwise."""
    return SearchResult(hits, 1, idf if idf is not None else dict.fromkeys(terms_of(question), 1.0))


def read(encoder: Encoder, question: str, *hits: Hit, weights: SentenceWeights = BY_KIND) -> list[Span]:
    return SentenceReader(encoder, weights).read(question, found(question, *hits))


def features_of(encoder: Encoder, question: str, passage: Hit, idf: Mapping[str, float] | None = None) -> list[Span]:
    """The spans of a passage in the order of the text."""
    spans = SentenceReader(encoder, BY_KIND).read(question, found(question, passage, idf=idf))
    return sorted(spans, key=lambda span: span.start)


def test_the_shares_of_the_questions_words_are_weighted_by_rarity(encoder: Encoder) -> None:
    passage = hit("The pipeline opened. It carries gas.", context="Siberia")
    question = "Which pipeline carries gas from Siberia?"
    # "which" and "from" carry no meaning; of the rest the rarities sum to 8.
    idf = {"which": 1.0, "from": 1.0, "pipelin": 1.0, "carri": 2.0, "gas": 2.0, "siberia": 3.0}
    first, second = (span.features for span in features_of(encoder, question, passage, idf))
    assert (first["words"], first["near_words"], first["passage_words"]) == (1 / 8, 1 / 8, 1)
    assert (second["words"], second["near_words"], second["passage_words"]) == (4 / 8, 5 / 8, 1)
    # The title alone would add 3 of 8; half of that, for three terms are half of a full sentence's six.
    assert (first["topic_words"], second["topic_words"]) == (1 / 8 + 1.5 / 8, 4 / 8 + 1.5 / 8)


def test_meaning_is_the_inner_product_with_the_question_and_the_passage_keeps_its_scores(encoder: Encoder) -> None:
    passage = hit("Gas flows. Peas grow.", score=0.25, dense=0.5)
    same, other = features_of(encoder, "gas flows", passage)
    assert same.features["meaning"] == pytest.approx(1.0)
    assert other.features["meaning"] == pytest.approx(0.0)  # no word and no bucket in common
    assert (same.features["passage"], same.features["fused"]) == (0.5, 0.25)


def test_figures_of_the_question_are_looked_for_in_the_passage(encoder: Encoder) -> None:
    passage = hit("In 2024 it was 31 bcm. Later it rose.")
    for question, share in (("Gas in 2024?", 1), ("Gas in 2023?", 0), ("Gas in 2023 or 2024?", 0.5), ("Gas?", 1)):
        assert [span.features["figures"] for span in features_of(encoder, question, passage)] == [share, share]


def test_a_title_says_less_of_a_scrap_than_of_a_full_sentence(encoder: Encoder) -> None:
    passage = hit("Gas, Moscow.\n\nThe pipeline carries gas to China every year.", context="Siberia")
    scrap, full = (span.features for span in features_of(encoder, "Siberia?", passage))
    assert (scrap["topic_words"], full["topic_words"]) == (2 / 6, 1.0)


@pytest.mark.parametrize(
    ("question", "answer", "other"),
    [
        (
            "How much gas can the line carry?",
            "It carries 38 billion cubic metres.",
            "It carries gas to the north-east.",
        ),
        ("How many people came?", "There were twelve of them.", "There were people from everywhere."),
        ("When was the bridge opened?", "The bridge was opened on 4 May 1931.", "The bridge was opened with a dance."),
        ("In what year did it end?", "It ended in 2014.", "It ended with a long quarrel."),
        ("Who drew the bridge?", "It was drawn by Ada Fenwick.", "It was drawn in a great hurry."),
        ("Where did they meet?", "They met in Hangzhou.", "They met for a long talk."),
        ("Why did trade fall?", "It fell because the market was full.", "It fell by a great deal."),
    ],
)
def test_the_sentence_with_the_asked_kind_of_thing_is_first(
    question: str, answer: str, other: str, encoder: Encoder
) -> None:
    for text in (f"{answer} {other}", f"{other} {answer}"):
        best, second = read(encoder, question, hit(text))
        assert (best.quote, best.features["asked"]) == (answer, 1)
        assert (second.quote, second.features["asked"]) == (other, -1)


def test_what_the_question_names_itself_is_no_answer_to_it(encoder: Encoder) -> None:
    text = "In 2025 the trade fell. Sales of 40 tons were made."
    spans = read(encoder, "How much was the 40 tons of trade?", hit(text))
    assert {span.features["asked"] for span in spans} == {-1}


def test_a_question_of_no_clear_kind_asks_for_nothing(encoder: Encoder) -> None:
    spans = read(encoder, "Tell me of the bridge.", hit("It was opened in 1931. Ada drew it."))
    assert [span.features["asked"] for span in spans] == [0, 0]


def test_sentences_of_overlapping_passages_appear_once_under_the_better_passage(encoder: Encoder) -> None:
    text = "One is first. Two is second. Three is third."
    second = text.index("Two")
    best, other = hit(text[second:], 1, start=second), hit(text[: second + len("Two is second.")], 2)
    candidates = candidate_sentences([best, other])
    assert [(candidate.text, candidate.hit.rank) for candidate in candidates] == [
        ("Two is second.", 1),
        ("Three is third.", 1),
        ("One is first.", 2),
    ]
    spans = read(encoder, "Which?", best, other)
    assert sorted((span.start, span.end) for span in spans) == [(0, 13), (14, 28), (29, 44)]
    assert all(text[span.start : span.end] == span.quote == span.sentence for span in spans)


def test_the_mark_of_a_list_is_no_part_of_the_quote(encoder: Encoder) -> None:
    text = "- Wang Yi is minister.\n12. Li Qiang is premier.\n\n3.5 tonnes were sold."
    quotes = [candidate.text for candidate in candidate_sentences([hit(text)])]
    assert quotes == ["Wang Yi is minister.", "Li Qiang is premier.", "3.5 tonnes were sold."]
    assert all(span.quote == text[span.start : span.end] for span in read(encoder, "Who?", hit(text)))


def test_equal_sentences_of_two_documents_are_both_there(encoder: Encoder) -> None:
    one = hit("It is long.")
    other = Hit(2, one.found, StoredChunk(2, Chunk("copy", "1" * 64, 0, 11, "It is long.", ""), "", None, None, ()))
    assert [span.hit.chunk.document_id for span in read(encoder, "How long?", one, other)] == ["gas", "copy"]


def test_of_equal_scores_the_better_passage_and_the_earlier_place_are_first(encoder: Encoder) -> None:
    one, other = hit("Aa bb. Cc dd.", 1, start=50), hit("Ee ff. Gg hh.", 2)
    weights = SentenceWeights({"words": 0.0}, 0.5)
    spans = read(encoder, "Anything?", other, one, weights=weights)
    assert [span.quote for span in spans] == ["Aa bb.", "Cc dd.", "Ee ff.", "Gg hh."]
    assert {span.score for span in spans} == {0.5}


def test_the_score_is_the_weighted_sum_of_the_features(encoder: Encoder) -> None:
    weights = SentenceWeights({"passage": 2.0, "fused": -1.0}, 0.25)
    (span,) = read(encoder, "Which?", hit("It is.", score=0.5, dense=0.75), weights=weights)
    assert span.score == 0.25 + 2 * 0.75 - 0.5


def test_without_passages_there_is_nothing_to_read(encoder: Encoder) -> None:
    assert read(encoder, "Which?") == []


def test_other_weights_have_another_fingerprint(encoder: Encoder) -> None:
    weights = [SentenceWeights({"words": 1.0}, 0.0), SentenceWeights({"words": 1.0}, 0.1), SentenceWeights({}, 0.0)]
    assert len({SentenceReader(encoder, each).fingerprint for each in weights}) == 3


@pytest.mark.parametrize(
    "text",
    [
        "Gas",
        "🦦",
        "x" * 5000,
        "Газ идёт в Китай. Его много.",
        "天然气很多。桥很长。",
        "…",
        "a b\n\nc\n\n\nd",
        "- one\n| 3 | 4 |",
    ],
    ids=["word", "emoji", "endless", "cyrillic", "chinese", "dots", "blank lines", "list"],
)
def test_any_question_can_be_read_in_any_passage(text: str, open_collection: Open, encoder: Encoder) -> None:
    collection = open_collection()
    collection.put([make_document(text, id="x")])
    reader = SentenceReader(encoder, EVERYTHING)
    for question in ODD_QUESTIONS:
        result = collection.searcher.search(question, 8)
        spans = reader.read(question, result)
        assert spans
        assert spans == reader.read(question, result)
        for span in spans:
            assert text[span.start : span.end] == span.quote
            check_features(span)


def check_features(span: Span) -> None:
    """Every feature is there, in its documented range."""
    features = span.features
    assert set(features) == FEATURES
    assert -1.001 <= features["meaning"] <= 1.001
    for name in ("words", "near_words", "topic_words", "passage_words", "figures"):
        assert 0 <= features[name] <= 1
    for name in ("near_words", "topic_words"):
        assert features["words"] - 1e-9 <= features[name] <= features["passage_words"] + 1e-9
    assert features["asked"] in (-1, 0, 1)


@given(texts=st.lists(st.text(min_size=1, max_size=60), max_size=4), question=st.text(min_size=1, max_size=60))
def test_whatever_is_read_spans_are_exact_sorted_and_in_range(
    texts: list[str], question: str, encoder: Encoder
) -> None:
    hits = [hit(text, rank, start=100 * rank) for rank, text in enumerate(texts, start=1)]
    spans = read(encoder, question, *hits, weights=EVERYTHING)
    assert [span.score for span in spans] == sorted((span.score for span in spans), reverse=True)
    assert len({(span.start, span.end) for span in spans}) == len(spans)
    for span in spans:
        passage = texts[span.hit.rank - 1]
        assert passage[span.start - 100 * span.hit.rank : span.end - 100 * span.hit.rank] == span.quote
        assert span.quote == span.quote.strip() != ""
        check_features(span)
