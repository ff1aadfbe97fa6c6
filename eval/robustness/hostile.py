"""Files that are made to cost much, a few kilobytes to a few megabytes each."""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r='
    '"http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
_RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
_RELATION_TYPES = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def hostile_files(*, small: bool = False) -> Iterator[tuple[str, bytes]]:
    """The files, by name.

    :param small: only those that are made in milliseconds
    """
    for name, make, is_small in _MAKERS:
        if is_small or not small:
            yield name, make()


def pdf(*objects: bytes) -> bytes:
    """A PDF of numbered objects, the first of which is its catalogue. It has no table of offsets,
    so that readers have to look for the objects.
    """
    numbered = [
        b"%d 0 obj\n%s\nendobj\n" % (number, content) for number, content in enumerate(objects, 1)
    ]
    return b"%PDF-1.7\n" + b"".join(numbered) + b"trailer<</Size 99/Root 1 0 R>>\n%%EOF\n"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """A compressed stream of a PDF."""
    packed = zlib.compress(content, 9)
    return b"<</Length %d/Filter/FlateDecode%s>>stream\n%s\nendstream" % (
        len(packed),
        entries,
        packed,
    )


def package(members: dict[str, bytes | str]) -> bytes:
    """A zip file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def _pdf_page(content: bytes, resources: bytes = b"", *more: bytes) -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<<%s>>>>"
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        page % (b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>" + resources),
        stream(content),
        *more,
    )


def _pdf_self_drawing() -> bytes:
    form = b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"
    return _pdf_page(b"/X Do", b"/XObject<</X 5 0 R>>", stream(b"/X Do /X Do", form))


def _pdf_many_lines() -> bytes:
    lines = b"".join(b"(%d) Tj T*\n" % number for number in range(400_000))
    return _pdf_page(b"BT /F 9 Tf 9 TL " + lines + b"ET")


def _pdf_huge_image() -> bytes:
    image = b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8"
    return _pdf_page(
        b"BT /F 9 Tf (Gas flows.) Tj ET /X Do",
        b"/XObject<</X 5 0 R>>",
        stream(bytes(50_000_000), image + b"/ColorSpace/DeviceGray"),
    )


def _pdf_nested_arrays() -> bytes:
    return pdf(b"<</Type/Catalog/Pages " + b"[" * 200_000 + b"]" * 200_000 + b">>")


def _pdf_many_pages() -> bytes:
    kids = b" ".join(b"3 0 R" for _ in range(100_000))
    return pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%s]/Count 100000>>" % kids,
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R/Resources<</Font<</F<</Type"
        b"/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>",
        stream(b"BT /F 9 Tf (Gas) Tj ET"),
    )


def _pdf_cross_reference_loop() -> bytes:
    table = b"xref\n0 1\n0000000000 65535 f \ntrailer<</Size 1/Root 1 0 R/Prev 9>>\nstartxref\n9\n"
    return b"%PDF-1.7\n" + table + b"%%EOF\n"


def _docx(body: str) -> bytes:
    relation = f'<Relationship Id="a" Type="{_RELATION_TYPES}/officeDocument" Target='
    return package(
        {
            "[Content_Types].xml": "<Types/>",
            "_rels/.rels": f'{_RELATIONS}{relation}"word/document.xml"/></Relationships>',
            "word/document.xml": f"<w:document {_W}><w:body>{body}</w:body></w:document>",
        }
    )


def _docx_deep() -> bytes:
    table = "<w:tbl><w:tr><w:tc>"
    return _docx(table * 30_000 + "</w:tc></w:tr></w:tbl>" * 30_000)


def _docx_many_paragraphs() -> bytes:
    return _docx("<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 700_000)


def _xlsx(sheet: str, **more: str) -> bytes:
    relation = f'<Relationship Id="rId1" Type="{_RELATION_TYPES}/worksheet" Target="sheet1.xml"/>'
    return package(
        {
            "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
            'content-types"><Override PartName="/xl/workbook.xml" ContentType="application/vnd.'
            'openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
            "_rels/.rels": f'{_RELATIONS}<Relationship Id="a" Type="{_RELATION_TYPES}/'
            'officeDocument" Target="xl/workbook.xml"/></Relationships>',
            "xl/workbook.xml": _WORKBOOK,
            "xl/_rels/workbook.xml.rels": f"{_RELATIONS}{relation}</Relationships>",
            "xl/sheet1.xml": sheet,
            **more,
        }
    )


def _xlsx_many_formulas() -> bytes:
    cell = '<row><c t="str"><f t="shared" si="0"/><v>Gas</v></c></row>'
    return _xlsx(f"{_SHEET}<sheetData>{cell * 1_000_000}</sheetData></worksheet>")


def _xlsx_many_merges() -> bytes:
    merged = "".join(f'<mergeCell ref="A{row}:XFD{row}"/>' for row in range(1, 300_000))
    cell = '<row r="1"><c r="A1" t="str"><v>Gas</v></c></row>'
    return _xlsx(
        f"{_SHEET}<sheetData>{cell}</sheetData><mergeCells>{merged}</mergeCells></worksheet>"
    )


def _xlsx_far_cells() -> bytes:
    rows = "".join(
        f'<row r="{row}"><c r="XFD{row}" t="str"><v>a</v></c></row>' for row in range(1, 20_000)
    )
    return _xlsx(f"{_SHEET}<sheetData>{rows}</sheetData></worksheet>")


def _pptx_many_slides() -> bytes:
    from pptx import Presentation

    slides = Presentation()
    for number in range(3_000):
        slide = slides.slides.add_slide(slides.slide_layouts[5])
        slide.shapes.title.text = f"Slide {number}"
    buffer = io.BytesIO()
    slides.save(buffer)
    return buffer.getvalue()


def _epub(chapters: dict[str, str], order: Sequence[str]) -> bytes:
    items = "".join(f'<item id="{name}" href="{name}"/>' for name in chapters)
    spine = "".join(f'<itemref idref="{name}"/>' for name in order)
    return package(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="a.opf"/>'
            "</rootfiles></container>",
            "a.opf": '<package xmlns="http://www.idpf.org/2007/opf">'
            f"<manifest>{items}</manifest><spine>{spine}</spine></package>",
            **chapters,
        }
    )


def _epub_repeated_chapter() -> bytes:
    return _epub({"a.html": "<p>Gas flows.</p>" * 2_000}, ["a.html"] * 20_000)


def _epub_cyclic() -> bytes:
    return _epub({"a.opf": "<p>Gas</p>", "a.html": "<p>Gas flows.</p>"}, ["a.opf", "a.html"] * 500)


def _zip_in_zip() -> bytes:
    inner = bytes(20_000_000)
    for _ in range(4):
        inner = package({f"word/{number}.zip": inner for number in range(4)})
    return package({"word/document.xml": inner})


def _zip_many_entries() -> bytes:
    return package({f"word/{number}.xml": b"" for number in range(65_000)})


def _zip_false_sizes() -> bytes:
    body = "<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 2_000_000
    packed = _docx(body)
    size = len(f"<w:document {_W}><w:body>{body}</w:body></w:document>")
    return packed.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little"))


def _xhtml_deep() -> bytes:
    return b"<html><body>" + b"<div>" * 100_000 + b"Gas flows." + b"</div>" * 100_000


_MARKS = {"quotes": "> ", "brackets": "[", "links": "[a](", "emphasis": "*a", "lists": "- "}

_MAKERS: tuple[tuple[str, Callable[[], bytes], bool], ...] = (
    ("pdf-self-drawing.pdf", _pdf_self_drawing, True),
    ("pdf-many-lines.pdf", _pdf_many_lines, False),
    ("pdf-huge-image.pdf", _pdf_huge_image, False),
    ("pdf-nested-arrays.pdf", _pdf_nested_arrays, True),
    ("pdf-many-pages.pdf", _pdf_many_pages, False),
    ("pdf-cross-reference-loop.pdf", _pdf_cross_reference_loop, True),
    ("pdf-letters.pdf", lambda: _pdf_page(b"BT /F 1 Tf (" + b"a" * 200_000 + b") Tj ET"), True),
    ("docx-deep.docx", _docx_deep, True),
    ("docx-paragraphs.docx", _docx_many_paragraphs, False),
    ("docx-zip-in-zip.docx", _zip_in_zip, False),
    ("docx-many-entries.docx", _zip_many_entries, False),
    ("docx-false-sizes.docx", _zip_false_sizes, False),
    ("xlsx-formulas.xlsx", _xlsx_many_formulas, False),
    ("xlsx-merges.xlsx", _xlsx_many_merges, False),
    ("xlsx-far-cells.xlsx", _xlsx_far_cells, True),
    ("pptx-slides.pptx", _pptx_many_slides, False),
    ("epub-repeated.epub", _epub_repeated_chapter, True),
    ("epub-cyclic.epub", _epub_cyclic, True),
    ("html-deep.html", _xhtml_deep, True),
    ("html-attribute.html", lambda: b'<p title="' + b"a" * 49_000_000 + b'">Gas flows.', False),
    ("html-attributes.html", lambda: b"<p " + b"a=1 " * 1_000_000 + b">Gas flows.", False),
    ("html-open-tags.html", lambda: b"<b><i><a>" * 100_000 + b"Gas flows.", True),
    *(
        (f"markdown-{name}.md", lambda mark=mark: (mark * 100_000 + "Gas").encode(), True)
        for name, mark in _MARKS.items()
    ),
    ("markdown-front-matter.md", lambda: b"---\na: " + b"[" * 100_000 + b"\n---\nGas", True),
    ("markdown-aliases.md", lambda: _yaml_aliases(), True),
    ("text-line.txt", lambda: b"a" * 49_000_000, False),
    ("text-spaces.txt", lambda: b" " * 1_000_000 + b"a", True),
    ("text-marks.txt", lambda: b"." * 1_000_000, True),
    ("csv-line.csv", lambda: b"1," * 20_000_000, False),
    ("text-utf-7.txt", lambda: b"+AGEA-" * 500_000, True),
    ("text-utf-32.txt", lambda: ("\U0001f600 " * 3_000_000).encode("utf-32"), False),
    ("text-charset.txt", lambda: bytes(range(128, 256)) * 100_000, False),
    ("text-headings.md", lambda: b"###### a\nb\n" * 300_000, False),
    (
        "text-heading.txt",
        lambda: b"# " + b"a" * 280_000 + b"\n\n" + b"b.\n\n# c\nd\n" * 2_000,
        True,
    ),
)
"""Name, maker, and whether it is made quickly and refused or read quickly."""


def _yaml_aliases() -> bytes:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 12):
        names = ", ".join([f"*a{level - 1}"] * 9)
        lines.append(f"a{level}: &a{level} [{names}]")
    return ("---\n" + "\n".join(lines) + "\ntags: *a11\n---\nGas").encode()
