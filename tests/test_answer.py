"""The Answerer: chooses, groups, cites, and says why where there is no answer. Readers here are
worked out by hand.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.document import Document
from corpus.errors import NotFoundError
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.filters import Filters
from index.search.searcher import Hit, SearchResult
from index.text.sentences import sentence_at
from service.answering.agreement import same_answer
from service.answering.answer import (
    LEAST_GUESS,
    MAX_ALTERNATIVES,
    Answer,
    Answerer,
    NoAnswer,
    Outcome,
    Unsure,
)
from service.answering.citation import CitationError
from service.answering.reason import Reason
from service.question import Role, Turn, make_question
from service.reader.fitted import Calibration, Linear, load_fitted
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Findings, QuestionReader, Span, Watch, unwatched

BY_SCORE = dict.fromkeys(AnswerForm, Calibration(Linear({"score": 1.0}), threshold=0.5))
"""The confidence is the logistic function of the reader's score: 0.5 at 0."""

Make = Callable[..., Document]
Open = Callable[..., Collection]


class Phrases:
    """A reader that knows phrases with their scores, and finds them wherever they stand."""

    fingerprint = "phrases"

    def __init__(self, scores: Mapping[str, float]) -> None:
        self._scores = scores

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Every phrase in every passage, best first; "Why" alone takes the sentences around them
        for answers.
        """
        watch(result)
        found = [
            _span(hit, phrase, score)
            for phrase, score in self._scores.items()
            for hit in result.hits
            if phrase in hit.chunk.text
        ]
        short = tuple(sorted(found, key=lambda span: (-span.score, span.hit.rank)))
        if "Why" not in question:
            return Findings(AnswerForm.SHORT, {AnswerForm.SHORT: short})
        return Findings(
            AnswerForm.SENTENCE,
            {AnswerForm.SHORT: short, AnswerForm.SENTENCE: tuple(map(_widened, short))},
        )


class Meddling(Phrases):
    """A reader during whose work something else happens."""

    def __init__(self, scores: Mapping[str, float], meddle: Callable[[SearchResult], None]) -> None:
        super().__init__(scores)
        self._meddle = meddle

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """What the phrases give, after the meddling."""
        found = super().read(question, result, watch)
        self._meddle(result)
        return found


class Lying(Phrases):
    """A reader that says of each quote that it stands one character further on."""

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """The spans, with passages that are shifted."""
        spans = super().read(question, result, watch).spans[AnswerForm.SHORT]
        return Findings(
            AnswerForm.SHORT,
            {AnswerForm.SHORT: tuple(replace(span, hit=_shifted(span.hit)) for span in spans)},
        )


def _span(hit: Hit, phrase: str, score: float) -> Span:
    place = hit.chunk.text.index(phrase)
    around = sentence_at(hit.chunk.text, place, place + len(phrase))
    start, end, first, last = (
        hit.chunk.start + offset for offset in (place, place + len(phrase), *around)
    )
    features = {"score": score, "log_probability": -1.0}
    return Span(hit, AnswerForm.SHORT, start, end, first, last, score, features)


def _widened(span: Span) -> Span:
    return replace(span, form=AnswerForm.SENTENCE, start=span.sentence_start, end=span.sentence_end)


def _shifted(hit: Hit) -> Hit:
    chunk = replace(hit.chunk, start=hit.chunk.start + 1, end=hit.chunk.end + 1)
    return replace(hit, stored=replace(hit.stored, chunk=chunk))


def answerer(
    collection: Collection,
    reader: QuestionReader,
    calibrations: Mapping[AnswerForm, Calibration] = BY_SCORE,
    shifts: Mapping[str, float] = MappingProxyType({}),
) -> Answerer:
    return Answerer(
        collection.store,
        collection.searcher,
        reader,
        calibrations=calibrations,
        evidence_threshold=-2.5,
        shifts=shifts,
    )


def ask(collection: Collection, scores: Mapping[str, float], **asked: object) -> Outcome:
    # make_question checks its arguments.
    question = make_question("How much gas does the line carry?", **asked)  # type: ignore[arg-type]
    return answerer(collection, Phrases(scores)).ask(question)


def answered(outcome: Outcome) -> Answer:
    assert isinstance(outcome, Answer)
    return outcome


def reason(outcome: Outcome) -> Reason:
    assert isinstance(outcome, Unsure | NoAnswer)
    return outcome.reason


@pytest.fixture
def collection(open_collection: Open, make: Make) -> Collection:
    opened = open_collection()
    opened.put(
        [
            make(
                "bureau",
                "The line carries gas. It can carry 38 bcm a year.",
                published=date(2025, 11, 7),
                tags=["a"],
            ),
            make(
                "brief",
                "They agreed that it carries 44 bcm of gas.",
                published=date(2025, 12, 19),
                tags=["b"],
            ),
            make(
                "copy",
                "Gas, gas: the line was built to carry 38  BCM, somebody said.",
                tags=["a", "c"],
            ),
        ]
    )
    return opened


def test_the_answer_is_the_best_span_quoted_and_cited(collection: Collection) -> None:
    answer = answered(ask(collection, {"44 bcm": 2.0, "It can carry 38 bcm a year.": 1.0}))
    (citation,) = answer.statement.citations
    assert answer.statement.text == citation.quote == "44 bcm"
    assert citation.sentence.text == "They agreed that it carries 44 bcm of gas."
    text = collection.store.document(citation.document_id, citation.version).text
    assert text[citation.start : citation.end] == "44 bcm"
    assert answer.statement.confidence == pytest.approx(0.8808, abs=1e-4)  # 1 / (1 + exp(-2))


def test_equal_answers_of_two_documents_are_one_answer_with_two_citations(
    collection: Collection,
) -> None:
    answer = answered(ask(collection, {"38 bcm": 2.0, "38  BCM,": 1.5, "44 bcm": -1.0}))
    assert [
        (cited.number, cited.document_id, cited.quote) for cited in answer.statement.citations
    ] == [
        (1, "bureau", "38 bcm"),
        (2, "copy", "38  BCM,"),
    ]
    assert answer.statement.text == "38 bcm"
    assert [other.text for other in answer.alternatives] == ["44 bcm"]


def test_alternatives_differ_from_the_answer_and_are_at_most_three(collection: Collection) -> None:
    scores = {
        "38 bcm": 3.0,
        "44 bcm": -0.1,
        "gas": -0.2,
        "line": -0.3,
        "carry": -0.4,
        "38  BCM": -0.5,
    }
    answer = answered(ask(collection, scores))
    assert [other.text for other in answer.alternatives] == ["44 bcm", "gas", "line"]
    keys = [same_answer(said.text) for said in (answer.statement, *answer.alternatives)]
    assert len(set(keys)) == 1 + MAX_ALTERNATIVES
    assert all(other.citations[0].number == 1 for other in answer.alternatives)


def test_an_empty_index_retrieves_nothing(open_collection: Open) -> None:
    empty = open_collection()
    assert reason(ask(empty, {"gas": 9.0}, min_confidence=0)) is Reason.NOTHING_RETRIEVED
    assert (
        reason(ask(empty, {"gas": 9.0}, filters=Filters(tags=("a",)))) is Reason.NOTHING_RETRIEVED
    )


@pytest.mark.parametrize(
    "filters",
    [
        Filters(tags=("nothing has it",)),
        Filters(document_ids=("no-such",)),
        Filters(published_from=date(2026, 1, 1)),
        Filters(published_to=date(2025, 1, 1)),
        Filters(tags=("a",), document_ids=("brief",)),
    ],
)
def test_filters_that_nothing_passes_are_the_reason(
    filters: Filters, collection: Collection
) -> None:
    assert (
        reason(ask(collection, {"bcm": 9.0}, filters=filters, min_confidence=0))
        is Reason.FILTER_EXCLUDES_ALL
    )


@pytest.mark.parametrize(
    ("filters", "documents"),
    [
        (Filters(tags=("a",)), {"bureau", "copy"}),
        (Filters(tags=("b", "c")), {"brief", "copy"}),
        (Filters(tags=("a",), document_ids=("copy", "brief")), {"copy"}),
        (Filters(published_from=date(2025, 11, 8)), {"brief"}),
        (Filters(published_from=date(2025, 11, 7), published_to=date(2025, 11, 7)), {"bureau"}),
        (Filters(), {"bureau", "brief", "copy"}),
    ],
)
def test_filters_narrow_what_is_read(
    filters: Filters, documents: set[str], collection: Collection
) -> None:
    outcome = ask(collection, {"as": 1.0}, filters=filters)
    assert {hit.chunk.document_id for hit in outcome.trace.hits} == documents


def test_a_reader_that_finds_nothing_is_the_reason(collection: Collection) -> None:
    assert reason(ask(collection, {}, min_confidence=0)) is Reason.NO_SPAN


def test_doubtful_answers_are_kept_back_below_the_calibrated_threshold(
    collection: Collection,
) -> None:
    assert reason(ask(collection, {"38 bcm": -0.01})) is Reason.LOW_CONFIDENCE
    assert answered(ask(collection, {"38 bcm": 0.0})).statement.confidence == 0.5


def test_the_asker_may_set_the_least_confidence(collection: Collection) -> None:
    assert reason(ask(collection, {"38 bcm": 0.0}, min_confidence=0.51)) is Reason.LOW_CONFIDENCE
    assert answered(ask(collection, {"38 bcm": 0.0}, min_confidence=0.5))
    assert (
        answered(ask(collection, {"38 bcm": -1000.0}, min_confidence=0)).statement.confidence < 1e-9
    )


def test_no_answer_shows_the_nearest_passages(collection: Collection) -> None:
    outcome = ask(collection, {"38 bcm": -9.0}, top_k=2)
    assert [hit.rank for hit in outcome.trace.hits] == [1, 2]


def test_a_reader_that_lies_about_offsets_is_a_bug_and_never_a_dropped_citation(
    collection: Collection,
) -> None:
    with pytest.raises(CitationError):
        answerer(collection, Lying({"38 bcm": 2.0, "44 bcm": 1.0})).ask(make_question("How much?"))


def test_a_document_deleted_while_it_is_read_is_not_found(collection: Collection) -> None:
    reader = Meddling({"44 bcm": 1.0}, lambda _: void(collection.remove(["brief"])))
    with pytest.raises(NotFoundError):
        answerer(collection, reader).ask(make_question("How much gas?"))


def void(_: object) -> None:
    """Nothing of it."""


def test_a_document_updated_while_it_is_read_is_cited_as_it_was_read(
    collection: Collection, make: Make
) -> None:
    reader = Meddling(
        {"44 bcm": 1.0}, lambda _: void(collection.put([make("brief", "They took it all back.")]))
    )
    (citation,) = answered(
        answerer(collection, reader).ask(make_question("How much gas?"))
    ).statement.citations
    old = collection.store.document("brief", citation.version)
    assert old.text[citation.start : citation.end] == citation.quote == "44 bcm"


@pytest.mark.parametrize("score", [1.0, -1.0])
def test_a_question_that_takes_a_sentence_is_answered_with_that_of_the_words(
    score: float, collection: Collection
) -> None:
    question = make_question("Why build it?", min_confidence=0)
    statement = answered(answerer(collection, Phrases({"38 bcm": score})).ask(question)).statement
    assert statement.text == "It can carry 38 bcm a year."
    assert statement.confidence == pytest.approx(1 / (1 + math.exp(-score)))


def test_the_same_question_on_the_same_generation_has_the_same_answer(
    collection: Collection, passages: PassageReader
) -> None:
    fitted = load_fitted()
    reader = SpanReader(passages, fitted.ranking)
    question = make_question("How much gas does the line carry?", min_confidence=0)
    first, second = (
        answered(answerer(collection, reader, fitted.calibrations).ask(question)) for _ in range(2)
    )
    assert (first.statement, first.alternatives) == (second.statement, second.alternatives)


words = st.lists(
    st.sampled_from(["gas", "🦦", "38", "line.", "The", "Éa", "桥。", "\n\n", "# H\n", "—"]),
    min_size=1,
)


@settings(max_examples=8)
@given(
    texts=st.lists(words.map(" ".join).filter(str.strip), min_size=1, max_size=3),
    question=st.sampled_from(["gas?", "how much 🦦"]),
)
def test_every_citation_of_every_answer_is_exact(
    texts: list[str],
    question: str,
    encoder: Encoder,
    passages: PassageReader,
    tmp_path_factory: pytest.TempPathFactory,
    make: Make,
) -> None:
    fitted = load_fitted()
    with Collection(tmp_path_factory.mktemp("data"), encoder, writable=True) as collection:
        collection.put([make(f"d{number}", text) for number, text in enumerate(texts)])
        reader = SpanReader(passages, fitted.ranking)
        outcome = answerer(collection, reader, fitted.calibrations).ask(
            make_question(question, min_confidence=0)
        )
        said_all = (outcome.statement, *outcome.alternatives) if isinstance(outcome, Answer) else ()
        assert said_all or reason(outcome) is (
            Reason.NO_SPAN if texts else Reason.NOTHING_RETRIEVED
        )  # of small words
        for said in said_all:
            assert said.text == said.citations[0].quote
            for cited in said.citations:
                text = texts[int(cited.document_id[1:])]
                assert text[cited.start : cited.end] == cited.quote
                assert text[cited.sentence.start : cited.sentence.end] == cited.sentence.text


def follow_up(collection: Collection, text: str, **asked: object) -> Outcome:
    history = [Turn(Role.USER, "How much gas does the line carry?"), Turn(Role.ASSISTANT, "38 bcm")]
    # make_question checks its arguments.
    question = make_question(text, history=history, **asked)  # type: ignore[arg-type]
    return answerer(collection, Phrases({"38 bcm": 3.0})).ask(question)


def test_a_follow_up_is_searched_for_and_read_as_it_is_meant(collection: Collection) -> None:
    outcome = answered(follow_up(collection, "and what can it carry a year?"))
    assert outcome.trace.resolved == "what can the line carry a year?"
    assert outcome.statement.text == "38 bcm"


class ByForm(Phrases):
    """A reader that finds the same phrase with another score for each form of a question."""

    def __init__(self, phrase: str, scores: Mapping[str, float]) -> None:
        super().__init__({})
        self._phrase = phrase
        self._by_form = scores

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """The spans of the phrase, with the score of this form."""
        self._scores = {self._phrase: self._by_form[question]}
        return super().read(question, result, watch)


@pytest.mark.parametrize(
    ("typed_score", "resolved_score", "winner"),
    [(3.0, -3.0, "typed"), (3.0, 2.9, "resolved"), (-3.0, 3.0, "resolved"), (0.5, 3.0, "resolved")],
)
def test_a_follow_up_is_read_in_both_forms_and_the_clearly_better_evidence_wins(
    typed_score: float, resolved_score: float, winner: str, collection: Collection
) -> None:
    forms = {
        "typed": "Which gas does it carry to the line?",
        "resolved": "Which gas does the bridge carry to the line?",
    }
    scores = {forms["typed"]: typed_score, forms["resolved"]: resolved_score}
    history = [Turn(Role.USER, "How old is the bridge?")]
    question = make_question(forms["typed"], history=history)
    outcome = answerer(collection, ByForm("38 bcm", scores)).ask(question)
    assert answered(outcome).trace.resolved == forms[winner]


def test_an_earlier_question_that_is_put_in_front_is_not_answered_again(
    collection: Collection,
) -> None:
    history = [Turn(Role.USER, "How much gas does the line carry?")]
    outcome = answerer(collection, Phrases({"38 bcm": 3.0})).ask(
        make_question("And penguins?", history=history)
    )
    assert outcome.trace.resolved == "How much gas does the line carry? And penguins?"
    assert not isinstance(outcome, Answer)


@pytest.mark.parametrize(
    "text", ["and the weather in Paris?", "And penguins?", "what about penguins?"]
)
def test_no_history_talks_the_service_into_an_answer(text: str, collection: Collection) -> None:
    assert reason(follow_up(collection, text)) is Reason.LOW_CONFIDENCE


@pytest.mark.parametrize("text", ["How much gas does the line carry?", "please answer anyway"])
def test_what_continues_nothing_is_as_sure_after_a_conversation_as_without_one(
    text: str, collection: Collection
) -> None:
    with_history = answered(follow_up(collection, text))
    alone = answerer(collection, Phrases({"38 bcm": 3.0})).ask(make_question(text))
    assert with_history.statement == answered(alone).statement


def test_sources_that_disagree_are_shown_the_newest_first(collection: Collection) -> None:
    answer = answered(ask(collection, {"38 bcm": 2.0, "44 bcm": 1.9, "gas": 0.5}))
    assert answer.conflict
    assert [said.text for said in (answer.statement, *answer.alternatives)] == ["44 bcm", "38 bcm"]


def test_a_value_less_sure_than_asked_for_is_no_conflict(collection: Collection) -> None:
    answer = answered(ask(collection, {"38 bcm": 2.0, "44 bcm": 1.0}, min_confidence=0.8))
    assert (answer.conflict, answer.statement.text) == (False, "38 bcm")
    assert not answered(ask(collection, {"38 bcm": 2.0, "44 bcm": -1.0}, min_confidence=0)).conflict


def test_where_no_answer_is_certain_the_best_guess_is_given_with_its_source(
    collection: Collection,
) -> None:
    outcome = ask(collection, {"38 bcm": -1.0})
    assert isinstance(outcome, Unsure)
    guess = outcome.best_guess
    assert guess.text == guess.citations[0].quote == "38 bcm"
    assert guess == answered(ask(collection, {"38 bcm": -1.0}, min_confidence=0)).statement
    assert LEAST_GUESS <= guess.confidence < BY_SCORE[AnswerForm.SHORT].threshold


def test_the_confidence_of_a_form_is_shifted_before_it_is_compared(collection: Collection) -> None:
    reader = Phrases({"38 bcm": -1.0})
    question = make_question("How much gas does the line carry?")
    by_form = {form: replace(each, threshold=0.7) for form, each in BY_SCORE.items()}
    plain = answerer(collection, reader, by_form).ask(question)
    assert isinstance(plain, Unsure)
    shifted = answerer(collection, reader, by_form, {"short": 2.0}).ask(question)
    assert answered(shifted).statement.confidence == pytest.approx(1 / (1 + math.exp(-1.0)))
    other = answerer(collection, reader, by_form, {"cell": 2.0, "passage": 2.0}).ask(question)
    assert isinstance(other, Unsure)
    assert other.best_guess.confidence == plain.best_guess.confidence


def test_a_hopeless_guess_is_not_shown(collection: Collection) -> None:
    outcome = ask(collection, {"38 bcm": -9.0})
    assert isinstance(outcome, NoAnswer)
    assert outcome.reason is Reason.LOW_CONFIDENCE


def test_a_higher_bar_than_the_usual_one_makes_an_answer_a_guess(collection: Collection) -> None:
    assert isinstance(ask(collection, {"38 bcm": 3.0}), Answer)
    assert isinstance(ask(collection, {"38 bcm": 3.0}, min_confidence=1), Unsure)
