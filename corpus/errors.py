"""The errors of Quoth, one small tree, its classes chosen by what the caller does next.

QuothError             root |- DocumentError       a document cannot be taken: mend the file or the
text |- StoreError          the index is missing, damaged, in use or built otherwise: do what the
message says |- QuestionError       the question cannot be taken: ask differently |- NotFoundError
there is no such document, version or answer: look for another `- SettingsError       a setting is
wrong: change it"""


class QuothError(Exception):
    """Root of every error that Quoth raises on purpose. Its text says what, which value, and the
    way out.
    """


class DocumentError(QuothError):
    """A document cannot be taken.

    :param source: the path, file name or document id at fault
    :param reason: what is wrong with it, in a few words
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(f"{source}: {reason}")
        self.source = source
        self.reason = reason

    def __reduce__(self) -> tuple[type["DocumentError"], tuple[str, str]]:
        return DocumentError, (self.source, self.reason)


class StoreError(QuothError):
    """The index is missing, damaged, in use by another writer, or built with other settings."""


class QuestionError(QuothError):
    """The question, or what came with it, cannot be taken.

    :param field: the name of the field at fault
    """

    def __init__(self, message: str, field: str = "question") -> None:
        super().__init__(message)
        self.field = field


class NotFoundError(QuothError):
    """What was named is not there: a document, one of its versions, or a stored answer."""


class SettingsError(QuothError):
    """A setting is wrong, unknown, or out of its bounds."""
