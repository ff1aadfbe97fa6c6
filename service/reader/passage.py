"""Reading passages token by token: windows where they are long, spans in code points.

What scores the tokens is a :class:`Scorer`: this project's graph (:mod:`service.reader.onnx`) or
any Transformers model (:mod:`service.reader.transformer`)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np
from tokenizers import Encoding, Tokenizer

from service.reader.decode import Flags, Floats, Ints, best_spans, null_score
from service.reader.sentences import passage_sentences

MAX_ROW_TOKENS = 384
"""The longest row: a question, a window of a passage, and the special tokens around them."""

STRIDE_TOKENS = 128
"""How much of a passage its windows share at least, so that no answer is cut in all of them."""

MAX_QUESTION_TOKENS = 64
SPANS = 4
"""How many different spans of one passage are kept."""


@dataclass(frozen=True, slots=True)
class PassageSpan:
    """A candidate answer: code points of the passage, half-open, its score, and its window's null
    score.
    """

    start: int
    end: int
    score: float
    null_score: float

    @property
    def margin(self) -> float:
        """The score above null: comparable between passages, since training normalised them
        together.
        """
        return self.score - self.null_score


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage says to a question.

    :param spans: the surest first, none overlapping another; empty where the passage has no words
    :param start_mass: log of the summed exponentials of all its start scores above null;
        ``end_mass`` likewise"""

    spans: tuple[PassageSpan, ...]
    start_mass: float
    end_mass: float


@dataclass(frozen=True, slots=True)
class TokenRow:
    """What a model is given to score: token ids ``[L]``; and ``kinds``, 1 on the passage and what
    closes it, else 0.
    """

    ids: Ints
    kinds: Ints

    @property
    def inputs(self) -> dict[str, Ints]:
        """The same by the names that models have for their inputs; nothing is masked."""
        return {
            "input_ids": self.ids,
            "attention_mask": np.ones_like(self.ids),
            "token_type_ids": self.kinds,
        }


class Scorer(Protocol):
    """A model of extractive question answering. Thread-safe; a row's scores do not depend on the
    rows beside it.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """Its tokenizer, which neither cuts nor pads."""

    @property
    def digest(self) -> str:
        """sha256 of its weights."""

    def score(self, rows: Sequence[TokenRow]) -> list[tuple[Floats, Floats]]:
        """Start and end scores of each row, ``[L]`` each."""


@dataclass(frozen=True, slots=True)
class _Template:
    """The special tokens around a question and its passage."""

    before: list[int]
    between: list[int]
    after: list[int]


@dataclass(frozen=True, slots=True)
class _Tokens:
    """Tokens of a passage: ids, the code points that each covers, which begin and end a word, and
    their sentences.
    """

    ids: list[int]
    starts: Ints
    ends: Ints
    opens: Flags
    closes: Flags
    sentences: Ints

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
        )


@dataclass(frozen=True, slots=True)
class _Window:
    """One window of one passage, ready to be scored; its passage tokens begin at ``at``."""

    passage: int
    row: TokenRow
    at: int
    tokens: _Tokens


class PassageReader(Protocol):
    """Reads passages for a question. Thread-safe; the same question and passages give the same
    readings.
    """

    @property
    def digest(self) -> str:
        """sha256 of what it knows."""

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
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

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """One reading for each passage, in their order.

        Questions are cut to ``MAX_QUESTION_TOKENS``; long passages are read in overlapping windows.
        """
        tokenizer = self._scorer.tokenizer
        asked = tokenizer.encode(question, add_special_tokens=False).ids[:MAX_QUESTION_TOKENS]
        encoded = tokenizer.encode_batch(list(passages), add_special_tokens=False)
        made = [
            window
            for number, (text, encoding) in enumerate(zip(passages, encoded, strict=True))
            for window in self._windows(number, asked, _tokens(text, encoding))
        ]
        read: list[list[Reading]] = [[] for _ in passages]
        for window, (start, end) in zip(
            made, self._scorer.score([window.row for window in made]), strict=True
        ):
            read[window.passage].append(_read(window, start, end))
        return [_joined(windows) for windows in read]

    def _windows(self, passage: int, asked: list[int], tokens: _Tokens) -> Iterator[_Window]:
        template = self._template
        head = [*template.before, *asked, *template.between]
        size = MAX_ROW_TOKENS - len(head) - len(template.after)
        for start, end in windows(len(tokens.ids), size, STRIDE_TOKENS):
            part = tokens.cut(start, end)
            ids = np.array([*head, *part.ids, *template.after], dtype=np.int64)
            kinds = (np.arange(len(ids)) >= len(head)).astype(np.int64)
            yield _Window(passage, TokenRow(ids, kinds), len(head), part)


def windows(length: int, size: int, stride: int) -> list[tuple[int, int]]:
    """Windows of at most ``size`` that cover ``length``, each overlapping the one before by
    ``stride`` or more.
    """
    if length == 0:
        return []
    starts = list(range(0, max(length - size, 0) + 1, size - stride))
    if starts[-1] + size < length:
        starts.append(length - size)
    return [(start, min(start + size, length)) for start in starts]


def log_probabilities(readings: Sequence[Reading]) -> list[list[float]]:
    """Log of each span's probability when the spans of all passages and one null compete.

    Shared normalisation after Clark and Gardner, "Simple and Effective Multi-Paragraph Reading
    Comprehension" (2018)."""
    start = float(np.logaddexp.reduce([0.0, *(reading.start_mass for reading in readings)]))
    end = float(np.logaddexp.reduce([0.0, *(reading.end_mass for reading in readings)]))
    return [[span.margin - start - end for span in reading.spans] for reading in readings]


