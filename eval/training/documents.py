"""Questions asked of whole documents, of which only the answer's words are known, not their place.

A document is cut as Quoth cuts it. Every passage that holds an answer's words may be the right one:
training sums over them. Where an answer is written in words of its own, the sentences that it was
made from are found by the words that they share.
"""

import gzip
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from corpus.document import make_document
from eval.training.examples import (
    Chars,
    Example,
    Examples,
    Paragraph,
    Place,
    detokenised,
    occurrences,
)
from index.text.chunk import ChunkSettings, chunk_document
from index.text.sentences import sentences

MOST_PLACES = 3
"""How many passages of a document are read together where several hold the answer's words."""

SAME_WORDS = 0.6
"""F1 of words from which on a sentence is what a sentence of the answer was made from."""

_TOO_COMMON = 8
_HELD = 0.75
_RUN = 4


@dataclass(frozen=True, slots=True)
class SourcePage:
    """A document of a set."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class PageQuestion:
    """A question about a document, or about several that all hold its answer.

    :param answers: accepted texts; none where the documents do not answer
    :param before: the question before it in its conversation; empty if it opens one
    """

    id: str
    text: str
    answers: tuple[str, ...]
    pages: tuple[str, ...]
    before: str = ""


@dataclass(frozen=True, slots=True)
class Pages:
    """The documents of a set by their ids, and its questions."""

    pages: dict[str, SourcePage]
    questions: list[PageQuestion]


def read_pages(documents: Path, questions: Path) -> Pages:
    """A set of whole documents; what was given as tokens is detokenised."""
    pages = {entry["id"]: _page(entry) for entry in _lines(documents)}
    return Pages(pages, [_question(entry) for entry in _lines(questions)])


def read_folder(folder: Path) -> Pages:
    """A set in a folder of its own."""
    return read_pages(folder / "documents.jsonl.gz", folder / "questions.jsonl.gz")


def _lines(path: Path) -> Iterator[dict[str, Any]]:  # Any: JSON
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from (json.loads(line) for line in file if line.strip())


def _page(entry: dict[str, Any]) -> SourcePage:  # Any: JSON
    return SourcePage(entry["id"], _plain(entry["title"]), _plain(entry["text"]))


def _question(entry: dict[str, Any]) -> PageQuestion:  # Any: JSON
    answers = entry["answers"] if entry.get("answerable", True) else []
    pages = entry["gold_documents"] if "gold_documents" in entry else [entry["gold_document"]]
    clean = tuple(dict.fromkeys(_plain(answer) for answer in answers))
    asked = [turn["text"] for turn in entry.get("history", ()) if turn["role"] == "user"]
    before = asked[-1].strip() if asked else ""
    return PageQuestion(entry["id"], entry["question"].strip(), clean, tuple(pages), before)


def _plain(text: str) -> str:
    """A text in which commas stand as people set them; one that was never cut into tokens is left
    as it is.
    """
    tokenised = text.count(" ,") + text.count(" . ") > text.count(", ") / 4
    clean = detokenised(text, [])[0] if tokenised else text
    return re.sub(r"(?<=[^\W\d]) - (?=[^\W\d])", "-", clean).strip() if tokenised else clean.strip()


def passages_of(page: SourcePage, tokenizer: Tokenizer) -> list[str]:
    """The document's passages, cut as Quoth cuts what it is given."""

    def spans(texts: Sequence[str]) -> list[list[Chars]]:
        encoded = tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return [list(each.offsets) for each in encoded]

    document = make_document(page.text, title=page.title)
    return [chunk.text for chunk in chunk_document(document, spans, ChunkSettings())]


def examples_of(name: str, pages: Pages, tokenizer: Tokenizer, *, loose: bool = False) -> Examples:
    """The set's questions on the passages of their documents.

    :param loose: whether answers are written in words of their own
    """
    found = Examples(name, [], [])
    places: dict[str, range] = {}
    for question in pages.questions:
        for page in question.pages:
            if page in pages.pages and page not in places:
                made = [
                    Paragraph(text, f"{name}/{page}")
                    for text in passages_of(pages.pages[page], tokenizer)
                ]
                places[page] = range(len(found.paragraphs), len(found.paragraphs) + len(made))
                found.paragraphs.extend(made)
        numbers = [number for page in question.pages for number in places.get(page, ())]
        example = _example(
            question, numbers, [found.paragraphs[number].text for number in numbers], loose
        )
        found.examples.extend([example] if example else [])
    return found


