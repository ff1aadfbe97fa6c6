"""HTTP, as the contract has it: shapes, read-your-writes, and a problem for every bad input."""

import asyncio
import base64
import io
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encoded

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reportlab.pdfgen.canvas import Canvas

from corpus.document import version_of
from corpus.limits import ParseLimits
from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from index.search.searcher import SearchResult
from service.answering.answer import Answerer
from service.answering.service import AnswerService
from service.http.app import create_app
from service.mirror.sync import Mirror
from service.reader.fitted import load_fitted
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.reader.span import Findings, Watch, unwatched
from service.settings import Settings

JSON = {"Content-Type": "application/json"}
BODY_LIMIT = 20_000
OTTER = (
    "The Otter Bridge was opened on 4 May 1931. It is 212 metres long — and crosses the river Elm. "
    "Its architect was Ada Fenwick, who called it “a plain thing”. 🦦 Repairs in 2019 cost 3.4 "
    "million euros."
)
BRIDGE = {
    "id": "check/otter",
    "title": "The Otter Bridge",
    "text": OTTER,
    "url": "https://example.org/otter",
    "published": "2020-02-03",
    "tags": ["check", "bridges"],
}
CITATION = {
    *(
        "number",
        "document_id",
        "version",
        "file_name",
        "title",
        "url",
        "published",
        "page",
        "start",
        "end",
        "quote",
        "sentence",
    ),
    "link",
}
PASSAGE = {
    *("document_id", "version", "title", "start", "end", "text", "score", "rank", "file_name"),
}
SUMMARY = {
    "id",
    "version",
    *("file_name", "media_type", "original", "published_from"),
    "title",
    "url",
    "published",
    "tags",
    "chunks",
    "characters",
    "updated_at",
    *("collection", "groups"),
}

Json = dict[str, Any]  # what json gives


class Client:
    """Asks the app without a socket, in one event loop; a bug becomes the response that a server
    would send.
    """

    def __init__(self, service: AnswerService, runner: asyncio.Runner) -> None:
        self.service = service
        settings = Settings(max_body_mb=BODY_LIMIT / 1e6, max_document_mb=0.01, threads=2)
        app = create_app(service, settings, ParserPool(0, settings.parse_limits))
        self._transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._runner = runner

    def request(self, method: str, path: str, **sent: Any) -> httpx.Response:  # what httpx takes
        return self._runner.run(self._request(method, path, **sent))

    async def _request(self, method: str, path: str, **sent: Any) -> httpx.Response:
        async with httpx.AsyncClient(
            transport=self._transport, base_url="http://127.0.0.1"
        ) as client:
            return await client.request(method, path, **sent)

    def get(self, path: str, **sent: Any) -> httpx.Response:
        return self.request("GET", path, **sent)

    def post(self, path: str, body: object) -> httpx.Response:
        """Send JSON; bytes and strings as they are."""
        raw = body if isinstance(body, bytes | str) else json.dumps(body)
        return self.request("POST", path, content=raw, headers=JSON)

    def add(self, *documents: Json) -> Json:
        return ok(self.post("/v1/documents", {"documents": list(documents)}))

    def ask(self, question: str = "How long is the Otter Bridge?", **asked: object) -> Json:
        return ok(self.post("/v1/ask", {"question": question, "min_confidence": 0, **asked}))

    def ids(self) -> list[str]:
        return [document["id"] for document in ok(self.get("/v1/documents"))["documents"]]


@pytest.fixture
def client(tmp_path: Path, encoder: Encoder, passages: PassageReader) -> Iterator[Client]:
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        yield Client(service, runner)


@pytest.fixture
def otter(client: Client) -> Client:
    """A client of an index that holds the bridge."""
    client.add(BRIDGE)
    return client


