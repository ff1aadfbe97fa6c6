"""The desk: one opened collection with its Answerer, and every answer kept. All ways in share it."""

import hashlib
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Self

from corpus.errors import NotFoundError, QuestionError, QuothError, SettingsError, StoreError
from index.chunk import ChunkSettings
from index.collection import Collection
from index.embed import Encoder, load_encoder
from index.renewal import Renewal, built_otherwise
from index.store import Store
from service.answer import Answer, Answerer
from service.confidence import Calibration, Fitted, load_fitted, parse_calibrations
from service.question import Question
from service.reader.load import load_passage_reader
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Kind
from service.schemas import AskResponse
from service.settings import Settings

_ID_LENGTH = 32
_ATTEMPTS = 5

log = logging.getLogger("quoth")


class Desk:
    """Questions in, kept answers out. Thread-safe."""

    def __init__(
        self,
        folder: Path,
        encoder: Encoder,
        passages: PassageReader,
        *,
        writable: bool,
        chunking: ChunkSettings | None = None,
    ) -> None:
        """Open the data folder.

        :raises StoreError: it is being written by another process, damaged, or built with other settings
        """
        fitted = load_fitted()
        self.passages, self.reader = passages, SpanReader(passages, fitted.ranking)
        self.collection = Collection(folder, encoder, writable=writable, settings=chunking)
        self._renewal: Renewal | None = None
        self._renewing: threading.Thread | None = None
        calibrations, numbers = _calibrations(self.collection.store, fitted, passages.digest)
        self.answerer = Answerer(self.collection.store, self.collection.searcher, self.reader, calibrations)
        self._numbers = numbers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._renewal is not None and self._renewing is not None:
            self._renewal.stop()
            self._renewing.join()
        self.collection.close()

    @property
    def fingerprint(self) -> str:
        """What an answer depends on, besides the documents and the question."""
        encoder = json.dumps(self.collection.searcher.encoder.identity.as_dict())
        parts = (version("quoth"), encoder, self.reader.fingerprint, self._numbers)
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()

    def renew(self, encoder: Encoder, source: str) -> None:
        """Have the documents embedded anew with another encoder in the background, and answer with it once they are.

        :param source: what the encoder was loaded from
        :raises StoreError: the disk is full
        """
        self._renewal = Renewal(self.collection.folder, self.collection.store, encoder, source)
        self._renewing = threading.Thread(target=self._renew, args=(self._renewal,), name="renewal", daemon=True)
        self._renewing.start()

    def _renew(self, renewal: Renewal) -> None:
        try:
            renewal.run(self.collection)
        except QuothError as exc:
            log.error("the index could not be embedded anew, and serves on as it was: %s", exc)

    def ask(self, question: Question) -> bytes:
        """The answer as JSON (:class:`service.schemas.AskResponse`), kept under its id.

        An answer is a function of the question and of what it was asked of: the same question on the same generation
        gives the same bytes, those that were kept the first time.

        :raises QuothError: the index cannot be searched
        """
        for _ in range(_ATTEMPTS):
            kept = self.collection.store.find_answer(self._id(question, self.collection.generation))
            if kept is not None:
                return kept
            try:
                return self._answer(question)
            except NotFoundError:
                continue  # a document that it shows was deleted before it was kept: the next try does not see it
        raise StoreError("documents are deleted faster than they can be quoted; ask again")

    def _answer(self, question: Question) -> bytes:
        outcome = self.answerer.ask(question)
        asked = outcome.asked
        id = self._id(question, asked.generation)
        body = AskResponse.of(id, outcome).model_dump_json().encode()
        what = "answered" if isinstance(outcome, Answer) else outcome.reason.value
        log.info("%s %s, %d passages, %.0f ms", id, what, len(asked.hits), asked.timings_ms["total"])
        log.debug("%s was asked %r", id, question.text)
        return self.collection.store.save_answer(id, question.text, body, {hit.chunk.document_id for hit in asked.hits})

    def give_feedback(
        self, answer_id: str, helpful: bool, comment: str | None, correct: tuple[str, int, int] | None
    ) -> int:
        """Keep what somebody says of an answer.

        :param correct: document id, start and end of the right answer
        :return: the number of the feedback
        :raises NotFoundError: there is no such answer or document
        :raises QuestionError: the right answer's place is outside its document
        """
        store = self.collection.store
        place: dict[str, object] | None = None
        if correct is not None:
            document_id, start, end = correct
            document = store.document(document_id)
            if not start < end <= len(document.text):
                raise QuestionError(
                    f"{start}-{end} is no place in document {document_id!r}, which has {len(document.text)} characters",
                    "correct",
                )
            quote = document.text[start:end]
            place = {
                "document_id": document_id,
                "version": document.version,
                "start": start,
                "end": end,
                "quote": quote,
            }
        return store.add_feedback(answer_id, helpful, comment, place)

    def _id(self, question: Question, generation: int) -> str:
        asked = json.dumps([asdict(question), generation, self.fingerprint], sort_keys=True, default=str)
        return hashlib.sha256(asked.encode()).hexdigest()[:_ID_LENGTH]


