"""What training minimises: the marginal likelihood of the answer, in its row and among its group's
rows.

Scores are taken relative to the row's own null (the score of ``[CLS]``), so that spans of several
passages stand on one scale: shared normalisation after Clark and Gardner (2018, arXiv 1710.10723),
with one null.
"""

import torch
from torch import Tensor

_NEVER = -1e4


def reader_loss(
    start: Tensor, end: Tensor, kinds: Tensor, spans: Tensor, group: Tensor, weight: Tensor
) -> Tensor:
    """Mean over rows of the row's loss, plus the groups' losses where several rows are read
    together.

    :param start: scores [B, L], as ``end``
    :param kinds: [B, L], 1 on passage tokens (and their closing mark), 0 elsewhere
    :param spans: [B, K, 2] answer tokens, (0, 0) for null, -1 where unused
    :param group: [B], equal for rows read together
    :param weight: [B], 0 for rows that only fill the batch
    """
    allowed = _allowed(kinds)
    start = (start - start[:, :1]).masked_fill(~allowed, _NEVER)
    end = (end - end[:, :1]).masked_fill(~allowed, _NEVER)
    right = _answer(start, end, spans)
    whole = torch.logsumexp(start, 1) + torch.logsumexp(end, 1)
    rows = ((whole - right) * weight).sum() / weight.sum()
    return rows + _group_loss(start, end, right, spans, group, weight) / weight.sum()


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


def _group_loss(
    start: Tensor, end: Tensor, right: Tensor, spans: Tensor, group: Tensor, weight: Tensor
) -> Tensor:
    """Sum over groups of several rows of -log p(answer) when all their spans and one null
    compete.
    """
    groups = int(group.max()) + 1
    sizes = torch.zeros(groups).index_add(0, group, weight)
    answered = (spans[:, 0, 0] > 0).to(weight.dtype) * weight
    several = (sizes > 1) & (torch.zeros(groups).index_add(0, group, answered) == 1)
    whole = _pooled(start, group, groups) + _pooled(end, group, groups)
    return ((whole[group] - right) * answered * several[group]).sum()


def _pooled(scores: Tensor, group: Tensor, groups: int) -> Tensor:
    """Log-sum-exp over all passage tokens of each group and one null of score 0, [G]."""
    rows = torch.logsumexp(scores[:, 1:], 1)
    top = torch.zeros(groups).scatter_reduce(0, group, rows.detach(), "amax")
    total = torch.exp(-top).index_add(0, group, torch.exp(rows - top[group]))
    return top + torch.log(total)
