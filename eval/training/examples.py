"""Questions with their paragraphs and answer spans, read from the training and tune sets."""

import gzip
import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

Chars = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A text of an article; ``article`` is unique over all sets."""

    text: str
    article: str


@dataclass(frozen=True, slots=True)
class Place:
    """A paragraph, by position, and the places in it that may be the answer: code points,
    half-open.

    :param evidence: further places, whose sentences belong to the whole answer
    """

    paragraph: int
    spans: tuple[Chars, ...]
    evidence: tuple[Chars, ...] = ()


@dataclass(frozen=True, slots=True)
class Example:
    """A question on one paragraph, or on a few of which one or several answer it.

    :param spans: code points, half-open, each one an acceptable answer; empty where the paragraph
        gives none
    :param golds: the answers' texts as the set gives them; none where the question has no answer
    :param also: further paragraphs of its document, with spans where they hold the answer's words
        too
    :param exact: whether nothing else in its paragraph answers it, so that a question changed has
        no answer there
    :param loose: whether the spans are sentences that the answer is made from, not the answer
        itself
    :param whole: whether its paragraph is only understood as a whole, as a table is
    :param evidence: further places in its paragraph, whose sentences belong to the whole answer
    :param guessed: whether the answer's words stand in several places and only some of these may
        answer
    """

    id: str
    question: str
    paragraph: int
    spans: tuple[Chars, ...]
    golds: tuple[str, ...]
    also: tuple[Place, ...] = ()
    exact: bool = True
    loose: bool = False
    whole: bool = False
    evidence: tuple[Chars, ...] = ()
    guessed: bool = False

    @property
    def is_usable(self) -> bool:
        """Whether its answer was found, or it has none."""
        return bool(self.spans) or not self.golds

    def shifted(self, by: int) -> "Example":
        """The same example where its paragraphs stand so much later in a list."""
        also = tuple(replace(place, paragraph=place.paragraph + by) for place in self.also)
        return replace(self, paragraph=self.paragraph + by, also=also)


@dataclass(frozen=True, slots=True)
class Examples:
    """One set: examples point into ``paragraphs`` by position."""

    name: str
    paragraphs: list[Paragraph]
    examples: list[Example]


class _Answer(TypedDict, total=False):
    text: str
    answer_start: int
    start_is_guess: bool


class _Question(TypedDict, total=False):
    id: str
    question: str
    answers: list[_Answer]


class _SquadParagraph(TypedDict):
    context: str
    qas: list[_Question]


class _Article(TypedDict):
    title: str
    paragraphs: list[_SquadParagraph]


class _Record(TypedDict):
    id: str
    question: str
    context: str
    answers: list[str]
    spans: list[tuple[int, str]]


def read_squad(path: Path, name: str) -> Examples:
    """A set in SQuAD's JSON (v1.1 or v2.0), gzipped."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        articles: list[_Article] = json.load(file)["data"]
    found = Examples(name, [], [])
    for article in articles:
        for paragraph in article["paragraphs"]:
            text = paragraph["context"]
            found.paragraphs.append(Paragraph(text, f"{name}/{article['title']}"))
            number = len(found.paragraphs) - 1
            found.examples.extend(
                _squad_example(question, text, number) for question in paragraph["qas"]
            )
    return found


def _squad_example(question: _Question, text: str, number: int) -> Example:
    answers = question["answers"]
    spans = {span for answer in answers for span in _squad_spans(answer, text)}
    golds = tuple(answer["text"] for answer in answers)
    guessed = len(spans) > 1 and any(answer.get("start_is_guess") for answer in answers)
    asked = question["question"].strip()
    return Example(question["id"], asked, number, tuple(sorted(spans)), golds, guessed=guessed)


def _squad_spans(answer: _Answer, text: str) -> list[Chars]:
    """The answer's place; every place of its string where the set only guesses which one is
    meant.
    """
    wanted, start = answer["text"], answer["answer_start"]
    if answer.get("start_is_guess"):
        return occurrences(wanted, text)
    return [(start, start + len(wanted))] if text[start : start + len(wanted)] == wanted else []


