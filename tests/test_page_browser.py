"""The page in a browser: Chromium against the real service on a socket, with the toy encoder and
reader behind it.
"""

import io
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright
from reportlab.pdfgen.canvas import Canvas

from corpus.blocks import BlockKind
from corpus.document import Document
from corpus.document import Page as Leaf
from corpus.formats.fragment import (
    Fragment,
    TableCell,
    block,
    code,
    heading,
    indented,
    joined,
    marked,
    paragraph,
    table,
)
from corpus.limits import ParseLimits
from corpus.load import find_files, read_document
from corpus.pool import ParserPool
from index.encoding.encoder import Encoder
from service.answering.service import AnswerService
from service.http.app import create_app
from service.http.schemas import AskRequest
from service.mirror.sync import Mirror
from service.reader.passage import PassageReader
from service.settings import Settings

CHROMIUM = next(
    (
        found
        for name in ("chromium", "chromium-browser", "google-chrome")
        if (found := shutil.which(name))
    ),
    None,
)
LIBRARY = Path(__file__).parent.parent / "corpus" / "library"
DESKTOP, PHONE = (1280, 800), (390, 844)
TIMEOUT_MS = 30_000
OTTER = (
    "🦦🦦 A page about otters — and 𝔟𝔯𝔦𝔡𝔤𝔢𝔰.\n\n## The bridge\n\nThe Otter Bridge was opened in "
    "1931. "
    "Its length is 212 metres. Ada Fenwick 👩‍🔧 drew it."
)
YARD = joined(
    [
        heading("The yard 🦦", 1),
        block(BlockKind.PAGE_HEAD, "Page head 𝔟"),
        block(BlockKind.CONTENTS, "Loads ..... 12"),
        paragraph("Each hoist has:"),
        joined(
            [
                marked("4. ", block(BlockKind.LIST_ITEM, "a rope 🪢", 1)),
                marked("  - ", block(BlockKind.LIST_ITEM, "a hook 𝟜𝟘", 2)),
                marked("  - ", block(BlockKind.LIST_ITEM, "a latch", 2)),
                marked("5. ", block(BlockKind.LIST_ITEM, "a brake", 1)),
                marked("  ", indented(code("if load:\n    lift()"))),
            ],
            "\n",
        ),
        heading("Loads", 2),
        block(BlockKind.CAPTION, "Lorries 🚚"),
        table(
            [
                [TableCell(name, is_head=True) for name in ("Lorry", "Load", "Driver")],
                [TableCell("Red 🚚", is_head=True), TableCell("3.5 t"), TableCell("Ada")],
                [TableCell("Blue", is_head=True), TableCell(), TableCell("Ulla 👩‍🔧")],
            ]
        ),
        block(BlockKind.QUOTATION, "Nobody stands under it."),
        joined(
            [
                block(BlockKind.DEFINITION, "Hoist: lifts 🦦 loads", 1),
                marked("  - ", block(BlockKind.LIST_ITEM, "by hand", 1)),
            ],
            "\n",
        ),
        block(BlockKind.FIELD, "Name: Odalys"),
        block(BlockKind.FOOTNOTE, "1 See 𝔟."),
        Fragment("a loose end"),
        block(BlockKind.PAGE_FOOT, "Page foot 🦦"),
    ]
)
"""A document with a block of each kind, and with a text in no block."""

ASKED = "When was the Otter Bridge opened?"

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no Chromium on this machine: apt-get install chromium"
)

Json = dict[str, Any]  # what json gives
Make = Callable[..., Document]


@dataclass(frozen=True)
class Site:
    """A running service and the service behind it."""

    address: str
    service: AnswerService

    def answer(self, question: str, **asked: object) -> Json:
        """What the service answers, asked beside the page."""
        return dict(
            json.loads(
                self.service.ask(
                    AskRequest.model_validate({"question": question, **asked}).to_question()
                ).body
            )
        )


