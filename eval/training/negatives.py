"""Hard negatives: paragraphs that rank high for a question but do not contain its answer."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

_K1, _B = 1.2, 0.75
_SLICE = 1024


def bm25_ranking(questions: list[str], texts: list[str], depth: int) -> NDArray[np.int32]:
    """Positions in ``texts`` of the ``depth`` best texts for each question, best first: int32 [Q,
    depth].

    The ranking is BM25 (Robertson and Zaragoza 2009) over single words, without words that are in
    more than a fifth of the texts.
    """
    counter = CountVectorizer(stop_words="english", max_df=0.2, dtype=np.float32)
    weights = _weighted(counter.fit_transform(texts)).T.tocsc()
    asked = counter.transform(questions)
    asked.data[:] = 1.0
    ranked = [
        _best(asked[start : start + _SLICE] @ weights, depth)
        for start in range(0, len(questions), _SLICE)
    ]
    return np.concatenate(ranked)


def _weighted(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """BM25's weight of each term in each text."""
    texts = counts.shape[0]
    lengths = np.asarray(counts.sum(axis=1)).ravel()
    held = np.asarray((counts > 0).sum(axis=0)).ravel()
    idf = np.log1p((texts - held + 0.5) / (held + 0.5))
    rows = np.repeat(np.arange(texts), np.diff(counts.indptr))
    norm = _K1 * (1 - _B + _B * lengths / lengths.mean())
    counts.data = idf[counts.indices] * counts.data * (_K1 + 1) / (counts.data + norm[rows])
    return counts.astype(np.float32)


def _best(scores: sparse.csr_matrix, depth: int) -> NDArray[np.int32]:
    dense = scores.toarray()
    part = np.argpartition(-dense, depth, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(dense, part, axis=1), axis=1, kind="stable")
    return np.take_along_axis(part, order, axis=1).astype(np.int32)
