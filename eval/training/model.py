"""The reader's network: MiniLM's encoder with a start, an end and an evidence score per token.

It is implemented here rather than imported from Transformers for two reasons. The position-wise
parts run on a flat ``[tokens, width]`` matrix of constant size, which compiles once for all buckets
of lengths. The matrix products run in bfloat16 (AMX) over float32 master weights.
"""

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

from eval.training.bert import from_bert


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of the encoder; the defaults are all-MiniLM-L6-v2's."""

    vocabulary: int = 30522
    positions: int = 512
    width: int = 384
    inner: int = 1536
    heads: int = 12
    layers: int = 6
    epsilon: float = 1e-12


class Layer(nn.Module):
    """One transformer layer as in BERT, normalised after each half."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.qkv = nn.Linear(shape.width, 3 * shape.width)
        self.out = nn.Linear(shape.width, shape.width)
        self.norm1 = nn.LayerNorm(shape.width, eps=shape.epsilon)
        self.up = nn.Linear(shape.width, shape.inner)
        self.down = nn.Linear(shape.inner, shape.width)
        self.norm2 = nn.LayerNorm(shape.width, eps=shape.epsilon)

    def project(self, hidden: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values of flat ``hidden`` [T, W], each float32 [T, W].

        Attention runs in float32, since the backward pass of PyTorch's bfloat16 kernel for CPUs is
        twenty times slower.
        """
        query, key, value = _linear(self.qkv, hidden).float().chunk(3, dim=-1)
        return query.contiguous(), key.contiguous(), value.contiguous()

    def attend(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
        """Attention within each row.

        :param query: flat [B L, W], like ``key`` and ``value``
        :param mask: [B, 1, 1, L], 0 at tokens to attend to and a large negative number elsewhere
        :return: flat [B L, W]
        """
        rows, width = mask.shape[0], query.shape[1]
        heads = [
            part.view(rows, -1, self.heads, width // self.heads).transpose(1, 2)
            for part in (query, key, value)
        ]
        seen = functional.scaled_dot_product_attention(heads[0], heads[1], heads[2], attn_mask=mask)
        return seen.transpose(1, 2).reshape(-1, width)

    def finish(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """The rest of the layer on flat [T, W]: projection, two norms and the feed-forward half."""
        hidden = _norm(self.norm1, hidden + _linear(self.out, seen.to(hidden.dtype)))
        inner = functional.gelu(_linear(self.up, hidden))
        return _norm(self.norm2, hidden + _linear(self.down, inner))


class EvidenceHead(nn.Module):
    """Scores tokens so that the mean over a sentence is the log odds that it belongs to the answer.

    It has a layer of its own, since what start and end scores need of the encoder's last layer is
    not all that tells which sentences answer.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, width // 3)
        self.down = nn.Linear(width // 3, 1)

    def forward(self, hidden: Tensor) -> Tensor:
        """Scores [T] of float32 ``hidden`` [T, W]."""
        scores: Tensor = self.down(functional.gelu(self.up(hidden)))
        return scores.squeeze(-1)


class Reader(nn.Module):
    """The network, from token ids to the scores of tokens."""

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape or Shape()
        self.words = nn.Embedding(self.shape.vocabulary, self.shape.width)
        self.positions = nn.Embedding(self.shape.positions, self.shape.width)
        self.kinds = nn.Embedding(2, self.shape.width)
        self.norm = nn.LayerNorm(self.shape.width, eps=self.shape.epsilon)
        self.layers = nn.ModuleList(Layer(self.shape) for _ in range(self.shape.layers))
        self.head = nn.Linear(self.shape.width, 2)
        self.evidence = EvidenceHead(self.shape.width)
        self.dtype = torch.float32

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Start, end and evidence scores, float32 [B, L] each, for int64 inputs [B, L]."""
        rows, length = input_ids.shape
        place = torch.arange(length, device=input_ids.device)
        embedded = self.words(input_ids) + self.positions(place) + self.kinds(token_type_ids)
        hidden = _norm(self.norm, embedded).to(self.dtype).view(rows * length, self.shape.width)
        mask = ((1 - attention_mask) * -1e4).float()[:, None, None, :]
        for layer in self._stack():
            query, key, value = layer.project(hidden)
            hidden = layer.finish(hidden, layer.attend(query, key, value, mask))
        scores = functional.linear(hidden.float(), self.head.weight, self.head.bias).view(
            rows, length, 2
        )
        evidence = self.evidence(hidden.float()).view(rows, length)
        return scores[..., 0], scores[..., 1], evidence

    def _stack(self) -> list[Layer]:
        """The layers, in order."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]


def _linear(linear: nn.Linear, x: Tensor) -> Tensor:
    return functional.linear(x, linear.weight.to(x.dtype), linear.bias.to(x.dtype))


def _norm(norm: nn.LayerNorm, x: Tensor) -> Tensor:
    return functional.layer_norm(
        x.float(), norm.normalized_shape, norm.weight, norm.bias, norm.eps
    ).to(x.dtype)


def fresh_head(reader: Reader) -> dict[str, Tensor]:
    """A reader's evidence head, for checkpoints of runs that did not have one yet."""
    return {
        name: value for name, value in reader.state_dict().items() if name.startswith("evidence.")
    }


def from_minilm(path: Path) -> Reader:
    """A reader with the encoder of all-MiniLM-L6-v2 and fresh heads.

    :param path: its ``model.safetensors``
    """
    reader = Reader()
    state = reader.state_dict()
    for name, value in from_bert(load_file(path), reader.shape.layers).items():
        state[name].copy_(value)
    nn.init.normal_(reader.head.weight, std=0.02)
    nn.init.zeros_(reader.head.bias)
    return reader
