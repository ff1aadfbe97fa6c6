"""A set of chunk ids with one bit each, so that even large sets are cheap to keep, combine and
search with.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.store.rows import ChunkIds

Bits = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class IdSet:
    """A set of ids from 0 up. It is immutable: every operation returns a new set.

    :param bits: contains id ``n`` if bit ``n % 8`` of byte ``n // 8`` is 1; ids past the last byte
        are not in the set
    """

    bits: Bits

    @classmethod
    def of(cls, ids: ChunkIds) -> "IdSet":
        """The set of these ids."""
        return cls(_bits(ids))

    def __len__(self) -> int:
        """The number of ids in the set."""
        return int(np.bitwise_count(self.bits).sum())

    def __and__(self, other: "IdSet") -> "IdSet":
        """The ids that are in both sets."""
        size = min(len(self.bits), len(other.bits))
        return IdSet(self.bits[:size] & other.bits[:size])

    def __or__(self, other: "IdSet") -> "IdSet":
        """The ids that are in either set."""
        size = max(len(self.bits), len(other.bits))
        return IdSet(_padded(self.bits, size) | _padded(other.bits, size))

    def __sub__(self, other: "IdSet") -> "IdSet":
        """The ids that are in this set and not in the other."""
        return IdSet(self.bits & ~_padded(other.bits, len(self.bits))[: len(self.bits)])

    def ids(self) -> ChunkIds:
        """The ids in ascending order."""
        return np.flatnonzero(np.unpackbits(self.bits, bitorder="little"))

    def holds(self, ids: ChunkIds) -> NDArray[np.bool_]:
        """For each of the given ids, whether it is in the set."""
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
