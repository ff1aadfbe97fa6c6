"""The table of kinds: scores of a toy reader on a few cases, worked out by hand."""

from collections.abc import Sequence

import numpy as np
import pytest

from eval.kinds import KindQuestion, Scores, comparison, scored, table
from index.text.view import View
from service.reader.passage import PassageSpan, Reading


class ColonReader:
    """Marks what stands before a passage's first colon, as far above null as the text is long."""

    digest = "toy"

    def read(self, _question: str, passages: Sequence[View]) -> list[Reading]:
        """One span for each passage that has a colon."""
        return [_marked(view.text) for view in passages]


def _marked(passage: str) -> Reading:
    end = passage.find(":")
    spans = (PassageSpan(0, end, float(len(passage)), 0.0),) if end > 0 else ()
    return Reading(spans, 0.0, 0.0)


CASES = [
    KindQuestion("Who?", "a", ("Maja: drives", "Tom: drives the van"), ("Tom",)),
    KindQuestion("Who?", "b", ("Maja Sten: drives",), ("Maja",)),
    KindQuestion("Who?", "c", ("No: body",), ()),
    KindQuestion("Who?", "d", ("nobody",), ()),
    KindQuestion(
        "What?", "e", ("It rains: badly. It is cold.",), ("It rains: badly.",), whole=True
    ),
]


def test_the_best_span_of_all_passages_is_the_answer() -> None:
    found = scored(ColonReader(), CASES)
    assert found.exact.tolist() == [1, 0, 0, 0, 1]
    assert found.overlap.tolist() == pytest.approx([1, 2 / 3, 0, 0, 1])
    assert found.right.tolist() == [1, 1, 0, 0, 1]
    assert found.answerable.tolist() == [1, 1, 0, 0, 1]
    assert found.margin.tolist() == [19, 17, 8, -np.inf, 28]


def test_means_are_of_questions_with_an_answer_and_auroc_is_of_all() -> None:
    *_, line = table({"toy": scored(ColonReader(), CASES)}).split("\n")
    assert line.startswith("| toy | 5 | 66.7 ±27.2 | 88.9 ±9.1 | 100.0 ±0.0 | 1.000 ±0.000 |")


def test_where_all_have_an_answer_there_is_no_auroc() -> None:
    *_, line = table({"toy": scored(ColonReader(), CASES[:2])}).split("\n")
    assert line.endswith("|  |  |")


def test_a_reader_compared_with_itself_gains_nothing() -> None:
    found = {"toy": scored(ColonReader(), CASES)}
    *_, line = comparison(found, found).split("\n")
    assert line == "| toy | +0.0 ±0.0 | +0.0 ±0.0 | +0.0 ±0.0 | +0.000 ±0.000 |"


def test_what_is_gained_is_counted_question_by_question() -> None:
    ones, zeros = np.ones(4), np.zeros(4)
    before = Scores(("a",) * 4, ones, zeros, zeros, zeros, ones)
    half = np.array([1.0, 1.0, 0.0, 0.0])
    after = Scores(("a",) * 4, ones, half, half, half, ones)
    *_, line = comparison({"toy": before}, {"toy": after}).split("\n")
    assert line == "| toy | +50.0 ±25.0 | +50.0 ±25.0 | +50.0 ±25.0 |  |"