@pytest.fixture(scope="module")
def steady(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader
) -> Iterator[Client]:
    """A client of an index that holds the bridge, shared by tests none of which may change it."""
    folder = tmp_path_factory.mktemp("steady")
    with (
        AnswerService(folder, encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        client = Client(service, runner)
        client.add(BRIDGE)
        yield client
        assert (client.ids(), service.collection.generation) == (["check/otter"], 1)


def ok(response: httpx.Response, status: int = 200) -> Json:
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/json",
    ), response.text
    return dict(response.json())


def problem(response: httpx.Response, status: int, field: str | None = None) -> str:
    """Check that a response is a well-made problem; its detail."""
    assert (response.status_code, response.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    body = response.json()
    assert (
        {"type", "title", "status", "detail"}
        <= set(body)
        <= {"type", "title", "status", "detail", "field"}
    )
    assert (body["title"], body["status"]) == (HTTPStatus(status).phrase, status)
    assert body.get("field") == field
    assert body["detail"]
    assert "Traceback" not in response.text
    assert ".py" not in response.text
    return str(body["detail"])


def pdf(*pages: str) -> bytes:
    file = io.BytesIO()
    canvas = Canvas(file)
    for page in pages:
        canvas.drawString(72, 700, page)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def files(*named: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("files", each) for each in named]


def path_of(id: str) -> str:
    return f"/v1/documents/{percent_encoded(id, safe='')}"


# -- asking


def test_a_follow_up_is_resolved_alike_from_history_and_from_the_conversation_that_is_kept(
    client: Client,
) -> None:
    client.add(BRIDGE)
    first = client.ask(conversation_id="tab-1", min_confidence=0)
    kept = client.ask("When was it opened?", conversation_id="tab-1", min_confidence=0)
    said = [
        {"role": "user", "text": first["question"]},
        {"role": "assistant", "text": first["answer"]["text"]},
    ]
    sent = client.ask("When was it opened?", history=said, min_confidence=0)
    assert kept["resolved_question"] == "When was the Otter Bridge opened?"
    own = {"id", "timings_ms", "conversation_id"}
    assert {key: kept[key] for key in kept.keys() - own} == {
        key: sent[key] for key in sent.keys() - own
    }
    assert (first["conversation_id"], kept["conversation_id"], "conversation_id" in sent) == (
        "tab-1",
        "tab-1",
        False,
    )


def test_two_conversations_know_nothing_of_each_other(client: Client) -> None:
    client.add(BRIDGE)
    client.ask(conversation_id="tab-1")
    other = client.ask("When was it opened?", conversation_id="tab-2")
    assert other["resolved_question"] == "When was it opened?"


def test_an_answer_of_a_conversation_is_stored_byte_for_byte(client: Client) -> None:
    client.add(BRIDGE)
    given = client.post("/v1/ask", {"question": "How long is it?", "conversation_id": "tab-1"})
    assert client.get(f"/v1/answers/{given.json()['id']}").content == given.content


def test_sources_that_disagree_are_shown_side_by_side_the_newest_first(client: Client) -> None:
    client.add(
        {"id": "old", "text": "The Otter Bridge is 212 metres long.", "published": "2019-01-01"},
        {"id": "new", "text": "The Otter Bridge is 230 metres long.", "published": "2024-01-01"},
    )
    found = client.ask("How long in metres is the Otter Bridge?")
    assert found["conflict"] is True
    assert [said["citations"][0]["published"] for said in (found, *found["alternatives"])][:2] == [
        "2024-01-01",
        "2019-01-01",
    ]
    assert found["answer"]["text"] == found["citations"][0]["quote"]
    assert "230" in found["answer"]["text"]
    assert "212" in found["alternatives"][0]["text"]


def test_an_answer_has_every_field_of_the_contract(steady: Client) -> None:
    found = steady.ask()
    assert set(found) == {
        *(
            "id",
            "question",
            "resolved_question",
            "answered",
            "outcome",
            "answer",
            "best_guess",
            "citations",
            "alternatives",
            "reason",
        ),
        *("passages", "conflict", "as_of", "generation", "timings_ms", "explanation"),
    }
    assert (found["answered"], found["reason"], found["conflict"], found["explanation"]) == (
        True,
        None,
        False,
        None,
    )
    assert found["question"] == found["resolved_question"] == "How long is the Otter Bridge?"
    assert set(found["answer"]) == {"text", "confidence", "form", "quotes"}
    assert found["answer"]["quotes"] == [{"text": found["answer"]["text"], "citation": 1}]
    assert (found["outcome"], found["best_guess"]) == ("answer", None)
    assert 0 <= found["answer"]["confidence"] <= 1
    assert [set(citation) for citation in found["citations"]] == [CITATION] * len(
        found["citations"]
    )
    assert set(found["citations"][0]["sentence"]) == {"start", "end", "text"}
    assert [set(other) for other in found["alternatives"]] == [
        {"text", "confidence", "form", "quotes", "citations"}
    ] * 3
    assert [set(passage) for passage in found["passages"]] == [PASSAGE | {"best_sentence"}]
    assert set(found["timings_ms"]) == {"retrieve", "read", "total"}


def test_a_quote_stands_at_its_place_in_the_version_it_names(steady: Client) -> None:
    found = steady.ask("How much did the repairs cost in 2019?")
    said = [found, *found["alternatives"]]
    cited = [citation for each in said for citation in each["citations"]]
    assert "3.4 million euros" in [citation["quote"] for citation in cited]
    for citation in cited:
        stored = ok(
            steady.get(path_of(citation["document_id"]), params={"version": citation["version"]})
        )["text"]
        sentence = citation["sentence"]
        assert stored[citation["start"] : citation["end"]] == citation["quote"]
        assert stored[sentence["start"] : sentence["end"]] == sentence["text"]
        assert citation["quote"] in sentence["text"]
    assert found["answer"]["text"] == found["citations"][0]["quote"]


def test_a_citation_says_what_is_known_of_its_document(steady: Client) -> None:
    citation = steady.ask()["citations"][0]
    assert citation["number"] == 1
    assert (citation["title"], citation["url"]) == ("The Otter Bridge", "https://example.org/otter")
    assert (citation["published"], citation["page"]) == ("2020-02-03", None)
    place = f"{citation['start']}-{citation['end']}"
    assert citation["link"] == f"/documents/check/otter?version={version_of(OTTER)}#{place}"


def test_a_link_leads_to_the_plain_text_of_its_version(otter: Client) -> None:
    link = otter.ask()["citations"][0]["link"]
    otter.add({"id": "check/otter", "text": "It was torn down."})
    response = otter.get(link)
    assert (response.status_code, response.text) == (200, OTTER)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert otter.get("/documents/check/otter").text == "It was torn down."
    problem(otter.get("/documents/check/otter?version=abc"), 404)
    problem(otter.get("/documents/no-such"), 404)


def test_equal_sentences_of_two_documents_are_one_answer_with_two_citations(client: Client) -> None:
    client.add(
        {"id": "one", "text": "The bridge is 212 metres long."},
        {"id": "two", "text": "The bridge is 212 metres long"},
    )
    found = client.ask("How long is the bridge?")
    assert [(citation["number"], citation["document_id"]) for citation in found["citations"]] == [
        (1, "one"),
        (2, "two"),
    ]
    assert found["alternatives"] == []


def test_pages_are_cited_where_there_are_pages(client: Client) -> None:
    data = pdf("The bridge was opened in 1931.", "Otters live below it.")
    ok(client.request("POST", "/v1/documents", files=files(("bridge.pdf", data))))
    pages = {}
    found = client.ask("Who lives below it?")
    for citation in [
        *found["citations"],
        *(cited for other in found["alternatives"] for cited in other["citations"]),
    ]:
        pages[citation["sentence"]["text"]] = citation["page"]
    assert pages == {"The bridge was opened in 1931.": 1, "Otters live below it.": 2}
    assert [page["number"] for page in ok(client.get("/v1/documents/bridge.pdf"))["pages"]] == [
        1,
        2,
    ]


def test_passages_are_ranked_from_one_and_at_most_top_k(client: Client) -> None:
    client.add(*({"id": f"d{number}", "text": f"Bridge {number} is long."} for number in range(5)))
    assert [passage["rank"] for passage in client.ask("Which bridge?", top_k=3)["passages"]] == [
        1,
        2,
        3,
    ]
    hits = ok(client.post("/v1/search", {"question": "Which bridge?", "top_k": 50}))["hits"]
    assert [hit["rank"] for hit in hits] == [1, 2, 3, 4, 5]
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)


def test_search_gives_exact_passages(steady: Client) -> None:
    found = ok(
        steady.post("/v1/search", {"question": "the architect", "filters": {"tags": ["check"]}})
    )
    assert set(found) == {"hits", "generation"}
    (hit,) = found["hits"]
    assert set(hit) == PASSAGE
    assert OTTER[hit["start"] : hit["end"]] == hit["text"]


def test_explain_adds_how_it_came_about(steady: Client) -> None:
    explanation = steady.ask(explain=True)["explanation"]
    assert set(explanation) == {"passages", "spans"}
    assert set(explanation["passages"][0]) == {
        *("rank", "score", "dense_score", "dense_rank", "lexical_score", "lexical_rank")
    }
    assert {"quote", "score", "features"} <= set(explanation["spans"][0])


def test_the_least_confidence_zero_answers_whatever_was_retrieved(steady: Client) -> None:
    found = steady.ask("Quando piove?")
    assert (found["answered"], found["reason"]) == (True, None)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"min_confidence": 1}, "low_confidence"),
        ({"filters": {"tags": ["no-such-tag"]}}, "filter_excludes_all"),
        ({"filters": {"document_ids": ["no-such"]}}, "filter_excludes_all"),
        ({"filters": {"tags": ["check"], "published_from": "2021-01-01"}}, "filter_excludes_all"),
        ({"filters": {"published_to": "2020-02-02"}}, "filter_excludes_all"),
    ],
)
def test_no_answer_is_a_200_with_its_reason(asked: Json, reason: str, steady: Client) -> None:
    found = steady.ask(**asked)
    assert (found["answered"], found["answer"], found["citations"], found["alternatives"]) == (
        False,
        None,
        [],
        [],
    )
    assert found["reason"] == reason
    assert bool(found["passages"]) is (reason == "low_confidence")


