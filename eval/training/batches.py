"""From examples to batches of token rows: windows, groups of passages, buckets of one length."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from eval.training.examples import Chars, Example, Paragraph, Place
from eval.training.perturb import (
    Nearest,
    Setting,
    swap_entity,
    swap_opposite,
    swap_word,
    without_sentences,
)
from index.text.sentences import sentences

CLS, SEP = 101, 102
PAIRS = 4
MOST_SENTENCES = 64
"""How many sentences of a row are scored; further ones are neither right nor wrong."""

LENGTHS = (64, 80, 96, 128, 160, 192, 240, 256, 320, 384)
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text's word pieces: ids, the code points each covers, and the tokens that begin a
    sentence.
    """

    ids: Ints
    starts: Ints
    ends: Ints
    heads: Ints


@dataclass(frozen=True, slots=True)
class Row:
    """One sequence to read: ``[CLS] question [SEP] passage [SEP]``.

    ``spans`` are first and last answer tokens within the row, ``((0, 0),)`` for "not here"; where
    they are ``loose``, the answer is anywhere within the first. ``heads`` are the tokens within the
    row that begin a sentence of the passage, and ``belongs`` has for each sentence 1 if it belongs
    to the answer, 0 if not, and -1 if that is not known.
    """

    ids: list[int]
    passage_at: int
    spans: tuple[tuple[int, int], ...]
    loose: bool = False
    heads: tuple[int, ...] = ()
    belongs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one length.

    Arrays: ids, mask, kinds [B, L]; spans [B, K, 2], -1 where unused; group, weight, loose [B];
    sentences [B, L], the number of each token's sentence within its row, -1 for none; belongs
    [B, S], of sentences as in :class:`Row`, -1 where unused.
    """

    ids: Ints
    mask: Ints
    kinds: Ints
    spans: Ints
    group: Ints
    weight: NDArray[np.float32]
    loose: NDArray[np.bool_]
    sentences: Ints
    belongs: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Mix:
    """Which rows a question gives, as probabilities; ``lengths`` are row lengths with their odds.

    The gold row is given with ``gold``; with ``group`` one or two hard negatives join it and are
    read together.
    """

    lengths: tuple[tuple[int, float], ...]
    gold: float = 0.92
    group: float = 0.22
    entity: float = 0.14
    opposite: float = 0.05
    word: float = 0.05
    removed: float = 0.05


def encode(tokenizer: Tokenizer, texts: list[str]) -> list[Tokens]:
    """The texts' word pieces."""
    encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
    return [
        _tokens(text, item.ids, item.offsets) for text, item in zip(texts, encoded, strict=True)
    ]


def _tokens(text: str, ids: list[int], offsets: list[Chars]) -> Tokens:
    places = np.asarray(offsets, dtype=np.int64).reshape(-1, 2)
    begins = np.asarray([start for start, _ in sentences(text)], dtype=np.int64)
    heads = np.unique(np.searchsorted(places[:, 0], begins))
    return Tokens(
        np.asarray(ids, dtype=np.int64), places[:, 0], places[:, 1], heads[heads < len(ids)]
    )


def token_span(tokens: Tokens, span: Chars) -> tuple[int, int] | None:
    """First and last token that a span of code points touches."""
    first = int(np.searchsorted(tokens.ends, span[0], side="right"))
    last = int(np.searchsorted(tokens.starts, span[1], side="left")) - 1
    return (first, last) if first <= last < len(tokens.ids) else None


