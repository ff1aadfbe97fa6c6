"""A service to attack: ``quoth serve`` over the shipped library, which is mended where an attack
deleted or changed it.
"""

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from eval.benchmarks.material import load_sources
from eval.benchmarks.serving import StartedService, environment, http_client, started
from eval.robustness.attacks import SLACK_SECRET
from eval.sets.question import read_set
from eval.sets.shipped import KNOWN_FACTS
from service.settings import Settings

KNOWN_QUESTIONS = 20

_SURE = 0.9

_TRACEBACK = re.compile(
    r"^.*\n(?:.*\+ )?(?:Exception Group )?Traceback \(.*\n(?:[ |].*\n)*.*", re.M
)


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A question whose answer is known, and the answer that the service first gave."""

    question: str
    text: str


class AttackedService:
    """A running service whose library can be mended.

    :param resets: how often the library had to be mended
    """

    def __init__(self, service: StartedService, client: httpx.Client) -> None:
        self.service = service
        self.client = client
        self.resets = 0
        library = [source.document for source in load_sources(None)]
        self._library: list[Mapping[str, Any]] = [
            {
                "id": document.id,
                "text": document.text,
                "title": document.title,
                "url": document.url,
                "published": document.published.isoformat() if document.published else None,
                "tags": list(document.tags),
            }
            for document in library
        ]
        self.versions = {document.id: document.version for document in library}
        self._texts = {document.version: document.text for document in library}
        self._add_library()
        self._known = self._learn()

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", int(self.service.url.rpartition(":")[2])

    @property
    def log(self) -> str:
        """What the service has written."""
        return self.service.log.read_text(encoding="utf-8", errors="replace")

    def tracebacks(self) -> list[str]:
        """Every traceback in the log, with the line before it."""
        return _TRACEBACK.findall(self.log)

    def description(self) -> dict[str, Any]:
        """The OpenAPI description."""
        return dict(self.client.get("/openapi.json").raise_for_status().json())

    def faults(self) -> list[str]:
        """What the known questions show to be wrong, after the library was mended if it had to be.

        Other documents than the library's are deleted: they might answer a known question.
        """
        self._delete_others()
        if self._wrong() or self._changed():
            self.resets += 1
            self._add_library()
        return [*self._changed(), *self._wrong()]

    def _wrong(self) -> list[str]:
        found = []
        for known in self._known:
            response = self.client.post("/v1/ask", json={"question": known.question})
            if response.status_code != httpx.codes.OK:
                found.append(f"{known.question}: status {response.status_code}")
                continue
            body = response.json()
            text = body["answer"]["text"] if body["answered"] else None
            if text != known.text:
                found.append(f"{known.question}: {text!r} instead of {known.text!r}")
            # Which of several equal answers is quoted first may change; each quote is exact.
            for citation in body["citations"]:
                quoted = self._texts[citation["version"]][citation["start"] : citation["end"]]
                if quoted != citation["quote"]:
                    found.append(f"{known.question}: the quote of {text!r} is not exact")
        return found

    def _changed(self) -> list[str]:
        listed = {document["id"]: document["version"] for document in self._documents()}
        return [
            f"{document_id}: lost or changed"
            for document_id, version in self.versions.items()
            if listed.get(document_id) != version
        ]

    def _documents(self) -> Iterator[Mapping[str, Any]]:
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
            page = self.client.get("/v1/documents", params=query).raise_for_status().json()
            yield from page["documents"]
            cursor = page["next_cursor"]

    def _delete_others(self) -> None:
        for document in list(self._documents()):
            if document["id"] not in self.versions:
                path = quote(document["id"], safe="")
                self.client.delete(f"/v1/documents/{path}").raise_for_status()

    def _add_library(self) -> None:
        body = {"documents": self._library}
        self.client.post("/v1/documents", json=body).raise_for_status()

    def _learn(self) -> list[KnownAnswer]:
        """The first known facts that are answered rightly and surely.

        Deleted chunks count in the statistics of words until their segment is merged, so a
        confidence may move a little after thousands of changes.
        """
        known = []
        for question in read_set(KNOWN_FACTS).questions:
            response = self.client.post("/v1/ask", json={"question": question.text})
            body = response.raise_for_status().json()
            is_right = body["answered"] and body["answer"]["text"] in question.answers
            if is_right and body["answer"]["confidence"] >= _SURE:
                known.append(KnownAnswer(question.text, body["answer"]["text"]))
            if len(known) == KNOWN_QUESTIONS:
                return known
        raise SystemExit("the service does not answer the known facts")


@contextmanager
def attacked_service(
    folder: Path, settings: Settings, more: Mapping[str, str] | None = None
) -> Iterator[AttackedService]:
    """A service over the library, with Slack set up against a server of this process.

    :param folder: for the index and the log
    :param more: further environment variables
    """
    with _slack_stand_in() as slack:
        own = {
            **environment(settings),
            "QUOTH_SLACK_SIGNING_SECRET": SLACK_SECRET,
            "QUOTH_SLACK_BOT_TOKEN": "xoxb-fuzzer",
            "QUOTH_SLACK_API_URL": f"{slack}/api/",
            **(more or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        with (
            started(folder / "data", own, folder / "serve.log") as service,
            http_client(service.url) as client,
        ):
            service.wait_until_ready(client)
            yield AttackedService(service, client)


class _SlackStandIn(BaseHTTPRequestHandler):
    """Accepts every call of Slack's Web API."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = {"ok": True, "team_id": "T1", "user_id": "U2", "ts": "1800000000.000001"}
        content = json.dumps(body | {"messages": []}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815  # the name that the base class looks for

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@contextmanager
def _slack_stand_in() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _SlackStandIn) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
