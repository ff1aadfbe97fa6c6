"""The API description: every answer has a status and a media type that its operation names."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from corpus.document import Document
from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.http.app import create_app
from service.http.media import media_type
from service.reader.passage import PassageReader
from service.settings import Settings

JSON = {"Content-Type": "application/json"}
HTML = {"Accept": "text/html"}
EVENTS = JSON | {"Accept": "text/event-stream"}
ASYNC = JSON | {"Prefer": "respond-async"}

ASK = {"question": "How long is the Otter Bridge?", "min_confidence": 0}
CHAT = {"model": "quoth", "messages": [{"role": "user", "content": ASK["question"]}]}
MULTIPART = "multipart/form-data"
OPENAI = "/v1/chat/completions"

# What is sent to every operation, whether it takes a body or not.
FAULTS: list[dict[str, Any]] = [
    {"headers": JSON | {"Host": "evil.example"}},
    {"headers": JSON | {"Origin": "http://evil.example"}},
    {
        "headers": {
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Dest": "image",
        }
    },
    {"headers": {"Content-Type": "text/plain"}, "content": b"{}"},
    {"content": b"{}"},
    {"headers": JSON, "content": b"{"},
    {"headers": JSON, "content": b"\xff"},
    {"headers": JSON, "content": b"[" * 10_000},
    {"headers": JSON, "content": b'{"a": NaN, "a": 1}'},
    {"headers": JSON, "content": b'{"top_k": ' + b"9" * 5_000 + b"}"},
    {"headers": JSON, "content": b"{}"},
    {"headers": JSON, "content": b" " * 200_000},
    {"params": {"limit": "0", "stage": "none", "cursor": "?", "version": "none"}},
]

# What operations are for, and the faults that only they have.
REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("post", "/v1/ask", {"json": ASK}),
    ("post", "/v1/ask", {"headers": EVENTS, "content": json.dumps(ASK)}),
    ("post", "/v1/ask", {"json": {"question": ""}}),
    ("post", "/v1/search", {"json": {"question": "bridge"}}),
    ("post", "/v1/feedback", {"json": {"answer_id": "none", "helpful": True}}),
    ("post", "/v1/documents", {"json": {"documents": [{"id": "elm", "text": "An elm."}]}}),
    ("post", "/v1/documents", {"json": {"documents": [{"text": "x", "url": "javascript:x"}]}}),
    ("post", "/v1/documents", {"headers": ASYNC, "content": '{"documents": [{"text": "Job."}]}'}),
    ("post", "/v1/documents", {"files": [("files", ("a.txt", b"Text."))]}),
    ("post", "/v1/documents", {"files": [("files", ("a.exe", b"MZ"))]}),
    ("post", "/v1/documents", {"headers": {"Content-Type": MULTIPART}, "content": b"x"}),
    (
        "post",
        "/v1/documents",
        {"headers": {"Content-Type": f"{MULTIPART}; boundary=b"}, "content": b"--b\r\nx"},
    ),
    ("get", "/v1/documents", {}),
    ("get", "/v1/documents/{document_id}", {}),
    ("put", "/v1/documents/{document_id}", {"json": {"text": "The otter swims."}}),
    ("patch", "/v1/documents/{document_id}", {"json": {"title": "Otters"}}),
    ("patch", "/v1/documents/{document_id}", {"json": {"url": "javascript:x"}}),
    ("get", "/documents/{document_id}", {}),
    ("get", "/documents/{document_id}", {"headers": HTML}),
    ("get", "/v1/ingestion", {}),
    ("post", "/v1/verify", {"json": {"document_id": "x", "version": "y", "start": 0, "end": 1}}),
    ("get", "/health/live", {}),
    ("get", "/health/ready", {}),
    ("post", OPENAI, {"json": CHAT}),
    ("post", OPENAI, {"json": CHAT | {"stream": True}}),
    ("post", OPENAI, {"json": CHAT | {"model": "another"}}),
    ("get", "/v1/models", {}),
    ("get", "/v1/models/{name}", {}),
]

Send = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def send(
    tmp_path_factory: pytest.TempPathFactory,
    encoder: Encoder,
    passages: PassageReader,
    make: Callable[..., Document],
) -> Iterator[Send]:
    """Sends a request to the service."""
    folder = tmp_path_factory.mktemp("openapi") / "data"

    async def sending(method: str, path: str, **sent: Any) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **sent)

    with AnswerService(folder, encoder, passages, writable=True) as service:
        service.collection.put([make("otter", "The Otter Bridge is 212 metres long.")])
        settings = Settings(threads=2, max_body_mb=0.1)
        app = create_app(service, settings, ParserPool(0, settings.parse_limits))
        transport = httpx.ASGITransport(app)
        with asyncio.Runner() as runner:
            yield lambda *args, **sent: runner.run(sending(*args, **sent))


@pytest.fixture(scope="module")
def described(send: Send) -> dict[str, Any]:
    return dict(send("get", "/openapi.json").json())


def check(response: httpx.Response, path: str, described: dict[str, Any]) -> None:
    """Compare a response with the description of its operation."""
    operation = described["paths"][path][response.request.method.lower()]
    named = operation["responses"].get(str(response.status_code))
    sent = (response.request.method, path, response.status_code, response.text[:200])
    assert named is not None, sent
    kind = media_type(response.headers["Content-Type"])
    assert kind in named["content"], (*sent, kind)
    if response.status_code >= 400 and kind != "text/html":
        schema = named["content"][kind]["schema"]
        name = schema["$ref"].rpartition("/")[2]
        body, known = response.json(), described["components"]["schemas"][name]
        assert set(known["required"]) <= set(body) <= set(known["properties"]), sent
        assert name == ("OpenAIError" if "error" in body else "Problem")


def test_every_fault_is_sent_as_it_is_described(send: Send, described: dict[str, Any]) -> None:
    statuses = set()
    for path, operations in described["paths"].items():
        for method in operations:
            for fault in FAULTS:
                example = path.replace("{document_id}", "none").replace("{name}", "none")
                response = send(method, example, **fault)
                check(response, path, described)
                statuses.add(response.status_code)
    assert statuses >= {403, 404, 413, 415, 421, 422}


@pytest.mark.parametrize(("method", "path", "request_"), REQUESTS, ids=str)
def test_every_answer_is_sent_as_it_is_described(
    method: str, path: str, request_: dict[str, Any], send: Send, described: dict[str, Any]
) -> None:
    example = path.replace("{document_id}", "otter").replace("{name}", "quoth")
    check(send(method, example, **request_), path, described)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"a": NaN}', "a is not a finite number"),
        (b'{"a": [-Infinity]}', "a.0 is not a finite number"),
        (b'{"a": 1e999}', "a is not a finite number"),
        (b'{"a": 1, "a": 1}', "the field 'a' is there twice"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "more than 4300 digits"),
        (b'{"a": ' + b"[" * 1_000 + b"]" * 1_000 + b"}", "nested too deeply"),
        (b"[" * 50_000, "nested too deeply"),
        ('{"a": 1}'.encode("utf-16"), "the body is not UTF-8"),
        ('{"a": 1}'.encode("utf-32-le"), "the body is not UTF-8"),
        ('{"a": 1}'.encode("utf-8-sig"), "byte order mark"),
        (b'{"a": "\xff"}', "the body is not UTF-8 at byte 7"),
    ],
    ids=lambda part: str(part)[:20],
)
def test_what_json_does_not_have_is_refused_with_its_reason_everywhere(
    body: bytes, reason: str, send: Send, described: dict[str, Any]
) -> None:
    for path, operations in described["paths"].items():
        for method in operations.keys() & {"post", "put", "patch"}:
            response = send(method, path.replace("{document_id}", "x"), headers=JSON, content=body)
            fault = response.json()
            is_openai = "error" in fault
            assert response.status_code == (400 if is_openai else 422), (path, fault)
            assert reason in (fault["error"]["message"] if is_openai else fault["detail"]), path


def test_a_wrong_method_is_a_problem_on_every_path(send: Send, described: dict[str, Any]) -> None:
    for path, operations in described["paths"].items():
        response = send("trace", path.replace("{document_id}", "otter"), headers=JSON)
        assert response.status_code == 405, path
        assert response.headers["Allow"], path
        kind = media_type(response.headers["Content-Type"])
        assert kind in next(iter(operations.values()))["responses"]["405"]["content"], path


def test_the_description_refers_to_nothing_that_is_not_there(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(described["components"]["schemas"])
    assert "HTTPValidationError" not in text
