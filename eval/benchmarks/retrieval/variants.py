"""Variants of chunking, lexical analysis and fusion, each compared with the defaults."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache

import tantivy

from index.search.embedded.lexical_search import CONTEXT_WEIGHT
from index.search.engine import Candidates
from index.search.fusion import DENSE_WEIGHT, fuse
from index.text.chunk import Chunk, ChunkSettings

CHUNK_LENGTHS = (64, 96, 128, 192, 256)
OVERLAPS = (0, 2)
CONTEXT_WEIGHTS = (0.0, 0.25, 1.0)
DENSE_WEIGHTS = tuple(round(tenth / 10, 1) for tenth in range(11))
RANK_CONSTANTS = (10, 60, 100)
_MAX_TERM_CHARACTERS = 64


class Words(StrEnum):
    """How numbers such as 3,000 and words with hyphens such as Sila-2 become terms."""

    SPLIT = "split"
    NUMBERS = "numbers whole"
    HYPHENS = "hyphens whole"
    WHOLE = "both whole"
    BESIDE = "both whole, beside their parts"


_LETTER = r"[\p{Alphabetic}\p{N}]"


_NUMBER = r"\p{Nd}+(?:[.,]\p{Nd}+)+"


_PATTERNS = {
    Words.NUMBERS: rf"{_NUMBER}|{_LETTER}+",
    Words.HYPHENS: rf"{_LETTER}+(?:[-‐‑]{_LETTER}+)*",
    Words.WHOLE: rf"{_NUMBER}|{_LETTER}+(?:[-‐‑]{_LETTER}+)*",
}


@dataclass(frozen=True, slots=True)
class Analyser:
    """How texts become terms. The defaults are those of
    :mod:`index.search.embedded.lexical_search`.
    """

    stemming: bool = True
    stop_words_kept: bool = True
    folding: bool = True
    words: Words = Words.SPLIT

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in its order."""
        if self.words is not Words.BESIDE:
            return list(_tantivy_analyser(self).analyze(text))
        parts = replace(self, words=Words.SPLIT).terms(text)
        known = set(parts)
        return parts + [
            term for term in replace(self, words=Words.WHOLE).terms(text) if term not in known
        ]


@cache
def _tantivy_analyser(analyser: Analyser) -> tantivy.TextAnalyzer:
    pattern = _PATTERNS.get(analyser.words)
    tokenizer = tantivy.Tokenizer.regex(pattern) if pattern else tantivy.Tokenizer.simple()
    filters = [tantivy.Filter.remove_long(_MAX_TERM_CHARACTERS), tantivy.Filter.lowercase()]
    if not analyser.stop_words_kept:
        filters.append(tantivy.Filter.stopword("english"))
    if analyser.folding:
        filters.append(tantivy.Filter.ascii_fold())
    if analyser.stemming:
        filters.append(tantivy.Filter.stemmer("english"))
    builder = tantivy.TextAnalyzerBuilder(tokenizer)
    for each in filters:
        builder = builder.filter(each)
    return builder.build()


@dataclass(frozen=True, slots=True)
class Convex:
    """A convex combination of scores, as :func:`index.search.searcher.fuse` makes it."""

    weight: float = DENSE_WEIGHT

    def rank(self, candidates: Candidates) -> list[int]:
        """The candidates' ids, best first."""
        return [fused.id for fused in fuse(candidates, weight=self.weight)]


@dataclass(frozen=True, slots=True)
class Reciprocal:
    """The sum of ``1 / (constant + rank)`` over both rankings (Cormack, Clarke and Büttcher
    2009).
    """

    constant: int

    def rank(self, candidates: Candidates) -> list[int]:
        """The candidates' ids, best first."""
        scores = {
            fused.id: sum(
                1 / (self.constant + rank)
                for rank in (fused.dense_rank, fused.lexical_rank)
                if rank
            )
            for fused in fuse(candidates)
        }
        return sorted(scores, key=lambda id: (-scores[id], id))


@dataclass(frozen=True, slots=True)
class Chunking:
    """How documents are cut into chunks, and whether the encoder sees title and headings."""

    settings: ChunkSettings = field(default_factory=ChunkSettings)
    context_embedded: bool = True

    def embedded_text(self, chunk: Chunk) -> str:
        """What the encoder sees of a chunk."""
        return chunk.embedded_text if self.context_embedded else chunk.text


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to search. What is not given is the default.

    :param part: what is varied, in words
    :param value: its value, in words
    """

    part: str
    value: str
    chunking: Chunking = field(default_factory=Chunking)
    analyser: Analyser = field(default_factory=Analyser)
    context_weight: float = CONTEXT_WEIGHT
    fusion: Convex | Reciprocal = field(default_factory=Convex)


DEFAULT_VARIANT = Variant("defaults", "")


FEW_CHUNKINGS = (
    Chunking(ChunkSettings(max_tokens=96)),
    Chunking(ChunkSettings(max_tokens=256)),
    Chunking(context_embedded=False),
)
"""Chunkings for a part of SciFact. All of SciFact has 1.6 million tokens, which every chunking
would embed anew.
"""


DENSE, LEXICAL = Convex(1.0), Convex(0.0)


def chunkings() -> Iterator[Variant]:
    """Variants of cutting and embedding. Each differs from the defaults in one thing."""
    for tokens in CHUNK_LENGTHS:
        yield Variant(
            "chunk length", f"{tokens} tokens", Chunking(ChunkSettings(max_tokens=tokens))
        )
    for overlap in OVERLAPS:
        yield Variant("overlap", f"{overlap} sentences", Chunking(ChunkSettings(overlap=overlap)))
    yield Variant("embedded text", "without title and headings", Chunking(context_embedded=False))


def searches() -> Iterator[Variant]:
    """Variants of searching the default chunks. Each differs from the defaults in one thing."""
    yield Variant("analyser", "no stemming", analyser=Analyser(stemming=False))
    yield Variant("analyser", "stop words left out", analyser=Analyser(stop_words_kept=False))
    yield Variant("analyser", "accents kept", analyser=Analyser(folding=False))
    for words in Words:
        if words is not Words.SPLIT:
            yield Variant("analyser", words, analyser=Analyser(words=words))
    for weight in CONTEXT_WEIGHTS:
        yield Variant("title's weight in BM25", f"{weight}", context_weight=weight)
    for weight in DENSE_WEIGHTS:
        yield Variant("dense weight", f"{weight}", fusion=Convex(weight))
    for constant in RANK_CONSTANTS:
        yield Variant("reciprocal ranks", f"k = {constant}", fusion=Reciprocal(constant))
