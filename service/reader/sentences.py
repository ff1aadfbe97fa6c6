"""The sentences of the passages that are being read."""

from functools import lru_cache

from index.text.sentences import sentences


# A passage is read token by token and then compared sentence by sentence. Both steps need its
# sentences, and splitting it twice costs more than caching the sentences of a few questions.
@lru_cache(maxsize=512)
def passage_sentences(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences of a passage as half-open spans of code points, in order."""
    return tuple(sentences(text))
