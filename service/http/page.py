"""The web page at / and at the links of citations, and the data that only the page needs.

The page's files are plain HTML, CSS and ES modules and are sent unchanged. Documents never become
markup: the page requests them from /v1 and inserts them as text.
"""

import json
import os
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from corpus.document import MAX_COLLECTION_LENGTH
from corpus.errors import NotFoundError
from corpus.load import SUPPORTED, TEXT_SUFFIXES
from index.store.documents import DocumentReader, Overview
from service.answering.examples import ExampleQuestions
from service.answering.wording import page_wording
from service.http.dependencies import Dependencies
from service.http.scope import RequestScope
from service.page import FILES

MAX_TAGS_LISTED = 200
"""How many tags the page offers as filters, the most frequent first."""

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""The browser accepts scripts and styles only from this service's files, accepts none inline, and
refuses to turn text into markup.
"""

CollectionParameter = Annotated[
    str | None, Query(alias="collection", max_length=MAX_COLLECTION_LENGTH)
]

_COMMON = {"Cache-Control": "no-cache"}
_PAGE = _COMMON | {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
}
_TEXT = _COMMON | {"Content-Security-Policy": "default-src 'none'; sandbox", "Vary": "Accept"}


_WORDING = f"export const WORDING = {json.dumps(page_wording())};\n"
"""The shared wording, as a module that the page's scripts import."""


class TagOut(BaseModel):
    """A tag and the number of documents that have it."""

    tag: str
    documents: int


class CollectionOut(BaseModel):
    """What the page shows of the collection, and which files can be added to it."""

    documents: int
    generation: int
    tags: list[TagOut]
    published_from: str | None
    published_to: str | None
    max_document_bytes: int
    suffixes: list[str]

    @classmethod
    def of(cls, overview: Overview, generation: int, max_document_bytes: int) -> "CollectionOut":
        """The response for the overview of a collection."""
        earliest, latest = overview.published_from, overview.published_to
        return cls(
            documents=overview.documents,
            generation=generation,
            tags=[TagOut(tag=tag, documents=documents) for tag, documents in overview.tags],
            published_from=earliest.isoformat() if earliest else None,
            published_to=latest.isoformat() if latest else None,
            max_document_bytes=max_document_bytes,
            suffixes=sorted({*SUPPORTED, *TEXT_SUFFIXES} - {""}),
        )


class ExamplesOut(BaseModel):
    """Questions that the collection can answer."""

    questions: list[str]


class PageFiles(StaticFiles):
    """The page's files. Browsers revalidate them on each visit and so see new versions at once."""

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = HTTPStatus.OK,
    ) -> Response:
        """A file with the headers that all responses of the page have, or "not modified"."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(_COMMON)
        return response


def router(deps: Dependencies) -> APIRouter:
    """The routes of the page: ``/``, the links of citations, its files, and its own data."""
    routes = APIRouter()
    service, settings, threads = deps.service, deps.settings, deps.threads
    store, examples = service.collection.store, ExampleQuestions(service)
    largest = min(settings.max_document_bytes, settings.max_body_bytes)
    files = PageFiles(directory=FILES)

    @routes.get("/", include_in_schema=False)
    async def page() -> Response:
        return _page(HTTPStatus.OK)

    @routes.get(
        "/documents/{document_id:path}",
        tags=["citations"],
        response_class=PlainTextResponse,
        responses={
            status: {"content": {"text/html": {"schema": {"type": "string"}}}}
            for status in (HTTPStatus.OK, HTTPStatus.NOT_FOUND)
        },
    )
    async def read(
        request: Request, document_id: str, scope: RequestScope, version: str | None = None
    ) -> Response:
        """The target of a citation's link. Browsers get the page, which shows the quote; other
        clients get the document as plain text.
        """
        if "text/html" in request.headers.get("accept", ""):
            return _page(await threads.read(_status, store.within(scope), document_id, version))
        document = await threads.read(store.within(scope).document, document_id, version)
        return PlainTextResponse(document.text, headers=_TEXT)

    @routes.get("/page/wording.js", include_in_schema=False)
    async def wording() -> Response:
        return Response(_WORDING, media_type="text/javascript", headers=_COMMON)

    @routes.get("/page/collection", include_in_schema=False)
    async def collection(scope: RequestScope, name: CollectionParameter = None) -> CollectionOut:
        asked = service.asked_scope(None if name is None else frozenset((name,)), scope)
        overview = await threads.read(store.within(asked).overview, MAX_TAGS_LISTED)
        return CollectionOut.of(overview, service.collection.generation, largest)

    @routes.get("/page/examples", include_in_schema=False)
    async def questions(scope: RequestScope, name: CollectionParameter = None) -> ExamplesOut:
        asked = service.asked_scope(None if name is None else frozenset((name,)), scope)
        return ExamplesOut(questions=list(await threads.idle(examples.questions, asked)))

    @routes.api_route("/page/files/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def file(request: Request, path: str) -> Response:
        return await files.get_response(path, request.scope)

    return routes


def _page(status: HTTPStatus) -> Response:
    return FileResponse(FILES / "index.html", status, headers=_PAGE)


def _status(store: DocumentReader, document_id: str, version: str | None) -> HTTPStatus:
    """404 if there is no such document or version, else 200. The page itself explains a 404."""
    try:
        summary = store.summary(document_id)
        if summary is None:
            return HTTPStatus.NOT_FOUND
        store.passage(document_id, version or summary.version, 0, 0)
    except NotFoundError:
        return HTTPStatus.NOT_FOUND
    return HTTPStatus.OK
