"""The scores of a toy reader on questions with known answers, worked out by hand."""

import re
from collections.abc import Sequence

import pytest

from eval.measuring.reader_scores import (
    gold_scores,
    open_scores,
    paragraph_questions,
    refusal_scores,
    search,
    unseen,
)
from eval.sets.squad import Article, SquadParagraph, SquadQuestion
from index.encoding.encoder import Encoder
from index.text.view import View
from service.reader.fitted import Linear, Ranking
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader, PassageSpan, Reading
from service.reader.reader import SpanReader

TRAMS = "The trams of Oslo are blue."
RAIN = "The rain of Bergen is cold."


class ColourReader:
    """Marks the first colour of a passage, 2 above null, or else its first word, 2 below null."""

    digest = "toy"

    def read(self, _question: str, passages: Sequence[View]) -> list[Reading]:
        """One span for each passage that has a word."""
        return [_marked(view.text) for view in passages]


def _marked(passage: str) -> Reading:
    colour, word = re.search(r"\b(red|blue|green)\b", passage), re.search(r"\w+", passage)
    found = colour or word
    spans = (PassageSpan(*found.span(), 3.0 if colour else -1.0, 1.0),) if found else ()
    return Reading(spans, 0.0, 0.0)


def article(number: int, *paragraphs: tuple[str, dict[str, tuple[str, ...]]]) -> Article:
    """An article: paragraphs with their questions and the accepted answers."""
    id = f"squad/{number:03d}"
    made = (
        SquadParagraph(
            text, tuple(SquadQuestion(question, id, answers) for question, answers in asked.items())
        )
        for text, asked in paragraphs
    )
    return Article(id, f"Article {number}", tuple(made))


@pytest.fixture
def reader() -> PassageReader:
    return ColourReader()


def test_a_question_knows_its_paragraph() -> None:
    read = article(0, (RAIN, {}), (TRAMS, {"What colour?": ("blue",)}), ("Last.", {"What?": ()}))
    paragraphs = [each.paragraph for each in paragraph_questions([read])]
    assert [(paragraph.text, paragraph.title) for paragraph in paragraphs] == [
        (TRAMS, "Article 0"),
        ("Last.", "Article 0"),
    ]
    assert len({paragraph.id for paragraph in paragraphs}) == 2


def test_exact_match_and_f1_are_means_over_the_questions(reader: PassageReader) -> None:
    # The reader says "blue" both times: right, and half of the words of "blue trams" (precision 1,
    # recall 1/2, F1 2/3).
    read = article(0, (TRAMS, {"What colour?": ("blue",), "What is blue?": ("blue trams",)}))
    scores = gold_scores(reader, paragraph_questions([read]))
    assert scores == {"em": pytest.approx(50), "f1": pytest.approx(100 * (1 + 2 / 3) / 2)}


def test_margins_separate_answerable_questions_from_others(reader: PassageReader) -> None:
    # The margin is 2 in TRAMS, where there is a colour, and -2 in RAIN.
    read = [
        article(
            0,
            (TRAMS, {"What colour is the tram?": ("blue",)}),
            (RAIN, {"What colour is the rain?": ()}),
        ),
        article(
            1, (TRAMS, {"What colour is it?": ("blue",)}), (RAIN, {"What colour is Bergen?": ()})
        ),
    ]
    scores = refusal_scores(reader, paragraph_questions(read))
    assert scores == {"auroc": 1.0, "em": 100.0, "f1": 100.0, "f1_of_answerable": 100.0}


def test_an_unanswerable_question_that_looks_answered_costs_its_score(
    reader: PassageReader,
) -> None:
    # Both paragraphs hold a colour, so margins are equal: answering all gives one right of two, as
    # refusing all does.
    read = [
        article(n, (TRAMS, {"What colour?": ("blue",), "What colour is the rain?": ()}))
        for n in range(2)
    ]
    scores = refusal_scores(reader, paragraph_questions(read))
    assert scores == {"auroc": 0.5, "em": 50.0, "f1": 50.0, "f1_of_answerable": 100.0}


def test_open_questions_are_searched_in_all_paragraphs(
    reader: PassageReader, encoder: Encoder
) -> None:
    read = [
        article(0, (TRAMS, {"What colour is the tram of Oslo?": ("blue",)})),
        article(1, (RAIN, {"What is the rain of Bergen?": ("cold",)})),
    ]
    found = search(read, encoder, every=1)
    assert [len(result.hits) for _, result in found] == [2, 2]
    by_margin = Ranking(dict.fromkeys(AnswerForm, Linear({"margin": 1.0})), float("inf"), 0.0)
    # Both passages are among those read; the colour wins both times, and answers one of the
    # questions.
    assert open_scores(SpanReader(reader, by_margin), found) == {
        "em": 50.0,
        "f1": 50.0,
        "found": 100.0,
    }


def test_a_paragraph_is_found_by_the_passage_that_holds_its_answer(encoder: Encoder) -> None:
    same = "The trams of Bergen are blue."
    read = [
        article(0, (TRAMS, {"What colour is the tram of Oslo?": ("blue",)})),
        article(1, (same, {})),
    ]
    ((asked, result),) = search(read, encoder, every=1)
    assert {hit.chunk.document_id: asked.is_found_by(hit) for hit in result.hits} == {
        "squad/000/0": True,
        "squad/001/0": False,
    }


def test_only_every_nth_question_is_asked_if_wanted(encoder: Encoder) -> None:
    read = article(0, (TRAMS, {f"What colour {n}?": ("blue",) for n in range(5)}))
    asked = [each.question.text for each, _ in search([read], encoder, every=2)]
    assert asked == ["What colour 0?", "What colour 2?", "What colour 4?"]


def test_nothing_is_asked_about_articles_that_were_trained_on() -> None:
    read = [Article("a", "Warsaw", ()), Article("b", "Steam engine", ())]
    assert [article.title for article in unseen(read)] == ["Steam engine"]
