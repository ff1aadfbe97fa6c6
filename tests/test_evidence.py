"""Evidence: shares of the question's words around a span, worked out by hand."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.search.embedded.analyser import terms_of
from index.search.fusion import Fused
from index.search.searcher import Hit
from index.store.chunks import StoredChunk
from index.text.chunk import Chunk
from index.text.view import Heads, View, ViewPart, ViewRow
from service.reader.evidence import PassageTerms, QuestionTerms, sentences_of, support


def hit(text: str, *, context: str = "", score: float = 0.9, dense: float = 0.6) -> Hit:
    """A passage of the document "gas" with these retrieval scores."""
    chunk = Chunk("gas", "0" * 64, 0, len(text), text, context)
    return Hit(
        1, Fused(1, score, dense, 1, 1.0, 1), StoredChunk(1, chunk, "Gas", None, date.max, ())
    )


def evidence(question: str, passage: Hit, idf: Mapping[str, float] | None = None) -> PassageTerms:
    """Every term is equally rare unless given otherwise."""
    return QuestionTerms(
        question, idf if idf is not None else dict.fromkeys(terms_of(question), 1.0)
    ).passage(passage)


def test_the_shares_of_the_questions_words_are_weighted_by_rarity() -> None:
    passage = hit("The pipeline opened. It carries gas.", context="Siberia")
    # "which" and "from" carry no meaning; of the rest the rarities sum to 8.
    idf = {"which": 1.0, "from": 1.0, "pipelin": 1.0, "carri": 2.0, "gas": 2.0, "siberia": 3.0}
    found = evidence("Which pipeline carries gas from Siberia?", passage, idf)
    first, second, both = found.features(0, 0), found.features(1, 1), found.features(0, 1)
    assert (first["words"], first["near_words"], first["passage_words"]) == (1 / 8, 1 / 8, 1)
    assert (second["words"], second["near_words"], second["passage_words"]) == (4 / 8, 5 / 8, 1)
    assert both["words"] == 5 / 8
    # The title alone would add 3 of 8; half of that, for three terms are half of a full sentence's
    # six.
    assert (first["topic_words"], second["topic_words"]) == (1 / 8 + 1.5 / 8, 4 / 8 + 1.5 / 8)


def test_the_passage_keeps_its_scores() -> None:
    features = evidence("gas flows", hit("Gas flows.", score=0.25, dense=0.5)).features(0, 0)
    assert (features["passage"], features["fused"]) == (0.5, 0.25)


@pytest.mark.parametrize(
    ("question", "share"),
    [("Gas in 2024?", 1), ("Gas in 2023?", 0), ("Gas in 2023 or 2024?", 0.5), ("Gas?", 1)],
)
def test_numbers_of_the_question_are_searched_for_in_the_passage(
    question: str, share: float
) -> None:
    found = evidence(question, hit("In 2024 it was 31 bcm. Later it rose."))
    assert [found.features(place, place)["figures"] for place in (0, 1)] == [share, share]


@pytest.mark.parametrize(
    ("question", "share"),
    [
        ("What did Xi sign?", 1),
        ("What did Putin sign?", 0),
        ("What did Xi and Putin sign?", 0.5),
        ("what was signed?", 1),
    ],
)
def test_names_of_the_question_are_searched_for_in_the_passage(question: str, share: float) -> None:
    assert evidence(question, hit("Xi signed a letter.")).features(0, 0)["names"] == share


def test_a_title_counts_less_for_a_fragment_than_for_a_full_sentence() -> None:
    found = evidence(
        "Siberia?",
        hit("Gas, Moscow.\n\nThe pipeline carries gas to China every year.", context="Siberia"),
    )
    assert (found.features(0, 0)["topic_words"], found.features(1, 1)["topic_words"]) == (
        2 / 6,
        1.0,
    )


def test_the_sentences_around_a_span_are_those_that_it_overlaps() -> None:
    text = "One is first. Two is second. Three is third."
    found = evidence("Which?", hit(text))
    assert found.around(text.index("Two"), text.index("Two") + 3) == (1, 1)
    assert found.around(text.index("first"), text.index("Two") + 3) == (0, 1)


def test_a_list_mark_is_not_part_of_the_sentence() -> None:
    text = "- Wang Yi is minister.\n12. Li Qiang is premier.\n\n3.5 tonnes were sold."
    assert [
        text[sentence.start : sentence.end] for sentence in sentences_of(View.of_text(text))
    ] == [
        "Wang Yi is minister.",
        "Li Qiang is premier.",
        "3.5 tonnes were sold.",
    ]


@given(text=st.text(min_size=1, max_size=60), question=st.text(min_size=1, max_size=60))
def test_every_share_is_between_zero_and_one(text: str, question: str) -> None:
    found = evidence(question, hit(text))
    for place in range(len(found.sentences)):
        features = found.features(place, place)
        names = ("words", "near_words", "topic_words", "passage_words", "figures", "names")
        assert all(0 <= features[name] <= 1 for name in names)
        assert (
            features["words"] <= features["near_words"] + 1e-9 <= features["passage_words"] + 2e-9
        )
        assert (
            features["words"] <= features["topic_words"] + 1e-9 <= features["passage_words"] + 2e-9
        )


def test_support_is_the_share_of_the_questions_words_in_passage_and_headings() -> None:
    passage = ("The pipeline carries gas.", "Siberia")
    idf = {"weather": 3.0, "siberia": 1.0, "gas": 2.0, "pari": 4.0, "and": 9.0}
    assert support("and the weather in Siberia?", idf, *passage) == 1 / 4
    assert support("and gas in Siberia?", idf, *passage) == 1.0
    assert support("and the weather in Paris?", idf, *passage) == 0.0
    assert support("why?", idf, *passage) == 1.0


def table_hit() -> Hit:
    """Two rows of a table, as models read them."""
    rows = ("Site: May pier. Oxygen: 9. Depth: 3.", "Site: Bay. Oxygen: 7. Depth: 4.")
    text, parts, extents = "\n".join(rows), [], []
    for start, row in zip((0, len(rows[0]) + 1), rows, strict=True):
        extents.append(ViewRow(start, start + len(row), (start, start + len(row))))
        for cell in re.finditer(r": ([^.]+)", row):
            first, last = start + cell.start(1), start + cell.end(1)
            parts.append(ViewPart(first, last, first, Heads(None, None)))
    found = hit(text)
    chunk = replace(found.chunk, own_view=View(text, tuple(parts), tuple(extents)))
    return replace(found, stored=replace(found.stored, chunk=chunk))


@pytest.mark.parametrize(
    ("question", "columns"),
    [
        ("How much oxygen was at the pier?", {"9": 1.0, "3": 0.0, "7": 1.0, "4": 0.0}),
        ("Oxygen and depth at the pier?", {"9": 0.5, "3": 0.5, "7": 0.5, "4": 0.5}),
        ("How warm was it at the pier?", {"9": 0.0, "3": 0.0, "7": 0.0, "4": 0.0}),
    ],
)
def test_a_cell_knows_how_well_the_question_names_its_column(
    question: str, columns: Mapping[str, float]
) -> None:
    passage = table_hit()
    found, view = evidence(question, passage), passage.chunk.view
    cells = {view.text[part.start : part.end]: found.cell(part)["column"] for part in view.parts}
    assert {cell: cells[cell] for cell in columns} == columns


def test_a_word_of_many_heads_tells_less_about_the_column() -> None:
    text = "Pump A: 9. Pump B: 7."
    parts = [ViewPart(at, at + 1, at, Heads(None, None)) for at in (8, 19)]
    found = hit(text)
    row = ViewRow(0, len(text), (0, len(text)))
    chunk = replace(found.chunk, own_view=View(text, tuple(parts), (row,)))
    passage = replace(found, stored=replace(found.stored, chunk=chunk))
    terms = evidence("pump b", passage)
    first, second = (terms.cell(part)["column"] for part in parts)
    assert second == 1.0
    # "pump" is in both heads, "b" in one: log 1.5 against log 2.5.
    assert first == pytest.approx(math.log(1.5) / (math.log(1.5) + math.log(2.5)))


def test_a_cell_knows_how_well_the_question_names_its_row() -> None:
    passage = table_hit()
    found = evidence("Depth at the bay in May?", passage)
    # "Depth" names a column. Of "bay" and "May", each row has one.
    assert {found.cell(part)["row"] for part in passage.chunk.view.parts} == {0.5}
    rows = [
        evidence("Depth at the pier?", passage).cell(part)["row"]
        for part in passage.chunk.view.parts
    ]
    assert rows == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]


def test_a_row_has_nothing_of_the_row_above() -> None:
    found = evidence("Depth at the bay in May?", table_hit())
    # "Depth" and "bay" of three words; "May" is in the row above, and is no small word here.
    assert (
        found.features(1, 1)["words"] == found.features(1, 1)["near_words"] == pytest.approx(2 / 3)
    )
