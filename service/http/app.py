"""HTTP: a thin adapter over the service. /docs shows the contract."""

import json
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Annotated, Any

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from fastapi_offline import FastAPIOffline
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from corpus.document import Document, make_document
from corpus.errors import DocumentError, NotFoundError, QuestionError
from corpus.load import parse_document
from service.answering.service import AnswerService
from service.answering.verification import verify
from service.http import mcp, metrics, openai, problems
from service.http.events import MEDIA_TYPE, EventStream, event, passages_then_answer
from service.http.ingestion import MAX_PAGE, accepted, ingestion_router, keeping_up
from service.http.paging import cursor_after, key_before
from service.http.schemas import (
    AskRequest,
    AskResponse,
    DeleteResponse,
    DocumentBody,
    DocumentIn,
    DocumentOut,
    DocumentResponse,
    DocumentsRequest,
    DocumentsResponse,
    FeedbackRequest,
    FeedbackResponse,
    ListResponse,
    Problem,
    ReceiptOut,
    SearchRequest,
    SearchResponse,
    SummaryOut,
    VerifyRequest,
    VerifyResponse,
)
from service.http.threads import Threads
from service.mirror.jobs import Jobs, Upload
from service.page import add_page
from service.settings import Settings
from service.slack.routes import slack_router

MAX_FILES = 1_000

_ERRORS: dict[int | str, dict[str, object]] = {
    status: {"model": Problem, "description": description}
    for status, description in (
        (404, "There is no such document, version or answer."),
        (413, "The body is over the limit."),
        (422, "The request cannot be taken; `field` names what is at fault."),
        (503, "The index cannot be written or searched now; `detail` says what to do."),
    )
}

_STREAMED: dict[int | str, dict[str, object]] = {
    200: {"content": {MEDIA_TYPE: {"schema": {"type": "string"}}}}
}


def _self_contained(schema: dict[str, Any]) -> dict[str, Any]:  # JSON Schema, as pydantic types it
    """The schema of a batch with that of a document in its place: OpenAPI looks for references
    elsewhere.
    """
    (document,) = schema.pop("$defs").values()
    schema["properties"]["documents"]["items"] = document
    return schema


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
                },
            }
        },
    },
}


