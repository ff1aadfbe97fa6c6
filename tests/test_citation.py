"""Citations: verified against the store before anybody sees them, and checked again whenever
somebody asks.
"""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import Document, Page
from corpus.errors import NotFoundError
from index.collection import Collection
from service.answering.citation import Citation, CitationError, cite
from service.answering.verification import QuoteStatus, verify
from service.reader.span import Kind, Span

TEXT = "The Otter Bridge 🦦 was opened in 1931. It is 212 metres long."
QUOTE = "212 metres"
START = TEXT.index(QUOTE)
SENTENCE = TEXT.index("It is"), len(TEXT)

Make = Callable[..., Document]
Open = Callable[..., Collection]


@pytest.fixture
def collection(open_collection: Open, make: Make) -> Collection:
    opened = open_collection()
    pages = [Page(1, 0, 30), Page(2, 30, len(TEXT))]
    opened.put(
        [
            make(
                "check/otter",
                TEXT,
                title="The Otter Bridge",
                url="https://example.org/otter",
                pages=pages,
            )
        ]
    )
    return opened


def span_of(collection: Collection) -> Span:
    """The quote, as a reader finds it."""
    (hit,) = collection.searcher.search("How long is the bridge?", 1).hits
    return Span(hit, Kind.SHORT, START, START + len(QUOTE), *SENTENCE, 1.0, {})


def test_a_citation_quotes_its_document(collection: Collection) -> None:
    (citation,) = cite(collection.store, [span_of(collection)])
    document = collection.store.document("check/otter")
    assert document.text[citation.start : citation.end] == citation.quote == QUOTE
    assert document.text[citation.sentence_start : citation.sentence_end] == citation.sentence
    assert citation.sentence == "It is 212 metres long."
    assert (citation.version, citation.title, citation.url) == (
        document.version,
        document.title,
        document.url,
    )


def test_citations_are_numbered_from_one_in_order(collection: Collection) -> None:
    span = span_of(collection)
    assert [citation.number for citation in cite(collection.store, [span, span, span])] == [1, 2, 3]


def test_a_citation_names_the_page_on_which_its_quote_begins(collection: Collection) -> None:
    span = span_of(collection)
    early = replace(span, start=0, end=9, sentence_start=0)
    across = replace(span, start=25, sentence_start=0)
    assert [citation.page for citation in cite(collection.store, [span, early, across])] == [
        2,
        1,
        1,
    ]


def test_a_document_without_pages_has_no_page_to_cite(collection: Collection, make: Make) -> None:
    collection.put([make("check/otter", TEXT + " It stands.")])
    assert cite(collection.store, [span_of(collection)])[0].page is None


@pytest.mark.parametrize(
    "lie",
    [
        {"start": START + len(QUOTE)},  # nothing is quoted
        {"start": 0},  # the quote is not in its sentence
        {"end": len(TEXT) + 5, "sentence_end": len(TEXT) + 5},  # past the end
    ],
)
def test_a_span_that_is_no_place_of_its_sentence_is_a_bug(
    lie: dict[str, int], collection: Collection
) -> None:
    span = replace(span_of(collection), **lie)  # type: ignore[arg-type]  # offsets, all of them
    with pytest.raises(CitationError):
        cite(collection.store, [span])


def test_a_passage_that_is_not_the_documents_text_is_a_bug(collection: Collection) -> None:
    span = span_of(collection)
    chunk = span.hit.chunk
    shifted = replace(chunk, start=chunk.start + 1, end=chunk.end + 1)
    altered = replace(chunk, text=chunk.text.replace("212", "999"))
    for wrong in (shifted, altered):
        hit = replace(span.hit, stored=replace(span.hit.stored, chunk=wrong))
        with pytest.raises(CitationError, match="was read at"):
            cite(collection.store, [replace(span, hit=hit)])


def test_a_document_deleted_after_it_was_read_is_not_found(collection: Collection) -> None:
    span = span_of(collection)
    collection.remove(["check/otter"])
    with pytest.raises(NotFoundError):
        cite(collection.store, [span])


def test_a_document_updated_after_it_was_read_is_cited_as_it_was_read(
    collection: Collection, make: Make
) -> None:
    span = span_of(collection)
    collection.put([make("check/otter", "It was torn down.")])
    (citation,) = cite(collection.store, [span])
    old = collection.store.document("check/otter", citation.version)
    assert old.text[citation.start : citation.end] == QUOTE


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50))
def test_a_link_names_document_version_and_place_whatever_the_id(id: str) -> None:
    link = Citation(1, id, "ab12", "", None, None, None, 3, 7, "", 0, 9, "").link
    parts = urlsplit(link)
    assert unquote(parts.path) == f"/documents/{id}"
    assert (parts.query, parts.fragment) == ("version=ab12", "3-7")
    assert link.isascii()


def test_a_quote_at_its_place_is_found(collection: Collection) -> None:
    verdict = verify(collection.store, "check/otter", START, START + len(QUOTE), QUOTE)
    version = collection.store.document("check/otter").version
    assert (verdict.status, verdict.version) == (QuoteStatus.FOUND, version)
    assert (verdict.start, verdict.end) == (START, START + len(QUOTE))


def test_a_quote_that_stands_elsewhere_has_moved_to_the_nearest_place(
    collection: Collection, make: Make
) -> None:
    text = "It is 212 metres. We measured: 212 metres, and once more 212 metres."
    collection.put([make("check/otter", text)])
    verdict = verify(collection.store, "check/otter", START, START + len(QUOTE), QUOTE)
    nearest = min((6, 31, 57), key=lambda place: abs(place - START))
    assert (verdict.status, verdict.start, verdict.end) == (
        QuoteStatus.MOVED,
        nearest,
        nearest + len(QUOTE),
    )
    assert text[verdict.start : verdict.end] == QUOTE


def test_a_quote_that_stands_nowhere_has_changed(collection: Collection, make: Make) -> None:
    collection.put([make("check/otter", TEXT.replace("212", "215"))])
    verdict = verify(collection.store, "check/otter", START, START + len(QUOTE), QUOTE)
    assert (verdict.status, verdict.start, verdict.end) == (QuoteStatus.CHANGED, None, None)


def test_a_quote_of_a_deleted_document_is_gone(collection: Collection) -> None:
    collection.remove(["check/otter"])
    verdict = verify(collection.store, "check/otter", START, START + len(QUOTE), QUOTE)
    assert (verdict.status, verdict.version) == (QuoteStatus.GONE, None)
