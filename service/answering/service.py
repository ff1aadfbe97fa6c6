"""The service that all channels share: one open collection with its Answerer and stored answers."""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from corpus.document import DEFAULT_COLLECTION
from corpus.errors import NotFoundError, QuestionError, QuothError, SettingsError, StoreError
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.filters import EVERYTHING, Scope
from index.renewal import Renewal, built_otherwise
from index.store.collections import no_collection
from index.store.store import Store
from index.text.chunk import ChunkSettings
from service.answering.answer import Answer, Answerer
from service.answering.history import AnswerHistory, Exchange, no_answer
from service.answering.record import AnswerRecord, DocumentRecord, KeptAnswer, RetrievedPassages
from service.answering.retention import Housekeeping, Retention
from service.answering.small_talk import REPLIES, SmallTalk, small_talk, without_small_talk
from service.answering.storage import APPLICATION_DATA
from service.question import MAX_TURNS, Question, Role, Turn
from service.reader.factory import load_passage_reader
from service.reader.fitted import Calibration, Fitted, IndexCalibration, load_fitted
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Watch, unwatched
from service.settings import CONVERSATION_HOURS, Settings

MAX_EXCHANGES = MAX_TURNS // 2
"""The number of exchanges of a conversation that are used: as many as a client may send."""

_ID_LENGTH = 32
_LOG_EVERY_S = 60.0
PATIENCE_S = 10.0
"""How long a question is retried while documents that it uses are deleted."""

Observer = Callable[[str, Mapping[str, float]], None]
"""Called for every question with its outcome ("answered", "small_talk", the reason for a refusal,
or "failed") and the milliseconds of each stage, which are empty if the answer was stored already
or nothing was searched.
"""

ANSWERED = "answered"
SMALL_TALK = "small_talk"
FAILED = "failed"

log = logging.getLogger("quoth")


