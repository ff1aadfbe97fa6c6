"""Citations over HTTP: whether a quote is still where its citation says."""

from fastapi import APIRouter

from service.answering.verification import verify
from service.http.dependencies import Dependencies
from service.http.schemas import VerifyRequest, VerifyResponse
from service.http.scope import RequestScope


def router(deps: Dependencies) -> APIRouter:
    """``/v1/verify``."""
    routes = APIRouter(prefix="/v1", tags=["citations"])

    @routes.post("/verify")
    async def check(request: VerifyRequest, scope: RequestScope) -> VerifyResponse:
        """Whether a quote is still where its citation says."""
        verdict = await deps.threads.read(
            verify,
            deps.service.collection.store.within(scope),
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
