"""OpenDocument files, written by hand as LibreOffice writes them."""

import io
import zipfile
from datetime import date

import pytest

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.extracted import Extracted
from corpus.formats.opendocument import read_odp, read_ods, read_odt

NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in {
        **{name: name for name in ("office", "text", "table", "style", "meta", "presentation")},
        "draw": "drawing",
        "svg": "svg-compatible",
    }.items()
)
STYLES = """
<style:style style:name="Hidden"><style:text-properties text:display="none"/></style:style>
<style:style style:name="Struck"><style:text-properties style:text-line-through-style="solid"/>
</style:style>
<style:style style:name="Kept" style:parent-style-name="Struck">
<style:text-properties style:text-line-through-style="none"/></style:style>
<style:style style:name="Up"><style:text-properties style:text-position="33% 80%"/></style:style>
<style:style style:name="Heading_20_2"/>
<style:style style:name="P1" style:parent-style-name="Heading_20_2"/>
<style:style style:name="off"><style:table-properties table:display="false"/></style:style>
<style:style style:name="away">
<style:drawing-page-properties presentation:visibility="hidden"/></style:style>
<text:list-style style:name="L">
<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>
<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/>
</text:list-style>
"""


def package(kind: str, body: str, *, styles: str = "", **members: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        written.writestr(
            "content.xml",
            f"<office:document-content {NAMES}><office:automatic-styles>{STYLES}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
        )
        written.writestr(
            "styles.xml", f"<office:document-styles {NAMES}>{styles}</office:document-styles>"
        )
        for name, content in members.items():
            written.writestr(name.replace("_", "/").replace("/xml", ".xml"), content)
    return file.getvalue()


def text_of(body: str) -> Extracted:
    return read_odt("a.odt", package("text", body))


def of_kind(extracted: Extracted, kind: BlockKind) -> list[str]:
    return [extracted.text[each.start : each.end] for each in extracted.blocks if each.kind is kind]


def test_headings_are_marked_by_their_level_or_by_their_style() -> None:
    extracted = text_of(
        '<text:h text:outline-level="1">Fence</text:h><text:p text:style-name="P1">Posts</text:p>'
        "<text:p>They<text:s/>are<text:tab/>oak.<text:line-break/>Six of them.</text:p>"
    )
    assert extracted.text == "# Fence\n\n## Posts\n\nThey are oak.\nSix of them."


def test_hidden_struck_and_deleted_text_is_left_out() -> None:
    extracted = text_of(
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>Deleted.</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        '<text:p>A <text:span text:style-name="Hidden">hidden</text:span>'
        '<text:span text:style-name="Struck">red</text:span>'
        '<text:span text:style-name="Kept">green</text:span> fence of 10'
        '<text:span text:style-name="Up">6</text:span>.'
        "<office:annotation><text:p>Ask Ann.</text:p></office:annotation></text:p>"
    )
    assert extracted.text == "A green fence of 10⁶."


def test_lists_are_counted_and_nested_and_go_on() -> None:
    extracted = text_of(
        '<text:list text:style-name="L"><text:list-item><text:p>one</text:p></text:list-item>'
        "<text:list-item><text:p>two</text:p><text:list><text:list-item><text:p>deep</text:p>"
        "</text:list-item></text:list></text:list-item></text:list><text:p>Between.</text:p>"
        '<text:list text:style-name="L" text:continue-numbering="true"><text:list-item>'
        "<text:p>three</text:p></text:list-item></text:list>"
        "<text:list><text:list-item><text:p>bullet</text:p></text:list-item></text:list>"
    )
    assert extracted.text == "1. one\n2. two\n  a) deep\n\nBetween.\n\n3. three\n\n- bullet"


def test_merged_cells_are_repeated_over_rows_and_heads_are_known() -> None:
    cell = "<table:table-cell><text:p>{}</text:p></table:table-cell>"
    extracted = text_of(
        "<table:table><table:table-header-rows><table:table-row>"
        + cell.format("Name")
        + '<table:table-cell table:number-columns-spanned="2"><text:p>Sizes</text:p>'
        "</table:table-cell><table:covered-table-cell/></table:table-row>"
        "</table:table-header-rows><table:table-row>"
        '<table:table-cell table:number-rows-spanned="2"><text:p>Ida</text:p></table:table-cell>'
        + cell.format("1")
        + cell.format("2")
        + "</table:table-row><table:table-row><table:covered-table-cell/>"
        + cell.format("3")
        + cell.format("4")
        + "</table:table-row></table:table>"
    )
    assert extracted.text == "Name | Sizes\nIda | 1 | 2\nIda | 3 | 4"
    heads = [each for each in extracted.blocks if each.kind is BlockKind.ROW and each.is_head]
    assert len(heads) == 1


def test_notes_follow_the_text_and_headers_stand_once() -> None:
    master = (
        '<style:master-page style:name="{}"><style:header><text:p>Draft <text:page-number>3'
        "</text:page-number></text:p></style:header><style:footer><text:p>Bonn</text:p>"
        "</style:footer></style:master-page>"
    )
    note = (
        "<text:note><text:note-citation>1</text:note-citation>"
        "<text:note-body>{}</text:note-body></text:note>"
    )
    extracted = read_odt(
        "a.odt",
        package(
            "text",
            f"<text:p>Oak{note.format('<text:p>From Bonn.</text:p>')} lasts.</text:p>",
            styles=master.format("A") + master.format("B"),
            meta_xml=f'<office:document-meta {NAMES} xmlns:dc="http://purl.org/dc/elements/1.1/">'
            "<office:meta><dc:title>Posts</dc:title><meta:creation-date>2024-05-06T10:00:00"
            "</meta:creation-date></office:meta></office:document-meta>",
        ),
    )
    assert extracted.text == "Draft\n\nOak lasts.\n\nFrom Bonn.\n\nBonn"
    assert of_kind(extracted, BlockKind.FOOTNOTE) == ["From Bonn."]
    assert of_kind(extracted, BlockKind.PAGE_HEAD) == ["Draft"]
    assert (extracted.title, extracted.published) == ("Posts", date(2024, 5, 6))


def test_sheets_show_their_visible_cells_as_they_are_written() -> None:
    def row(*cells: str, more: str = "") -> str:
        return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"

    def cell(text: str, more: str = 'office:value-type="string"') -> str:
        return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"

    number = 'office:value-type="float" office:value="1.5"'
    sheet = (
        '<table:table-column/><table:table-column table:visibility="collapse"/>'
        '<table:table-column table:number-columns-repeated="1022"/>'
        + row(cell("Name"), cell("Secret"), cell("Price"))
        + row(cell("Ida"), cell("x"), cell("1.50 €", number))
        + row(cell("Eva"), cell("y"), cell("2.00 €", number), more='table:visibility="collapse"')
        + row(cell("Sum"), cell(""), '<table:table-cell table:formula="of:=SUM([.C2])"/>')
        + row('<table:table-cell table:number-columns-repeated="16384"/>').replace(
            "<table:table-row ", '<table:table-row table:number-rows-repeated="1048570" '
        )
    )
    body = (
        f'<table:table table:name="Ships">{sheet}</table:table>'
        f'<table:table table:name="Off" table:style-name="off">{row(cell("gone"))}</table:table>'
    )
    extracted = read_ods("a.ods", package("spreadsheet", body))
    assert extracted.text == "## Ships\n\nName | Price\nIda | 1.50 €\nSum | (not calculated)"


def test_cells_over_several_rows_and_values_without_text_are_read() -> None:
    body = """<table:table table:name="Mill"><table:table-row>
    <table:table-cell table:number-rows-spanned="2" table:number-columns-spanned="2">
    <text:p>Oats</text:p></table:table-cell><table:covered-table-cell/>
    <table:table-cell office:value-type="float" office:value="55.0"/></table:table-row>
    <table:table-row><table:covered-table-cell table:number-columns-repeated="2"/>
    <table:table-cell><text:p>rolled</text:p></table:table-cell></table:table-row>
    <table:table-row><table:covered-table-cell/>
    <table:table-cell><text:p>bran</text:p></table:table-cell></table:table-row></table:table>"""
    extracted = read_ods("a.ods", package("spreadsheet", body))
    assert extracted.text == "## Mill\n\nOats |  | 55\nOats |  | rolled\nbran"


def test_slides_are_pages_with_their_notes_and_hidden_ones_are_left_out() -> None:
    def slide(title: str, more: str = "") -> str:
        return (
            f"<draw:page {more}><draw:frame><draw:text-box><text:list><text:list-item><text:p>Oak"
            "</text:p></text:list-item></text:list></draw:text-box></draw:frame>"
            '<draw:frame presentation:class="title"><draw:text-box>'
            f"<text:p>{title}</text:p></draw:text-box></draw:frame><presentation:notes><draw:frame>"
            "<draw:text-box><text:p>Slowly.</text:p></draw:text-box></draw:frame>"
            "</presentation:notes></draw:page>"
        )

    body = slide("Posts") + slide("Away", 'draw:style-name="away"') + slide("Rails")
    extracted = read_odp("a.odp", package("presentation", body))
    assert extracted.text.startswith("# Posts\n\n- Oak\n\n### Notes\n\nSlowly.\n\n# Rails")
    assert [page.number for page in extracted.pages] == [1, 3]
    assert extracted.notes == ("Slide 2 is hidden and left out.",)


def test_an_encrypted_file_is_refused() -> None:
    manifest = (
        '<m:manifest xmlns:m="urn:x"><m:file-entry><m:encryption-data/></m:file-entry></m:manifest>'
    )
    data = package("text", "<text:p>x</text:p>")
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as written:
        written.writestr("META-INF/manifest.xml", manifest)
    with pytest.raises(DocumentError, match="is encrypted"):
        read_odt("a.odt", file.getvalue())


def test_another_kind_of_file_under_the_suffix_is_refused() -> None:
    with pytest.raises(DocumentError, match="is not an ods file"):
        read_ods("a.ods", package("text", "<text:p>x</text:p>"))


def test_lists_and_sections_nested_by_hundreds_end() -> None:
    deep = "<text:list><text:list-item>" * 400 + "<text:p>x</text:p>"
    deep += "</text:list-item></text:list>" * 400
    assert text_of(f"<text:p>Top.</text:p>{deep}").text.startswith("Top.")


def test_a_row_that_claims_a_million_repetitions_is_bounded() -> None:
    row = (
        '<table:table-row table:number-rows-repeated="1048576"><table:table-cell '
        'table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell>'
        "</table:table-row>"
    )
    body = f'<table:table table:name="A">{row.replace("16384", "2")}</table:table>'
    extracted = read_ods("a.ods", package("spreadsheet", body))
    assert extracted.text.count("x | x") == 1_000


def test_entities_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("content.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    with pytest.raises(DocumentError):
        read_odt("a.odt", file.getvalue())
