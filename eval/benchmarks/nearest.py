"""The exactly nearest chunks of questions, by comparison with every vector in the store."""

import numpy as np

from index.encoding.vectors import Vectors
from index.store.store import Store


def exact_nearest(store: Store, questions: Vectors, depth: int) -> list[list[int]]:
    """The ids of the ``depth`` chunks with the greatest inner products, for each question, best
    first.
    """
    scores = np.full((len(questions), depth), -np.inf, dtype=np.float32)
    ids = np.zeros((len(questions), depth), dtype=np.int64)
    for part in store.vector_changes_since(0):
        scores = np.concatenate([scores, questions @ part.vectors.T], axis=1)
        added = np.broadcast_to(part.added, (len(questions), len(part.added)))
        ids = np.concatenate([ids, added], axis=1)
        best = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
        scores = np.take_along_axis(scores, best, axis=1)
        ids = np.take_along_axis(ids, best, axis=1)
    order = np.argsort(-scores, axis=1, kind="stable")
    return [row.tolist() for row in np.take_along_axis(ids, order, axis=1)]
