"""Filters: what a search is narrowed to."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the documents that a search may return.

    Conditions of different kinds must all hold; several values of one kind are alternatives. An
    empty kind does not narrow. A document without a date fails ``published_from`` and
    ``published_to``. All days are included.

    :param known_by: leaves out what was published later; documents without a date pass
    """

    document_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None
    known_by: date | None = None

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        return self != NO_FILTERS


NO_FILTERS = Filters()
