"""Why a question has no answer."""

from enum import StrEnum


class Reason(StrEnum):
    """Why there is no answer."""

    NOTHING_RETRIEVED = "nothing_retrieved"
    NO_SPAN = "no_span"
    LOW_CONFIDENCE = "low_confidence"
    FILTER_EXCLUDES_ALL = "filter_excludes_all"