@pytest.mark.parametrize(
    "filters",
    [
        {"tags": ["no-such-tag", "bridges"]},
        {"document_ids": ["check/otter"]},
        {"published_from": "2020-02-03", "published_to": "2020-02-03"},
        {"tags": [], "document_ids": [], "published_from": None},
        None,
    ],
)
def test_a_document_that_passes_the_filters_is_asked(filters: Json | None, steady: Client) -> None:
    assert steady.ask(filters=filters)["answered"] is True


def test_what_was_published_after_the_day_of_the_question_is_left_out(client: Client) -> None:
    client.add(
        {"id": "new", "text": "The bridge is 215 metres long.", "published": "2025-06-01"},
        {"id": "old", "text": "The bridge is 212 metres long.", "published": "2024-06-01"},
    )
    then = client.ask("How long is the bridge?", as_of="2024-12-31")
    assert (then["as_of"], then["answer"]["text"]) == ("2024-12-31", "212 metres")
    assert {passage["document_id"] for passage in then["passages"]} == {"old"}
    now = client.ask("How long is the bridge?")
    assert now["as_of"] == date.today().isoformat()
    assert {passage["document_id"] for passage in now["passages"]} == {"old", "new"}
    assert client.ask("How long is the bridge?", as_of="2000-01-01")["reason"] == (
        "filter_excludes_all"
    )


def test_an_empty_index_answers_that_it_found_nothing(client: Client) -> None:
    found = client.ask()
    assert (found["answered"], found["reason"], found["passages"]) == (
        False,
        "nothing_retrieved",
        [],
    )
    assert ok(client.post("/v1/search", {"question": "x"})) == {"hits": [], "generation": 0}


def test_a_question_is_trimmed_and_may_have_a_thousand_characters(steady: Client) -> None:
    assert steady.ask("  How long?\n")["question"] == "How long?"
    assert steady.ask(" " + "a" * 1000 + " ")["question"] == "a" * 1000


def test_bounds_and_optional_fields_are_taken(steady: Client) -> None:
    turns = [{"role": "user", "text": "Hello."}, {"role": "assistant", "text": "Hello."}] * 10
    for asked in (
        {"top_k": 1},
        {"top_k": 50},
        {"min_confidence": 1},
        {"min_confidence": None},
        {"history": turns},
    ):
        steady.ask(**asked)


# -- reading what was written


def test_the_next_question_sees_what_was_added_updated_and_deleted(client: Client) -> None:
    assert client.ask()["reason"] == "nothing_retrieved"
    generations = [
        client.add({"id": "otter", "text": "The bridge is 212 metres long."})["generation"]
    ]
    assert client.ask()["answer"]["text"] == "212 metres"
    updated = client.add({"id": "otter", "text": "The bridge is 215 metres long."})
    assert updated["documents"][0]["status"] == "updated"
    generations.append(updated["generation"])
    found = client.ask()
    assert (found["answer"]["text"], found["generation"]) == ("215 metres", generations[-1])
    generations.append(ok(client.request("DELETE", "/v1/documents/otter"))["generation"])
    assert client.ask()["reason"] == "nothing_retrieved"
    assert generations == sorted(set(generations))


def test_adding_gives_receipts_in_order(client: Client) -> None:
    text = "A bridge."
    added = client.add(
        {"id": "b", "text": text}, {"id": "a", "text": "B."}, {"text": "C.", "title": "No id"}
    )
    assert set(added) == {"documents", "generation"}
    assert added["documents"][0] == {
        "id": "b",
        "version": version_of(text),
        "chunks": 1,
        "status": "added",
        "notes": [],
    }
    assert [receipt["status"] for receipt in added["documents"]] == ["added"] * 3
    assert added["documents"][2]["id"] == f"text-{version_of('C.')[:16]}"
    again = client.add({"id": "b", "text": text}, {"id": "a", "text": "B2."})
    assert [receipt["status"] for receipt in again["documents"]] == ["unchanged", "updated"]


def test_adding_the_same_again_changes_nothing(client: Client) -> None:
    first = client.add({"id": "a", "text": "A.", "tags": ["x", "y"]})
    second = client.add({"id": "a", "text": "A.", "tags": ["y", "x"]})
    assert (second["documents"][0]["status"], second["generation"]) == (
        "unchanged",
        first["generation"],
    )


def test_put_adds_and_replaces(client: Client) -> None:
    added = ok(
        client.request("PUT", "/v1/documents/a", json={"text": "One.", "published": "2025-01-02"})
    )
    assert added == {
        "id": "a",
        "version": version_of("One."),
        "chunks": 1,
        "status": "added",
        "notes": [],
        "generation": 1,
    }
    replaced = ok(client.request("PUT", "/v1/documents/a", json={"text": "Two."}))
    assert (replaced["status"], replaced["generation"]) == ("updated", 2)
    stored = ok(client.get("/v1/documents/a"))
    assert (stored["text"], stored["published"]) == ("Two.", None)


def test_a_document_is_given_with_its_text_and_what_is_known_of_it(steady: Client) -> None:
    stored = ok(steady.get("/v1/documents/check/otter"))
    assert stored == ok(steady.get("/v1/documents/check%2Fotter"))
    assert set(stored) == SUMMARY | {"text", "pages", "blocks", "notes"}
    assert (stored["id"], stored["text"], stored["version"]) == (
        "check/otter",
        OTTER,
        version_of(OTTER),
    )
    assert (stored["published"], stored["tags"]) == ("2020-02-03", ["bridges", "check"])
    assert (stored["characters"], stored["pages"]) == (len(OTTER), [])


def test_an_old_version_is_still_given_when_asked_for(otter: Client) -> None:
    otter.add({"id": "check/otter", "text": "It was torn down."})
    old = ok(otter.get("/v1/documents/check/otter", params={"version": version_of(OTTER)}))
    assert (old["text"], old["version"], old["characters"]) == (
        OTTER,
        version_of(OTTER),
        len(OTTER),
    )
    assert ok(otter.get("/v1/documents/check/otter"))["text"] == "It was torn down."
    problem(otter.get("/v1/documents/check/otter", params={"version": "0" * 64}), 404)


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
def test_pages_of_the_list_hold_every_document_once(limit: int, client: Client) -> None:
    ids = ["a", "a/b", "é", "z z", "🦦"]
    client.add(*({"id": id, "text": f"Document {id}."} for id in ids))
    listed: list[str] = []
    cursor = None
    for _ in ids:
        page = ok(
            client.get(
                "/v1/documents", params={"limit": limit, **({"cursor": cursor} if cursor else {})}
            )
        )
        assert 1 <= len(page["documents"]) <= limit
        assert all(set(document) == SUMMARY for document in page["documents"])
        listed += [document["id"] for document in page["documents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert listed == sorted(ids)


def test_documents_are_found_by_their_names_and_sorted(client: Client) -> None:
    client.add(
        {"id": "a", "text": "It.", "title": "Reading room", "published": "2024-05-01"},
        {"id": "b", "text": "It.", "title": "Reading lamps", "published": "2025-05-01"},
        {"id": "c", "text": "It.", "title": "Keys", "tags": ["depot"]},
    )

    def listed(**params: str) -> list[str]:
        page = ok(client.get("/v1/documents", params=params))
        return [document["id"] for document in page["documents"]]

    assert listed(q="reading") == ["a", "b"]
    assert listed(q="ROOM reading") == ["a"]
    assert listed(tag="depot") == ["c"]
    assert listed(sort="-published") == ["b", "a", "c"]
    assert listed(sort="title") == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/documents?nonsense=1", "nonsense"),
        ("/v1/documents/check/otter?versoin=1", "versoin"),
        ("/v1/ingestion?nonsense", "nonsense"),
        ("/v1/documents?limit=1&api_key=x", "api_key"),
    ],
)
def test_an_unknown_query_parameter_is_refused(path: str, name: str, steady: Client) -> None:
    problem(steady.get(path), 422, name)


