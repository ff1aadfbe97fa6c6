"""The runner asks every question, locates its evidence, and keeps the outcome."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from corpus.document import Document
from eval.measuring.runner import (
    EvidenceSpan,
    QuestionOutcome,
    fingerprint,
    holds_points,
    is_exact,
    run,
)
from eval.sets.question import LabelledEvidence, LabelledQuestion, QuestionSet
from index.encoding.encoder import Encoder
from service.answering.answer import Answer
from service.answering.citation import Citation, CitedSentence
from service.answering.service import AnswerService
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
BRIDGE = (
    "The Otter Bridge crosses the Elm. The Otter Bridge is 212 metres long. Ada Fenwick drew it."
)
LENGTH = "The Otter Bridge is 212 metres long."


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put(
            [
                make("bridge", BRIDGE),
                make("copy", f"Some say: {LENGTH}"),
                make("sea", "The sea is wide."),
            ]
        )
        yield opened


def question(
    *evidence: tuple[str, str | None], answers: tuple[str, ...] = ("212 metres",), id: str = "q"
) -> LabelledQuestion:
    labels = tuple(LabelledEvidence(document, quote) for document, quote in evidence)
    return LabelledQuestion(id, "How long is the Otter Bridge?", answers, labels, bool(answers))


def outcome(service: AnswerService, asked: LabelledQuestion) -> QuestionOutcome:
    (found,) = run(QuestionSet("set", (asked,), (), "d"), service)
    return found


def test_an_outcome_holds_the_best_answer_with_its_confidence_and_citations(
    service: AnswerService,
) -> None:
    found = outcome(service, question(("bridge", LENGTH), ("copy", LENGTH)))
    assert (found.text, found.sentence, found.right, found.exact) == (
        "212 metres",
        LENGTH,
        True,
        True,
    )
    assert 0 < found.confidence < 1
    assert {citation.document_id for citation in found.citations} == {"bridge", "copy"}
    assert all(found.supports(citation) for citation in found.citations)
    assert set(found.timings_ms) == {"retrieve", "read", "total"}


def test_evidence_is_located_where_its_quote_is_now(service: AnswerService, make: Make) -> None:
    service.collection.put([make("bridge", f"News of 2025. {BRIDGE}")])
    (span,) = outcome(service, question(("bridge", LENGTH))).evidence_spans
    assert (span.start, span.end) == (48, 84)


def test_evidence_that_is_no_longer_in_its_document_is_unresolved(
    service: AnswerService, make: Make
) -> None:
    service.collection.put([make("bridge", "The bridge was taken down.")])
    asked = question(("bridge", LENGTH), ("gone", "It is."), ("copy", LENGTH))
    found = outcome(service, asked)
    assert found.unresolved == asked.evidence[:2]
    assert len(found.evidence_spans) == 1


def test_evidence_without_a_quote_is_the_whole_document(service: AnswerService) -> None:
    (span,) = outcome(service, question(("bridge", None))).evidence_spans
    assert (span.start, span.end) == (0, len(BRIDGE))


def test_each_piece_of_evidence_counts_once_where_it_is_first_retrieved(
    service: AnswerService,
) -> None:
    found = outcome(service, question(("bridge", LENGTH), ("copy", LENGTH)))
    assert sorted(number for number in found.retrieved if number >= 0) == [0, 1]
    assert len(found.retrieved) == 3


def test_a_document_in_several_passages_counts_once(service: AnswerService, make: Make) -> None:
    sentences = " ".join(f"The Otter Bridge had {number} boats below it." for number in range(90))
    service.collection.put([make("long", sentences)])
    found = outcome(service, question(("long", None)))
    assert [number for number in found.retrieved if number >= 0] == [0]
    assert len(found.retrieved) > 4  # three short documents, and several passages of the long one


def test_a_quote_that_is_not_in_its_document_is_not_exact(service: AnswerService) -> None:
    answer = service.answerer.ask(make_question("How long is the Otter Bridge?", min_confidence=0))
    assert isinstance(answer, Answer)
    assert is_exact([answer.statement], service)
    first, *others = answer.statement.citations
    moved = first.model_copy(update={"start": first.start + 1, "end": first.end + 1})
    statement = answer.statement.model_copy(update={"citations": (moved, *others)})
    assert not is_exact([statement], service)


def test_an_answer_is_right_if_it_holds_an_accepted_one_or_shares_half_its_words(
    service: AnswerService,
) -> None:
    assert outcome(service, question(answers=("212",))).right  # the answer holds it
    assert outcome(
        service, question(answers=("about 212 metres or so",))
    ).right  # 2 of 5 and 2 of 2 words: 4 / 7
    assert not outcome(service, question(answers=("300 metres long",))).right
    assert not outcome(service, question(answers=())).right


def quote(text: str, words: str) -> Citation:
    """A citation of these words in the document ``rules``."""
    start = text.index(words)
    sentence = CitedSentence(start=0, end=len(text), text=text)
    return Citation(
        number=1,
        document_id="rules",
        version="1",
        title="Rules",
        url=None,
        published=None,
        page=None,
        start=start,
        end=start + len(words),
        quote=words,
        sentence=sentence,
        link="",
    )


def evidence_span(text: str, words: str, is_place: bool = False) -> EvidenceSpan:
    start = text.index(words)
    return EvidenceSpan("rules", start, start + len(words), is_place)


def test_a_point_is_held_only_by_a_quote_from_the_evidence() -> None:
    text = "Pay by card. Rent is paid by card or cash."
    evidence = [evidence_span(text, "Rent is paid by card or cash.")]
    assert holds_points([quote(text, "paid by card")], [("card", "bank card")], evidence)
    assert not holds_points([quote(text, "Pay by card.")], [("card",)], evidence)
    assert not holds_points([quote(text, "Rent is")], [("card",)], evidence)


def test_a_list_is_right_if_it_has_nine_of_ten_items_and_none_from_elsewhere() -> None:
    items = [f"item{number}" for number in range(10)]
    text = f"{' '.join(items)} other"
    evidence = [evidence_span(text, " ".join(items))]
    quotes = [quote(text, item) for item in items]
    points = [(item,) for item in items]
    assert holds_points(quotes[:9], points, evidence)
    assert not holds_points(quotes[:8], points, evidence)
    assert not holds_points([*quotes, quote(text, "other")], points, evidence)


def test_a_cell_is_right_only_if_it_is_quoted_alone() -> None:
    text = "Phone | no | yes | yes"
    last = EvidenceSpan("rules", len(text) - 3, len(text), is_place=True)
    right = quote(text, "yes").model_copy(update={"start": last.start, "end": last.end})
    assert holds_points([right], [("yes",)], [last])
    assert not holds_points([quote(text, "yes")], [("yes",)], [last])  # of another column
    assert not holds_points([quote(text, "yes | yes")], [("yes",)], [last])
    assert not holds_points([right, quote(text, "no")], [("yes",)], [last])


def test_evidence_with_a_text_before_it_is_that_one_place(
    service: AnswerService, make: Make
) -> None:
    service.collection.put([make("plans", "Phone | no | yes | yes")])
    label = LabelledEvidence("plans", "yes", "Phone | no | yes | ")
    asked = replace(question(), evidence=(label,))
    assert outcome(service, asked).evidence_spans == (EvidenceSpan("plans", 19, 22, is_place=True),)


def test_an_outcome_holds_what_is_shown_by_default(service: AnswerService) -> None:
    for text in ("How long is the Otter Bridge?", "Is the sea near the moon?"):
        record = service.ask(make_question(text)).record
        found = outcome(service, replace(question(), text=text))
        shown = record.answer or record.best_guess
        assert found.kind is record.outcome
        assert [each.quote for each in found.quotes] == (
            [each.text for each in shown.quotes] if shown else [found.text]
        )


def test_an_empty_index_gives_an_outcome_without_an_answer(
    tmp_path: Path, encoder: Encoder, passages: PassageReader
) -> None:
    with AnswerService(tmp_path / "empty", encoder, passages, writable=True) as empty:
        found = outcome(empty, question(("bridge", LENGTH)))
    assert (found.text, found.confidence, found.given, found.reason) == (
        "",
        0.0,
        False,
        "nothing_retrieved",
    )
    assert found.unresolved


def test_outcomes_keep_the_order_of_the_questions_and_report_progress(
    service: AnswerService,
) -> None:
    done: list[None] = []
    asked = tuple(question(id=id) for id in "cab")
    found = run(QuestionSet("set", asked, (), "d"), service, lambda: done.append(None))
    assert [each.question.id for each in found] == ["c", "a", "b"]
    assert len(done) == 3


def test_a_fingerprint_changes_with_questions_and_documents_and_nothing_else(
    service: AnswerService, make: Make
) -> None:
    questions = QuestionSet("set", (question(),), (), "digest")
    before = fingerprint(questions, service)
    assert fingerprint(questions, service) == before
    assert (
        fingerprint(QuestionSet("set", (question(),), (), "other"), service)["questions"]
        != before["questions"]
    )
    service.collection.put([make("sea", "The sea is deep.")])
    after = fingerprint(questions, service)
    assert {name for name in after if after[name] != before[name]} == {"documents"}
