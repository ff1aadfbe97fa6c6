"""Clean edges of spans: whole numbers with sign and unit, and no stray punctuation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.reader.edges import is_empty, tidied


@pytest.mark.parametrize(
    ("text", "marked", "want"),
    [
        ("It carries 38 billion cubic metres a year.", "38", "38 billion cubic metres"),
        ("It carries 38 billion cubic metres a year.", "38 billion", "38 billion cubic metres"),
        ("Exports fell 21% in September.", "21", "21%"),
        ("Exports fell 21 per cent in September.", "21", "21 per cent"),
        ("Exports fell 3.8 percentage points.", "8", "3.8 percentage points"),
        ("It cost $1.5 billion, they said.", "1.5", "$1.5 billion"),
        ("It cost US$250 a tonne.", "250", "US$250"),
        ("It cost 100 dollars per thousand.", "100", "100 dollars"),
        ("The line is 3,000 kilometres long.", "000", "3,000 kilometres"),
        ("The line is 3,000-kilometre long.", "3,000", "3,000-kilometre"),
        ("At 14:30 they left.", "14", "14:30"),
        ("It was −5 °C that day.", "5", "−5 °C"),
        ("Above 1.74 trillion yuan, a record.", "1.74 trillion", "1.74 trillion yuan"),
        ("He is 12 years old now.", "12", "12 years old"),
        ("A 50 MW plant.", "50", "50 MW"),
        ("The line is 3,000 kilometres long.", "3,000 kilometres long", "3,000 kilometres"),
        ("A life long gone.", "life long", "life long"),
        ("In 2014, the contract was signed.", "2014", "2014"),
        ("All 38 agreed.", "38", "38"),
        ("They met in Hangzhou, in the east.", "Hangzhou,", "Hangzhou"),
        ("They met (in Moscow) twice.", "(in Moscow", "in Moscow"),
        ("The bank (CNPC) paid.", "bank (CNPC", "bank (CNPC)"),
        ("“Power of Siberia” is long.", "“Power of Siberia", "Power of Siberia"),
        ("“Power of Siberia” is long.", "Power of Siberia”", "Power of Siberia"),
        ("It backs the “one-China” policy.", "one-China” policy", "“one-China” policy"),
        ('The "big" line.', '"big', "big"),
        ("It is **38 bcm** a year.", "**38 bcm**", "38 bcm"),
        ("He went to the U.S. in May.", "U.S", "U.S."),
        ("Smith Jr. left.", "Smith Jr", "Smith Jr."),
        ("He left at 5 p.m. sharp.", "p.m", "p.m."),
        ("They came - late.", "- late", "late"),
        ("It fell by -3 points.", "-3", "-3"),
    ],
)
def test_a_span_gets_the_edges_a_reader_would_give_it(text: str, marked: str, want: str) -> None:
    start = text.index(marked)
    first, last = tidied(text, start, start + len(marked))
    assert text[first:last] == want


def test_punctuation_alone_stays_as_it_is() -> None:
    assert tidied("a ... b", 2, 5) == (2, 5)


@given(st.text(alphabet='a1 .,%$()"“”-−°é🙂U.S', min_size=1, max_size=40), st.data())
def test_a_tidied_span_is_inside_the_text_and_not_empty(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = tidied(text, start, end)
    assert 0 <= first < last <= len(text)
    assert first <= end
    assert start <= last


@pytest.mark.parametrize("text", ["the", "The", ".", "of the", "about", " – ", "it is"])
def test_punctuation_and_small_words_are_empty(text: str) -> None:
    assert is_empty(text)


@pytest.mark.parametrize(
    "text", ["3", "the US", "IT", "who", "fifth", "%5", "Ōtsu", "of gas", "北京"]
)
def test_a_name_a_number_or_a_noun_is_not_empty(text: str) -> None:
    assert not is_empty(text)