def test_a_link_with_the_parameters_of_a_mail_program_opens(steady: Client) -> None:
    assert steady.get("/documents/check/otter?utm_source=mail").status_code == 200
    assert steady.get("/?utm_source=mail").status_code == 200


def test_metadata_is_changed_and_the_text_stays(otter: Client) -> None:
    before = ok(otter.get("/v1/documents/check/otter"))
    changes = {
        "title": "The other bridge",
        "tags": ["b", "a"],
        "published": "2024-05-01",
        "url": "https://otter.example/",
    }
    receipt = ok(otter.request("PATCH", "/v1/documents/check/otter", json=changes))
    assert (receipt["status"], receipt["version"]) == ("updated", before["version"])
    after = ok(otter.get("/v1/documents/check/otter"))
    assert {name: after[name] for name in changes} == changes | {"tags": ["a", "b"]}
    assert (after["text"], after["published_from"]) == (before["text"], "given")
    assert otter.ask()["citations"][0]["title"] == "The other bridge"
    ok(otter.request("PATCH", "/v1/documents/check/otter", json={"published": None}))
    kept = ok(otter.get("/v1/documents/check/otter"))
    assert (kept["published"], kept["title"]) == (None, "The other bridge")


def test_changes_that_are_refused_change_nothing(otter: Client) -> None:
    before = ok(otter.get("/v1/documents/check/otter"))
    refused: list[tuple[dict[str, object], str | None]] = [
        ({"title": "t" * 1_000}, None),
        ({"url": "javascript:x"}, None),
        ({"text": "Another."}, "text"),
        ({"tags": None}, "tags"),
        ({"published": "yesterday"}, "published"),
    ]
    for changes, field in refused:
        sent = otter.request("PATCH", "/v1/documents/check/otter", json=changes)
        problem(sent, 422, field)
    problem(otter.request("PATCH", "/v1/documents/no-such", json={"title": "x"}), 404)
    assert ok(otter.get("/v1/documents/check/otter")) == before


def test_deleting_gives_a_receipt_and_leaves_nothing(otter: Client) -> None:
    otter.add({"id": "check/otter", "text": "It was torn down."})
    otter.ask()
    receipt = ok(otter.request("DELETE", "/v1/documents/check%2Fotter"))
    assert receipt["id"] == "check/otter"
    assert receipt["deleted"] == {
        "chunks": 1,
        "vectors": 1,
        "terms": 1,
        "versions": 2,
        "answers": 1,
        "exchanges": 0,
        "feedback": 0,
    }
    problem(otter.get("/v1/documents/check/otter"), 404)
    problem(otter.get("/v1/documents/check/otter", params={"version": version_of(OTTER)}), 404)
    problem(otter.get("/documents/check/otter"), 404)
    problem(otter.request("DELETE", "/v1/documents/check%2Fotter"), 404)
    assert otter.ids() == []


def test_verify_says_what_has_become_of_a_quote(otter: Client) -> None:
    citation = otter.ask()["citations"][0]
    asked = {name: citation[name] for name in ("document_id", "version", "start", "end", "quote")}

    def verify() -> Json:
        return ok(otter.post("/v1/verify", asked))

    found = verify()
    assert set(found) == {"status", "document_id", "version", "start", "end"}
    assert (found["status"], found["start"], found["end"]) == (
        "found",
        citation["start"],
        citation["end"],
    )
    otter.add({"id": "check/otter", "text": "🦦 New. " + OTTER})
    moved = verify()
    assert (moved["status"], moved["start"]) == ("moved", citation["start"] + 7)
    otter.add({"id": "check/otter", "text": "It was torn down."})
    changed = verify()
    assert (changed["status"], changed["version"]) == ("changed", version_of("It was torn down."))
    otter.request("DELETE", "/v1/documents/check/otter")
    assert verify() == {
        "status": "gone",
        "document_id": "check/otter",
        "version": None,
        "start": None,
        "end": None,
    }


def test_an_answer_is_stored_byte_for_byte(steady: Client) -> None:
    body = {"question": "How long?", "min_confidence": 0}
    first = steady.post("/v1/ask", body)
    assert steady.post("/v1/ask", body).content == first.content
    stored = steady.get(f"/v1/answers/{first.json()['id']}")
    assert (stored.content, stored.headers["content-type"]) == (first.content, "application/json")


def test_after_a_write_the_same_question_has_another_answer_and_the_old_one_stays(
    otter: Client,
) -> None:
    before = otter.ask()
    otter.add({"id": "news", "text": "Nothing happened."})
    after = otter.ask()
    assert (after["id"] != before["id"], after["generation"]) == (True, before["generation"] + 1)
    assert ok(otter.get(f"/v1/answers/{before['id']}")) == before


def test_an_answer_that_shows_a_deleted_document_is_gone(otter: Client) -> None:
    answer = otter.ask()
    otter.request("DELETE", "/v1/documents/check/otter")
    problem(otter.get(f"/v1/answers/{answer['id']}"), 404)
    problem(otter.post("/v1/feedback", {"answer_id": answer["id"], "helpful": True}), 404)


def test_feedback_is_taken(otter: Client) -> None:
    id = otter.ask()["id"]
    correct = {"document_id": "check/otter", "start": 46, "end": 56}
    first = otter.post(
        "/v1/feedback", {"answer_id": id, "helpful": False, "comment": "No. 🦦", "correct": correct}
    )
    assert ok(first, 201) == {"id": 1, "answer_id": id}
    assert ok(otter.post("/v1/feedback", {"answer_id": id, "helpful": True}), 201)["id"] == 2


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({"correct": {"document_id": "check/otter", "start": 0, "end": 10_000}}, 422, "correct"),
        ({"correct": {"document_id": "check/otter", "start": 9, "end": 9}}, 422, "correct"),
        ({"correct": {"document_id": "check/otter", "start": -1, "end": 9}}, 422, "correct.start"),
        ({"correct": {"document_id": "check/otter", "start": 1}}, 422, "correct.end"),
        ({"correct": {"document_id": "no-such", "start": 0, "end": 1}}, 404, None),
        ({"correct": {"document_id": "\ud800", "start": 0, "end": 1}}, 422, "correct.document_id"),
        ({"answer_id": "nope"}, 404, None),
        ({"answer_id": "\ud800"}, 422, "answer_id"),
        ({"comment": "\udfff"}, 422, "comment"),
        ({"comment": "a\x00"}, 422, "comment"),
        ({"comment": "a" * 10_001}, 422, "comment"),
        ({"helpful": 1}, 422, "helpful"),
        ({"helpful": "true"}, 422, "helpful"),
        ({"stars": 5}, 422, "stars"),
    ],
)
def test_bad_feedback_is_a_problem(
    given: Json, status: int, field: str | None, steady: Client
) -> None:
    body = {"answer_id": steady.ask()["id"], "helpful": True, **given}
    problem(steady.post("/v1/feedback", body), status, field)


