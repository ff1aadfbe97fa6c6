"""The form of an answer."""

from enum import StrEnum


class AnswerForm(StrEnum):
    """What an answer quotes: a few words, or a whole sentence."""

    SHORT = "short"
    SENTENCE = "sentence"