@contextmanager
def served(service: AnswerService) -> Iterator[Site]:
    """The service on a free port of this machine, until the block ends."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        create_app(service, Settings(threads=2)), log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", service)
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests. It is closed with them: while it is open, asyncio counts as
    running here.
    """
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def serve(
    tmp_path: Path, encoder: Encoder, passages: PassageReader, answering: Callable[..., Path]
) -> Iterator[Callable[..., Site]]:
    """Starts a service with these documents, that answers from a confidence on."""
    running = []

    def serving(*documents: Document, threshold: float = 0.2) -> Site:
        service = AnswerService(
            answering(tmp_path / "data", threshold), encoder, passages, writable=True
        )
        if documents:
            service.collection.put(documents)
        server = served(service)
        site = server.__enter__()
        running.append((server, service))
        return site

    yield serving
    for server, service in running:
        server.__exit__(None, None, None)
        service.collection.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a page in a window of its own. A script that fails, or that the policy stops, fails the
    test.
    """
    contexts = []
    faults: list[str] = []

    def opening(address: str, size: tuple[int, int] = DESKTOP, theme: Any = "light") -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]}, color_scheme=theme
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.on("pageerror", lambda fault: faults.append(str(fault)))
        page.on(
            "console",
            lambda said: (
                faults.append(said.text) if "Content Security Policy" in said.text else None
            ),
        )
        page.goto(address)
        return page

    expect.set_options(timeout=TIMEOUT_MS)
    yield opening
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture
def otter(serve: Callable[..., Site], make: Make) -> Site:
    return serve(
        make(
            "otter",
            OTTER,
            title="The Otter Bridge",
            url="https://example.org/otter#top",
            published=date(2020, 2, 3),
            tags=["bridges"],
        ),
        make(
            "elm",
            "The Elm Bridge was opened in 1804.",
            title="The Elm",
            published=date(1999, 9, 9),
            tags=["rivers"],
        ),
    )


def ask(page: Page, question: str) -> Locator:
    """Ask, and wait for what comes of it: the turn."""
    page.get_by_role("textbox", name="Your question").fill(question)
    page.keyboard.press("Enter")
    turn = page.locator(".turn").last
    expect(turn.get_by_role("heading", name=question)).to_be_visible()
    expect(turn).not_to_have_attribute("aria-busy", "true")
    expect(turn.locator(".outcome > *").first).to_be_visible()
    return turn


def body(request: Request) -> Json:
    """What a request sent."""
    return dict(json.loads(request.post_data or ""))


def opened(page: Page) -> Locator:
    """The reader, once it shows a text."""
    expect(page.locator("#reader .text")).to_be_visible()
    return page.locator("#reader")


def select(page: Page, words: str) -> None:
    """Select the first occurrence of some words in the document, as a mouse would."""
    page.evaluate(
        """(words) => {
            const text = document.querySelector("#reader .text");
            const walker = document.createTreeWalker(text, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) {
                const node = walker.currentNode;
                const place = node.data.indexOf(words);
                if (place < 0) continue;
                getSelection().setBaseAndExtent(node, place, node, place + words.length);
            }
        }""",
        words,
    )


# -- asking


def test_an_answer_stands_marked_in_its_sentence_with_confidence_and_a_dated_source(
    otter: Site, tab: Callable[..., Page]
) -> None:
    turn = ask(tab(otter.address), ASKED)
    answer = otter.answer(ASKED)["answer"]
    assert answer["text"] == "1931"
    expect(turn.locator(".quote mark")).to_have_text("1931")
    expect(turn.locator(".quote")).to_contain_text("The Otter Bridge was opened in 1931.")
    expect(turn.locator(".confidence")).to_contain_text("right")
    expect(turn.locator(".confidence")).to_contain_text(
        f"{min(99, round(answer['confidence'] * 100))}\u202f%"
    )
    source = turn.get_by_role("list", name="Sources").get_by_role("link").first
    expect(source).to_contain_text("The Otter Bridge")
    expect(source.locator("time")).to_have_attribute("datetime", "2020-02-03")
    turn.locator(".confidence").click()
    expect(turn.get_by_text("in 100 are right")).to_be_visible()
    expect(tab(otter.address).locator("#held")).to_have_text("2")


def test_the_first_page_offers_questions_that_the_collection_answers(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    page.get_by_role("button", name=ASKED).click()
    expect(page.locator(".quote mark")).to_have_text("1931")
    expect(page.locator(".examples")).to_be_hidden()


def test_an_empty_collection_asks_for_documents(
    serve: Callable[..., Site], tab: Callable[..., Page]
) -> None:
    page = tab(serve().address)
    expect(page.get_by_text("There are no documents yet.").first).to_be_visible()
    turn = ask(page, ASKED)
    expect(turn.get_by_text("The documents do not say.")).to_be_visible()
    turn.get_by_role("button", name="Add documents").click()
    expect(page.get_by_role("dialog", name="Documents")).to_be_visible()


def test_a_best_guess_is_shown_as_not_certain_above_the_nearest_passages(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    site = serve(make("otter", OTTER, title="The Otter Bridge"), threshold=1.0)
    turn = ask(tab(site.address), ASKED)
    expect(turn.get_by_text("Not certain, but the documents may say:")).to_be_visible()
    expect(turn.locator(".quote mark")).to_have_text("1931")
    expect(turn.locator(".passages")).to_contain_text("The Otter Bridge was opened in 1931.")
    expect(turn.get_by_role("button", name="Not right")).to_be_visible()
    turn.get_by_role("link", name="Source 1").click()
    expect(opened(turn.page).locator("mark")).to_have_text("1931")


def test_answers_that_differ_stand_side_by_side_the_newest_first(
    otter: Site, tab: Callable[..., Page]
) -> None:
    turn = ask(tab(otter.address), "When was the Bridge opened?")
    expect(turn.get_by_text("The documents disagree.")).to_be_visible()
    expect(turn.locator(".values .value")).to_have_text(["1931", "1804"])
    expect(turn.locator(".values .date time")).to_have_text(["3 February 2020", "9 September 1999"])
    boxes = [value.bounding_box() for value in turn.locator(".values > li").all()]
    assert boxes[0] is not None
    assert boxes[1] is not None
    assert boxes[0]["x"] < boxes[1]["x"]
    assert boxes[0]["y"] == pytest.approx(boxes[1]["y"], abs=1)


def test_a_follow_up_carries_what_was_said_before(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(otter.address)
    ask(page, ASKED)
    with page.expect_request("**/v1/ask") as sent:
        ask(page, "And who drew it?")
    assert body(sent.value)["history"] == [
        {"role": "user", "text": ASKED},
        {"role": "assistant", "text": "1931"},
    ]
    assert page.locator(".turn").count() == 2


def test_how_a_question_was_understood_is_shown_and_can_be_edited(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    ask(page, "The Elm Bridge, opened?")
    turn = ask(page, "When was it opened?")
    understood = turn.locator(".understood q")
    expect(understood).to_contain_text("the Elm Bridge")
    said = understood.inner_text()
    turn.get_by_role("button", name="Edit how the question was understood").click()
    field = turn.get_by_role("textbox", name="The question")
    expect(field).to_have_value(said)
    field.fill(ASKED)
    with page.expect_request("**/v1/ask") as sent:
        field.press("Enter")
    assert (body(sent.value)["question"], body(sent.value)["history"]) == (ASKED, [])
    expect(turn.locator(".quote mark")).to_have_text("1931")
    assert page.locator(".turn").count() == 2


def test_filters_narrow_by_tag_and_day_and_can_be_taken_off(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    question = "When was the Bridge opened?"
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("checkbox", name="rivers").check()
    expect(ask(page, question).locator(".quote mark")).to_have_text("1804")
    page.get_by_role("button", name="Remove the filter rivers").click()
    page.get_by_label("Published from").fill("2020-01-01")
    expect(ask(page, question).locator(".quote mark")).to_have_text("1931")
    page.get_by_label("to", exact=True).fill("2019-01-01")
    expect(page.get_by_text("The start date is after the end date.")).to_be_visible()
    page.get_by_label("Published from").fill("2024-01-01")
    page.get_by_label("to", exact=True).fill("")
    turn = ask(page, question)
    turn.get_by_role("button", name="Ask without filters").click()
    expect(turn.get_by_text("The documents disagree.")).to_be_visible()
    expect(page.locator(".chip")).to_have_count(0)


def test_a_question_that_is_too_long_is_not_sent_and_said_to_be(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    field = page.get_by_role("textbox", name="Your question")
    field.fill("🦦" * 1001)
    field.press("Enter")
    expect(page.get_by_text("1 character too long")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    field.fill("🦦" * 1000)
    field.press("Enter")
    expect(page.locator(".turn")).to_have_count(1)


def test_without_the_service_the_page_says_so_and_asks_again_on_demand(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    expect(page.locator(".examples")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("textbox", name="Your question").fill(ASKED)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").get_by_text("Quoth can’t be reached")).to_be_visible()
    page.context.set_offline(False)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator(".quote mark")).to_have_text("1931")


def test_a_question_can_be_stopped_and_comes_back_to_be_edited(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    page.route("**/v1/ask", lambda _route: None)  # never answered
    field = page.get_by_role("textbox", name="Your question")
    field.fill(ASKED)
    field.press("Enter")
    expect(page.locator(".turn .waiting")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".turn")).to_have_count(0)
    expect(field).to_have_value(ASKED)


# -- reading


def test_a_citation_opens_its_document_at_the_marked_quote(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    citation = otter.answer(ASKED)["citations"][0]
    assert OTTER[citation["start"] : citation["end"]] == "1931"
    ask(page, ASKED).get_by_role("link", name="Source 1").click()
    reader = opened(page)
    expect(reader.locator("mark")).to_have_text("1931")
    expect(reader.locator("mark")).to_be_in_viewport()
    expect(reader.get_by_role("heading", name="The Otter Bridge", exact=True)).to_be_visible()
    assert page.url == otter.address + citation["link"]
    page.reload()
    expect(opened(page).locator("mark")).to_have_text("1931")


def test_a_permanent_link_shows_the_document_on_its_own_and_leads_back(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address + otter.answer(ASKED)["citations"][0]["link"])
    expect(opened(page).locator("mark")).to_have_text("1931")
    expect(page.locator("#conversation")).to_be_hidden()
    page.get_by_role("button", name="Close the document").click()
    expect(page.get_by_role("textbox", name="Your question")).to_be_visible()
    page.go_back()
    expect(opened(page).locator("mark")).to_have_text("1931")


def test_the_original_is_linked_with_a_text_fragment(otter: Site, tab: Callable[..., Page]) -> None:
    link = ask(tab(otter.address), ASKED).get_by_role("link", name="Original of The Otter Bridge")
    expect(link).to_have_attribute(
        "href", "https://example.org/otter#top:~:text=Bridge%20was%20opened%20in-,1931"
    )
    expect(link).to_have_attribute("rel", "noopener noreferrer")


def test_a_page_of_a_document_is_named_with_its_source_and_in_its_text(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    text = "A foreword.\nThe Otter Bridge was opened in 1931.\nAn index."
    site = serve(
        make("pdf", text, title="Bridges", pages=[Leaf(1, 0, 11), Leaf(7, 12, 48), Leaf(8, 49, 58)])
    )
    turn = ask(tab(site.address), ASKED)
    expect(turn.locator(".source").first).to_contain_text("page 7")
    turn.get_by_role("link", name="Source 1").click()
    starts = opened(turn.page).locator(".page-start")
    assert starts.all_inner_texts() == ["Page 1", "Page 7", "Page 8"]
    assert starts.nth(1).evaluate("(node) => node.nextElementSibling.textContent") == (
        "The Otter Bridge was opened in 1931."
    )


def test_places_count_as_the_service_counts_them(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(otter.address)
    for text in ("", "plain", OTTER, "👩‍🔧" * 3, "a\U0010ffff\u0301\r\nش"):
        counted = page.evaluate(
            """async ([text, points]) => {
                const { Offsets } = await import("/page/files/text.js");
                const offsets = new Offsets(text);
                const units = points.map((point) => offsets.unitAt(point));
                return [units.map((unit) => text.slice(0, unit)),
                        units.map((unit) => offsets.pointAt(unit))];
            }""",
            [text, list(range(len(text) + 1))],
        )
        points = range(len(text) + 1)
        assert counted == [[text[:point] for point in points], list(points)]


def test_a_citation_of_an_older_version_shows_it_and_leads_to_the_present_one(
    otter: Site, make: Make, tab: Callable[..., Page]
) -> None:
    link = otter.answer(ASKED)["citations"][0]["link"]
    otter.service.collection.put([make("otter", f"New: {OTTER}", title="The Otter Bridge")])
    page = tab(otter.address + link)
    expect(opened(page).locator("mark")).to_have_text("1931")
    expect(page.get_by_text("The quote is still in it.")).to_be_visible()
    page.get_by_role("link", name="Read the current version").click()
    expect(page.locator("#reader .text")).to_contain_text("New:")
    expect(page.locator("#reader mark")).to_have_text("1931")


def test_a_document_that_is_gone_is_said_to_be(otter: Site, tab: Callable[..., Page]) -> None:
    link = otter.answer(ASKED)["citations"][0]["link"]
    otter.service.collection.remove(["otter"])
    expect(tab(otter.address + link).get_by_text("is no longer in the collection")).to_be_visible()


def test_the_conversation_outlives_a_reload_and_forgets_what_was_deleted(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    ask(page, ASKED)
    page.reload()
    expect(page.locator(".quote mark")).to_have_text("1931")
    otter.service.collection.remove(["otter"])
    page.reload()
    expect(page.get_by_role("heading", name="Ask your documents")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)


def test_a_document_is_drawn_by_its_blocks_without_marks(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    site = serve(make("yard", YARD.text, title="Yard", blocks=YARD.blocks, pages=[Leaf(3, 0, 9)]))
    page = tab(f"{site.address}/documents/yard", PHONE, "dark")
    text = opened(page).locator(".text")
    expect(text.get_by_role("heading", name="The yard 🦦", level=2)).to_be_visible()
    expect(text.get_by_role("heading", name="Loads", level=3)).to_be_visible()
    outer = text.locator(".section > ul > li")
    assert [item.get_attribute("data-marker") for item in outer.all()] == ["4.", "5."]
    nested = outer.first.locator("ul > li")
    assert nested.all_inner_texts() == ["a hook 𝟜𝟘", "a latch"]
    assert [item.get_attribute("data-marker") for item in nested.all()] == ["•", "•"]
    assert outer.nth(1).locator("pre").inner_text() == "if load:\n    lift()"
    heads = text.get_by_role("columnheader")
    assert heads.all_inner_texts() == ["Lorry", "Load", "Driver"]
    rows = text.get_by_role("row").all()
    assert [row.locator("td, th").all_inner_texts() for row in rows[1:]] == [
        ["Red 🚚", "3.5 t", "Ada"],
        ["Blue", "", "Ulla 👩‍🔧"],
    ]
    assert text.get_by_role("rowheader").all_inner_texts() == ["Red 🚚", "Blue"]
    assert text.locator("dt").all_inner_texts() == ["Hoist", "Name"]
    assert text.locator("dd").all_text_contents() == ["lifts 🦦 loadsby hand", "Odalys"]
    assert text.locator("dd li").get_attribute("data-marker") == "•"
    assert text.locator("blockquote").inner_text() == "Nobody stands under it."
    assert text.locator(".contents span").all_inner_texts() == ["Loads", "12"]
    shown = text.inner_text()
    assert "Page 3" in shown
    assert "loose end" in shown
    assert [mark for mark in ("#", "|", "- ", "```") if mark in shown] == []
    check(page)


def test_positions_survive_the_way_to_the_page_and_back(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    site = serve(make("yard", YARD.text, title="Yard", blocks=YARD.blocks))
    page = tab(f"{site.address}/documents/yard")
    opened(page)
    spans = [
        (b.start, b.end) for b in YARD.blocks if b.kind not in (BlockKind.TABLE, BlockKind.ROW)
    ]
    spans += [(start + 1, end) for start, end in spans if end > start + 1]
    spans += [(YARD.text.index("atch"), YARD.text.index("tands"))]
    found = page.evaluate(
        """async ([found, spans]) => {
            const { Outline } = await import("/page/files/blocks.js");
            const { offsetAt, sectionsOf } = await import("/page/files/document-view.js");
            const outline = new Outline(found);
            const { offsets, units } = outline;
            return spans.map(([start, end]) => {
                const mark = { start: offsets.unitAt(start), end: offsets.unitAt(end) };
                const root = document.createElement("div");
                root.append(...sectionsOf(outline, 0, units.length, mark));
                const marks = [...root.querySelectorAll("mark")];
                const last = marks.at(-1);
                const ends = [
                    offsetAt(root, marks[0].firstChild, 0, false),
                    offsetAt(root, last.firstChild, last.firstChild.length, true),
                    offsetAt(root, marks[0], 0, false),
                    offsetAt(root, last, 1, true),
                ];
                const points = ends.map((unit) => offsets.pointAt(unit));
                return [points, marks.map((each) => each.textContent).join("")];
            });
        }""",
        [site.service.document("yard").model_dump(mode="json"), spans],
    )
    for (start, end), (points, shown) in zip(spans, found, strict=True):
        quote = YARD.text[start:end]
        if "\n" not in quote and ": " not in quote and ".." not in quote:
            assert (points, shown) == ([start, end] * 2, quote)
        # What is marked over several blocks is the quote without what is not shown.
        rest = iter(quote)
        assert all(letter in rest for letter in shown)
        assert points[0] >= start
        assert points[1] == end


def test_a_quote_over_cells_is_marked_in_each_and_copied_with_tabs(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    site = serve(make("yard", YARD.text, title="Yard", blocks=YARD.blocks))
    version = site.service.document("yard").version
    start, end = YARD.text.index("🚚 |"), YARD.text.index("Ulla") + 4
    page = tab(f"{site.address}/documents/yard?version={version}#{start}-{end}")
    marks = opened(page).locator("mark")
    assert marks.all_inner_texts() == ["🚚", "3.5 t", "Ada", "Blue", "Ulla"]
    copied = page.evaluate(
        """() => {
            const marks = document.querySelectorAll("#reader mark");
            getSelection().setBaseAndExtent(marks[0], 0, marks[4].firstChild, 4);
            document.execCommand("copy");
            return navigator.clipboard.readText();
        }"""
    )
    assert copied == "🚚\t3.5 t\tAda\nBlue\tUlla"
    page.locator(".selection").get_by_role("button", name="Copy link").click()
    expect(page.locator(".selection")).to_contain_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.endswith(f"#{start}-{end}")


def test_a_table_of_ten_thousand_rows_opens_at_its_row_below_the_heads(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    rows = [[TableCell(f"Lorry {number}"), TableCell(f"{number} kg")] for number in range(10_000)]
    register = table([[TableCell("Lorry", is_head=True), TableCell("Load", is_head=True)], *rows])
    site = serve(make("register", register.text, title="Register", blocks=register.blocks))
    version = site.service.document("register").version
    start = register.text.index("5555 kg")
    page = tab(f"{site.address}/documents/register?version={version}#{start}-{start + 7}")
    mark = opened(page).locator("mark")
    expect(mark).to_have_text("5555 kg")
    expect(mark).to_be_in_viewport()
    heads = mark.locator("xpath=ancestor::table[1]").locator("thead th")
    assert heads.all_inner_texts() == ["Lorry", "Load"]
    assert page.locator(".text tr").count() < 10_000
    page.get_by_role("button", name="Show later text").click()
    expect(page.get_by_text("9999 kg")).to_be_attached()


def test_an_excerpt_shows_no_marks_and_the_whole_quote(
    otter: Site, tab: Callable[..., Page]
) -> None:
    text = "## Loads\n- a hook\n1. a latch\nRed 🚚 | 3.5 t |  | Ada\n# of berths: 46"
    quote = "3.5 t |  | Ada"
    start = len(text[: text.index(quote)].encode("utf-16-le")) // 2
    shown = tab(otter.address).evaluate(
        """async ([text, start, end]) => {
            const { excerptView, plain } = await import("/page/files/excerpt.js");
            const root = document.createElement("p");
            root.append(...excerptView(text, { start, end }));
            const texts = (path) =>
                [...root.querySelectorAll(path)].map((node) => node.textContent);
            return [plain(text), texts(".line"), texts(".cell"), texts("mark")];
        }""",
        [text, start, start + len(quote)],
    )
    assert shown == [
        "Loads · a hook · a latch · Red 🚚 · 3.5 t · Ada · # of berths: 46",
        ["Loads", "a hook", "a latch", "Red 🚚 3.5 t Ada ", "# of berths: 46"],
        ["Red 🚚", "3.5 t", "Ada"],
        ["3.5 t", "Ada"],
    ]


def test_a_cell_is_quoted_below_the_names_of_its_column_and_row(
    otter: Site, tab: Callable[..., Page]
) -> None:
    row = "Red 🚚 | 3.5 t | Ada"
    start = row.index("3.5")
    shown = tab(otter.address).evaluate(
        """async (citation) => {
            const { sentenceView } = await import("/page/files/sources.js");
            const node = sentenceView(citation);
            return ["small", "mark"].map((path) => node.querySelector(path)?.textContent);
        }""",
        {
            "sentence": {"start": 100, "end": 100 + len(row), "text": row},
            "start": 100 + start,
            "end": 105 + start,
            "cell": {"row": "Red 🚚", "column": "Load"},
        },
    )
    assert shown == ["Load · Red 🚚", "3.5 t"]


def test_a_megabyte_on_one_line_stays_usable(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    words = "lorem ipsum dolor " * 28_000
    text = f"{words}the Otter Bridge was opened in 1931 {words}"
    assert len(text) > 1_000_000
    site = serve(make("long", text, title="One line"))
    page = tab(site.address)
    turn = ask(page, ASKED)
    assert len(turn.inner_text()) < 10_000
    turn.locator("a[href^='/documents/']").first.click()
    mark = opened(page).locator("mark").first
    expect(mark).to_be_in_viewport()
    longest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.text p')].map((line) => "
        "line.textContent.length))"
    )
    assert longest <= 3_000
    assert page.evaluate("document.querySelector('#reader .text').textContent") == text.strip()
    select(page, "1931")
    expect(page.locator(".selection q")).to_have_text("1931")


def test_right_to_left_text_reads_so_and_turns_nothing_around_it(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    text = "افتتح جسر Otter Bridge عام 1931 في المدينة.\n\nThe Otter Bridge stands."
    site = serve(
        make("arabic", text, title="\u202eegdirB ehT", published=date(2020, 2, 3)), threshold=0.0
    )
    page = tab(site.address)
    turn = ask(page, ASKED)
    direction = "(node) => getComputedStyle(node).direction"
    assert turn.locator(".quote p").first.evaluate(direction) == "rtl"
    assert (
        turn.locator(".source .title").first.evaluate(
            "(node) => getComputedStyle(node).unicodeBidi"
        )
        == "isolate"
    )
    turn.get_by_role("link", name="Source 1").click()
    paragraphs = opened(page).locator(".text p")
    assert [each.evaluate(direction) for each in paragraphs.all()] == ["rtl", "ltr"]


def test_what_a_document_says_is_never_run(
    serve: Callable[..., Site], make: Make, tab: Callable[..., Page]
) -> None:
    attack = '<img src=x onerror="window.ran=1"><script>window.ran=1</script>'
    document = make(
        "x/<b>&\"'",
        f"{attack} The Otter Bridge was opened in 1931 {attack}",
        title=f"{attack} T",
        tags=[attack[:90]],
    )
    # Such an address is refused today, but an older index may hold one.
    site = serve(replace(document, url="javascript:window.ran=1"))
    page = tab(site.address)
    turn = ask(page, f"{ASKED} {attack}")
    expect(turn.locator(".quote")).to_contain_text("<script>")
    turn.get_by_role("link", name="Source 1").click()
    expect(opened(page).locator(".text")).to_contain_text(attack)
    page.get_by_role("button", name="Documents").click()
    expect(page.locator("#documents")).to_contain_text("<script>")
    page.wait_for_timeout(300)
    assert page.evaluate("window.ran") is None
    assert (
        page.locator(
            "main img, main script, dialog img, dialog script, [href^='javascript']"
        ).count()
        == 0
    )


# -- adding documents


def test_a_page_of_a_pdf_is_shown_with_the_quote_marked_and_its_file_downloaded(
    serve: Callable[..., Site], tab: Callable[..., Page]
) -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    for line in ("The Elm Bridge is old.", "The Fox Bridge was opened in 1777."):
        canvas.drawString(72, 300, line)
        canvas.showPage()
    canvas.save()
    page = tab(serve().address)
    page.get_by_role("button", name="Add documents").click()
    page.locator("#files").set_input_files(
        {"name": "fox.pdf", "mimeType": "application/pdf", "buffer": file.getvalue()}
    )
    expect(page.locator("#uploads-list li")).to_contain_text("Added")
    page.get_by_role("button", name="Close", exact=True).click()
    turn = ask(page, "When was the Fox Bridge opened?")
    turn.get_by_role("link", name="Page 2 of").click()
    image = page.get_by_role("img", name="with the quote marked")
    expect(image).to_be_visible()
    expect(opened(page).locator("mark")).to_have_text("1777")
    # The mark is in the lower half of the page, to which the view scrolls.
    page.wait_for_function("document.querySelector('.sheet').scrollTop > 100")
    check(page)
    page.get_by_role("button", name="Previous page").click()
    expect(page.get_by_role("img", name="Page 1 of")).to_be_visible()
    page.get_by_role("button", name="Close the page").click()
    expect(page.locator(".page-view")).to_have_count(0)
    page.locator(".page-start").get_by_role("button", name="Page 2").click()
    expect(image).to_be_visible()
    with page.expect_download() as download:
        page.locator("#reader").get_by_role("link", name="Original").click()
    assert download.value.suggested_filename == "fox.pdf"
    assert download.value.path().read_bytes() == file.getvalue()


def test_an_upload_of_a_name_that_is_taken_asks_before_it_replaces(
    serve: Callable[..., Site], tab: Callable[..., Page]
) -> None:
    site = serve()
    page = tab(site.address)
    page.get_by_role("button", name="Add documents").click()

    def choose(text: str) -> None:
        page.locator("#files").set_input_files(
            {"name": "fox.txt", "mimeType": "text/plain", "buffer": text.encode()}
        )

    row = page.locator("#uploads-list li").first
    choose("The Fox Bridge was opened in 1777.")
    expect(row).to_contain_text("Added")
    choose("The Fox Bridge was opened in 1888.")
    row.get_by_role("button", name="Don’t add").click()
    expect(row).to_contain_text("Not added")
    assert "1777" in site.service.document("fox.txt").text
    choose("The Fox Bridge was opened in 1999.")
    expect(page.locator("#uploads-summary")).to_have_text("0 files added, 1 to decide.")
    row.get_by_role("button", name="Replace it").click()
    expect(row).to_contain_text("Updated")
    expect(page.locator("#uploads-summary")).to_have_text("1 file added.")
    assert "1999" in site.service.document("fox.txt").text


def test_names_of_files_and_what_is_not_in_their_texts_are_shown(
    serve: Callable[..., Site], tab: Callable[..., Page]
) -> None:
    site = serve()
    page = tab(site.address)
    page.get_by_role("button", name="Add documents").click()
    text = "---\ndate: [\n---\n# The fox\n\nThe Fox Bridge was opened in 1777."
    page.locator("#files").set_input_files(
        {"name": "fox-1.md", "mimeType": "text/markdown", "buffer": text.encode()}
    )
    expect(page.locator("#uploads-list .notes")).to_contain_text("front matter")
    expect(page.locator("#documents li")).to_contain_text("The fox fox-1.md")
    page.get_by_placeholder("Find a document").fill("FOX-1")
    page.locator("#documents a").click()
    expect(opened(page).locator("header .particulars")).to_contain_text("fox-1.md")
    expect(page.locator("#reader .notes")).to_contain_text("front matter")
    page.get_by_role("button", name="Close the document").click()
    turn = ask(page, "When was the Fox Bridge opened?")
    expect(turn.locator(".source").first).to_contain_text("fox-1.md")


def test_files_that_are_not_read_are_counted_and_named(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    expect(page.locator("#held")).to_have_text("2")
    page.evaluate(
        """async () => {
            const { part } = await import("/page/files/dom.js");
            part("open-library").click();
            const file = (name) => ({
                name, isDirectory: false, file: (take) => take(new File(["An owl."], name)),
            });
            const entry = { name: "birds", isDirectory: true, createReader() {
                let batches = [[file("owl.txt"), file("owl.wav"), file(".hidden")], []];
                return { readEntries: (take) => take(batches.shift()) };
            } };
            const drop = new Event("drop", { bubbles: true, cancelable: true });
            drop.dataTransfer = {
                types: ["Files"], files: [], items: [{ webkitGetAsEntry: () => entry }],
            };
            document.body.dispatchEvent(drop);
        }"""
    )
    expect(page.locator("#uploads-list li")).to_contain_text("birds/owl.txt")
    unread = page.locator("#skipped details")
    expect(unread.locator("summary")).to_have_text("1 file of the dropped folders is not read")
    expect(unread.locator("li")).to_have_text("birds/owl.wav is not supported")


def test_files_of_synced_folders_that_are_not_read_are_listed(
    otter: Site, tab: Callable[..., Page], tmp_path: Path
) -> None:
    folder = tmp_path / "papers"
    folder.mkdir()
    (folder / "tape.wav").write_bytes(b"x")
    mirror = Mirror(otter.service.collection, folder)
    list(mirror.carry_out(mirror.plan(), ParserPool(0, ParseLimits(10_000))))
    page = tab(otter.address)
    page.get_by_role("button", name="Documents").click()
    unread = page.locator("#unread details")
    unread.locator("summary").click()
    expect(unread.locator("summary")).to_have_text("1 file of the synced folders is not read")
    expect(unread).to_contain_text("tape.wav has the suffix .wav, which is not supported")


def test_dropped_files_are_added_with_progress_and_asked_at_once(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    expect(page.locator("#held")).to_have_text("2")
    files = page.evaluate_handle(
        """() => {
            const files = new DataTransfer();
            const fox = ["The Fox Bridge was opened in 1777."];
            files.items.add(new File(fox, "fox.txt", { type: "text/plain" }));
            files.items.add(new File([new Uint8Array(9)], "tape.wav", { type: "audio/wav" }));
            return files;
        }"""
    )
    page.dispatch_event("body", "dragenter", {"dataTransfer": files})
    expect(page.get_by_text("Drop to add to your documents")).to_be_visible()
    page.dispatch_event("body", "drop", {"dataTransfer": files})
    rows = page.locator("#uploads-list li")
    expect(rows.filter(has_text="fox.txt")).to_contain_text("Added, 1 passage")
    expect(rows.filter(has_text="tape.wav")).to_contain_text("not supported")
    expect(page.locator("#uploads-summary")).to_have_text("1 file added, 1 failed.")
    expect(page.locator("#held")).to_have_text("3")
    page.get_by_role("button", name="Close", exact=True).click()
    expect(ask(page, "When was the Fox Bridge opened?").locator(".quote mark")).to_have_text("1777")


def test_chosen_files_take_the_tags_that_were_typed_and_stand_in_the_list(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    page.get_by_role("button", name="Documents").click()
    page.get_by_label("Tags for these files").fill("foxes, old")
    page.locator("#files").set_input_files(
        {
            "name": "fox.md",
            "mimeType": "text/markdown",
            "buffer": b"# Fox Bridge\n\nOpened in 1777.",
        }
    )
    expect(page.locator("#documents li").filter(has_text="Fox Bridge")).to_contain_text("foxes")
    summary = otter.service.collection.store.summary("fox.md")
    assert summary is not None
    assert summary.tags == ("foxes", "old")
    page.get_by_placeholder("Find a document").fill("FOXES")
    expect(page.locator("#documents li")).to_have_count(1)
    page.locator("#documents a").click()
    expect(opened(page).locator(".text")).to_contain_text("Opened in 1777.")


# -- what people say of answers


def test_a_thumb_is_kept_and_can_be_turned(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(otter.address)
    turn = ask(page, ASKED)
    turn.get_by_role("button", name="Not right").click()
    expect(turn.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "true")
    turn.get_by_role("textbox", name="What is the right answer?").fill("It was 1932.")
    turn.get_by_role("button", name="Send").click()
    expect(turn.get_by_role("textbox", name="What is the right answer?")).to_have_count(0)
    turn.get_by_role("button", name="Helpful").click()
    expect(turn.get_by_role("button", name="Not right")).to_have_attribute("aria-pressed", "false")
    said = otter.service.history.feedback()
    assert [(each.helpful, each.comment) for each in said] == [
        (False, None),
        (False, "It was 1932."),
        (True, None),
    ]
    page.reload()
    expect(page.get_by_role("button", name="Helpful")).to_have_attribute("aria-pressed", "true")


def test_selected_words_are_kept_as_the_right_passage(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    ask(page, ASKED).get_by_role("link", name="Source 1").click()
    opened(page)
    select(page, "Ada Fenwick 👩‍🔧 drew it")
    page.get_by_role("button", name="This is the right passage").click()
    expect(page.get_by_text("The passage is saved with the question.").first).to_be_attached()
    (said,) = otter.service.history.feedback()
    start = OTTER.index("Ada Fenwick")
    assert said.correct is not None
    assert (said.question, said.helpful) == (ASKED, False)
    assert said.correct["quote"] == "Ada Fenwick 👩‍🔧 drew it"
    assert (said.correct["start"], said.correct["end"]) == (
        start,
        start + len("Ada Fenwick 👩‍🔧 drew it"),
    )


def test_a_near_passage_can_be_taken_whole_without_a_mouse(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    turn = ask(page, ASKED)
    turn.get_by_role("button", name="Not right").press("Enter")
    turn.get_by_role("button", name="Use this passage").first.press("Enter")
    expect(turn.get_by_role("button", name="Saved")).to_be_visible()
    passage = otter.answer(ASKED)["passages"][0]
    correct = otter.service.history.feedback()[-1].correct
    assert correct is not None
    assert (correct["document_id"], correct["start"], correct["end"]) == (
        passage["document_id"],
        passage["start"],
        passage["end"],
    )


def test_selected_words_have_a_link_of_their_own(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(f"{otter.address}/documents/otter")
    opened(page)
    select(page, "Ada Fenwick")
    page.locator(".selection").get_by_role("button", name="Copy link").click()
    expect(page.locator(".selection")).to_contain_text("Copied")
    page.goto(page.evaluate("navigator.clipboard.readText()"))
    expect(opened(page).locator("mark")).to_have_text("Ada Fenwick")


# -- everybody's page


def test_two_tabs_at_once_keep_to_themselves_and_see_the_same_documents(
    otter: Site, tab: Callable[..., Page]
) -> None:
    first, second = tab(otter.address), tab(otter.address)
    ask(first, ASKED)
    ask(second, "When was the Elm Bridge opened?")
    second.get_by_role("button", name="Documents").click()
    second.locator("#files").set_input_files(
        {
            "name": "fox.txt",
            "mimeType": "text/plain",
            "buffer": b"The Fox Bridge was opened in 1777.",
        }
    )
    expect(second.locator("#held")).to_have_text("3")
    turn = ask(first, "When was the Fox Bridge opened?")
    expect(turn.locator(".quote mark")).to_have_text("1777")
    expect(first.locator("#held")).to_have_text("3")
    assert first.locator(".turn h2").all_inner_texts() == [ASKED, "When was the Fox Bridge opened?"]
    assert second.locator(".turn h2").all_inner_texts() == ["When was the Elm Bridge opened?"]


def test_everything_is_reached_by_keyboard(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(otter.address)
    expect(page.locator(".examples")).to_be_visible()
    page.locator("body").click(position={"x": 5, "y": 400})
    page.keyboard.press("/")
    page.keyboard.type(ASKED)
    page.keyboard.press("Enter")
    expect(page.locator(".quote mark")).to_be_visible()
    for _ in range(20):
        page.keyboard.press("Shift+Tab")
        if page.locator(".source:focus").count():
            break
    page.keyboard.press("Enter")
    expect(opened(page).locator("mark")).to_have_text("1931")
    expect(page.locator("#reader-title")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#reader")).to_be_hidden()
    expect(page.locator(".source").first).to_be_focused()


def test_a_screen_reader_is_told_what_came_of_a_question(
    otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address)
    ask(page, ASKED)
    expect(page.locator("#announcer")).to_contain_text("1931. ")
    expect(page.locator("#announcer")).to_contain_text("1 source")


def test_a_chosen_theme_stays(otter: Site, tab: Callable[..., Page]) -> None:
    page = tab(otter.address, theme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    button = page.get_by_role("button", name="Colour theme")
    button.click()
    assert page.evaluate(paper) == light
    button.click()
    dark = page.evaluate(paper)
    page.reload()
    assert dark == page.evaluate(paper) != light


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_state_of_the_page_is_accessible_and_fits_its_screen(
    size: tuple[int, int], theme: str, otter: Site, tab: Callable[..., Page]
) -> None:
    page = tab(otter.address, size, theme)
    page.emulate_media(reduced_motion="reduce")
    expect(page.locator(".examples")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("checkbox", name="rivers").check()
    check(page)
    page.get_by_role("button", name="Clear all").click()
    page.get_by_role("button", name="Done").click()
    turn = ask(page, ASKED)
    turn.get_by_role("button", name="Not right").click()
    expect(turn.locator(".asked-back .passages")).to_be_visible()
    check(page)
    turn.get_by_role("link", name="Source 1").click()
    opened(page)
    select(page, "Ada Fenwick")
    expect(page.locator(".selection")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Documents").click()
    expect(page.locator("#documents a")).to_have_count(2)
    check(page)


def check(page: Page) -> None:
    """Nothing that axe finds fault with, and nothing wider than the screen."""
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_the_shipped_library_is_asked_and_read_on_the_page(
    real_encoder: Encoder, real_passages: PassageReader, tmp_path: Path, tab: Callable[..., Page]
) -> None:
    with (
        AnswerService(tmp_path / "library", real_encoder, real_passages, writable=True) as service,
        served(service) as site,
    ):
        service.collection.put(
            [
                read_document(file.path, document_id=file.document_id, max_bytes=1_000_000)
                for file in find_files([LIBRARY])
            ]
        )
        page = tab(site.address)
        expect(page.locator(".examples li")).to_have_count(4)
        question = "How long is the Power of Siberia pipeline?"
        quote = site.answer(question)["answer"]["text"]
        assert "3,000 kilometres" in quote
        turn = ask(page, question)
        expect(turn.locator(".quote mark")).to_have_text(quote)
        turn.get_by_role("link", name="Source 1").click()
        expect(opened(page).locator("mark")).to_have_text(quote)
        refusal = ask(page, "What is the population of Mongolia?")
        expect(refusal.get_by_text("The documents do not say.")).to_be_visible()
        expect(refusal.locator(".passages li")).to_have_count(3)