def window(
    tokens: Tokens, keep: tuple[int, int], size: int, generator: random.Random
) -> tuple[int, int]:
    """A window of at most ``size`` tokens around the tokens ``keep`` (first, last), from sentence
    to sentence.

    Sentences are added before or after at random; what does not fit is cut off at the end half of
    the time.
    """
    edges = [*tokens.heads.tolist(), len(tokens.ids)]
    left = max((n for n, edge in enumerate(edges[:-1]) if edge <= keep[0]), default=0)
    right = min((n for n, edge in enumerate(edges) if edge > keep[1]), default=len(edges) - 1)
    if edges[right] - edges[left] > size:
        return _cut(keep, size, len(tokens.ids), generator)
    while True:
        ways = [
            way for way in _ways(left, right, len(edges)) if edges[way[1]] - edges[way[0]] <= size
        ]
        if not ways:
            break
        left, right = generator.choice(ways)
    start, end = edges[left], edges[right]
    return (start, min(start + size, len(tokens.ids))) if generator.random() < 0.5 else (start, end)


def _ways(left: int, right: int, edges: int) -> list[tuple[int, int]]:
    ways = [(left - 1, right)] if left > 0 else []
    return [*ways, (left, right + 1)] if right + 1 < edges else ways


def _cut(
    keep: tuple[int, int], size: int, length: int, generator: random.Random
) -> tuple[int, int]:
    low = max(0, min(keep[1] + 1, length) - size)
    high = max(low, min(keep[0], length - size))
    start = generator.randint(low, high) if low <= high else low
    return start, min(start + size, length)


