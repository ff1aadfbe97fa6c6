"""Filters: what a search is narrowed to, and the scope that nothing leaves."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Self


@dataclass(frozen=True, slots=True)
class Scope:
    """The documents that somebody may know of. Every other document does not exist for them.

    :param collections: the collections that they may see; None means all
    :param groups: the groups that they are in. A document without groups is for everybody who may
        see its collection, any other only for its groups. None means that they see all documents
    """

    collections: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def admits(self, collection: str, groups: tuple[str, ...]) -> bool:
        """Whether a document of this collection, with these groups, is in the scope."""
        return (self.collections is None or collection in self.collections) and (
            self.groups is None or not groups or not self.groups.isdisjoint(groups)
        )

    def within(self, other: "Scope") -> "Scope":
        """The scope of what is in both."""
        return Scope(
            _common(self.collections, other.collections), _common(self.groups, other.groups)
        )


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the documents that a search may return.

    Conditions of different kinds must all hold; several values of one kind are alternatives. An
    empty kind does not narrow. A document without a date fails ``published_from`` and
    ``published_to``. All days are included.

    :param known_by: leaves out what was published later; documents without a date pass
    :param collections: leaves out other collections; None leaves out none, and an empty set all
    :param groups: leaves out documents that have groups, but none of these; None leaves out none
    """

    document_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None
    known_by: date | None = None
    collections: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        return self != NO_FILTERS

    @property
    def scope(self) -> Scope:
        """The scope alone, without the conditions that a question adds."""
        return Scope(self.collections, self.groups)

    def within(self, scope: Scope) -> Self:
        """The same filters, which also leave out what is not in a scope."""
        common = self.scope.within(scope)
        return replace(self, collections=common.collections, groups=common.groups)


NO_FILTERS = Filters()


def _common(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other
