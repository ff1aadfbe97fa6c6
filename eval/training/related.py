"""Finds related words by the encoder's word embeddings."""

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer


class Related:
    """Sorts words by their cosine similarity to a word. Words that are not a single token of the
    vocabulary are left out.
    """

    def __init__(self, tokenizer: Tokenizer, embeddings: NDArray[np.float32]) -> None:
        self._tokenizer = tokenizer
        self._embeddings = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)

    def nearest(self, word: str, others: list[str]) -> list[str]:
        """The other words, nearest first."""
        mine = self._tokenizer.token_to_id(word)
        known = [
            (other, number)
            for other in others
            if (number := self._tokenizer.token_to_id(other)) is not None
        ]
        if mine is None or not known:
            return []
        cosines = self._embeddings[[number for _, number in known]] @ self._embeddings[mine]
        return [known[place][0] for place in np.argsort(-cosines, kind="stable")]
