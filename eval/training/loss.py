"""What training minimises: the marginal likelihood of the answer, in its row and among its group's
rows, and the cross-entropy of the sentences that belong to it.

Scores are taken relative to the row's own null (the score of ``[CLS]``), so that spans of several
passages stand on one scale: shared normalisation after Clark and Gardner (2018, arXiv 1710.10723),
with one null.
"""

import torch
from torch import Tensor
from torch.nn import functional

_NEVER = -1e4


def reader_loss(
    start: Tensor,
    end: Tensor,
    kinds: Tensor,
    spans: Tensor,
    group: Tensor,
    weight: Tensor,
    loose: Tensor,
) -> Tensor:
    """Mean over rows of the row's loss, plus the groups' losses where several rows are read
    together.

    Where several rows of a group may hold the answer, none of them has a loss of its own: the
    answer may be anywhere among them.

    :param start: scores [B, L], as ``end``
    :param kinds: [B, L], 1 on passage tokens (and their closing mark), 0 elsewhere
    :param spans: [B, K, 2] answer tokens, (0, 0) for null, -1 where unused
    :param group: [B], equal for rows read together
    :param weight: [B], 0 for rows that only fill the batch
    :param loose: bool [B], where the first span is a sentence within which the answer may begin and
        end anywhere
    """
    allowed = _allowed(kinds)
    start = (start - start[:, :1]).masked_fill(~allowed, _NEVER)
    end = (end - end[:, :1]).masked_fill(~allowed, _NEVER)
    right = torch.where(loose, _within(start, end, spans), _answer(start, end, spans))
    whole = torch.logsumexp(start, 1) + torch.logsumexp(end, 1)
    answered = (spans[:, 0, 0] > 0).to(weight.dtype) * weight
    groups = int(group.max()) + 1
    answers = weight.new_zeros(groups).index_add(0, group, answered)
    sure = weight * (1 - answered * (answers[group] > 1))
    rows = ((whole - right) * sure).sum()
    sizes = weight.new_zeros(groups).index_add(0, group, weight)
    several = ((sizes > 1) & (answers > 0)).to(weight.dtype)
    together = (
        _pooled(start, group, groups)
        + _pooled(end, group, groups)
        - _held(right, answered, group, groups)
    ) * several
    return (rows + together.sum()) / weight.sum()


def evidence_loss(scores: Tensor, sentences: Tensor, belongs: Tensor) -> Tensor:
    """Mean binary cross-entropy of sentences. The log odds of one are the mean of its tokens'
    scores.

    :param scores: of tokens, [B, L]
    :param sentences: the number of each token's sentence within its row, [B, L], -1 for none
    :param belongs: [B, S], 1 where a sentence belongs to the answer, 0 where it does not, and -1
        where nobody knows or there is none
    """
    rows, most = belongs.shape
    inside = sentences >= 0
    at = (sentences + torch.arange(rows, device=scores.device)[:, None] * most)[inside]
    sizes = scores.new_zeros(rows * most).index_add(0, at, torch.ones_like(scores[inside]))
    sums = scores.new_zeros(rows * most).index_add(0, at, scores[inside])
    known = (belongs.flatten() >= 0) & (sizes > 0)
    log_odds = sums[known] / sizes[known]
    if not len(log_odds):
        return scores.new_zeros(())
    return functional.binary_cross_entropy_with_logits(log_odds, belongs.flatten()[known])


def _allowed(kinds: Tensor) -> Tensor:
    """Passage tokens and ``[CLS]``; the closing ``[SEP]`` is ruled out by the training data, which
    never marks it.
    """
    allowed = kinds.bool()
    allowed[:, 0] = True
    return allowed


def _answer(start: Tensor, end: Tensor, spans: Tensor) -> Tensor:
    """Log of the summed unnormalised probability of a row's answers, [B]."""
    unused = spans[..., 0] < 0
    places = spans.clamp(min=0)
    pairs = start.gather(1, places[..., 0]) + end.gather(1, places[..., 1])
    return torch.logsumexp(pairs.masked_fill(unused, _NEVER), 1)


def _within(start: Tensor, end: Tensor, spans: Tensor) -> Tensor:
    """Log of the unnormalised probability that the answer begins and ends within a row's first
    span, [B].
    """
    place = torch.arange(start.shape[1], device=start.device)
    outside = (place < spans[:, 0, :1]) | (place > spans[:, 0, 1:])
    return sum(
        (torch.logsumexp(each.masked_fill(outside, _NEVER), 1) for each in (start, end)),
        start.new_zeros(()),
    )


def _held(right: Tensor, answered: Tensor, group: Tensor, groups: int) -> Tensor:
    """Log of the summed unnormalised probability of each group's answers, [G]."""
    return _summed(
        right.masked_fill(answered == 0, 2 * _NEVER), group, right.new_full((groups,), 2 * _NEVER)
    )


def _pooled(scores: Tensor, group: Tensor, groups: int) -> Tensor:
    """Log-sum-exp over all passage tokens of each group and one null of score 0, [G]."""
    return _summed(torch.logsumexp(scores[:, 1:], 1), group, scores.new_zeros(groups))


def _summed(rows: Tensor, group: Tensor, floor: Tensor) -> Tensor:
    """Log-sum-exp over the rows of each group and its floor, [G].

    :param rows: [B], as ``group``
    :param floor: [G]
    """
    top = floor.scatter_reduce(0, group, rows.detach(), "amax")
    total = torch.exp(floor - top).index_add(0, group, torch.exp(rows - top[group]))
    return top + torch.log(total)
