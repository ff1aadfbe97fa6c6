"""Sentences: where they end, and that no character or offset is lost."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.text.sentences import sentence_at, sentences, trimmed

_FRAGMENTS = """Mr. Dr. U.S. 3.5 No. J. a A He the ! ? . … ... 。 ！？ 」 ” ’ ) ] " ' « # ##
    ``` ~~~ - 1. | <sup>1</sup> [2] é e\u0301 \u202e שלום. مرحبا؟ 🙂 👩‍👩‍👧 中文。
    \u200d \u00a0 \u3000 \u2028 \ufeff""".split()
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\x00")
texts = st.one_of(
    st.text(_characters, max_size=200),
    st.lists(
        st.one_of(
            st.sampled_from([*_FRAGMENTS, " ", "\n", "\n\n", "\r\n", "\t"]), st.text(max_size=40)
        )
    ).map("".join),
)


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        # abbreviations and initials
        ["Dr. Smith met Mr. Jones Jr. at noon.", "They talked."],
        ["The firm Acme Inc. said so.", "It was right."],
        ["Jan. 5 was cold.", "It snowed."],
        ["See Fig. 3 and No. 5 of it.", "It rose."],
        ["The answer is no.", "That is final."],
        ["J. K. Rowling wrote it.", "He read it."],
        ["George W. Bush and John F. Kennedy spoke.", "The room was full."],
        # full stops inside a word
        ["It rose by 3.5 percent.", "That was much."],
        ["The U.S. economy grew.", "The U.S. Senate did not."],
        ["He lived in the U.S.", "The dollar fell."],
        ["At 5 p.m. the train left.", "It was late."],
        ["Read example.org/a.b for more.", "It is long."],
        # numbers at the end are no abbreviations
        ["It was founded in 1999.", "The rest is known."],
        ["He paid $5.", "Three men came."],
        # quotes and brackets after the full stop
        ['"We agree."', "He left."],
        ["He said “yes.”", "Then he left."],
        ["«Oui.»", "Then he left."],
        ["(It was late.)", "He left."],
        # other marks
        ["Wait... what?", "No…", "Yes!"],
        ["“Is it so?” he asked.", "It was."],
        ["What?!", "Really?!"],
        ["Wait… and go on."],
        ["Hi!Go on"],
        # CJK needs no white space
        ["中文句子。", "真的吗？！", "「是的。」", "好"],
        # footnote marks belong to the sentence before them
        ["It works.<sup>1</sup>", "Next.[2]", "Both.<sup>[3]</sup>[4]", "End."],
    ],
    ids=lambda expected: " | ".join(expected),
)
def test_a_text_is_split_into_its_sentences(expected: list[str]) -> None:
    joint = "" if "。" in expected[0] else " "
    assert split(joint.join(expected)) == expected


def test_items_of_a_list_are_not_joined() -> None:
    items = [
        "The reasons are these:",
        "- One thing",
        "* Another thing",
        "1. First",
        "2) Second. With more.",
        "• Last",
    ]
    assert split("\n".join(items)) == [*items[:4], "2) Second.", "With more.", "• Last"]


def test_a_number_that_opens_a_list_item_ends_no_sentence() -> None:
    assert split("12. The line carries gas. It is full.") == [
        "12. The line carries gas.",
        "It is full.",
    ]


def test_lines_of_wrapped_text_are_one_sentence() -> None:
    wrapped = (
        "The pipeline, which was opened in 2019 by the\ntwo presidents, carries gas from the "
        "fields in\nthe east."
    )
    assert split(wrapped) == [wrapped]


def test_short_lines_are_paragraphs() -> None:
    assert split("Gas prices\nFirst quarter\nAll figures in euros") == [
        "Gas prices",
        "First quarter",
        "All figures in euros",
    ]


def test_long_lines_are_paragraphs() -> None:
    # 27 words of 5 characters and a space are 162: wider than any text is wrapped.
    line = "Words" + " words" * 26
    assert split(f"{line}\n{line}") == [line, line]


def test_a_blank_line_ends_a_sentence() -> None:
    assert split("Without a full stop\n \t\nanother") == ["Without a full stop", "another"]


def test_a_line_may_end_in_carriage_return() -> None:
    assert split("One.\r\n\r\nTwo.\r\n") == ["One.", "Two."]


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n"])
def test_white_space_has_no_sentence(text: str) -> None:
    assert sentences(text) == []


def test_only_the_range_asked_for_is_split() -> None:
    text = "One. Two. Three."
    assert [text[start:end] for start, end in sentences(text, 5, 9)] == ["Two."]


def test_the_sentences_around_a_span_are_whole() -> None:
    text = "One is here. Two is there. Three is gone."
    assert sentence_at(text, 17, 19) == (13, 26)  # "is" of the second
    assert sentence_at(text, 7, 15) == (0, 26)  # from "here" into "Two"
    assert sentence_at(text, 12, 13) == (12, 13)  # the space between two sentences


@pytest.mark.parametrize(
    "unit", [".", "!?", "…", "(.)", "a. ", "# # ", "#", " ", '."', ".[1]", "。", "A.", "\n# "]
)
def test_a_long_run_of_one_mark_takes_no_time(unit: str) -> None:
    # 100,000 characters in milliseconds; a pattern that tries every start against every end takes
    # minutes.
    started = time.perf_counter()
    for text in (unit * (100_000 // len(unit)) + "x", "# " + unit * (100_000 // len(unit)) + "x"):
        sentences(text)
    assert time.perf_counter() - started < 10


@given(texts)
def test_sentences_are_ordered_trimmed_and_hold_every_character(text: str) -> None:
    spans = sentences(text)
    held: set[int] = set()
    reached = 0
    for start, end in spans:
        assert reached <= start < end <= len(text)
        assert trimmed(text, start, end) == (start, end)
        held.update(range(start, end))
        reached = end
    assert all(character.isspace() for at, character in enumerate(text) if at not in held)


@given(texts, st.data())
def test_the_sentences_around_a_span_hold_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    around = sentence_at(text, start, end)
    assert around[0] <= start <= end <= around[1]


@pytest.mark.parametrize(
    "text",
    [
        "The lift carries max. 640 kilograms and is locked at nine.",
        "Call 408 555 3000, ext. 61200, or tel. +49 30 1234.",
        "It costs incl. 20 percent tax approx. 40 euros at an avg. 12 km a day.",
        "See no. 5, art. 6, para. 3, fig. 4, tab. 2, sect. 7 and p. 12 of vol. 2.",
        "It runs at min. temp. 5 degrees with dia. 30 mm, wt. 40 kg and excl. €5 for pos. 3.",
        "Turn it to nom. 30 mm, tol. 0.5 mm, as in ch. 4 of the manual.",
        "The fee, i.e. the price of e.g. a berth, is due.",
    ],
)
def test_an_abbreviation_before_a_number_or_a_small_letter_ends_no_sentence(text: str) -> None:
    assert [text[start:end] for start, end in sentences(text)] == [text]


def test_a_word_that_may_be_an_abbreviation_ends_a_sentence_before_a_capital() -> None:
    text = "This is the max. Nobody lifts more, and I say no. We go by tel. Call us."
    assert [text[start:end] for start, end in sentences(text)] == [
        "This is the max.",
        "Nobody lifts more, and I say no.",
        "We go by tel.",
        "Call us.",
    ]
