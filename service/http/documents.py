"""Documents over HTTP: add, list, read, replace and delete them."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from threading import Event
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from corpus.document import (
    DEFAULT_COLLECTION,
    MAX_COLLECTION_LENGTH,
    DateSource,
    Document,
    make_document,
)
from corpus.errors import ConflictError, DocumentError, QuestionError, StoreError
from corpus.limits import ParseLimits
from corpus.load import UploadTask
from corpus.pool import ParserPool, ParsingStoppedError
from index.collection import stay_in_collection
from index.filters import EVERYTHING, Scope
from index.store.documents import DocumentReader, DocumentSummary
from index.store.listing import DocumentListing, DocumentOrder, Position
from service.answering.record import DocumentRecord, SummaryRecord
from service.http import problems
from service.http.bodies import MAX_UPLOAD_VALUES
from service.http.dependencies import Dependencies
from service.http.ingestion import accepted
from service.http.media import MULTIPART, media_type
from service.http.paging import (
    MAX_CURSOR_LENGTH,
    MAX_PAGE,
    cursor_after,
    key_before,
    not_a_cursor,
)
from service.http.schemas import (
    MAX_NAME_LENGTH,
    DeleteResponse,
    DocumentBody,
    DocumentChanges,
    DocumentIn,
    DocumentReplacement,
    DocumentResponse,
    DocumentsRequest,
    DocumentsResponse,
    JobOut,
    ListResponse,
    ReceiptOut,
)
from service.http.scope import RequestScope, written_collection
from service.http.strict_json import parse_json
from service.mirror.jobs import Upload
from service.mirror.ledger import Ledger
from service.settings import Settings

MAX_FILES = 1_000

_TAKEN = "this id cannot be used; give the document another one"

_FORM_FIELDS = {"files", "tags", "replace", "collection", "groups"}

Sort = Literal["id", "title", "published", "updated", "-id", "-title", "-published", "-updated"]
"""The orders of a list of documents (:class:`index.store.listing.DocumentOrder`)."""

_Model = TypeVar("_Model", bound=BaseModel)


def _self_contained(schema: dict[str, Any]) -> dict[str, Any]:  # JSON Schema, as pydantic types it
    """The schema of a batch with the schema of a document inlined: OpenAPI does not look for
    references inside a request body.
    """
    (document,) = schema.pop("$defs").values()
    schema["properties"]["documents"]["items"] = document
    return schema


def _json_body(schema: dict[str, Any]) -> dict[str, Any]:
    """The request body of an operation that reads its body itself, for OpenAPI."""
    return {"required": True, "content": {"application/json": {"schema": schema}}}


_DOCUMENT_BODIES = {
    "required": True,
    "content": {
        "application/json": {"schema": _self_contained(DocumentsRequest.model_json_schema())},
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["files"],
                "properties": {
                    "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "collection": {
                        "type": "string",
                        "description": "the collection of all of them",
                    },
                    "groups": {
                        "type": "array",
                        "items": {"type": "string"},
                        "description": "the groups that may know of them",
                    },
                    "replace": {
                        "type": "string",
                        "enum": ["true", "false"],
                        "description": "whether a file may replace a document that has its name "
                        "as its id and another text",
                    },
                },
            }
        },
    },
}


def router(deps: Dependencies) -> APIRouter:
    """``/v1/documents``."""
    routes = APIRouter(prefix="/v1/documents", tags=["documents"])
    collection, threads, jobs = deps.service.collection, deps.threads, deps.jobs
    pool, limits = deps.pool, deps.settings.parse_limits
    ledger = Ledger(collection.store.database)

    @routes.post(
        "",
        response_model=DocumentsResponse,
        responses={HTTPStatus.ACCEPTED.value: {"model": JobOut}},
        openapi_extra={"requestBody": _DOCUMENT_BODIES},
    )
    async def add(request: Request, scope: RequestScope) -> Response:
        """Add or replace documents, all or none. The very next question sees them.

        With the header `Prefer: respond-async` the response is 202 and a job, which stores them
        batch by batch and refuses single documents that are not valid.
        """
        admit = partial(_may_replace, scope)
        is_job = "respond-async" in request.headers.get("prefer", "").lower()
        if media_type(request.headers.get("content-type", "")) == MULTIPART:
            tasks, may_replace = await _uploads(request, deps.settings, scope)
            targets = {task.collection or DEFAULT_COLLECTION for task in tasks}
            await threads.read(collection.store.require_collections, targets)
            admission = _Admission(collection.store.within(scope), ledger, may_replace)
            if is_job:
                uploads = [
                    Upload(task.name, partial(_load, pool, admission, task)) for task in tasks
                ]
                return accepted(jobs.start(uploads, admit, scope))
            documents = [await _read(pool, task) for task in tasks]
            for task, document in zip(tasks, documents, strict=True):
                await threads.read(admission.check, task, document)
        else:
            body = await threads.parse(_parsed, DocumentsRequest, await request.body())
            target = written_collection(body.collection, scope)
            await threads.read(collection.store.require_collections, {target or DEFAULT_COLLECTION})
            if is_job:
                uploads = [
                    _upload(entry, number, limits, target)
                    for number, entry in enumerate(body.documents)
                ]
                return accepted(jobs.start(uploads, admit, scope))
            documents = []
            try:
                await threads.parse(_add_documents, body.documents, documents, limits, target)
            except DocumentError as exc:
                field = f"documents.{len(documents)}"
                return problems.problem(
                    HTTPStatus.UNPROCESSABLE_ENTITY,
                    f"{field}: {exc}",
                    field=field,
                    slug="document",
                )
        _check_together(documents, limits)
        outcomes, generation = await threads.write(collection.put, documents, admit)
        response = DocumentsResponse(
            documents=[ReceiptOut.of(outcome) for outcome in outcomes], generation=generation
        )
        return JSONResponse(response.model_dump())

    @routes.get("")
    async def list_documents(
        scope: RequestScope,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
        q: Annotated[
            str,
            Query(
                max_length=MAX_NAME_LENGTH,
                description="words that the title, the file name or the id contains",
            ),
        ] = "",
        tag: Annotated[str | None, Query(max_length=MAX_NAME_LENGTH)] = None,
        named: Annotated[
            str | None, Query(alias="collection", max_length=MAX_COLLECTION_LENGTH)
        ] = None,
        sort: Annotated[Sort, Query(description="with a minus sign in the opposite order")] = "id",
    ) -> ListResponse:
        """Documents in the order of their ids, or in another one."""
        listing = DocumentListing(
            words=tuple(q.casefold().split()),
            tag=tag,
            order=DocumentOrder(sort.removeprefix("-")),
            descending=sort.startswith("-"),
        )
        listed = scope if named is None else deps.service.asked_scope(frozenset((named,)), scope)
        await threads.read(collection.store.require_collections, listed.collections or ())
        page, last = await threads.read(
            collection.store.within(listed).documents, limit, _position_of(cursor), listing
        )
        return ListResponse(
            documents=[SummaryRecord.of_summary(summary) for summary in page],
            next_cursor=None if last is None else _cursor_after(last),
        )

    @routes.get("/{document_id:path}")
    async def get_document(
        document_id: str, scope: RequestScope, version: str | None = None
    ) -> DocumentRecord:
        """A document with its text: the present version, or the one that is asked for."""
        return await threads.read(deps.service.document, document_id, version, scope)

    @routes.put(
        "/{document_id:path}",
        openapi_extra={"requestBody": _json_body(DocumentReplacement.model_json_schema())},
    )
    async def replace(document_id: str, request: Request, scope: RequestScope) -> DocumentResponse:
        """Add a document under this id, or replace the one that has it."""
        body = await threads.parse(_parsed, DocumentReplacement, await request.body())
        target = written_collection(body.collection, scope)
        document = await threads.parse(_document, body, document_id, limits, target)
        outcomes, generation = await threads.write(
            collection.put, [document], partial(_may_replace, scope)
        )
        return DocumentResponse(**ReceiptOut.of(outcomes[0]).model_dump(), generation=generation)

    @routes.patch(
        "/{document_id:path}",
        openapi_extra={"requestBody": _json_body(DocumentChanges.model_json_schema())},
    )
    async def amend(document_id: str, request: Request, scope: RequestScope) -> DocumentResponse:
        """Change the title, the address, the date, the tags, the collection or the groups of a
        document. The text stays.
        """
        changes = await threads.parse(_parsed, DocumentChanges, await request.body())
        if "collection" in changes.model_fields_set:
            written_collection(changes.collection, scope)
        outcome = await threads.write(collection.amend, document_id, changes.apply, scope)
        receipt = ReceiptOut.of(outcome).model_dump()
        return DocumentResponse(**receipt, generation=collection.generation)

    @routes.delete("/{document_id:path}")
    async def delete(document_id: str, scope: RequestScope) -> DeleteResponse:
        """Remove a document, and every stored answer that shows its text."""
        return DeleteResponse.of(await threads.write(collection.remove, [document_id], scope))

    return routes


def _cursor_after(last: Position) -> str:
    return cursor_after(json.dumps([last.value, last.document_id]))


def _position_of(cursor: str | None) -> Position | None:
    """Where the page that a cursor asks for begins.

    :raises QuestionError: it is not a cursor of this list
    """
    key = key_before(cursor)
    if key is None:
        return None
    try:
        value, document_id = json.loads(key)
    except ValueError:
        value = document_id = None
    if not isinstance(value, str) or not isinstance(document_id, str):
        raise not_a_cursor(cursor)
    return Position(value, document_id)


def _upload(entry: DocumentIn, number: int, limits: ParseLimits, collection: str | None) -> Upload:
    def load(_stop: Event) -> Document:
        return _document(entry, entry.id, limits, collection)

    return Upload(entry.id or f"documents.{number}", load)


def _document(
    body: DocumentIn | DocumentBody,
    document_id: str | None,
    limits: ParseLimits,
    collection: str | None,
) -> Document:
    limits.check_text(document_id or "document", body.text)
    return make_document(
        body.text,
        document_id=document_id,
        title=body.title,
        url=body.url,
        published=body.published,
        published_from=DateSource.GIVEN,
        tags=body.tags,
        collection=collection,
        groups=body.groups,
    )


def _may_replace(scope: Scope, document: Document, present: DocumentSummary) -> None:
    """Refuse to replace a document that is not in the sender's scope.

    :raises ConflictError: it is not, or it is in another collection than the one that was named
    """
    if not scope.admits(present.collection, present.groups):
        # This tells that the id is taken, and nothing else.
        raise ConflictError(document.id, _TAKEN)
    stay_in_collection(document, present)


def _add_documents(
    entries: Sequence[DocumentIn],
    documents: list[Document],
    limits: ParseLimits,
    collection: str | None,
) -> None:
    """Add the document of each entry, up to the first that is not valid.

    :raises DocumentError: it is not valid
    """
    documents.extend(_document(entry, entry.id, limits, collection) for entry in entries)


def _parsed(model: type[_Model], body: bytes) -> _Model:
    """A request that was sent as JSON.

    :raises HTTPException: it is not JSON
    :raises JsonContentError: it has too many values, or one that means nothing
    :raises RequestValidationError: it is not valid
    """
    try:
        return model.model_validate(parse_json(body, MAX_UPLOAD_VALUES))
    except ValidationError as exc:
        faults = [{**error, "loc": ("body", *error["loc"])} for error in exc.errors()]
        raise RequestValidationError(faults) from exc
    except json.JSONDecodeError as exc:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not JSON") from exc


async def _read(pool: ParserPool, task: UploadTask) -> Document:
    """The document of an upload. If the client leaves, this is cancelled, and ends the parsing.

    :raises DocumentError: the file is refused
    :raises StoreError: the service is stopping
    """
    pending = pool.submit(task)
    try:
        return (await asyncio.wrap_future(pending.future)).required_document()
    except ParsingStoppedError as exc:
        raise StoreError("the upload was not read, because the service is stopping") from exc
    finally:
        pending.cancel()


def _load(pool: ParserPool, admission: "_Admission", task: UploadTask, stop: Event) -> Document:
    """The document of an upload that runs as a job.

    :raises DocumentError: the file is refused
    """
    document = pool.load(task, stop)
    admission.check(task, document)
    return document


@dataclass(frozen=True, slots=True)
class _Admission:
    """Which documents the files of an upload may replace.

    :param may_replace: whether a file may replace another document of its name
    """

    store: DocumentReader
    ledger: Ledger
    may_replace: bool

    def check(self, task: UploadTask, document: Document) -> None:
        """Refuse a file that would replace a document which it may not replace.

        :raises DocumentError: it has the id of a document from a synced folder: its front matter
            may come from anybody, and the folder would no longer be what is answered from
        :raises ConflictError: its name is the id of a document with another text. Files of one name
            come from many folders, and a name is all that a browser or curl sends. An id in front
            matter is chosen by who writes the file, and means the document
        """
        holder = self.ledger.holder(document.id)
        hides = self.store.scope != EVERYTHING and not self.store.has_document(document.id)
        if holder is not None and hides:
            raise ConflictError(task.name, _TAKEN)
        if holder is not None:
            raise DocumentError(
                task.name,
                f"has the id {document.id!r}, which {holder} has too; change that file, or give "
                "this one another id",
            )
        if self.may_replace or document.id != task.name:
            return
        present = self.store.summary(document.id)
        if present is not None and present.version != document.version:
            raise ConflictError(
                task.name,
                "there is a document of this name with another text. If this file is its new "
                "version, send it with replace=true; if it is another document, give it another "
                "name, for example its folder and its name",
            )


def _check_together(documents: Sequence[Document], limits: ParseLimits) -> None:
    """Refuse documents that are each short enough, but not together: they become one generation.

    :raises DocumentError: they are too long
    """
    if sum(len(document.text) for document in documents) > limits.text_bytes:
        raise DocumentError(
            "the documents of this request",
            f"have more than {limits.text_bytes / 1e6:g} MB of text together; send fewer at a "
            "time, send 'Prefer: respond-async', or raise QUOTH_MAX_TEXT_MB",
        )


async def _uploads(
    request: Request, settings: Settings, scope: Scope
) -> tuple[list[UploadTask], bool]:
    """The files of a multipart upload, which are the parts named ``files``, each with its own name
    and format, and whether they may replace others of their names.
    """
    async with request.form(max_files=MAX_FILES, max_part_size=settings.max_body_bytes) as form:
        uploads = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        tags = [part for part in form.getlist("tags") if isinstance(part, str)]
        named = form.get("collection")
        collection = written_collection(named if isinstance(named, str) else None, scope)
        groups = [part for part in form.getlist("groups") if isinstance(part, str)]
        may_replace = form.get("replace", "false")
        if may_replace not in ("true", "false"):
            raise QuestionError("write replace=true or replace=false", "replace")
        unknown = sorted(set(form) - _FORM_FIELDS)
        if unknown:
            raise QuestionError(
                f"{', '.join(unknown)}: no such field; the fields are "
                f"{', '.join(sorted(_FORM_FIELDS))}",
                unknown[0],
            )
        if not uploads:
            raise QuestionError(
                "there is no file in the upload; send each as a part named files", "files"
            )
        files = [(upload.filename or "upload", await upload.read()) for upload in uploads]
    # A field groups= without a value says that the files are for everybody.
    limit = tuple(filter(None, groups)) if "groups" in form else None
    tasks = [UploadTask(name, data, tuple(tags), collection, limit) for name, data in files]
    return tasks, may_replace == "true"
