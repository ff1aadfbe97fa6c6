"""Views: what models read for the rows of a table, and the way back to the document."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from corpus.blocks import Block, BlockKind
from corpus.document import Document, make_document
from index.text.chunk import Chunk, ChunkSettings, chunk_document
from index.text.view import PartKind, View, ViewPart
from tests.conftest import ToyEncoder

TABLE = """# Vehicles

Who drives what.

| Vehicle | Driver | Seats |
| --- | --- | --- |
| Red lorry | Maja Sten | 3 |
| Blue van | Tom Weber | 9 |
"""


def chunks_of(text: str, max_tokens: int = 160) -> list[Chunk]:
    from corpus.load import parse_document

    document = parse_document("vehicles.md", text.encode(), document_id="vehicles")
    return cut(document, max_tokens)


def cut(document: Document, max_tokens: int = 160) -> list[Chunk]:
    return chunk_document(document, ToyEncoder().token_spans, ChunkSettings(max_tokens))


def quotes(chunk: Chunk, text: str) -> list[str]:
    """What stands in the document where each part of the view is said to be."""
    return [text[part.offset : part.offset + part.end - part.start] for part in chunk.view.parts]


def table(rows: Sequence[Sequence[str]], *, heads: int = 1) -> Document:
    """A document of one table, whose first rows are heads."""
    text, blocks = "", list[Block]()
    for number, row in enumerate(rows):
        is_head = number < heads
        start = len(text)
        cells = []
        for column, cell in enumerate(row, start=1):
            text += " | " if column > 1 else ""
            at = len(text)
            cells.append(Block(BlockKind.CELL, at, at + len(cell), level=column, is_head=is_head))
            text += cell
        blocks.append(Block(BlockKind.ROW, start, len(text), is_head=is_head))
        blocks += [cell for cell in cells if cell.start < cell.end]
        text += "\n"
    text = text.rstrip("\n")
    return make_document(
        text, document_id="t", blocks=[Block(BlockKind.TABLE, 0, len(text)), *blocks]
    )


def test_a_row_is_read_with_the_heads_of_its_columns() -> None:
    (chunk,) = chunks_of(TABLE)
    assert chunk.view.text.splitlines() == [
        "Who drives what.",
        "Vehicle: Red lorry. Driver: Maja Sten. Seats: 3.",
        "Vehicle: Blue van. Driver: Tom Weber. Seats: 9.",
    ]


def test_a_cell_knows_its_row_and_its_column() -> None:
    (chunk,) = cut(table([["Vehicle", "Driver"], ["Red lorry", "Maja Sten"]]))
    document = table([["Vehicle", "Driver"], ["Red lorry", "Maja Sten"]])
    named, driver = chunk.view.parts
    assert named.heads is not None
    assert named.heads.row is None
    assert driver.heads is not None
    assert driver.heads.row is not None
    assert driver.heads.column is not None
    assert document.text[slice(*driver.heads.row)] == "Red lorry"
    assert document.text[slice(*driver.heads.column)] == "Driver"


def test_each_part_of_a_view_is_what_the_document_has_there() -> None:
    document = table([["Name", "Note"], ["Zoë 🚚", "ends. Twice."], ["", "only a note"]])
    for chunk in cut(document):
        view = chunk.view
        assert quotes(chunk, document.text) == [
            view.text[part.start : part.end] for part in view.parts
        ]
        assert all(chunk.start <= part.offset < chunk.end for part in view.parts)


def test_labels_and_values_without_heads_are_read_as_pairs() -> None:
    (chunk,) = cut(table([["Builder", "Ostlund"], ["Toll", "9 crowns"]], heads=0))
    assert chunk.view.text == "Builder: Ostlund.\nToll: 9 crowns."


def test_two_rows_of_heads_are_read_together() -> None:
    (chunk,) = cut(
        table([["", "Sales", "Costs"], ["Year", "Net", "Net"], ["2024", "7", "5"]], heads=2)
    )
    assert chunk.view.text == "Year: 2024. Sales Net: 7. Costs Net: 5."


def test_the_title_in_the_first_row_of_a_sheet_is_no_row_of_values() -> None:
    rows = [["Budget in euros"], ["Department", "1st quarter"], ["Sales", "42"]]
    document = table(rows, heads=0)
    # The heads are in the second row.
    head = [block for block in document.blocks if block.kind is BlockKind.ROW][1]
    marked = [
        replace(block, is_head=head.start <= block.start and block.end <= head.end)
        for block in document.blocks
    ]
    (chunk,) = cut(replace(document, blocks=tuple(marked)))
    assert chunk.view.text == "Budget in euros\nDepartment: Sales. 1st quarter: 42."


def test_a_table_of_only_heads_is_read_as_it_stands() -> None:
    document = table([["Vehicle", "Driver"]])
    assert "Vehicle" in cut(document)[0].view.text


def test_no_row_of_a_long_table_is_read_without_its_heads() -> None:
    rows = [["Vehicle", "Driver"], *([f"Lorry {n}", f"Driver {n}"] for n in range(60))]
    chunks = cut(table(rows), max_tokens=40)
    lines = [line for chunk in chunks for line in chunk.view.text.splitlines()]
    assert lines == [f"Vehicle: Lorry {n}. Driver: Driver {n}." for n in range(60)]


def test_the_rest_of_a_row_too_long_for_a_chunk_names_the_row_again() -> None:
    heads = ["Name", *(f"Column {n}" for n in range(40))]
    chunks = cut(table([heads, ["Red lorry", *(f"value {n}" for n in range(40))]]), max_tokens=30)
    assert len(chunks) > 1
    assert all(chunk.view.text.startswith(("Name: Red lorry.", "Red lorry.")) for chunk in chunks)
    quoted = [quote for chunk in chunks for quote in quotes(chunk, document_text(heads))]
    assert len(quoted) == len(set(quoted)) == 41


def document_text(heads: list[str]) -> str:
    return table([heads, ["Red lorry", *(f"value {n}" for n in range(40))]]).text


def test_a_cell_too_long_for_a_chunk_is_read_in_parts_that_lose_nothing() -> None:
    words = " ".join(f"word{n}" for n in range(90))
    document = table([["Name", "Story"], ["Red lorry", words]])
    chunks = cut(document, max_tokens=40)
    read = " ".join(quote for chunk in chunks for quote in quotes(chunk, document.text))
    assert set(re.findall(r"word\d+", read)) == set(words.split())


def test_prose_is_read_as_it_stands() -> None:
    (chunk,) = chunks_of("Gas flows. Oil too.")
    assert chunk.own_view is None
    assert chunk.view == View.of_text("Gas flows. Oil too.", chunk.start)


def test_a_view_survives_being_written() -> None:
    (chunk,) = chunks_of(TABLE)
    assert chunk.own_view is not None
    assert View.from_lists(chunk.own_view.as_lists()) == chunk.own_view


@pytest.mark.parametrize("lists", [[], ["text"], ["text", [[1]], []], ["text", 3, []]])
def test_anything_else_is_no_view(lists: list[object]) -> None:
    with pytest.raises(ValueError, match="view"):
        View.from_lists(lists)


def test_only_the_words_of_the_document_lie_in_parts() -> None:
    (chunk,) = chunks_of(TABLE)
    view = chunk.view
    label = view.text.index("Driver: Maja")
    assert view.part_at(label) is None
    part = view.part_at(label + len("Driver: "))
    assert part is not None
    assert view.text[part.start : part.end] == "Maja Sten"


def test_parts_keep_their_kind_when_they_are_written() -> None:
    view = View(
        "Why?\nIt rains.",
        (
            ViewPart(0, 4, 10, kind=PartKind.QUESTION),
            ViewPart(5, 14, 15, kind=PartKind.ITEM),
        ),
    )
    assert View.from_lists(json.loads(json.dumps(view.as_lists()))) == view
