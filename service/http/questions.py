"""Questions over HTTP: ask, search, read an answer again, and say whether it helped."""

from functools import partial
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from fastapi.responses import Response

from corpus.errors import NotFoundError
from service.answering.record import AnswerRecord, RetrievedPassages
from service.http import problems
from service.http.dependencies import Dependencies
from service.http.events import (
    MEDIA_TYPE,
    STREAMED,
    EventStream,
    event,
    passages_then_answer,
)
from service.http.schemas import AskRequest, FeedbackRequest, FeedbackResponse, SearchRequest
from service.http.scope import RequestScope


def router(deps: Dependencies) -> APIRouter:
    """``/v1/ask``, ``/v1/search``, ``/v1/answers`` and ``/v1/feedback``."""
    routes = APIRouter(prefix="/v1", tags=["questions"])
    service, threads = deps.service, deps.threads

    @routes.post("/ask", response_model=AnswerRecord, responses=STREAMED)
    async def ask(
        request: AskRequest, scope: RequestScope, accept: Annotated[str, Header()] = ""
    ) -> Response:
        """The answer, quoted and cited, or the reason why there is none.

        With `Accept: text/event-stream` the retrieved passages come first (`passages`), then the
        answer (`answer`).
        """
        question = request.to_question()
        if MEDIA_TYPE in accept.lower():
            return EventStream(
                threads, passages_then_answer(service, question, scope), _error_event
            )
        kept = await threads.ask(partial(service.ask, question, scope=scope))
        return Response(kept.body, media_type="application/json")

    @routes.post("/search")
    async def search(request: SearchRequest, scope: RequestScope) -> RetrievedPassages:
        """The passages nearest to a question."""
        question = request.to_question()
        return await threads.ask(lambda _check: service.search(question, scope))

    @routes.get("/answers/{answer_id}", response_model=AnswerRecord)
    async def stored_answer(answer_id: str, scope: RequestScope) -> Response:
        """An answer that was given before, byte for byte."""
        kept = await threads.read(service.kept_answer, answer_id, scope)
        if kept is None:
            raise NotFoundError(f"there is no stored answer {answer_id!r}")
        return Response(kept.body, media_type="application/json")

    @routes.post("/feedback", status_code=HTTPStatus.CREATED)
    async def feedback(request: FeedbackRequest, scope: RequestScope) -> FeedbackResponse:
        """Keep feedback on an answer."""
        correct = request.correct
        span = (correct.document_id, correct.start, correct.end) if correct else None
        number = await threads.read(
            service.give_feedback,
            request.answer_id,
            request.helpful,
            request.comment,
            span,
            scope,
        )
        return FeedbackResponse(id=number, answer_id=request.answer_id)

    return routes


def _error_event(exc: Exception) -> bytes:
    return event(bytes(problems.problem_of(exc).body).decode(), "error")
