"""Scopes in the database: the condition for the documents in one, and which restrict anything."""

from collections.abc import Set
from dataclasses import dataclass, replace

import sqlalchemy as sa

from corpus.document import DEFAULT_COLLECTION
from index.filters import Filters, Scope
from index.store import tables
from index.store.database import Database
from index.store.meta import read_generation
from index.store.rows import groups_of, is_one_of

# Each step looks up the next value in the index, so that only different values are read.
_USED = """
    WITH RECURSIVE used(value) AS (
        SELECT min("{column}") FROM documents
        UNION ALL
        SELECT (SELECT min("{column}") FROM documents WHERE "{column}" > used.value)
        FROM used WHERE used.value IS NOT NULL
    )
    SELECT value FROM used WHERE value IS NOT NULL
"""
_USES_DEFAULT = "SELECT EXISTS (SELECT 1 FROM documents WHERE collection IS NULL)"

_documents = tables.documents.c


def in_scope(scope: Scope) -> list[sa.ColumnElement[bool]]:
    """The conditions for the documents in a scope; none if it has all."""
    conditions: list[sa.ColumnElement[bool]] = []
    if scope.collections is not None:
        named = is_one_of(_documents.collection, sorted(scope.collections))
        is_default = _documents.collection.is_(None)
        conditions.append(
            sa.or_(is_default, named) if DEFAULT_COLLECTION in scope.collections else named
        )
    if scope.groups is not None:
        listed = sa.func.json_each(_documents.groups).table_valued("value", name="its_groups")
        is_shared = sa.exists(
            sa.select(listed.c.value).where(is_one_of(listed.c.value, sorted(scope.groups)))
        )
        conditions.append(sa.or_(_documents.groups.is_(None), is_shared))
    return conditions


@dataclass(frozen=True, slots=True)
class ScopeUse:
    """The collections that have documents, and the different sets of groups that documents have, in
    one generation.
    """

    generation: int
    collections: Set[str]
    groups: Set[tuple[str, ...]]

    def needed(self, filters: Filters) -> Filters:
        """The same filters without a scope that leaves out no document. So a scope costs a search
        nothing where it makes no difference.
        """
        collections, groups = filters.collections, filters.groups
        if collections is not None and self.collections <= collections:
            collections = None
        if groups is not None and not any(map(groups.isdisjoint, self.groups)):
            groups = None
        return replace(filters, collections=collections, groups=groups)


class ScopeReader:
    """Reads which scopes restrict anything. A base of :class:`index.store.store.Store`."""

    database: Database

    def scope_use(self) -> ScopeUse:
        """The collections and groups in use. This is quick however many documents there are."""
        with self.database.reading() as connection:
            named = connection.exec_driver_sql(_USED.format(column="collection")).scalars()
            collections = set(map(str, named))
            if connection.exec_driver_sql(_USES_DEFAULT).scalar_one():
                collections.add(DEFAULT_COLLECTION)
            lists = connection.exec_driver_sql(_USED.format(column="groups")).scalars()
            groups = set(map(groups_of, lists))
            return ScopeUse(read_generation(connection), collections, groups)
