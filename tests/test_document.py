"""Documents: every field is checked, and the text is kept exactly."""

import hashlib
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import (
    MAX_ID_LENGTH,
    MAX_TAGS,
    Page,
    first_line,
    make_document,
    page_of,
    version_of,
)
from corpus.errors import DocumentError

TEXT = "The line carries 38 bcm."


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1))
def test_the_text_is_kept_exactly(text: str) -> None:
    if text.strip():
        assert make_document(text).text == text


def test_the_version_is_the_sha256_of_the_text() -> None:
    assert make_document("é").version == hashlib.sha256(b"\xc3\xa9").hexdigest() == version_of("é")


def test_the_default_id_depends_only_on_the_text() -> None:
    assert make_document(TEXT).id == make_document(TEXT).id == f"text-{version_of(TEXT)[:16]}"
    assert make_document(TEXT).id != make_document(TEXT + "!").id


@pytest.mark.parametrize(
    ("document_id", "reason"),
    [
        ("", "the id is empty"),
        ("  ", "the id is empty"),
        ("x" * (MAX_ID_LENGTH + 1), "the id has 201 characters; at most 200 are allowed"),
        ("a\nb", "control character"),
        ("a\x00b", "NUL"),
        ("a\udc80b", "unpaired surrogate"),
        ("..", "no address can reach"),
        ("reports/./q3", "no address can reach"),
    ],
)
def test_a_wrong_id_is_refused(document_id: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason):
        make_document(TEXT, document_id=document_id)


def test_an_id_of_200_characters_is_accepted() -> None:
    assert make_document(TEXT, document_id="x" * MAX_ID_LENGTH).id == "x" * MAX_ID_LENGTH


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has no text"),
        (" \n\t", "has no text"),
        ("a\x00b", "NUL"),
        ("a\ud800b", "unpaired surrogate at character 1"),
    ],
)
def test_an_invalid_text_is_refused_with_the_id(text: str, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        make_document(text, document_id="notes.txt")
    assert caught.value.source == "notes.txt"


def test_the_default_title_is_the_first_line() -> None:
    assert make_document("\n\n## Gas  \nmore").title == "Gas"
    assert make_document(TEXT, title=" Gas \n report ").title == "Gas report"
    assert make_document(TEXT, title="  ").title == TEXT


def test_a_long_first_line_is_cut_between_words() -> None:
    # 24 words of 5 characters and a space are 144; 120 hold 20 of them.
    assert first_line("words " * 24) == " ".join(["words"] * 20) + "…"


def test_tags_are_sorted_without_duplicates_or_blanks() -> None:
    assert make_document(TEXT, tags=["gas", " ", "china", "gas"]).tags == ("china", "gas")


@pytest.mark.parametrize(
    "tags", [["x" * 101], [str(number) for number in range(MAX_TAGS + 1)], ["a\x00"]]
)
def test_wrong_tags_are_refused(tags: list[str]) -> None:
    with pytest.raises(DocumentError, match="tag"):
        make_document(TEXT, tags=tags)


def test_a_title_or_url_that_is_too_long_is_refused() -> None:
    with pytest.raises(DocumentError, match="the title has 501 characters"):
        make_document(TEXT, title="x" * 501)
    with pytest.raises(DocumentError, match="the url has 2001 characters"):
        make_document(TEXT, url="x" * 2001)


@pytest.mark.parametrize(
    "url",
    [
        *("https://example.org", "http://example.org:8080/a?b=c#d", "HTTPS://EXAMPLE.ORG/ö"),
        *("https://user@example.org/", "http://[2001:db8::1]/", "http://localhost/x%20y"),
    ],
)
def test_web_addresses_are_kept(url: str) -> None:
    assert make_document(TEXT, url=f" {url}\n").url == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            "\x01javascript:x",
        ),
        *("data:text/html,<script>", "vbscript:x", "file:///etc/passwd", "ftp://example.org"),
        *("mailto:a@example.org", "//example.org", "/a", "example.org", "https:", "https://"),
        *(
            "https:///a",
            "https:example.org",
            "http://[::1",
            "http://a:x",
            "http://a:99999",
            "blob:x",
        ),
        *("view-source:https://example.org", "https://a b", "https://a/\tb", "https://a/\x7f"),
        *(
            "https://a\\@b",
            "https://a/\u202eb",
            "https://a/\u200bb",
            "https://a/\u2028b",
            "http\n://a",
        ),
        *('https://a/"onclick=x', "https://a/<script>", "\u00a0https://a/\u00a0b"),
    ],
)
def test_what_no_link_may_lead_to_is_refused(url: str) -> None:
    with pytest.raises(DocumentError, match="the url is not a web address"):
        make_document(TEXT, url=url)


def test_a_blank_url_is_none() -> None:
    assert make_document(TEXT, url=" \n").url is None


def test_an_offset_is_on_the_last_page_that_starts_at_or_before_it() -> None:
    document = make_document("one\n\ntwo", pages=[Page(1, 0, 3), Page(4, 5, 8)])
    assert [document.page_of(offset) for offset in (0, 3, 4, 5, 7)] == [1, 1, 1, 4, 4]


def test_an_offset_before_the_first_page_is_on_no_page() -> None:
    assert make_document(TEXT).page_of(3) is None
    assert page_of([Page(1, 2, 5)], 1) is None


def test_a_document_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(DocumentError("a.pdf", "is encrypted")))
    assert (str(error), error.source, error.reason) == (
        "a.pdf: is encrypted",
        "a.pdf",
        "is encrypted",
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("letters/2024/Réponse.pdf", "Réponse.pdf"),
        ("a\nb.txt", "a\ufffdb.txt"),
        ("\udcffa.txt", "\ufffda.txt"),
        ("x" * 300, "x" * 255),
    ],
)
def test_a_file_name_has_no_folders_and_can_be_stored_and_shown(given: str, kept: str) -> None:
    assert make_document(TEXT, file_name=given).file_name == kept
