"""Encoders for follow-up questions, worked out by hand, and the turns of conversations."""

import math
from collections.abc import Sequence

import numpy as np

from index.encoding.identity import EncoderIdentity
from index.encoding.vectors import Vectors
from service.question import Role, Turn

FAMILIES = (
    {"russian", "chinese"},
    {"exports", "imports"},
    {"experiment", "studies"},
    {"established", "new"},
)


class Families:
    """An encoder for which words of one family are similar, and all others are not."""

    identity = EncoderIdentity("families", "0" * 64, "by-hand", len(FAMILIES) + 1)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """One axis for each family, and the last axis for all other texts, which differ only in
        sign.
        """
        vectors = np.zeros((len(texts), len(FAMILIES) + 1), dtype=np.float32)
        for row, text in enumerate(texts):
            words = set(text.lower().split())
            axis = next(
                (number for number, family in enumerate(FAMILIES) if words & family), len(FAMILIES)
            )
            vectors[row, axis] = -1 if axis == len(FAMILIES) and row == 0 else 1
        return vectors

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """No test needs these."""
        return [[] for _ in texts]


class Alike:
    """An encoder for which all texts are equally similar to the first."""

    def __init__(self, likeness: float) -> None:
        self.identity = EncoderIdentity("alike", "0" * 64, "by-hand", 2)
        self._other = (likeness, math.sqrt(1 - likeness**2))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """The first text on one axis, and the others at the angle of their similarity to it."""
        return np.array([(1, 0), *[self._other] * (len(texts) - 1)], dtype=np.float32)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """No test needs these."""
        return [[] for _ in texts]


def turns(*texts: str) -> list[Turn]:
    """Turns of the user, or of the assistant if a text begins with ">"."""
    return [
        Turn(Role.ASSISTANT, text[1:].strip()) if text.startswith(">") else Turn(Role.USER, text)
        for text in texts
    ]
