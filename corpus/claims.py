"""Claims: which file a document id belongs to, so that two files never become one document."""

from collections.abc import Iterable, Iterator, Mapping

from corpus.errors import DocumentError
from corpus.load import ParseResult


class IdClaims:
    """The document ids that are taken, each with the file or upload that its document is from."""

    def __init__(self, holders: Mapping[str, str] | None = None) -> None:
        """Claims that start with ``holders``: the source of each document by its id."""
        self._holders = dict(holders or {})

    def holder(self, document_id: str) -> str | None:
        """The source that holds an id, None where the id is free."""
        return self._holders.get(document_id)

    def claim(self, document_id: str, source: str) -> None:
        """Take a free id for a source.

        :raises DocumentError: the id is taken; the message names both sources
        """
        holder = self._holders.get(document_id)
        if holder is not None:
            raise DocumentError(
                source,
                f"has the id {document_id!r}, which {holder} has too; give one of them another id",
            )
        self._holders[document_id] = source

    def release(self, document_id: str, source: str) -> None:
        """Free an id, unless another source holds it."""
        if self._holders.get(document_id) == source:
            del self._holders[document_id]


def with_unique_ids(results: Iterable[ParseResult]) -> Iterator[ParseResult]:
    """The results, except that a document with the id of an earlier one becomes an error."""
    claims = IdClaims()
    for result in results:
        try:
            if result.document is not None:
                claims.claim(result.document.id, result.source)
        except DocumentError as exc:
            yield ParseResult(result.source, error=exc, fingerprint=result.fingerprint)
        else:
            yield result
