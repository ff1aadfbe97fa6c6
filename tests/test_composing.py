"""Passages, lists and rows are composed around the span that answers best. The evidence of each
sentence is given by hand.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from corpus.blocks import Block, BlockKind
from corpus.document import Document
from index.collection import Collection
from index.search.searcher import Hit
from service.answering.citation import cite
from service.answering.composing import (
    MAX_ITEMS,
    MAX_SENTENCES,
    Composer,
    Composition,
    Outline,
    Outlines,
)
from service.reader.asks import kind_of
from service.reader.fitted import Feature
from service.reader.form import AnswerForm
from service.reader.sentences import view_sentences
from service.reader.span import Span

THRESHOLD = -2.5
NO_EVIDENCE = -9.0

Open = Callable[..., Collection]
Make = Callable[..., Document]

RULES = """# Rules

The room opens at nine.

Bring the following:

- a library card
- a pencil
- a clear bag

Ink is not allowed because it stains the maps. Ask for a pencil at the counter."""

STEPS = """# Descaling

Descale the machine every month.

1. Switch it off.
2. Mix the descaler with water.

Use cold water only.

3. Pour it in.

1. This is another list.
2. It has its own numbers."""

TABLE = """# Fleet

| Vehicle | Driver | Payload |
| --- | --- | --- |
| Red lorry | Maja Sten | 7.5 t |
| Blue van | Egon Falk | 1.2 t |

