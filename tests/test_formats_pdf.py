"""PDF: lines are joined into paragraphs, and the page offsets are exact."""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reportlab.lib import pdfencrypt
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate

from corpus.document import page_of
from corpus.errors import DocumentError
from corpus.formats.clean import clean_text
from corpus.formats.fragment import paragraph
from corpus.formats.paged import join_pages
from corpus.formats.pdf.read import PDFIUM, read_pdf

LONG = (
    "The pipeline carries 38 billion cubic metres of gas a year, said the operator on Friday, "
    "and it is nearly full. "
    "A second line is being negotiated, which would join the western fields to the northern "
    "border of the country. "
    "Nobody has said when it will be built, or who is to pay for it, but both sides call the "
    "plan a strategic choice."
)


def printed(pages: Sequence[Sequence[str]], **options: object) -> bytes:
    """A PDF with the given lines on its pages, one below the other."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4, **options)
    for lines in pages:
        for at, line in enumerate(lines):
            canvas.drawString(72, 780 - 14 * at, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def set_in_paragraphs(*paragraphs: str, title: str | None = None) -> bytes:
    """A PDF of paragraphs. reportlab breaks the lines, and ``\\f`` starts a new page."""
    file = io.BytesIO()
    style = getSampleStyleSheet()["BodyText"]
    story = [PageBreak() if text == "\f" else Paragraph(text, style) for text in paragraphs]
    SimpleDocTemplate(file, pagesize=A4, title=title).build(story)
    return file.getvalue()


def test_the_page_offsets_lead_to_the_page_of_a_word() -> None:
    extracted = read_pdf(
        "a.pdf", printed([["The first page."], ["The second page."], [], ["The fourth page."]])
    )
    assert extracted.text == "The first page.\n\nThe second page.\n\nThe fourth page."
    for word, number in (("first", 1), ("second", 2), ("fourth", 4)):
        assert page_of(extracted.pages, extracted.text.index(word)) == number
    assert [
        extracted.text[page.start : page.end] for page in extracted.pages
    ] == extracted.text.split("\n\n")


def test_the_lines_of_a_paragraph_are_joined() -> None:
    text = read_pdf("a.pdf", set_in_paragraphs(LONG, "A short one.", LONG)).text
    assert text == f"{LONG}\n\nA short one.\n\n{LONG}"


def test_a_gap_ends_a_paragraph_even_after_a_full_line() -> None:
    # Three lines of one width, so that none had room for a word more.
    full = [
        "Gas goes by pipe to the north.",
        "Oil goes by ship to the south.",
        "Tea goes by road to the north.",
    ]
    lines = ["Short.", "", "Short.", "", "Short.", "", *full, "", "Oil goes by pipe to the south."]
    text = read_pdf("a.pdf", printed([lines])).text
    assert text == "\n\n".join(["Short."] * 3 + [" ".join(full), "Oil goes by pipe to the south."])


FULL_LINE = "The pipeline carries gas from the far east of the country to the south"
"""The widest line in the tests below, so that no word of the next line has room in it."""


def drawn(*lines: tuple[float, float, str], size: float = 10, title: str | None = None) -> bytes:
    """A page with lines at (x, y). The first line has 10 points, and the others have ``size``."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    if title is not None:
        canvas.setTitle(title)
    for number, (x, y, line) in enumerate(lines):
        canvas.setFont("Helvetica", size if number else 10)
        canvas.drawString(x, y, line)
    canvas.save()
    return file.getvalue()


def test_a_line_after_a_full_line_continues_its_paragraph() -> None:
    data = drawn((72, 700, f"{FULL_LINE}."), (72, 688, "A second line is planned."))
    assert read_pdf("a.pdf", data).text == f"{FULL_LINE}. A second line is planned."


def test_an_indented_line_after_a_sentence_starts_a_paragraph() -> None:
    data = drawn((72, 700, f"{FULL_LINE}."), (90, 688, "A second line is planned."))
    assert read_pdf("a.pdf", data).text == f"{FULL_LINE}.\n\nA second line is planned."