# -- bad questions


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": " \n\t"}, "question"),
        ({"question": "a" * 1001}, "question"),
        ({"question": 5}, "question"),
        ({"question": None}, "question"),
        ({"question": ["x"]}, "question"),
        ({"question": "a\x00b"}, "question"),
        ({"question": "a\ud800"}, "question"),
        ({"question": "x", "topk": 3}, "topk"),
        ({"question": "x", "body": 3}, "body"),
        ({"question": "x", "top_k": "8"}, "top_k"),
        ({"question": "x", "top_k": True}, "top_k"),
        ({"question": "x", "top_k": 8.5}, "top_k"),
        ({"question": "x", "top_k": 0}, "top_k"),
        ({"question": "x", "top_k": 51}, "top_k"),
        ({"question": "x", "top_k": 10**30}, "top_k"),
        ({"question": "x", "top_k": None}, "top_k"),
        ({"question": "x", "filters": []}, "filters"),
        ({"question": "x", "filters": {"tag": ["a"]}}, "filters.tag"),
        ({"question": "x", "filters": {"tags": "a"}}, "filters.tags"),
        ({"question": "x", "filters": {"tags": [5]}}, "filters.tags.0"),
        ({"question": "x", "filters": {"tags": ["\ud800"]}}, "filters.tags"),
        ({"question": "x", "filters": {"document_ids": ["a\x00"]}}, "filters.document_ids"),
        ({"question": "x", "filters": {"published_from": "2025-02-30"}}, "filters.published_from"),
        ({"question": "x", "filters": {"published_from": "20250101"}}, "filters.published_from"),
        ({"question": "x", "filters": {"published_from": 5}}, "filters.published_from"),
        ({"question": "x", "filters": {"published_to": "2025-1-1"}}, "filters.published_to"),
        (
            {"question": "x", "filters": {"published_to": "2025-01-01T00:00:00"}},
            "filters.published_to",
        ),
        ({"question": "x", "filters": {"published_to": "٢٠٢٥-٠١-٠١"}}, "filters.published_to"),
        (
            {
                "question": "x",
                "filters": {"published_from": "2025-01-02", "published_to": "2025-01-01"},
            },
            "filters.published_from",
        ),
    ],
    ids=ascii,
)
@pytest.mark.parametrize("path", ["/v1/ask", "/v1/search"])
def test_a_bad_question_is_a_problem_that_names_the_field(
    path: str, asked: Json, field: str, steady: Client
) -> None:
    problem(steady.post(path, asked), 422, field)


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"min_confidence": "x"}, "min_confidence"),
        ({"min_confidence": 2}, "min_confidence"),
        ({"min_confidence": -1}, "min_confidence"),
        ({"min_confidence": True}, "min_confidence"),
        ({"min_confidence": float("nan")}, "min_confidence"),
        ({"min_confidence": float("inf")}, "min_confidence"),
        ({"min_confidence": 10**400}, "min_confidence"),
        ({"explain": 1}, "explain"),
        ({"history": "hello"}, "history"),
        ({"history": [{"role": "system", "text": "x"}]}, "history.0.role"),
        ({"history": [{"role": "user"}]}, "history.0.text"),
        ({"history": [{"role": "user", "text": "x", "name": "y"}]}, "history.0.name"),
        ({"history": [{"role": "user", "text": "\ud800"}]}, "history.0.text"),
        ({"history": [{"role": "user", "text": "x"}] * 21}, "history"),
        ({"history": [{"role": "user", "text": "x"}] * 200}, "history"),
        ({"conversation_id": ""}, "conversation_id"),
        ({"conversation_id": "x" * 201}, "conversation_id"),
        ({"conversation_id": "a\nb"}, "conversation_id"),
        ({"conversation_id": "\ud800"}, "conversation_id"),
        ({"conversation_id": 5}, "conversation_id"),
        ({"conversation_id": "x", "history": [{"role": "user", "text": "x"}]}, "conversation_id"),
    ],
    ids=ascii,
)
def test_what_comes_with_a_question_is_checked_too(asked: Json, field: str, steady: Client) -> None:
    problem(steady.post("/v1/ask", {"question": "x", **asked}), 422, field)


def test_search_has_no_fields_of_asking(steady: Client) -> None:
    problem(
        steady.post("/v1/search", {"question": "x", "min_confidence": 0}), 422, "min_confidence"
    )


@pytest.mark.parametrize(
    "path", ["/v1/ask", "/v1/search", "/v1/documents", "/v1/verify", "/v1/feedback"]
)
@pytest.mark.parametrize(
    "body",
    [
        b'{"question": ',
        b"question=x",
        b"",
        b"\xff\xfe\xfa",
        b'{"question": "\xe9"}',
        b"[" * 15_000,
        b'{"a":' * 3_000,
        b'{"top_k": 1' + b"0" * 5_000 + b"}",
        b"null",
        b"5",
        b"[]",
        b'"text"',
    ],
    ids=lambda body: str(body[:12]),
)
def test_a_body_that_is_no_json_object_is_a_problem(path: str, body: bytes, steady: Client) -> None:
    response = steady.post(path, body)
    assert response.status_code in (400, 422)
    problem(response, response.status_code)


def test_an_unknown_field_whose_name_is_no_text_breaks_nothing(steady: Client) -> None:
    response = steady.post("/v1/ask", '{"question": "x", "\\ud800": 1}')
    assert (response.status_code, response.headers["content-type"]) == (
        422,
        "application/problem+json",
    )


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"document_id": "\ud800"}, "document_id"),
        ({"version": "\ud800"}, "version"),
        ({"quote": "\ud800"}, "quote"),
        ({"quote": ""}, "quote"),
        ({"start": -1}, "start"),
        ({"end": "9"}, "end"),
        ({"page": 1}, "page"),
    ],
    ids=ascii,
)
def test_a_bad_citation_is_a_problem(given: Json, field: str, steady: Client) -> None:
    citation = {"document_id": "check/otter", "version": "x", "start": 0, "end": 3, "quote": "The"}
    problem(steady.post("/v1/verify", {**citation, **given}), 422, field)


