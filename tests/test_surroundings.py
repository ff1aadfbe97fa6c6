"""What models read together: items with their lead-in, answers with their question, explanations
with their term.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blocks import Block, BlockKind
from corpus.document import Document, make_document
from corpus.load import parse_document
from index.text.chunk import Chunk, ChunkSettings, chunk_document
from index.text.sections import sections
from index.text.view import PartKind, View
from service.reader.sentences import view_sentences
from tests.conftest import ToyEncoder

KIT = """The kit contains:

- one red screwdriver
- bolts:
  - four long ones
  - six short ones
- glue
"""


def markdown(text: str) -> Document:
    return parse_document("a.md", text.encode(), document_id="a")


def html(body: str) -> Document:
    page = f"<html><body><main>{body}</main></body></html>"
    return parse_document("a.html", page.encode(), document_id="a")


def cut(document: Document, max_tokens: int = 160) -> list[Chunk]:
    return chunk_document(document, ToyEncoder().token_spans, ChunkSettings(max_tokens))


def quotable(view: View, *kinds: PartKind) -> list[str]:
    """What may be quoted, or the parts of some kinds."""
    return [
        view.text[part.start : part.end]
        for part in view.parts
        if (part.kind in kinds if kinds else part.kind.is_quotable)
    ]


def test_each_chunk_of_a_long_list_is_read_with_its_lead_in() -> None:
    items = "\n".join(f"- tool number {number} of the box" for number in range(30))
    chunks = cut(markdown(f"The kit contains:\n\n{items}\n"), max_tokens=30)
    assert len(chunks) > 5
    assert all(chunk.view.text.startswith("The kit contains:") for chunk in chunks)
    # Only the first has it as words of the document, and an item is quotable in each.
    assert [quotable(chunk.view, PartKind.LEAD_IN) for chunk in chunks] == [
        ["The kit contains:"],
        *([] for _ in chunks[1:]),
    ]
    assert all("tool number" in quotable(chunk.view, PartKind.ITEM)[0] for chunk in chunks)


def test_an_item_inside_an_item_is_read_with_both_lead_ins() -> None:
    chunks = cut(markdown(KIT), max_tokens=8)
    (short,) = (chunk for chunk in chunks if "six short" in chunk.text)
    assert short.view.text.splitlines()[:2] == ["The kit contains:", "bolts:"]
    (glue,) = (chunk for chunk in chunks if "glue" in chunk.text)
    assert glue.view.text.splitlines()[0] == "The kit contains:"


@pytest.mark.parametrize("lead_in", ["Follow these steps.", "What you will need", "To begin:"])
def test_a_line_above_a_list_leads_into_it_with_and_without_a_colon(lead_in: str) -> None:
    (chunk,) = cut(markdown(f"It is easy. {lead_in}\n\n1. Open the lid.\n2. Fill it.\n"))
    assert quotable(chunk.view, PartKind.LEAD_IN) == [lead_in]
    assert quotable(chunk.view, PartKind.ITEM) == ["Open the lid.", "Fill it."]


def test_a_sentence_above_a_list_that_announces_nothing_does_not_lead_into_it() -> None:
    (chunk,) = cut(markdown("It rained.\n\n- Open the lid.\n"))
    assert quotable(chunk.view, PartKind.LEAD_IN) == []


def test_a_heading_that_asks_is_read_before_the_text_below_it_and_never_quoted() -> None:
    for heading in (
        "How do I reset it?",
        "What is covered",
        "Is it safe?",
        "How to reset it",
        "What's new",
        "How we work",
    ):
        chunks = cut(markdown(f"# Manual\n\n## {heading}\n\nHold the button. Wait.\n"))
        assert chunks[-1].view.text == f"{heading}\nHold the button. Wait."
        assert quotable(chunks[-1].view) == ["Hold the button. Wait."]
        # The encoder and the index of words have it once.
        assert chunks[-1].embedded_text.count(heading) == 1


def test_a_heading_that_asks_nothing_is_no_part_of_the_view() -> None:
    for heading in ("Reset", "Whatever works", "May 2025", "What Mr Li said"):
        (chunk,) = cut(markdown(f"# {heading}\n\nHold the button.\n"))
        assert chunk.own_view is None


@pytest.mark.parametrize(
    "text",
    [
        "Q: May I return it?\n\nA: Yes, within a month.",
        "**May I return it?**\n\nYes, within a month.",
        "**May I return it?**\nYes, within a month.",
        "Question 3: May I return it? Answer: Yes, within a month.",
        "1. May I return it?\n\n   Yes, within a month.",
    ],
)
def test_a_question_is_read_with_its_answer_and_only_the_answer_is_quotable(text: str) -> None:
    (chunk,) = cut(markdown(text))
    assert "May I return it?" in chunk.view.text
    assert quotable(chunk.view) == ["Yes, within a month."]
    assert len(quotable(chunk.view, PartKind.QUESTION)) == 1


def test_the_rest_of_a_long_answer_is_read_with_its_question() -> None:
    answer = " ".join(f"Step {number} is short." for number in range(30))
    chunks = cut(markdown(f"**Can I build it?**\n\n{answer}\n"), max_tokens=40)
    assert len(chunks) > 2
    assert all(chunk.view.text.startswith("Can I build it?\n") for chunk in chunks)


def test_a_question_of_a_definition_list_may_have_no_question_mark() -> None:
    (chunk,) = cut(html("<dl><dt>What is covered</dt><dd>Fire and water.</dd></dl>"))
    assert quotable(chunk.view) == ["Fire and water."]
    assert quotable(chunk.view, PartKind.QUESTION) == ["What is covered:"]


def test_an_explanation_is_quotable_and_read_in_one_sentence_with_its_term() -> None:
    (chunk,) = cut(html("<dl><dt>APR</dt><dd>The annual rate. It is high.</dd></dl>"))
    assert quotable(chunk.view) == ["The annual rate. It is high."]
    texts = [chunk.view.text[each.start : each.end] for each in view_sentences(chunk.view)]
    assert texts == ["APR: The annual rate.", "It is high."]


def test_a_list_that_fits_into_one_chunk_is_not_cut() -> None:
    prose = " ".join(f"Sentence {number} is here." for number in range(8))  # 4 tokens each
    chunks = cut(markdown(f"{prose}\n\n{KIT}"), max_tokens=40)
    assert [("glue" in chunk.text, "kit contains" in chunk.text) for chunk in chunks] == [
        (False, False),
        (True, True),
    ]


def test_no_chunk_ends_with_a_question_or_a_lead_in() -> None:
    text = "\n\n".join(
        f"**Is case {number} allowed?**\n\nYes, case {number} is allowed. Note this:\n\n- a\n- b"
        for number in range(9)
    )
    for max_tokens in (12, 17, 23, 31):
        for chunk in cut(markdown(text), max_tokens):
            last = chunk.view.parts[-1].kind
            assert last not in (PartKind.QUESTION, PartKind.LEAD_IN)


def test_contents_lines_and_page_heads_are_not_read() -> None:
    text = "Annual report\nPrices ..... 7\nGas flows.\nPage 3\nOil flows."
    kinds = (
        BlockKind.PAGE_HEAD,
        BlockKind.CONTENTS,
        BlockKind.PARAGRAPH,
        BlockKind.PAGE_FOOT,
        BlockKind.PARAGRAPH,
    )
    blocks, start = [], 0
    for line, kind in zip(text.split("\n"), kinds, strict=True):
        blocks.append(Block(kind, start, start + len(line)))
        start += len(line) + 1
    (chunk,) = cut(make_document(text, document_id="a", blocks=blocks))
    assert chunk.view.text == "Gas flows.\nOil flows."
    assert quotable(chunk.view) == ["Gas flows.", "Oil flows."]


def test_a_footnote_is_read_and_not_quotable() -> None:
    text = "Gas flows.\nSee the annex."
    blocks = [Block(BlockKind.PARAGRAPH, 0, 10), Block(BlockKind.FOOTNOTE, 11, len(text))]
    (chunk,) = cut(make_document(text, document_id="a", blocks=blocks))
    assert chunk.view.text == text
    assert quotable(chunk.view) == ["Gas flows."]


line = st.sampled_from(
    [
        "# What is it?",
        "## Prices",
        "Q: Who pays?",
        "A: We do.",
        "Who pays? We do. Now:",
        "The kit holds:",
        "- one",
        "  - two: three",
        "1. Is it so? Yes.",
        "Gas flows. Oil too.",
        "| A | B |\n| - | - |\n| 1 | 2 |",
        "> said",
        "    code",
        "",
    ]
)


@given(lines=st.lists(line, min_size=1, max_size=14), max_tokens=st.integers(3, 30))
def test_parts_are_the_words_of_the_document_and_stay_inside_blocks(
    lines: list[str], max_tokens: int
) -> None:
    text = "\n".join(lines)
    if not text.strip():
        return
    document = make_document(text, document_id="a")
    inside = [
        (block.start, block.end) for block in document.blocks if block.kind is not BlockKind.TABLE
    ]
    only_headings = all(block.kind is BlockKind.HEADING for block in document.blocks)
    for chunk in cut(document, max_tokens):
        last = 0
        for part in chunk.view.parts:
            first, end = part.offset, part.offset + part.end - part.start
            assert document.text[first:end] == chunk.view.text[part.start : part.end]
            assert chunk.start <= first < end <= chunk.end
            assert part.start >= last
            last = part.end
            assert chunk.own_view is None or any(a <= first and end <= b for a, b in inside)
        assert chunk.view.parts or only_headings
        assert View.from_lists(chunk.view.as_lists()) == chunk.view


def test_the_units_of_a_document_hold_all_of_its_text_but_headings() -> None:
    document = markdown(f"# Kit\n\n{KIT}\n\nQ: Why?\n\nA: So.\n")
    units = [unit for section in sections(document) for unit in section.units]
    assert [unit.block for unit in units] == list(document.blocks[1:])
