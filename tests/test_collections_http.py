"""Collections and groups over HTTP: created, asked one at a time or several, moved and deleted."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.http.app import create_app
from service.reader.passage import PassageReader
from service.settings import Settings

Send = Callable[..., httpx.Response]
Json = dict[str, Any]  # what json gives

LINE = "The Otter line opened in 1931."
PAY = "The Otter line pays 42 euros."


@pytest.fixture
def send(tmp_path: Path, encoder: Encoder, passages: PassageReader) -> Iterator[Send]:
    """Sends a request to an app over an empty index: ``send("GET", "/v1/collections")``."""
    settings = Settings(threads=2)
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        app = create_app(service, settings, ParserPool(0, settings.parse_limits))
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)

        async def sending(method: str, path: str, **sent: Any) -> httpx.Response:
            async with httpx.AsyncClient(
                transport=transport, base_url="http://127.0.0.1"
            ) as client:
                return await client.request(method, path, **sent)

        yield lambda method, path, **sent: runner.run(sending(method, path, **sent))


@pytest.fixture
def filled(send: Send) -> Send:
    """The same, with a document in each of two collections."""
    send("POST", "/v1/collections", json={"name": "hr", "description": "About people"})
    add(send, {"id": "line", "text": LINE})
    add(send, {"id": "pay", "text": PAY}, collection="hr")
    return send


def add(send: Send, *documents: Json, **body: object) -> httpx.Response:
    return send("POST", "/v1/documents", json={"documents": list(documents), **body})


def found(send: Send, **asked: object) -> list[str]:
    response = send("POST", "/v1/search", json={"question": "Otter line", **asked})
    assert response.status_code == 200, response.text
    return sorted(hit["document_id"] for hit in response.json()["hits"])


def test_a_question_is_about_the_default_collection_or_those_that_it_names(filled: Send) -> None:
    assert found(filled) == ["line"]
    assert found(filled, collection="hr") == ["pay"]
    assert found(filled, collection=["default", "hr"]) == ["line", "pay"]
    asked = {"question": "What does the Otter line pay?", "min_confidence": 0}
    answer = filled("POST", "/v1/ask", json=asked | {"collection": "hr"}).json()
    assert answer["citations"][0]["document_id"] == "pay"
    other = filled("POST", "/v1/ask", json=asked).json()
    assert {each["document_id"] for each in other["passages"]} == {"line"}
    assert other["id"] != answer["id"]


def test_collections_are_listed_with_the_numbers_of_their_documents(filled: Send) -> None:
    listed = filled("GET", "/v1/collections").json()["collections"]
    assert [(each["name"], each["documents"]) for each in listed] == [("default", 1), ("hr", 1)]
    assert listed[1]["description"] == "About people"
    page = filled("GET", "/v1/documents", params={"collection": "hr"}).json()["documents"]
    assert [(each["id"], each["collection"], each["groups"]) for each in page] == [
        ("pay", "hr", [])
    ]
    everything = filled("GET", "/v1/documents").json()["documents"]
    assert [each["id"] for each in everything] == ["line", "pay"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/ask", {"question": "Gas?", "collection": "sales"}),
        ("POST", "/v1/search", {"question": "Gas?", "collection": ["default", "sales"]}),
        ("POST", "/v1/documents", {"documents": [{"text": "Gas."}], "collection": "sales"}),
        ("PUT", "/v1/documents/line", {"text": "Gas.", "collection": "sales"}),
        ("PATCH", "/v1/documents/line", {"collection": "sales"}),
        ("GET", "/v1/documents?collection=sales", None),
        ("DELETE", "/v1/collections/sales", None),
    ],
)
def test_a_collection_that_does_not_exist_is_not_found(
    filled: Send, method: str, path: str, body: Json | None
) -> None:
    response = filled(method, path, json=body) if body else filled(method, path)
    assert response.status_code == 404
    assert response.json()["detail"] == "there is no collection 'sales'"
    assert found(filled) == ["line"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "hr"}, 409),
        ({"name": "default"}, 409),
        ({"name": "a b"}, 422),
        ({"name": ""}, 422),
        ({"name": "x", "min_confidence": 2}, 422),
        ({"name": "x", "owner": "me"}, 422),
        ({}, 422),
    ],
)
def test_a_collection_that_cannot_be_created_is_refused(
    filled: Send, body: Json, status: int
) -> None:
    assert filled("POST", "/v1/collections", json=body).status_code == status


def test_an_upload_names_its_collection_and_its_groups(filled: Send) -> None:
    files = [("files", ("plan.txt", b"The Otter line is planned.", "text/plain"))]
    fields = {"collection": "hr", "groups": ["board", "owners"]}
    assert filled("POST", "/v1/documents", files=files, data=fields).status_code == 200
    stored = filled("GET", "/v1/documents/plan.txt").json()
    assert (stored["collection"], stored["groups"]) == ("hr", ["board", "owners"])
    assert found(filled, collection="hr") == ["pay", "plan.txt"]
    refused = filled("POST", "/v1/documents", files=files, data={"collection": "sales"})
    assert refused.status_code == 404


def test_an_id_of_another_collection_is_a_conflict(filled: Send) -> None:
    response = add(filled, {"id": "pay", "text": "Other."}, collection="default")
    assert (response.status_code, "has this id" in response.json()["detail"]) == (409, True)
    assert filled("GET", "/v1/documents/pay").json()["text"] == PAY


def test_a_document_is_moved_and_restricted(filled: Send) -> None:
    changes = {"collection": "default", "groups": ["board"]}
    assert filled("PATCH", "/v1/documents/pay", json=changes).json()["status"] == "updated"
    assert found(filled) == ["line", "pay"]
    assert filled("GET", "/v1/documents/pay").json()["groups"] == ["board"]
    again = filled("PUT", "/v1/documents/pay", json={"text": PAY})
    assert again.json()["status"] == "unchanged"
    assert filled("GET", "/v1/documents/pay").json()["groups"] == ["board"]
    assert filled("PUT", "/v1/documents/pay", json={"text": PAY, "groups": []}).status_code == 200
    assert filled("GET", "/v1/documents/pay").json()["groups"] == []


def test_a_collection_is_deleted_with_its_documents_and_answers(filled: Send) -> None:
    asked = {"question": "What does the Otter line pay?", "collection": "hr", "min_confidence": 0}
    answer = filled("POST", "/v1/ask", json=asked).json()
    receipt = filled("DELETE", "/v1/collections/hr").json()
    assert receipt["name"] == "hr"
    counted = {name: receipt["deleted"][name] for name in ("documents", "chunks", "answers")}
    assert counted == {"documents": 1, "chunks": 1, "answers": 1}
    assert filled("GET", f"/v1/answers/{answer['id']}").status_code == 404
    assert filled("POST", "/v1/ask", json=asked).status_code == 404
    assert found(filled) == ["line"]
    assert filled("DELETE", "/v1/collections/default").status_code == 409


def test_a_collection_has_a_threshold_of_its_own(send: Send) -> None:
    asked = {"question": "When did the Otter line open?"}
    for name, threshold in (("sure", 1.0), ("any", 0.0)):
        created = send("POST", "/v1/collections", json={"name": name, "min_confidence": threshold})
        assert created.json()["min_confidence"] == threshold
        add(send, {"id": name, "text": LINE}, collection=name)
        answer = send("POST", "/v1/ask", json=asked | {"collection": name}).json()
        assert answer["answered"] == (name == "any")
