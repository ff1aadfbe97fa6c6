"""Data of an application that lives in the store's database and changes with its documents."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

TransactionStep = Callable[[sa.Connection], None]
"""Writes an application's rows in a transaction of the store."""


def _removes_nothing(
    _connection: sa.Connection, _document_id: str, _versions: Sequence[str] | None
) -> Mapping[str, int]:
    return {}


def _finds_nothing(_connection: sa.Connection) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class ApplicationData:
    """Tables that an application keeps beside the store's own.

    The store creates them, and otherwise leaves them alone when an index is rebuilt or renewed.

    :param tables: created when a store is opened that lacks one of them
    :param counted: the tables whose rows :meth:`index.store.store.Store.counts` counts
    :param remove_document: deletes what shows a document's text, in the transaction that removes
        the document or some of its former versions, which are then given; returns how many rows
        were deleted, by name
    :param faults: a line for each row that is damaged
    """

    tables: sa.MetaData
    counted: tuple[sa.Table, ...] = ()
    remove_document: Callable[[sa.Connection, str, Sequence[str] | None], Mapping[str, int]] = (
        _removes_nothing
    )
    faults: Callable[[sa.Connection], Iterable[str]] = _finds_nothing
