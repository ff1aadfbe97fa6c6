"""The HTTP service, assembled. ``/docs`` shows the contract."""

from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi_offline import FastAPIOffline

from corpus.pool import ParserPool
from service.answering.service import AnswerService
from service.http import (
    citations,
    collections,
    documents,
    health,
    ingestion,
    mcp,
    metrics,
    openai,
    originals,
    page,
    problems,
    questions,
    responses,
)
from service.http.bodies import RequestBodies
from service.http.dependencies import Dependencies
from service.http.guard import Guard
from service.http.media import FORM, JSON, MULTIPART
from service.http.openapi import describe_errors
from service.http.parameters import refuse_unknown_parameters
from service.http.threads import Threads
from service.mirror.jobs import Jobs
from service.settings import Settings
from service.slack import routes as slack

ROUTERS = (
    questions.router,
    originals.router,
    documents.router,
    collections.router,
    ingestion.router,
    citations.router,
    health.router,
    page.router,
    slack.router,
    openai.router,
    responses.router,
    mcp.router,
    metrics.router,
)
"""One for each resource. Each makes its routes from the same dependencies."""

BODIES = {"/v1/documents": (JSON, MULTIPART), "/slack/events": (FORM, JSON)}
"""The media types of the bodies that a path takes. Every other path takes JSON alone."""


_UPLOAD_WORKERS = 2


def create_app(
    service: AnswerService, settings: Settings, pool: ParserPool | None = None
) -> FastAPI:
    """The HTTP app over an open service, which the app does not close. While the app runs, it
    follows the folders of the settings.

    :param pool: parses uploads, and is closed when the app ends
    """
    if pool is None:
        workers = max(1, min(_UPLOAD_WORKERS, settings.threads // 2))
        pool = ParserPool(workers, settings.parse_limits)
    # FastAPI's own /docs loads its scripts from elsewhere; this one serves them itself.
    app = FastAPIOffline(
        redoc_url=None,
        title="Quoth",
        version=version("quoth"),
        summary="Answers questions from a body of documents by quoting them.",
        redirect_slashes=False,
        dependencies=[Depends(refuse_unknown_parameters)],
    )
    threads = Threads(
        settings.threads,
        max_waiting=settings.max_waiting,
        question_s=settings.question_seconds,
    )
    app.add_middleware(RequestBodies, max_bytes=settings.max_body_bytes, threads=threads)
    # Added last, so that it sees every request first.
    app.add_middleware(Guard, settings=settings, accepted=BODIES)
    deps = Dependencies(service, settings, threads, jobs=Jobs(service.collection), pool=pool)
    routers = [router(deps) for router in ROUTERS]
    for included in routers:
        app.include_router(included)
    formats = dict.fromkeys(openai.PATHS, openai.error) | {mcp.PATH: mcp.mcp_error}
    formats |= dict.fromkeys(_own_paths(routers), problems.problem)
    problems.install(app, {**formats, openai.UNKNOWN_PATHS: openai.error_of_unknown_route})
    describe_errors(app, openai.PATHS)
    return app


def _own_paths(routers: Sequence[APIRouter]) -> set[str]:
    """The beginnings of the paths of Quoth's own routes under ``/v1``."""
    routes = chain.from_iterable(router.routes for router in routers)
    paths = {route.path for route in routes if isinstance(route, APIRoute)}
    return {
        "/".join(path.split("/")[:3])
        for path in paths
        if path.startswith(openai.UNKNOWN_PATHS) and not path.startswith(openai.PATHS)
    }
