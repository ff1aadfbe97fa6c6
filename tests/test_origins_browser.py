"""Pages of other origins in a real browser: they can read nothing here and change nothing.

The browser is Chromium, and the service is on a socket. A page of the attacker is at another port
or at another name of this machine, or at a name that the browser is made to resolve to this machine
(DNS rebinding).
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.reader.passage import PassageReader

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
SECRET = "The password of the vault is swordfish."
EVIL = "evil.example"
TIMEOUT_MS = 30_000

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium on this machine: apt-get install chromium"
)

Serving = Callable[[AnswerService], AbstractContextManager[str]]

# Each attempt gives what the page got out of it: a text, or "" if the browser or the service
# refused. All of them run, one after the other.
ATTACK = """
async (target) => {
  const taken = {};
  const attempt = async (name, work) => {
    try {
      taken[name] = String((await work()) ?? "");
    } catch {
      taken[name] = "";
    }
  };
  const patient = (element, address) =>
    new Promise((done) => {
      element.onload = () => done(`${element.tagName} loaded ${address}`);
      element.onerror = () => done("");
      setTimeout(() => done(""), 3000);
      document.body.append(element);
    });
  const read = async (response) => `${response.status} ${await response.text()}`;
  const batch = JSON.stringify({ documents: [{ id: "evil", text: "It is evil." }] });
  const file = () => {
    const form = new FormData();
    form.append("files", new File(["---\\nid: vault\\n---\\nIt is evil."], "evil.md"));
    return form;
  };
  const reads = ["/v1/documents", "/v1/documents/vault", "/documents/vault", "/metrics",
    "/openapi.json", "/page/collection", "/page/examples", "/v1/models", "/docs", "/"];
  for (const path of reads) {
    await attempt(`read ${path}`, async () => read(await fetch(target + path)));
    await attempt(`read ${path} with no-cors`, async () => {
      const response = await fetch(target + path, { mode: "no-cors" });
      return `${response.type} ${await response.text()}`;
    });
  }
  await attempt("read by XMLHttpRequest", () => new Promise((done, failed) => {
    const request = new XMLHttpRequest();
    request.open("GET", `${target}/v1/documents/vault`);
    request.onload = () => done(request.responseText);
    request.onerror = failed;
    request.send();
  }));
  const ask = JSON.stringify({ question: "What is the password?", min_confidence: 0 });
  const mcp = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" });
  const types = ["text/plain", "application/json", "text/plain; application/json", ""];
  for (const type of types) {
    for (const mode of ["cors", "no-cors"]) {
      for (const [path, body] of [["/v1/ask", ask], ["/v1/documents", batch], ["/mcp", mcp]]) {
        const headers = type ? { "Content-Type": type } : {};
        const sent = type ? body : new Blob([body]);
        await attempt(`POST ${path} as ${type} with ${mode}`, async () =>
          read(await fetch(target + path, { method: "POST", mode, headers, body: sent })));
      }
    }
  }
  await attempt("an upload", async () =>
    read(await fetch(`${target}/v1/documents`, { method: "POST", mode: "no-cors", body: file() })));
  await attempt("an upload that is kept alive", async () =>
    read(await fetch(`${target}/v1/documents`,
      { method: "POST", mode: "no-cors", body: file(), keepalive: true })));
  const headers = { "Content-Type": "application/json" };
  await attempt("a replacement", async () =>
    read(await fetch(`${target}/v1/documents/vault`,
      { method: "PUT", headers, body: '{"text": "It is evil."}' })));
  for (const mode of ["cors", "no-cors", "same-origin"]) {
    await attempt(`a deletion with ${mode}`, async () =>
      read(await fetch(`${target}/v1/documents/vault`, { method: "DELETE", mode })));
  }
  for (const body of [batch, new Blob([batch], { type: "text/plain" }),
    new Blob([batch], { type: "application/json" }), file()]) {
    // True means only that the browser sends it.
    await attempt("a beacon", () => void navigator.sendBeacon(`${target}/v1/documents`, body));
  }
  const enctypes = ["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"];
  for (const enctype of enctypes) {
    await attempt(`a form of ${enctype}`, async () => {
      const frame = document.createElement("iframe");
      frame.name = `frame ${enctype}`;
      document.body.append(frame);
      const form = document.createElement("form");
      Object.assign(form, { method: "post", enctype, action: `${target}/v1/documents` });
      form.target = frame.name;
      const input = document.createElement("input");
      if (enctype === "multipart/form-data") {
        input.type = "file";
        input.name = "files";
        const files = new DataTransfer();
        files.items.add(new File(["It is evil."], "evil.txt"));
        input.files = files.files;
      } else {
        // As text/plain this makes JSON: name=value, with the equals sign inside a string.
        input.name = '{"documents": [{"id": "evil", "text": "';
        input.value = 'It is evil."}]}';
      }
      form.append(input);
      document.body.append(form);
      const loaded = new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
      form.submit();
      await loaded;
      return frame.contentDocument?.body?.innerText;
    });
  }
  const embedded = [
    ["img", "src", "/v1/documents/vault"], ["img", "src", "/static-offline-docs/favicon.png"],
    ["script", "src", "/v1/documents"], ["script", "src", "/page/wording.js"],
    ["script", "src", "/page/files/main.js"], ["link", "href", "/page/files/style.css"],
    ["video", "src", "/v1/documents/vault"], ["object", "data", "/"],
  ];
  for (const [tag, attribute, path] of embedded) {
    await attempt(`embed ${path} as ${tag}`, () => {
      const element = document.createElement(tag);
      element[attribute] = target + path;
      if (tag === "link") element.rel = "stylesheet";
      return patient(element, path);
    });
  }
  // An element of this kind says that it is loaded even when it is refused; its frame shows what it
  // has.
  const plugin = document.createElement("embed");
  plugin.src = `${target}/documents/vault`;
  await patient(plugin, plugin.src);
  for (const path of ["/", "/docs", "/documents/vault", "/v1/documents/vault"]) {
    await attempt(`frame ${path}`, async () => {
      const frame = document.createElement("iframe");
      frame.src = target + path;
      await patient(frame, path);
      return frame.contentDocument?.body?.innerText;
    });
  }
  await attempt("events", () => new Promise((done) => {
    const events = new EventSource(`${target}/v1/documents`);
    events.onmessage = (event) => done(event.data);
    events.onerror = () => { events.close(); done(""); };
  }));
  await attempt("a socket", () => new Promise((done) => {
    const socket = new WebSocket(`${target.replace("http", "ws")}/v1/documents`);
    socket.onopen = () => done("open");
    socket.onerror = () => done("");
  }));
  return taken;
}
"""


class AttackersServer(ThreadingHTTPServer):
    """Serves an empty page without any policy, at every address.

    :ivar rebound_to: the port of the service, once the attacker's name leads there
    """

    daemon_threads = True
    rebound_to: int | None = None


class _Handler(BaseHTTPRequestHandler):
    server: AttackersServer

    def answer(self) -> None:
        if self.server.rebound_to is None or self.path == "/prize":
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Win a prize</title><body></body>")
            return
        # What the browser sends goes to the service byte for byte, as it would if the name led
        # there.
        sent = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        connection = HTTPConnection("127.0.0.1", self.server.rebound_to, timeout=30)
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            connection.putheader(name, value)
        connection.endheaders(sent)
        response = connection.getresponse()
        body = response.read()
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        connection.close()

    # The names that http.server looks for.
    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer  # noqa: N815

    def log_message(self, *_arguments: object) -> None:
        """Nothing is logged."""


@pytest.fixture
def attacker() -> Iterator[AttackersServer]:
    """The attacker's web server."""
    with AttackersServer(("127.0.0.1", 0), _Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that resolves the attacker's name to this machine."""
    arguments = ["--no-sandbox", f"--host-resolver-rules=MAP {EVIL} 127.0.0.1"]
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.new_context() as context:
        opened = context.new_page()
        opened.set_default_timeout(TIMEOUT_MS)
        yield opened


@pytest.fixture
def service(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, make: Callable[..., Document]
) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        opened.collection.put([make("vault", SECRET)])
        yield opened


@pytest.fixture
def port(service: AnswerService, serving: Serving) -> Iterator[int]:
    """The port of the service, which is at 127.0.0.1."""
    with serving(service) as url:
        yield int(url.rpartition(":")[2])


def assert_unharmed(service: AnswerService) -> None:
    ids = [summary.id for summary in service.collection.store.documents(10)[0]]
    text = service.collection.store.document("vault", None).text
    assert (ids, text, service.collection.generation) == (["vault"], SECRET, 1)


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        # Another port is another origin on the same site.
        ("127.0.0.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
        ("127.0.0.1", "localhost"),
        ("localhost", "localhost"),
        (EVIL, "127.0.0.1"),
        (EVIL, "localhost"),
    ],
)
def test_a_page_of_another_origin_gets_nothing_and_changes_nothing(
    origin: str,
    target: str,
    page: Page,
    port: int,
    attacker: AttackersServer,
    service: AnswerService,
) -> None:
    page.goto(f"http://{origin}:{attacker.server_port}/")
    taken = page.evaluate(ATTACK, f"http://{target}:{port}")
    assert len(taken) > 60
    assert {name: text for name, text in taken.items() if text} == {}
    assert [frame.url for frame in page.frames if SECRET in frame.content()] == []
    assert_unharmed(service)


