"""Where the words of a PDF's stored text stand on its pages."""

import io
from collections.abc import Sequence

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from corpus.errors import DocumentError
from corpus.formats.pdf.locate import Box, boxes
from corpus.formats.pdf.read import read_pdf

WIDTH, HEIGHT = A4


def drawn(*pages: Sequence[tuple[float, float, str]], turned: int = 0) -> bytes:
    """A PDF with lines of 10 points at (x, y) on its pages."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    for lines in pages:
        canvas.setPageRotation(turned)
        canvas.setFont("Helvetica", 10)
        for x, y, line in lines:
            canvas.drawString(x, y, line)
        canvas.showPage()
    canvas.save()
    return file.getvalue()


def boxes_of(data: bytes, number: int, quote: str, occurrence: int = 0) -> tuple[Box, ...]:
    """The boxes of a quote from the stored text of a page."""
    extracted = read_pdf("a.pdf", data)
    page = next(page for page in extracted.pages if page.number == number)
    text = extracted.text[page.start : page.end]
    start = -1
    for _ in range(occurrence + 1):
        start = text.index(quote, start + 1)
    return boxes(data, number, text, start, start + len(quote))


def assert_is_at(box: Box, x: float, y: float, line: str) -> None:
    """The box surrounds the line at (x, y), closely."""
    assert box.left * WIDTH == pytest.approx(x, abs=2)
    assert box.right * WIDTH == pytest.approx(x + stringWidth(line, "Helvetica", 10), abs=2)
    assert 6 < HEIGHT - box.top * HEIGHT - y < 10
    assert 1 < y - (HEIGHT - box.bottom * HEIGHT) < 4


def test_a_quote_has_a_box_on_each_of_its_lines() -> None:
    lines = [
        (72, 700, "The pipeline carries gas from the far east of the country to the south"),
        (72, 688, "and it is nearly full in every winter, as the operator says in its report."),
    ]
    first, second = boxes_of(drawn(lines), 1, "of the country to the south and it is nearly full")
    before = stringWidth("The pipeline carries gas from the far east ", "Helvetica", 10)
    assert_is_at(first, 72 + before, 700, "of the country to the south")
    assert_is_at(second, 72, 688, "and it is nearly full")


def test_a_sentence_that_is_printed_twice_is_marked_where_it_was_quoted() -> None:
    lines = [
        (72, 700, "Gas"),
        (72, 670, "It is full."),
        (72, 640, "Oil"),
        (72, 610, "It is full."),
    ]
    for occurrence, y in enumerate((670, 610)):
        (box,) = boxes_of(drawn(lines), 1, "It is full.", occurrence)
        assert_is_at(box, 72, y, "It is full.")


def test_a_word_that_a_hyphen_breaks_has_two_boxes() -> None:
    data = drawn([(72, 700, "The gas trade and its develop-"), (72, 688, "ment went on.")])
    first, second = boxes_of(data, 1, "development")
    assert first.top < second.top
    assert second.left * WIDTH == pytest.approx(72, abs=2)


def test_columns_are_marked_in_the_order_in_which_they_are_read() -> None:
    left = ["The oil of the north is sold to the far east", "by the ships that come from there."]
    right = ["Gas goes by pipe to all ports of the south", "and each of them pays for it in tea."]
    lines = [(72.0, 700.0 - 12 * at, line) for at, line in enumerate([*left, "It is so."])]
    lines += [(330.0, 700.0 - 12 * at, line) for at, line in enumerate([*right, "It is so."])]
    (box,) = boxes_of(drawn(lines), 1, "It is so.", 1)
    assert_is_at(box, 330, 676, "It is so.")


def test_running_heads_that_the_text_leaves_out_do_not_shift_the_boxes() -> None:
    pages = [
        [
            (72.0, 780.0, "Foreign Affairs Bureau"),
            (72.0, 730.0, f"{word} is the first."),
            (72.0, 700.0, "The Bureau holds."),
            (72.0, 670.0, f"{word} is the second."),
            (72.0, 640.0, "The Bureau holds."),
            (72.0, 610.0, f"{word} is the third."),
            (72.0, 580.0, f"{word} is the last."),
        ]
        for word in ("One", "Two", "Three", "Four")
    ]
    (box,) = boxes_of(drawn(*pages), 3, "The Bureau holds.", 1)
    assert_is_at(box, 72, 640, "The Bureau holds.")


def test_boxes_are_measured_on_the_page_as_it_is_shown() -> None:
    data = drawn([(72, 500, "The pipeline carries gas.")], turned=90)
    (box,) = boxes_of(data, 1, "pipeline")
    # Turned clockwise: what was the left side of the page is at its top now.
    start = 72 + stringWidth("The ", "Helvetica", 10)
    assert box.top * HEIGHT == pytest.approx(start, abs=2)
    assert box.left * WIDTH == pytest.approx(500, abs=4)


def test_words_that_are_not_on_the_page_have_no_boxes() -> None:
    data = drawn([(72, 700, "The pipeline carries gas.")])
    assert boxes(data, 1, "Nothing like that.", 0, 18) == ()


def test_a_page_that_does_not_exist_is_refused() -> None:
    with pytest.raises(DocumentError, match="has no page 2"):
        boxes(drawn([(72, 700, "Gas.")]), 2, "Gas.", 0, 4)
