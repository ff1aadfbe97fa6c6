"""Sources that disagree: shown only where both values are of a kind, sure, and each from a document
of its own.
"""

from collections.abc import Sequence
from datetime import date

import pytest

from index.search.fusion import Fused
from index.search.searcher import Hit
from index.store.chunks import StoredChunk
from index.text.chunk import Chunk
from service.answering.confidence import Groups
from service.answering.conflict import MAX_VALUES, conflicting
from service.reader.form import AnswerForm
from service.reader.span import Span


def span(quote: str, document: str, sureness: float, published: date | None = None) -> Span:
    """A quote that is all of its document; the confidence in it is its sureness unless a rival is
    as sure.
    """
    chunk = Chunk(document, "0" * 64, 0, len(quote), quote, "")
    hit = Hit(
        1, Fused(1, 1.0, 1.0, 1, 1.0, 1), StoredChunk(1, chunk, document, None, published, ())
    )
    return Span(hit, AnswerForm.SHORT, 0, len(quote), 0, len(quote), sureness, {})


def confidence(groups: Groups, place: int) -> float:
    """As sure as the best span, less half of the best other one."""
    others = [group[0].score for number, group in enumerate(groups) if number != place]
    return groups[place][0].score - max(others, default=0.0) / 2


def found(*groups: Sequence[Span]) -> list[str]:
    return [groups[place][0].quote for place in conflicting(groups, confidence, 0.8)]


def test_values_that_contradict_each_other_are_shown_the_newest_first() -> None:
    old, new = (
        span("38 bcm", "bureau", 0.95, date(2025, 11, 7)),
        span("44 bcm", "brief", 0.9, date(2025, 12, 19)),
    )
    assert found([old], [new]) == ["44 bcm", "38 bcm"]
    assert found([span("38 bcm", "bureau", 0.95)], [new]) == ["44 bcm", "38 bcm"]


def test_each_value_is_as_sure_as_if_the_others_had_not_been_found() -> None:
    groups = [[span("38 bcm", "a", 0.95)], [span("44 bcm", "b", 0.9)], [span("gas", "c", 0.1)]]
    assert conflicting(groups, confidence, 0.8) == pytest.approx({0: 0.9, 1: 0.85})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (span("38 bcm", "a", 0.95), span("44 bcm", "b", 0.7)),  # not sure enough
        (span("38 bcm", "a", 0.7), span("44 bcm", "b", 0.95)),
        (span("38 bcm", "a", 0.95), span("44 bcm", "a", 0.95)),  # one document gives both
        (span("38 bcm", "a", 0.95), span("44 kilometres", "b", 0.95)),  # other things
        (span("38 bcm", "a", 0.95), span("2025", "b", 0.95)),
        (span("November 2025", "a", 0.95), span("7 November 2025", "b", 0.95)),  # one is more exact
        (span("Xi Jinping", "a", 0.95), span("President Xi", "b", 0.95)),
        (span("Great Hall", "a", 0.95), span("in the city of Beijing", "b", 0.95)),  # no two names
        (span("it opened", "a", 0.95), span("it was shut", "b", 0.95)),
    ],
)
def test_what_may_both_be_true_or_is_not_sure_is_no_conflict(first: Span, second: Span) -> None:
    assert found([first], [second]) == []


def test_an_answer_alone_is_no_conflict() -> None:
    assert found([span("38 bcm", "a", 0.99)]) == []


def test_a_document_that_lists_both_values_takes_nothing_from_the_conflict_of_two_others() -> None:
    both = (
        [span("38 bcm", "a", 0.95), span("38 bcm", "table", 0.9)],
        [span("44 bcm", "b", 0.9), span("44 bcm", "table", 0.9)],
    )
    assert found(*both) == ["38 bcm", "44 bcm"]


def test_so_many_values_are_shown_at_most() -> None:
    values = [[span(f"{number} bcm", str(number), 1.0)] for number in range(10, 20)]
    assert len(found(*values)) == MAX_VALUES
