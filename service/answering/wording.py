"""What people read about an answer, in the same words everywhere.

The page, Slack, the command line, OpenAI's chat completions and MCP all take their wording from
here: what a confidence is called, what a refusal says, how a conflict is announced, and how Quoth
replies to small talk.
"""

import math
from typing import Any

from service.answering.reason import Reason

NO_ANSWER = "The documents do not say."
"""What every refusal says first."""

REFUSALS = {
    Reason.NOTHING_RETRIEVED: "Nothing in them is close to this question.",
    Reason.NO_SPAN: "The nearest passages contain no words that answer it.",
    Reason.LOW_CONFIDENCE: "The nearest passages do not answer it with enough certainty.",
    Reason.FILTER_EXCLUDES_ALL: "No document matches the filters.",
}
"""What a refusal says next, by its reason."""

UNSURE = "Not certain, but the documents may say:"
"""What a best guess says first, before its sentence."""

CONFLICT = "The documents disagree."
"""What an answer with a conflict says first."""

ALSO_SAY = "They also say:"
"""The heading of the other values in a conflict."""

OTHER_ANSWERS = "Other possible answers:"
"""The heading of less likely answers where there is no conflict."""

NEAREST = "The nearest passages"
"""The heading of the passages that a refusal shows."""

GREETING = "Hello. Ask me a question, and I will quote what the documents say about it."
"""The reply to a greeting."""

WELCOME = "You’re welcome. Ask me another question whenever you like."
"""The reply to thanks."""

AGREED = "All right. Ask me another question whenever you like."
"""The reply to "ok" and the like."""

FAREWELL = "Goodbye. I am here when you have another question."
"""The reply to a farewell."""

ABOUT_QUOTH = (
    "I am Quoth. I answer questions from your documents by quoting them word for word, and I name "
    "the source of every quote. Ask me about anything that they cover."
)
"""The reply to questions about Quoth itself, such as "who are you?" and "help"."""

CONFIDENCE_LEVELS = (
    (95, "Almost certainly right"),
    (85, "Very likely right"),
    (70, "Likely right"),
    (50, "Probably right"),
    (30, "Possibly right"),
    (0, "Doubtful"),
)
"""What a confidence is called: the least percentage of each level, and its name; highest first."""


def confidence_words(confidence: float) -> str:
    """What a calibrated probability is called.

    :param confidence: 0 to 1
    """
    # Rounded half up, as the page rounds, so that a name always matches the percentage beside it.
    percentage = math.floor(confidence * 100 + 0.5)
    return next(words for least, words in CONFIDENCE_LEVELS if percentage >= least)


def refusal(reason: Reason) -> str:
    """What a refusal says, in full: that the documents do not say, and why."""
    return f"{NO_ANSWER} {REFUSALS[reason]}"


def other_file_name(title: str, file_name: str | None) -> str | None:
    """The file name to show beside a title, None if there is none or the title is the same."""
    return None if file_name == title else file_name


def page_wording() -> dict[str, Any]:  # JSON
    """The wording that the page needs, ready to be written as JSON."""
    return {
        "noAnswer": NO_ANSWER,
        "unsure": UNSURE,
        "refusals": REFUSALS,
        "conflict": CONFLICT,
        "nearest": NEAREST,
        "confidenceLevels": CONFIDENCE_LEVELS,
    }
