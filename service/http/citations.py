"""Citations over HTTP: whether a quote is still where its citation says."""

from fastapi import APIRouter

from service.answering.verification import verify
from service.http.dependencies import Dependencies
from service.http.schemas import VerifyRequest, VerifyResponse


def router(deps: Dependencies) -> APIRouter:
    """``/v1/verify``."""
    routes = APIRouter(prefix="/v1", tags=["citations"])

    @routes.post("/verify")
    async def check(request: VerifyRequest) -> VerifyResponse:
        """Whether a quote is still where its citation says."""
        verdict = await deps.threads.read(
            verify,
            deps.service.collection.store,
            request.document_id,
            start=request.start,
            end=request.end,
            quote=request.quote,
        )
        return VerifyResponse(
            status=verdict.status.value,
            document_id=request.document_id,
            version=verdict.version,
            start=verdict.start,
            end=verdict.end,
        )

    return routes
