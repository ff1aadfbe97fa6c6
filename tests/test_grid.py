"""Tables without marks: whether their first row names the columns."""

import pytest

from corpus.formats.grid import names_columns

PUMPS = [["Property", "HP 100", "HP 150"], ["Power", "350 W", "550 W"], ["Price", "€79", "€109"]]
RESULTS = [["Pupil", "100 m", "Points"], ["Amara", "14.6", "1482"], ["Jonas", "15.3", "1391"]]
QUARTERS = [["Department", "2024", "2025"], ["Sales", "4200", "3900"], ["Staff", "31", "34"]]
WORDS = [["Name", "Room"], ["Ines", "1.11"]]
VALUES = [["Amara", "14.6", "1482"], ["Jonas", "15.3", "1391"], ["Clara", "14.9", "1467"]]
LABELS = [["Price", "€79"], ["Weight", "4.2 kg"], ["Power", "350 W"]]
NUMBERED = [["1", "6:40", "Linnea"], ["two", "9:15", "Astrid"], ["three", "12:30", "Linnea"]]
SHORT = [["Pupil", "100 m", "Points"], ["Amara", "14.6", "1482"]]


@pytest.mark.parametrize("rows", [PUMPS, RESULTS, QUARTERS, WORDS])
def test_a_first_row_names_columns_if_its_numbers_look_unlike_those_below(
    rows: list[list[str]],
) -> None:
    assert names_columns(rows)


@pytest.mark.parametrize("rows", [VALUES, LABELS, NUMBERED, SHORT])
def test_a_first_row_of_values_names_no_columns(rows: list[list[str]]) -> None:
    assert not names_columns(rows)
