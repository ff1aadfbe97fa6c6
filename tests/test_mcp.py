"""The official MCP client against a running service, over HTTP and over standard input and
output.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.question import Question
from service.reader.passage import PassageReader

ROOT = Path(__file__).parent.parent
QUESTION = "How long is the Otter Bridge?"
TEXT = "The Otter Bridge was opened on 4 May 1931. It is 212 metres long."

Json = dict[str, Any]  # what json gives
Serving = Callable[[AnswerService], AbstractContextManager[str]]
Make = Callable[..., Document]
Mode = str


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader, make: Make
) -> Iterator[AnswerService]:
    with AnswerService(
        tmp_path_factory.mktemp("mcp") / "data", encoder, passages, writable=True
    ) as opened:
        opened.collection.put(
            [make("otter", TEXT, title="The Otter Bridge"), make("elm", tags=["water"])]
        )
        yield opened


@pytest.fixture(scope="module")
def url(service: AnswerService, serving: Serving) -> Iterator[str]:
    with serving(service) as address:
        yield address


@pytest.fixture(params=["auto", "legacy"])
def mode(request: pytest.FixtureRequest) -> Mode:
    """The protocol of 2026, and the handshake that came before it."""
    return str(request.param)


def using(
    server: str | StdioServerParameters, mode: Mode, talk: Callable[[Client], Awaitable[Any]]
) -> Any:
    """What came of talking to a server."""

    async def talking() -> Any:
        async with Client(server, mode=mode, read_timeout_seconds=120) as client:
            return await talk(client)

    return asyncio.run(talking())


def call(
    server: str | StdioServerParameters, mode: Mode, tool: str, **arguments: object
) -> CallToolResult:
    called: CallToolResult = using(server, mode, lambda client: client.call_tool(tool, arguments))
    return called


def fault(server: str, mode: Mode, tool: str, **arguments: object) -> str:
    """The error that calling a tool ends with."""

    async def failing(client: Client) -> str:
        with pytest.raises(MCPError) as failed:
            await client.call_tool(tool, arguments)
        return failed.value.message

    return str(using(server, mode, failing))


def structured(result: CallToolResult) -> Json:
    """What a tool gave, twice the same."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert not result.is_error, content.text
    assert json.loads(content.text) == result.structured_content
    return dict(result.structured_content)