def test_a_line_in_another_font_size_starts_a_paragraph() -> None:
    data = drawn((72, 700, FULL_LINE), (72, 688, "A second line is planned."), size=12)
    assert read_pdf("a.pdf", data).text == f"{FULL_LINE}\n\nA second line is planned."


@pytest.mark.parametrize("marker", ["•", "-", "1.", "12)", "(3)", "b)"])
def test_a_list_item_starts_a_line(marker: str) -> None:
    data = drawn((72, 700, FULL_LINE), (72, 688, f"{marker} a second line"))
    assert read_pdf("a.pdf", data).text == f"{FULL_LINE}\n{marker} a second line"


@pytest.mark.parametrize(
    ("first", "joint"),
    [("to the ports of the south and of the west.", " "), ("The ports of the south pay.", "\n\n")],
)
def test_a_sentence_continues_in_the_next_column(first: str, joint: str) -> None:
    rows = [
        ("The oil of the north is sold to the far east,", first),
        (
            "and every ship that carries it there comes",
            "From there it is shipped to the other ports,",
        ),
        (
            "back with the tea that is sent from the north",
            "which pay for it in tea, as they always do.",
        ),
    ]
    lines = [
        line
        for number, (left, right) in enumerate(rows)
        for line in ((72, 624 - 12 * number, left), (330, 624 - 12 * number, right))
    ]
    assert f"is sent from the north{joint}{first}" in read_pdf("a.pdf", drawn(*lines)).text


@pytest.mark.parametrize(
    ("stated", "title"),
    [
        ("Microsoft Word - report.docx", "report.docx"),
        ("untitled", None),
        ("(anonymous)", None),
        ("Gas  report", "Gas report"),
    ],
)
def test_a_title_that_no_author_chose_is_ignored(stated: str, title: str | None) -> None:
    data = drawn((72, 700, "The line."), title=stated)
    assert read_pdf("a.pdf", data).title == title


def test_chinese_lines_are_joined_without_a_space() -> None:
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("STSong-Light", 10)
    for number, line in enumerate(["管道每年输送天然气到南方", "的城市"]):
        canvas.drawString(72, 700 - 12 * number, line)
    canvas.save()
    assert read_pdf("a.pdf", file.getvalue()).text == "管道每年输送天然气到南方的城市"


def test_short_lines_stay_lines() -> None:
    lines = [
        "Year Volume",
        "2024 31 bcm",
        "2025 38 bcm",
        "A line that is a good deal longer than all the others are.",
    ]
    assert read_pdf("a.pdf", printed([lines])).text == "\n".join(lines)


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (
            ["The gas trade and its develop-", "ment went on."],
            "The gas trade and its development went on.",
        ),
        (["The talks of Russia-", "China were long."], "The talks of Russia-China were long."),
        (["In the years 2024-", "2025 it grew well."], "In the years 2024-2025 it grew well."),
        (
            ["A long-term plan. It is a long-", "term plan, all say."],
            "A long-term plan. It is a long-term plan, all say.",
        ),
        (
            ["A term is long. It is a long-", "term plan, all say."],
            "A term is long. It is a long-term plan, all say.",
        ),
        (
            ["The word is cooperation. So co-", "operation grew."],
            "The word is cooperation. So cooperation grew.",
        ),
        (
            ["A dash at the end of a line -", "not a hyphen in any way."],
            "A dash at the end of a line - not a hyphen in any way.",
        ),
    ],
)
def test_words_hyphenated_at_line_ends_are_joined(lines: list[str], text: str) -> None:
    assert read_pdf("a.pdf", printed([lines])).text == text


def test_a_sentence_continues_on_the_next_page() -> None:
    data = printed([["The line carries gas from the far"], ["east of the country.", "Next."]])
    extracted = read_pdf("a.pdf", data)
    assert extracted.text.startswith("The line carries gas from the far\neast of the country.")
    assert [(page.number, page.start) for page in extracted.pages] == [(1, 0), (2, 34)]


