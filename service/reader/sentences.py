"""The sentences of the passages that are being read."""

from functools import lru_cache

from index.text.sentences import sentences


# A passage is read token by token and then weighed sentence by sentence: both need its sentences,
# and splitting costs more than remembering those of a few questions.
@lru_cache(maxsize=512)
def passage_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of a passage as half-open spans of it, in order."""
    return tuple(sentences(text))
