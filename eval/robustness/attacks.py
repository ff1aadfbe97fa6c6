"""Requests that attack the HTTP service, each drawn at random from what is known about it."""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from eval.robustness.mutation import Json, extreme, mutated, mutated_bytes, to_json
from eval.robustness.wire import RawRequest

SLACK_SECRET = "a-secret-of-the-fuzzer"

_MOST_BYTES = 6_000_000

_METHODS = (
    b"GET",
    b"HEAD",
    b"POST",
    b"PUT",
    b"PATCH",
    b"DELETE",
    b"OPTIONS",
    b"TRACE",
    b"get",
    b"X",
)
_PATHS = (
    "/",
    "/docs",
    "/metrics",
    "/mcp",
    "/openapi.json",
    "/page/wording.js",
    "/page/collection",
    "/page/examples",
    "/page/files/page.js",
    "/page/files/../../settings.py",
    "/page/files/%2e%2e/%2e%2e/settings.py",
    "/page/files//etc/passwd",
    "/health/live",
    "/health/ready",
    "/slack/events",
    "/v1",
    "/v1/",
    "/v1/ask",
    "/v1/ask/",
    "/v1/search",
    "/v1/verify",
    "/v1/feedback",
    "/v1/documents",
    "/v1/documents/",
    "/v1/ingestion",
    "/v1/jobs/none",
    "/v1/models",
    "/v1/models/quoth",
    "/v1/answers/none",
    "/v1/chat/completions",
    "//v1//ask",
    "/V1/ASK",
    "/v1%2Fask",
    "/v1/ask;x=1",
    "*",
    "http://127.0.0.1/v1/models",
)
_IDS = (
    "%00",
    "%ff%fe",
    "%",
    "..",
    "../..%2f",
    "%E2%80%AE",
    "a" * 200,
    "a" * 201,
    "a" * 9_000,
    "%0d%0aX:1",
    "%20",
    "\u00e4",
    "'",
    "?",
    "#",
)
_QUERY_NAMES = (
    *("limit", "cursor", "version", "q", "tag", "collection", "sort", "state", "root", "highlight"),
    *("", "__proto__", "a" * 3_000, "limit[]"),
)
_QUESTIONS = (
    "How long is the Power of Siberia pipeline?",
    "When was the no-limits partnership signed?",
    "What is the population of Mongolia?",
    "How large was trade between China and Russia in 2024?",
    "and then?",
    "\u00bfQu\u00e9?",
    "why",
)
_TYPES = (
    *("application/json; charset=utf-8", "application/json;charset=utf-16", "APPLICATION/JSON"),
    *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a", ";", "/"),
    *("multipart/form-data; boundary=", "multipart/form-data; boundary=" + "b" * 500, "\xff\xfe"),
    *("application/vnd.api+json", "text/html", "application/json, text/plain"),
)
_HEADERS: tuple[tuple[str, Sequence[str]], ...] = (
    ("Accept", ("text/event-stream", "*/*;q=x", "text/html", "", "a" * 5_000, "application/xml")),
    ("Accept-Encoding", ("gzip", "identity;q=0", "*;q=0", "br, gzip;q=9")),
    ("Authorization", ("Bearer x", "Basic !!!!", "Bearer ", "Bearer " + "y" * 5_000)),
    ("Connection", ("upgrade", "keep-alive, x")),
    ("Content-Encoding", ("gzip", "deflate", "x")),
    ("Cookie", ("a=b; " * 500, "\x01")),
    ("Date", ("never",)),
    ("Expect", ("100-continue", "x")),
    ("If-Match", ("*", '"x"')),
    (
        "If-Modified-Since",
        ("Thu, 01 Jan 1970 00:00:00 GMT", "never", "Mon, 99 Foo 9999 99:99:99 X"),
    ),
    ("If-None-Match", ("*", 'W/"x"', '"' * 500, '"a", "b"')),
    ("If-Range", ("x", '"x"')),
    ("If-Unmodified-Since", ("never",)),
    ("Last-Event-ID", ("1", "x" * 900)),
    ("Mcp-Session-Id", ("x", "\x00")),
    ("Origin", ("http://evil.example", "null", "http://127.0.0.1", "://", "\xff")),
    ("Prefer", ("respond-async", "respond-async, wait=0", "x" * 3_000)),
    (
        "Range",
        ("bytes=0-", "bytes=-1", "bytes=9-1", "bytes=0-0,1-1,2-2", "x", "bytes=" + "9" * 900),
    ),
    ("Referer", ("http://evil.example/",)),
    ("Sec-Fetch-Site", ("cross-site", "same-origin", "none", "x")),
    ("Transfer-Encoding", ("identity", "gzip, chunked")),
    ("Upgrade", ("websocket", "h2c")),
    ("X-Forwarded-For", ("1.2.3.4", "x" * 500)),
    ("X-Forwarded-Host", ("evil.example",)),
    ("X-Forwarded-Proto", ("https", "javascript")),
    ("X-HTTP-Method-Override", ("DELETE",)),
)
# With these, the server and not the app may answer.
_OF_THE_SERVER = frozenset({"Transfer-Encoding", "Upgrade", "Connection", "Expect"})
_HOSTS = (
    "evil.example",
    "",
    "127.0.0.1:1",
    "localhost",
    "[::1]",
    "127.0.0.1.evil.example",
    "\xff",
    "a b",
)
_FILE_NAMES = (
    *(
        "a.txt",
        "a.md",
        "a.html",
        "a.pdf",
        "a.docx",
        "a.pptx",
        "a.xlsx",
        "a.epub",
        "a.csv",
        "a.json",
    ),
    *(
        "",
        "..",
        "../../a.txt",
        "a\x00.txt",
        "a" * 400 + ".txt",
        "\u202etxt.exe",
        "a",
        ".txt",
        "CON.txt",
    ),
)
_STARTS = (
    b"%PDF-1.7\n",
    b"PK\x03\x04",
    b"<html><body>",
    b"---\nid: x\n---\n",
    b"\xff\xfe",
    b"# A\n",
    b"",
)
_MCP_METHODS = (
    *("initialize", "ping", "tools/list", "tools/call", "resources/list", "prompts/get"),
    *("notifications/initialized", "completion/complete", "", "x" * 2_000),
)


