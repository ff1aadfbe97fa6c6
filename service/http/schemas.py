"""Requests and responses of the HTTP service.

Requests are strict: unknown fields and wrong types are refused, and nothing is converted silently.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    model_validator,
)

from corpus.document import MAX_COLLECTION_LENGTH, DateSource, Document, unencodable
from index.collection import Removed
from index.filters import NO_FILTERS, Filters
from index.outcome import FileOutcome
from index.store.collections import StoredCollection
from service.answering.record import SummaryRecord
from service.mirror.jobs import Job, JobState
from service.mirror.ledger import FileStage, LedgerEntry
from service.question import (
    DEFAULT_SEARCH_TOP_K,
    DEFAULT_TOP_K,
    MAX_TURNS,
    Question,
    Role,
    Turn,
    make_question,
)

MAX_BATCH_DOCUMENTS = 10_000
MAX_FILTER_VALUES = 1_000
MAX_VERIFIED_LENGTH = 100_000
MAX_NAME_LENGTH = 1_000
"""The longest id, version, tag or title in a request. Documents have stricter limits."""

MAX_OFFSET = 2**53
"""Above every offset, and within what every client and the database can count."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _day(value: object) -> object:
    """A calendar day written YYYY-MM-DD; numbers, times and other spellings are refused."""
    if value is None or isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("a day is written YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError as exc:
        raise ValueError(f"{value} is not a day of the calendar") from exc


def _text(value: str) -> str:
    fault = unencodable(value)
    if fault:
        raise ValueError(fault)
    return value


Day = Annotated[date, BeforeValidator(_day)]
Text = Annotated[str, AfterValidator(_text)]
"""A string that can be stored and looked up. Fields that are checked later are plain strings."""

Name = Annotated[Text, Field(max_length=MAX_NAME_LENGTH)]
"""An id, a version, or anything else that is short."""

Offset = Annotated[int, Field(ge=0, le=MAX_OFFSET)]

Names = Annotated[list[str], FailFast(), Field(max_length=MAX_FILTER_VALUES)]
"""A list that is refused at its first fault, so that a long one costs no more than a short one."""


CollectionName = Annotated[Text, Field(max_length=MAX_COLLECTION_LENGTH)]


class Request(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _check_number_of_fields(cls, value: object) -> object:
        # Otherwise there would be a fault for each of ten thousand unknown fields.
        if isinstance(value, dict) and len(value) > 2 * len(cls.model_fields) + 10:
            raise ValueError(
                f"there are {len(value)} fields; those that exist are {', '.join(cls.model_fields)}"
            )
        return value


class Response(BaseModel):
    """A response body."""

    model_config = ConfigDict(frozen=True)


# -- requests


class FiltersIn(Request):
    """Filters on documents. All kinds must hold; several values of one kind are alternatives."""

    document_ids: Names = []
    tags: Names = []
    published_from: Day | None = None
    published_to: Day | None = None

    def to_filters(self) -> Filters:
        """The filters as search takes them."""
        return Filters(
            tuple(self.document_ids), tuple(self.tags), self.published_from, self.published_to
        )


class AskedCollections(Request):
    """The collections that a question or a search names."""

    collection: (
        CollectionName
        | Annotated[list[CollectionName], Field(min_length=1, max_length=MAX_FILTER_VALUES)]
        | None
    ) = Field(
        None,
        description="the collection to ask, or several; `default` by default",
        examples=["default"],
    )
    filters: FiltersIn | None = None

    def narrowed(self) -> Filters:
        """The filters of the request, with its collections."""
        filters = self.filters.to_filters() if self.filters else NO_FILTERS
        if self.collection is None:
            return filters
        named = [self.collection] if isinstance(self.collection, str) else self.collection
        return replace(filters, collections=frozenset(named))


class TurnIn(Request):
    """One earlier message."""

    role: Literal["user", "assistant"]
    text: str


class AskRequest(AskedCollections):
    """A question."""

    question: str = Field(
        description="1 to 1000 characters after trimming", examples=["How long is the pipeline?"]
    )
    history: Annotated[list[TurnIn], FailFast()] = Field(
        [], max_length=MAX_TURNS, description="earlier turns, at most 20, oldest first"
    )
    top_k: int = Field(DEFAULT_TOP_K, description="passages to read, 1 to 50")
    min_confidence: float | None = Field(
        None, allow_inf_nan=False, description="0 to 1; the calibrated threshold by default"
    )
    explain: bool = False
    as_of: Day | None = Field(
        None,
        description="the day on which the question is asked, today by default; what was published "
        "later is then left out",
    )
    conversation_id: str | None = Field(
        None,
        description="1 to 200 characters of the caller's choice, hard to guess; instead of "
        "history: the service keeps the conversation under it",
    )

    def to_question(self) -> Question:
        """The checked question."""
        return make_question(
            self.question,
            history=[Turn(Role(turn.role), turn.text) for turn in self.history],
            top_k=self.top_k,
            filters=self.narrowed(),
            min_confidence=self.min_confidence,
            explain=self.explain,
            conversation_id=self.conversation_id,
            as_of=self.as_of,
        )


class SearchRequest(AskedCollections):
    """A search for passages."""

    question: str
    top_k: int = Field(DEFAULT_SEARCH_TOP_K, description="1 to 50")

    def to_question(self) -> Question:
        """The checked question."""
        return make_question(
            self.question,
            top_k=self.top_k,
            filters=self.narrowed(),
        )


class DocumentBody(Request):
    """A document without its id."""

    text: str
    title: str | None = None
    url: str | None = None
    published: Day | None = None
    tags: Names = []
    groups: list[str] | None = Field(
        None,
        max_length=MAX_FILTER_VALUES,
        description="the groups that may know of it, empty for everybody who may see its "
        "collection; by default those that are stored",
    )


class DocumentReplacement(DocumentBody):
    """A document under an id that the address names."""

    collection: CollectionName | None = Field(
        None, description="by default the one that it is in, or `default`"
    )


class DocumentChanges(Request):
    """New metadata of a document. Fields that are left out stay as they are."""

    title: str | None = Field(None, description="null for the first line of the text")
    url: str | None = None
    published: Day | None = None
    tags: Names = []
    collection: CollectionName = Field("default", description="moves it to another collection")
    groups: Names = Field([], description="empty for everybody who may see its collection")

    def apply(self, document: Document) -> Document:
        """The document with its new metadata.

        :raises DocumentError: a field is too long, or contains characters that cannot be stored
        """
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "published" in given:
            given["published_from"] = DateSource.GIVEN
        names = ("title", "url", "published", "published_from", "tags", "collection", "groups")
        return document.with_metadata(**{name: getattr(document, name) for name in names} | given)


class DocumentIn(DocumentBody):
    """A document. If it has no id, one is derived from its text."""

    id: str | None = None


class DocumentsRequest(Request):
    """Documents to add or replace, all or none."""

    documents: Annotated[list[DocumentIn], FailFast()] = Field(
        min_length=1, max_length=MAX_BATCH_DOCUMENTS
    )
    collection: CollectionName | None = Field(
        None,
        description="the collection of all of them; by default the one that each is in, or "
        "`default`",
    )


class CollectionIn(Request):
    """A collection to create."""

    name: str = Field(description="1 to 100 characters without spaces and slashes")
    description: Text = Field("", max_length=MAX_NAME_LENGTH)
    min_confidence: float | None = Field(
        None,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="the lowest confidence of its answers, 0 to 1; the calibrated threshold by "
        "default",
    )


class VerifyRequest(Request):
    """A citation to check against the present version of its document."""

    document_id: Name
    version: Name
    start: Offset
    end: Offset
    quote: Text = Field(min_length=1, max_length=MAX_VERIFIED_LENGTH)


class DocumentRequest(Request):
    """The document to read."""

    document_id: Name
    version: Name | None = Field(None, description="the present one by default")


class CorrectPlace(Request):
    """The span of the right answer."""

    document_id: Name
    start: Offset
    end: Offset = Field(ge=1)


class FeedbackRequest(Request):
    """Feedback on an answer."""

    answer_id: Name
    helpful: bool
    comment: Text | None = Field(None, max_length=10_000)
    correct: CorrectPlace | None = None


# -- responses


class ReceiptOut(Response):
    """A document after it was stored."""

    id: str
    version: str
    chunks: int
    status: str
    notes: list[str] = Field(description="what of the file is not in the text, a sentence each")

    @classmethod
    def of(cls, outcome: FileOutcome) -> Self:
        """The receipt of a document that was stored."""
        return cls.model_validate(
            {
                "id": outcome.document_id,
                "version": outcome.version,
                "chunks": outcome.chunks,
                "status": outcome.status.value,
                "notes": list(outcome.notes),
            }
        )


class DocumentsResponse(Response):
    """A receipt for each document, in order."""

    documents: list[ReceiptOut]
    generation: int


class DocumentResponse(ReceiptOut):
    """A receipt for one document."""

    generation: int


class ListResponse(Response):
    """Documents in the order that was asked for. ``next_cursor`` asks for more; it is null at the
    end.
    """

    documents: list[SummaryRecord]
    next_cursor: str | None


class FileOut(Response):
    """A file of a synced folder. ``documents`` are those that it gave last."""

    path: str
    root: str
    stage: FileStage
    reason: str | None
    at: str
    documents: list[str]
    notes: list[str] = Field(description="what of the file is not in the text, a sentence each")

    @classmethod
    def of(cls, entry: LedgerEntry, notes: Mapping[str, Sequence[str]]) -> Self:
        """An entry of the ledger as a response.

        :param notes: of documents, by id
        """
        documents = [entry.document_id] if entry.document_id else []
        return cls(
            path=entry.path,
            root=entry.root,
            stage=entry.stage,
            reason=entry.reason,
            at=entry.at,
            documents=documents,
            notes=list(notes.get(entry.document_id or "", ())),
        )


class UnreadOut(Response):
    """A file of a synced folder that is not read, and why."""

    name: str
    reason: str


class IngestionResponse(Response):
    """Files in the order of their paths. ``cursor`` asks for more; it is null at the end."""

    files: list[FileOut]
    cursor: str | None
    unread: list[UnreadOut] = Field(description="the first files that are not read")
    unread_count: int = Field(description="how many files of the synced folders are not read")


class RefusedOut(Response):
    """A document that a job refused, and why."""

    source: str
    reason: str


class JobOut(Response):
    """An upload that runs in the background. ``documents`` and ``refused`` grow meanwhile."""

    id: str
    state: JobState
    done: int = Field(description="documents that were stored or refused")
    total: int
    reason: str | None = Field(description="why the whole job failed")
    elapsed_s: float | None
    left_s: float | None = Field(description="an estimate from the rate so far")
    documents: list[ReceiptOut]
    refused: list[RefusedOut]

    @classmethod
    def of(cls, job: Job) -> Self:
        """The job as a response."""
        outcomes = list(job.outcomes)
        return cls(
            id=job.id,
            state=job.state,
            done=len(outcomes),
            total=job.total,
            reason=job.reason,
            elapsed_s=job.elapsed_s,
            left_s=job.remaining_s,
            documents=[ReceiptOut.of(outcome) for outcome in outcomes if not outcome.is_failure],
            refused=[
                RefusedOut(source=outcome.source, reason=outcome.reason or "")
                for outcome in outcomes
                if outcome.is_failure
            ],
        )


class DeleteResponse(Response):
    """What was removed, counted in each structure."""

    id: str
    deleted: dict[str, int]
    generation: int

    @classmethod
    def of(cls, removed: Removed) -> Self:
        """The receipt for one document."""
        (document,) = removed.documents
        deleted = {
            "chunks": document.chunks,
            **removed.entries,
            "versions": document.versions,
            **document.related,
        }
        return cls(id=document.id, deleted=deleted, generation=removed.generation)


class CollectionRecord(Response):
    """A collection, with the number of its documents that one may know of."""

    name: str
    description: str
    min_confidence: float | None
    created_at: str | None = Field(description="null for the default collection")
    documents: int

    @classmethod
    def of(cls, stored: StoredCollection) -> Self:
        """A collection of the store as a response."""
        return cls.model_validate({name: getattr(stored, name) for name in cls.model_fields})


class CollectionsResponse(Response):
    """The collections that one may see."""

    collections: list[CollectionRecord]


class CollectionDeleted(Response):
    """What was removed with a collection, counted in each structure."""

    name: str
    deleted: dict[str, int]
    generation: int

    @classmethod
    def of(cls, name: str, removed: Removed) -> Self:
        """The receipt for a collection."""
        deleted: Counter[str] = Counter({"documents": len(removed.documents)})
        for document in removed.documents:
            deleted.update({"chunks": document.chunks, "versions": document.versions})
            deleted.update(document.related)
        deleted.update(removed.entries)
        return cls(name=name, deleted=deleted, generation=removed.generation)


class VerifyResponse(Response):
    """Whether a quote is still there; ``start`` and ``end`` are null unless found or moved."""

    status: Literal["found", "moved", "changed", "gone"]
    document_id: str
    version: str | None = Field(description="the present version, null where the document is gone")
    start: int | None
    end: int | None


class FeedbackResponse(Response):
    """The feedback was kept."""

    id: int
    answer_id: str


class Problem(Response):
    """An error in the format of RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
    field: str | None = Field(None, description="the field at fault, where one is")
