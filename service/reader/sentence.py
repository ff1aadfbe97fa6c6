"""A reader that picks the sentence with the best evidence.

It weighs, for every sentence of the passages, how near it is to the question in meaning and in words, and whether it
holds the kind of thing that was asked for. The weights come from a logistic regression over labelled questions
(:mod:`eval.fit_sentences`), so that the score is a log-odds.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from index.embed import Encoder
from index.lexical import terms_of
from index.search import Hit, SearchResult
from index.sentences import sentences
from service.reader.span import Span

_STOP_TERMS = frozenset(
    term
    for word in """a about after all also an and any are as at be been before being by can could did do does during each
    for from had has have he her his how i if in into is it its many may me might more most much must my no not of on or
    our out over own per please said say says she should since so some such tell than that the their them then there
    these they this those through to under until up us was we were what when where which while who whom whose why will
    with would you your""".split()
    for term in terms_of(word)
)
_ASKS_NUMBER = re.compile(
    r"\bhow (?:many|much|long|large|big|far|high|old|often|deep|fast|tall|wide)\b"
    r"|\bwhat (?:is|was|were|are)? ?(?:the )?(?:share|number|amount|price|cost|rate|percentage|percent|total|size|value"
    r"|length|capacity|volume)\b",
    re.I,
)
_ASKS_TIME = re.compile(
    r"\bwhen\b|\b(?:what|which|in what|in which) (?:year|month|day|date|decade|century)\b|\bhow long ago\b", re.I
)
_ASKS_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.I)
_ASKS_WHERE = re.compile(
    r"\bwhere\b|\b(?:what|which) (?:city|country|place|town|region|state|location|province)\b", re.I
)
_ASKS_WHY = re.compile(r"\bwhy\b|\b(?:what|which) (?:reason|caused|causes|led|explains)\b|\bhow come\b", re.I)
_AMOUNT = re.compile(
    r"(?<![\d.,])(?!(?:1\d|20)\d\d\b(?![.,]\d))\d[\d.,]*"
    r"(?! (?:January|February|March|April|May|June|July|August|September|October|November|December))"
    r"|\b(?:half|third|quarter|dozens?|hundreds?|thousands?|millions?|billions?|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|eleven|twelve|twice|double)\b",
    re.I,
)
_TIME = re.compile(
    r"\b(?:1\d{3}|20\d{2})\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)\b|\bcentur(?:y|ies)\b|\b\d{1,2}:\d{2}\b",
)
_NAME = re.compile(r"(?<=[\w,;:“\"'(—–-] )[A-Z][\w’'-]+|(?:[A-Z][\w’'-]+ ){1,}[A-Z][\w’'-]+")
_REASON = re.compile(
    r"\b(?:because|since|due to|owing to|as a result|in order to|so that|therefore|thus|reason|caused?|aims?|led to"
    r"|reflect\w*|to (?:avoid|counter|reduce|protect|secure|prevent|help|mitigate|offset))\b",
    re.I,
)
_KINDS = (
    (_ASKS_NUMBER, _AMOUNT),
    (_ASKS_TIME, _TIME),
    (_ASKS_WHO, _NAME),
    (_ASKS_WHERE, _NAME),
    (_ASKS_WHY, _REASON),
)
_LIST_MARK = re.compile(r"(?:[-*+•]|\d{1,3}[.)])\s+(?=\S)")
_FULL_SENTENCE_TERMS = 6

SHORTLIST = 12
"""How many sentences of all passages are embedded: nearly all of a question's time goes there."""


@dataclass(frozen=True, slots=True)
class SentenceWeights:
    """A logistic regression: a weight for each feature, and what is added to the sum."""

    weights: Mapping[str, float]
    intercept: float

    def log_odds(self, features: Mapping[str, float]) -> float:
        """The log-odds of a sentence with these features."""
        return self.intercept + sum(weight * features[name] for name, weight in self.weights.items())


@dataclass(frozen=True, slots=True)
class Candidate:
    """A sentence of a passage.

    :param hit: the best ranked passage that holds it
    :param start: code points into the document's text, half-open
    :param before: the sentence before it in the passage, empty where there is none
    """

    hit: Hit
    start: int
    end: int
    text: str
    before: str


