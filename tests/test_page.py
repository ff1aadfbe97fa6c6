"""The page as it is sent: strict headers, nothing inline, no text made into markup. The browser's
side is next door.
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from corpus.document import Document
from index.encoding.encoder import Encoder
from service.answering import wording
from service.answering.reason import Reason
from service.answering.service import AnswerService
from service.http.app import create_app
from service.page import FILES
from service.reader.passage import PassageReader
from service.settings import Settings

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9"}
SCRIPTS = sorted(FILES.glob("*.js"))

Get = Callable[..., httpx.Response]


@pytest.fixture
def service(tmp_path: Path, encoder: Encoder, passages: PassageReader) -> Iterator[AnswerService]:
    with AnswerService(tmp_path / "data", encoder, passages, writable=True) as opened:
        yield opened


@pytest.fixture
def get(service: AnswerService) -> Iterator[Get]:
    """Asks the service for a path."""
    transport = httpx.ASGITransport(create_app(service, Settings(threads=2, max_document_mb=1.5)))

    async def getting(path: str, **headers: str) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=headers)

    with asyncio.Runner() as runner:
        yield lambda path, headers=None: runner.run(getting(path, **(headers or {})))


class Markup(HTMLParser):
    """Every element of a page with its attributes, and what stands between script and style
    tags.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))


@pytest.mark.parametrize("path", ["/", "/documents/bridge", "/documents/no-such"])
def test_the_page_comes_with_a_strict_policy(
    path: str, get: Get, service: AnswerService, make: Callable[..., Document]
) -> None:
    service.collection.put([make("bridge")])
    response = get(path, HTML)
    policy = dict(
        part.split(" ", 1) for part in response.headers["content-security-policy"].split("; ")
    )
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"


def test_nothing_in_the_page_is_inline_and_everything_it_names_is_there(get: Get) -> None:
    elements = Markup(get("/", HTML).text).elements
    assert [
        attributes for tag, attributes in elements if tag == "script" and not attributes.get("src")
    ] == []
    assert [tag for tag, _ in elements if tag == "style"] == []
    assert [
        name
        for _, attributes in elements
        for name in attributes
        if name == "style" or name.startswith("on")
    ] == []
    named = [
        attributes.get("src") or attributes.get("href")
        for tag, attributes in elements
        if tag in ("script", "link")
    ]
    assert len(named) >= 5
    assert [path for path in named if path is None or get(path).status_code != 200] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_makes_no_markup_of_text_and_imports_what_is_there(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    assert (
        re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write|\beval\(|new Function",
            text,
        )
        == []
    )
    imported = re.findall(r'from "(\.[^"]+)"', text)
    assert [
        name for name in imported if name != "../wording.js" and not (FILES / name).is_file()
    ] == []


def test_the_page_words_confidences_and_refusals_as_every_other_channel_does(get: Get) -> None:
    response = get("/page/wording.js")
    assert response.headers["content-type"].startswith("text/javascript")
    words = json.loads(response.text.removeprefix("export const WORDING = ").removesuffix(";\n"))
    assert words["noAnswer"] == wording.NO_ANSWER
    assert [Reason(reason) for reason in words["refusals"]] == list(Reason)
    assert words["confidenceLevels"] == [list(level) for level in wording.CONFIDENCE_LEVELS]
    scripts = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    own = [wording.NO_ANSWER, wording.CONFLICT, *wording.REFUSALS.values()]
    assert [words for words in own if words in scripts] == []
    assert [words for _, words in wording.CONFIDENCE_LEVELS if words in scripts] == []


def test_the_files_of_the_page_are_typed_and_asked_for_anew(get: Get) -> None:
    response = get("/page/files/main.js")
    assert response.headers["content-type"].startswith("text/javascript")
    assert (response.headers["cache-control"], response.headers["x-content-type-options"]) == (
        "no-cache",
        "nosniff",
    )
    assert (
        get("/page/files/main.js", {"If-None-Match": response.headers["etag"]}).status_code == 304
    )


@pytest.mark.parametrize(
    "path", ["no-such.js", "../__init__.py", "%2e%2e/__init__.py", "..%2f__init__.py", ""]
)
def test_nothing_but_the_files_of_the_page_is_given_out(path: str, get: Get) -> None:
    assert get(f"/page/files/{path}").status_code == 404


def test_a_link_is_the_page_for_a_browser_and_the_text_for_anybody_else(
    get: Get, service: AnswerService, make: Callable[..., Document]
) -> None:
    service.collection.put([make("a b/ß", "<script>1</script> Fine.")])
    page, text = get("/documents/a%20b/%C3%9F", HTML), get("/documents/a%20b/%C3%9F")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<script>1</script>" not in page.text
    assert (text.text, text.headers["content-type"]) == (
        "<script>1</script> Fine.",
        "text/plain; charset=utf-8",
    )
    assert (text.headers["x-content-type-options"], page.headers["vary"], text.headers["vary"]) == (
        "nosniff",
        *["Accept"] * 2,
    )
    assert text.headers["content-security-policy"] == "default-src 'none'; sandbox"


@pytest.mark.parametrize("path", ["/documents/no-such", "/documents/bridge?version=abc"])
def test_the_page_of_what_is_not_there_has_status_404(
    path: str, get: Get, service: AnswerService, make: Callable[..., Document]
) -> None:
    service.collection.put([make("bridge")])
    response = get(path, HTML)
    assert (response.status_code, response.headers["content-type"]) == (
        404,
        "text/html; charset=utf-8",
    )


def test_the_page_is_told_what_the_collection_holds_and_takes(
    get: Get, service: AnswerService, make: Callable[..., Document]
) -> None:
    assert get("/page/collection").json()["documents"] == 0
    service.collection.put(
        [
            make("a", tags=["gas", "oil"], published=date(2024, 5, 1)),
            make("b", tags=["gas"], published=date(2023, 1, 2)),
            make("c"),
        ]
    )
    found = get("/page/collection").json()
    assert found["tags"] == [{"tag": "gas", "documents": 2}, {"tag": "oil", "documents": 1}]
    assert (found["documents"], found["published_from"], found["published_to"]) == (
        3,
        "2023-01-02",
        "2024-05-01",
    )
    assert (found["generation"], found["max_document_bytes"]) == (1, 1_500_000)
    assert {".pdf", ".txt", ".csv"} <= set(found["suffixes"])
