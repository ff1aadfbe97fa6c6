"""What somebody may not know of does not exist for them: documents of other collections and of
other groups take no position, count for nothing, and are told by no answer.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.document import Document, make_document
from corpus.errors import ConflictError, DocumentError, NotFoundError
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors
from index.filters import EVERYTHING, Filters, Scope
from index.search.allowed import AllowedChunks
from service.answering.examples import ExampleQuestions
from service.answering.service import AnswerService
from service.answering.verification import QuoteStatus, verify
from service.question import make_question
from service.reader.passage import PassageReader

Make = Callable[..., Document]
Open = Callable[..., Collection]

HR = Scope(frozenset(("default", "hr")), frozenset(("staff",)))


def in_collections(*names: str) -> Scope:
    return Scope(frozenset(names))


def for_groups(*names: str) -> Scope:
    return Scope(groups=frozenset(names))


def filled(opened: Collection, make: Make) -> Collection:
    opened.add_collection("hr", "About people")
    opened.put(
        [
            make("open", "Gas flows in the open line."),
            make("pay", "Gas pays in hr.", collection="hr"),
            make("board", "Gas is a matter of the board.", groups=["board"]),
            make("both", "Gas of hr and its board.", collection="hr", groups=["board", "owners"]),
        ]
    )
    return opened


def seen(opened: Collection, scope: Scope) -> list[str]:
    """The documents that a search of everything in a scope finds."""
    result = opened.searcher.search("gas", 50, Filters().within(scope))
    return sorted({hit.chunk.document_id for hit in result.hits})


SEEN = [
    (EVERYTHING, ["board", "both", "open", "pay"]),
    (in_collections("default"), ["board", "open"]),
    (in_collections("hr"), ["both", "pay"]),
    (for_groups(), ["open", "pay"]),
    (for_groups("owners", "staff"), ["both", "open", "pay"]),
    (Scope(frozenset(("hr",)), frozenset(("board",))), ["both", "pay"]),
    (in_collections("elsewhere"), []),
]


@pytest.mark.parametrize(("scope", "documents"), SEEN)
def test_a_search_and_every_list_have_the_documents_of_the_scope(
    open_collection: Open, make: Make, scope: Scope, documents: list[str]
) -> None:
    opened = filled(open_collection(), make)
    visible = opened.store.within(scope)
    assert seen(opened, scope) == documents
    assert [each.id for each in visible.all_documents()] == documents
    assert sorted(each.id for each in visible.newest(9)) == documents
    assert visible.overview(9).documents == len(documents)
    assert sorted(visible.summaries(["board", "both", "open", "pay"])) == documents
    assert visible.is_empty() == (not documents)
    counted = sum(each.documents for each in opened.store.collections(scope))
    assert counted == len(documents)


def test_a_document_outside_the_scope_cannot_be_told_from_one_that_never_was(
    open_collection: Open, make: Make
) -> None:
    opened = filled(open_collection(), make)
    version = opened.store.document("both").version
    visible = opened.store.within(HR)
    for document_id in ("both", "never"):
        message = f"there is no document {document_id!r}"
        for reading in (
            lambda name: visible.document(name),
            lambda name: visible.document(name, version),
            lambda name: visible.passage(name, version, 0, 3),
            lambda name: visible.file(name, version),
            lambda name: opened.remove([name], HR),
            lambda name: opened.amend(name, lambda document: document, HR),
        ):
            with pytest.raises(NotFoundError, match=message):
                reading(document_id)
        assert not visible.has_document(document_id)
        assert verify(visible, document_id, 0, 3, "Gas").status is QuoteStatus.GONE
    assert opened.store.has_document("both")


def test_filters_that_leave_only_hidden_documents_do_not_tell_that_there_are_any(
    open_collection: Open, make: Make
) -> None:
    opened = open_collection()
    opened.put([make("board", "Gas.", groups=["board"])])
    hidden = opened.searcher.search("gas", 5, Filters().within(for_groups("staff")))
    assert (hidden.hits, hidden.excluded_all) == ((), False)
    opened.put([make("open", "Gas for all.")])
    narrowed = Filters(document_ids=("board",)).within(for_groups("staff"))
    assert opened.searcher.search("gas", 5, narrowed).excluded_all


def test_a_scope_that_leaves_out_nothing_costs_no_search_anything(
    open_collection: Open, make: Make
) -> None:
    opened = open_collection()
    opened.put([make("open", "Gas.")])
    allowed = AllowedChunks(opened.store)
    scoped = Filters(tags=("x",)).within(Scope(frozenset(("default",)), frozenset()))
    assert allowed.needed(scoped, 1) == (Filters(tags=("x",)), 1)
    opened.add_collection("hr")
    opened.put([make("pay", "Gas.", collection="hr")])
    assert allowed.needed(scoped, 2) == (replace(scoped, groups=None), 2)
    opened.put([make("board", "Gas.", groups=["board"])])
    assert allowed.needed(scoped, 3) == (scoped, 3)
    opened.remove(["pay", "board"])
    assert allowed.needed(scoped, 4) == (Filters(tags=("x",)), 4)


def test_moving_and_restricting_a_document_is_seen_by_the_next_question(
    open_collection: Open, make: Make
) -> None:
    opened = filled(open_collection(), make)
    changed = opened.amend("open", lambda document: replace(document, groups=("board",)))
    assert changed.status == "updated"
    assert seen(opened, for_groups("staff")) == ["pay"]
    opened.amend("pay", lambda document: replace(document, collection="default"))
    assert seen(opened, in_collections("default")) == ["board", "open", "pay"]
    with pytest.raises(NotFoundError, match="no collection 'sales'"):
        opened.amend("pay", lambda document: replace(document, collection="sales"))


def test_a_document_keeps_its_collection_and_groups_unless_others_are_named(
    open_collection: Open, make: Make
) -> None:
    opened = filled(open_collection(), make)
    opened.put([make("both", "A new text about gas.")])
    kept = opened.store.document("both")
    assert (kept.collection, kept.groups) == ("hr", ("board", "owners"))
    opened.put([make("both", "A new text about gas.", groups=[])])
    assert opened.store.document("both").groups == ()


def test_an_id_of_another_collection_is_not_replaced_by_chance(
    open_collection: Open, make: Make
) -> None:
    opened = filled(open_collection(), make)
    with pytest.raises(ConflictError, match="a document of collection 'hr' has this id"):
        opened.put([make("new"), make("pay", "Other.", collection="default")])
    assert opened.store.document("pay").text == "Gas pays in hr."
    assert not opened.store.has_document("new")


def test_a_collection_is_removed_whole_and_with_a_receipt(
    open_collection: Open, make: Make
) -> None:
    opened = filled(open_collection(), make)
    removed = opened.remove_collection("hr")
    assert sorted(each.id for each in removed.documents) == ["both", "pay"]
    assert removed.entries == {"vectors": 2, "terms": 2}
    assert [each.name for each in opened.store.collections()] == ["default"]
    assert seen(opened, EVERYTHING) == ["board", "open"]
    with pytest.raises(NotFoundError):
        opened.remove_collection("hr")
    with pytest.raises(ConflictError, match="always exists"):
        opened.remove_collection("default")
    with pytest.raises(NotFoundError, match="no collection 'hr'"):
        opened.put([make("late", collection="hr")])


@pytest.mark.parametrize("name", ["", "a b", "a/b", "..", "a\nb", "x" * 101, "\ud800"])
def test_a_name_that_no_address_can_hold_is_refused(open_collection: Open, name: str) -> None:
    with pytest.raises(DocumentError):
        open_collection().add_collection(name)


def test_a_collection_is_created_once(open_collection: Open) -> None:
    opened = open_collection()
    created = opened.add_collection("hr", "About people", 0.8)
    assert (created.description, created.min_confidence) == ("About people", 0.8)
    for taken in ("hr", "default"):
        with pytest.raises(ConflictError):
            opened.add_collection(taken)


class _Silent:
    """An encoder that embeds nothing, in the name of another one."""

    def __init__(self, encoder: Encoder) -> None:
        self.identity, self.token_spans = encoder.identity, encoder.token_spans

    def encode(self, texts: Sequence[str]) -> Vectors:
        raise AssertionError(f"{list(texts)} was embedded again")


def test_an_index_of_before_collections_opens_without_embedding_anything_again(
    open_collection: Open, make: Make, encoder: Encoder, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    opened = open_collection(folder)
    opened.put([make("a", "Gas flows."), make("b", "Oil flows.")])
    opened.close()
    with sqlite3.connect(folder / "quoth.db") as driver:
        driver.execute("DROP TABLE collections")
        for column in ("collection", "groups"):
            driver.execute(f"DROP INDEX ix_documents_{column}")
            driver.execute(f"ALTER TABLE documents DROP COLUMN {column}")
    driver.close()
    again = open_collection(folder, encoder=_Silent(encoder))
    assert {(each.collection, each.groups) for each in again.documents()} == {("default", ())}
    assert again.verify() == []
    again.close()
    renewed = open_collection(folder)
    assert seen(renewed, Scope(frozenset(("default",)), frozenset())) == ["a", "b"]


def test_the_groups_of_a_row_cannot_be_changed_unnoticed(
    open_collection: Open, make: Make, tmp_path: Path
) -> None:
    opened = filled(open_collection(), make)
    with sqlite3.connect(tmp_path / "data" / "quoth.db") as driver:
        driver.execute("UPDATE documents SET groups = NULL WHERE id = 'board'")
    driver.close()
    assert any("board" in fault for fault in opened.verify())


# -- nothing is told


WORDS = ("gas", "oil", "line", "flows", "Moscow", "Berlin", "1931", "42", "costs", "opened")
SUBJECTS = ("Gas", "Oil", "Line", "Board")


@dataclass(frozen=True, slots=True)
class Shelf:
    """A document of the test: where it is, who may see it, and its words."""

    collection: str
    groups: tuple[str, ...]
    words: tuple[str, ...]
    tag: str


shelves = st.lists(
    st.builds(
        Shelf,
        collection=st.sampled_from(("default", "hr", "lab")),
        groups=st.sampled_from(((), (), ("a",), ("b",), ("a", "b"))),
        words=st.lists(st.sampled_from(WORDS), min_size=3, max_size=12).map(tuple),
        tag=st.sampled_from(("x", "y")),
    ),
    min_size=1,
    max_size=8,
)
scopes = st.builds(
    Scope,
    collections=st.sampled_from(
        (None, frozenset(("default",)), frozenset(("hr", "lab")), frozenset(("default", "hr")))
    ),
    groups=st.sampled_from((None, frozenset(), frozenset("a"), frozenset("b"))),
)
questions = st.lists(st.sampled_from(WORDS), min_size=1, max_size=4).map(" ".join)


def documents_of(shelves: Sequence[Shelf], scope: Scope, *, disguised: bool) -> Iterator[Document]:
    """The documents. Those outside the scope are disguised: other ids, titles and tags, and their
    words in the opposite order, so that only the statistics of their words are the same.
    """
    for number, each in enumerate(shelves):
        hidden = disguised and not scope.admits(each.collection, each.groups)
        words = each.words[::-1] if hidden else each.words
        yield make_document(
            f"{SUBJECTS[number % 4]} {' '.join(words)}.",
            document_id=f"{number}-hidden" if hidden else f"{number}-document",
            title="Title",
            tags=["z"] if hidden else [each.tag],
            collection=each.collection,
            groups=each.groups,
        )


def told(service: AnswerService, scope: Scope, question: str) -> dict[str, object]:
    """Everything that a scope is told of an index, without times."""
    visible = service.collection.store.within(scope)
    asked = make_question(question, min_confidence=0, explain=True)
    record = service.ask(asked, scope=scope).record
    found = service.search(make_question(question, top_k=50), scope)
    summaries = [replace(each, updated_at="") for each in visible.all_documents()]
    own = [document.id for document in summaries]
    return {
        "answer": record.model_dump(exclude={"timings_ms"}),
        "hits": found.model_dump(),
        "documents": summaries,
        "texts": [visible.document(name).text for name in own],
        "overview": visible.overview(9),
        "collections": [
            replace(each, created_at=None) for each in service.collection.store.collections(scope)
        ],
        "examples": ExampleQuestions(service).questions(scope),
        "kept": service.kept_answer(record.id, scope) is not None,
    }


def held(
    stack: ExitStack, encoder: Encoder, passages: PassageReader, documents: Sequence[Document]
) -> AnswerService:
    folder = Path(stack.enter_context(TemporaryDirectory()))
    service = stack.enter_context(AnswerService(folder, encoder, passages, writable=True))
    for name in ("hr", "lab"):
        service.collection.add_collection(name)
    service.collection.put(documents)
    return service


@settings(max_examples=25)
@given(shelves=shelves, scope=scopes, question=questions)
def test_nothing_of_hidden_documents_is_told_but_the_statistics_of_their_words(
    encoder: Encoder,
    passages: PassageReader,
    shelves: list[Shelf],
    scope: Scope,
    question: str,
) -> None:
    with ExitStack() as stack:
        one, other = (
            held(stack, encoder, passages, list(documents_of(shelves, scope, disguised=disguised)))
            for disguised in (False, True)
        )
        assert told(one, scope, question) == told(other, scope, question)


@settings(max_examples=25)
@given(shelves=shelves, scope=scopes, question=questions)
def test_by_vectors_a_search_is_the_same_as_in_an_index_that_never_held_the_hidden_documents(
    encoder: Encoder,
    passages: PassageReader,
    shelves: list[Shelf],
    scope: Scope,
    question: str,
) -> None:
    whole = list(documents_of(shelves, scope, disguised=False))
    visible = [
        document
        for document, each in zip(whole, shelves, strict=True)
        if scope.admits(each.collection, each.groups)
    ]
    with ExitStack() as stack:
        one, other = (held(stack, encoder, passages, held_by) for held_by in (whole, visible))
        narrowed = Filters().within(scope)
        results = [
            service.collection.searcher.search(question, 50, narrowed, dense_weight=1.0)
            for service in (one, other)
        ]
        first, second = (
            [(hit.chunk, hit.score, hit.fused.lexical_rank is None) for hit in result.hits]
            for result in results
        )
        assert first == second
        assert results[0].excluded_all == results[1].excluded_all
        listed = [
            list(service.collection.store.within(scope).all_documents()) for service in (one, other)
        ]
        assert [each.id for each in listed[0]] == [each.id for each in listed[1]]
