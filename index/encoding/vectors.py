"""Vectors: the type that passes between encoders, the store and the search indexes."""

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""One vector of length 1 for each text: float32 ``[texts, dimension]``."""
