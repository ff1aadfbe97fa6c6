"""Work for clients that have left ends, on every way that questions come."""

import asyncio
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from corpus.document import Document
from index.encoding.encoder import Encoder
from index.text.view import View
from service.answering.service import AnswerService
from service.reader.passage import Reading

PASSAGES = 30
SECONDS_PER_ROUND = 0.15


class SlowPassageReader:
    """Finds nothing, so that every passage is read, two at a time.

    :param rounds: how many times it has read
    """

    digest = "1" * 64

    def __init__(self) -> None:
        self.rounds = 0

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """An empty reading of each passage."""
        del question
        self.rounds += 1
        time.sleep(SECONDS_PER_ROUND)
        return [Reading((), 0.0, 0.0) for _ in passages]


@pytest.fixture
def reader() -> SlowPassageReader:
    return SlowPassageReader()


@pytest.fixture
def url(
    tmp_path: Path,
    encoder: Encoder,
    reader: SlowPassageReader,
    make: Callable[..., Document],
    serving: Callable[[AnswerService], AbstractContextManager[str]],
) -> Iterator[str]:
    with AnswerService(tmp_path / "data", encoder, reader, writable=True) as service:
        service.collection.put(
            [make(f"bridge {number}", f"Bridge {number} is long.") for number in range(PASSAGES)]
        )
        with serving(service) as url:
            yield url


def body(path: str, question: str) -> dict[str, object]:
    """A request for the answer to a question, with all passages."""
    asked: dict[str, object] = {"question": question, "top_k": PASSAGES}
    if path == "/mcp":
        call = {"name": "ask", "arguments": asked}
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
    if path == "/v1/ask":
        return asked
    message = {"role": "user", "content": question}
    return {"model": "quoth", "messages": [message], "quoth": {"top_k": PASSAGES}}


def begun(url: str, path: str, question: str) -> socket.socket:
    """A connection on which a question was asked."""
    host, port = url.removeprefix("http://").split(":")
    content = json.dumps(body(path, question)).encode()
    connection = socket.create_connection((host, int(port)))
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json, text/event-stream\r\nContent-Length: {len(content)}"
        "\r\n\r\n".encode()
        + content
    )
    return connection


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions", "/mcp"])
def test_reading_ends_when_the_client_leaves(
    path: str, url: str, reader: SlowPassageReader
) -> None:
    connection = begun(url, path, "How long is the bridge?")
    while reader.rounds < 2:
        time.sleep(0.01)
    connection.close()
    time.sleep(4 * SECONDS_PER_ROUND)
    ended_at = reader.rounds
    time.sleep(4 * SECONDS_PER_ROUND)
    assert reader.rounds == ended_at < PASSAGES // 2


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/chat/completions", "/mcp"])
def test_questions_of_clients_that_have_left_never_start(
    path: str, url: str, reader: SlowPassageReader
) -> None:
    running = [begun(url, path, f"How long is bridge {number}?") for number in range(2)]
    while reader.rounds < 2:
        time.sleep(0.01)
    for connection in [begun(url, path, f"Who built bridge {number}?") for number in range(10)]:
        time.sleep(0.01)
        connection.close()
    for connection in running:
        connection.close()
    time.sleep(4 * SECONDS_PER_ROUND)
    before, started = reader.rounds, time.monotonic()
    asked = {"question": "How long?", "top_k": 1}
    response = httpx.post(f"{url}/v1/ask", json=asked, timeout=30, trust_env=False)
    assert response.status_code == 200
    assert time.monotonic() - started < 5
    assert reader.rounds == before + 1


def test_many_who_ask_at_once_are_answered_or_told_when_to_come_back(
    url: str, reader: SlowPassageReader
) -> None:
    async def ask(client: httpx.AsyncClient, number: int) -> httpx.Response:
        asked = {"question": f"How long is bridge {number}?", "top_k": 4}
        return await client.post("/v1/ask", json=asked)

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            return await asyncio.gather(*(ask(client, number) for number in range(60)))

    before = threading.active_count()
    responses = asyncio.run(crowd())
    statuses = {response.status_code for response in responses}
    assert statuses == {200, 503}
    assert all(
        int(response.headers["retry-after"]) >= 1
        and response.headers["content-type"] == "application/problem+json"
        for response in responses
        if response.status_code == 503
    )
    assert threading.active_count() - before < 30
    assert reader.rounds < 2 * 60