def _template(tokenizer: Tokenizer) -> _Template:
    """The special tokens of a pair, read off an encoded one."""
    pair = tokenizer.encode("a", "a")
    places = [place for place, special in enumerate(pair.special_tokens_mask) if not special]
    first, second = places[0], places[-1]
    return _Template(pair.ids[:first], pair.ids[first + 1 : second], pair.ids[second + 1 :])


def _tokens(text: str, encoding: Encoding) -> _Tokens:
    """The passage's tokens; one opens a word unless it goes on from a letter or digit right before
    it.
    """
    places = np.asarray(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    goes_on = np.zeros(len(places) + 1, dtype=np.bool_)
    for number, ((_, end), (start, _)) in enumerate(pairwise(encoding.offsets), start=1):
        goes_on[number] = (
            end == start and text[end - 1 : end].isalnum() and text[start : start + 1].isalnum()
        )
    filled = places[:, 0] < places[:, 1]
    opened = [start for start, _ in passage_sentences(text)]
    numbers = np.searchsorted(opened, places[:, 0], side="right")
    return _Tokens(
        encoding.ids,
        places[:, 0],
        places[:, 1],
        ~goes_on[:-1] & filled,
        ~goes_on[1:] & filled,
        numbers,
    )


def _read(window: _Window, start: Floats, end: Floats) -> Reading:
    null, tokens = null_score(start, end), window.tokens
    part = slice(window.at, window.at + len(tokens.ids))
    spans = tuple(
        PassageSpan(
            int(tokens.starts[found.first]), int(tokens.ends[found.last]), found.score, null
        )
        for found in best_spans(
            start[part], end[part], tokens.opens, tokens.closes, tokens.sentences, SPANS
        )
    )
    return Reading(spans, _mass(start, part), _mass(end, part))


def _mass(scores: Floats, part: slice) -> float:
    return float(np.logaddexp.reduce(scores[part].astype(np.float64) - float(scores[0])))


def _joined(parts: Sequence[Reading]) -> Reading:
    """The windows of a passage as one reading."""
    spans = sorted(
        (span for part in parts for span in part.spans), key=lambda span: (-span.margin, span.start)
    )
    kept: list[PassageSpan] = []
    for span in spans:
        if len(kept) < SPANS and all(
            span.end <= other.start or other.end <= span.start for other in kept
        ):
            kept.append(span)
    masses = ((part.start_mass, part.end_mass) for part in parts)
    start, end = np.logaddexp.reduce([(-np.inf, -np.inf), *masses], axis=0)
    return Reading(tuple(kept), float(start), float(end))
