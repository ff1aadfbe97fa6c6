"""Reads passages token by token, long ones in windows, and gives spans in code points.

A :class:`Scorer` scores the tokens: this project's graph (:mod:`service.reader.onnx`) or any
Transformers model (:mod:`service.reader.transformer`).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from tokenizers import Encoding, Tokenizer

from index.text.view import View
from service.reader.decode import Flags, Floats, Ints, best_spans, null_score
from service.reader.sentences import view_sentences

MAX_ROW_TOKENS = 384
"""The longest row: a question, a window of a passage, and the special tokens around them."""

STRIDE_TOKENS = 128
"""The least overlap of neighbouring windows, so that at least one window holds an answer whole."""

MAX_QUESTION_TOKENS = 64
NO_EVIDENCE = -10.0
"""The log odds of a sentence without a token that the model knows."""

SPANS = 4
"""The number of different spans that are kept of one passage."""

TABLE_SPANS = 24
"""The same of a passage with rows of a table, whose cells the heads of their columns tell apart."""


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """A candidate answer in code points of the passage's view, half-open, with its score and the
    null score of its window.
    """

    start: int
    end: int
    score: float
    null_score: float

    @property
    def margin(self) -> float:
        """The score above null. It is comparable between passages, because training normalised
        them together.
        """
        return self.score - self.null_score


@dataclass(frozen=True, slots=True)
class Reading:
    """The candidate answers of one passage.

    :param spans: most likely first, none overlapping another; empty if the passage has no words
    :param start_mass: log of the summed exponentials of all its start scores above null;
        ``end_mass`` likewise
    :param evidence: for each sentence and row of the view
        (:func:`service.reader.sentences.view_sentences`), the log odds that it belongs to the
        answer; empty if the model scores no sentences
    """

    spans: tuple[PassageSpan, ...]
    start_mass: float
    end_mass: float
    evidence: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class TokenRow:
    """The input of a model: token ids ``[L]``, and ``kinds``, which is 1 for the passage and the
    special tokens after it, and 0 elsewhere.
    """

    ids: Ints
    kinds: Ints

    @property
    def inputs(self) -> dict[str, Ints]:
        """The arrays by the input names that models use. No token is masked."""
        return {
            "input_ids": self.ids,
            "attention_mask": np.ones_like(self.ids),
            "token_type_ids": self.kinds,
        }


@dataclass(frozen=True, slots=True)
class TokenScores:
    """The scores of a row's tokens, ``[L]`` each.

    :param evidence: averaged over the tokens of a sentence, the log odds that the sentence belongs
        to the answer; None if the model does not score sentences
    """

    start: Floats
    end: Floats
    evidence: Floats | None = None


class Scorer(Protocol):
    """An extractive question-answering model. It is thread-safe, and a row's scores do not depend
    on the other rows of the call.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, which neither truncates nor pads."""

    @property
    def digest(self) -> str:
        """sha256 of its weights."""

    def score(self, rows: Sequence[TokenRow]) -> list[TokenScores]:
        """The scores of each row."""


@dataclass(frozen=True, slots=True)
class _Template:
    """The special tokens around a question and its passage."""

    before: list[int]
    between: list[int]
    after: list[int]


@dataclass(frozen=True, slots=True)
class _Tokens:
    """The tokens of a passage: their ids, the code points that each covers, whether an answer may
    begin or end with each, and the number of the sentence or cell that it is in.

    :param units: the position among the view's sentences and rows of the one that holds each
        token, -1 for none
    """

    ids: list[int]
    starts: Ints
    ends: Ints
    opens: Flags
    closes: Flags
    sentences: Ints
    units: Ints

    def cut(self, start: int, end: int) -> "_Tokens":
        """The tokens from ``start`` to ``end``, half-open."""
        part = slice(start, end)
        return _Tokens(
            self.ids[part],
            self.starts[part],
            self.ends[part],
            self.opens[part],
            self.closes[part],
            self.sentences[part],
            self.units[part],
        )


@dataclass(frozen=True, slots=True)
class _Window:
    """One window of one passage, ready to be scored. Its passage tokens begin at ``offset``."""

    passage: int
    row: TokenRow
    offset: int
    tokens: _Tokens


class PassageReader(Protocol):
    """Reads passages for a question. It is thread-safe, and the same question and passages give
    the same readings.
    """

    @property
    def digest(self) -> str:
        """sha256 of its weights."""

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """One reading for each passage, in their order."""


class TokenReader:
    """Reads passages token by token with a scorer."""

    def __init__(self, scorer: Scorer) -> None:
        self._scorer = scorer
        self._template = _template(scorer.tokenizer)

    @property
    def digest(self) -> str:
        """sha256 of the model's weights."""
        return self._scorer.digest

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """One reading for each passage, in their order.

        Questions are truncated to ``MAX_QUESTION_TOKENS``, and long passages are read in
        overlapping windows.
        """
        tokenizer = self._scorer.tokenizer
        question_ids = tokenizer.encode(question, add_special_tokens=False).ids
        question_ids = question_ids[:MAX_QUESTION_TOKENS]
        encoded = tokenizer.encode_batch([view.text for view in passages], add_special_tokens=False)
        all_tokens = [
            _tokens(view, encoding) for view, encoding in zip(passages, encoded, strict=True)
        ]
        all_windows: list[_Window] = []
        for number, tokens in enumerate(all_tokens):
            all_windows += self._windows(number, question_ids, tokens)
        scores = self._scorer.score([window.row for window in all_windows])
        parts: list[list[tuple[_Window, TokenScores]]] = [[] for _ in passages]
        for window, scored in zip(all_windows, scores, strict=True):
            parts[window.passage].append((window, scored))
        return [
            replace(
                _joined(
                    [_read(window, scored, count) for window, scored in each],
                    count,
                ),
                evidence=_evidence(tokens, len(view_sentences(view)), each),
            )
            for view, tokens, each in zip(passages, all_tokens, parts, strict=True)
            for count in [TABLE_SPANS if view.rows else SPANS]
        ]

    def _windows(self, passage: int, question_ids: list[int], tokens: _Tokens) -> Iterator[_Window]:
        template = self._template
        head = [*template.before, *question_ids, *template.between]
        size = MAX_ROW_TOKENS - len(head) - len(template.after)
        for start, end in windows(len(tokens.ids), size, STRIDE_TOKENS):
            part = tokens.cut(start, end)
            ids = np.array([*head, *part.ids, *template.after], dtype=np.int64)
            kinds = (np.arange(len(ids)) >= len(head)).astype(np.int64)
            yield _Window(passage, TokenRow(ids, kinds), len(head), part)


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Half-open windows of at most ``size`` that cover ``length``. Each overlaps the previous one
    by at least ``stride``.
    """
    if length == 0:
        return []
    starts = list(range(0, max(length - size, 0) + 1, size - stride))
    if starts[-1] + size < length:
        starts.append(length - size)
    return [(start, min(start + size, length)) for start in starts]


def log_probabilities(readings: Sequence[Reading]) -> list[list[float]]:
    """The log of each span's probability among the spans of all passages and one null answer.

    This is the shared normalisation of Clark and Gardner, "Simple and Effective Multi-Paragraph
    Reading Comprehension" (2018).
    """
    start = float(np.logaddexp.reduce([0.0, *(reading.start_mass for reading in readings)]))
    end = float(np.logaddexp.reduce([0.0, *(reading.end_mass for reading in readings)]))
    return [[span.margin - start - end for span in reading.spans] for reading in readings]


def _template(tokenizer: Tokenizer) -> _Template:
    """The special tokens around a pair, taken from an encoded example."""
    pair = tokenizer.encode("a", "a")
    ordinary = [number for number, special in enumerate(pair.special_tokens_mask) if not special]
    first, second = ordinary[0], ordinary[-1]
    return _Template(pair.ids[:first], pair.ids[first + 1 : second], pair.ids[second + 1 :])


def _tokens(view: View, encoding: Encoding) -> _Tokens:
    """The tokens of a passage. A token begins a word unless it continues one: the letter or digit
    at its start directly follows another. Answers are words of the document, whole ones.
    """
    text = view.text
    offsets = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    continues = np.zeros(len(offsets) + 1, dtype=np.bool_)
    for number, ((_, end), (start, _)) in enumerate(pairwise(encoding.offsets), start=1):
        continues[number] = (
            end == start and text[end - 1 : end].isalnum() and text[start : start + 1].isalnum()
        )
    quotable = (offsets[:, 0] < offsets[:, 1]) & _inside(view, offsets)
    opened = {sentence.start for sentence in view_sentences(view)}
    opened.update(part.start for part in view.parts)
    sentence_numbers = np.searchsorted(sorted(opened), offsets[:, 0], side="right")
    unit_starts = [sentence.start for sentence in view_sentences(view)]
    unit_ends = np.array([sentence.end for sentence in view_sentences(view)] or [0])
    units = np.searchsorted(unit_starts, offsets[:, 0], side="right") - 1
    units[offsets[:, 0] >= unit_ends[units]] = -1
    return _Tokens(
        encoding.ids,
        offsets[:, 0],
        offsets[:, 1],
        ~continues[:-1] & quotable,
        ~continues[1:] & quotable,
        sentence_numbers,
        units,
    )


def _inside(view: View, offsets: Ints) -> Flags:
    """Whether each token lies in a part of the view that may be quoted."""
    quotable = [part for part in view.parts if part.kind.is_quotable]
    if not quotable:
        return np.zeros(len(offsets), dtype=np.bool_)
    starts = np.array([part.start for part in quotable])
    ends = np.array([part.end for part in quotable])
    parts = np.searchsorted(starts, offsets[:, 0], side="right") - 1
    inside: Flags = (parts >= 0) & (offsets[:, 1] <= ends[parts])
    return inside


def _read(window: _Window, scored: TokenScores, count: int) -> Reading:
    start, end = scored.start, scored.end
    null, tokens = null_score(start, end), window.tokens
    part = slice(window.offset, window.offset + len(tokens.ids))
    spans = tuple(
        PassageSpan(int(tokens.starts[span.first]), int(tokens.ends[span.last]), span.score, null)
        for span in best_spans(
            start[part], end[part], tokens.opens, tokens.closes, tokens.sentences, count
        )
    )
    return Reading(spans, _mass(start, part), _mass(end, part))


def _evidence(
    tokens: _Tokens, count: int, parts: Sequence[tuple[_Window, TokenScores]]
) -> tuple[float, ...]:
    """For each of a passage's ``count`` sentences, the mean evidence of its tokens, from the window
    that holds it whole or else from the window where it is highest.
    """
    sizes = np.bincount(tokens.units[tokens.units >= 0], minlength=count)
    best = [(False, NO_EVIDENCE)] * count
    for window, scored in parts:
        if scored.evidence is None:
            return ()
        units = window.tokens.units
        scores = scored.evidence[window.offset : window.offset + len(units)]
        held = np.bincount(units[units >= 0], minlength=count)
        sums = np.bincount(units[units >= 0], scores[units >= 0], minlength=count)
        for number in np.flatnonzero(held).tolist():
            whole = bool(held[number] == sizes[number])
            best[number] = max(best[number], (whole, float(sums[number] / held[number])))
    return tuple(score for _, score in best)


def _mass(scores: Floats, part: slice) -> float:
    return float(np.logaddexp.reduce(scores[part].astype(np.float64) - float(scores[0])))


def _joined(parts: Sequence[Reading], count: int) -> Reading:
    """The readings of a passage's windows as one reading of at most ``count`` spans."""
    spans = sorted(
        (span for part in parts for span in part.spans), key=lambda span: (-span.margin, span.start)
    )
    kept: list[PassageSpan] = []
    for span in spans:
        if len(kept) < count and all(
            span.end <= other.start or other.end <= span.start for other in kept
        ):
            kept.append(span)
    masses = ((part.start_mass, part.end_mass) for part in parts)
    start, end = np.logaddexp.reduce([(-np.inf, -np.inf), *masses], axis=0)
    return Reading(tuple(kept), float(start), float(end))
