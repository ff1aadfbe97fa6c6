"""The Model Context Protocol: answers, passages and documents as tools for assistants. See
docs/clients.md.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Generic, TypeVar

from fastapi import APIRouter, FastAPI
from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.routing import Route

from corpus.errors import BusyError, QuothError
from service.answering.record import AnswerRecord, DocumentRecord, RetrievedPassages
from service.answering.service import AnswerService
from service.http.dependencies import Dependencies
from service.http.problems import BUG, fault_of, problem
from service.http.schemas import AskRequest, DocumentRequest, Request, SearchRequest
from service.http.threads import Check, Threads

INSTRUCTIONS = """\
Answers questions from one collection of documents by quoting them. Every quote is an exact \
span of a stored document, cited with its document, version and offsets. Quote `answer.text` \
and its sentence as they are, and cite their title, date and link. `outcome: "unsure"` means \
that no span was certain: `best_guess` may be right, so check its sentence, read `passages`, and \
say that it is not certain. `outcome: "none"` means that no span was sure; `passages` holds the \
nearest texts, which are there to be read and may hold the answer all the same. An answer of \
several `quotes` is a list, a passage or a row: show all of them, in their order. Do not answer \
from memory in the name of the documents."""

_ANNOTATIONS = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)

PATH = "/mcp"

_Request = TypeVar("_Request", bound=Request)

log = logging.getLogger("quoth")
logging.getLogger("mcp").setLevel(logging.WARNING)  # which logs every request otherwise


@dataclass(frozen=True, slots=True)
class Tool(Generic[_Request]):
    """A tool for assistants: it takes a request of the HTTP service and gives its response.

    :param run: gives the response to a request, and calls the check between its stages
    """

    name: str
    description: str
    request: type[_Request]
    response: type[BaseModel]
    run: Callable[[_Request, Check], BaseModel]

    def described(self) -> types.Tool:
        """The tool as it is listed for assistants."""
        return types.Tool(
            name=self.name,
            description=self.description,
            input_schema=self.request.model_json_schema(),
            output_schema=self.response.model_json_schema(mode="serialization"),
            annotations=_ANNOTATIONS,
        )

    def call(self, arguments: Mapping[str, Any], check: Check) -> types.CallToolResult:
        """The response, or a message about the arguments or the index. Assistants read both."""
        try:
            response = self.run(self.request.model_validate(arguments), check)
        except ValidationError as exc:
            return _failed(fault_of([dict(error) for error in exc.errors()])[1])
        except QuothError as exc:
            return _failed(str(exc))
        return types.CallToolResult(
            content=[types.TextContent(text=response.model_dump_json(by_alias=True))],
            structured_content=response.model_dump(mode="json", by_alias=True),
        )


def mcp_error(
    status: int, detail: str, field: str | None = None, slug: str | None = None
) -> Response:
    """A problem, with status 400 where other paths have 422: the protocol asks for 400."""
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    return problem(status, detail, field=field, slug=slug)


def router(deps: Dependencies) -> APIRouter:
    """``/mcp``: Streamable HTTP without sessions."""
    sessions = StreamableHTTPSessionManager(
        create_server(deps.service, deps.threads, deps.settings.address),
        json_response=True,
        stateless=True,
        max_request_body_size=deps.settings.max_body_bytes,
    )

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        async with sessions.run():
            yield

    routes = APIRouter(lifespan=running)
    routes.routes.append(Route(PATH, StreamableHTTPASGIApp(sessions), include_in_schema=False))
    return routes


async def serve_stdio(service: AnswerService, threads: Threads, address: str | None) -> None:
    """Serve the parent process over standard input and output, until it closes them.

    :param address: as for :func:`create_server`
    """
    server = create_server(service, threads, address)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def create_server(
    service: AnswerService, threads: Threads, address: str | None
) -> Server[Any]:  # the type of its lifespan state; it has none
    """A server with the tools of a service, for any transport.

    :param address: where the links of citations lead, None if no HTTP service is known
    """
    links = f" Links are relative to {address}." if address else ""
    tools = {tool.name: tool for tool in _tools(service)}

    async def list_tools(
        _context: ServerRequestContext[Any, Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[tool.described() for tool in tools.values()])

    async def call_tool(
        _context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        tool = tools.get(params.name)
        if tool is None:
            raise MCPError(
                types.INVALID_PARAMS,
                f"there is no tool {params.name!r}; the tools are {', '.join(sorted(tools))}",
            )
        try:
            return await threads.ask(partial(tool.call, params.arguments or {}))
        except BusyError as exc:
            return _failed(str(exc))
        except Exception as exc:
            log.exception("unexpected exception")
            raise MCPError(types.INTERNAL_ERROR, BUG) from exc

    return Server(
        "quoth",
        version=version("quoth"),
        title="Quoth",
        instructions=INSTRUCTIONS + links,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


def _tools(service: AnswerService) -> list[Tool[Any]]:  # each has its own type of request
    return [
        Tool(
            "ask",
            "Answer a question from the documents with an exact quote, its confidence and its "
            "citations; or give the best guess, marked as not certain; or only the nearest "
            "passages.",
            AskRequest,
            AnswerRecord,
            lambda request, check: service.ask(request.to_question(), check).record,
        ),
        Tool(
            "search",
            "Find the passages of the documents that are nearest to a question, best first.",
            SearchRequest,
            RetrievedPassages,
            lambda request, _check: service.search(request.to_question()),
        ),
        Tool(
            "get_document",
            "Read a whole document: its text, of the present version or of the one that a "
            "citation names.",
            DocumentRequest,
            DocumentRecord,
            lambda request, _check: service.document(request.document_id, request.version),
        ),
    ]


def _failed(reason: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=reason)], is_error=True)
