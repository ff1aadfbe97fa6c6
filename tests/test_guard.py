"""The edge of the service: which hosts, origins and media types get through, on every route."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.hosts import host_and_port, is_loopback
from service.http.app import BODIES, create_app
from service.http.guard import AllowedHosts
from service.http.media import is_utf8, media_type
from service.reader.passage import PassageReader
from service.settings import Settings, load_settings

OWN = "http://127.0.0.1:8000"
EVIL = "http://evil.example"
FOREIGN_PAGE = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": EVIL}

Headers = list[tuple[str, str]]


class Edge:
    """Sends requests to an app exactly as they are given, without a socket."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self.app = app
        self._runner = runner

    def request(
        self, method: str, path: str, headers: Headers, body: bytes = b""
    ) -> httpx.Response:
        """Nothing is added: no Host, no Content-Length, no Content-Type."""
        return self._runner.run(self._request(method, path, headers, body))

    async def _request(
        self, method: str, path: str, headers: Headers, body: bytes
    ) -> httpx.Response:
        sent: list[Any] = []  # ASGI messages
        given = [{"type": "http.request", "body": body, "more_body": False}]
        path, _, query = path.partition("?")

        async def receive() -> Any:
            # The client stays until it has the response.
            return given.pop() if given else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "http_version": "1.1",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 5000),
            "headers": [
                (name.lower().encode(), value.encode("latin-1")) for name, value in headers
            ],
        }
        await self.app(scope, receive, send)
        content = b"".join(each.get("body", b"") for each in sent[1:])
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, encoder: Encoder, passages: PassageReader
) -> Iterator[AnswerService]:
    folder = tmp_path_factory.mktemp("guard") / "data"
    with AnswerService(folder, encoder, passages, writable=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def edge(service: AnswerService) -> Iterator[Callable[..., Edge]]:
    """Makes an app over one index, with these settings."""
    with asyncio.Runner() as runner:
        yield lambda **settings: Edge(create_app(service, Settings(threads=2, **settings)), runner)


def operations(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str]]:
    """The method and an example path of every route."""
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from operations(included.routes)
        elif isinstance(route, Mount):
            yield "GET", f"{route.path}/swagger-ui.css"
        else:
            path = str(getattr(route, "path", "")).replace("{document_id:path}", "otter")
            path = path.replace("{path:path}", "main.js").replace("{name:path}", "quoth")
            path = (
                path.replace("{answer_id}", "x")
                .replace("{job_id}", "x")
                .replace("{number:int}", "1")
                .replace("{name}", "x")
            )
            # A route without methods takes any.
            for method in getattr(route, "methods", None) or ("GET", "POST", "DELETE"):
                yield method, path


@pytest.fixture(scope="module")
def all_operations(edge: Callable[..., Edge]) -> list[tuple[str, str]]:
    found = sorted(set(operations(edge().app.routes)))
    # Both what the API description names and what it does not.
    assert {("POST", "/mcp"), ("POST", "/slack/events"), ("GET", "/docs")} <= set(found)
    assert {("DELETE", "/v1/documents/otter"), ("GET", "/page/files/main.js")} <= set(found)
    assert [path for _, path in found if "{" in path] == []
    return found


def of(host: str = "127.0.0.1:8000", **headers: str) -> Headers:
    return [("Host", host), *((name.replace("_", "-"), each) for name, each in headers.items())]


# -- hosts


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.0.0.1:8000", "127.0.0.2", "localhost:1", "LOCALHOST", "localhost."),
        *("[::1]", "[::1]:8000", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"),
    ],
)
def test_the_names_of_this_machine_are_answered(host: str, edge: Callable[..., Edge]) -> None:
    assert edge().request("GET", "/health/live", of(host)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        *([], of(""), of(" "), of("evil.example"), of("evil.example:8000"), of("10.0.0.1")),
        *(of("localhost.evil.example"), of("127.0.0.1.evil.example"), of("localhost.localdomain")),
        *(of("evil.example#localhost"), of("localhost@evil.example"), of("user@localhost")),
        *(of("localhost, evil.example"), of("localhost\tevil.example"), of("localhost/evil")),
        *(of("http://localhost"), of("localhost:"), of("localhost:99999"), of("localhost:8000:1")),
        *(of("localhost.."), of(".localhost"), of("[::1"), of("::1"), of("[localhost]")),
        *(of("[127.0.0.1"), of("0x7f.1"), of("2130706433"), of("0.0.0.0"), of("[::]")),
        *(of("lócalhost"), of("localhost\x00"), of("localhost%00"), of("localhost" * 40)),
        of("evil.example", X_Forwarded_Host="localhost", Forwarded="host=localhost"),
        [("Host", "localhost"), ("Host", "evil.example")],
        [("Host", "localhost"), ("Host", "localhost")],
    ],
    ids=repr,
)
def test_any_other_host_is_refused_with_the_way_out(
    headers: Headers, edge: Callable[..., Edge]
) -> None:
    response = edge().request("GET", "/v1/documents", headers)
    assert response.status_code == 421
    assert response.headers["Content-Type"] == "application/problem+json"
    assert "QUOTH_ALLOWED_HOSTS" in response.json()["detail"]


