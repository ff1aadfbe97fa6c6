"""Caches which chunks pass the filters of recent questions."""

import threading
from collections import OrderedDict
from dataclasses import dataclass

from index.filters import EVERYTHING, Filters
from index.search.idset import NOTHING, IdSet
from index.store.scoping import ScopeUse
from index.store.store import Store

_KEPT = 64
"""The number of filters in the cache. With a million chunks, each takes 125 kB."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The chunks that pass some filters, in one generation."""

    generation: int
    ids: IdSet


class AllowedChunks:
    """The chunks that pass the most recently used filters. Thread-safe."""

    # Reading half a million ids for every question would take longer than the search. So they are
    # read once, and later only their changes.

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: OrderedDict[Filters, Allowed] = OrderedDict()
        self._lock = threading.Lock()
        self._use: ScopeUse | None = None

    def needed(self, filters: Filters, generation: int) -> tuple[Filters, int]:
        """The filters without a scope that leaves out no document.

        :return: these filters, and the generation in which they pass the same documents: this one,
            or a later one if the store has one
        :raises StoreError: the store cannot be read
        """
        if filters.scope == EVERYTHING:
            return filters, generation
        use = self._use
        if use is None or use.generation != generation:
            self._use = use = self._store.scope_use()
        return use.needed(filters), use.generation

    def of(self, filters: Filters, generation: int) -> Allowed:
        """The chunks that pass in this generation, or in a later one if the store has one.

        :raises StoreError: the store cannot be read
        """
        with self._lock:
            known = self._kept.get(filters, Allowed(0, NOTHING))
        allowed = known if known.generation == generation else self._brought_forward(known, filters)
        with self._lock:
            self._kept[filters] = allowed
            self._kept.move_to_end(filters)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return allowed

    def _brought_forward(self, known: Allowed, filters: Filters) -> Allowed:
        passing = self._store.passing(filters, known.generation)
        ids = known.ids - IdSet.of(passing.removed) | IdSet.of(passing.added)
        return Allowed(passing.generation, ids)
