"""Data, reStructuredText, MDX and rich text."""

import json
from datetime import date

import pytest

from corpus.blocks import BlockKind
from corpus.formats.data import read_json, read_jsonl
from corpus.formats.extracted import Extracted
from corpus.formats.markdown import read_mdx
from corpus.formats.restructured import read_rst
from corpus.formats.rich_text import read_rtf
from corpus.limits import ParseLimits
from corpus.load import UploadTask
from corpus.pool import ParserPool


def of_kind(extracted: Extracted, kind: BlockKind) -> list[str]:
    return [extracted.text[each.start : each.end] for each in extracted.blocks if each.kind is kind]


def test_objects_are_fields_under_headings_and_lists_of_objects_are_tables() -> None:
    value = {
        "name": "Quay",
        "open": True,
        "owner": {"first": "Ann", "address": {"city": "Bonn"}},
        "tags": ["old", "stone"],
        "ships": [{"name": "Ida", "crew": 12}, {"name": "Eva", "crew": 14}],
    }
    extracted = read_json("a.json", json.dumps(value).encode())
    assert extracted.text == (
        "name: Quay\nopen: true\n\n# owner\n\nfirst: Ann\n\n## owner.address\n\ncity: Bonn\n\n"
        "# tags\n\n- old\n- stone\n\n# ships\n\nname | crew\nIda | 12\nEva | 14"
    )
    assert extracted.title == "Quay"
    assert of_kind(extracted, BlockKind.HEADING) == ["owner", "owner.address", "tags", "ships"]


def test_numbers_stay_as_they_are_written() -> None:
    digits = "9" * 10_000
    data = b'{"price": 1.10, "big": %s, "tiny": 1e-7}' % digits.encode()
    assert read_json("a.json", data).text == f"price: 1.10\nbig: {digits}\ntiny: 1e-7"


def test_what_is_not_json_is_kept_as_text_with_a_note() -> None:
    extracted = read_json("a.json", b'{"a": 1} // the end')
    assert extracted.text == '{"a": 1} // the end'
    assert "is not valid JSON (line 1: Extra data)" in extracted.notes[0]


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000])
def test_json_nested_too_deeply_for_a_parser_is_kept_as_text(data: bytes) -> None:
    extracted = read_json("a.json", data)
    assert len(extracted.text) == len(data)
    assert extracted.notes


def test_json_nested_too_deeply_for_headings_is_kept_on_one_line() -> None:
    extracted = read_json("a.json", b'{"a":' * 60 + b'"end"' + b"}" * 60)
    assert len(of_kind(extracted, BlockKind.HEADING)) == 20
    assert '"end"' in of_kind(extracted, BlockKind.FIELD)[0]


def test_json_lines_that_are_alike_are_one_table() -> None:
    data = b'{"name": "Ida", "crew": 12}\n\n{"name": "Eva", "crew": 14}\n'
    for extracted in (read_jsonl("a.jsonl", data), read_json("a.json", data)):
        assert extracted.text == "name | crew\nIda | 12\nEva | 14"


def test_a_line_that_is_not_json_is_kept_and_counted() -> None:
    extracted = read_jsonl("a.jsonl", b'{"a": "x", "b": 1}\n{"a": "y", "b": 2}\n{broken\n')
    assert extracted.text == "a | b\nx | 1\ny | 2\n\n{broken"
    assert extracted.notes == ("1 of 3 lines are not valid JSON and kept as text.",)


RST = """
Quays
=====

:Date: 2025-11-07

Walls
-----

A *stone* wall, see :ref:`the plan <plan>` and :class:`~quay.Wall`.

- one

  - deep

====  ====
Name  Crew
====  ====
Ida   12
====  ====

mole
  a wall in the sea

.. versionadded:: 3.2
   It was built anew.

.. include:: /etc/passwd

.. raw:: html

   <b>raw</b>
"""


def test_rst_keeps_its_structure_without_its_markup() -> None:
    extracted = read_rst("a.rst", RST.encode())
    assert extracted.title == "Quays"
    assert extracted.published == date(2025, 11, 7)
    assert of_kind(extracted, BlockKind.HEADING) == ["Quays", "Walls"]
    assert of_kind(extracted, BlockKind.LIST_ITEM) == ["one", "deep"]
    assert of_kind(extracted, BlockKind.ROW) == ["Name | Crew", "Ida | 12"]
    assert "A stone wall, see the plan and Wall." in extracted.text
    assert "mole: a wall in the sea" in extracted.text


def test_directives_of_sphinx_keep_their_content() -> None:
    assert "It was built anew." in read_rst("a.rst", RST.encode()).text


def test_rst_reads_no_other_file_and_no_raw_markup() -> None:
    extracted = read_rst("a.rst", RST.encode())
    assert "root:" not in extracted.text
    assert "raw" not in extracted.text
    assert extracted.notes == ("Files that it includes are left out.",)


@pytest.mark.processes
@pytest.mark.parametrize(
    "text",
    [
        ".. |a| replace:: |a|\n\n|a|\n",
        "".join(f".. |a{n}| replace:: {f'|a{n + 1}| ' * 9}\n" for n in range(9)) + "\n|a0|\n",
        "".join("  " * n + "- x\n\n" for n in range(400)),
    ],
)
def test_rst_that_nests_or_repeats_itself_ends_in_time(text: str) -> None:
    with ParserPool(1, ParseLimits(seconds=20.0)) as pool:
        (result,) = pool.parse([UploadTask("a.rst", text.encode())])
    assert result.document or result.error


def test_mdx_keeps_its_text_without_components_and_imports() -> None:
    data = (
        b'---\ntitle: Cards\n---\nimport { Card } from "x"\n\n# Head\n\n<Card title="a">\nIn a '
        b"*card*.\n</Card>\n\nText <Badge>new</Badge>{/* not this */}.\n\n```jsx\n<Foo/>\n```\n"
    )
    extracted = read_mdx("a.mdx", data)
    assert extracted.text == "# Head\n\nIn a card.\n\nText new.\n\n    <Foo/>"
    assert extracted.title == "Cards"


def test_rich_text_keeps_its_text_tables_title_and_date() -> None:
    extracted = read_rtf(
        "a.rtf",
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}{\info{\title My Plan}"
        rb"{\creatim\yr2024\mo5\dy6}}Hello \b w\'f6rld\b0 .\par Five \u8364? each\par"
        rb"\trowd\cellx1\cellx2\intbl Name\cell Crew\cell\row\trowd\intbl Ida\cell 12\cell\row\pard"
        rb" End {\v hidden}{\strike gone}\par 1. one\par 2. two\par}",
    )
    assert extracted.text == (
        "Hello wörld.\n\nFive € each\n\nName | Crew\nIda | 12\n\nEnd\n\n1. one\n2. two"
    )
    assert extracted.title == "My Plan"
    assert extracted.published == date(2024, 5, 6)
    assert of_kind(extracted, BlockKind.ROW) == ["Name | Crew", "Ida | 12"]


def test_a_million_braces_of_rich_text_cost_little() -> None:
    assert read_rtf("a.rtf", b"{\\rtf1 Text" + b"{" * 1_000_000).text == "Text"