def test_no_route_answers_under_another_host(
    edge: Callable[..., Edge], all_operations: list[tuple[str, str]]
) -> None:
    made = edge()
    answered = [
        (method, path)
        for method, path in all_operations
        if made.request(method, path, of("evil.example")).status_code != 421
    ]
    assert answered == []


@pytest.mark.parametrize(
    ("settings", "allowed", "refused"),
    [
        ({}, "localhost", "quoth.lan"),
        ({"allowed_hosts": "quoth.lan, Other.LAN"}, "other.lan:8000", "quoth.lan.evil.example"),
        ({"allowed_hosts": "*.quoth.lan"}, "A.quoth.lan", "evilquoth.lan"),
        ({"allowed_hosts": "*.quoth.lan"}, "a.b.quoth.lan.", "quoth.lan"),
        ({"allowed_hosts": "[fd00::1],10.0.0.1"}, "[fd00:0::1]:80", "10.0.0.2"),
        ({"public_url": "https://Quoth.example.org/x"}, "quoth.example.org", "example.org"),
        ({"public_url": "https://quoth.example.org:8443"}, "quoth.example.org", "org"),
        ({"host": "quoth.lan"}, "quoth.lan:8000", "other.lan"),
        ({"host": "192.168.1.5"}, "192.168.1.5:8000", "evil.example"),
        # Rebinding needs a name, so an address is as good as any other.
        ({"host": "0.0.0.0"}, "192.168.1.5:8000", "evil.example"),
        ({"host": "::"}, "[fd00::5]", "localhost.evil.example"),
    ],
)
def test_settings_name_further_hosts(
    settings: dict[str, Any], allowed: str, refused: str, edge: Callable[..., Edge]
) -> None:
    made = edge(**settings)
    assert made.request("GET", "/health/live", of(allowed)).status_code == 200
    assert made.request("GET", "/health/live", of("127.0.0.1")).status_code == 200
    assert made.request("GET", "/health/live", of(refused)).status_code == 421


def test_hosts_are_told_from_addresses() -> None:
    assert host_and_port("Example.ORG.:80") == ("example.org", 80)
    assert host_and_port("[2001:DB8:0::1]") == ("2001:db8::1", None)
    assert is_loopback("127.255.255.254")
    assert is_loopback("::1")
    assert not is_loopback("localhost.example")
    assert not is_loopback("0.0.0.0")
    assert not AllowedHosts.of(Settings()).allow("")


# -- origins


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": EVIL},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://127.0.0.1:8001"},
        {"Origin": "http://127.0.0.1"},
        {"Origin": "https://127.0.0.1:8000"},
        {"Origin": "http://localhost:8000"},
        {"Origin": "http://127.0.0.1:8000.evil.example"},
        {"Origin": "http://127.0.0.1:8000@evil.example"},
        {"Origin": "http://127.0.0.1:8000/"},
        {"Origin": f"{OWN} {EVIL}"},
        {"Origin": "file://"},
        {"Origin": "chrome-extension://abc"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "unheard-of"},
        {"Sec_Fetch_Site": ""},
        {"Sec_Fetch_Site": "same-origin", "Origin": EVIL},
        {"Sec_Fetch_Site": "cross-site", "Origin": OWN},
    ],
    ids=str,
)
def test_a_page_of_another_origin_cannot_write(
    headers: dict[str, str], edge: Callable[..., Edge], service: AnswerService
) -> None:
    made, before = edge(), service.collection.generation
    body = b'{"documents": [{"id": "evil", "text": "It is evil."}]}'
    sent = of(**headers, Content_Type="application/json")
    response = made.request("POST", "/v1/documents", sent, body)
    assert (response.status_code, service.collection.generation) == (403, before)
    assert "another origin" in response.json()["detail"]


