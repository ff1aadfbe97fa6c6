"""What of the text of PDFs and web pages Quoth keeps.

    python -m eval.benchmarks.extraction FOLDER

FOLDER holds PDFs and Markdown files, at any depth.

The words of each PDF are compared with those that pdftotext, of poppler-utils, finds in it. Neither
side is right where they differ: pdftotext keeps running heads on every page and knows no values of
forms, for example.

Each Markdown file is rendered as two web pages, with and without an element ``<main>``, both of
them with a header, navigation, an aside, a cookie notice and a footer. The words, headings and list
items of the Markdown are looked for in what Quoth reads from the page.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar

from lxml import html  # type: ignore[import-untyped]  # lxml ships no types
from markdown_it import MarkdownIt
from rich.table import Table

from corpus.blocks import BlockKind
from corpus.errors import DocumentError
from corpus.formats.extracted import Extracted
from corpus.formats.html import read_html
from corpus.formats.pdf.read import read_pdf
from eval.benchmarks.machine import print_machine, this_machine
from eval.console import stdout

_WORD = re.compile(r"\w+")
_BROKEN_WORD = re.compile(r"(?<=\w)-\n(?=\w)")
_SECONDS = 120
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCK_TAGS = frozenset("p ul ol pre blockquote table h1 h2 h3 h4 h5 h6 hr dl div".split())
_FRAME = (
    "<header><a href='/'>Framename</a></header><nav><ul><li>Navhome</li><li>Navdocs</li></ul></nav>"
    "<div class='cookie-banner'>Cookienotice <button>Accept</button></div>{page}"
    "<aside class='sidebar'>Asiderelated</aside><footer>Footerimprint</footer>"
)
_FRAME_WORDS = {"framename", "navhome", "navdocs", "cookienotice", "asiderelated", "footerimprint"}


@dataclass(frozen=True, slots=True)
class PdfFigures:
    """What was kept of one PDF, or of several together.

    :param words: of the reference
    :param kept: how many of them are in our text, each as often as it occurs in both
    :param ours_alone: how many of our words the reference does not have
    :param seconds: of processor time
    """

    words: int = 0
    kept: int = 0
    ours_alone: int = 0
    paragraphs: int = 0
    pages: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class PageFigures:
    """What was kept of a web page, or of several together.

    :param frame_words: words of the navigation and other parts around the text that were kept
    """

    words: int = 0
    kept_words: int = 0
    headings: int = 0
    kept_headings: int = 0
    items: int = 0
    kept_items: int = 0
    frame_words: int = 0


_Figures = TypeVar("_Figures", PdfFigures, PageFigures)


def pdf_figures(path: Path, reference: str) -> PdfFigures:
    """The figures of a PDF.

    :param reference: its text as another program reads it
    :raises DocumentError: it cannot be read
    """
    data = path.read_bytes()
    began = time.process_time()
    extracted = read_pdf(str(path), data)
    seconds = time.process_time() - began
    theirs, ours = _words(_BROKEN_WORD.sub("", reference)), _words(extracted.text)
    return PdfFigures(
        words=theirs.total(),
        kept=(theirs & ours).total(),
        ours_alone=(ours - theirs).total(),
        paragraphs=sum(block.kind is BlockKind.PARAGRAPH for block in extracted.blocks),
        pages=len(extracted.pages),
        seconds=seconds,
    )


def page_figures(markdown: str, *, has_main: bool) -> PageFigures:
    """The figures of the web page that is made of a Markdown text.

    :param has_main: whether the text stands in an element ``<main>``
    :raises DocumentError: the page cannot be read
    """
    rendered = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    page = f"<main>{rendered}</main>" if has_main else f"<div>{rendered}</div>"
    whole = f"<html><head><title>Page</title></head><body>{_FRAME.format(page=page)}</body></html>"
    extracted = read_html("page.html", whole.encode())
    source = html.fromstring(f"<div>{rendered}</div>")
    words, ours = _words(" ".join(source.itertext())), _words(extracted.text)
    headings = [_plain(each.text_content()) for each in source.iter(*_HEADINGS)]
    # An item is known by its own first line, because the items within it are items of their own.
    items = [_plain(_own_line(each)) for each in source.iter("li")]
    return PageFigures(
        words=words.total(),
        kept_words=(words & ours).total(),
        headings=len([heading for heading in headings if heading]),
        kept_headings=_found(headings, _blocks(extracted, BlockKind.HEADING)),
        items=len([item for item in items if item]),
        kept_items=_found(items, _blocks(extracted, BlockKind.LIST_ITEM)),
        frame_words=sum(ours[word] for word in _FRAME_WORDS - set(words)),
    )


def _words(text: str) -> Counter[str]:
    return Counter(_WORD.findall(text.lower()))


def _plain(text: str) -> str:
    """The words of a text, without marks and case."""
    return " ".join(_WORD.findall(text.lower()))


def _own_line(item: html.HtmlElement) -> str:
    """The text of a list item before the second of its paragraphs, lists and other blocks."""
    text = item.text or ""
    for child in item:
        if child.tag in _BLOCK_TAGS:
            is_first = child.tag == "p" and not text.strip()
            return child.text_content() if is_first else text
        text += child.text_content() + (child.tail or "")
    return text


def _blocks(extracted: Extracted, kind: BlockKind) -> list[str]:
    return [
        _plain(extracted.text[block.start : block.end])
        for block in extracted.blocks
        if block.kind is kind
    ]


def _found(expected: Iterable[str], blocks: Iterable[str]) -> int:
    """How many of the expected texts a block begins with, each block counting once."""
    left = Counter(blocks)
    found = 0
    for text in filter(None, expected):
        match = text if left[text] else next((each for each in left if each.startswith(text)), None)
        if match is not None:
            found += 1
            left -= Counter([match])
    return found


def _together(kind: type[_Figures], figures: Sequence[_Figures]) -> _Figures:
    return kind(
        **{each.name: sum(getattr(one, each.name) for one in figures) for each in fields(kind)}
    )


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def _pdf_row(name: str, figures: PdfFigures) -> list[str]:
    pages = max(1, figures.pages)
    return [
        name,
        str(figures.pages),
        str(figures.words),
        _share(figures.kept, figures.words),
        _share(figures.ours_alone, figures.words),
        f"{figures.paragraphs / pages:.1f}",
        f"{1000 * figures.seconds / pages:.1f} ms",
    ]


def _page_row(name: str, figures: PageFigures) -> list[str]:
    return [
        name,
        _share(figures.kept_words, figures.words),
        _share(figures.kept_headings, figures.headings),
        _share(figures.kept_items, figures.items),
        str(figures.frame_words),
    ]


def _pdf_rows(paths: Sequence[Path], folder: Path) -> Iterator[tuple[str, PdfFigures]]:
    program = shutil.which("pdftotext")
    if program is None:
        sys.exit("pdftotext is not on the path: install poppler-utils")
    for path in paths:
        name = str(path.relative_to(folder))
        try:
            reference = subprocess.run(
                [program, "-q", path, "-"], capture_output=True, timeout=_SECONDS, check=True
            )
            yield name, pdf_figures(path, reference.stdout.decode("utf-8", "replace"))
        except (DocumentError, subprocess.SubprocessError) as exc:
            stdout.print(f"left out: {name}: {exc}", markup=False, soft_wrap=True)


def _page_rows(
    paths: Sequence[Path], folder: Path
) -> Iterator[tuple[str, PageFigures, PageFigures]]:
    for path in paths:
        text = path.read_text(encoding="utf-8", errors="replace")
        if not _WORD.search(text):
            continue
        with_main, without = (page_figures(text, has_main=each) for each in (True, False))
        yield str(path.relative_to(folder)), with_main, without


def _print_pdfs(rows: Sequence[tuple[str, PdfFigures]]) -> None:
    heads = ("pages", "words", "kept", "ours alone", "paragraphs a page", "time a page")
    table = Table("PDF", *heads)
    for name, figures in rows:
        table.add_row(*_pdf_row(name, figures))
    table.add_section()
    whole = _together(PdfFigures, [figures for _, figures in rows])
    table.add_row(*_pdf_row(f"all {len(rows)}", whole))
    stdout.print(table)


def _print_pages(rows: Sequence[tuple[str, PageFigures, PageFigures]], worst: int) -> None:
    table = Table("web pages", "words", "headings", "list items", "words of the frame")
    sides = {"with <main>": [row[1] for row in rows], "without <main>": [row[2] for row in rows]}
    for name, figures in sides.items():
        table.add_row(*_page_row(f"all {len(rows)}, {name}", _together(PageFigures, figures)))
    table.add_section()
    for name, _, without in sorted(rows, key=lambda row: -_missing(row[2]))[:worst]:
        table.add_row(*_page_row(name, without))
    stdout.print(table)


def _missing(figures: PageFigures) -> int:
    return (
        figures.words
        - figures.kept_words
        + 10 * (figures.headings - figures.kept_headings)
        + 10 * (figures.items - figures.kept_items)
        + figures.frame_words
    )


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="a folder of PDFs and Markdown files")
    parser.add_argument("--worst", type=int, default=10, help="how many web pages are listed")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*") if path.is_file())
    pdfs = [path for path in files if path.suffix.lower() == ".pdf"]
    pages = [path for path in files if path.suffix.lower() == ".md"]
    if not pdfs and not pages:
        sys.exit(f"{arguments.folder} holds no .pdf and no .md files")
    print_machine(this_machine(len(os.sched_getaffinity(0))))
    if pdfs:
        _print_pdfs(list(_pdf_rows(pdfs, arguments.folder)))
    if pages:
        _print_pages(list(_page_rows(pages, arguments.folder)), arguments.worst)


if __name__ == "__main__":
    main()