def _calibrations(store: Store, fitted: Fitted, reader: str) -> tuple[Mapping[Kind, Calibration], str]:
    """The index's own calibration where it has one for this reader, else the one that comes with Quoth.

    :return: with it, what it is told apart by
    """
    own = store.calibration()
    if own is not None and own.get("reader") == reader:
        return parse_calibrations(own["calibration"]), json.dumps(own, sort_keys=True)
    if fitted.reader != reader:
        log.warning("confidence was calibrated for another reader and is a guess now: run quoth eval calibrate")
    return fitted.calibrations, fitted.fingerprint


def open_collection(settings: Settings, *, writable: bool) -> Collection:
    """The collection that the settings describe, for what takes no reader.

    :raises SettingsError: the encoder is not there, or damaged
    :raises StoreError: the data folder cannot be opened
    """
    collection = Collection(settings.data_dir, _encoder(settings, settings.encoder), writable=writable)
    _record_source(collection, settings, writable)
    return collection


def open_desk(settings: Settings, *, writable: bool, renewing: bool = False) -> Desk:
    """The desk that the settings describe.

    :param renewing: an index that was built with another encoder, or with other chunks, is not refused: it answers as
        it is, and is embedded anew in the background
    :raises SettingsError: the encoder or the reader is not there, or damaged
    :raises StoreError: the data folder cannot be opened
    """
    encoder = _encoder(settings, settings.encoder)
    passages = load_passage_reader(settings.reader, settings.threads)
    former = _former(settings, encoder) if renewing else None
    if former is None:
        desk = Desk(settings.data_dir, encoder, passages, writable=writable)
        _record_source(desk.collection, settings, writable)
        return desk
    desk = Desk(settings.data_dir, former.encoder, passages, writable=True, chunking=former.chunking)
    log.warning("the index was built with other settings: it answers as it is, and is embedded anew meanwhile")
    desk.renew(encoder, settings.encoder)
    return desk


@dataclass(frozen=True, slots=True)
class _Former:
    """What an index was built with, loaded again."""

    encoder: Encoder
    chunking: ChunkSettings


def _former(settings: Settings, encoder: Encoder) -> _Former | None:
    """What the index was built with where that is something else and still here."""
    built = built_otherwise(settings.data_dir, encoder)
    if built is None:
        return None
    try:
        found = _encoder(settings, built.source)
    except SettingsError:
        return None
    return _Former(found, built.chunking) if found.identity.as_dict() == built.identity else None


def _encoder(settings: Settings, source: str) -> Encoder:
    return load_encoder(source, settings.models_dir, settings.threads)


def _record_source(collection: Collection, settings: Settings, writable: bool) -> None:
    """Keep what the encoder was loaded from: a later one is told by it what to serve with meanwhile."""
    if writable and collection.store.encoder_source() != settings.encoder:
        collection.store.set_encoder_source(settings.encoder)
