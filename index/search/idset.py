"""A set of chunk numbers, one bit each: small enough to be kept, combined and searched with,
however many there are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.store.rows import ChunkIds

Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IdSet:
    """Numbers from 0 up. It never changes; every operation makes another set.

    :param bits: number ``n`` is in where bit ``n % 8`` of byte ``n // 8`` is 1; past the last byte
        nothing is in
    """

    bits: Bits

    @classmethod
    def of(cls, ids: ChunkIds) -> "IdSet":
        """The set of those numbers."""
        return cls(_bits(ids))

    def __len__(self) -> int:
        """How many numbers are in."""
        return int(np.bitwise_count(self.bits).sum())

    def __and__(self, other: "IdSet") -> "IdSet":
        """The numbers that are in both."""
        size = min(len(self.bits), len(other.bits))
        return IdSet(self.bits[:size] & other.bits[:size])

    def __or__(self, other: "IdSet") -> "IdSet":
        """The numbers that are in either."""
        size = max(len(self.bits), len(other.bits))
        return IdSet(_padded(self.bits, size) | _padded(other.bits, size))

    def __sub__(self, other: "IdSet") -> "IdSet":
        """The numbers that are in this and not in the other."""
        return IdSet(self.bits & ~_padded(other.bits, len(self.bits))[: len(self.bits)])

    def ids(self) -> ChunkIds:
        """The numbers, ascending."""
        return np.flatnonzero(np.unpackbits(self.bits, bitorder="little"))

    def holds(self, ids: ChunkIds) -> NDArray[np.bool_]:
        """Whether each of the numbers is in."""
        bits = _padded(self.bits, int(ids.max(initial=0)) // 8 + 1)
        return np.asarray(bits[ids >> 3] >> (ids & 7).astype(np.uint8) & 1, dtype=np.bool_)


NOTHING = IdSet(np.empty(0, dtype=np.uint8))
"""The empty set."""


def _bits(ids: ChunkIds) -> Bits:
    flags = np.zeros(int(ids.max(initial=-1)) + 1, dtype=np.bool_)
    flags[ids] = True
    return np.packbits(flags, bitorder="little")


def _padded(bits: Bits, size: int) -> Bits:
    return np.pad(bits, (0, max(0, size - len(bits))))
