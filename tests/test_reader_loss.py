"""The loss, worked out by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from eval.training.loss import evidence_loss, reader_loss  # noqa: E402  # torch may be missing where only service runs


def loss(
    scores: list[list[float]],
    spans: list[list[list[int]]],
    groups: list[int],
    loose: list[bool] | None = None,
) -> float:
    """Rows of one question token and passage tokens; start and end scores alike, the first token is
    null.
    """
    start = torch.tensor(scores)
    kinds = torch.ones_like(start, dtype=torch.int64)
    kinds[:, :2] = 0
    weight = torch.ones(len(scores))
    wide = torch.tensor(loose or [False] * len(scores))
    rest = (torch.tensor(spans), torch.tensor(groups), weight, wide)
    return float(reader_loss(start, start.clone(), kinds, *rest))


def test_a_row_is_the_log_probability_of_its_span() -> None:
    # Token 1 is the question's and does not compete: p = e^2 / (1 + e^2 + e^1) on either side.
    expected = -2 * math.log(math.exp(2) / (1 + math.exp(2) + math.exp(1)))
    assert loss([[0.0, 9.0, 2.0, 1.0]], [[[2, 2]]], [0]) == pytest.approx(expected)


def test_several_occurrences_share_the_probability() -> None:
    total = 1 + math.exp(2) + math.exp(1)
    expected = -math.log((math.exp(4) + math.exp(2)) / total**2)
    assert loss([[0.0, 9.0, 2.0, 1.0]], [[[2, 2], [3, 3]]], [0]) == pytest.approx(expected)


def test_a_null_row_wants_its_first_token() -> None:
    expected = -2 * math.log(1 / (1 + math.exp(2) + math.exp(1)))
    assert loss([[0.0, 9.0, 2.0, 1.0]], [[[0, 0]]], [0]) == pytest.approx(expected)


def test_scores_count_from_the_rows_own_null() -> None:
    assert loss([[3.0, 9.0, 5.0, 4.0]], [[[2, 2]]], [0]) == pytest.approx(
        loss([[0.0, 9.0, 2.0, 1.0]], [[[2, 2]]], [0])
    )


def test_rows_of_a_group_compete_with_one_null() -> None:
    rows = [[0.0, 9.0, 2.0, 1.0], [0.0, 9.0, 3.0, 0.0]]
    spans = [[[2, 2], [-1, -1]], [[0, 0], [-1, -1]]]
    alone = loss(rows, spans, [0, 1])
    everything = 1 + math.exp(2) + math.exp(1) + math.exp(3) + math.exp(0)
    together = -2 * math.log(math.exp(2) / everything)
    assert loss(rows, spans, [0, 0]) == pytest.approx(alone + together / 2)


def test_a_group_without_an_answer_adds_nothing() -> None:
    rows, spans = [[0.0, 9.0, 2.0, 1.0]] * 2, [[[0, 0]]] * 2
    assert loss(rows, spans, [0, 0]) == pytest.approx(loss(rows, spans, [0, 1]))


def test_where_several_rows_may_hold_the_answer_only_their_sum_counts() -> None:
    # Both rows' spans together, 2 and 3 above null, against everything.
    rows = [[0.0, 9.0, 2.0, 1.0], [0.0, 9.0, 3.0, 0.0]]
    everything = 1 + math.exp(2) + math.exp(1) + math.exp(3) + math.exp(0)
    expected = -math.log((math.exp(4) + math.exp(6)) / everything**2)
    assert loss(rows, [[[2, 2]], [[2, 2]]], [0, 0]) == pytest.approx(expected / 2)


def test_a_row_without_the_answer_still_wants_null_beside_several_that_may_hold_it() -> None:
    rows, spans = [[0.0, 9.0, 2.0, 1.0]] * 3, [[[2, 2]], [[2, 2]], [[0, 0]]]
    held = math.exp(2) + math.exp(1)
    null = 2 * math.log(1 + held)
    together = -math.log(2 * math.exp(4) / (1 + 3 * held) ** 2)
    assert loss(rows, spans, [0, 0, 0]) == pytest.approx((null + together) / 3)


def test_a_loose_answer_begins_and_ends_anywhere_in_its_sentence() -> None:
    total = 1 + math.exp(2) + math.exp(1) + math.exp(3)
    expected = -2 * math.log((math.exp(2) + math.exp(1)) / total)
    scores = [[0.0, 9.0, 2.0, 1.0, 3.0]]
    assert loss(scores, [[[2, 3]]], [0], [True]) == pytest.approx(expected)


def test_empty_rows_weigh_nothing() -> None:
    scores = torch.tensor([[0.0, 9.0, 2.0, 1.0]] * 2)
    kinds = torch.tensor([[0, 0, 1, 1]] * 2)
    spans = torch.tensor([[[2, 2]], [[3, 3]]])
    groups, weight = torch.tensor([0, 1]), torch.tensor([1.0, 0.0])
    loose = torch.zeros(2, dtype=torch.bool)
    rest = (kinds[:1], spans[:1], groups[:1], weight[:1], loose[:1])
    one = reader_loss(scores[:1], scores[:1].clone(), *rest)
    two = reader_loss(scores, scores.clone(), kinds, spans, groups, weight, loose)
    assert float(two) == pytest.approx(float(one))


def test_a_sentence_is_judged_by_the_mean_of_its_tokens() -> None:
    scores = torch.tensor([[9.0, 1.0, 3.0, -2.0, 9.0]])
    sentences = torch.tensor([[-1, 0, 0, 1, -1]])
    found = evidence_loss(scores, sentences, torch.tensor([[1.0, 0.0, -1.0]]))
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-2))) / 2
    assert float(found) == pytest.approx(expected)


def test_a_sentence_that_may_or_may_not_answer_costs_nothing() -> None:
    scores = torch.tensor([[9.0, 1.0, 3.0], [9.0, -2.0, -4.0]])
    sentences = torch.tensor([[-1, 0, 0], [-1, 0, 1]])
    found = evidence_loss(scores, sentences, torch.tensor([[-1.0, -1.0], [-1.0, 0.0]]))
    assert float(found) == pytest.approx(math.log(1 + math.exp(-4)), rel=1e-4)
    unknown = torch.full((2, 2), -1.0)
    assert float(evidence_loss(scores, sentences, unknown)) == 0.0
