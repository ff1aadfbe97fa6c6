"""A reader that counts, to see how early reading stops."""

from collections.abc import Sequence

from service.reader.passage import PassageReader, Reading


class CountingReader:
    """Counts the passages that the inner reader is asked to read."""

    def __init__(self, inner: PassageReader) -> None:
        self._inner = inner
        self.count = 0

    @property
    def digest(self) -> str:
        """The inner reader's."""
        return self._inner.digest

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """What the inner reader says."""
        self.count += len(passages)
        return self._inner.read(question, passages)
