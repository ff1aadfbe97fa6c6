"""Data of an application that lives in the store's database and changes with its documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

TransactionStep = Callable[[sa.Connection], None]
"""Writes an application's rows in a transaction of the store."""


def _removes_nothing(_connection: sa.Connection, _document_id: str) -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class ApplicationData:
    """Tables that an application keeps beside the store's own.

    The store creates them, and otherwise leaves them alone when an index is rebuilt or renewed.

    :param tables: created when a store is opened that lacks one of them
    :param counted: the tables whose rows :meth:`index.store.store.Store.counts` counts
    :param remove_document: deletes the rows that show a document's text, in the transaction that
        removes the document; returns how many were deleted, by name
    """

    tables: sa.MetaData
    counted: tuple[sa.Table, ...] = ()
    remove_document: Callable[[sa.Connection, str], Mapping[str, int]] = _removes_nothing