class AnswerService:
    """Answers questions and stores the answers. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        passages: PassageReader,
        *,
        writable: bool,
        chunking: ChunkSettings | None = None,
        revisions: Mapping[str, int] | None = None,
        conversation_hours: float = CONVERSATION_HOURS,
        patience_s: float = PATIENCE_S,
        retention: Retention | None = None,
    ) -> None:
        """Open the data folder.

        :param revisions: the revisions of the code that the index was built with, to serve it
            until it is renewed
        :param conversation_hours: how long a conversation is kept after its last question
        :param retention: what is kept of answers and former versions
        :raises StoreError: it is being written by another process, damaged, or built with other
            settings
        """
        retention = retention or Retention()
        fitted = load_fitted()
        self.passages, self.reader = passages, SpanReader(passages, fitted.ranking)
        self.collection = Collection(
            folder,
            encoder,
            writable=writable,
            settings=chunking,
            revisions=revisions,
            application=APPLICATION_DATA,
            keep_versions=retention.versions,
            keep_originals=retention.originals,
        )
        self.history = AnswerHistory(self.collection.store.database, retention.answers_bytes)
        self.housekeeping = Housekeeping(self.collection, self.history, retention)
        self._renewal: Renewal | None = None
        self._renewing: threading.Thread | None = None
        calibrations, numbers = _calibrations(
            self.collection.store, fitted, passages.digest, encoder
        )
        self.answerer = Answerer(
            self.collection.store,
            self.collection.searcher,
            self.reader,
            calibrations=calibrations,
            evidence_threshold=fitted.evidence_threshold,
            shifts=fitted.shifts,
        )
        self.observers: list[Observer] = []
        self._unkept = _UnkeptAnswers()
        self._conversation_age = timedelta(hours=conversation_hours)
        self._patience_s = patience_s
        self._version, self._numbers = (
            version("quoth"),
            f"{numbers} {fitted.evidence_threshold} {dict(fitted.shifts)}",
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.housekeeping.stop()
        if self._renewal is not None and self._renewing is not None:
            self._renewal.stop()
            self._renewing.join()
        self.collection.close()

    @property
    def fingerprint(self) -> str:
        """Changes with everything that an answer depends on, except documents and question."""
        encoder = json.dumps(self.collection.searcher.encoder.identity.as_dict())
        parts = (self._version, encoder, self.reader.fingerprint, self._numbers)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def renew(self, encoder: Encoder, source: str) -> None:
        """Embed the documents again with another encoder in the background, and answer with it
        once that is done.

        :param source: the name or path that the encoder was loaded from
        :raises StoreError: the disk is full
        """
        self._renewal = Renewal(self.collection.folder, self.collection.store, encoder, source)
        self._renewing = threading.Thread(
            target=self._renew, args=(self._renewal,), name="renewal", daemon=True
        )
        self._renewing.start()

    def _renew(self, renewal: Renewal) -> None:
        try:
            renewal.run(self.collection)
        except QuothError as exc:
            log.error("the index could not be renewed, and the old one stays in use: %s", exc)

    def ask(
        self, question: Question, watch: Watch = unwatched, scope: Scope = EVERYTHING
    ) -> KeptAnswer:
        """The answer, stored under its id.

        An answer depends only on the question and on the state of the collection: the same
        question on the same generation gives the bytes that were stored the first time. With a
        ``conversation_id``, the earlier exchanges of that conversation in the same scope are the
        history, and this one is added to them. If nothing can be stored, because the disk is full
        or another process keeps the database busy, the answer is given all the same, and its id is
        unknown later.

        :param watch: called with the passages before they are read, unless the answer is stored
            already; an exception that it raises stops the work
        :param scope: what the person who asks may know of
        :raises NotFoundError: there is no such collection in the scope
        :raises QuothError: the index cannot be searched
        """
        try:
            question = self._within(question, scope)
            if question.conversation_id is None:
                return self._ask(question, watch)
            expired = datetime.now(UTC) - self._conversation_age
            conversation = _conversation_key(question.conversation_id, scope)
            exchanges = [
                # The rights may have changed since.
                exchange
                if self._may_see(exchange.answer_id, scope)
                else replace(exchange, answer=None)
                for exchange in self.history.exchanges(conversation, MAX_EXCHANGES, expired)
            ]
            kept = self._ask(replace(question, history=tuple(_turns(exchanges))), watch)
            if kept.record.reply is not None:
                return kept  # It is no turn that a follow-up question may mean.
            try:
                self.history.add_exchange(
                    conversation, question.text, kept.record.id, expired=expired
                )
            except StoreError as exc:
                self._unkept.report(exc)  # The next question will not know of this one.
            return kept
        except Exception:
            self._observe(FAILED, {})
            raise

    def kept_answer(self, answer_id: str, scope: Scope = EVERYTHING) -> KeptAnswer | None:
        """The answer stored under an id; None if there is none, or a document that it showed was
        deleted or is not in the scope.
        """
        body = self.history.find(answer_id)
        if body is None or not self._may_see(answer_id, scope):
            return None
        return KeptAnswer.parse(body)

    def _may_see(self, answer_id: str, scope: Scope) -> bool:
        """Whether all documents that an answer shows are in a scope now."""
        if scope == EVERYTHING:
            return True
        shown = self.history.shown(answer_id)
        return len(self.collection.store.within(scope).summaries(shown)) == len(shown)

    def search(self, question: Question, scope: Scope = EVERYTHING) -> RetrievedPassages:
        """The passages that match a question best.

        :param scope: what the person who asks may know of
        :raises NotFoundError: there is no such collection in the scope
        :raises QuothError: the index cannot be searched
        """
        self.collection.keep_up()
        question = self._within(question, scope)
        return RetrievedPassages.of(
            self.collection.searcher.search(question.text, question.top_k, question.filters)
        )

    def document(
        self, document_id: str, version: str | None = None, scope: Scope = EVERYTHING
    ) -> DocumentRecord:
        """A document with its text, in the given version or the current one.

        :param scope: other documents do not exist for this
        :raises NotFoundError: there is no such document or version
        """
        store = self.collection.store.within(scope)
        document = store.document(document_id, version)
        summary = store.summary(document_id)
        if summary is None:
            raise NotFoundError(f"there is no document {document_id!r}")
        return DocumentRecord.of(summary, document)

    def asked_scope(self, named: frozenset[str] | None, scope: Scope) -> Scope:
        """The part of a scope that is asked.

        :param named: the collections that the question names. Without them, the default one is
            asked, or if that is not in the scope, every collection in it
        :raises NotFoundError: a named collection is not in the scope
        """
        if named is None:
            own = scope.collections
            has_default = own is None or DEFAULT_COLLECTION in own
            named = frozenset((DEFAULT_COLLECTION,)) if has_default or own is None else own
        elif scope.collections is not None and (hidden := named - scope.collections):
            raise no_collection(min(hidden))
        return scope.within(Scope(named))

    def _within(self, question: Question, scope: Scope) -> Question:
        """The question as it is asked of a scope: of some collections, with their threshold if
        they have one of their own.
        """
        asked = self.asked_scope(question.filters.collections, scope)
        thresholds = self.collection.store.require_collections(asked.collections or frozenset())
        own = [threshold for threshold in thresholds.values() if threshold is not None]
        floor = question.min_confidence
        return replace(
            question,
            filters=question.filters.within(asked),
            min_confidence=max(own) if floor is None and own else floor,
        )

    def _ask(self, question: Question, watch: Watch) -> KeptAnswer:
        self.collection.keep_up()
        deadline = time.monotonic() + self._patience_s
        while True:
            kept = self.kept_answer(self._answer_id(question, self.collection.generation))
            if kept is not None:
                self._observe(_label(kept.record), {})
                return kept
            try:
                return self._answer(question, watch)
            except NotFoundError as exc:
                # A document was deleted while it was being read, quoted or stored. The next attempt
                # does not see it. Nothing else retries for this reason.
                if time.monotonic() > deadline:
                    raise StoreError(
                        "documents are deleted faster than they can be quoted; ask again"
                    ) from exc

    def _answer(self, question: Question, watch: Watch) -> KeptAnswer:
        record = self._record(question, watch)
        label, took_ms = _label(record), record.timings_ms["total"]
        log.info("%s %s, %d passages, %.0f ms", record.id, label, len(record.passages), took_ms)
        log.debug("%s was asked %r", record.id, question.text)
        body = record.body()
        shown = {passage.document_id: passage.version for passage in record.passages}
        try:
            kept = self.history.save(record.id, question.text, body, shown)
        except StoreError as exc:
            # A full disk must not stop answers. This one is given, and cannot be opened later.
            self._unkept.report(exc)
            kept = body
        self._observe(label, {} if record.reply else record.timings_ms)
        # Somebody may have asked the same question meanwhile. The answer stored first is returned.
        return KeptAnswer(record, body) if kept == body else KeptAnswer.parse(kept)

    def _record(self, question: Question, watch: Watch) -> AnswerRecord:
        """The record of a new question, or of the reply to a message that is none."""
        kind, generation = small_talk(question.text), self.collection.generation
        # What people ask about Quoth may be what a document is about: that answer comes first.
        if kind is None or kind is SmallTalk.ABOUT_QUOTH:
            outcome = self.answerer.ask(without_small_talk(question), watch)
            generation = outcome.trace.generation
            if kind is None or isinstance(outcome, Answer):
                record = AnswerRecord.of(self._answer_id(question, generation), outcome)
                return record.model_copy(update={"question": question.text})
        answer_id = self._answer_id(question, generation)
        return AnswerRecord.replying(answer_id, question, REPLIES[kind], generation)

    def give_feedback(
        self,
        answer_id: str,
        helpful: bool,
        comment: str | None,
        correct: tuple[str, int, int] | None,
        scope: Scope = EVERYTHING,
    ) -> int:
        """Store feedback on an answer.

        :param correct: document id, start and end of the right answer
        :param scope: other documents do not exist for this
        :return: the id of the feedback
        :raises NotFoundError: there is no such answer or document
        :raises QuestionError: the span of the right answer is outside its document
        """
        if not self._may_see(answer_id, scope):
            raise no_answer(answer_id)
        store = self.collection.store.within(scope)
        location: dict[str, object] | None = None
        if correct is not None:
            document_id, start, end = correct
            document = store.document(document_id)
            if not start < end <= len(document.text):
                raise QuestionError(
                    f"{start}-{end} is not a span of document {document_id!r}, which has "
                    f"{len(document.text)} characters",
                    "correct",
                )
            quote = document.text[start:end]
            location = {
                "document_id": document_id,
                "version": document.version,
                "start": start,
                "end": end,
                "quote": quote,
            }
        return self.history.add_feedback(answer_id, helpful, comment, location)

    def _observe(self, label: str, timings_ms: Mapping[str, float]) -> None:
        for observer in self.observers:
            observer(label, timings_ms)

    def _answer_id(self, question: Question, generation: int) -> str:
        parts = asdict(question)
        if question.conversation_id is None:
            del parts["conversation_id"]
        key = json.dumps([parts, generation, self.fingerprint], sort_keys=True, default=_plain)
        return hashlib.sha256(key.encode()).hexdigest()[:_ID_LENGTH]


def _plain(value: object) -> object:
    """A part of a question as JSON has it."""
    # The order of a set differs between processes.
    return sorted(value) if isinstance(value, frozenset) else str(value)


class _UnkeptAnswers:
    """Logs that answers cannot be kept, but not for every question. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._silent_until_s = 0.0
        self._unreported = 0

    def report(self, exc: StoreError) -> None:
        """Log why an answer or an exchange of a conversation was not kept."""
        with self._lock:
            self._unreported += 1
            now_s = time.monotonic()
            if now_s < self._silent_until_s:
                return
            count, self._unreported = self._unreported, 0
            self._silent_until_s = now_s + _LOG_EVERY_S
        log.error("%s; answers are given without being kept (%d since the last line)", exc, count)


