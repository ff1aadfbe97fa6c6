"""Collections and groups over HTTP: created, asked one at a time or several, moved and deleted."""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from index.filters import EVERYTHING, Scope
from service.answering.service import AnswerService
from service.http.app import create_app
from service.http.scope import scope_of_request
from service.reader.passage import PassageReader
from service.settings import Settings

Send = Callable[..., httpx.Response]
Json = dict[str, Any]  # what json gives

LINE = "The Otter line opened in 1931."
PAY = "The Otter line pays 42 euros."


@dataclass
class Sender:
    """The scope of the requests that are sent."""

    scope: Scope = EVERYTHING


@pytest.fixture
def sender() -> Sender:
    return Sender()


@pytest.fixture
def send(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, sender: Sender
) -> Iterator[Send]:
    """Sends a request to an app over an empty index: ``send("GET", "/v1/collections")``."""
    settings = Settings(threads=2)
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        app = create_app(service, settings, ParserPool(0, settings.parse_limits))
        app.dependency_overrides[scope_of_request] = lambda: sender.scope
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


# -- somebody who may not know of a document

STAFF = Scope(frozenset(("default", "lab")), frozenset(("staff",)))
BOARD = "The Otter line is a matter of the board."
LIVE = ("updated_at", "created_at", "timings_ms")


def bare(value: object, name: str) -> object:
    """A response without times, in which a document has the name of every other one."""
    if isinstance(value, dict):
        return {key: bare(each, name) for key, each in value.items() if key not in LIVE}
    if isinstance(value, list):
        return [bare(each, name) for each in value]
    return value.replace(name, "NAME") if isinstance(value, str) else value


@pytest.fixture
def hiding(filled: Send, sender: Sender) -> Send:
    """Sends requests of the staff, who may not know of the document ``board`` and of ``hr``."""
    filled("POST", "/v1/collections", json={"name": "lab"})
    text = f"---\ngroups: board\n---\n{BOARD}".encode()
    files = [("files", ("board.md", text, "text/markdown"))]
    assert filled("POST", "/v1/documents", files=files).is_success
    add(filled, {"id": "board", "text": BOARD, "groups": ["board"]})
    sender.scope = STAFF
    return filled


OPERATIONS: list[tuple[str, str, Json | None]] = [
    ("GET", "/v1/documents/{}", None),
    ("GET", "/v1/documents/{}/original", None),
    ("GET", "/v1/documents/{}/pages/1", None),
    ("GET", "/documents/{}", None),
    ("PATCH", "/v1/documents/{}", {"title": "Mine"}),
    ("DELETE", "/v1/documents/{}", None),
    ("POST", "/v1/verify", {"document_id": "{}", "version": "x", "start": 0, "end": 3}),
    ("POST", "/v1/search", {"question": "Otter line", "filters": {"document_ids": ["{}"]}}),
    ("POST", "/v1/ask", {"question": "Otter line", "filters": {"document_ids": ["{}"]}}),
    ("GET", "/v1/documents?q={}", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
@pytest.mark.parametrize("hidden", ["board", "board.md", "pay"])
def test_a_hidden_document_is_answered_as_one_that_never_was(
    hiding: Send, sender: Sender, hidden: str, method: str, path: str, body: Json | None
) -> None:
    def answered(name: str) -> tuple[int, object]:
        sent = json.loads(json.dumps(body).replace("{}", name))
        if path == "/v1/verify":
            sent["quote"] = "The"
        arguments = {} if sent is None else {"json": sent}
        response = hiding(method, path.format(name), **arguments)
        described = bare(response.json(), name)
        if isinstance(described, dict):
            described.pop("id", None)  # The id of an answer depends on its question.
        return response.status_code, described

    assert answered(hidden) == answered("x" * len(hidden))
    sender.scope = EVERYTHING
    assert hiding("GET", f"/v1/documents/{hidden}").status_code == 200


def test_lists_counts_and_jobs_have_nothing_of_what_is_hidden(hiding: Send, sender: Sender) -> None:
    assert [each["id"] for each in hiding("GET", "/v1/documents").json()["documents"]] == ["line"]
    listed = hiding("GET", "/v1/collections").json()["collections"]
    assert [(each["name"], each["documents"]) for each in listed] == [("default", 1), ("lab", 0)]
    assert hiding("GET", "/page/collection").json()["documents"] == 1
    for collection in ("hr", "never"):
        for response in (
            hiding("GET", "/v1/documents", params={"collection": collection}),
            hiding("DELETE", f"/v1/collections/{collection}"),
            add(hiding, {"text": "Gas."}, collection=collection),
        ):
            problem = response.json()
            assert (response.status_code, problem["detail"]) == (
                404,
                f"there is no collection {collection!r}",
            )
    sender.scope = EVERYTHING
    documents = {"documents": [{"text": "A job."}]}
    job = hiding("POST", "/v1/documents", json=documents, headers={"Prefer": "respond-async"})
    address = job.headers["Location"]
    assert hiding("GET", address).status_code == 200
    sender.scope = STAFF
    assert hiding("GET", address).status_code == 404
    assert hiding("DELETE", address).status_code == 404


@pytest.mark.parametrize("hidden", ["board", "pay"])
def test_a_hidden_document_is_not_replaced_and_only_its_id_is_told_to_be_taken(
    hiding: Send, sender: Sender, hidden: str
) -> None:
    taken = [
        add(hiding, {"id": hidden, "text": "Mine."}),
        hiding("PUT", f"/v1/documents/{hidden}", json={"text": "Mine."}),
    ]
    assert [response.status_code for response in taken] == [409, 409]
    assert taken[0].json()["detail"] == (
        f"{hidden}: this id cannot be used; give the document another one"
    )
    sender.scope = EVERYTHING
    assert "Otter line" in hiding("GET", f"/v1/documents/{hidden}").json()["text"]


def test_an_answer_opens_for_those_who_may_see_its_documents_today(
    filled: Send, sender: Sender
) -> None:
    asked = {"question": "When did the Otter line open?", "min_confidence": 0}
    answer = filled("POST", "/v1/ask", json=asked).json()
    feedback = {"answer_id": answer["id"], "helpful": True}
    address = f"/v1/answers/{answer['id']}"
    sender.scope = STAFF
    assert filled("GET", address).json() == answer
    assert filled("POST", "/v1/feedback", json=feedback).status_code == 201
    sender.scope = EVERYTHING
    filled("PATCH", "/v1/documents/line", json={"groups": ["board"]})
    sender.scope = STAFF
    assert filled("GET", address).status_code == 404
    assert filled("POST", "/v1/feedback", json=feedback).status_code == 404
    sender.scope = EVERYTHING
    assert filled("GET", address).json() == answer


def test_a_conversation_does_not_cross_from_one_scope_to_another(
    filled: Send, sender: Sender
) -> None:
    def resolved(question: str) -> str:
        sent = {"question": question, "conversation_id": "c", "min_confidence": 0}
        return str(filled("POST", "/v1/ask", json=sent).json()["resolved_question"])

    resolved("When did the Otter line open?")
    assert resolved("Who built it?") != "Who built it?"
    sender.scope = STAFF
    assert resolved("Who built it?") == "Who built it?"
