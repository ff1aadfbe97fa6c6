"""Filters: what a search is narrowed to."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Filters:
    """Conditions on the documents that a search may return.

    Conditions of different kinds must all hold; several values of one kind are alternatives. An
    empty kind does not narrow. A document without a date fails every date filter. Both days are
    included.
    """

    document_ids: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    published_from: date | None = None
    published_to: date | None = None

    def __bool__(self) -> bool:
        """Whether there is any condition."""
        return bool(self.document_ids or self.tags or self.published_from or self.published_to)
