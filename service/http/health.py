"""Health: whether the process runs, and whether it answers."""

from fastapi import APIRouter

from service.http.dependencies import Dependencies


def router(deps: Dependencies) -> APIRouter:
    """``/health/live`` and ``/health/ready``."""
    routes = APIRouter(prefix="/health", tags=["health"])

    @routes.get("/live")
    async def live() -> dict[str, str]:
        """The process is running."""
        return {"status": "live"}

    @routes.get("/ready")
    async def ready() -> dict[str, str | int]:
        """The index is open, and questions are answered."""
        return {"status": "ready", "generation": deps.service.collection.generation}

    return routes
