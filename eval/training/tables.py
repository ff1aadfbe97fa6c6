"""Made-up tables as passages, and questions on their cells.

A table is written in one of three ways: a view, as a reader of tables is given them ("Vehicle: Red
lorry. Driver: Maja Sten." a row); plain, as text of spreadsheets and pages ("Red lorry | Maja
Sten"); and with Markdown's bars. A row, a column or a cell that is not there makes a question
without an answer, as do the rows of the table's other passages.
"""

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.training.cells import cell
from eval.training.examples import Chars, Example, Examples, Paragraph, Place

_KINDS = Path(__file__).with_name("tables.toml")
_ANYTHING = (
    "What is the {column} of {the}?",
    "{column} of {the}?",
    "What {column} does {the} have?",
    "What is the {column} for {key}?",
    "{key} {column}",
    "Tell me the {column} of {the}.",
)
_COMMON = frozenset({"dish", "place", "product", "vehicle"})
_MOST_LETTERS = 720
_QUESTIONS = 5
_MISSING_ROW, _MISSING_COLUMN, _BACK, _PLAINLY_ASKED = 0.14, 0.12, 0.24, 0.3


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its header, what its cells hold, and the questions they answer and lead
    back to the key.
    """

    header: str
    cells: str
    asks: tuple[str, ...] = ()
    back: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A made-up table: its key column first; an empty text is an empty cell."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Written:
    """Some rows of a table as a passage, and where each cell stands in it: code points, by row and
    column.
    """

    text: str
    rows: range
    places: dict[tuple[int, int], Chars]


def made_tables(count: int, seed: int, *, tune: bool = False) -> Examples:
    """Questions on so many tables.

    :param tune: whether of the kinds, and about the people, that are never trained on
    """
    kinds = [
        kind
        for kind in tomllib.loads(_KINDS.read_text(encoding="utf-8"))["kind"]
        if kind.get("tune", False) == tune
    ]
    found = Examples("tables", [], [])
    for number in range(count):
        chance = random.Random(f"{seed}/{tune}/{number}")
        table = made_table(chance.choice(kinds), tune, chance)
        passages = written(table, chance)
        first = len(found.paragraphs)
        found.paragraphs.extend(Paragraph(passage.text, f"tables/{number}") for passage in passages)
        for asked in range(_QUESTIONS):
            example = _asked(f"tables/{number}/{asked}", table, passages, first, chance)
            found.examples.extend([example] if example else [])
    return found


def made_table(kind: dict[str, Any], tune: bool, chance: random.Random) -> Table:  # Any: TOML
    """A table of a kind, with two to five of its columns beside the key, and a few empty cells."""
    key = Column(chance.choice(kind["key"]["headers"]), kind["key"]["cells"])
    offered = [column for entry in kind["column"] for column in _columns(entry, chance)]
    kept = sorted(chance.sample(range(len(offered)), min(len(offered), chance.randint(2, 5))))
    columns = (key, *(offered[place] for place in kept))
    left_out = tuple(offered[place] for place in range(len(offered)) if place not in kept)
    keys = dict.fromkeys(cell(key.cells, tune, chance) for _ in range(chance.randint(3, 14)))
    rows = tuple(
        (each, *(_filled(column, tune, chance) for column in columns[1:])) for each in keys
    )
    caption = chance.choice(kind["captions"]).format(
        year=chance.randrange(2015, 2027), date=cell("date", tune, chance)
    )
    return Table(caption, columns, rows, left_out)


def _columns(entry: dict[str, Any], chance: random.Random) -> list[Column]:  # Any: TOML
    headers = entry["headers"] if entry.get("all") else [chance.choice(entry["headers"])]
    asks, back = (tuple(entry.get(name, ())) for name in ("asks", "back"))
    return [Column(header, entry["cells"], asks, back) for header in headers]


def _filled(column: Column, tune: bool, chance: random.Random) -> str:
    return "" if chance.random() < 0.06 else cell(column.cells, tune, chance)


def written(table: Table, chance: random.Random) -> list[Written]:
    """The table as passages of several rows each, all written in one way."""
    write = chance.choice((_view, _view, _plain, _barred))
    headed = chance.random() < 0.5
    passages: list[Written] = []
    first = 0
    while first < len(table.rows):
        last = first + 1
        while (
            last < len(table.rows)
            and len(write(table, range(first, last + 1), headed).text) <= _MOST_LETTERS
        ):
            last += 1
        passages.append(write(table, range(first, last), headed))
        first = last
    return passages


def _view(table: Table, rows: range, headed: bool) -> Written:
    """Each row a line of "Header: cell." for the cells that are filled."""
    text = f"{table.caption}\n" if headed else ""
    places: dict[tuple[int, int], Chars] = {}
    for row in rows:
        parts = []
        at = len(text)
        for number, (column, value) in enumerate(zip(table.columns, table.rows[row], strict=True)):
            if value:
                start = at + len(column.header) + 2
                places[row, number] = (start, start + len(value))
                parts.append(f"{column.header}: {value}.")
                at = start + len(value) + 2
        text += " ".join(parts) + "\n"
    return Written(text.rstrip("\n"), rows, places)


def _plain(table: Table, rows: range, headed: bool) -> Written:
    """Cells between bars; the headers stand above the first row."""
    lines = [table.caption] if headed else []
    lines += [" | ".join(column.header for column in table.columns)] if rows.start == 0 else []
    return _lined(table, rows, lines, " | ", "", "")


def _barred(table: Table, rows: range, headed: bool) -> Written:
    """As Markdown writes a table."""
    lines = [table.caption, ""] if headed else []
    if rows.start == 0:
        lines += [
            f"| {' | '.join(column.header for column in table.columns)} |",
            "|---" * len(table.columns) + "|",
        ]
    return _lined(table, rows, lines, " | ", "| ", " |")


def _lined(
    table: Table, rows: range, lines: Sequence[str], between: str, before: str, after: str
) -> Written:
    text = "".join(f"{line}\n" for line in lines)
    places: dict[tuple[int, int], Chars] = {}
    for row in rows:
        text += before
        for number, value in enumerate(table.rows[row]):
            text += between if number else ""
            if value:
                places[row, number] = (len(text), len(text) + len(value))
            text += value
        text += f"{after}\n"
    return Written(text.rstrip("\n"), rows, places)


def _asked(
    id: str, table: Table, passages: Sequence[Written], first: int, chance: random.Random
) -> Example | None:
    """A question on the table, with the passage that answers it, or one that does not where none
    does.

    :param first: the position of the table's first passage
    """
    row = chance.randrange(len(table.rows))
    mine = next(number for number, passage in enumerate(passages) if row in passage.rows)
    others = [Place(first + number, ()) for number in range(len(passages)) if number != mine]
    drawn = chance.random()
    if drawn < _MISSING_COLUMN and table.left_out:
        question = _forward(chance.choice(table.left_out), table, row, chance)
        return _example(id, question, first + mine, None, "", others)
    if drawn < _MISSING_COLUMN + _MISSING_ROW and others:
        question = _forward(chance.choice(table.columns[1:]), table, row, chance)
        return _example(id, question, chance.choice(others).paragraph, None, "", ())
    place = chance.randrange(1, len(table.columns))
    column, value = table.columns[place], table.rows[row][place]
    only = sum(other[place] == value for other in table.rows) == 1
    if value and only and column.back and chance.random() < _BACK:
        span = passages[mine].places[row, 0]
        question = chance.choice(column.back).format(value=value, column=column.header)
        return _example(id, question, first + mine, span, table.rows[row][0], others)
    question = _forward(column, table, row, chance)
    if not value:
        return _example(id, question, first + mine, None, "", others)
    return _example(id, question, first + mine, passages[mine].places[row, place], value, others)


def _forward(column: Column, table: Table, row: int, chance: random.Random) -> str:
    """A question for the cell of a row."""
    key = table.rows[row][0]
    generic = chance.random() < _PLAINLY_ASKED or not column.asks
    common = table.columns[0].cells in _COMMON
    named = any(
        "{column}" in ask for ask in column.asks
    )  # a month, a day, a year: written as the header is
    header = column.header if named else column.header.lower()
    text = chance.choice(_ANYTHING if generic else column.asks)
    asked = text.format(
        key=key.lower() if common else key,
        the=f"the {key.lower()}" if common else key,
        column=header,
    )
    return asked[:1].upper() + asked[1:] if chance.random() < 0.85 else asked.lower()


def _example(
    id: str, question: str, paragraph: int, span: Chars | None, gold: str, also: Sequence[Place]
) -> Example:
    spans, golds = ((span,), (gold,)) if span else ((), ())
    return Example(id, question, paragraph, spans, golds, tuple(also), exact=False, whole=True)