def refused(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert (result.is_error, result.structured_content) == (True, None)
    return content.text


# -- over HTTP


def test_three_tools_are_offered_that_only_read(url: str, mode: Mode) -> None:
    async def listing(client: Client) -> Any:
        return client.server_info, client.instructions, (await client.list_tools()).tools

    info, instructions, tools = using(f"{url}/mcp", mode, listing)
    assert (info.name, "are there to be read" in instructions) == ("quoth", True)
    assert "tell the user" not in instructions
    assert instructions.endswith(f"Links are relative to {url}.")
    assert [tool.name for tool in tools] == ["ask", "search", "get_document"]
    for tool in tools:
        assert tool.description
        assert (tool.annotations.read_only_hint, tool.input_schema["additionalProperties"]) == (
            True,
            False,
        )
        assert tool.output_schema["type"] == "object"
    assert "question" in tools[0].input_schema["required"]


def test_ask_gives_the_object_of_the_http_service(url: str, mode: Mode) -> None:
    asked = {"question": QUESTION, "min_confidence": 0, "top_k": 3}
    found = structured(call(f"{url}/mcp", mode, "ask", **asked))
    assert found == httpx.post(f"{url}/v1/ask", json=asked, timeout=60).json()
    assert found["answer"]["text"] in TEXT


def test_search_gives_the_object_of_the_http_service(url: str, mode: Mode) -> None:
    asked = {"question": QUESTION, "filters": {"tags": ["water"], "published_from": None}}
    found = structured(call(f"{url}/mcp", mode, "search", **asked))
    assert found == httpx.post(f"{url}/v1/search", json=asked, timeout=60).json()
    assert [hit["document_id"] for hit in found["hits"]] == ["elm"]


def test_get_document_gives_the_object_of_the_http_service_of_any_version(
    url: str, service: AnswerService, make: Make, mode: Mode
) -> None:
    mill = {"document_id": f"mill/{mode}"}
    service.collection.put([make(mill["document_id"], "It turns.", title="The mill")])
    before = structured(call(f"{url}/mcp", mode, "get_document", **mill))
    assert before == httpx.get(f"{url}/v1/documents/{mill['document_id']}", timeout=60).json()
    service.collection.put([make(mill["document_id"], "It was torn down.", title="The mill")])
    assert (
        structured(call(f"{url}/mcp", mode, "get_document", **mill))["text"] == "It was torn down."
    )
    old = structured(call(f"{url}/mcp", mode, "get_document", **mill, version=before["version"]))
    assert (old["text"], old["version"]) == ("It turns.", before["version"])


def test_no_answer_is_a_result_and_no_error(url: str, mode: Mode) -> None:
    found = structured(call(f"{url}/mcp", mode, "ask", question=QUESTION, min_confidence=1))
    assert (found["answered"], found["reason"]) == (False, "low_confidence")
    assert (found["outcome"], found["answer"]) == ("unsure", None)
    assert found["best_guess"]["text"] == found["best_guess"]["citations"][0]["quote"]


@pytest.mark.parametrize(
    ("tool", "arguments", "reason"),
    [
        ("ask", {}, "question: Field required"),
        ("ask", {"question": " "}, "the question is empty"),
        ("ask", {"question": "x" * 1001}, "question has 1001 characters; at most 1000 are allowed"),
        ("ask", {"question": "x", "top": 1}, "top: Extra inputs are not permitted"),
        ("ask", {"question": "x", "top_k": 51}, "top_k is 51; it goes from 1 to 50"),
        (
            "ask",
            {"question": "x", "history": [{"role": "robot", "text": "y"}]},
            "history.0.role: Input should be",
        ),
        ("search", {"question": 5}, "question: Input should be a valid string"),
        (
            "search",
            {"question": "x", "filters": {"published_from": "May"}},
            "filters.published_from: a day is written",
        ),
        ("get_document", {"document_id": "none"}, "there is no document 'none'"),
        ("get_document", {"document_id": "otter", "version": "abc"}, "version"),
    ],
    ids=str,
)
def test_bad_arguments_are_a_result_that_says_what_is_wrong(
    tool: str, arguments: Json, reason: str, url: str, mode: Mode
) -> None:
    assert reason in refused(call(f"{url}/mcp", mode, tool, **arguments))


def test_an_unknown_tool_is_an_error_that_names_those_there_are(url: str, mode: Mode) -> None:
    assert (
        fault(f"{url}/mcp", mode, "write")
        == "there is no tool 'write'; the tools are ask, get_document, search"
    )


def test_a_bug_is_an_error_that_tells_nothing(
    url: str, service: AnswerService, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(_question: Question) -> bytes:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(service, "ask", failing)
    told = fault(f"{url}/mcp", mode, "ask", question=QUESTION)
    assert told == "something is wrong in Quoth itself; the log says what"


def test_one_connection_takes_many_calls_at_once(url: str, mode: Mode) -> None:
    async def asking(client: Client) -> Any:
        asked = [
            {"question": f"What is number {number}?", "min_confidence": 0} for number in range(8)
        ]
        return await asyncio.gather(*(client.call_tool("ask", each) for each in asked))

    found = [structured(result)["question"] for result in using(f"{url}/mcp", mode, asking)]
    assert found == [f"What is number {number}?" for number in range(8)]


def initialize(url: str, body: bytes | None = None, **headers: str) -> httpx.Response:
    known = {"name": "test", "version": "1"}
    params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": known}
    message = json.dumps(
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    ).encode()
    given = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        **headers,
    }
    return httpx.post(
        f"{url}/mcp", content=message if body is None else body, headers=given, timeout=60
    )


def test_pages_of_other_origins_are_kept_out(url: str) -> None:
    assert initialize(url).status_code == 200
    assert initialize(url, Origin="http://evil.example").status_code == 403
    assert initialize(url, Host="evil.example").status_code == 421


def test_bytes_that_are_no_message_are_refused(url: str) -> None:
    for body in (b"", b"{", b"\xff", b"[]", b'{"jsonrpc": "2.0"}'):
        assert initialize(url, body).status_code == 400
    assert initialize(url, b" " * 200_000).status_code == 413
    assert initialize(url).status_code == 200


@pytest.mark.parametrize("version", ["2025-06-18", "2026-07-28"])
@pytest.mark.parametrize(
    "value",
    [
        *("NaN", "1e999", "-Infinity", "9" * 5_000, "[" * 5_000, "[" * 900 + "]" * 900),
        *('"\\ud800"', '{"a": 1, "a": 1}', '{"\\ud800": 1}'),
    ],
    ids=lambda value: value[:12],
)
@pytest.mark.parametrize(
    "body",
    [
        '{"jsonrpc": "2.0", "id": VALUE, "method": "tools/list"}',
        '{"jsonrpc": "2.0", "id": 1, "method": VALUE}',
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": VALUE}',
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": VALUE}}',
        '{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "ask", '
        '"arguments": {"question": VALUE, "x": VALUE}}}',
        "VALUE",
    ],
    ids=lambda body: body[-40:],
)
def test_values_that_json_does_not_have_are_refused(
    url: str, version: str, value: str, body: str
) -> None:
    sent = body.replace("VALUE", value).encode()
    response = initialize(url, sent, **{"MCP-Protocol-Version": version})
    assert 200 <= response.status_code < 500, response.text
    answer = response.json()
    if response.status_code == 200:
        assert "error" in answer or answer["result"].get("isError"), answer


# -- over standard input and output


@pytest.mark.models
@pytest.mark.processes
def test_a_process_of_its_own_reads_beside_the_service(
    tmp_path: Path, real_encoder: Encoder, real_passages: PassageReader, make: Make, mode: Mode
) -> None:
    command = ["-m", "service.cli", "mcp", "--data", str(tmp_path / "data")]
    parameters = StdioServerParameters(
        command=sys.executable, args=command, env=dict(os.environ), cwd=ROOT
    )

    with AnswerService(tmp_path / "data", real_encoder, real_passages, writable=True) as service:
        service.collection.put([make("otter", TEXT, title="The Otter Bridge")])

        async def talking(client: Client) -> Any:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            first = await client.call_tool("ask", {"question": QUESTION, "min_confidence": 0})
            service.collection.put([make("weir", "Beavers build the weir.", title="The weir")])
            second = await client.call_tool(
                "ask", {"question": "Who builds the weir?", "min_confidence": 0}
            )
            hits = await client.call_tool(
                "search", {"question": "Who builds the weir?", "top_k": 1}
            )
            bad = await client.call_tool("get_document", {"document_id": "none"})
            return tools, structured(first), structured(second), structured(hits), refused(bad)

        tools, first, second, hits, bad = using(parameters, mode, talking)
    assert tools == ["ask", "search", "get_document"]
    assert "212 metres" in first["answer"]["text"]
    assert (second["answer"]["text"], second["generation"]) == ("Beavers", first["generation"] + 1)
    assert [hit["document_id"] for hit in hits["hits"]] == ["weir"]
    assert bad == "there is no document 'none'"
