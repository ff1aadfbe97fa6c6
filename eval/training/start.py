"""Training goes on from weights that are there already.

These are either a shipped int8 graph, turned back into a network, or what :mod:`compact
<eval.training.compact>` keeps of a run. Word and position embeddings are never trained. They come
from MiniLM again, in full.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from eval.training.compact import FROZEN, NAME, read_compact
from eval.training.graph import Weights
from eval.training.model import Reader


def start_from(reader: Reader, folder: Path) -> None:
    """Give a reader the weights of a folder, except for its word and position embeddings. A head
    that the folder lacks stays as it is.

    :param reader: as it is built from MiniLM
    :param folder: what was shipped, or a compact file of a run
    """
    state = reader.state_dict()
    trained = [name for name in state if name not in FROZEN]
    compact = (folder / NAME).exists()
    weights = read_compact(folder) if compact else _of_graph(folder / "reader.onnx", trained)
    for name in trained:
        if name not in weights and name.startswith("evidence."):
            continue
        state[name].copy_(torch.from_numpy(np.array(weights[name], dtype=np.float32, order="C")))


def _of_graph(path: Path, names: list[str]) -> Weights:
    constants = {
        each.name: numpy_helper.to_array(each) for each in onnx.load(path).graph.initializer
    }
    has_evidence = "evidence.up" in constants
    return {
        name: _value(name, constants)
        for name in names
        if has_evidence or not name.startswith("evidence.")
    }


def _value(name: str, constants: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    """A weight out of the graph's constants. Matrices are turned and in whole steps there."""
    if name == "kinds.weight":
        return constants["kinds"].astype(np.float32)
    if name in constants:
        whole = constants[name].astype(np.float32)
        return whole.T if name == "head.weight" else whole
    matrix = name.removesuffix(".weight")
    scale = constants.get(f"{matrix}.scale", np.ones(1))
    return constants[matrix].astype(np.float32).T * scale.astype(np.float32).reshape(-1, 1)
