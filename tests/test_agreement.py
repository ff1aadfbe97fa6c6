"""Equal answers share a key, however they are written; different ones do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answering.agreement import contradict, differ, same_answer


@pytest.mark.parametrize(
    "alike",
    [
        ["38 bcm", "38 BCM.", " “38\n bcm” ", "(38  Bcm),"],
        ["Great Hall of the People", "the Great Hall of the People", "a great hall of people"],
        [
            "3,000 kilometres",
            "3000 kilometers",
            "3 000 kilometres",
            "3\u00a0000 kilometres",
            "3\u202f000 kilometres",
        ],
        ["2.5 billion", "2,500 million", "2.5 bn", "2.50 billion", "2,500,000,000"],
        ["21%", "21 per cent", "21 percent", "21 %"],
        [
            "7 November 2025",
            "November 7, 2025",
            "7th of November 2025",
            "Nov. 7, 2025",
            "7 Nov 2025",
            "2025-11-07",
        ],
        ["3 November", "Nov 3", "November 3rd"],
        ["February 2022", "Feb. 2022", "february, 2022"],
        ["three agreements", "3 agreements"],
    ],
    ids=lambda alike: alike[0],
)
def test_what_is_written_otherwise_is_the_same_answer(alike: list[str]) -> None:
    assert len({same_answer(quote) for quote in alike}) == 1


@pytest.mark.parametrize(
    "different",
    [
        ["38 bcm", "38.5 bcm", "44 bcm", "-38 bcm"],
        ["2.5 billion", "2.5 million", "2.5"],
        [
            "7 November 2025",
            "8 November 2025",
            "7 November 2024",
            "November 2025",
            "7 December 2025",
        ],
        ["3 November", "3 November 2025", "4 November"],
        ["1,000", "1.000"],
        ["Moscow", "Beijing"],
        ["21%", "21"],
    ],
    ids=lambda different: different[0],
)
def test_another_value_is_another_answer(different: list[str]) -> None:
    assert len({same_answer(quote) for quote in different}) == len(different)


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [
        ("Vladimir Putin", "Putin", False),
        ("3,000", "3 000 kilometres", False),
        ("the Great Hall", "Great Hall of the People", False),
        ("10 bcm", "110 bcm", True),
        ("Xi", "Li", True),
        ("Port", "Portugal", True),
    ],
)
def test_an_answer_that_holds_the_other_does_not_differ_from_it(
    one: str, other: str, different: bool
) -> None:
    assert differ(one, other) is differ(other, one) is different


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("38 bcm", "44 bcm a year", True),
        ("about 50,000", "10,000", True),
        ("1856", "1900", True),
        ("8 February 1900", "July 15, 1905", True),
        ("3 November", "4 November 2025", True),
        ("December", "November 2025", True),
        ("Frank Oz", "Quentin Tarantino", True),
        ("21%", "21 per cent", False),
        ("3,000 kilometres", "3 000 km", False),
        ("38 bcm", "38 kilometres", False),
        ("December", "December 2025", False),
        ("2025", "7 November", False),
        ("2025", "38 bcm", False),
        ("Putin", "Vladimir Putin", False),
        ("novel", "film", False),
    ],
)
def test_only_values_of_one_kind_contradict_each_other(
    one: str, other: str, expected: bool
) -> None:
    assert contradict(one, other) is contradict(other, one) is expected


@given(st.text(max_size=30), st.text(max_size=30))
def test_nothing_contradicts_itself_and_contradiction_goes_both_ways(one: str, other: str) -> None:
    assert not contradict(one, one)
    assert contradict(one, other) is contradict(other, one)


@pytest.mark.parametrize("quote", ["the", "...", "“”", "a"])
def test_an_answer_of_nothing_but_small_words_keeps_a_key(quote: str) -> None:
    assert same_answer(quote)


@given(st.text(min_size=1, max_size=40))
def test_the_key_does_not_change_with_case_or_space_around(quote: str) -> None:
    assert same_answer(f" {quote}\n") == same_answer(quote)