def test_two_origins_are_not_the_own_one(edge: Callable[..., Edge]) -> None:
    headers = [*of(), ("Origin", OWN), ("Origin", EVIL)]
    assert edge().request("DELETE", "/v1/documents/x", headers).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": OWN},
        {"Origin": OWN, "Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
    ],
    ids=str,
)
def test_the_own_page_and_programs_can_write(
    headers: dict[str, str], edge: Callable[..., Edge]
) -> None:
    response = edge().request("DELETE", "/v1/documents/no-such", of(**headers))
    assert response.status_code == 404


def test_the_public_address_is_an_own_origin(edge: Callable[..., Edge]) -> None:
    # A proxy takes TLS off, so the service sees http.
    made = edge(public_url="https://quoth.example.org/app")
    for origin, status in (
        ("https://quoth.example.org", 404),
        ("https://quoth.example.org:443", 404),
        ("https://quoth.example.org:444", 403),
        ("https://example.org", 403),
    ):
        headers = of("quoth.example.org", Origin=origin)
        assert made.request("DELETE", "/v1/documents/x", headers).status_code == status


def test_no_route_takes_what_a_foreign_page_writes(
    edge: Callable[..., Edge], all_operations: list[tuple[str, str]]
) -> None:
    made = edge()
    for method, path in all_operations:
        refused = made.request(method, path, [*of(), *FOREIGN_PAGE.items()])
        assert refused.status_code == 403, (method, path)
        # The shape of errors is the one of the path.
        fault = refused.json()
        assert "another origin" in (fault.get("detail") or fault["error"]["message"])


@pytest.mark.parametrize(
    ("mode", "dest", "status"),
    [
        ("navigate", "document", 200),
        *(("navigate", frame, 403) for frame in ("iframe", "frame", "embed", "object")),
        *(("no-cors", dest, 403) for dest in ("image", "script", "style", "empty", "video")),
        ("cors", "empty", 403),
    ],
)
def test_a_foreign_page_may_link_here_and_nothing_else(
    mode: str, dest: str, status: int, edge: Callable[..., Edge]
) -> None:
    headers = of(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest)
    for method in ("GET", "HEAD") if status != 200 else ("GET",):
        assert edge().request(method, "/", headers).status_code == status


# -- media types


def test_every_route_names_the_media_types_that_it_takes(
    edge: Callable[..., Edge], all_operations: list[tuple[str, str]]
) -> None:
    made = edge()
    for method, path in all_operations:
        if method in ("GET", "HEAD"):
            continue
        for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x", None):
            if kind is not None and kind.split(";")[0] in BODIES.get(path, ()):
                continue
            stated = [] if kind is None else [("Content-Type", kind)]
            sent = [*of(Content_Length="2"), *stated]
            response = made.request(method, path, sent, b"{}")
            fault = response.json()
            detail = fault.get("detail") or fault["error"]["message"]
            assert response.status_code == 415, (method, path, kind)
            assert all(each in detail for each in BODIES.get(path, ("application/json",)))


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        *(("application/json", 200), ("Application/JSON", 200), (" application/json ", 200)),
        *(("application/json; charset=utf-8", 200), ('application/json;charset="UTF-8"', 200)),
        *(("application/json;charset=utf8; x=y", 200), ("application/json;", 200)),
        *(("application/json; charset=utf-16", 415), ("application/json;charset=latin-1", 415)),
        *(("application/json; charset=utf-8; charset=utf-7", 415), ("application/jsonp", 415)),
        *(("text/plain", 415), ("text/plain; application/json", 415), ("", 415), ("json", 415)),
        *(("application/json, text/plain", 415), ("text/plain, application/json", 415)),
        *(("application/x-www-form-urlencoded", 415), ("text/json", 415), ("*/*", 415)),
        ("application/problem+json", 415),
    ],
)
def test_json_is_taken_as_json_alone(kind: str, status: int, edge: Callable[..., Edge]) -> None:
    response = edge().request(
        "POST", "/v1/search", of(Content_Type=kind, Content_Length="21"), b'{"question": "What?"}'
    )
    assert response.status_code == status, response.text


def test_two_content_types_are_refused(edge: Callable[..., Edge]) -> None:
    kinds = [("Content-Type", "application/json"), ("Content-Type", "text/plain")]
    response = edge().request("POST", "/v1/search", [*of(), *kinds], b'{"question": "What?"}')
    assert response.status_code == 415


def test_a_body_that_comes_in_pieces_needs_a_type_too(edge: Callable[..., Edge]) -> None:
    headers = of(Transfer_Encoding="chunked")
    assert edge().request("POST", "/v1/documents", headers, b"{}").status_code == 415


