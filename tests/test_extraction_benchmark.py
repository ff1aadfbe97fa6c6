"""The figures of the benchmark of extraction, on small files."""

import io
from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from eval.benchmarks.extraction import PageFigures, page_figures, pdf_figures

MARKDOWN = """# Gas trade

Gas goes by pipe.

- the *north*
  - a port
- the south
"""


def test_each_word_of_the_reference_counts_as_often_as_both_texts_have_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    canvas = Canvas(file)
    canvas.drawString(72, 700, "Gas goes by pipe and by ship.")
    canvas.save()
    path = tmp_path / "a.pdf"
    path.write_bytes(file.getvalue())
    figures = pdf_figures(path, "gas by by by rail-\nway")
    # "by" twice, "gas" once; not the third "by", nor "railway".
    assert (figures.words, figures.kept, figures.pages, figures.paragraphs) == (5, 3, 1, 1)
    # "goes", "pipe", "and", "ship".
    assert figures.ours_alone == 4


def test_a_page_that_is_read_whole_keeps_its_words_headings_and_items() -> None:
    # Gas trade, Gas goes by pipe, the north, a port, the south.
    whole = PageFigures(
        words=12,
        kept_words=12,
        headings=1,
        kept_headings=1,
        items=3,
        kept_items=3,
        frame_words=0,
    )
    assert page_figures(MARKDOWN, has_main=True) == whole
    assert page_figures(MARKDOWN, has_main=False) == whole