def _example(
    question: PageQuestion, numbers: Sequence[int], texts: Sequence[str], loose: bool
) -> Example | None:
    """The question on the passages that share most with it, of those that hold its answer if it has
    one.
    """
    ranked = sorted(
        zip(shared_words(question.text, texts), numbers, texts, strict=True),
        key=lambda each: (-each[0], each[1]),
    )
    if not question.answers:
        kept = [Place(number, ()) for _, number, _ in ranked[:MOST_PLACES]]
    else:
        find = _placed_loosely if loose else _placed
        placed = [find(question.answers, number, text) for _, number, text in ranked]
        kept = [place for place in placed if place.spans]
        if len(kept) > _TOO_COMMON:
            return None
    if not kept:
        return None
    first, *rest = kept[:MOST_PLACES]
    also = tuple(rest)
    guessed = not loose and sum(len(place.spans) for place in kept) > 1
    return Example(
        question.id,
        question.text,
        first.paragraph,
        first.spans,
        question.answers,
        also,
        exact=False,
        loose=loose,
        evidence=first.evidence,
        guessed=guessed,
    )


def _placed(answers: Sequence[str], number: int, text: str) -> Place:
    return Place(number, tuple(_held(answers, text)))


def _placed_loosely(answers: Sequence[str], number: int, text: str) -> Place:
    evidence = {span for answer in answers for span in answer_sentences(answer, text)}
    return Place(number, tuple(_sentences_like(answers, text)), tuple(sorted(evidence)))


def _held(answers: Sequence[str], text: str) -> list[Chars]:
    """Where an answer stands in a text; in letters of any case only where it does not stand in its
    own.
    """
    spans = {span for answer in answers for span in occurrences(answer, text)}
    return sorted(
        spans or {span for answer in answers for span in occurrences(answer, text, any_case=True)}
    )


def _sentences_like(answers: Sequence[str], text: str) -> list[Chars]:
    """The sentence of a text that is most like one of the answers', if it is like it at all."""
    wanted = [_words(answer[start:end]) for answer in answers for start, end in sentences(answer)]
    scored = [
        (
            max((_overlap(_words(text[start:end]), words) for words in wanted), default=0.0),
            (start, end),
        )
        for start, end in sentences(text)
    ]
    best = max(scored, default=(0.0, (0, 0)))
    return [best[1]] if best[0] >= SAME_WORDS else []


def answer_sentences(answer: str, text: str) -> list[Chars]:
    """The sentences of a text that an answer in words of its own was made from.

    A sentence is one of them if it is like a sentence of the answer, if it holds nearly all words
    of one, or if half of it stands in the answer in runs of several words.
    """
    parts = [_words(answer[start:end]) for start, end in sentences(answer)]
    runs = _runs(_word_list(answer))
    found = []
    for start, end in sentences(text):
        words = _word_list(text[start:end])
        counted = Counter(words)
        held = max((_share_held(part, counted) for part in parts), default=0.0)
        like = max((_overlap(counted, part) for part in parts), default=0.0)
        copied = {
            place + step
            for place, run in enumerate(zip(*(words[step:] for step in range(_RUN)), strict=False))
            if run in runs
            for step in range(_RUN)
        }
        if like >= SAME_WORDS or held >= _HELD or len(copied) >= max(len(words) / 2, _RUN):
            found.append((start, end))
    return found


def _share_held(part: Counter[str], words: Counter[str]) -> float:
    """The share of a part's words that are among others; 0 for parts of a few words, which stand
    anywhere.
    """
    return (part & words).total() / part.total() if part.total() >= _RUN else 0.0


def _runs(words: Sequence[str]) -> set[tuple[str, ...]]:
    return set(zip(*(words[step:] for step in range(_RUN)), strict=False))


def _word_list(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _words(text: str) -> Counter[str]:
    return Counter(_word_list(text))


def _overlap(one: Counter[str], other: Counter[str]) -> float:
    """F1 of words."""
    return 2 * (one & other).total() / max(one.total() + other.total(), 1)


def shared_words(question: str, texts: Sequence[str]) -> list[float]:
    """For each text, the summed weight of the question's words that it holds; rare ones among the
    texts weigh more.
    """
    held = [set(_words(text)) for text in texts]
    words = set(_words(question))
    weights = {
        word: math.log((len(texts) + 1) / (sum(word in each for each in held) + 0.5))
        for word in words
    }
    return [math.fsum(weights[word] for word in words & each) for each in held]