def occurrences(wanted: str, text: str, *, any_case: bool = False) -> list[Chars]:
    """Every place of a string in a text as a whole word, in order."""
    if not wanted.strip():
        return []
    pattern = rf"(?<!\w){re.escape(wanted.strip())}(?!\w)"
    return [match.span() for match in re.finditer(pattern, text, re.IGNORECASE if any_case else 0)]


def read_qed(path: Path) -> Examples:
    """QED's natural questions, with spaces before punctuation taken out again."""
    found = Examples("qed", [], [])
    for record in _records(path):
        text, spans = detokenised(
            record["context"], [(start, start + len(span)) for start, span in record["spans"]]
        )
        found.paragraphs.append(Paragraph(text, f"qed/{record['id']}"))
        number = len(found.paragraphs) - 1
        golds = tuple(record["answers"])
        found.examples.append(
            Example(record["id"], record["question"], number, tuple(spans), golds)
        )
    return found


def read_qamr(path: Path, seed: int) -> Examples:
    """QAMR's questions, each sentence set among up to three others so that it has to be found."""
    generator = random.Random(seed)
    records = [record for record in _records(path) if record["answers"]]
    sentences = sorted({record["context"] for record in records})
    numbers = {sentence: number for number, sentence in enumerate(sentences)}
    places = [_among_others(sentence, sentences, generator) for sentence in sentences]
    found = Examples(
        "qamr", [Paragraph(text, f"qamr/{n}") for n, (text, _) in enumerate(places)], []
    )
    for record in records:
        number = numbers[record["context"]]
        text, (start, end) = places[number]
        spans = sorted(
            {span for answer in record["answers"] for span in _within(answer, text, start, end)}
        )
        if spans:
            golds = tuple(record["answers"])
            found.examples.append(
                Example(record["id"], record["question"], number, tuple(spans), golds)
            )
    return found


def _among_others(
    sentence: str, sentences: list[str], generator: random.Random
) -> tuple[str, Chars]:
    """A passage around a sentence, and the sentence's place in it."""
    parts = [*generator.sample(sentences, generator.randint(0, 3)), sentence]
    generator.shuffle(parts)
    clean = [detokenised(part, [])[0] for part in parts]
    at = parts.index(sentence)
    start = sum(len(part) + 1 for part in clean[:at])
    return " ".join(clean), (start, start + len(clean[at]))


def _within(answer: str, text: str, start: int, end: int) -> list[Chars]:
    clean = detokenised(answer, [])[0]
    return [(s + start, e + start) for s, e in occurrences(clean, text[start:end])]


def _records(path: Path) -> Iterator[_Record]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            if line.strip():
                yield json.loads(line)


_TIGHT = re.compile(
    r" (?=[,.;:!?)\]%](?: |$))|(?<=[(\[$#]) |(?<=\w) (?='(?:s|re|ve|ll|d|m)\b|n't\b)|(?<= '') "
    r"|(?<=``) | (?='')"
)


def detokenised(text: str, spans: list[Chars]) -> tuple[str, list[Chars]]:
    """A text without the spaces that Penn Treebank tokenisation put in, and its spans moved
    along.
    """
    dropped = {match.start() for match in _TIGHT.finditer(text)}
    dropped |= {match.start() + 1 for match in re.finditer(r"``|''", text)}
    kept = [place for place in range(len(text)) if place not in dropped]
    moved = {place: number for number, place in enumerate(kept)}
    clean = "".join(text[place] for place in kept).replace("`", "'")
    new = [(_moved(start, moved, len(text)), _moved(end, moved, len(text))) for start, end in spans]
    return clean, [(start, end) for start, end in new if start < end]


def _moved(place: int, moved: dict[int, int], length: int) -> int:
    while place < length and place not in moved:
        place += 1
    return moved.get(place, len(moved))
