"""Vectors of texts, kept in a folder."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from eval.console import stderr
from index.encoding.encoder import Encoder
from index.encoding.vectors import Vectors

_BATCH_TEXTS = 512


class VectorCache:
    """Vectors of texts, kept in a folder, so that a run that was cut off can be resumed."""

    def __init__(self, folder: Path, encoder: Encoder) -> None:
        self._encoder = encoder
        self._folder = folder / f"{encoder.identity.form}-{encoder.identity.digest[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._known: dict[str, Vectors] = {}
        for path in sorted(self._folder.glob("*.npz")):
            with np.load(path) as stored:
                self._known.update(zip(stored["keys"].tolist(), stored["vectors"], strict=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The vectors of texts, float32 ``[len(texts), dimension]``. New ones are on disk when this
        returns.
        """
        unseen = [text for text in dict.fromkeys(texts) if _digest(text) not in self._known]
        for start in range(0, len(unseen), _BATCH_TEXTS):
            stderr.print(f"  {start} of {len(unseen)} texts embedded")
            self._add(unseen[start : start + _BATCH_TEXTS])
        return np.stack([self._known[_digest(text)] for text in texts])

    def _add(self, texts: Sequence[str]) -> None:
        keys, vectors = [_digest(text) for text in texts], self._encoder.encode(texts)
        scratch = self._folder / f"{keys[0]}.tmp"
        with scratch.open("wb") as file:
            np.savez(file, keys=np.array(keys), vectors=vectors)
        scratch.replace(scratch.with_suffix(".npz"))
        self._known.update(zip(keys, vectors, strict=True))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
