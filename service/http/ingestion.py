"""Ingestion over HTTP: the state of synced folders, and of uploads that run as jobs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from corpus.pool import ParserPool
from corpus.unread import MAX_UNREAD
from index.filters import EVERYTHING
from service.http.dependencies import Dependencies
from service.http.paging import MAX_CURSOR_LENGTH, MAX_PAGE, cursor_after, key_before
from service.http.schemas import FileOut, IngestionResponse, JobOut, UnreadOut
from service.http.scope import RequestScope
from service.mirror.jobs import Job
from service.mirror.ledger import FileStage, Ledger
from service.mirror.rereading import rereading
from service.mirror.sync import Mirror
from service.mirror.watch import watching


def router(deps: Dependencies) -> APIRouter:
    """``/v1/ingestion`` and ``/v1/jobs``. While they are served, the folders of the settings are
    followed.
    """
    collection, jobs, settings = deps.service.collection, deps.jobs, deps.settings
    ledger = Ledger(collection.store.database)

    @asynccontextmanager
    async def following(_app: object) -> AsyncIterator[None]:
        deps.pool.warm()
        # Folders have a worker of their own, so that an upload never waits for one of their files.
        with ParserPool(1, settings.parse_limits) as pool:
            with (
                watching([Mirror(collection, folder) for folder in settings.watch], pool),
                rereading(collection, pool),
            ):
                yield
                # The current batch would take too long. Its documents can be sent again.
                collection.stop()
            jobs.stop()
            deps.pool.close()
            jobs.close()

    routes = APIRouter(prefix="/v1", tags=["documents"], lifespan=following)

    @routes.get("/ingestion")
    async def ingestion(
        scope: RequestScope,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        cursor: Annotated[str | None, Query(max_length=MAX_CURSOR_LENGTH)] = None,
        stage: FileStage | None = None,
    ) -> IngestionResponse:
        """The state of each file in the synced folders. Whoever may not know of everything is shown
        those files that gave documents that they may know of, and a page may then have fewer.
        """
        entries = await deps.threads.read(ledger.lines, limit + 1, key_before(cursor), stage)
        ids = [entry.document_id for entry in entries if entry.document_id]
        notes = await deps.threads.read(ledger.notes, ids)
        visible = await deps.threads.read(collection.store.within(scope).summaries, ids)
        page = [
            FileOut.of(entry, notes)
            for entry in entries[:limit]
            if scope == EVERYTHING or entry.document_id in visible
        ]
        unread = list((await deps.threads.read(ledger.unread)).values())
        if scope != EVERYTHING:
            unread = []
        return IngestionResponse(
            files=page,
            cursor=cursor_after(entries[limit - 1].path) if len(entries) > limit else None,
            unread=[
                UnreadOut(name=file.name, reason=file.reason)
                for file in chain.from_iterable(folder.files for folder in unread)
            ][:MAX_UNREAD],
            unread_count=sum(folder.count for folder in unread),
        )

    @routes.get("/jobs/{job_id}")
    async def job(job_id: str, scope: RequestScope) -> JobOut:
        """The progress of an upload."""
        return JobOut.of(jobs.find(job_id, scope))

    @routes.delete("/jobs/{job_id}")
    async def cancel(job_id: str, scope: RequestScope) -> JobOut:
        """Stop an upload after the current batch. What is stored stays."""
        return JobOut.of(jobs.cancel(job_id, scope))

    return routes


def accepted(job: Job) -> Response:
    """The response to an upload that runs as a job."""
    headers = {"Location": f"/v1/jobs/{job.id}", "Preference-Applied": "respond-async"}
    return JSONResponse(JobOut.of(job).model_dump(mode="json"), HTTPStatus.ACCEPTED, headers)
