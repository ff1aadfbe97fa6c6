"""The reader finds spans in passages and ranks them on one scale.

A model marks the most likely short answers in each passage (:mod:`service.reader.passage`). The
reader cleans their edges and ranks them by the model's scores and by the words around them. If a
sentence may answer the question, whole sentences are ranked too, each by the best span that the
model marked in it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from index.search.searcher import Hit, SearchResult
from index.text.sentences import trimmed
from index.text.view import Extent, Heads
from service.reader.asks import AnswerTypes, kind_of, subject_of
from service.reader.edges import is_empty, tidied
from service.reader.evidence import PassageTerms, QuestionTerms
from service.reader.fitted import Feature, Linear, Ranking
from service.reader.form import FITTED_FORMS, AnswerForm
from service.reader.passage import PassageReader, PassageSpan, Reading, log_probabilities
from service.reader.span import Findings, Span, Watch, unwatched

# More passages a round would keep more cores busy, but would often be read in vain. The number must
# not depend on the machine, because the answers depend on it.
ROUND = 2
"""The number of passages that are read between checks of whether the evidence is clear."""


class SpanReader:
    """Reads the passages of a question, best first, until the evidence is clear."""

    def __init__(self, passages: PassageReader, ranking: Ranking) -> None:
        self._passages = passages
        self._ranking = ranking

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same passages might be read differently."""
        return f"{self._passages.digest} {self._ranking}"

    def read(self, question: str, result: SearchResult, watch: Watch = unwatched) -> Findings:
        """Spans that may answer the question."""
        candidates = self._candidates(subject_of(question), FITTED_FORMS, result, watch)
        return Findings(
            kind_of(question),
            {form: _ranked(candidates, form, self._ranking.forms[form]) for form in FITTED_FORMS},
            _best_sentences(candidates, self._ranking.forms[AnswerForm.SENTENCE]),
        )

    def spans(
        self,
        question: str,
        result: SearchResult,
        kinds: Sequence[AnswerForm],
        watch: Watch = unwatched,
    ) -> dict[AnswerForm, tuple[Span, ...]]:
        """The spans of each form, best first."""
        candidates = self._candidates(question, kinds, result, watch)
        return {kind: _ranked(candidates, kind, self._ranking.forms[kind]) for kind in kinds}

    def _candidates(
        self, question: str, kinds: Sequence[AnswerForm], result: SearchResult, watch: Watch
    ) -> list["_Candidate"]:
        hits, readings = result.hits, list[Reading]()
        for start in range(0, len(hits), ROUND):
            watch(result)
            readings += self._passages.read(
                question, [hit.chunk.view for hit in hits[start : start + ROUND]]
            )
            if len(readings) < len(hits) and self._is_clear(readings, hits):
                break
        return list(_candidates(question, kinds, result, readings))

    def _is_clear(self, readings: Sequence[Reading], hits: Sequence[Hit]) -> bool:
        """Whether the readings answer so clearly that the next passages need not be read."""
        margins = [
            reading.spans[0].margin if reading.spans else float("-inf") for reading in readings
        ]
        best = max(range(len(readings)), key=margins.__getitem__)
        lead = hits[best].score - hits[len(readings)].score
        return margins[best] >= self._ranking.clear_margin and lead >= self._ranking.clear_lead


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A span without its score, with offsets into its document."""

    hit: Hit
    kind: AnswerForm
    offsets: Extent
    sentences: Extent
    features: Mapping[str, float]
    heads: Heads | None = None


_NO_CELL: Mapping[str, float] = {Feature.COLUMN: 0.0, Feature.ROW: 0.0}

_WHOLE_CELL = 80
"""How many characters a cell has at most that is quoted whole, with its unit and its mark."""

Marked = Sequence[tuple[PassageSpan, float]]
"""The spans that the model marked in a passage, best first, each with its log probability."""


def _candidates(
    question: str, kinds: Sequence[AnswerForm], result: SearchResult, readings: Sequence[Reading]
) -> Iterator[_Candidate]:
    evidence, types = QuestionTerms(question, result.idf), AnswerTypes(question)
    for hit, reading, logs in zip(result.hits, readings, log_probabilities(readings), strict=False):
        passage = evidence.passage(hit)
        marked = list(zip(reading.spans, logs, strict=True))
        yield from _short(hit, passage, marked, reading.evidence, types)
        if AnswerForm.SENTENCE in kinds:
            yield from _sentences(hit, passage, marked, reading.evidence, types)


def _short(
    hit: Hit,
    passage: PassageTerms,
    marked: Marked,
    evidence: Sequence[float],
    types: AnswerTypes,
) -> Iterator[_Candidate]:
    view = hit.chunk.view
    for span, log_probability in marked:
        part = view.part_at(span.start)
        if part is None or span.end > part.end:
            continue  # Words that the view adds are never quoted.
        text = view.text[part.start : part.end]
        if part.heads is not None and len(text) <= _WHOLE_CELL:
            start, end = trimmed(text, 0, len(text))
        else:
            start, end = tidied(text, span.start - part.start, span.end - part.start)
        around = passage.around(start + part.start, end + part.start)
        first, last = (passage.sentences[number] for number in around)
        offsets = (start + part.offset, end + part.offset)
        sentences = (min(first.first, offsets[0]), max(last.last, offsets[1]))
        features = {
            **passage.features(*around),
            Feature.MARGIN: span.margin,
            Feature.LOG_PROBABILITY: log_probability,
            Feature.EVIDENCE: max(evidence[around[0] : around[1] + 1], default=span.margin),
            Feature.ASKED: types.held(text[start:end]),
            **(_NO_CELL if part.heads is None else passage.cell(part)),
        }
        yield _Candidate(hit, AnswerForm.SHORT, offsets, sentences, features, part.heads)


def _sentences(
    hit: Hit,
    passage: PassageTerms,
    marked: Marked,
    evidence: Sequence[float],
    types: AnswerTypes,
) -> Iterator[_Candidate]:
    if not marked:
        return
    text = hit.chunk.view.text
    for number, sentence in enumerate(passage.sentences):
        if not sentence.kind.is_quotable:
            continue
        inside = (
            (s.margin, log)
            for s, log in marked
            if s.start < sentence.end and sentence.start < s.end
        )
        margin, log_probability = max(inside, default=(marked[-1][0].margin, marked[-1][1]))
        features = {
            **passage.features(number, number),
            Feature.MARGIN: margin,
            Feature.LOG_PROBABILITY: log_probability,
            Feature.EVIDENCE: evidence[number] if evidence else margin,
            Feature.ASKED: types.held(text[sentence.start : sentence.end]),
            **_NO_CELL,
        }
        offsets = (sentence.first, sentence.last)
        yield _Candidate(hit, AnswerForm.SENTENCE, offsets, offsets, features)


def _ranked(
    candidates: Sequence[_Candidate], kind: AnswerForm, ranking: Linear
) -> tuple[Span, ...]:
    """The candidates of one form as spans, best first.

    A span that overlaps a better one in its document is left out. So is a span of only small words
    and punctuation, unless there are no others.
    """
    spans = [_span(candidate, ranking) for candidate in candidates if candidate.kind is kind]
    spans = [span for span in spans if not is_empty(span.quote)] or spans
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (-span.score, span.hit.rank, span.start, span.end)):
        if not any(_overlap(span, better) for better in kept):
            kept.append(span)
    return tuple(kept)


def _best_sentences(candidates: Sequence[_Candidate], ranking: Linear) -> dict[int, Extent]:
    """The best sentence of each passage that was read, by the rank of the passage."""
    best: dict[int, tuple[float, Extent]] = {}
    for candidate in candidates:
        if candidate.kind is AnswerForm.SENTENCE:
            score, rank = ranking.of(candidate.features), candidate.hit.rank
            if rank not in best or score > best[rank][0]:
                best[rank] = (score, candidate.offsets)
    return {rank: extent for rank, (_, extent) in best.items()}


def _span(candidate: _Candidate, ranking: Linear) -> Span:
    return Span(
        candidate.hit,
        candidate.kind,
        *candidate.offsets,
        *candidate.sentences,
        ranking.of(candidate.features),
        candidate.features,
        candidate.heads,
    )


def _overlap(one: Span, other: Span) -> bool:
    same = one.hit.chunk.document_id == other.hit.chunk.document_id
    return same and one.start < other.end and other.start < one.end
