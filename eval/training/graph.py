"""The reader's network as an ONNX graph in float32 or int8, built from its named weights.

The graph is written node by node, with onnxruntime's fused operators for attention and quantised
products. A graph traced from PyTorch has five times as many nodes and spends a third of its time on
splitting, transposing and adding. onnxruntime's SkipLayerNormalization and BiasGelu are not used,
since on a CPU they are slower than the operators they replace. In int8, weights have one scale per
output channel, embeddings one per row, and activations one per call.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Weights = dict[str, NDArray[np.float32]]

_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_OUTPUTS = ("start_logits", "end_logits")
_EVIDENCE = "evidence_logits"
_FUSED = "com.microsoft"
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class _Graph:
    """Nodes and constants under construction."""

    weights: Weights
    int8: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def constant(self, name: str, value: NDArray[np.generic]) -> str:
        """Add a constant and return its name."""
        self.constants.append(numpy_helper.from_array(np.array(value, order="C"), name))
        return name

    def node(
        self, kind: str, inputs: list[str], output: str, domain: str = "", **settings: Any
    ) -> str:  # Any: an operator's attributes, in onnx's form
        """Add a node with one output and return the output's name."""
        self.nodes.append(
            helper.make_node(kind, inputs, [output], name=output, domain=domain, **settings)
        )
        return output


def build(weights: Weights, heads: int, positions: int, int8: bool) -> onnx.ModelProto:
    """The graph, from int64 ``input_ids``, ``attention_mask`` and ``token_type_ids`` [B, L] to
    float32 scores [B, L].

    :param weights: under the names of the reader's ``state_dict``
    :param positions: the longest row in tokens; fewer than in training make a smaller file
    """
    graph = _Graph(weights, int8)
    mask = graph.node("Cast", ["attention_mask"], "mask", to=TensorProto.INT32)
    hidden = _embedded(graph, positions)
    layers = sum(name.endswith("qkv.weight") for name in weights)
    for number in range(layers):
        hidden = _layer(graph, f"layers.{number}", hidden, mask, heads)
    _head(graph, hidden)
    _evidence(graph, hidden)
    return _model(graph)


def _embedded(graph: _Graph, positions: int) -> str:
    """The normalised sum of word, position and token type embeddings [B, L, W]."""
    words = _rows(graph, "words.weight", "input_ids")
    kinds = graph.node(
        "Gather", [graph.constant("kinds", graph.weights["kinds.weight"]), "token_type_ids"], "kind"
    )
    table = graph.constant("positions", graph.weights["positions.weight"][:positions])
    length = graph.node("Shape", ["input_ids"], "length", start=1, end=2)
    first = graph.constant("zero", np.zeros(1, dtype=np.int64))
    places = graph.node("Slice", [table, first, length, first], "place")
    total = graph.node(
        "Add", [graph.node("Add", [words, kinds], "word_and_kind"), places], "embedded"
    )
    return graph.node(
        "LayerNormalization", [total, *_norm(graph, "norm")], "hidden", axis=-1, epsilon=_EPSILON
    )


def _rows(graph: _Graph, name: str, ids: str) -> str:
    """The rows of an embedding table with these ids."""
    table = graph.weights[name]
    if not graph.int8:
        return graph.node("Gather", [graph.constant(name, table), ids], f"{name}.rows")
    small, scale = quantised(table)
    whole = graph.node("Gather", [graph.constant(name, small), ids], f"{name}.int8")
    scales = graph.node(
        "Gather", [graph.constant(f"{name}.scale", scale[:, None]), ids], f"{name}.scales"
    )
    return graph.node(
        "Mul",
        [graph.node("Cast", [whole], f"{name}.cast", to=TensorProto.FLOAT), scales],
        f"{name}.rows",
    )