class BodyLimit:
    """Refuses bodies over a size, by what they say of themselves and by what then comes."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 413."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = dict(scope["headers"]).get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await problems.shaped(scope, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail())(
                scope, receive, send
            )
            return
        await self._app(scope, self._counted(receive), send)

    def _counted(self, receive: Receive) -> Receive:
        left = self._max_bytes

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._detail())
            return message

        return counted

    def _detail(self) -> str:
        return (
            f"the body is over {self._max_bytes / 1e6:g} MB; send less at a time, or raise "
            "QUOTH_MAX_BODY_MB"
        )


def create_app(service: AnswerService, settings: Settings) -> FastAPI:
    """The HTTP service over an opened service, which it does not close. It keeps up with the
    folders of the settings.
    """
    jobs = Jobs(service.collection)
    # /docs with the scripts of this process, where FastAPI's own loads them from elsewhere
    app = FastAPIOffline(
        redoc_url=None,
        title="Quoth",
        version=version("quoth"),
        summary="Answers questions from a body of documents by quoting them.",
        responses=_ERRORS,
        redirect_slashes=False,
        lifespan=lambda _: keeping_up(service.collection, jobs, settings),
    )
    problems.install(app, dict.fromkeys(openai.PATHS, openai.error))
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    threads = Threads(settings.threads)
    _add_questions(app, service, threads)
    _add_documents(app, service, threads, settings, jobs)
    app.include_router(ingestion_router(service.collection.store, jobs))
    _add_citations(app, service, threads)
    _add_house(app, service)
    add_page(app, service, threads, settings)
    app.include_router(slack_router(service, settings, threads))
    app.include_router(openai.create_router(service, threads))
    app.include_router(mcp.create_router(service, threads, settings))
    app.include_router(metrics.create_router(service, threads))
    return app


def _add_questions(app: FastAPI, service: AnswerService, threads: Threads) -> None:
    @app.post("/v1/ask", response_model=AskResponse, responses=_STREAMED, tags=["questions"])
    async def ask(request: AskRequest, accept: Annotated[str, Header()] = "") -> Response:
        """The answer, quoted and cited, or the reason why there is none.

        With `Accept: text/event-stream` the retrieved passages come first (`passages`), then the
        answer (`answer`)."""
        question = request.made()
        if MEDIA_TYPE in accept.lower():
            return EventStream(threads, passages_then_answer(service, question), _last_words)
        body = await threads.read(service.ask, question)
        return Response(body, media_type="application/json")

    @app.post("/v1/search", tags=["questions"])
    async def search(request: SearchRequest) -> SearchResponse:
        """The passages nearest to a question."""
        return await threads.read(service.search, request.made())

    @app.get("/v1/answers/{answer_id}", response_model=AskResponse, tags=["questions"])
    async def stored_answer(answer_id: str) -> Response:
        """A kept answer, byte for byte."""
        body = await threads.read(service.history.find, answer_id)
        if body is None:
            raise NotFoundError(f"there is no stored answer {answer_id!r}")
        return Response(body, media_type="application/json")

    @app.post("/v1/feedback", status_code=HTTPStatus.CREATED, tags=["questions"])
    async def feedback(request: FeedbackRequest) -> FeedbackResponse:
        """Keep what somebody says of an answer."""
        correct = request.correct
        place = (correct.document_id, correct.start, correct.end) if correct else None
        number = await threads.read(
            service.give_feedback, request.answer_id, request.helpful, request.comment, place
        )
        return FeedbackResponse(id=number, answer_id=request.answer_id)


def _add_documents(
    app: FastAPI, service: AnswerService, threads: Threads, settings: Settings, jobs: Jobs
) -> None:
    collection = service.collection

    @app.post(
        "/v1/documents",
        response_model=DocumentsResponse,
        tags=["documents"],
        openapi_extra={"requestBody": _DOCUMENT_BODIES},
    )
    async def add(request: Request) -> Response:
        """Add or replace documents, all or none; the very next question sees them.

        With the header `Prefer: respond-async` the answer is 202 and a job, which takes them a
        batch at a time and refuses a bad one alone."""
        is_job = "respond-async" in request.headers.get("prefer", "").lower()
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            uploads = await _uploads(request, settings)
            if is_job:
                return accepted(jobs.start(uploads))
            documents = [await threads.read(upload.load) for upload in uploads]
        else:
            try:
                body = DocumentsRequest.model_validate(await _json(request))
            except ValidationError as exc:
                return problems.validation_problem([dict(error) for error in exc.errors()])
            if is_job:
                return accepted(
                    jobs.start(
                        [_upload(entry, number) for number, entry in enumerate(body.documents)]
                    )
                )
            documents = []
            for number, entry in enumerate(body.documents):
                try:
                    documents.append(_document(entry, entry.id))
                except DocumentError as exc:
                    field = f"documents.{number}"
                    return problems.problem(
                        HTTPStatus.UNPROCESSABLE_ENTITY, f"{field}: {exc}", field, "document"
                    )
        outcomes, generation = await threads.write(collection.put, documents)
        made = DocumentsResponse(
            documents=[ReceiptOut.of(outcome) for outcome in outcomes], generation=generation
        )
        return JSONResponse(made.model_dump())

    @app.get("/v1/documents", tags=["documents"])
    async def list_documents(
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100, cursor: str | None = None
    ) -> ListResponse:
        """Documents in the order of their ids."""
        found = await threads.read(collection.store.documents, limit + 1, key_before(cursor))
        page = [SummaryOut.of(summary) for summary in found[:limit]]
        return ListResponse(
            documents=page, next_cursor=cursor_after(page[-1].id) if len(found) > limit else None
        )

    @app.get("/v1/documents/{document_id:path}", tags=["documents"])
    async def get_document(document_id: str, version: str | None = None) -> DocumentOut:
        """A document with its text, of the present version or of the one asked for."""
        return await threads.read(service.document, document_id, version)

    @app.put("/v1/documents/{document_id:path}", tags=["documents"])
    async def replace(document_id: str, body: DocumentBody) -> DocumentResponse:
        """Put a document in place of what stands under its id, if anything does."""
        outcomes, generation = await threads.write(collection.put, [_document(body, document_id)])
        return DocumentResponse(**ReceiptOut.of(outcomes[0]).model_dump(), generation=generation)

    @app.delete("/v1/documents/{document_id:path}", tags=["documents"])
    async def delete(document_id: str) -> DeleteResponse:
        """Take a document out of every structure, stored answers that show it included."""
        return DeleteResponse.of(await threads.write(collection.remove, [document_id]))


def _upload(entry: DocumentIn, number: int) -> Upload:
    return Upload(entry.id or f"documents.{number}", partial(_document, entry, entry.id))


def _add_citations(app: FastAPI, service: AnswerService, threads: Threads) -> None:
    @app.post("/v1/verify", tags=["citations"])
    async def check(request: VerifyRequest) -> VerifyResponse:
        """Whether a quote still stands where a citation says."""
        store = service.collection.store
        verdict = await threads.read(
            verify, store, request.document_id, request.start, request.end, request.quote
        )
        return VerifyResponse(
            status=verdict.status.value,
            document_id=request.document_id,
            version=verdict.version,
            start=verdict.start,
            end=verdict.end,
        )


def _add_house(app: FastAPI, service: AnswerService) -> None:
    @app.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        """The process runs."""
        return {"status": "live"}

    @app.get("/health/ready", tags=["health"])
    async def ready() -> dict[str, str | int]:
        """The index is open and questions are answered."""
        return {"status": "ready", "generation": service.collection.generation}


def _last_words(exc: Exception) -> bytes:
    return event(bytes(problems.problem_of(exc).body).decode(), "error")


def _document(body: DocumentIn | DocumentBody, id: str | None) -> Document:
    return make_document(
        body.text,
        document_id=id,
        title=body.title,
        url=body.url,
        published=body.published,
        tags=body.tags,
    )


async def _json(request: Request) -> object:
    try:
        return json.loads(await request.body())
    except (ValueError, RecursionError) as exc:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not JSON") from exc


async def _uploads(request: Request, settings: Settings) -> list[Upload]:
    """The files of a multipart upload: the parts named ``files``, each with its own name and
    format.
    """
    async with request.form(max_files=MAX_FILES, max_part_size=settings.max_body_bytes) as form:
        uploads = [part for part in form.getlist("files") if isinstance(part, UploadFile)]
        tags = [part for part in form.getlist("tags") if isinstance(part, str)]
        unknown = sorted(set(form) - {"files", "tags"})
        if unknown:
            raise QuestionError(
                f"{', '.join(unknown)}: no such field; there are files and tags", unknown[0]
            )
        if not uploads:
            raise QuestionError(
                "there is no file in the upload; send each as a part named files", "files"
            )
        named = [(upload.filename or "upload", await upload.read()) for upload in uploads]
    limit = settings.max_document_bytes
    return [
        Upload(name, partial(parse_document, name, data, tags=tags, max_bytes=limit))
        for name, data in named
    ]