def test_a_request_without_a_body_needs_no_type(edge: Callable[..., Edge]) -> None:
    for headers in (of(), of(Content_Length="0")):
        assert edge().request("DELETE", "/v1/documents/x", headers).status_code == 404


def test_media_types_are_read_as_http_writes_them() -> None:
    assert media_type("Multipart/Form-Data; boundary=a/b") == "multipart/form-data"
    assert media_type("a/b, c/d") == media_type("a b/c") == media_type("") == ""
    assert is_utf8("a/b; x=charset")
    assert not is_utf8("a/b; Charset = 'utf-8'")


# -- responses


def test_every_response_forbids_embedding_and_sniffing(
    edge: Callable[..., Edge],
    all_operations: list[tuple[str, str]],
    service: AnswerService,
    make: Callable[..., Document],
) -> None:
    made = edge()
    service.collection.put([make("weir")])
    requests = [
        *((method, path, of()) for method, path in all_operations if path != "/mcp"),
        ("GET", "/documents/weir", of(Accept="text/html")),
        ("GET", "/v1/documents/weir", of()),
        ("GET", "/no-such-page", of()),
        ("GET", "/", of("evil.example")),
        ("OPTIONS", "/v1/documents", of()),
    ]
    for method, path, headers in requests:
        response = made.request(method, path, headers)
        named = (method, path, response.status_code)
        assert response.headers["X-Content-Type-Options"] == "nosniff", named
        assert response.headers["Cross-Origin-Resource-Policy"] == "same-origin", named
        assert response.headers["X-Frame-Options"] == "DENY", named
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"], named
        assert [name for name in response.headers if name.startswith("access-control-")] == []


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"port": 8123}, "http://127.0.0.1:8123"),
        ({"public_url": "https://quoth.example.org/"}, "https://quoth.example.org"),
    ],
)
def test_links_in_chats_never_take_the_host_of_a_request(
    settings: dict[str, Any],
    address: str,
    edge: Callable[..., Edge],
    service: AnswerService,
    make: Callable[..., Document],
) -> None:
    service.collection.put([make("otter", "The Otter Bridge is 212 metres long.")])
    body = json.dumps(
        {
            "model": "quoth",
            "messages": [{"role": "user", "content": "How long is the Otter Bridge?"}],
            "quoth": {"min_confidence": 0},
        }
    )
    sent = of("localhost:9999", Content_Type="application/json", X_Forwarded_Host="evil.example")
    response = edge(**settings).request("POST", "/v1/chat/completions", sent, body.encode())
    message = response.json()["choices"][0]["message"]
    cited = [each["url_citation"]["url"] for each in message["annotations"]]
    assert [url for url in cited if not url.startswith(f"{address}/documents/otter")] == []
    assert cited
    assert "9999" not in message["content"]


# -- settings and quoth serve


@pytest.mark.parametrize(
    "value", ["http://quoth.lan", "quoth.lan:80", "*", "a b", "*.", "a,,b/c", "::1", "user@host"]
)
def test_a_wrong_host_name_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTH_ALLOWED_HOSTS", value)
    with pytest.raises(Exception, match="is not a host name"):
        load_settings()


@pytest.mark.parametrize("value", ["https://user@quoth.lan", "https://", "http://bücher.example"])
def test_a_public_address_needs_a_host(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUOTH_PUBLIC_URL", value)
    with pytest.raises(Exception, match="QUOTH_PUBLIC_URL"):
        load_settings()


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000"),
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("quoth.lan", "http://quoth.lan:8000"),
    ],
)
def test_the_own_address_can_be_opened(host: str, address: str) -> None:
    assert Settings(host=host).address == address


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "quoth.lan", "0"])
@pytest.mark.parametrize("flag", ["", "--unprotected"])
def test_listening_beyond_this_machine_has_to_be_meant(
    host: str, flag: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import typer.testing

    from corpus.errors import SettingsError, StoreError
    from service.cli.main import app

    # The folder of the index is a file, so that nothing starts even if it is allowed.
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QUOTH_DATA_DIR", str(tmp_path / "file" / "data"))
    result = typer.testing.CliRunner().invoke(
        app, ["serve", "--host", host, *([flag] if flag else [])]
    )
    assert isinstance(result.exception, StoreError if flag else SettingsError)
    if not flag:
        assert "--unprotected" in str(result.exception)
        assert "QUOTH_UNPROTECTED=true" in str(result.exception)
