"""The words of PDFs: letter spacing, copies, directions, struck text; columns and wide heads."""

import io
from collections.abc import Callable

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.pdf.layout import rows_of
from corpus.formats.pdf.read import read_pdf
from corpus.formats.pdf.words import Word

LINE = "The pipeline carries gas from the far east."


def drawn(draw: Callable[[Canvas], None]) -> bytes:
    """A page of text in 10 points."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("Helvetica", 10)
    draw(canvas)
    canvas.save()
    return file.getvalue()


def text_of(draw: Callable[[Canvas], None]) -> str:
    """The stored text of the page."""
    return read_pdf("a.pdf", drawn(draw)).text


def test_digits_in_columns_are_not_one_number() -> None:
    def draw(canvas: Canvas) -> None:
        for at, digit in enumerate("01045501"):
            canvas.drawString(72 + 24 * at, 700, digit)
        canvas.drawString(72, 680, LINE)

    assert text_of(draw).startswith("0 1 0 4 5 5 0 1")


@pytest.mark.parametrize("spacing", [1.5, 3])
def test_letter_spaced_words_are_whole(spacing: float) -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "annual report of the key trades", charSpace=spacing)

    assert text_of(draw) == "annual report of the key trades"


def test_a_word_that_is_drawn_twice_to_look_bold_is_written_once() -> None:
    def draw(canvas: Canvas) -> None:
        for shift in (0, 1):
            canvas.drawString(72 + shift, 700, "Annual report")
        canvas.drawString(72, 680, "The report of the report.")

    text = text_of(draw)
    assert text.startswith("Annual report\n")
    assert text.endswith("The report of the report.")


def words(*placed: tuple[str, float, float, bool]) -> list[Word]:
    """Words on one line: text, left, right, and whether its script runs to the left."""
    return [
        Word(text, left, right, 700, 10, is_right_to_left=to_left)
        for text, left, right, to_left in placed
    ]


def test_latin_words_within_a_hebrew_line_keep_their_order() -> None:
    line = words(
        ("\u05d0", 200, 210, True),
        ("\u05d1", 185, 195, True),
        ("New", 140, 158, False),
        ("York", 161, 180, False),
        ("\u05d2", 120, 130, True),
    )
    assert [row.text for row in rows_of(line)] == ["\u05d0 \u05d1 New York \u05d2"]


def test_hebrew_words_within_a_latin_line_are_read_from_the_right() -> None:
    line = words(
        ("The", 72, 90, False),
        ("\u05d0", 120, 130, True),
        ("\u05d1", 100, 115, True),
        ("is", 140, 150, False),
        ("so", 155, 165, False),
    )
    assert [row.text for row in rows_of(line)] == ["The \u05d0 \u05d1 is so"]


def struck(canvas: Canvas, height: float, right: float) -> None:
    canvas.drawString(72, 700, "The fee is 30 euros a day.")
    canvas.drawString(72, 680, "The fee is 45 euros a day.")
    canvas.setLineWidth(0.7)
    canvas.line(72, 700 + height, right, 700 + height)


def test_struck_text_is_left_out_and_noted() -> None:
    def draw(canvas: Canvas) -> None:
        struck(canvas, 3, 72 + canvas.stringWidth("The fee is 30 euros a day.", "Helvetica", 10))

    extracted = read_pdf("a.pdf", drawn(draw))
    assert extracted.text == "The fee is 45 euros a day."
    assert extracted.notes == ("Page 1 has text that is struck through, which is left out.",)


def test_a_pdf_of_nothing_but_struck_text_is_refused_with_that_reason() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 700, "Void")
        canvas.line(72, 703, 72 + canvas.stringWidth("Void", "Helvetica", 10), 703)

    with pytest.raises(DocumentError, match="no text but what is struck through"):
        text_of(draw)


@pytest.mark.parametrize(
    ("height", "right"),
    [(-1.5, 189), (9, 189), (3, 500)],
    ids=["underlined", "a rule above", "a rule across the page"],
)
def test_other_lines_strike_nothing(height: float, right: float) -> None:
    extracted = read_pdf("a.pdf", drawn(lambda canvas: struck(canvas, height, right)))
    assert "30 euros" in extracted.text
    assert extracted.notes == ()


def test_heads_over_several_columns_do_not_join_the_columns() -> None:
    def draw(canvas: Canvas) -> None:
        canvas.drawString(72, 714, "State")
        canvas.drawString(150, 714, "Guns sold by private persons")
        for row in range(9):
            for column in range(4):
                canvas.drawString(72 + 50 * column, 700 - 14 * row, f"{row}{column}7")

    extracted = read_pdf("a.pdf", drawn(draw))
    cells = [
        extracted.text[block.start : block.end]
        for block in extracted.blocks
        if block.kind is BlockKind.CELL
    ]
    assert cells[-4:] == ["807", "817", "827", "837"]


def test_three_columns_of_prose_are_read_one_after_another() -> None:
    columns = [
        [f"The {name} trade goes by", f"pipe and by ship to {name}", f"ports that pay {name} tax"]
        for name in ("gas", "oil", "tea")
    ]

    def draw(canvas: Canvas) -> None:
        for number, lines in enumerate(columns):
            for at, line in enumerate(lines * 2):
                canvas.drawString(72 + 145 * number, 700 - 12 * at, line)

    text = " ".join(text_of(draw).split())
    assert "|" not in text
    assert text.index("pay gas tax") < text.index("The oil trade")
    assert text.index("pay oil tax") < text.index("The tea trade")
