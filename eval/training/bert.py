"""BERT's names for the network's tensors, under which the encoder is loaded and a trained reader is
exported.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

_EMBEDDINGS = {
    "words.weight": "embeddings.word_embeddings.weight",
    "positions.weight": "embeddings.position_embeddings.weight",
    "kinds.weight": "embeddings.token_type_embeddings.weight",
    "norm.weight": "embeddings.LayerNorm.weight",
    "norm.bias": "embeddings.LayerNorm.bias",
}
_PARTS = {
    "qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "out": ("attention.output.dense",),
    "norm1": ("attention.output.LayerNorm",),
    "up": ("intermediate.dense",),
    "down": ("output.dense",),
    "norm2": ("output.LayerNorm",),
}


def from_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The encoder's tensors under the reader's names."""
    return {
        mine: torch.cat([weights[name] for name in theirs])
        for mine, theirs in _names(layers).items()
    }


def to_bert(weights: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    """The encoder's tensors under BERT's names, none sharing memory with another."""
    return {
        name: part.clone()
        for mine, theirs in _names(layers).items()
        for name, part in zip(theirs, weights[mine].chunk(len(theirs)), strict=True)
    }


def _names(layers: int) -> dict[str, tuple[str, ...]]:
    """BERT's names for each tensor of the reader. A tensor with several names is BERT's tensors
    concatenated in that order.
    """
    inside = {
        f"layers.{number}.{mine}.{kind}": tuple(
            f"encoder.layer.{number}.{name}.{kind}" for name in theirs
        )
        for number in range(layers)
        for mine, theirs in _PARTS.items()
        for kind in ("weight", "bias")
    }
    return {mine: (name,) for mine, name in _EMBEDDINGS.items()} | inside