class Source:
    """Makes rows of examples; every draw comes from the generator given, so a seed fixes the
    run.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        paragraphs: list[Paragraph],
        negatives: dict[str, list[int]],
        nearest: Nearest,
    ) -> None:
        self._tokenizer = tokenizer
        self._paragraphs = paragraphs
        self._tokens = encode(tokenizer, [paragraph.text for paragraph in paragraphs])
        self._negatives = negatives
        self._nearest = nearest
        self._articles: dict[str, list[str]] = {}
        for paragraph in paragraphs:
            self._articles.setdefault(paragraph.article, []).append(paragraph.text)

    def groups(self, example: Example, mix: Mix, generator: random.Random) -> list[list[Row]]:
        """The example's rows; rows of one inner list are read together."""
        length = generator.choices(
            [size for size, _ in mix.lengths], [odds for _, odds in mix.lengths]
        )[0]
        length = LENGTHS[-1] if example.whole else length
        question = self._question(_worn(example.question, generator))
        if not example.spans:
            return self._unanswered(example, question, length, generator)
        found = []
        if generator.random() < mix.gold or not example.exact:
            group = self._group(example, question, length, mix, generator)
            found = [group] if group else []
        if not example.exact:
            return found
        changed = self._changed(example, mix, generator)
        found += [
            [self._null(self._question(text), example, length, generator)] for text in changed
        ]
        if generator.random() < mix.removed:
            found += self._removed(example, question, length)
        return found

    def _question(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids[:48])

    def _unanswered(
        self, example: Example, question: list[int], length: int, generator: random.Random
    ) -> list[list[Row]]:
        """Rows of a question without an answer: its paragraph, and one more of its document where
        there are some.
        """
        beside = [
            place.paragraph for place in generator.sample(example.also, min(len(example.also), 1))
        ]
        return [
            [self._beside(question, number, length, generator)]
            for number in (example.paragraph, *beside)
        ]

    def _group(
        self, example: Example, question: list[int], length: int, mix: Mix, generator: random.Random
    ) -> list[Row]:
        places = (
            Place(example.paragraph, example.spans, example.evidence),
            *(place for place in example.also if place.spans),
        )
        rows = [
            self._gold(place, question, length, generator, guessed=example.guessed)
            for place in places
        ]
        golds = [replace(row, loose=example.loose) for row in rows if row]
        beside = [place.paragraph for place in example.also if not place.spans]
        others = self._negatives.get(example.id, beside)
        if not golds or not others or generator.random() >= mix.group:
            return golds
        chosen = generator.sample(others, min(len(others), generator.randint(1, 2)))
        return [*golds, *(self._beside(question, number, length, generator) for number in chosen)]

    def _gold(
        self,
        place: Place,
        question: list[int],
        length: int,
        generator: random.Random,
        *,
        guessed: bool,
    ) -> Row | None:
        tokens = self._tokens[place.paragraph]
        spans = [span for span in (token_span(tokens, chars) for chars in place.spans) if span]
        if not spans:
            return None
        size = length - len(question) - 3
        start, end = window(tokens, generator.choice(spans), size, generator)
        inside = [(s, e) for s, e in spans if start <= s and e < end][:PAIRS]
        at = len(question) + 2
        if not inside:
            return None
        row = _row(question, tokens, start, end)
        held = {
            int(np.searchsorted(tokens.heads, token, side="right")) - 1
            for chars in (*place.spans, *place.evidence)
            for token in range(*_half_open(token_span(tokens, chars)))
        }
        first = int(np.searchsorted(tokens.heads, start, side="right")) - 1
        return replace(
            row,
            spans=tuple((s - start + at, e - start + at) for s, e in inside),
            belongs=tuple(
                (-1 if guessed else 1) if first + number in held else 0
                for number in range(len(row.heads))
            ),
        )

    def _beside(
        self, question: list[int], number: int, length: int, generator: random.Random
    ) -> Row:
        """A row of another paragraph: its window that shares most with the question."""
        tokens = self._tokens[number]
        size = length - len(question) - 3
        shared = np.isin(tokens.ids, np.asarray(question))
        best = int(np.argmax(np.convolve(shared, np.ones(min(24, len(shared))), mode="same")))
        start, end = window(tokens, (best, best), size, generator)
        return _row(question, tokens, start, end)

    def _null(
        self, question: list[int], example: Example, length: int, generator: random.Random
    ) -> Row:
        """A row of the example's own paragraph, around its answer, for a question that it does not
        answer.
        """
        tokens = self._tokens[example.paragraph]
        spans = [span for span in (token_span(tokens, chars) for chars in example.spans) if span]
        keep = generator.choice(spans) if spans else (0, 0)
        start, end = window(tokens, keep, length - len(question) - 3, generator)
        return _row(question, tokens, start, end)

    def _changed(self, example: Example, mix: Mix, generator: random.Random) -> list[str]:
        """The question changed so that its paragraph does not answer it, in no, one or several
        ways.
        """
        paragraph = self._paragraphs[example.paragraph]
        beside = self._articles[paragraph.article]
        article = " ".join(generator.sample(beside, min(len(beside), 8)))
        setting = Setting(paragraph.text, article, example.golds)
        texts: list[str | None] = []
        if generator.random() < mix.entity:
            texts.append(swap_entity(example.question, setting, generator))
        if generator.random() < mix.opposite:
            texts.append(swap_opposite(example.question, generator))
        if generator.random() < mix.word:
            texts.append(swap_word(example.question, setting, self._nearest, generator))
        return [text for text in texts if text]

    def _removed(self, example: Example, question: list[int], length: int) -> list[list[Row]]:
        text = self._paragraphs[example.paragraph].text
        left = without_sentences(text, sentences(text), example.golds)
        if left is None:
            return []
        (tokens,) = encode(self._tokenizer, [left])
        return [[_row(question, tokens, 0, min(len(tokens.ids), length - len(question) - 3))]]


def _worn(question: str, generator: random.Random) -> str:
    """The question, one time in eight without its question mark."""
    return question.rstrip("? ") if generator.random() < 0.125 else question


def _row(question: list[int], tokens: Tokens, start: int, end: int) -> Row:
    """The row of the tokens of a passage from ``start`` to ``end``, half-open, without an
    answer.
    """
    at = len(question) + 2
    inside = tokens.heads[(tokens.heads > start) & (tokens.heads < end)]
    heads = (at, *(int(head) - start + at for head in inside)) if end > start else ()
    ids = [CLS, *question, SEP, *tokens.ids[start:end].tolist(), SEP]
    return Row(ids, at, ((0, 0),), heads=heads, belongs=(0,) * len(heads))


