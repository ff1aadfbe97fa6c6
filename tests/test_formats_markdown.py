"""Markdown: the front matter is checked, and the rest becomes plain text."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.blocks import BlockKind
from corpus.formats.clean import clean_text
from corpus.formats.markdown import markdown_prose, read_markdown
from corpus.load import parse_document

FRONT_MATTER = """---
id: gas-2025
title: "Gas: a report"
date: 2025-11-07
url: https://example.org/gas
tags: [gas, china]
author: somebody
---
# Heading

Text.
"""


def test_front_matter_gives_the_metadata_of_the_document() -> None:
    extracted = read_markdown("a.md", FRONT_MATTER.replace("\n", "\r\n").encode("utf-8-sig"))
    assert extracted.id == "gas-2025"
    assert extracted.title == "Gas: a report"
    assert extracted.published == date(2025, 11, 7)
    assert extracted.url == "https://example.org/gas"
    assert extracted.tags == ("gas", "china")
    assert extracted.text == "# Heading\n\nText."


@pytest.mark.parametrize(
    ("line", "tags"),
    [
        ("tags: gas, china", ("gas", "china")),
        ("tags: [2024, 'a b']", ("2024", "a b")),
        ("tags:", ()),
        ("tags: []", ()),
    ],
)
def test_tags_are_a_list_or_one_string_with_commas(line: str, tags: tuple[str, ...]) -> None:
    assert read_markdown("a.md", f"---\n{line}\n---\nText.".encode()).tags == tags


@pytest.mark.parametrize(
    "stated", ["2025-11-07", "'2025-11-07'", "2025-11-07T10:00:00Z", "2025-11-07 10:00:00"]
)
def test_a_date_may_carry_a_time(stated: str) -> None:
    assert read_markdown("a.md", f"---\ndate: {stated}\n---\nText.".encode()).published == date(
        2025, 11, 7
    )


def test_published_takes_precedence_over_date() -> None:
    data = b"---\ndate: 2025-01-01\npublished: 2025-11-07\n---\nText."
    assert read_markdown("a.md", data).published == date(2025, 11, 7)


@pytest.mark.parametrize(
    ("front_matter", "note"),
    [
        ("date: 2025-13-45", "date '2025-13-45' is not a date and is left out"),
        ("date: 5/6/2024", "date '5/6/2024' is not a date"),
        ("published: 20251107", "published '20251107' is not a date"),
        ("date: [2025-11-07]", "date is a list, not a line"),
        ("title: {a: b}", "title is a mapping, not a line"),
        ("id: [a]", "id is a list, not a line"),
        ("tags: {a: b}", "tags are not a list of words"),
        ("tags: [[a]]", "tags are not a list of words"),
    ],
)
def test_a_field_that_is_not_valid_is_left_out_with_a_note(front_matter: str, note: str) -> None:
    extracted = read_markdown("a.md", f"---\n{front_matter}\n---\nText.".encode())
    assert extracted.text == "Text."
    assert (extracted.title, extracted.published, extracted.id, extracted.tags) == (
        None,
        None,
        None,
        (),
    )
    (only,) = extracted.notes
    assert note in only


@pytest.mark.parametrize("front_matter", ["{title: open", "- a\n- b", "[" * 1_500])
def test_front_matter_that_is_not_yaml_stays_in_the_text_with_a_note(front_matter: str) -> None:
    extracted = read_markdown("a.md", f"---\n{front_matter}\n---\nText.".encode())
    assert "Text." in extracted.text
    assert front_matter.split()[-1].strip("-'") in extracted.text
    (only,) = extracted.notes
    assert "is part of the text" in only


def test_front_matter_of_simple_lines_may_hold_colons() -> None:
    lines = "title: Nets: how to mend them\ndate: 5 May 2024"
    extracted = read_markdown("a.md", f"---\n{lines}\n---\nText.".encode())
    assert (extracted.title, extracted.published) == ("Nets: how to mend them", date(2024, 5, 5))
    assert (extracted.text, extracted.notes) == ("Text.", ())


def test_front_matter_of_which_a_line_is_no_field_gives_its_fields_and_is_no_heading() -> None:
    front_matter = "title: 'Nets'\n\tfloats: 9\nwritten in haste\ndate: 5 May 2024"
    extracted = read_markdown("a.md", f"---\n{front_matter}\n---\nText.".encode())
    assert (extracted.title, extracted.published) == ("Nets", date(2024, 5, 5))
    assert extracted.text == (
        "title: 'Nets'\nfloats: 9\nwritten in haste\ndate: 5 May 2024\n\nText."
    )
    assert [block.kind for block in extracted.blocks] == [BlockKind.PARAGRAPH] * 2


def test_front_matter_may_be_toml() -> None:
    toml = 'title = "Nets"\ndate = 2024-05-05T10:00:00Z\ntags = ["sea"]\n[extra]\nfloats = 9'
    extracted = read_markdown("a.md", f"+++\n{toml}\n+++\nText.".encode())
    assert (extracted.title, extracted.published) == ("Nets", date(2024, 5, 5))
    assert (extracted.tags, extracted.text, extracted.notes) == (("sea",), "Text.", ())
    damaged = read_markdown("a.md", b"+++\nfloats of 9 cm\n+++\nText.")
    assert damaged.text == "floats of 9 cm\n\nText."
    assert "is not TOML and is part of the text" in damaged.notes[0]


@pytest.mark.parametrize(
    "start", ["---\n\nText\n\n---\n", "Text\n---\na: b\n---\n", "---\nno end: here\n"]
)
def test_a_rule_is_not_front_matter(start: str) -> None:
    extracted = read_markdown("a.md", start.encode())
    assert extracted.id is None
    assert "Text" in extracted.text or "no end" in extracted.text


def test_an_empty_front_matter_states_nothing() -> None:
    assert read_markdown("a.md", b"---\n# only a comment\n---\nText.").text == "Text."


def test_without_front_matter_the_first_heading_is_the_title() -> None:
    text = b"Intro\n\n## The *gas* line\n\nText."
    assert parse_document("a.md", text).title == "The gas line"
    assert parse_document("a.md", b"No heading.").title == "No heading."


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# A\n\nB\n===\n\nC\n---", "# A\n\n# B\n\n## C"),
        ("one\ntwo\n\nthree", "one two\n\nthree"),
        ("one  \ntwo", "one\ntwo"),
        ("**bold** *it* _it_ ~~del~~ `a_b*c`", "bold it it a_b*c"),
        ("[text](http://x 'title') <http://y.z> ![alt *x*](i.png)", "text http://y.z alt x"),
        ("![logo](data:image/x-emf;base64,AAA)", "logo"),
        ("- a\n- b\n  - c\n- d", "- a\n- b\n  - c\n- d"),
        ("3. a\n4. b", "3. a\n4. b"),
        ("- a\n\n  more\n- b", "- a\n  more\n- b"),
        ("|Year|Vol|\n|-|-|\n|2024|**31** \\| 2|", "Year | Vol\n2024 | 31 2"),
        ("> quoted\n> on\n\nafter", "quoted on\n\nafter"),
        ("```sh\n# a comment\n  x\n```", "    # a comment\n      x"),
        (
            "38 m<sup>3</sup>, 10<sup>6</sup>, said.<sup>3</sup> full<sup>[2]</sup>",
            "38 m³, 10⁶, said. full",
        ),
        ("the 19<sup>th</sup> H<sub>2</sub>O[^1]", "the 19th H2O"),
        ("a < b && c > d &amp; &eacute;", "a < b && c > d & é"),
        ("<div class='x'>raw <b>html</b></div>\n\nafter", "raw html\n\nafter"),
        ("<script>\nvar x = 1\n</script>\n\nafter <!-- note --> it", "after it"),
        ("<div><style>\n\n**after**", "after"),
        ("the <title> tag", "the tag"),
        ("a<br>b", "a\nb"),
        ("***\n\na\n\n---", "a"),
        ("\\# not \\*marked\\*", "# not *marked*"),
    ],
)
def test_markup_is_removed_and_words_stay(markdown: str, text: str) -> None:
    assert markdown_prose(markdown).text == text


def test_a_line_of_code_is_never_a_heading() -> None:
    prose = markdown_prose("```\n# install\n```\n\n## Real").text
    assert [line for line in prose.splitlines() if line.startswith("#")] == ["## Real"]


WORDS = st.lists(st.from_regex(r"[a-zé0-9]{1,8}", fullmatch=True), min_size=1, max_size=30)


@given(WORDS)
def test_plain_words_are_unchanged(words: list[str]) -> None:
    assert markdown_prose(" ".join(words)).text == " ".join(words)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("#*_`[]()<>|-\n ")))
def test_any_input_gives_clean_text(text: str) -> None:
    prose = markdown_prose(text).text
    assert prose == clean_text(prose)


def test_deep_nesting_is_read() -> None:
    assert "deep" in markdown_prose("> " * 80 + "deep").text
    assert "deep" in markdown_prose("<div>" * 1_000 + "deep").text
