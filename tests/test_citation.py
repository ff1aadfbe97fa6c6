"""Citations: verified against the store before anybody sees them, and checked again whenever
somebody asks.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.document import Document, Page
from corpus.errors import NotFoundError
from index.collection import Collection
from service.answering.citation import Citation, CitationError, citation_link, cite
from service.answering.verification import QuoteStatus, verify
from service.reader.form import AnswerForm
from service.reader.span import Span

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
    return Span(hit, AnswerForm.SHORT, START, START + len(QUOTE), *SENTENCE, 1.0, {})


def cited(collection: Collection, spans: Sequence[Span]) -> tuple[Citation, ...]:
    """The citations of one answer."""
    (citations,) = cite(collection.store, [spans])
    return citations


def test_a_citation_quotes_its_document(collection: Collection) -> None:
    (citation,) = cited(collection, [span_of(collection)])
    document = collection.store.document("check/otter")
    assert document.text[citation.start : citation.end] == citation.quote == QUOTE
    sentence = citation.sentence
    assert document.text[sentence.start : sentence.end] == sentence.text == "It is 212 metres long."
    assert (citation.version, citation.title, citation.url) == (
        document.version,
        document.title,
        document.url,
    )


def test_citations_are_numbered_from_one_in_each_answer(collection: Collection) -> None:
    span = span_of(collection)
    groups = cite(collection.store, [[span, span], [span, span, span]])
    assert [[citation.number for citation in group] for group in groups] == [[1, 2], [1, 2, 3]]


def test_a_citation_names_the_page_on_which_its_quote_begins(collection: Collection) -> None:
    span = span_of(collection)
    early = replace(span, start=0, end=9, sentence_start=0)
    across = replace(span, start=25, sentence_start=0)
    late = replace(span, sentence_start=0)  # its sentence begins a page earlier
    pages = [citation.page for citation in cited(collection, [span, early, across, late])]
    assert pages == [2, 1, 1, 2]


def test_a_document_without_pages_has_no_page_to_cite(collection: Collection, make: Make) -> None:
    collection.put([make("check/otter", TEXT + " It stands.")])
    assert cited(collection, [span_of(collection)])[0].page is None


@pytest.mark.parametrize(
    "lie",
    [
        {"start": START + len(QUOTE)},  # nothing is quoted
        {"start": 0},  # the quote is longer than its sentence
        {"start": SENTENCE[0] - 9, "end": SENTENCE[0] - 4},  # the quote lies before its sentence
        {"end": len(TEXT) + 5, "sentence_end": len(TEXT) + 5},  # past the end
    ],
)
def test_a_quote_that_is_not_inside_its_sentence_is_a_bug(
    lie: dict[str, int], collection: Collection
) -> None:
    span = replace(span_of(collection), **lie)  # type: ignore[arg-type]  # offsets, all of them
    with pytest.raises(CitationError):
        cite(collection.store, [[span]])


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("212", "999"),  # in the quote
        ("metres long", "metres wide"),  # in its sentence, outside the quote
    ],
)
def test_a_passage_that_was_read_differently_from_how_it_is_stored_is_a_bug(
    stored: str, read: str, collection: Collection
) -> None:
    span = span_of(collection)
    altered = replace(span.hit.chunk, text=span.hit.chunk.text.replace(stored, read))
    hit = replace(span.hit, stored=replace(span.hit.stored, chunk=altered))
    with pytest.raises(CitationError, match="was read at"):
        cite(collection.store, [[replace(span, hit=hit)]])


def test_a_passage_with_wrong_offsets_is_a_bug(collection: Collection) -> None:
    span = span_of(collection)
    chunk = span.hit.chunk
    shifted = replace(chunk, start=chunk.start + 1, end=chunk.end + 1)
    hit = replace(span.hit, stored=replace(span.hit.stored, chunk=shifted))
    with pytest.raises(CitationError, match="was read at"):
        cite(collection.store, [[replace(span, hit=hit)]])


def test_a_document_deleted_after_it_was_read_is_not_found(collection: Collection) -> None:
    span = span_of(collection)
    collection.remove(["check/otter"])
    with pytest.raises(NotFoundError):
        cited(collection, [span])


def test_a_document_updated_after_it_was_read_is_cited_as_it_was_read(
    collection: Collection, make: Make
) -> None:
    span = span_of(collection)
    collection.put([make("check/otter", "It was torn down.")])
    (citation,) = cited(collection, [span])
    old = collection.store.document("check/otter", citation.version)
    assert old.text[citation.start : citation.end] == QUOTE


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=50))
def test_a_link_names_document_version_and_place_whatever_the_id(id: str) -> None:
    link = citation_link(id, "ab12", 3, 7)
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
