"""The title of a document: which of the names that a file offers is one."""

import pytest

from corpus.text_blocks import text_blocks
from corpus.titles import TitleKind, document_title, readable_name

TEXT = "# Rules of the harbour\n\nThe quay is lit until ten, and ferries moor at the north pier."


def title(
    stated: str | None,
    kind: TitleKind = TitleKind.PROPERTY,
    *,
    text: str = TEXT,
    site: str | None = None,
    file_name: str = "harbour_rules.pdf",
) -> str | None:
    return document_title(
        stated, kind, site=site, text=text, blocks=text_blocks(text), file_name=file_name
    )


@pytest.mark.parametrize(
    "stated",
    [
        None,
        "",
        "NAME",
        "Name",
        "MP-IDSA",
        "Microsoft Word - draft3.doc",
        "Microsoft PowerPoint - Presentation1",
        "untitled",
        "Untitled-1",
        "Slide 1",
        "Sheet1",
        "PowerPoint Presentation",
        "Click to edit Master title style",
        "index",
        "C:\\Users\\ann\\Desktop\\rules.docx",
        "/home/ann/rules.tex",
        "rules_v3.indd",
        "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
        "9f86d081884c7d659a2feaa0c55ad015",
        "2024-05-03",
        "IMG_1234",
        "Letterhead of Smith and Sons",
    ],
)
def test_a_stated_title_that_is_none_gives_way_to_the_first_heading(stated: str) -> None:
    assert title(stated) == "Rules of the harbour"


def test_a_stated_title_that_occurs_in_the_text_is_kept() -> None:
    assert title("Ferries at the north pier") == "Ferries at the north pier"
    assert title("Microsoft Word - Ferries at the pier") == "Ferries at the pier"


def test_a_title_that_a_person_chose_is_never_doubted() -> None:
    assert title("NAME", TitleKind.CHOSEN) == "NAME"


def test_a_page_may_have_a_title_that_is_not_in_its_text() -> None:
    assert title("Opening times", TitleKind.PAGE) == "Opening times"


@pytest.mark.parametrize(
    ("stated", "site", "expected"),
    [
        ("Opening times | Harbour Museum", "Harbour Museum", "Opening times"),
        ("Opening times - Harbour Museum", "harbourmuseum.org", "Opening times"),
        ("Harbour Museum: Opening - times", "harbour", "Harbour Museum: Opening - times"),
        ("HARBOUR MUSEUM » Opening times", "Harbour Museum", "Opening times"),
        ("Rules of the Harbour — The Gazette", None, "Rules of the Harbour"),
        ("Home | Harbour Museum", "Harbour Museum", "Rules of the harbour"),
        ("Home | Harbour Museum", None, "Rules of the harbour"),
        ("Harbour Museum", "Harbour Museum", "Rules of the harbour"),
        ("Opening times | Harbour Museum", None, "Opening times | Harbour Museum"),
    ],
)
def test_the_name_of_a_site_is_no_part_of_a_title(
    stated: str, site: str | None, expected: str
) -> None:
    assert title(stated, TitleKind.PAGE, site=site) == expected


def test_headings_that_are_no_titles_are_skipped() -> None:
    text = "# NAME\n\nls\n\n## Contents\n\n### Listing folders\n\nIt lists."
    assert title(None, text=text) == "Listing folders"


def test_without_headings_a_first_line_that_stands_alone_is_the_title() -> None:
    assert title(None, text="Listing folders\n\nIt lists folders.") == "Listing folders"
    text = "It lists folders and what is in them.\n\nIt is quick."
    assert title(None, text=text) == "Harbour rules"


def test_a_title_that_does_not_occur_is_better_than_none() -> None:
    text = "It lists folders.\nIt is quick."
    assert title("Ferries and piers", text=text, file_name="a1.pdf") == "Ferries and piers"
    assert title("index", text=text, file_name="a1.pdf") is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("harbour_rules.pdf", "Harbour rules"),
        ("north-pier-2024.final.docx", "North pier 2024 final"),
        ("Annual Report - 2024.pdf", "Annual Report - 2024"),
        ("north%20pier.html", "North pier"),
        ("folder/sub/pier.txt", "Pier"),
        ("scan_0001.pdf", None),
        ("index.html", None),
        ("20240503.txt", None),
        ("9f86d081884c7d659a2feaa0c55ad015.pdf", None),
        ("a.txt", None),
    ],
)
def test_the_name_of_a_file_is_made_readable(name: str, expected: str | None) -> None:
    assert readable_name(name) == expected