def _label(record: AnswerRecord) -> str:
    """The outcome of a question, as observers are told it."""
    return SMALL_TALK if record.reply is not None else record.reason or ANSWERED


def _conversation_key(conversation_id: str, scope: Scope) -> str:
    """The name under which a conversation is kept. Each scope has conversations of its own: what
    was said in one of them may quote documents that another may not know of.
    """
    if scope == EVERYTHING:
        return conversation_id
    parts = json.dumps(asdict(scope), sort_keys=True, default=_plain)
    return f"{conversation_id} {hashlib.sha256(parts.encode()).hexdigest()}"


def _turns(exchanges: Iterable[Exchange]) -> Iterator[Turn]:
    """The history that a client would send: each question, and the text of its answer if it has
    one.
    """
    for exchange in exchanges:
        yield Turn(Role.USER, exchange.question)
        if exchange.answer is not None:
            answer = KeptAnswer.parse(exchange.answer).record.answer
            if answer is not None:
                yield Turn(Role.ASSISTANT, answer.text)


def _calibrations(
    store: Store, fitted: Fitted, reader: str, encoder: Encoder
) -> tuple[Mapping[AnswerForm, Calibration], str]:
    """The index's own calibration if it has one for this reader and this encoder, else the one that
    ships with Quoth.

    :return: the calibrations, and a text that changes whenever their numbers do
    """
    stored = store.calibration()
    if stored is not None:
        own = IndexCalibration.parse(stored)
        if own.is_for(reader, encoder.identity.as_dict()):
            return own.calibrations, json.dumps(stored, sort_keys=True)
        log.warning(
            "the index's own calibration was fitted for another reader or encoder and is not used: "
            "run quoth eval calibrate"
        )
    if fitted.reader != reader:
        log.warning(
            "confidence was calibrated for another reader and is only a guess: run quoth eval "
            "calibrate"
        )
    return fitted.calibrations, fitted.fingerprint


