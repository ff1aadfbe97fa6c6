"""Old Office formats and pictures, which programs read where they are installed."""

import io
import subprocess
import sys
import time
from pathlib import Path

import docx
import openpyxl
import pptx
import pypdfium2
import pytest
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.legacy import read_doc, read_xls
from corpus.formats.picture import read_picture
from corpus.formats.programs import (
    converted,
    has_recognition,
    office_program,
    program_limits,
    recognised,
)
from corpus.limits import ParseLimits
from corpus.load import ParseResult, UploadTask
from corpus.pool import ParserPool

ROOT = Path(__file__).parent.parent
PNG = b"\x89PNG\r\n\x1a\n"
OLD = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
needs_office = pytest.mark.skipif(office_program() is None, reason="LibreOffice is not installed")
needs_tesseract = pytest.mark.skipif(not has_recognition(), reason="tesseract is not installed")


def parsed(name: str, data: bytes) -> ParseResult:
    """What a parser process makes of a file, under its limits."""
    with ParserPool(1, ParseLimits()) as pool:
        (result,) = pool.parse([UploadTask(name, data)])
    return result


def saved(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]  # docx, pptx and openpyxl ship no types
    return file.getvalue()


def picture(*lines: str, suffix: str = "png") -> bytes:
    """A page with lines of text, as a scanner makes it."""
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(420, 200))
    for number, line in enumerate(lines):
        canvas.setFont("Helvetica", 16)
        canvas.drawString(20, 160 - 22 * number, line)
    canvas.save()
    page = pypdfium2.PdfDocument(file.getvalue())[0]
    image = page.render(scale=3).to_pil()
    written = io.BytesIO()
    image.save(written, format={"png": "PNG", "jpg": "JPEG", "tiff": "TIFF"}[suffix])
    return written.getvalue()


@needs_office
@pytest.mark.processes
def test_old_word_files_keep_their_structure() -> None:
    document = docx.Document()
    document.add_heading("Fence", 1)
    document.add_paragraph("The fence is green.")
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(table._cells, ("Name", "Crew", "Ida", "12"), strict=True):
        cell.text = text
    document.add_paragraph("The end.")
    result = parsed("a.doc", converted("a.docx", saved(document), "docx", "doc"))
    read = result.required_document()
    assert "# Fence\n\nThe fence is green.\n\nName | Crew\nIda | 12" in read.text
    assert BlockKind.TABLE in {block.kind for block in read.blocks}


@needs_office
@pytest.mark.processes
def test_old_workbooks_and_presentations_are_read() -> None:
    workbook = openpyxl.Workbook()
    workbook.active.append(["Name", "Crew"])
    workbook.active.append(["Ida", 12])
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[0])
    slide.shapes.title.text = "Goals"
    for suffix, data, text in (
        ("xls", converted("a", saved(workbook), "xlsx", "xls"), "Name | Crew\nIda | 12"),
        ("ppt", converted("a", saved(deck), "pptx", "ppt"), "# Goals"),
    ):
        assert text in parsed(f"a.{suffix}", data).required_document().text


@needs_office
@pytest.mark.processes
def test_a_damaged_old_file_is_refused() -> None:
    for data in (bytes(2_000), bytes(500) + "WordDocument".encode("utf-16-le") + bytes(2_000)):
        result = parsed("a.doc", OLD + data)
        assert result.error is not None
        assert "damaged" in result.error.reason


def test_without_libreoffice_the_refusal_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DocumentError, match="install LibreOffice to read it, or save it as docx"):
        read_doc("a.doc", OLD + "WordDocument".encode("utf-16-le"))


def test_new_files_and_rich_text_under_old_names_need_no_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    workbook = openpyxl.Workbook()
    workbook.active.append(["Ida", 12])
    assert "Ida | 12" in read_xls("a.xls", saved(workbook)).text
    assert read_doc("a.doc", b"{\\rtf1 Rain.}").text == "Rain."


@needs_tesseract
@pytest.mark.processes
@pytest.mark.parametrize("suffix", ["png", "jpg", "tiff"])
def test_the_text_of_a_picture_is_recognised(suffix: str) -> None:
    data = picture("The harbour closes at nine", "in the evening.", suffix=suffix)
    read = parsed(f"a.{suffix}", data).required_document()
    assert read.text == "The harbour closes at nine in the evening."
    assert read.notes == ("Its text was recognised in a picture and may have errors.",)


@needs_tesseract
@pytest.mark.processes
def test_scanned_pages_of_a_pdf_are_read_among_the_others() -> None:
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(420, 200))
    canvas.drawString(20, 160, "The first page is printed.")
    canvas.showPage()
    scan = ImageReader(io.BytesIO(picture("The harbour closes at nine.")))
    canvas.drawImage(scan, 0, 0, 420, 200)
    canvas.showPage()
    canvas.showPage()
    canvas.save()
    read = parsed("a.pdf", file.getvalue()).required_document()
    assert read.text == "The first page is printed.\n\nThe harbour closes at nine."
    assert [page.number for page in read.pages] == [1, 2]
    assert read.notes[0] == (
        "Page 2 has no text but a scan; what was recognised in it may have errors."
    )
    assert read.notes[1].startswith("Page 3 has no text (of 3 pages)")


def test_without_tesseract_the_refusal_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DocumentError, match="install tesseract to read the text in it"):
        read_picture("a.png", PNG + b"\x00" * 40)


def test_a_picture_of_too_many_pixels_is_refused() -> None:
    head = PNG + b"\x00\x00\x00\x0dIHDR" + (60_000).to_bytes(4, "big") * 2
    with pytest.raises(DocumentError, match="has 60,000 x 60,000 pixels"):
        read_picture("a.png", head)


def slow_tesseract(folder: Path) -> None:
    program = folder / "tesseract"
    program.write_text("#!/bin/sh\nexec /bin/sleep 300\n")
    program.chmod(0o755)


@pytest.mark.processes
def test_a_program_that_takes_too_long_is_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow_tesseract(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    before = time.monotonic()
    with (
        program_limits(0.5, "eng"),
        pytest.raises(DocumentError, match="takes tesseract longer than"),
    ):
        recognised("a.png", PNG)
    assert time.monotonic() - before < 20


@pytest.mark.processes
def test_programs_end_with_the_process_that_started_them(tmp_path: Path) -> None:
    slow_tesseract(tmp_path)
    program = (
        "import psutil, time\n"
        "from corpus.limits import ParseLimits\n"
        "from corpus.load import UploadTask\n"
        "from corpus.pool import ParserPool\n"
        "def sleeping():\n"
        "    return [each for each in psutil.Process().children(recursive=True)\n"
        "            if each.name() == 'sleep']\n"
        "if __name__ == '__main__':\n"
        "    with ParserPool(1, ParseLimits()) as pool:\n"
        f"        pending = pool.submit(UploadTask('a.png', {PNG + bytes(40)!r}))\n"
        "        while not (found := sleeping()):\n"
        "            time.sleep(0.05)\n"
        "        pending.cancel()\n"
        "        print(len(psutil.wait_procs(found, timeout=10)[1]))\n"
    )
    script = tmp_path / "run.py"
    script.write_text(program)
    ran = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )
    assert ran.stdout.strip() == "0"
