"""Made-up tables: answers are cells, and what is not there has no answer."""

import random
from itertools import pairwise

import pytest

from eval.training.tables import Column, Table, made_tables, written

FLEET = Table(
    "Fleet",
    (Column("Vehicle", "vehicle"), Column("Driver", "person"), Column("Year", "year")),
    (("Red lorry", "Maja Sten", "2019"), ("Blue van", "", "2021")),
    (),
)


@pytest.mark.parametrize("tune", [True, False])
def test_an_answer_is_a_cell_of_its_passage(tune: bool) -> None:
    found = made_tables(60, seed=1, tune=tune)
    answered = [example for example in found.examples if example.spans]
    for example in answered:
        ((start, end),) = example.spans
        assert found.paragraphs[example.paragraph].text[start:end] == example.golds[0]
    assert 0.1 < 1 - len(answered) / len(found.examples) < 0.4


def test_a_question_whose_answer_is_missing_is_about_something_that_is_not_there() -> None:
    found = made_tables(80, seed=2)
    rows = [example for example in found.examples if not example.golds and not example.also]
    assert rows
    assert all(example.whole and not example.exact for example in rows)


def test_tables_that_measure_share_no_caption_with_those_that_train() -> None:
    trained, kept = (made_tables(60, seed=3, tune=tune) for tune in (False, True))
    first_lines = [{p.text.split("\n")[0] for p in part.paragraphs} for part in (trained, kept)]
    assert not first_lines[0] & first_lines[1]


def test_the_same_seed_makes_the_same_tables() -> None:
    assert made_tables(9, seed=4) == made_tables(9, seed=4)


def test_every_way_of_writing_keeps_each_filled_cell_in_its_place() -> None:
    seen = set()
    for seed in range(12):
        (passage,) = written(FLEET, random.Random(seed))
        seen.add(passage.text)
        cells = {place: passage.text[start:end] for place, (start, end) in passage.places.items()}
        assert cells == {
            (row, column): value
            for row, values in enumerate(FLEET.rows)
            for column, value in enumerate(values)
            if value
        }
    assert (
        "Vehicle: Red lorry. Driver: Maja Sten. Year: 2019.\nVehicle: Blue van. Year: 2021." in seen
    )
    assert "Vehicle | Driver | Year\nRed lorry | Maja Sten | 2019\nBlue van |  | 2021" in seen


def test_a_long_table_becomes_passages_of_following_rows() -> None:
    table = Table("Long", FLEET.columns, FLEET.rows * 30, ())
    passages = written(table, random.Random(1))
    assert len(passages) > 1
    assert all(first.rows.stop == second.rows.start for first, second in pairwise(passages))
    assert passages[-1].rows.stop == len(table.rows)
