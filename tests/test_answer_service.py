"""The service: every answer is kept, and the same question on the same generation gives the same
bytes.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from corpus.document import Document
from corpus.errors import NotFoundError, QuestionError, StoreError
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.filters import Filters, Scope
from index.renewal import built_otherwise
from index.search.searcher import SearchResult
from index.text.chunk import ChunkSettings
from service.answering.answer import Answer
from service.answering.history import AnswerHistory
from service.answering.record import KeptAnswer
from service.answering.service import AnswerService, open_service
from service.question import Role, Turn, make_question
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader
from service.settings import load_settings

Make = Callable[..., Document]


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put(
            [make("gas", "The line carries 38 bcm."), make("peas", "Russia sold many peas.")]
        )
        yield opened


def ask(service: AnswerService, text: str = "What does the line carry?", **asked: object) -> bytes:
    # make_question checks its arguments.
    question = make_question(text, min_confidence=0, **asked)  # type: ignore[arg-type]
    return service.ask(question).body


def id_of(body: bytes) -> str:
    return str(json.loads(body)["id"])


def test_the_same_question_gives_the_same_bytes(service: AnswerService) -> None:
    assert ask(service) == ask(service) == ask(service, "  What does the line carry?\n")


def test_an_answer_is_kept_byte_for_byte(service: AnswerService) -> None:
    body = ask(service)
    assert service.history.find(id_of(body)) == body


@pytest.mark.parametrize(
    "asked",
    [
        {"text": "What do the lines carry?"},
        {"top_k": 1},
        {"filters": Filters(document_ids=("gas",))},
        {"filters": Filters(published_from=date(2025, 1, 1))},
        {"explain": True},
        {"history": [Turn(Role.USER, "What of gas?")]},
        {"conversation_id": "c"},
    ],
)
def test_whatever_is_asked_otherwise_is_another_question(
    asked: dict[str, object], service: AnswerService
) -> None:
    changed = ask(service, **asked)  # type: ignore[arg-type]  # a table of arguments
    assert id_of(changed) != id_of(ask(service))


def test_a_write_makes_the_next_answer_another_one(service: AnswerService, make: Make) -> None:
    before = ask(service)
    service.collection.put([make("news", "Nothing has happened.")])
    after = ask(service)
    assert id_of(after) != id_of(before)
    assert json.loads(after)["generation"] == json.loads(before)["generation"] + 1
    assert service.history.find(id_of(before)) == before


def test_an_answer_outlives_the_process(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    with AnswerService(tmp_path, encoder, passages, writable=True) as first:
        first.collection.put([make("gas", "The line carries 38 bcm.")])
        body = ask(first)
    with AnswerService(tmp_path, encoder, passages, writable=False) as second:
        assert AnswerHistory(second.collection.store.database).find(id_of(body)) == body
        assert ask(second) == body


def test_an_answer_that_shows_a_deleted_document_is_gone(service: AnswerService) -> None:
    both, one = ask(service), ask(service, filters=Filters(document_ids=("peas",)))
    service.collection.remove(["gas"])
    assert service.history.find(id_of(both)) is None
    assert service.history.find(id_of(one)) == one


def test_an_answer_that_shows_an_updated_document_stays(service: AnswerService, make: Make) -> None:
    body = ask(service)
    service.collection.put([make("gas", "The line carries 44 bcm.")])
    assert service.history.find(id_of(body)) == body


def test_a_record_says_what_its_bytes_say(service: AnswerService) -> None:
    questions = [
        make_question("What does the line carry?", min_confidence=0, explain=True),
        make_question("Who sold it?", min_confidence=0, conversation_id="c"),
        make_question("What does the line carry?", min_confidence=1),
    ]
    for question in questions:
        fresh = service.ask(question)
        assert fresh.record.body() == fresh.body
        assert service.kept_answer(fresh.record.id) == KeptAnswer.parse(fresh.body) == fresh


def test_passages_that_were_read_name_their_best_sentence(service: AnswerService) -> None:
    record = service.ask(make_question("What does the line carry?", min_confidence=0)).record
    for passage in record.passages:
        assert passage.best_sentence is not None
        assert passage.start <= passage.best_sentence.start < passage.best_sentence.end
        assert passage.best_sentence.end <= passage.end
    assert '"best_sentence":{"start":' in record.body().decode()


def test_found_passages_that_nobody_read_say_nothing_of_a_best_sentence(
    service: AnswerService,
) -> None:
    found = service.search(make_question("What does the line carry?"))
    assert found.passages
    assert "best_sentence" not in found.model_dump_json()


def test_scores_and_confidences_are_given_to_four_decimal_places(service: AnswerService) -> None:
    question = make_question("What does the line carry?", min_confidence=0, explain=True)
    outcome, record = service.answerer.ask(question), service.ask(question).record
    assert isinstance(outcome, Answer)
    assert record.answer is not None
    assert record.explanation is not None
    hit, (passage, *_) = outcome.trace.hits[0], record.passages
    (explained, *_) = record.explanation["passages"]
    span = outcome.trace.findings.spans[AnswerForm.SHORT][0]
    shown = next(each for each in record.explanation["spans"] if each["kind"] == AnswerForm.SHORT)
    exact_and_given = [
        (outcome.statement.confidence, record.answer.confidence),
        *(
            (exact.confidence, given.confidence)
            for exact, given in zip(outcome.alternatives, record.alternatives, strict=True)
        ),
        (hit.score, passage.score),
        (hit.score, explained["score"]),
        (hit.fused.dense_score, explained["dense_score"]),
        (hit.fused.lexical_score, explained["lexical_score"]),
        (span.score, shown["score"]),
        *((span.features[name], shown["features"][name]) for name in span.features),
    ]
    # Derived by decimal arithmetic, not by the code under test.
    assert [given for _, given in exact_and_given] == [
        float(f"{exact:.4f}") for exact, _ in exact_and_given
    ]
    assert any(exact != given for exact, given in exact_and_given)
    assert {round(spent, 1) for spent in record.timings_ms.values()} == set(
        record.timings_ms.values()
    )


def test_a_document_deleted_while_it_is_read_leads_to_another_attempt(
    service: AnswerService,
) -> None:
    generations = []

    def delete_once(result: SearchResult) -> None:
        generations.append(result.generation)
        if len(generations) == 1:
            service.collection.remove(["gas"])

    record = service.ask(make_question("Who sold peas?", min_confidence=0), delete_once).record
    assert {passage.document_id for passage in record.passages} == {"peas"}
    assert record.generation == generations[-1] == generations[0] + 1


def test_deleting_documents_faster_than_they_are_quoted_is_an_error(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    with AnswerService(tmp_path, encoder, passages, writable=True, patience_s=0) as service:
        service.collection.put([make(f"d{number}", "It carries 38 bcm.") for number in range(9)])

        def delete_best(result: SearchResult) -> None:
            service.collection.remove([hit.chunk.document_id for hit in result.hits[:1]])

        with pytest.raises(StoreError, match="ask again"):
            service.ask(make_question("What does it carry?", min_confidence=0), delete_best)


def test_feedback_names_the_right_place_by_its_words(service: AnswerService) -> None:
    id = id_of(ask(service))
    assert service.give_feedback(id, False, "wrong", ("gas", 17, 23)) == 1
    assert service.give_feedback(id, True, None, None) == 2


@pytest.mark.parametrize(("start", "end"), [(0, 25), (5, 5), (6, 5), (24, 25), (100, 200)])
def test_feedback_on_a_place_outside_the_document_is_refused(
    start: int, end: int, service: AnswerService
) -> None:
    id = id_of(ask(service))
    with pytest.raises(QuestionError, match="which has 24 characters") as refused:
        service.give_feedback(id, False, None, ("gas", start, end))
    assert refused.value.field == "correct"


def test_feedback_on_an_unknown_answer_or_document_is_refused(service: AnswerService) -> None:
    with pytest.raises(NotFoundError, match="no stored answer 'nope'"):
        service.give_feedback("nope", True, None, None)
    with pytest.raises(NotFoundError, match="no document 'nope'"):
        service.give_feedback(id_of(ask(service)), True, None, ("nope", 0, 1))


def test_one_desk_writes_and_others_read_meanwhile(
    service: AnswerService, tmp_path: Path, encoder: Encoder, passages: PassageReader
) -> None:
    with pytest.raises(StoreError, match="another process writes"):
        AnswerService(tmp_path / "data", encoder, passages, writable=True)
    with AnswerService(tmp_path / "data", encoder, passages, writable=False) as reader:
        assert ask(reader) == ask(service)


def test_the_id_of_an_answer_is_a_hash_of_the_question_and_its_scope(
    service: AnswerService,
) -> None:
    body = json.loads(ask(service))
    assert "conversation_id" not in body
    asked = make_question("What does the line carry?", min_confidence=0)
    asked = replace(asked, filters=asked.filters.within(Scope(frozenset(("default",)))))
    parts = {name: value for name, value in asdict(asked).items() if name != "conversation_id"}
    hashed = json.dumps(
        [parts, body["generation"], service.fingerprint],
        sort_keys=True,
        default=lambda value: sorted(value) if isinstance(value, frozenset) else str(value),
    )
    assert body["id"] == hashlib.sha256(hashed.encode()).hexdigest()[:32]


def test_a_conversation_outlives_the_process_and_expires(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Make
) -> None:
    def resolved(hours: float) -> str:
        with AnswerService(
            tmp_path, encoder, passages, writable=False, conversation_hours=hours
        ) as opened:
            return str(
                json.loads(ask(opened, "Where is it?", conversation_id="c"))["resolved_question"]
            )

    with AnswerService(tmp_path, encoder, passages, writable=True) as first:
        first.collection.put([make("gas", "The Otter Line carries 38 bcm.")])
        ask(first, "How long is the Otter Line?", conversation_id="c")
    assert resolved(hours=-1) == "Where is it?"
    with AnswerService(tmp_path, encoder, passages, writable=True) as again:
        ask(again, "How long is the Otter Line?", conversation_id="c")
    assert resolved(hours=24) == "Where is the Otter Line?"


def test_a_conversation_forgets_an_exchange_whose_document_was_deleted(
    service: AnswerService,
) -> None:
    first = json.loads(ask(service, "Who sold peas?", conversation_id="c"))
    assert first["answer"] is not None
    store = service.collection.store
    long_ago = datetime.now(UTC) - timedelta(days=1)
    assert AnswerHistory(store.database).exchanges("c", 9, long_ago)[0].answer is not None
    service.collection.remove(["peas"])
    assert AnswerHistory(store.database).exchanges("c", 9, long_ago) == []
    assert (
        json.loads(ask(service, "Who sold it?", conversation_id="c"))["question"] == "Who sold it?"
    )


class Recording:
    """An encoder that remembers what it was given."""

    def __init__(self, encoder: Encoder) -> None:
        self.identity = encoder.identity
        self._encoder = encoder
        self.texts: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts.extend(texts)
        return self._encoder.encode(texts)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        return self._encoder.token_spans(texts)


def test_a_follow_up_is_understood_by_the_encoder_that_searches(
    service: AnswerService, toy_encoder: Callable[..., Encoder]
) -> None:
    recording = Recording(toy_encoder(name="other"))
    ask(service, "What does the line carry?", conversation_id="c")
    service.renew(recording, "other")
    wait_for(lambda: service.collection.searcher.encoder is recording)
    ask(service, "And the port?", conversation_id="c")
    assert "line" in recording.texts  # compared with what takes its place


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_desk_answers_while_its_index_is_embedded_anew_and_then_with_the_new_encoder(
    service: AnswerService, toy_encoder: Callable[..., Encoder]
) -> None:
    before, fingerprint = json.loads(ask(service)), service.fingerprint
    service.renew(toy_encoder(dimension=32, name="other"), "other")
    while service.collection.searcher.encoder.identity.name == "toy":
        assert json.loads(ask(service))["citations"] == before["citations"]
    after = json.loads(ask(service))
    assert after["citations"] == before["citations"]  # how sure it is depends on the encoder
    assert (after["generation"] > before["generation"], service.fingerprint != fingerprint) == (
        True,
        True,
    )
    assert service.collection.verify() == []


def test_a_desk_that_is_closed_leaves_what_it_began_for_the_next(
    tmp_path: Path,
    encoder: Encoder,
    toy_encoder: Callable[..., Encoder],
    passages: PassageReader,
    make: Make,
) -> None:
    other = toy_encoder(dimension=32, name="other")
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as first:
        first.collection.put([make(str(number)) for number in range(5)])
        first.renew(other, "other")
    renewed = (
        first.collection.searcher.encoder is other
    )  # it may have been quicker than the closing
    with AnswerService(
        tmp_path / "data", other if renewed else encoder, passages, writable=True
    ) as second:
        assert (second.collection.verify(), len(list(second.collection.documents()))) == ([], 5)


def test_an_index_that_was_cut_otherwise_is_served_while_it_is_cut_anew(
    tmp_path: Path, real_encoder: Encoder, make: Make
) -> None:
    settings = load_settings(data_dir=tmp_path / "data")
    text = (
        "The Amur line is 3,000 kilometres long. It carries 38 bcm of gas a year, and was "
        "opened in 2019."
    )
    with Collection(
        settings.data_dir, real_encoder, writable=True, settings=ChunkSettings(max_tokens=20)
    ) as built:
        built.put([make("amur", text)])
        assert len(built.store.chunk_ids()) == 2
    with pytest.raises(StoreError, match="run quoth rebuild, or quoth serve"):
        open_service(settings, writable=False)
    with open_service(settings, writable=True, renewing=True) as service:
        assert (
            json.loads(ask(service, "How long is the Amur line?"))["answer"]["text"]
            == "3,000 kilometres"
        )
        wait_for(lambda: service.collection.generation > 1)
        assert (
            json.loads(ask(service, "How long is the Amur line?"))["answer"]["text"]
            == "3,000 kilometres"
        )
        assert (service.collection.verify(), len(service.collection.store.chunk_ids())) == ([], 1)
    with open_service(settings, writable=False) as reader:
        assert len(reader.collection.store.chunk_ids()) == 1


@pytest.mark.parametrize("part", ["sentences", "chunk"])
def test_an_index_that_other_code_has_cut_is_served_while_it_is_renewed(
    tmp_path: Path,
    encoder: Encoder,
    passages: PassageReader,
    make: Make,
    monkeypatch: pytest.MonkeyPatch,
    part: str,
) -> None:
    folder = tmp_path / "data"
    with Collection(folder, encoder, writable=True) as built:
        built.put([make("amur", "The Amur line is 3,000 kilometres long.")])
    monkeypatch.setattr(f"index.text.{part}.REVISION", 99)
    former = built_otherwise(folder, encoder)
    assert former is not None
    with AnswerService(
        folder, encoder, passages, writable=True, revisions=former.revisions
    ) as service:
        before = service.collection.generation
        assert json.loads(ask(service, "How long is the Amur line?"))["passages"]
        service.renew(encoder, "toy")
        wait_for(lambda: service.collection.generation > before)
        assert json.loads(ask(service, "How long is the Amur line?"))["passages"]
    with Collection(folder, encoder, writable=False) as renewed:
        assert renewed.verify() == []
        assert built_otherwise(folder, encoder) is None


def test_an_answer_from_a_table_is_a_cell_cited_with_its_row_and_column(
    service: AnswerService, make: Make
) -> None:
    text = "Vehicle | Driver\nRed lorry | Maja Sten\nBlue van | Tom Weber"
    service.collection.put([make("vehicles", text)])
    question = make_question(
        "Who drives the blue van?", min_confidence=0, filters=Filters(document_ids=("vehicles",))
    )
    answer = service.ask(question).record
    citations = [*answer.citations]
    for alternative in answer.alternatives:
        citations += alternative.citations
    cells = {"Red lorry", "Maja Sten", "Blue van", "Tom Weber"}
    assert {citation.quote for citation in citations} <= cells
    (driver,) = [citation for citation in citations if citation.quote == "Tom Weber"]
    cell = driver.cell
    assert cell is not None
    assert (cell.row, cell.column) == ("Blue van", "Driver")
    assert text[cell.row_start : cell.row_end] == "Blue van"
    assert text[cell.column_start : cell.column_end] == "Driver"
