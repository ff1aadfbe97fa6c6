"""How documents come in beside single requests: folders that are kept up with, and uploads that are
jobs.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from corpus.pool import ParserPool
from index.collection import Collection
from index.store.store import Store
from service.http.paging import cursor_after, key_before
from service.http.schemas import FileOut, IngestionResponse, JobOut
from service.mirror.jobs import Job, Jobs
from service.mirror.ledger import FileStage, Ledger
from service.mirror.sync import Mirror
from service.mirror.watch import watching
from service.settings import Settings

MAX_PAGE = 1_000


def ingestion_router(store: Store, jobs: Jobs) -> APIRouter:
    """The routes of the ledger and of the jobs."""
    router, ledger = APIRouter(prefix="/v1", tags=["documents"]), Ledger(store.database)

    @router.get("/ingestion")
    def ingestion(
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        cursor: str | None = None,
        stage: FileStage | None = None,
    ) -> IngestionResponse:
        """What became of each file of the folders that the index keeps up with."""
        found = ledger.lines(limit + 1, key_before(cursor), stage)
        page = [FileOut.of(entry) for entry in found[:limit]]
        return IngestionResponse(
            files=page, cursor=cursor_after(page[-1].path) if len(found) > limit else None
        )

    @router.get("/jobs/{job_id}")
    async def job(job_id: str) -> JobOut:
        """How far an upload has come."""
        return JobOut.of(jobs.find(job_id))

    @router.delete("/jobs/{job_id}")
    async def cancel(job_id: str) -> JobOut:
        """Stop an upload after the batch at hand; what is stored stays."""
        return JobOut.of(jobs.cancel(job_id))

    return router


def accepted(job: Job) -> Response:
    """The answer to an upload that has become a job."""
    headers = {"Location": f"/v1/jobs/{job.id}", "Preference-Applied": "respond-async"}
    return JSONResponse(JobOut.of(job).model_dump(mode="json"), HTTPStatus.ACCEPTED, headers)


@asynccontextmanager
async def keeping_up(collection: Collection, jobs: Jobs, settings: Settings) -> AsyncIterator[None]:
    """Follow the folders of the settings; at the end, finish the batches at hand."""
    with ParserPool(1, settings.max_document_bytes) as pool:
        with watching([Mirror(collection, folder) for folder in settings.watch], pool):
            yield
        jobs.close()