def quantised(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Each row as integers from -127 to 127, and the scale of each row."""
    scale = np.maximum(np.abs(table).max(axis=1), 1e-8) / 127
    return np.rint(table / scale[:, None]).astype(np.int8), scale.astype(np.float32)


def _layer(graph: _Graph, name: str, hidden: str, mask: str, heads: int) -> str:
    """One transformer layer."""
    seen = _linear(graph, f"{name}.out", _attention(graph, name, hidden, mask, heads))
    hidden = _skip(graph, f"{name}.norm1", seen, hidden)
    inner = graph.node("Gelu", [_linear(graph, f"{name}.up", hidden)], f"{name}.inner")
    return _skip(graph, f"{name}.norm2", _linear(graph, f"{name}.down", inner), hidden)


def _attention(graph: _Graph, name: str, hidden: str, mask: str, heads: int) -> str:
    """Projection to queries, keys and values, and attention, in one operator."""
    weight, bias = graph.weights[f"{name}.qkv.weight"], graph.weights[f"{name}.qkv.bias"]
    added = graph.constant(f"{name}.qkv.bias", bias)
    seen = f"{name}.seen"
    if not graph.int8:
        turned = graph.constant(f"{name}.qkv", weight.T)
        return graph.node("Attention", [hidden, turned, added, mask], seen, _FUSED, num_heads=heads)
    small, scale, zero = _int8(graph, f"{name}.qkv", weight)
    parts = [f"{name}.input", f"{name}.input.scale", f"{name}.input.zero"]
    graph.nodes.append(helper.make_node("DynamicQuantizeLinear", [hidden], parts, name=parts[0]))
    inputs = [parts[0], small, added, parts[1], scale, mask, parts[2], zero]
    return graph.node("QAttention", inputs, seen, _FUSED, num_heads=heads)


def _int8(graph: _Graph, name: str, weight: NDArray[np.float32]) -> tuple[str, str, str]:
    """A matrix [out, in] as int8 constants, transposed for multiplication: values [in, out], scales
    and zero points [out].
    """
    small, scale = quantised(weight)
    zero = np.zeros(len(scale), dtype=np.int8)
    return (
        graph.constant(name, small.T),
        graph.constant(f"{name}.scale", scale),
        graph.constant(f"{name}.zero", zero),
    )


def _linear(graph: _Graph, name: str, x: str, *, whole: bool = False) -> str:
    """A linear layer.

    :param whole: in float32 in any case
    """
    weight = graph.weights[f"{name}.weight"]
    bias = graph.constant(f"{name}.bias", graph.weights[f"{name}.bias"])
    if graph.int8 and not whole:
        inputs = [x, *_int8(graph, name, weight), bias]
        return graph.node("DynamicQuantizeMatMul", inputs, f"{name}.sum", _FUSED)
    product = graph.node("MatMul", [x, graph.constant(name, weight.T)], f"{name}.product")
    return graph.node("Add", [product, bias], f"{name}.sum")


def _skip(graph: _Graph, norm: str, x: str, skipped: str) -> str:
    """The sum of both inputs, normalised."""
    both = graph.node("Add", [x, skipped], f"{norm}.sum")
    return graph.node(
        "LayerNormalization",
        [both, *_norm(graph, norm)],
        f"{norm}.hidden",
        axis=-1,
        epsilon=_EPSILON,
    )


def _norm(graph: _Graph, name: str) -> list[str]:
    return [
        graph.constant(f"{name}.{part}", graph.weights[f"{name}.{part}"])
        for part in ("weight", "bias")
    ]


def _head(graph: _Graph, hidden: str) -> None:
    """Start and end scores, always in float32."""
    product = graph.node(
        "MatMul", [hidden, graph.constant("head", graph.weights["head.weight"].T)], "head.product"
    )
    both = graph.node(
        "Add", [product, graph.constant("head.bias", graph.weights["head.bias"])], "scores"
    )
    for place, name in enumerate(_OUTPUTS):
        chosen = graph.constant(f"{name}.place", np.array(place, dtype=np.int64))
        graph.node("Gather", [both, chosen], name, axis=2)


def _evidence(graph: _Graph, hidden: str) -> None:
    """Evidence scores, always in float32."""
    inner = graph.node("Gelu", [_linear(graph, "evidence.up", hidden, whole=True)], "evidence")
    scores = _linear(graph, "evidence.down", inner, whole=True)
    last = graph.constant("last", np.array([-1], dtype=np.int64))
    graph.node("Squeeze", [scores, last], _EVIDENCE)


def _model(graph: _Graph) -> onnx.ModelProto:
    def value(name: str, kind: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, kind, ["rows", "length"])

    inputs = [value(name, TensorProto.INT64) for name in _INPUTS]
    outputs = [value(name, TensorProto.FLOAT) for name in (*_OUTPUTS, _EVIDENCE)]
    whole = helper.make_graph(graph.nodes, "reader", inputs, outputs, graph.constants)
    versions = [helper.make_opsetid("", 20), helper.make_opsetid(_FUSED, 1)]
    return helper.make_model(whole, opset_imports=versions, ir_version=9, producer_name="quoth")