class SentenceReader:
    """Reads passages sentence by sentence."""

    def __init__(self, encoder: Encoder, weights: SentenceWeights) -> None:
        self._encoder = encoder
        self._weights = weights

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same passages might be read differently."""
        return f"sentence {sorted(self._weights.weights.items())} {self._weights.intercept}"

    def read(self, question: str, result: SearchResult) -> list[Span]:
        """The most promising sentences of the passages, best first.

        Their features, which the weights are for:

        - ``meaning``: inner product of the question's and the sentence's vectors
        - ``passage``: inner product of the question's and the passage's vectors
        - ``fused``: the passage's fused retrieval score
        - ``words``: share of the question's terms, weighted by rarity, that stand in the sentence
        - ``near_words``: the same, in the sentence or in the one before it
        - ``topic_words``: the same, in the sentence or in the title and headings above it; these count less for scraps
          such as captions and bylines, which they need not be about
        - ``passage_words``: the same, in the passage, its title and headings
        - ``figures``: share of the question's numbers that stand in the passage, 1 without any
        - ``asked``: 1 where the sentence holds the kind of thing asked for, -1 where it does not, 0 where none is clear
        """
        shortlist = _shortlist(question, candidate_sentences(result.hits), result.idf)
        meanings = self._meanings(question, [candidate.text for candidate, _ in shortlist])
        spans = [
            self._span(candidate, {**features, "meaning": meaning})
            for (candidate, features), meaning in zip(shortlist, meanings, strict=True)
        ]
        return sorted(spans, key=lambda span: (-span.score, span.hit.rank, span.start))

    def _meanings(self, question: str, texts: Sequence[str]) -> list[float]:
        vectors = self._encoder.encode([question, *texts])
        return [float(meaning) for meaning in vectors[1:] @ vectors[0]]

    def _span(self, candidate: Candidate, features: Mapping[str, float]) -> Span:
        return Span(
            hit=candidate.hit,
            start=candidate.start,
            end=candidate.end,
            sentence_start=candidate.start,
            sentence_end=candidate.end,
            score=self._weights.log_odds(features),
            null_score=0.0,
            features=features,
        )


def candidate_sentences(hits: Sequence[Hit]) -> list[Candidate]:
    """The sentences of the passages, each once even where passages overlap, in the order of the passages.

    The mark of a list is not part of the sentence that it opens.
    """
    seen: dict[tuple[str, int, int], Candidate] = {}
    for hit in hits:
        chunk, before = hit.chunk, ""
        for opening, end in sentences(chunk.text):
            mark = _LIST_MARK.match(chunk.text, opening, end)
            start = mark.end() if mark else opening
            text = chunk.text[start:end]
            place = (chunk.document_id, chunk.start + start, chunk.start + end)
            seen.setdefault(place, Candidate(hit, place[1], place[2], text, before))
            before = text
    return list(seen.values())


def _shortlist(
    question: str, candidates: Sequence[Candidate], idf: Mapping[str, float]
) -> list[tuple[Candidate, dict[str, float]]]:
    """The sentences that are worth embedding, with the features that need no model; the most promising first."""
    wanted = {term: idf[term] for term in (idf.keys() - _STOP_TERMS or idf.keys())}
    numbers = dict.fromkeys(_numbers(question), 1.0)
    kinds = [holds for asks, holds in _KINDS if asks.search(question)]
    chunks = {candidate.hit.rank: candidate.hit.chunk for candidate in candidates}
    topics = {rank: set(terms_of(chunk.context)) for rank, chunk in chunks.items()}
    passages = {rank: topics[rank] | set(terms_of(chunk.text)) for rank, chunk in chunks.items()}
    weighed = []
    for candidate in candidates:
        terms, around = set(terms_of(candidate.text)), passages[candidate.hit.rank]
        near = terms | set(terms_of(candidate.before))
        words = _share(wanted, terms)
        with_topic = _share(wanted, terms | topics[candidate.hit.rank])
        features = {
            "passage": candidate.hit.found.dense_score,
            "fused": candidate.hit.score,
            "words": words,
            "near_words": _share(wanted, near),
            "topic_words": words + (with_topic - words) * min(1.0, len(terms) / _FULL_SENTENCE_TERMS),
            "passage_words": _share(wanted, around),
            "figures": _share(numbers, around),
            "asked": _asked(candidate.text, question, kinds),
        }
        weighed.append((candidate, features))
    return sorted(weighed, key=lambda pair: -_promise(pair[1]))[:SHORTLIST]


def _promise(features: Mapping[str, float]) -> float:
    return features["words"] + features["topic_words"] + features["fused"] + features["asked"] / 2


def _share(wanted: Mapping[str, float], present: set[str]) -> float:
    total = math.fsum(wanted.values())
    if total == 0:
        return 1.0
    return math.fsum(weight for term, weight in wanted.items() if term in present) / total


def _numbers(text: str) -> list[str]:
    return [term for term in terms_of(text) if term[0].isdigit()]


def _asked(text: str, question: str, kinds: Sequence[re.Pattern[str]]) -> float:
    """Whether the sentence holds something of a kind asked for that the question does not itself name."""
    if not kinds:
        return 0.0
    named = question.casefold()
    for holds in kinds:
        if any(match[0].casefold() not in named for match in holds.finditer(text)):
            return 1.0
    return -1.0
