"""A small file of what training has changed, from which training can go on.

Word and position embeddings are left out, since they are never trained. Matrices are kept in whole
steps of -127 to 127, with one step size for each output, as they are when they are shipped.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from eval.training.graph import Weights, quantised

NAME = "trained.safetensors"
FROZEN = frozenset({"words.weight", "positions.weight"})

_SCALE = ".scale"


def write_compact(weights: Weights, folder: Path) -> None:
    """Write the trained weights into a folder, under the names that the reader has for them."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, NDArray[np.generic]] = {}
    for name, value in weights.items():
        if name in FROZEN:
            continue
        if value.ndim > 1 and name.startswith("layers."):
            parts[name], parts[name + _SCALE] = quantised(value)
        else:
            parts[name] = value
    save_file(parts, folder / NAME)


def read_compact(folder: Path) -> Weights:
    """The weights that :func:`write_compact` wrote, in float32."""
    parts = load_file(folder / NAME)
    return {
        name: (value * parts[name + _SCALE][:, None] if name + _SCALE in parts else value)
        for name, value in parts.items()
        if not name.endswith(_SCALE)
    }
