"""The blocks of a plain text: what its lines show, and that no word is outside them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blocks import BlockKind
from corpus.text_blocks import text_blocks

_PARTS = """# ## - * 1. a) | |-- --- ``` ~~~ word Word. Two words. : é 中文。 \u3000""".split()
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=200),
    st.lists(st.sampled_from([*_PARTS, " ", "  ", "    ", "\n", "\n\n", "\t"])).map("".join),
)


def shown(text: str, *, has_headings: bool = True) -> list[tuple[str, str, int]]:
    return [
        (block.kind.value, text[block.start : block.end], block.level)
        for block in text_blocks(text, has_headings=has_headings)
    ]


def test_headings_paragraphs_and_items_are_blocks_without_their_marks() -> None:
    text = "# Gas\nIt flows\nnorth.\n\n## Prices ##\n- one\n  more\n  - two\n3. three"
    assert shown(text) == [
        ("heading", "Gas", 1),
        ("paragraph", "It flows\nnorth.", 0),
        ("heading", "Prices", 2),
        ("list_item", "one\n  more", 1),
        ("list_item", "two", 2),
        ("list_item", "three", 1),
    ]


@pytest.mark.parametrize(
    "text",
    ["# of berths: 46", "# of berths: 46\n# of ships: 9", "# Ships: 9\n# Berths: 46\nx"],
)
def test_a_line_that_states_a_number_is_no_heading(text: str) -> None:
    first = text.split("\n")[0]
    kind, quoted, _ = shown(text)[0]
    assert (kind, quoted[: len(first)]) == ("paragraph", first)


@pytest.mark.parametrize("line", ["#Gas", "####### Gas", "#", "# ", "    # indented", "a # b"])
def test_what_only_looks_like_a_heading_is_text(line: str) -> None:
    assert not [kind for kind, _, _ in shown(f"x\n{line}\ny") if kind == "heading"]


def test_a_format_without_headings_has_none() -> None:
    assert shown("# Gas\n\nIt flows.", has_headings=False) == [
        ("paragraph", "# Gas", 0),
        ("paragraph", "It flows.", 0),
    ]


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_fenced_code_is_one_block_with_its_blank_lines(fence: str) -> None:
    code = f"{fence}\n# no heading\n\nx\n{fence}"
    assert shown(f"{code}\n# Gas\nx") == [
        ("code", code, 0),
        ("heading", "Gas", 1),
        ("paragraph", "x", 0),
    ]


def test_rows_have_cells_with_their_columns_and_the_first_row_is_the_head() -> None:
    assert shown("Year | Fee\n2023 | 60") == [
        ("table", "Year | Fee\n2023 | 60", 0),
        ("row", "Year | Fee", 0),
        ("cell", "Year", 1),
        ("cell", "Fee", 2),
        ("row", "2023 | 60", 0),
        ("cell", "2023", 1),
        ("cell", "60", 2),
    ]
    assert [block.is_head for block in text_blocks("Year | Fee\n2023 | 60")] == [
        False,
        *[True] * 3,
        *[False] * 3,
    ]


def test_bars_and_rules_of_a_markdown_table_are_no_cells() -> None:
    text = "| Year | Fee |\n|---|:-:|\n| 2023 |  |\n|  | 60 |"
    assert [block[1:] for block in shown(text) if block[0] == "cell"] == [
        ("Year", 1),
        ("Fee", 2),
        ("2023", 1),
        ("60", 2),
    ]


@given(texts, st.booleans())
def test_blocks_are_ordered_and_hold_every_letter_and_digit(text: str, has_headings: bool) -> None:
    blocks = text_blocks(text, has_headings=has_headings)
    held: set[int] = set()
    for block in blocks:
        assert 0 <= block.start < block.end <= len(text)
        body = text[block.start : block.end]
        assert block.kind is BlockKind.CODE or body == body.strip()
        held.update(range(block.start, block.end))
    assert [block.start for block in blocks] == sorted(block.start for block in blocks)
    outside = "".join(character for at, character in enumerate(text) if at not in held)
    # List marks may be a letter or a number.
    words = [word for word in outside.split() if len(word.strip("().")) > 3 and word.isalnum()]
    assert words == []


@pytest.mark.parametrize(
    "unit", ["#", "# ", "|", "| ", "-", "--|", "- ", "`", "```\n", "a", " ", "\n"]
)
def test_a_long_run_of_one_mark_takes_no_time(unit: str) -> None:
    started = time.perf_counter()
    text_blocks(unit * (100_000 // len(unit)) + "x")
    assert time.perf_counter() - started < 10