def open_collection(settings: Settings, *, writable: bool) -> Collection:
    """The collection that the settings describe, for work that needs no reader.

    :raises SettingsError: the encoder is missing or damaged
    :raises StoreError: the data folder cannot be opened
    """
    collection = Collection(
        settings.data_dir,
        _encoder(settings, settings.encoder),
        writable=writable,
        application=APPLICATION_DATA,
        keep_versions=settings.keep_versions,
        keep_originals=settings.keep_originals,
    )
    _record_source(collection, settings, writable)
    return collection


def open_service(settings: Settings, *, writable: bool, renewing: bool = False) -> AnswerService:
    """The service that the settings describe.

    :param renewing: whether to serve an index that was built with other settings and to renew it in
        the background, instead of refusing it
    :raises SettingsError: the encoder or the reader is missing or damaged
    :raises StoreError: the data folder cannot be opened
    """
    encoder = _encoder(settings, settings.encoder)
    passages = load_passage_reader(settings.reader, settings.threads)
    former = _former(settings, encoder) if renewing else None
    built = former or _Built(encoder, ChunkSettings(), None)
    service = AnswerService(
        settings.data_dir,
        built.encoder,
        passages,
        writable=writable,
        chunking=built.chunking,
        revisions=built.revisions,
        conversation_hours=settings.conversation_hours,
        retention=Retention.of(settings),
    )
    if writable:
        service.housekeeping.start()
    if former is None:
        _record_source(service.collection, settings, writable)
    else:
        log.warning(
            "the index was built with other settings: it answers as it is, and is renewed in the "
            "background"
        )
        service.renew(encoder, settings.encoder)
    return service


@dataclass(frozen=True, slots=True)
class _Built:
    """The loaded encoder and the settings that an index was built with."""

    encoder: Encoder
    chunking: ChunkSettings
    revisions: Mapping[str, int] | None


def _former(settings: Settings, encoder: Encoder) -> _Built | None:
    """What the index was built with, if that differs from the settings and is still available."""
    built = built_otherwise(settings.data_dir, encoder)
    if built is None:
        return None
    try:
        encoder_then = _encoder(settings, built.source)
    except SettingsError:
        return None
    if encoder_then.identity.as_dict() != built.identity:
        return None
    return _Built(encoder_then, built.chunking, built.revisions)


def _encoder(settings: Settings, source: str) -> Encoder:
    return load_encoder(source, settings.models_dir, settings.threads)


def _record_source(collection: Collection, settings: Settings, writable: bool) -> None:
    """Record what the encoder was loaded from, so that a later process can serve with it during a
    renewal.
    """
    if writable and collection.store.encoder_source() != settings.encoder:
        collection.store.set_encoder_source(settings.encoder)