def test_running_headers_and_footers_are_written_once_where_they_first_stand() -> None:
    pages = [
        ["Foreign Affairs Bureau", f"{word} sentence stands here alone.", f"Page {number} of 4"]
        for number, word in enumerate(["One", "Two", "Three", "Four"], 1)
    ]
    text = read_pdf("a.pdf", printed(pages)).text
    assert text == "\n\n".join(["Foreign Affairs Bureau", *(page[1] for page in pages)])


@pytest.mark.parametrize(
    ("pages", "repeated", "written"),
    [(2, 2, 2), (3, 3, 1), (20, 5, 5), (20, 6, 1)],
)
def test_a_running_line_is_on_three_pages_and_on_three_tenths_of_all(
    pages: int, repeated: int, written: int
) -> None:
    own = [[f"{chr(65 + number) * 5} is on one page."] for number in range(pages)]
    printed_pages = [["Foreign Affairs Bureau", *lines] for lines in own[:repeated]]
    text = read_pdf("a.pdf", printed([*printed_pages, *own[repeated:]])).text
    assert text.count("Foreign Affairs Bureau") == written
    assert all(lines[0] in text for lines in own)


def test_numbers_that_differ_between_pages_stay() -> None:
    pages = [
        ["A table", f"Row {number}", f"Total: {number * number + 30}"] for number in range(1, 6)
    ]
    text = read_pdf("a.pdf", printed(pages)).text
    assert [f"Total: {number * number + 30}" in text for number in range(1, 6)] == [True] * 5


def test_the_metadata_gives_the_title_and_the_date() -> None:
    extracted = read_pdf("a.pdf", set_in_paragraphs("Text.", title="Gas report"))
    assert extracted.title == "Gas report"
    data = printed(
        [["Text."]], invariant=1
    )  # reportlab's invariant files are made on 1 January 2000
    assert read_pdf("a.pdf", data).published == date(2000, 1, 1)
    assert read_pdf("a.pdf", data).title is None


def test_an_encrypted_pdf_is_refused() -> None:
    data = printed([["Secret."]], encrypt=pdfencrypt.StandardEncryption("password"))
    with pytest.raises(DocumentError, match=r"^a\.pdf: is encrypted$"):
        read_pdf("a.pdf", data)


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"%PDF-1.7 garbage",
        b"\x00" * 2_000,
        b"x" * 2_000 + b"%PDF-",
        b"PK\x03\x04" + b"a" * 99,
    ],
)
def test_garbage_named_pdf_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match="is not a PDF, or is damaged"):
        read_pdf("a.pdf", data)


def test_a_pdf_of_images_asks_for_ocr() -> None:
    with pytest.raises(DocumentError, match="has no text; install tesseract"):
        read_pdf("a.pdf", printed([[], []]))


def test_a_truncated_pdf_is_read_or_refused() -> None:
    data = set_in_paragraphs(LONG, "\f", "The end.")
    for share in range(1, 10):
        try:
            text = read_pdf("a.pdf", data[: len(data) * share // 10]).text
        except DocumentError:
            continue
        assert "operator" in text


def test_pdfium_is_called_by_one_thread_at_a_time() -> None:
    data = printed([["Text."]])
    with ThreadPoolExecutor(1) as pool:
        with PDFIUM:
            reading = pool.submit(read_pdf, "a.pdf", data)
            assert wait([reading], timeout=0.3).not_done
        assert reading.result(timeout=30).text == "Text."


def test_pdfs_are_read_from_several_threads() -> None:
    files = [set_in_paragraphs(f"Text {number}. {LONG}") for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        texts = list(pool.map(lambda data: read_pdf("a.pdf", data).text, files))
    assert texts == [f"Text {number}. {LONG}" for number in range(8)]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])).map(clean_text), max_size=8))
def test_page_offsets_are_ordered_and_exact(pages: list[str]) -> None:
    written, placed = join_pages((number, paragraph(page)) for number, page in enumerate(pages, 1))
    text = written.text
    assert [text[page.start : page.end] for page in placed] == [
        page.strip() for page in pages if page.strip()
    ]
    ends = [0] + [offset for page in placed for offset in (page.start, page.end)] + [len(text)]
    assert ends == sorted(ends)
    assert [page.number for page in placed] == [
        number for number, page in enumerate(pages, 1) if page.strip()
    ]