def _half_open(span: tuple[int, int] | None) -> tuple[int, int]:
    return (span[0], span[1] + 1) if span else (0, 0)


class Buckets:
    """Collects groups by row length and hands out batches of a constant number of tokens."""

    def __init__(self, tokens: int) -> None:
        self._tokens = tokens
        self._waiting: dict[int, list[list[Row]]] = {
            length: [] for length in LENGTHS if tokens % length == 0
        }

    def add(self, group: list[Row]) -> Batch | None:
        """Keeps the group; a batch when its bucket is full."""
        longest = max(len(row.ids) for row in group)
        length = next(length for length in self._waiting if length >= longest)
        waiting = self._waiting[length]
        waiting.append(group)
        rows = self._tokens // length
        if sum(map(len, waiting)) < rows + 4:
            return None
        taken = _fitting(waiting, rows)
        self._waiting[length] = [waiting[n] for n in range(len(waiting)) if n not in taken]
        return collate([waiting[n] for n in sorted(taken)], rows, length)


def _fitting(groups: list[list[Row]], rows: int) -> set[int]:
    """Positions of groups that fill the rows, oldest first."""
    taken: set[int] = set()
    for number, group in enumerate(groups):
        if len(group) <= rows:
            taken.add(number)
            rows -= len(group)
    return taken


def collate(groups: list[list[Row]], rows: int, length: int) -> Batch:
    """Groups as arrays of exactly ``rows`` rows; rows left over are empty and have weight 0."""
    batch = _empty(rows, length)
    number = 0
    for group_number, group in enumerate(groups):
        for row in group:
            _place(batch, number, row)
            batch.group[number] = group_number
            number += 1
    batch.group[number:] = len(groups)
    return batch


def _empty(rows: int, length: int) -> Batch:
    ids, mask, kinds = (np.zeros((rows, length), dtype=np.int64) for _ in range(3))
    ids[:, 0], mask[:, 0] = CLS, 1
    spans = np.full((rows, PAIRS, 2), -1, dtype=np.int64)
    spans[:, 0] = 0
    weight = np.zeros(rows, dtype=np.float32)
    return Batch(
        ids,
        mask,
        kinds,
        spans,
        np.zeros(rows, dtype=np.int64),
        weight,
        np.zeros(rows, dtype=np.bool_),
        np.full((rows, length), -1, dtype=np.int64),
        np.full((rows, MOST_SENTENCES), -1, dtype=np.float32),
    )


def _place(batch: Batch, number: int, row: Row) -> None:
    size = len(row.ids)
    batch.ids[number, :size] = row.ids
    batch.mask[number, :size] = 1
    batch.kinds[number, row.passage_at : size] = 1
    batch.spans[number, : len(row.spans)] = row.spans
    batch.weight[number] = 1.0
    batch.loose[number] = row.loose
    edges = [*row.heads, size - 1][: MOST_SENTENCES + 1]
    for sentence, (begin, end) in enumerate(pairwise(edges)):
        batch.sentences[number, begin:end] = sentence
        batch.belongs[number, sentence] = row.belongs[sentence]


def batches(
    source: Source, examples: list[Example], mix: Mix, tokens: int, seed: int, start: int = 0
) -> Iterator[tuple[int, Batch]]:
    """Batches without end, each with the number of examples drawn so far; ``start`` skips that many
    examples.

    Each pass is shuffled anew; the draw of an example depends on the seed and its number only.
    """
    buckets = Buckets(tokens)
    drawn = start
    while True:
        order = random.Random(f"{seed}/{drawn // len(examples)}").sample(
            range(len(examples)), len(examples)
        )
        for place in range(drawn % len(examples), len(examples)):
            drawn += 1
            for group in source.groups(
                examples[order[place]], mix, random.Random(f"{seed}:{drawn}")
            ):
                batch = buckets.add(group)
                if batch is not None:
                    yield drawn, batch