@dataclass(slots=True)
class Knowledge:
    """What the attacker has learned from the service, for requests that reach deeper.

    :param documents: version by id
    :param answers: ids of answers
    """

    documents: dict[str, str] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)

    def learn(self, body: bytes) -> None:
        """Remember the ids in a response."""
        try:
            found = json.loads(body)
        except ValueError:
            return
        if not isinstance(found, dict):
            return
        if "resolved_question" in found:
            self.answers = [*self.answers[-50:], str(found["id"])]
        listed = found.get("documents")
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict) and isinstance(each.get("id"), str):
                self.documents[each["id"]] = str(each.get("version"))
        while len(self.documents) > 200:
            self.documents.pop(next(iter(self.documents)))


class Attacker:
    """Draws requests.

    :param host: the name and port of the service, for the Host header
    """

    def __init__(self, host: str, knowledge: Knowledge, draws: random.Random) -> None:
        self._host = host.encode()
        self._known = knowledge
        self._draws = draws

    def attack(self) -> tuple[str, RawRequest]:
        """The kind of an attack, and its request, whose body has at most a few megabytes."""
        names, weights = zip(
            *((name, weight) for name, (weight, _) in ATTACKS.items()), strict=True
        )
        (name,) = self._draws.choices(names, weights)
        while len((request := ATTACKS[name][1](self)).body) > _MOST_BYTES:
            pass  # mutations multiply: another draw is smaller
        return name, request

    # -- kinds of attacks

    def valid(self) -> RawRequest:
        """A request as the description wants it."""
        method, path, body = self._template()
        return self._json(method, path, to_json(body))

    def mutated_json(self) -> RawRequest:
        """A valid body with changes, still JSON in most cases."""
        method, path, body = self._template()
        return self._json(method, path, to_json(mutated(body, self._draws)))

    def mutated_body(self) -> RawRequest:
        """A valid body whose bytes are damaged."""
        method, path, body = self._template()
        return self._json(method, path, mutated_bytes(to_json(body), self._draws))

    def other_type(self) -> RawRequest:
        """A valid body under another media type."""
        method, path, body = self._template()
        media_type = self._draws.choice(_TYPES)
        return self._request(
            method, path, to_json(body), media_type, is_wellformed=media_type != "\xff\xfe"
        )

    def headers(self) -> RawRequest:
        """A valid request with one to three headers that it should not have."""
        method, path, body = self._template()
        content = to_json(body)
        chosen = [self._draws.choice(_HEADERS) for _ in range(self._draws.choice([1, 1, 2, 3]))]
        drawn = [(name, self._draws.choice(texts)) for name, texts in chosen]
        is_plain = all(
            name not in _OF_THE_SERVER and text.isascii() and (text.isprintable() or not text)
            for name, text in drawn
        )
        more = tuple((name.encode(), text.encode("latin-1")) for name, text in drawn)
        return self._request(
            method, path, content, "application/json", more, is_wellformed=is_plain
        )

    def host(self) -> RawRequest:
        """A request for another host, or for none, or for two."""
        method, path, body = self._template()
        names = self._draws.choice([1, 1, 1, 0, 2])
        hosts = [(b"Host", self._draws.choice(_HOSTS).encode("latin-1")) for _ in range(names)]
        content = to_json(body)
        headers = (*hosts, (b"Content-Type", b"application/json"), _length(content))
        return RawRequest(method.encode(), path.encode(), headers, content, is_wellformed=False)

    def path(self) -> RawRequest:
        """A path that nobody serves, or an id that nobody has."""
        template = self._draws.choice(
            [
                "/v1/documents/{}",
                "/documents/{}",
                "/v1/answers/{}",
                "/v1/jobs/{}",
                "/v1/models/{}",
                "/{}",
            ]
        )
        identifier = self._draws.choice(_IDS)
        if self._draws.random() < 0.3:
            identifier = quote(self._draws.randbytes(self._draws.choice([1, 8, 60])))
        method = self._draws.choice([b"GET", b"GET", b"DELETE", b"PUT"])
        body = to_json({"text": "A text of a path."}) if method == b"PUT" else b""
        target = template.format(identifier)
        is_wellformed = target.isascii() and "#" not in target
        headers = (
            [(b"Host", self._host), (b"Content-Type", b"application/json")]
            if body
            else [(b"Host", self._host)]
        )
        return RawRequest(
            method,
            target.encode("utf-8"),
            (*headers, _length(body)) if body else tuple(headers),
            body,
            is_wellformed=is_wellformed,
        )

    def query(self) -> RawRequest:
        """Parameters with values that they may not have."""
        document = quote(self._document()[0])
        path = self._draws.choice(
            (
                *("/v1/documents", "/v1/ingestion", "/v1/models", "/page/collection", "/v1/ask"),
                *(f"/v1/documents/{document}", f"/documents/{document}", "/mcp"),
            )
        )
        pairs = []
        for _ in range(self._draws.choice([1, 1, 2, 200])):
            text = extreme(self._draws)
            shown = (
                text
                if isinstance(text, str)
                else json.dumps(text)
                if text != 10**400
                else "9" * 400
            )
            pairs.append((self._draws.choice(_QUERY_NAMES), shown[: self._draws.choice([40, 300])]))
        target = f"{path}?{urlencode(pairs, errors='surrogatepass')}"[:60_000]
        return RawRequest(
            b"GET", target.encode(), ((b"Host", self._host),), is_wellformed=len(target) < 50_000
        )

    def method(self) -> RawRequest:
        """A method that a path may not have."""
        method = self._draws.choice(_METHODS)
        target = self._draws.choice(_PATHS)
        is_wellformed = method.isupper() and target.startswith("/")
        if method in (b"POST", b"PUT", b"PATCH"):
            body = b"{}"
            headers = ((b"Host", self._host), (b"Content-Type", b"application/json"), _length(body))
            return RawRequest(method, target.encode(), headers, body, is_wellformed=is_wellformed)
        return RawRequest(
            method, target.encode(), ((b"Host", self._host),), is_wellformed=is_wellformed
        )

    def multipart(self) -> RawRequest:
        """An upload of files that are not what they seem, in parts that may be damaged."""
        boundary = self._draws.choice(["b", "----b", "b" * 70])
        parts = b""
        for _ in range(self._draws.choice([0, 1, 1, 2, 20])):
            name = self._draws.choice(["files", "files", "files", "tags", "x", "", 'f"'])
            file_name = self._draws.choice(_FILE_NAMES)
            content = self._draws.choice(_STARTS) + self._file_content()
            shown = f'; filename="{file_name}"' if self._draws.random() < 0.9 else ""
            head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{shown}\r\n\r\n'
            parts += head.encode("utf-8", "replace") + content + b"\r\n"
        body = parts + f"--{boundary}--\r\n".encode()
        if self._draws.random() < 0.3:
            body = mutated_bytes(body, self._draws)
        return self._request(
            "POST", "/v1/documents", body, f"multipart/form-data; boundary={boundary}"
        )

    def slack(self) -> RawRequest:
        """A signed payload of Slack, changed before it was signed."""
        event = {
            "type": "app_mention",
            "channel": "C1",
            "user": "U1",
            "text": "<@U2> why?",
            "ts": "1.2",
        }
        payload = self._draws.choice(
            [
                {"type": "event_callback", "team_id": "T1", "event_id": "E1", "event": event},
                {"type": "event_callback", "team_id": "T1", "event": {**event, "type": "message"}},
                {"type": "url_verification", "challenge": "c"},
                {"type": "block_actions", "actions": [{"action_id": "helpful", "value": "x"}]}
                | {
                    "user": {"id": "U1"},
                    "channel": {"id": "C1"},
                    "container": {"message_ts": "1.2"},
                },
                {"command": "/ask", "text": "why?", "user_id": "U1", "channel_id": "C1"}
                | {"team_id": "T1", "response_url": "http://127.0.0.1:9/x", "trigger_id": "1.2.3"},
            ]
        )
        changed = mutated(payload, self._draws) if self._draws.random() < 0.9 else payload
        body = to_json(changed)
        media_type = "application/json"
        if isinstance(changed, dict) and self._draws.random() < 0.4:
            media_type = "application/x-www-form-urlencoded"
            flat = changed if "command" in changed else {"payload": body.decode("utf-8", "replace")}
            body = urlencode(
                {str(key): str(text) for key, text in flat.items()}, errors="replace"
            ).encode()
        if self._draws.random() < 0.1:
            body = mutated_bytes(body, self._draws)
        timestamp = self._draws.choice([str(int(time.time()))] * 9 + ["0", "NaN", "9" * 5_000])
        base = b"v0:" + timestamp.encode() + b":" + body
        digest = hmac.new(SLACK_SECRET.encode(), base, hashlib.sha256).hexdigest()
        more = (
            (b"X-Slack-Request-Timestamp", timestamp.encode()),
            (b"X-Slack-Signature", b"v0=" + digest.encode()),
        )
        return self._request("POST", "/slack/events", body, media_type, more)

    def mcp(self) -> RawRequest:
        """A call of the Model Context Protocol."""
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": self._draws.choice(_MCP_METHODS),
            "params": self._draws.choice(
                [
                    {},
                    {"name": "ask", "arguments": {"question": self._draws.choice(_QUESTIONS)}},
                    {"name": "search", "arguments": {"question": "gas", "top_k": 3}},
                    {"name": "get_document", "arguments": {"document_id": self._document()[0]}},
                    {
                        "protocolVersion": "2025-06-18",
                        "capabilities": {},
                        "clientInfo": {"name": "f", "version": "1"},
                    },
                ]
            ),
        }
        changed = mutated(call, self._draws) if self._draws.random() < 0.8 else call
        more = (
            (
                b"Accept",
                self._draws.choice(
                    [b"application/json, text/event-stream", b"application/json", b"x"]
                ),
            ),
            (
                b"Mcp-Protocol-Version",
                self._draws.choice([b"2025-06-18", b"2025-03-26", b"x", b"9" * 900]),
            ),
        )
        return self._request("POST", "/mcp", to_json(changed), "application/json", more)

    def stream(self) -> RawRequest:
        """A stream of events that the client may leave."""
        read = self._draws.choice([None, 0, 1, 200, 5_000])
        question = self._draws.choice(_QUESTIONS)
        if self._draws.random() < 0.5:
            question = f"{question} {self._draws.randrange(1_000)}"  # not answered before
        if self._draws.random() < 0.5:
            body = {
                "model": "quoth",
                "stream": True,
                "messages": [{"role": "user", "content": question}],
            }
            return self._json("POST", "/v1/chat/completions", to_json(body), read=read)
        more = ((b"Accept", b"text/event-stream"),)
        return self._json("POST", "/v1/ask", to_json({"question": question}), more, read=read)

    def cut_off(self) -> RawRequest:
        """A request whose client leaves before it has sent everything."""
        method, path, body = self._template()
        content = to_json(body)
        whole = self._json(method, path, content)
        length = len(whole.to_bytes())
        return self._json(method, path, content, sent=self._draws.randrange(1, length + 1))

    def damaged(self) -> RawRequest:
        """A request that is no HTTP: wrong lengths, damaged lines."""
        method, path, body = self._template()
        content = to_json(body)
        choice = self._draws.randrange(6)
        headers: tuple[tuple[bytes, bytes], ...] = (
            (b"Host", self._host),
            (b"Content-Type", b"application/json"),
        )
        lengths: tuple[bytes, ...] = (b"-1", b"x", b"9" * 900, b"1e3", b"")
        if choice == 0:
            headers += ((b"Content-Length", self._draws.choice(lengths)),)
        elif choice == 1:
            headers += (_length(content), _length(content + b"x"))
        elif choice == 2:
            headers += ((b"Transfer-Encoding", b"chunked"),)
            content = self._draws.choice(
                [b"zz\r\n", b"5\r\nab", b"0\r\n\r\n", b"fffffffffffffffff\r\n"]
            )
        elif choice == 3:
            headers += (_length(content), *((f"X-{i}".encode(), b"x" * 900) for i in range(120)))
        elif choice == 4:
            headers += (_length(content), (b"X\x00Y", b"z"), (b"", b"empty"))
        else:
            method = mutated_bytes(method.encode(), self._draws).decode("latin-1")
            headers += (_length(content),)
        return RawRequest(
            method.encode("latin-1"), path.encode(), headers, content, is_wellformed=False
        )

    # -- what they are made of

    def _template(self) -> tuple[str, str, Json]:
        """Method, path and body of a valid request that takes JSON."""
        document, version = self._document()
        question = self._draws.choice(_QUESTIONS)
        number = self._draws.randrange(300)
        filters = {"document_ids": [document], "tags": ["a"], "published_from": "2025-01-01"}
        templates: tuple[tuple[str, str, Json], ...] = (
            ("POST", "/v1/ask", {"question": question}),
            (
                "POST",
                "/v1/ask",
                {
                    "question": question,
                    "history": [{"role": "user", "text": "What of gas?"}],
                    "top_k": 4,
                    "filters": filters,
                    "min_confidence": 0.5,
                    "explain": True,
                },
            ),
            ("POST", "/v1/ask", {"question": question, "conversation_id": f"c-{number % 20}"}),
            ("POST", "/v1/search", {"question": question, "top_k": 5, "filters": filters}),
            (
                "POST",
                "/v1/documents",
                {
                    "documents": [
                        {
                            "id": f"fuzz-{number}",
                            "text": f"Otter {number} swims. It is {number} years old.",
                            "title": "Otters",
                            "url": "https://otters.example/a",
                            "published": "2025-11-07",
                            "tags": ["a", "b"],
                        }
                    ]
                },
            ),
            (
                "PUT",
                f"/v1/documents/fuzz-{number}",
                {"text": f"Otter {number} sleeps.", "tags": ["a"]},
            ),
            ("DELETE", f"/v1/documents/fuzz-{number}", {}),
            (
                "POST",
                "/v1/verify",
                {"document_id": document, "version": version, "start": 0, "end": 3, "quote": "The"},
            ),
            (
                "POST",
                "/v1/feedback",
                {
                    "answer_id": self._draws.choice(self._known.answers or ["none"]),
                    "helpful": True,
                    "comment": "good",
                    "correct": {"document_id": document, "start": 0, "end": 3},
                },
            ),
            (
                "POST",
                "/v1/chat/completions",
                {
                    "model": "quoth",
                    "messages": [
                        {"role": "system", "content": "You quote."},
                        {"role": "user", "content": [{"type": "text", "text": question}]},
                    ],
                    "temperature": 0,
                    "quoth": {"top_k": 4, "filters": filters},
                },
            ),
        )
        # Writing is rarer: it costs the most, and makes the service forget what it has answered.
        (template,) = self._draws.choices(templates, (2, 2, 2, 4, 1, 1, 1, 4, 3, 3))
        return template

    def _document(self) -> tuple[str, str]:
        known = list(self._known.documents.items())
        return self._draws.choice(known) if known else ("none", "0" * 64)

    def _file_content(self) -> bytes:
        if self._draws.random() < 0.5:
            return self._draws.randbytes(self._draws.choice([0, 10, 3_000]))
        return b"Otters swim in the river. " * self._draws.choice([1, 40])

    def _json(
        self,
        method: str,
        path: str,
        body: bytes,
        more: tuple[tuple[bytes, bytes], ...] = (),
        *,
        sent: int | None = None,
        read: int | None = None,
    ) -> RawRequest:
        return self._request(method, path, body, "application/json", more, sent=sent, read=read)

    def _request(
        self,
        method: str,
        path: str,
        body: bytes,
        media_type: str,
        more: tuple[tuple[bytes, bytes], ...] = (),
        *,
        is_wellformed: bool = True,
        sent: int | None = None,
        read: int | None = None,
    ) -> RawRequest:
        headers = (
            (b"Host", self._host),
            (b"Content-Type", media_type.encode("latin-1")),
            _length(body),
            *more,
        )
        return RawRequest(
            method.encode(),
            quote(path, safe="/%").encode(),
            headers,
            body,
            is_wellformed=is_wellformed,
            sent=sent,
            read=read,
        )


def _length(body: bytes) -> tuple[bytes, bytes]:
    return b"Content-Length", str(len(body)).encode()


ATTACKS: dict[str, tuple[int, Callable[[Attacker], RawRequest]]] = {
    "valid": (10, Attacker.valid),
    "mutated JSON": (30, Attacker.mutated_json),
    "damaged body": (8, Attacker.mutated_body),
    "other media type": (6, Attacker.other_type),
    "headers": (8, Attacker.headers),
    "host": (2, Attacker.host),
    "path": (8, Attacker.path),
    "query": (5, Attacker.query),
    "method": (5, Attacker.method),
    "multipart": (3, Attacker.multipart),
    "Slack": (5, Attacker.slack),
    "MCP": (4, Attacker.mcp),
    "stream": (2, Attacker.stream),
    "cut off": (2, Attacker.cut_off),
    "damaged request": (2, Attacker.damaged),
}
"""The weight of each kind of attack, and what draws its request."""
