"""A passage reader that counts, to see how early reading stops."""

from collections.abc import Sequence

from index.text.view import View
from service.reader.passage import PassageReader, Reading


class CountingReader:
    """Counts the passages that it is asked to read, and leaves the reading to another reader.

    :param count: number of passages
    """

    def __init__(self, inner: PassageReader) -> None:
        self._inner = inner
        self.count = 0

    @property
    def digest(self) -> str:
        """The digest of the other reader."""
        return self._inner.digest

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """The readings of the other reader."""
        self.count += len(passages)
        return self._inner.read(question, passages)