# -- bad documents


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ({"text": ""}, "documents.1"),
        ({"text": " \n "}, "documents.1"),
        ({"text": "a\x00"}, "documents.1"),
        ({"text": "\ud800"}, "documents.1"),
        ({"text": "x", "id": "\udfff"}, "documents.1"),
        ({"text": "x", "id": "a\x00"}, "documents.1"),
        ({"text": "x", "id": "a\nb"}, "documents.1"),
        ({"text": "x", "id": ""}, "documents.1"),
        ({"text": "x", "id": "i" * 201}, "documents.1"),
        ({"text": "x", "title": "a\x00"}, "documents.1"),
        ({"text": "x", "title": "\ud800"}, "documents.1"),
        ({"text": "x", "url": "\ud800"}, "documents.1"),
        ({"text": "x", "tags": ["fine", "\ud800"]}, "documents.1"),
        ({"text": "x", "tags": ["a\x00"]}, "documents.1"),
        ({"text": "x", "id": "\ud800", "title": "t" * 501}, "documents.1"),
        ({}, "documents.1.text"),
        ({"text": 5}, "documents.1.text"),
        ({"text": "x", "author": "y"}, "documents.1.author"),
        ({"text": "x", "tags": "a"}, "documents.1.tags"),
        ({"text": "x", "published": "2025-02-30"}, "documents.1.published"),
        ({"text": "x", "published": "20250101"}, "documents.1.published"),
        ({"text": "x", "published": 5}, "documents.1.published"),
    ],
    ids=ascii,
)
def test_a_batch_with_one_bad_document_adds_none_and_says_which(
    bad: Json, field: str, steady: Client
) -> None:
    detail = problem(
        steady.post("/v1/documents", {"documents": [{"id": "good", "text": "Good."}, bad]}),
        422,
        field,
    )
    assert detail.startswith(field)
    assert steady.ids() == ["check/otter"]
    assert steady.service.collection.generation == 1


def test_a_bad_document_is_also_named_by_its_id(steady: Client) -> None:
    body = {"documents": [{"id": "good", "text": "Good."}, {"id": "bad", "text": ""}]}
    assert "bad" in problem(steady.post("/v1/documents", body), 422, "documents.1")


def test_two_documents_of_a_batch_cannot_have_one_id(steady: Client) -> None:
    body = {
        "documents": [
            {"id": "a", "text": "One."},
            {"id": "b", "text": "Two."},
            {"id": "a", "text": "Three."},
        ]
    }
    assert problem(steady.post("/v1/documents", body), 422).startswith("a: 2 documents")
    assert steady.ids() == ["check/otter"]


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "documents"), ({"documents": []}, "documents"), ({"documents": {}}, "documents")],
)
def test_a_batch_holds_at_least_one_document(body: Json, field: str, steady: Client) -> None:
    problem(steady.post("/v1/documents", body), 422, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"text": " "}, None),
        ({"text": "\ud800"}, None),
        ({"title": "x"}, "text"),
        ({"text": "x", "id": "other"}, "id"),
        ({"text": "x", "published": "2025-1-1"}, "published"),
    ],
    ids=ascii,
)
def test_a_bad_replacement_leaves_the_document_as_it_was(
    body: Json, field: str | None, steady: Client
) -> None:
    response = steady.request(
        "PUT", "/v1/documents/check%2Fotter", content=json.dumps(body), headers=JSON
    )
    problem(response, 422, field)
    assert ok(steady.get("/v1/documents/check/otter"))["text"] == OTTER


def test_a_process_that_may_not_write_says_so_and_answers_all_the_same(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, otter: Client
) -> None:
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=False) as service,
        asyncio.Runner() as runner,
    ):
        reader = Client(service, runner)
        assert "reading only" in problem(
            reader.post("/v1/documents", {"documents": [{"text": "x"}]}), 503
        )
        assert reader.ask() == otter.ask()


# -- uploads


def test_files_of_an_upload_become_documents(client: Client) -> None:
    note = b"---\ntitle: Note\ndate: 2025-11-07\ntags: [own]\n---\nOtters swim."
    sent = files(
        ("note.md", note), ("page.html", b"<h1>Elm</h1><p>The river Elm is <b>long</b>.</p>")
    )
    added = ok(client.request("POST", "/v1/documents", files=sent, data={"tags": ["up", "load"]}))
    assert [(receipt["id"], receipt["status"]) for receipt in added["documents"]] == [
        ("note.md", "added"),
        ("page.html", "added"),
    ]
    stored = ok(client.get("/v1/documents/note.md"))
    assert (stored["title"], stored["published"], stored["text"]) == (
        "Note",
        "2025-11-07",
        "Otters swim.",
    )
    assert stored["tags"] == ["load", "own", "up"]
    assert client.ask("Who swims?", filters={"tags": ["own"]})["answer"]["text"] == "Otters"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bad.pdf", b"garbage, not a PDF"),
        ("bad.pdf", b""),
        ("bad.txt", b""),
        ("bad.docx", b"PK\x03\x04garbage"),
        ("bad.exe", b"MZ"),
        ("bad.txt", b"\x00\x01\x02\x03" * 50),
        ("bad.txt", b"x" * 10_001),
    ],
    ids=["pdf", "empty pdf", "empty", "docx", "exe", "binary", "too large"],
)
def test_one_bad_file_of_an_upload_keeps_all_out_and_is_named(
    name: str, data: bytes, steady: Client
) -> None:
    sent = files(("good.txt", b"Good."), (name, data), ("fine.txt", b"Fine."))
    assert problem(steady.request("POST", "/v1/documents", files=sent), 422).startswith(f"{name}: ")
    assert steady.ids() == ["check/otter"]


def test_two_files_of_one_name_are_refused(steady: Client) -> None:
    sent = files(("a.txt", b"One."), ("a.txt", b"Two."))
    assert problem(steady.request("POST", "/v1/documents", files=sent), 422).startswith("a.txt: ")
    assert steady.ids() == ["check/otter"]


def test_two_files_whose_front_matter_has_one_id_are_refused(steady: Client) -> None:
    sent = files(
        *((name, b"---\nid: one\n---\nText of " + name.encode()) for name in ("a.md", "b.md"))
    )
    fault = problem(steady.request("POST", "/v1/documents", files=sent), 422)
    assert fault == "one: 2 documents of one batch have this id; ids must be unique"
    assert steady.ids() == ["check/otter"]


@pytest.mark.parametrize("is_job", [False, True])
def test_an_uploaded_file_does_not_take_the_document_of_a_synced_one(
    is_job: bool, client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "otter.txt").write_text(OTTER)
    mirror = Mirror(client.service.collection, folder)
    list(mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(10_000))))
    foreign = files(("evil.md", b"---\nid: papers/otter.txt\n---\nIt is evil."))
    headers = {"Prefer": "respond-async"} if is_job else {}
    response = client.request("POST", "/v1/documents", files=foreign, headers=headers)
    if is_job:
        (refused,) = finished(client, ok(response, 202))["refused"]
        fault = f"{refused['source']}: {refused['reason']}"
    else:
        fault = problem(response, 422)
    assert fault == (
        f"evil.md: has the id 'papers/otter.txt', which {folder / 'otter.txt'} has too; change "
        "that file, or give this one another id"
    )
    assert ok(client.get("/v1/documents/papers/otter.txt"))["text"] == OTTER
    # Who names the id means the document.
    client.add({"id": "papers/otter.txt", "text": "It was torn down."})
    assert ok(client.get("/v1/documents/papers/otter.txt"))["text"] == "It was torn down."


