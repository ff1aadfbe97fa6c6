"""Collections: named parts of an index. A document belongs to one of them."""

from collections.abc import Collection as Names
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from corpus.document import DEFAULT_COLLECTION, check_collection
from corpus.errors import ConflictError, NotFoundError
from index.filters import EVERYTHING, Scope
from index.store import tables
from index.store.database import Database, insert_or_keep, now
from index.store.rows import is_one_of
from index.store.scoping import in_scope


@dataclass(frozen=True, slots=True)
class StoredCollection:
    """A collection as the store knows it.

    :param min_confidence: the lowest confidence of its answers, 0 to 1; None means the calibrated
        threshold
    :param created_at: ISO 8601, UTC; None for the default collection, which always exists
    :param documents: how many documents of it are in the scope that was asked about
    """

    name: str
    description: str = ""
    min_confidence: float | None = None
    created_at: str | None = None
    documents: int = 0


class CollectionTable:
    """Reads and writes the collections. A base of :class:`index.store.store.Store`."""

    database: Database

    def collections(self, scope: Scope = EVERYTHING) -> list[StoredCollection]:
        """The collections in a scope, the default one first, then by name."""
        name = sa.func.coalesce(tables.documents.c.collection, DEFAULT_COLLECTION)
        counted = sa.select(name, sa.func.count()).where(*in_scope(scope)).group_by(name)
        with self.database.reading() as connection:
            counts = {row[0]: int(row[1]) for row in connection.execute(counted)}
            rows = connection.execute(
                sa.select(tables.collections).order_by(tables.collections.c.name)
            ).all()
        stored = {
            DEFAULT_COLLECTION: StoredCollection(DEFAULT_COLLECTION),
            **{row.name: StoredCollection(**row._mapping) for row in rows},
        }
        return [
            StoredCollection(
                each.name,
                each.description,
                each.min_confidence,
                created_at=each.created_at,
                documents=counts.get(each.name, 0),
            )
            for each in stored.values()
            if scope.collections is None or each.name in scope.collections
        ]

    def require_collections(self, names: Names[str]) -> dict[str, float | None]:
        """Check that collections exist.

        :return: the lowest confidence of the answers of each
        :raises NotFoundError: one of them does not exist
        """
        found: dict[str, float | None] = {DEFAULT_COLLECTION: None}
        wanted = set(names) - found.keys()
        if wanted:
            columns = tables.collections.c.name, tables.collections.c.min_confidence
            query = sa.select(*columns).where(is_one_of(columns[0], sorted(wanted)))
            with self.database.reading() as connection:
                found |= {row.name: row.min_confidence for row in connection.execute(query)}
        if missing := wanted - found.keys():
            raise no_collection(min(missing))
        return {name: found[name] for name in names}

    def add_collection(
        self, name: str, description: str = "", min_confidence: float | None = None
    ) -> StoredCollection:
        """Create a collection.

        :raises DocumentError: the name cannot be one
        :raises ConflictError: there is one of this name
        """
        created = StoredCollection(check_collection(name), description, min_confidence, now())
        if name == DEFAULT_COLLECTION or not self.add_collections([created]):
            raise ConflictError(name, "there is a collection of this name")
        return created

    def add_collections(self, collections: Sequence[StoredCollection]) -> int:
        """Create those of the collections that do not exist, and return how many."""
        rows = [
            {
                "name": each.name,
                "description": each.description,
                "min_confidence": each.min_confidence,
                "created_at": each.created_at,
            }
            for each in collections
            if each.name != DEFAULT_COLLECTION
        ]
        if not rows:
            return 0
        with self.database.transaction() as connection:
            return sum(
                connection.execute(insert_or_keep(tables.collections), row).rowcount for row in rows
            )


def no_collection(name: str) -> NotFoundError:
    """The error for a collection that does not exist, or that one may not know of."""
    return NotFoundError(f"there is no collection {name!r}")


def delete_collection_row(connection: sa.Connection, name: str) -> None:
    """Delete a collection itself, in a transaction that has removed its documents."""
    connection.execute(tables.collections.delete().where(tables.collections.c.name == name))
