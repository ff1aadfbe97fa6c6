"""The errors of Quoth: one small tree. The class says what the caller should do next.

QuothError
|- DocumentError       a document cannot be accepted: fix the file or the text
|  `- ConflictError    another document has its id: say which of the two is meant
|- StoreError          the index is missing, damaged, in use, or built with other settings:
|                      do what the message says
|- QuestionError       the question cannot be accepted: ask differently
|- NotFoundError       there is no such document, version or answer: look for another
|- BusyError           the service has too much to do: ask again after a while
`- SettingsError       a setting is wrong: change it
"""


class QuothError(Exception):
    """The root of every error that Quoth raises on purpose. The message says what is wrong, with
    which value, and what to do about it.
    """


class DocumentError(QuothError):
    """A document cannot be accepted.

    :param source: the path, file name or document id
    :param reason: what is wrong with it, in a few words
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[str, str]]:
        return DocumentError, (self.source, self.reason)


class ConflictError(DocumentError):
    """A document has the id of another one, which it may not replace without being asked."""

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[str, str]]:
        return ConflictError, (self.source, self.reason)


class StoreError(QuothError):
    """The index is missing, damaged, in use by another writer, or built with other settings."""


class QuestionError(QuothError):
    """A question, or another field of the request, cannot be accepted.

    :param field: the name of the wrong field
    """

    def __init__(self, message: str, field: str = "question") -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(QuothError):
    """There is no such document, version or stored answer."""


class BusyError(QuothError):
    """The service has too much to do, or the work took too long.

    :param retry_after_s: after how many seconds to try again
    """

    def __init__(self, message: str, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SettingsError(QuothError):
    """A setting is wrong, unknown or out of bounds."""