Drivers are paid well."""


def outlines_of(collection: Collection) -> Callable[[str, str], Outline]:
    """The outlines of a collection as it is."""
    return partial(Outlines(collection.store).of, collection.generation)


class Answers:
    """Composes the answers to one question about some documents."""

    def __init__(
        self, collection: Collection, question: str, evidence: Mapping[str, float]
    ) -> None:
        self.collection = collection
        self.composer = Composer(outlines_of(collection), question, kind_of(question), THRESHOLD)
        hits = collection.searcher.search(question, 50).hits
        self.sentences = [span for hit in hits for span in _sentences(hit, evidence)]

    def sentence(self, words: str, score: float = 1.0) -> Span:
        """The sentence that contains some words."""
        (span, *_) = (span for span in self.sentences if words in span.quote)
        return Span(
            span.hit,
            span.form,
            span.start,
            span.end,
            span.sentence_start,
            span.sentence_end,
            score=score,
            features=span.features,
        )

    def composed(self, words: str) -> Composition:
        """The answer around the sentence that contains some words, whose quotes were verified."""
        composition = self.composer.compose(self.sentence(words), self.sentences)
        (citations,) = cite(self.collection.store, [composition.quotes])
        assert [each.quote for each in citations] == [each.quote for each in composition.quotes]
        return composition

    def quotes(self, words: str) -> list[str]:
        """The quotes of that answer."""
        return [quote.quote for quote in self.composed(words).quotes]


def _sentences(hit: Hit, evidence: Mapping[str, float]) -> list[Span]:
    spans = []
    for sentence in view_sentences(hit.chunk.view):
        extent = (sentence.first, sentence.last)
        text = hit.chunk.text[extent[0] - hit.chunk.start : extent[1] - hit.chunk.start]
        known = (value for words, value in evidence.items() if words in text)
        features: dict[str, float] = {
            Feature.EVIDENCE: next(known, NO_EVIDENCE),
            Feature.WORDS: 0.5,
        }
        spans.append(Span(hit, AnswerForm.SENTENCE, *extent, *extent, score=1.0, features=features))
    return spans


Ask = Callable[..., Answers]


@pytest.fixture
def ask(open_collection: Open, make: Make, tmp_path: Path) -> Ask:
    folders = (tmp_path / f"data{number}" for number in count())

    def asked(question: str, *texts: str, **evidence: float) -> Answers:
        collection = open_collection(next(folders))
        collection.put([make(f"d{number}", text) for number, text in enumerate(texts)])
        known = {words.replace("_", " "): value for words, value in evidence.items()}
        return Answers(collection, question, known)

    return asked


# -- passages


def test_sentences_that_follow_each_other_are_one_quote(ask: Ask) -> None:
    text = "Ink is banned. It stains maps. Pencils are fine. Go now."
    answers = ask("Why is ink banned?", text, stains=0.0, Pencils=-2.0)
    composition = answers.composed("Ink")
    assert composition.form is AnswerForm.PASSAGE
    assert [quote.quote for quote in composition.quotes] == [
        "Ink is banned. It stains maps. Pencils are fine."
    ]


def test_a_sentence_alone_is_a_sentence(ask: Ask) -> None:
    composition = ask("Why is ink banned?", "Ink is banned. Go now.").composed("Ink")
    assert composition.form is AnswerForm.SENTENCE
    assert [quote.quote for quote in composition.quotes] == ["Ink is banned."]


def test_a_passage_has_at_most_four_sentences_those_with_the_most_evidence(ask: Ask) -> None:
    text = " ".join(f"Thing number {n} is a {word}." for n, word in enumerate("abcdefgh"))
    evidence = {f"number_{n}": n / 10 for n in range(8)}
    quotes = ask("Why?", text, **evidence).quotes("number 0")
    assert sum(quote.count(".") for quote in quotes) == MAX_SENTENCES
    assert quotes[0] == "Thing number 0 is a a."
    assert quotes[-1].endswith("Thing number 7 is a h.")


def test_a_passage_ends_at_a_heading(ask: Ask) -> None:
    text = "# One\n\nInk is banned.\n\n# Two\n\nIt stains maps."
    assert ask("Why is ink banned?", text, stains=5.0).quotes("Ink") == ["Ink is banned."]


def test_another_paragraph_needs_more_evidence_than_the_same_one(ask: Ask) -> None:
    text = "Ink is banned.\n\nIt stains maps."
    assert ask("Why is ink banned?", text, stains=-1.0).quotes("Ink") == ["Ink is banned."]
    assert ask("Why is ink banned?", text, stains=0.0).quotes("Ink") == [text]


def test_the_sentence_between_two_that_belong_to_the_answer_is_quoted_with_them(ask: Ask) -> None:
    text = "One route is long. It is flat. The other one is short."
    quotes = ask("difference between the routes", text, other=0.0).quotes("One route")
    assert quotes == [text]


def test_a_sentence_of_another_document_joins_if_it_adds_something(ask: Ask) -> None:
    first, second = "Ink stains the maps.", "Ink spoils the wooden tables."
    answers = ask("Why is ink banned?", first, second, Ink=1.0)
    composition = answers.composed("maps")
    assert composition.form is AnswerForm.PASSAGE
    assert [quote.quote for quote in composition.quotes] == [first, second]
    same = ask("Why is ink banned?", first, "The ink stains maps!", ink=1.0, Ink=1.0)
    assert same.quotes("Ink stains") == [first]
    unsure = ask("Why is ink banned?", first, second, Ink=-1.0)
    assert unsure.quotes("maps") == [first]


def test_a_lead_in_is_quoted_with_the_code_that_it_leads_to(ask: Ask) -> None:
    text = "Run this:\n\n    make install\n\nThen wait."
    (quote,) = ask("how is it installed", text).quotes("Run this")
    assert quote.startswith("Run this:")
    assert quote.endswith("make install")


# -- lists


def test_a_list_that_is_wanted_is_quoted_item_by_item(ask: Ask) -> None:
    composition = ask("What do I need to bring?", RULES).composed("a pencil")
    assert composition.form is AnswerForm.LIST
    assert [quote.quote for quote in composition.quotes] == [
        "a library card",
        "a pencil",
        "a clear bag",
    ]
    # The first item is read with the words that lead into the list.
    assert [quote.sentence for quote in composition.quotes] == [
        "Bring the following:\n\n- a library card",
        "a pencil",
        "a clear bag",
    ]


def test_a_lead_in_stands_for_its_list_whatever_is_asked(ask: Ask) -> None:
    assert ask("bringing things", RULES).composed("following").form is AnswerForm.LIST


def test_one_item_is_enough_where_no_list_is_wanted(ask: Ask) -> None:
    assert ask("Why a clear bag?", RULES).quotes("clear bag") == ["a clear bag"]


def test_steps_are_quoted_whole_where_a_paragraph_stands_between_them(ask: Ask) -> None:
    quotes = ask("How do I descale it?", STEPS).quotes("Mix")
    assert quotes == ["Switch it off.", "Mix the descaler with water.", "Pour it in."]
    assert ask("How do I descale it?", STEPS).quotes("own numbers") == [
        "This is another list.",
        "It has its own numbers.",
    ]


def test_a_page_foot_does_not_end_a_list(open_collection: Open, make: Make) -> None:
    text = "a pencil\nPage 3\na clear bag"
    kinds = (BlockKind.LIST_ITEM, BlockKind.PAGE_FOOT, BlockKind.LIST_ITEM)
    extents = ((0, 8), (9, 15), (16, 27))
    blocks = [
        Block(kind, *extent, level=int(kind is BlockKind.LIST_ITEM))
        for kind, extent in zip(kinds, extents, strict=True)
    ]
    collection = open_collection()
    collection.put([make("d", text, blocks=blocks)])
    answers = Answers(collection, "What do I need to bring?", {})
    assert answers.quotes("pencil") == ["a pencil", "a clear bag"]


def test_a_sentence_right_before_the_steps_stands_for_them(ask: Ask) -> None:
    assert ask("How do I descale it?", STEPS).quotes("every month")[0] == "Switch it off."


def test_a_list_holds_its_inner_lists_and_an_inner_list_stands_alone_after_its_lead_in(
    ask: Ask,
) -> None:
    text = "Send:\n\n- a form\n- receipts\n    - trains\n    - hotels\n"
    text += "- a photo of:\n    - you\n    - it"
    assert ask("What do I need to send?", text).quotes("a form") == [
        *("a form", "receipts", "trains", "hotels", "a photo of:", "you", "it"),
    ]
    assert ask("What do I need to send?", text).quotes("you") == ["you", "it"]


def test_a_list_that_chunks_cut_is_quoted_whole_and_a_very_long_one_in_part(ask: Ask) -> None:
    text = "You need:\n\n" + "\n".join(f"- thing number {n}, of {n} parts;" for n in range(80))
    quotes = ask("What do I need?", text).quotes("number 3,")
    assert quotes == [f"thing number {n}, of {n} parts;" for n in range(MAX_ITEMS)]
    late = ask("What do I need?", text).quotes("number 70,")
    assert len(late) == MAX_ITEMS
    assert "thing number 70, of 70 parts;" in late


def test_points_that_nothing_leads_into_answer_no_question_together(ask: Ask) -> None:
    point = "China is moving into other kinds of energy, as the minister explained in May."
    text = (
        f"# Views\n\n- {point}\n- Russia has few other choices, because it is shut out of markets."
    )
    answers = ask("Which sources are used?", text)
    assert answers.composed("China").form is AnswerForm.SENTENCE
    assert answers.composer.takes_few_words(answers.sentence("China"))
    under_a_heading = ask("Which sources are used?", text.replace("Views", "Sources"))
    assert under_a_heading.composed("China").form is AnswerForm.LIST
    assert not under_a_heading.composer.takes_few_words(under_a_heading.sentence("China"))


# -- rows


def test_a_row_that_is_asked_for_is_quoted_cell_by_cell(ask: Ask) -> None:
    composition = ask("Tell me about the red lorry", TABLE).composed("Red lorry")
    assert composition.form is AnswerForm.ROW
    assert [quote.quote for quote in composition.quotes] == ["Red lorry", "Maja Sten", "7.5 t"]
    heads = [quote.heads for quote in composition.quotes]
    assert all(head is not None and head.column is not None for head in heads)


def test_a_question_that_names_a_column_too_wants_the_cell(ask: Ask) -> None:
    answers = ask("red lorry driver", TABLE)
    row = answers.sentence("Red lorry")
    at = row.quote.index("Maja Sten") + row.start
    extent = (at, at + len("Maja Sten"))
    heads = row.hit.chunk.view.parts[1].heads
    forms = {}
    for column in (0.0, 0.5):
        features: dict[str, float] = {Feature.COLUMN: column}
        cell = Span(
            row.hit,
            AnswerForm.SHORT,
            *extent,
            *(row.start, row.end),
            score=1.0,
            features=features,
            heads=heads,
        )
        forms[column] = answers.composer.compose(cell, []).form
    assert forms == {0.0: AnswerForm.ROW, 0.5: AnswerForm.SHORT}


# -- what can be an answer


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Is ink allowed? Ask the staff.", "Is ink"),
        ("Ink is banned.\n\n[^1]: Ink of any colour.", "any colour"),
        ("These are the fees:\n\n| a | b |\n| --- | --- |\n| 1 | 2 |", "These are"),
        ("The fees are:", "fees"),
        ("Ink is dark.\n\n9 [Will ink last](#), *Paper News*, 28 October 2025.", "Paper"),
    ],
    ids=[
        "a question",
        "a footnote of Markdown",
        "a lead-in to a table",
        "a lead-in to nothing",
        "a note",
    ],
)
def test_some_sentences_are_no_answers(text: str, words: str, ask: Ask) -> None:
    answers = ask("ink fees", text)
    assert not answers.composer.is_answer(answers.sentence(words))


@pytest.mark.parametrize(
    ("kind", "text", "is_answer"),
    [
        (BlockKind.CAPTION, "Figure 2: Sales", False),
        (BlockKind.CAPTION, "Figure 2: Sales fell by half after the bridge was closed.", True),
        (BlockKind.FOOTNOTE, "Figures for this year are estimates.", False),
        (BlockKind.PARAGRAPH, "Figures for this year are estimates.", True),
    ],
)
def test_the_kind_of_a_block_tells_whether_it_can_answer(
    kind: BlockKind, text: str, is_answer: bool, open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([make("d", text, blocks=[Block(kind, 0, len(text))])])
    (hit,) = collection.searcher.search("figures sales", 1).hits
    extent = (0, len(text))
    span = Span(hit, AnswerForm.SENTENCE, *extent, *extent, score=1.0, features={})
    composer = Composer(outlines_of(collection), "sales", AnswerForm.PASSAGE, THRESHOLD)
    assert composer.is_answer(span) is is_answer


@pytest.mark.parametrize(
    ("question", "text", "best", "preferred"),
    [
        ("Can I use ink?", "Ink is blue. Ink may not be used.", "blue", "may not"),
        (
            "What is ink?",
            "People buy it. Ink costs money. Ink is a dark liquid.",
            "costs",
            "liquid",
        ),
        ("What do I need to bring?", RULES, "opens at nine", "a pencil"),
    ],
    ids=["the sentence that decides", "the definition", "the list"],
)
def test_of_answers_that_are_about_as_good_the_one_that_fits_the_question_comes_first(
    question: str, text: str, best: str, preferred: str, ask: Ask
) -> None:
    answers = ask(question, text)
    groups = [[answers.sentence(best, 2.0)], [answers.sentence(preferred, 1.0)]]
    assert answers.composer.ordered(groups, 4)[0] == groups[1]
    groups = [[answers.sentence(best, 9.0)], [answers.sentence(preferred, 1.0)]]
    assert answers.composer.ordered(groups, 4)[0] == groups[0]


def test_the_outline_of_a_document_is_that_of_its_generation(
    open_collection: Open, make: Make
) -> None:
    collection = open_collection()
    collection.put([make("d", "# One\n\nText.")])
    outlines = Outlines(collection.store)
    version = collection.store.document("d").version
    first = outlines.of(1, "d", version)
    assert outlines.of(1, "d", version) is first
    assert outlines.of(2, "d", version) is not first
    assert [first.words(block) for block in first.blocks] == ["One", "Text."]
