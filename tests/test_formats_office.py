"""Office files and books: the stored text is what they show, above all for numbers."""

import io
import struct
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any
from zlib import compress, crc32

import docx
import openpyxl
import pptx
import pytest
from pptx.chart import data as pptx_data
from pptx.enum.chart import XL_CHART_TYPE

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.book import read_epub
from corpus.formats.extracted import Extracted
from corpus.formats.sheet import read_xlsx
from corpus.formats.slides import read_pptx
from corpus.formats.word import read_docx
from corpus.limits import ParseLimits
from corpus.load import parse_document

READERS: Mapping[str, Callable[[str, bytes], Extracted]] = {
    "docx": read_docx,
    "pptx": read_pptx,
    "xlsx": read_xlsx,
    "epub": read_epub,
}


def word_file(title: str = "", created: datetime | None = None) -> bytes:
    document = docx.Document()
    document.core_properties.title = title
    if created:
        document.core_properties.created = created
    document.add_heading("Gas report", 0)
    raised = document.add_paragraph("The pipeline carries 38 billion m")
    raised.add_run("3").font.superscript = True
    document.add_heading("Next steps", 1)
    bold = document.add_paragraph("It is ")
    bold.add_run("nearly").bold = True
    bold.add_run(" full: a_b*c, <tag> & 2 * 3.")
    document.add_paragraph("1. not a list")
    document.add_paragraph("First", style="List Bullet")
    document.add_paragraph("Second", style="List Bullet")
    table = document.add_table(2, 2)
    for at, text in enumerate(["Year", "Vol|ume", "2024", "31"]):
        table.cell(at // 2, at % 2).text = text
    return saved(document)


def slides_file() -> bytes:
    deck = pptx.Presentation()
    first = deck.slides.add_slide(deck.slide_layouts[1])
    first.shapes.title.text = "Pipeline"
    first.placeholders[1].text = "First *point*\nSecond point: 38 bcm"
    first.notes_slide.notes_text_frame.text = "Say hello"
    deck.slides.add_slide(deck.slide_layouts[6])
    third = deck.slides.add_slide(deck.slide_layouts[5])
    third.shapes.title.text = "Trade"
    table = third.shapes.add_table(2, 2, 0, 2_000_000, 3_000_000, 1_000_000).table
    for at, text in enumerate(["Year", "Volume", "2024", "31"]):
        table.cell(at // 2, at % 2).text = text
    return saved(deck)


def workbook_file() -> bytes:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Trade"
    for row in (
        ["Year", "Volume", "Share", "Day"],
        [2024, 31, 0.28, date(2025, 11, 7)],
        [2025, None, 0.295, datetime(2025, 11, 7, 10, 30)],
        [],
        ["Total", 31.5, None, True],
    ):
        sheet.append(row)
    sheet["C2"].number_format = "0%"
    sheet["C3"].number_format = "0.0%"
    hidden = workbook.create_sheet("Hidden")
    hidden.append(["secret"])
    hidden.sheet_state = "hidden"
    workbook.create_sheet("Empty")
    return saved(workbook)


def saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]  # docx, pptx and openpyxl ship no types
    return file.getvalue()


OPF = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Line</dc:title>
<dc:date>2024-05-01</dc:date>
<dc:description>Not a part of the text.</dc:description></metadata>
<manifest><item id="one" href="one%20a.xhtml"/><item id="two" href="two.xhtml"/>
<item id="css" href="a.css"/></manifest>
<spine><itemref idref="two"/><itemref idref="one"/><itemref idref="gone"/></spine></package>"""
CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/book.opf"/></rootfiles></container>'
)
CHAPTER = (
    '<?xml version="1.0" encoding="utf-8"?><html '
    'xmlns="http://www.w3.org/1999/xhtml"><body>{}</body></html>'
)


def book_file(**members: str) -> bytes:
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": CONTAINER,
            "OEBPS/book.opf": OPF,
            "OEBPS/two.xhtml": CHAPTER.format("<h1>Two</h1><p>Été in the <b>second</b>.</p>"),
            "OEBPS/one a.xhtml": CHAPTER.format("<h1>One</h1><p>The first.</p>"),
            **members,
        }
    )


def zipped(members: Mapping[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        for name, text in members.items():
            package.writestr(name, text)
    return file.getvalue()


def test_a_word_file_becomes_text_with_headings() -> None:
    assert read_docx("a.docx", word_file()).text == "\n\n".join(
        [
            "# Gas report",
            "The pipeline carries 38 billion m³",
            "# Next steps",
            "It is nearly full: a_b*c, <tag> & 2 * 3.",
            "1. not a list",
            "- First\n- Second",
            "Year | Vol|ume\n2024 | 31",
        ]
    )


def test_the_properties_of_a_word_file_give_the_title_and_the_date() -> None:
    extracted = read_docx("a.docx", word_file("The gas report of 2025", datetime(2025, 11, 7)))
    assert (extracted.title, extracted.published) == ("The gas report of 2025", date(2025, 11, 7))


def test_a_head_of_a_word_table_that_is_merged_over_two_rows_makes_heads_of_both() -> None:
    document = docx.Document()
    table = document.add_table(3, 3)
    for row, cells in enumerate(
        [["", "Load", "Load"], ["", "Weight", "Volume"], ["Van", "1 t", "9"]]
    ):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    table.cell(0, 0).merge(table.cell(1, 0)).text = "Vehicle"
    blocks = read_docx("x", saved(document)).blocks
    heads = [block.is_head for block in blocks if block.kind is BlockKind.ROW]
    assert heads == [True, True, False]


def test_without_properties_the_first_heading_is_the_title_and_there_is_no_date() -> None:
    document = parse_document("a.docx", word_file())
    assert (document.title, document.published) == ("Gas report", None)


@pytest.mark.parametrize("title", ["Word Document", "PowerPoint Presentation", "untitled"])
def test_the_title_of_a_template_is_ignored(title: str) -> None:
    assert parse_document("a.docx", word_file(title)).title == "Gas report"


def test_slides_are_pages() -> None:
    extracted = read_pptx("a.pptx", slides_file())
    assert parse_document("a.pptx", slides_file()).title == "Pipeline"
    assert [(page.number, extracted.text[page.start : page.end]) for page in extracted.pages] == [
        (1, "# Pipeline\n\n- First *point*\n- Second point: 38 bcm\n\n### Notes\n\nSay hello"),
        (3, "# Trade\n\nYear | Volume\n2024 | 31"),
    ]


def png_image() -> bytes:
    """An image of one black pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", compress(b"\0\0\0\0")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


@pytest.mark.parametrize(
    ("description", "text"),
    [("", "# Trade"), ("A map of the line", "# Trade\n\nA map of the line")],
)
def test_an_image_on_a_slide_is_its_description(description: str, text: str) -> None:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Trade"
    picture = slide.shapes.add_picture(io.BytesIO(png_image()), 0, 0)
    picture._element.nvPicPr.cNvPr.set("descr", description)
    assert read_pptx("a.pptx", saved(deck)).text == text


CHART_DATA: Any = pptx_data  # its functions have no types


def chart_text(kind: XL_CHART_TYPE, chart: Any) -> str:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.shapes.add_chart(kind, 0, 0, 3_000_000, 2_000_000, chart)
    return read_pptx("a.pptx", saved(deck)).text


def test_the_values_and_days_of_a_chart_are_read_as_shown() -> None:
    chart = CHART_DATA.ChartData(number_format="0.0%")
    chart.categories = [date(2024, 1, 1), date(2024, 2, 1)]
    chart.add_series("Laying hens", (0.625, 0.7))
    chart.add_series("Hens in all", (12_500.0, 1_250.0), number_format="#,##0")
    assert chart_text(XL_CHART_TYPE.BAR_CLUSTERED, chart) == (
        "| Laying hens | Hens in all\n2024-01-01 | 62.5% | 12,500\n2024-02-01 | 70.0% | 1,250"
    )


def test_categories_of_two_levels_are_named_by_both() -> None:
    chart = CHART_DATA.ChartData()
    for year in ("2023", "2024"):
        category = chart.add_category(year)
        category.add_sub_category("Spring")
        category.add_sub_category("Autumn")
    chart.add_series("Milk", (1, 2, 3, 4))
    assert chart_text(XL_CHART_TYPE.COLUMN_STACKED, chart) == (
        "Milk\n2023 Spring | 1\n2023 Autumn | 2\n2024 Spring | 3\n2024 Autumn | 4"
    )


def test_the_series_of_a_scatter_chart_keep_their_own_places() -> None:
    chart = CHART_DATA.XyChartData()
    for name, points in {
        "Probe A": ((1.5, 20), (2.5, 30)),
        "Probe B": ((1.5, 21), (2.5, 31)),
        "Probe C": ((7, 70),),
    }.items():
        series = chart.add_series(name)
        for x, y in points:
            series.add_data_point(x, y)
    assert chart_text(XL_CHART_TYPE.XY_SCATTER, chart) == (
        "| Probe A | Probe B | Probe C\n1.5 | 20 | 21\n2.5 | 30 | 31\n7 |  |  | 70"
    )


def test_the_sizes_of_bubbles_are_kept() -> None:
    chart = CHART_DATA.BubbleChartData()
    chart.add_series("Towns").add_data_point(1, 2, 55)
    assert chart_text(XL_CHART_TYPE.BUBBLE, chart) == "| Towns | Towns (size)\n1 | 2 | 55"


def test_the_cells_of_a_workbook_are_read_as_shown() -> None:
    assert read_xlsx("a.xlsx", workbook_file()).text == (
        "## Trade\n\n"
        "Year | Volume | Share | Day\n"
        "2024 | 31 | 28% | 2025-11-07\n"
        "2025 |  | 29.5% | 2025-11-07 10:30:00\n"
        "Total | 31.5 |  | TRUE"
    )


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    extracted = read_epub("a.epub", book_file())
    assert extracted.text == "# Two\n\nÉté in the second.\n\n# One\n\nThe first."
    assert (extracted.title, extracted.published) == ("The Line", date(2024, 5, 1))


@pytest.mark.parametrize("suffix", READERS)
@pytest.mark.parametrize(
    "data", [b"garbage", b"PK\x03\x04garbage", b"PK\x05\x06" + b"\x00" * 18, b"\x00" * 5_000]
)
def test_garbage_named_as_an_office_file_is_refused(suffix: str, data: bytes) -> None:
    with pytest.raises(DocumentError, match=f"is not an? {suffix} file, or is damaged"):
        READERS[suffix](f"a.{suffix}", data)


@pytest.mark.parametrize("suffix", READERS)
def test_one_format_under_the_name_of_another_is_refused(suffix: str) -> None:
    for other, data in (("docx", word_file()), ("xlsx", workbook_file()), ("epub", book_file())):
        if other != suffix:
            with pytest.raises(DocumentError, match=f"is not an? {suffix} file, or is damaged"):
                READERS[suffix](f"a.{suffix}", data)


@pytest.mark.parametrize("suffix", READERS)
def test_an_encrypted_or_old_office_file_is_refused(suffix: str) -> None:
    with pytest.raises(DocumentError, match="is encrypted, or in an old binary Office format"):
        READERS[suffix](f"a.{suffix}", bytes.fromhex("d0cf11e0a1b11ae1") + b"\x00" * 600)


@pytest.mark.parametrize("make", [word_file, slides_file, workbook_file, book_file])
def test_a_truncated_file_is_refused(make: Callable[[], bytes]) -> None:
    suffix = {word_file: "docx", slides_file: "pptx", workbook_file: "xlsx", book_file: "epub"}[
        make
    ]
    data = make()
    for share in (1, 5, 9):
        with pytest.raises(DocumentError, match="damaged"):
            READERS[suffix](f"a.{suffix}", data[: len(data) * share // 10])


@pytest.mark.parametrize(
    ("suffix", "member"),
    [("docx", "word/document.xml"), ("pptx", "ppt/presentation.xml"), ("xlsx", "xl/workbook.xml")],
)
def test_a_package_with_broken_parts_is_refused(suffix: str, member: str) -> None:
    with pytest.raises(DocumentError, match="is damaged"):
        READERS[suffix](
            f"a.{suffix}", zipped({member: "<broken", "[Content_Types].xml": "<Types/>"})
        )


def test_a_member_with_a_flipped_bit_is_refused() -> None:
    data = bytearray(book_file())
    at = data.index(b"OEBPS/two.xhtml") + len("OEBPS/two.xhtml") + 5
    data[at] ^= 0xFF
    with pytest.raises(DocumentError, match="is damaged"):
        read_epub("a.epub", bytes(data))


def test_a_slide_that_cannot_be_unpacked_costs_no_other() -> None:
    data = bytearray(slides_file())
    with zipfile.ZipFile(io.BytesIO(data)) as package:
        member = package.getinfo("ppt/slides/slide1.xml")
    at = member.header_offset + 30 + len(member.filename)
    data[at : at + 40] = b"\xff" * 40
    extracted = read_pptx("a.pptx", bytes(data))
    assert extracted.notes == ("Slide 1 is damaged and cannot be read.",)
    assert extracted.text.startswith("# Trade")


def test_a_package_that_is_too_large_when_unpacked_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("corpus.formats.package.MAX_UNPACKED_BYTES", 1 << 20)
    with pytest.raises(DocumentError, match="unpacks to 2 MiB; at most 1 MiB are allowed"):
        read_docx("a.docx", zipped({"word/document.xml": " " * (2 << 20)}))


def test_an_encrypted_zip_is_refused() -> None:
    data = bytearray(book_file())
    for mark, flag_at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.index(mark)
        data[at + flag_at] |= 1
    with pytest.raises(DocumentError, match="is encrypted"):
        read_epub("a.epub", bytes(data))


def test_files_without_text_are_refused() -> None:
    for suffix, data in (
        ("docx", saved(docx.Document())),
        ("pptx", saved(pptx.Presentation())),
        ("xlsx", saved(openpyxl.Workbook())),
        ("epub", book_file(**{"OEBPS/two.xhtml": "<p></p>", "OEBPS/one a.xhtml": "<p></p>"})),
    ):
        with pytest.raises(DocumentError, match="has no text in it"):
            parse_document(f"a.{suffix}", data, limits=ParseLimits(1_000_000))


def test_an_entity_bomb_in_the_properties_is_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]><a>&c;</a>'
    with pytest.raises(DocumentError, match="is not an epub file, or is damaged"):
        read_epub("a.epub", book_file(**{"OEBPS/book.opf": bomb}))