def test_a_rebound_name_gets_refusals_and_changes_nothing(
    page: Page, port: int, attacker: AttackersServer, service: AnswerService
) -> None:
    # The page comes from the attacker, and what it asks for goes to the service: to the browser,
    # both are one origin.
    origin = f"http://{EVIL}:{attacker.server_port}"
    attacker.rebound_to = port
    page.goto(f"{origin}/prize")
    taken = page.evaluate(ATTACK, origin)
    assert len(taken) > 60
    assert taken["read /v1/documents"].startswith("421 ")
    assert taken["a deletion with same-origin"].startswith("421 ")
    assert [name for name, text in taken.items() if "swordfish" in text] == []
    refused = [text for text in taken.values() if text.startswith("2")]
    assert refused == []
    assert [frame.url for frame in page.frames if SECRET in frame.content()] == []
    assert_unharmed(service)


def test_the_attack_works_where_nothing_is_in_its_way(
    page: Page, port: int, service: AnswerService
) -> None:
    # The same attempts by a page of the service's own origin, which may do everything. Forms and
    # frames are refused all the same.
    origin = f"http://127.0.0.1:{port}"
    page.route(f"{origin}/own", lambda route: route.fulfill(body="", content_type="text/html"))
    page.goto(f"{origin}/own")
    taken = page.evaluate(ATTACK, origin)
    assert SECRET in taken["read /v1/documents/vault"]
    assert SECRET in taken["POST /v1/ask as application/json with cors"]
    assert taken["POST /v1/documents as text/plain with no-cors"].startswith("415 ")
    assert taken["a deletion with cors"].startswith("200 ")
    assert "swordfish" not in taken["frame /documents/vault"]
    assert service.collection.generation > 1


def test_a_link_from_another_page_opens_a_document(
    page: Page, port: int, attacker: AttackersServer
) -> None:
    page.goto(f"http://localhost:{attacker.server_port}/")
    link = f"http://127.0.0.1:{port}/documents/vault#0-3"
    page.evaluate("(link) => { location.href = link; }", link)
    page.get_by_text("swordfish").first.wait_for()


def test_the_api_description_works_under_its_policy(page: Page, port: int) -> None:
    refused: list[str] = []
    page.on("console", lambda said: refused.append(said.text) if said.type == "error" else None)
    page.goto(f"http://127.0.0.1:{port}/docs")
    page.get_by_text("/v1/ask", exact=True).first.click()
    page.get_by_role("button", name="Try it out").first.click()
    page.get_by_role("button", name="Execute").first.click()
    page.get_by_text("Response body").first.wait_for()
    page.get_by_text('"answered"').first.wait_for()
    assert refused == []
