"""The form of an answer."""

from enum import StrEnum


class AnswerForm(StrEnum):
    """What an answer quotes: a few words, a whole sentence, several sentences, the items of a list
    with the words that introduce them, or the cells of a row of a table.
    """

    SHORT = "short"
    SENTENCE = "sentence"
    PASSAGE = "passage"
    LIST = "list"
    ROW = "row"


FITTED_FORMS = (AnswerForm.SHORT, AnswerForm.SENTENCE)
"""The forms that the reader finds, and that ranking and confidence are fitted for. The others are
composed of them.
"""
