"""The files that documents were read from: downloads, and pages of PDFs as images."""

import asyncio
import hashlib
import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import FileResponse, Response

from corpus.errors import NotFoundError, QuestionError, StoreError
from corpus.load import PageTask
from corpus.pool import ParserPool, ParsingStoppedError
from index.collection import Collection
from index.filters import Scope
from index.store.documents import StoredFile
from service.http.dependencies import Dependencies
from service.http.media import JSON
from service.http.schemas import MAX_NAME_LENGTH
from service.http.scope import RequestScope

PDF = "application/pdf"

_SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy of a file that somebody else wrote."""

_SPAN = re.compile(r"(\d{1,15})-(\d{1,15})", re.ASCII)
_MAX_PAGE = 10_000_000

Version = Annotated[str | None, Query(max_length=MAX_NAME_LENGTH)]


def router(deps: Dependencies) -> APIRouter:
    """``/v1/documents/{id}/original`` and ``/v1/documents/{id}/pages/{n}``. Include it before the
    router of the documents, whose ids may contain slashes.
    """
    routes = APIRouter(prefix="/v1/documents", tags=["documents"])
    collection, threads = deps.service.collection, deps.threads

    async def document(document_id: str, version: str | None, scope: Scope) -> Response:
        """A document whose id ends as the paths below do."""
        record = await threads.read(deps.service.document, document_id, version, scope)
        return Response(record.model_dump_json(), media_type=JSON)

    @routes.get("/{document_id:path}/original", response_class=FileResponse)
    async def get_original(
        document_id: str, request: Request, scope: RequestScope, version: Version = None
    ) -> Response:
        """The file that a document was read from, as it came."""
        visible = collection.store.within(scope)
        if await threads.read(visible.has_document, f"{document_id}/original"):
            return await document(f"{document_id}/original", version, scope)
        file = await threads.read(_kept_file, collection, document_id, version, scope)
        sha256 = file.sha256 or ""
        headers = {
            "ETag": f'"{sha256}"',
            "Cache-Control": "private, no-cache",
            "Content-Security-Policy": _SANDBOX,
        }
        if _is_known(request, headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return FileResponse(
            collection.originals.path(sha256),
            media_type=file.media_type,
            filename=file.name,
            headers=headers,
        )

    @routes.get(
        "/{document_id:path}/pages/{number:int}",
        response_class=Response,
        responses={HTTPStatus.OK.value: {"content": {"image/png": {}}}},
    )
    async def get_page(
        document_id: str,
        number: Annotated[int, Path(ge=1, le=_MAX_PAGE)],
        request: Request,
        scope: RequestScope,
        highlight: Annotated[
            str | None, Query(max_length=40, description="start-end, offsets into the text")
        ] = None,
        version: Version = None,
    ) -> Response:
        """A page of a PDF as an image, with a span of the document's text marked."""
        visible = collection.store.within(scope)
        if await threads.read(visible.has_document, f"{document_id}/pages/{number}"):
            return await document(f"{document_id}/pages/{number}", version, scope)
        file = await threads.read(_kept_file, collection, document_id, version, scope)
        if file.media_type != PDF:
            raise NotFoundError(f"document {document_id!r} is not from a PDF, and has no pages")
        task = await threads.read(_page_task, collection, file, number, highlight)
        key = f"{file.sha256} {file.version} {task.key}"
        headers = {
            "ETag": f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"',
            "Cache-Control": "private, no-cache",
        }
        if _is_known(request, headers["ETag"]):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        image = await _rendered(deps.pool, task)
        if image is None:
            raise NotFoundError(f"document {document_id!r} has no page {number}")
        return Response(image, media_type="image/png", headers=headers)

    return routes


def _kept_file(
    collection: Collection, document_id: str, version: str | None, scope: Scope
) -> StoredFile:
    """The file of a document, which is kept.

    :raises NotFoundError: there is no such document or version, or its file is not kept
    :raises StoreError: the file is lost
    """
    file = collection.store.within(scope).file(document_id, version)
    if file is None or file.sha256 is None:
        raise NotFoundError(
            f"the file of document {document_id!r} is not kept: it was sent as text, or added "
            "while QUOTH_KEEP_ORIGINALS was off or by an older version of Quoth"
        )
    if not collection.originals.path(file.sha256).is_file():
        raise StoreError(
            f"the file of document {document_id!r} is missing in the data folder; restore it from "
            "a backup, or add the document again"
        )
    return file


def _page_task(
    collection: Collection, file: StoredFile, number: int, highlight: str | None
) -> PageTask:
    """What to render.

    :raises QuestionError: the span is not one, or not on this page
    """
    document = collection.store.document(file.document_id, file.version)
    page = next((page for page in document.pages if page.number == number), None)
    text, first, last = "", 0, 0
    if page is not None:
        text, first, last = document.text[page.start : page.end], page.start, page.end
    start = end = 0
    if highlight is not None:
        match = _SPAN.fullmatch(highlight)
        if match is None:
            raise QuestionError(f"{highlight!r} is not a span; write start-end", "highlight")
        start, end = max(first, int(match[1])) - first, min(last, int(match[2])) - first
        if start >= end:
            raise QuestionError(
                f"{highlight} is not on page {number}, whose text is {first}-{last}", "highlight"
            )
    return PageTask(
        collection.originals.path(file.sha256 or ""),
        file.name,
        number,
        text=text,
        start=start,
        end=end,
    )


async def _rendered(pool: ParserPool, task: PageTask) -> bytes | None:
    """The image of a page, made in a process of its own. None if there is no such page.

    :raises DocumentError: the file cannot be drawn
    :raises StoreError: the service is stopping
    """
    pending = pool.submit(task)
    try:
        result = await asyncio.wrap_future(pending.future)
    except ParsingStoppedError as exc:
        raise StoreError("the page was not drawn, because the service is stopping") from exc
    finally:
        pending.cancel()
    if result.error is not None:
        raise result.error
    return result.image


def _is_known(request: Request, etag: str) -> bool:
    """Whether the client has this state of the resource."""
    known = request.headers.get("If-None-Match", "")
    return etag in [name.strip().removeprefix("W/") for name in known.split(",")]
