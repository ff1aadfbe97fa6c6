"""Numbers are shown as their cells show them."""

from datetime import timedelta

import pytest

from corpus.formats.number import formatted_duration, formatted_number


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (12_500_000, '0.0,,"M"', "12.5M"),
        (5_551_234_567, "(000) 000-0000", "(555) 123-4567"),
        (-1_234.5, "#\\ ##0.00", "-1 234.50"),
        (7, '0"/"00', "0/07"),
        (1_530, "00\\:00", "15:30"),
        (12, 'General" pcs"', "12 pcs"),
        (12_345_678, "0.00E+00", "1.23E+07"),
    ],
)
def test_the_digits_of_a_number_stand_where_its_format_puts_them(
    value: float, number_format: str, text: str
) -> None:
    assert formatted_number(value, number_format) == text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (1.5, "# ?/?", "1 1/2"),
        (-0.25, "# ??/??", "-1/4"),
        (2.625, "#\\ ?/8", "2 5/8"),
        (1.5, "?/?", "3/2"),
        (3, "# ?/?", "3"),
        (0, "# ?/?", "0"),
    ],
)
def test_fractions_are_shown_as_such(value: float, number_format: str, text: str) -> None:
    assert formatted_number(value, number_format) == text


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (1, '"Yes";;"No"', "Yes"),
        (0, '"Yes";;"No"', "No"),
        (-3, '"Yes";;"No"', ""),
        (417, ";;;", ""),
        (417, "[Red]", "417"),
        (5, '[<10]"few";[>=10]"many"', "few"),
        (1_250, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "1.3K"),
        (12, '[>=1000000]0.0,,"M";[>=1000]0.0,"K";0', "12"),
        (-5, "[<0]-0.0;0", "-5.0"),
        (417, "yyyy", "417"),
    ],
)
def test_sections_of_words_and_conditions_are_followed(
    value: float, number_format: str, text: str
) -> None:
    assert formatted_number(value, number_format) == text


@pytest.mark.parametrize("number_format", ["0.00", "0%", "#,##0." + "0" * 30, "# ?/?"])
def test_the_largest_number_can_be_shown_in_each_format(number_format: str) -> None:
    assert formatted_number(1.7e308, number_format).lstrip("-").startswith("17")


@pytest.mark.parametrize(
    ("value", "number_format", "text"),
    [
        (timedelta(hours=50, minutes=5), "[h]:mm", "50:05"),
        (timedelta(minutes=135, seconds=20), "[mm]:ss", "135:20"),
        (timedelta(minutes=135), "[m]", "135"),
        (timedelta(hours=54), "[h]", "54"),
        (timedelta(hours=-2), "[h]:mm:ss", "-2:00:00"),
    ],
)
def test_durations_count_what_their_format_counts(
    value: timedelta, number_format: str, text: str
) -> None:
    assert formatted_duration(value, number_format) == text