def test_an_upload_without_files_or_with_unknown_parts_is_refused(steady: Client) -> None:
    for parts, field in (
        ([("tags", (None, "x"))], "files"),
        ([("files", (None, "no file, a field"))], "files"),
        ([*files(("a.txt", b"A.")), ("title", (None, "x"))], "title"),
    ):
        problem(steady.request("POST", "/v1/documents", files=parts), 422, field)
    assert steady.ids() == ["check/otter"]


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_an_upload_that_is_no_multipart_is_a_problem(kind: str, steady: Client) -> None:
    problem(
        steady.request("POST", "/v1/documents", content=b"garbage", headers={"Content-Type": kind}),
        400,
    )


# -- bodies over the limit


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/documents"])
def test_a_body_over_the_limit_is_refused_by_what_it_announces(path: str, steady: Client) -> None:
    fits = json.dumps({"question": "x" * (BODY_LIMIT - 16)}).encode()
    assert len(fits) == BODY_LIMIT
    assert (
        steady.post(path, fits).status_code == 422
    )  # too long a question, or no documents: it was read
    assert "QUOTH_MAX_BODY_MB" in problem(steady.post(path, fits + b" "), 413)


@pytest.mark.parametrize("path", ["/v1/ask", "/v1/documents"])
def test_a_body_over_the_limit_is_refused_when_it_comes_in_pieces(
    path: str, steady: Client
) -> None:
    taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b" " * 1_000

    problem(steady.request("POST", path, content=pieces(), headers=JSON), 413)
    assert steady.ids() == ["check/otter"]


def test_a_large_upload_in_pieces_is_refused(steady: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.txt"\r\n\r\n'
        for _ in range(100):
            yield b"y" * 1_000
        yield b"\r\n--x--\r\n"

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    problem(steady.request("POST", "/v1/documents", content=pieces(), headers=kind), 413)
    assert steady.ids() == ["check/otter"]


# -- ids, paths and methods


@given(id=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_id_is_reached_through_percent_encoding(id: str, client: Client) -> None:
    if not id.strip() or id in (".", ".."):  # not ids, and not paths
        return
    assert ok(client.request("PUT", path_of(id), json={"text": "It."}))["id"] == id
    assert ok(client.get(path_of(id)))["id"] == id
    assert client.ask("What?", filters={"document_ids": [id]})["citations"][0]["document_id"] == id
    assert client.get(client.ask("What?")["citations"][0]["link"]).text == "It."
    assert ok(client.request("DELETE", path_of(id)))["id"] == id


@pytest.mark.parametrize(
    "id", ["a/b c", "é/ü", "50%", "%2F", "a?b", "a#b", "x/", "/x", "a//b", "🦦", "a+b&c=d", "'\""]
)
def test_awkward_ids_are_put_read_and_deleted(id: str, client: Client) -> None:
    assert ok(client.request("PUT", path_of(id), json={"text": "It."}))["status"] == "added"
    assert client.ids() == [id]
    assert ok(client.get(path_of(id)))["text"] == "It."
    assert client.get(client.ask("What?")["citations"][0]["link"]).text == "It."
    ok(client.request("DELETE", path_of(id)))
    assert client.ids() == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/documents/no-such"),
        ("GET", "/v1/documents/"),
        ("DELETE", "/v1/documents/no-such"),
        ("GET", "/v1/documents/%00"),
        ("GET", "/v1/documents/%FF%FE"),
        ("GET", "/v1/answers/nope"),
        ("POST", "/v2/ask"),
        ("GET", "/documents/no-such"),
    ],
)
def test_what_is_not_there_is_a_404(method: str, path: str, steady: Client) -> None:
    problem(steady.request(method, path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/ask"), ("PUT", "/v1/documents"), ("PATCH", "/v1/ask"), ("POST", "/")],
)
def test_a_wrong_method_is_a_405(method: str, path: str, steady: Client) -> None:
    response = steady.request(method, path)
    problem(response, 405)
    assert response.headers["allow"]


def test_a_document_cannot_be_put_under_a_bad_id(steady: Client) -> None:
    for id in ("\x01", " ", "i" * 201):
        problem(steady.request("PUT", path_of(id), json={"text": "It."}), 422)
    assert steady.ids() == ["check/otter"]


@pytest.mark.parametrize(
    "cursor", ["!!!", "🦦", "gICA", "a", base64.b64encode(b"\xff\xff").decode()]
)
def test_a_garbage_cursor_is_refused(cursor: str, steady: Client) -> None:
    problem(steady.get("/v1/documents", params={"cursor": cursor}), 422, "cursor")


@pytest.mark.parametrize("limit", ["0", "1001", "x", "1.5", ""])
def test_a_bad_limit_is_refused(limit: str, steady: Client) -> None:
    problem(steady.get("/v1/documents", params={"limit": limit}), 422, "limit")


# -- faults of the service itself


class Lying(SpanReader):
    """A reader that says of each quote that it stands one character further on."""

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """What is found, in passages that are shifted."""
        shifted = [
            replace(
                hit, stored=replace(hit.stored, chunk=replace(hit.chunk, start=hit.chunk.start + 1))
            )
            for hit in result.hits
        ]
        return super().read(question, replace(result, hits=tuple(shifted)), watch)


def test_a_citation_that_fails_is_a_500_and_never_dropped(
    otter: Client, passages: PassageReader
) -> None:
    fitted, collection = load_fitted(), otter.service.collection
    reader = Lying(passages, fitted.ranking)
    otter.service.answerer = Answerer(
        collection.store,
        collection.searcher,
        reader,
        calibrations=fitted.calibrations,
        evidence_threshold=fitted.evidence_threshold,
    )
    response = otter.post("/v1/ask", {"question": "How long?", "min_confidence": 0})
    assert "Otter" not in problem(response, 500)


# -- the house


def test_the_service_is_live_and_ready(otter: Client) -> None:
    assert ok(otter.get("/health/live")) == {"status": "live"}
    assert ok(otter.get("/health/ready")) == {"status": "ready", "generation": 1}


def test_openapi_names_every_operation_and_every_schema_it_refers_to(steady: Client) -> None:
    described = ok(steady.get("/openapi.json"))
    operations = {(method, path) for path, known in described["paths"].items() for method in known}
    assert operations >= {
        *(("post", f"/v1/{path}") for path in ("ask", "search", "documents", "verify", "feedback")),
        *((method, "/v1/documents/{document_id}") for method in ("get", "put", "delete")),
        ("get", "/v1/documents"),
        ("get", "/v1/ingestion"),
        *((method, "/v1/jobs/{job_id}") for method in ("get", "delete")),
        ("get", "/v1/answers/{answer_id}"),
    }
    assert _missing(described, described) == []


# -- uploads in the background


ASYNC = {**JSON, "Prefer": "respond-async"}


def started(client: Client, *documents: Json) -> Json:
    response = client.request(
        "POST", "/v1/documents", json={"documents": list(documents)}, headers=ASYNC
    )
    job = ok(response, 202)
    assert response.headers["location"] == f"/v1/jobs/{job['id']}"
    return job


def finished(client: Client, job: Json) -> Json:
    for _ in range(1_200):
        found = ok(client.get(f"/v1/jobs/{job['id']}"))
        if found["state"] not in ("waiting", "running"):
            return found
        time.sleep(0.05)
    raise AssertionError(found)


def test_a_large_upload_may_be_a_job_in_which_a_bad_document_fails_alone(client: Client) -> None:
    good = [{"id": str(number), "text": f"Line {number} carries gas."} for number in range(70)]
    bad, twice = {"id": "bad", "text": " "}, {"id": "3", "text": "Another three."}
    job = started(client, *good, bad, twice)
    assert (job["total"], set(job)) == (
        72,
        {"id", "state", "done", "total", "reason", "elapsed_s", "left_s", "documents", "refused"},
    )
    done = finished(client, job)
    assert (done["state"], done["done"], done["reason"], done["left_s"]) == ("done", 72, None, None)
    assert [receipt["status"] for receipt in done["documents"]] == ["added"] * 70
    assert [refused["source"] for refused in done["refused"]] == ["bad", "3"]
    assert "has the id '3', which 3 has too" in done["refused"][1]["reason"]
    assert ok(client.get(path_of("3")))["text"] == "Line 3 carries gas."


def test_files_may_be_a_job(client: Client) -> None:
    sent = files(("otter.txt", OTTER.encode()), ("bad.pdf", b"garbage"))
    job = ok(
        client.request("POST", "/v1/documents", files=sent, headers={"Prefer": "respond-async"}),
        202,
    )
    done = finished(client, job)
    assert ([receipt["id"] for receipt in done["documents"]], len(done["refused"])) == (
        ["otter.txt"],
        1,
    )


def test_a_job_that_is_cancelled_keeps_what_it_has_stored_and_no_more(client: Client) -> None:
    first = started(
        client,
        *({"id": f"a{number}", "text": f"Line {number} carries gas."} for number in range(150)),
    )
    second = started(client, {"id": "b", "text": "Oil flows."})
    for job in (second, first):
        ok(client.request("DELETE", f"/v1/jobs/{job['id']}"))
    ends = [finished(client, job) for job in (first, second)]
    assert all(end["state"] in ("done", "cancelled") for end in ends)
    stored = {receipt["id"] for end in ends for receipt in end["documents"]}
    assert {
        document["id"] for document in ok(client.get("/v1/documents?limit=1000"))["documents"]
    } == stored
    assert client.service.collection.verify() == []


def test_a_job_that_is_not_there_is_a_problem(steady: Client) -> None:
    problem(steady.get("/v1/jobs/none"), 404)
    problem(steady.request("DELETE", "/v1/jobs/none"), 404)


# -- keeping up with folders


def test_the_ledger_says_what_became_of_each_file(client: Client, tmp_path: Path) -> None:
    assert ok(client.get("/v1/ingestion")) == {
        "files": [],
        "cursor": None,
        "unread": [],
        "unread_count": 0,
    }
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "otter.txt").write_text(OTTER)
    (folder / "bad.pdf").write_text("garbage")
    (folder / "elm.txt").write_text("The river Elm is cold.")
    mirror = Mirror(client.service.collection, folder)
    changes = mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(10_000)))
    assert [change.status.value for change in changes] == ["failed", "added", "added"]
    body = ok(client.get("/v1/ingestion"))
    assert [set(entry) for entry in body["files"]] == [
        {"path", "root", "stage", "reason", "at", "documents", "notes"}
    ] * 3
    assert [(entry["path"], entry["stage"], entry["documents"]) for entry in body["files"]] == [
        (str(folder / "bad.pdf"), "failed", []),
        (str(folder / "elm.txt"), "stored", ["papers/elm.txt"]),
        (str(folder / "otter.txt"), "stored", ["papers/otter.txt"]),
    ]
    assert ({entry["root"] for entry in body["files"]}, body["cursor"]) == ({str(folder)}, None)
    assert "PDF" in body["files"][0]["reason"]
    first = ok(client.get("/v1/ingestion", params={"limit": 2}))
    rest = ok(client.get("/v1/ingestion", params={"limit": 2, "cursor": first["cursor"]}))
    assert (first["files"] + rest["files"], rest["cursor"]) == (body["files"], None)
    assert ok(client.get("/v1/ingestion", params={"stage": "failed"}))["files"] == body["files"][:1]


def test_the_ledger_names_what_is_not_read_and_the_notes_of_what_is(
    client: Client, tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "otter.md").write_text("---\ndate: soon\n---\n" + OTTER)
    (folder / "photo.xyz").write_bytes(b"x")
    mirror = Mirror(client.service.collection, folder)
    list(mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(10_000))))
    body = ok(client.get("/v1/ingestion"))
    assert body["unread"] == [
        {
            "name": str(folder / "photo.xyz"),
            "reason": "has the suffix .xyz, which is not supported",
        }
    ]
    assert body["unread_count"] == 1
    assert ["'soon' is not a date" in note for note in body["files"][0]["notes"]] == [True]
    # The next sync forgets a file that is gone.
    (folder / "photo.xyz").unlink()
    list(mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(10_000))))
    assert ok(client.get("/v1/ingestion"))["unread_count"] == 0


def test_the_receipt_of_a_file_holds_its_notes(client: Client) -> None:
    text = "---\ndate: soon\n---\n" + OTTER
    sent = files(("otter.md", text.encode()))
    (receipt,) = ok(client.request("POST", "/v1/documents", files=sent))["documents"]
    assert ["'soon' is not a date" in note for note in receipt["notes"]] == [True]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"stage": "lost"}, "stage"),
        ({"cursor": "?"}, "cursor"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
    ],
)
def test_a_page_of_the_ledger_that_cannot_be_is_refused(
    steady: Client, asked: Json, field: str
) -> None:
    problem(steady.get("/v1/ingestion", params=asked), 422, field)


@pytest.mark.processes
def test_a_service_keeps_up_with_the_folders_of_its_settings(
    tmp_path: Path, encoder: Encoder, passages: PassageReader
) -> None:
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "otter.txt").write_text(OTTER)
    with (
        AnswerService(tmp_path / "data", encoder, passages, writable=True) as service,
        asyncio.Runner() as runner,
    ):
        app = create_app(service, Settings(watch=(tmp_path / "papers",), threads=2))

        async def served() -> None:
            async with app.router.lifespan_context(app):
                for _ in range(1_200):
                    if service.collection.generation:
                        return
                    await asyncio.sleep(0.05)

        runner.run(served())
        assert [summary.id for summary in service.collection.documents()] == ["papers/otter.txt"]


def _missing(node: object, described: Json) -> list[str]:
    """References that lead nowhere."""
    if isinstance(node, list):
        return [missing for each in node for missing in _missing(each, described)]
    if not isinstance(node, dict):
        return []
    found = [missing for each in node.values() for missing in _missing(each, described)]
    target = node.get("$ref")
    if (
        isinstance(target, str)
        and target.rpartition("/")[2] not in described["components"]["schemas"]
    ):
        found.append(target)
    return found


def test_the_docs_are_there_and_need_no_other_server(steady: Client) -> None:
    page = steady.get("/docs")
    assert page.status_code == 200
    scripts_and_styles = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(scripts_and_styles) == 3
    assert all(steady.get(address).status_code == 200 for address in scripts_and_styles)
