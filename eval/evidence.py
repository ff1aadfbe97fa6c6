"""How well readers mark the sentences that answer a question, the right document in hand.

    python -m eval.evidence --data FOLDER [--reader FOLDER ...]

FOLDER holds ``clapnq`` and ``inscit``. Their answers are written from sentences of a document,
which are found by the words that they share. Every passage of the document is read. The sentence
with the most evidence is marked, and so is every other one with at least the threshold.

Precision, recall and F1 are means over the questions that have an answer. If several people wrote
one, the answer counts that agrees best with what is marked. "lead" is the share of the questions
whose best sentence belongs to an answer. All are in percent, with standard errors after ±. "marked
without" counts the unanswerable questions for which a sentence reaches the threshold.

Asked are questions about documents that were never trained on (:mod:`eval.training.splits`). The
threshold is the one with the best F1 on other documents than those that it is reported on: the
documents are split in two halves, and each half has the threshold of the other one. The last line
gives the threshold of all documents together.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from eval.kinds import Value
from eval.training.documents import answer_sentences, passages_of, read_folder
from eval.training.sets import pages_of_part
from index.text.view import View
from service.reader.factory import DEFAULT_READER, WEIGHTS, load_passage_reader
from service.reader.onnx import read_tokenizer
from service.reader.passage import PassageReader, Reading
from service.reader.sentences import view_sentences
from service.settings import load_settings

SETS = ("clapnq", "inscit")
_THRESHOLDS = tuple(number / 4 for number in range(-24, 17))
_NOT_MARKED = -20.0


@dataclass(frozen=True, slots=True)
class EvidenceQuestion:
    """A question with the passages of its document.

    :param answers: for each person's answer, the sentences that it was written from, as pairs of
        a passage's position and a sentence's; none where the document does not answer
    :param half: which half of the documents its own is in, 0 or 1
    """

    question: str
    passages: tuple[View, ...]
    answers: tuple[frozenset[tuple[int, int]], ...]
    half: int


@dataclass(frozen=True, slots=True)
class Marks:
    """How marked sentences agree with a question's answer, each from 0 to 1."""

    precision: float
    recall: float
    f1: float


SentenceScores = dict[tuple[int, int], float]
"""The evidence of each sentence, by the positions of its passage and in it."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question with the evidence of its sentences."""

    question: EvidenceQuestion
    scores: SentenceScores

    @property
    def lead(self) -> tuple[int, int]:
        """The sentence with the most evidence."""
        return max(self.scores, key=self.scores.__getitem__)

    def marks(self, threshold: float) -> Marks:
        """How the marked sentences agree with the answer that they agree best with."""
        marked = {each for each, score in self.scores.items() if score >= threshold} | {self.lead}
        found = [
            Marks(held / len(marked), held / len(answer), 2 * held / (len(marked) + len(answer)))
            for answer in self.question.answers
            for held in (len(marked & answer),)
        ]
        return max(found, key=lambda marks: marks.f1)


def main() -> None:
    """Ask every reader, and print a table for each."""
    given = _parser().parse_args()
    tokenizer = read_tokenizer(WEIGHTS / "tokenizer.json")
    kinds = {name: read_questions(given.data, name, tokenizer) for name in SETS}
    for name in given.reader or [DEFAULT_READER]:
        reader = load_passage_reader(name, load_settings().threads)
        found = {
            kind: [Scored(question, sentence_scores(reader, question)) for question in asked]
            for kind, asked in kinds.items()
        }
        everything = [each for part in found.values() for each in part]
        thresholds = tuple(
            marking_threshold([each for each in everything if each.question.half != half])
            for half in (0, 1)
        )
        print(f"\n{name} ({reader.digest[:12]})\n")
        print("| documents | questions | precision | recall | F1 | lead | marked without |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for kind, part in found.items():
            print(f"| {kind} | {' | '.join(_cells(part, thresholds))} |")
        print(f"\nthreshold {marking_threshold(everything)}", flush=True)


def read_questions(
    data: Path, name: str, tokenizer: Tokenizer, *, tune: bool = True
) -> list[EvidenceQuestion]:
    """The questions of one part of a set, but for those whose answer has no sentence of the
    document behind it.
    """
    pages = pages_of_part(name, read_folder(data / name), tune=tune)
    asked = []
    for question in pages.questions:
        passages = tuple(
            View.of_text(text)
            for page in question.pages
            for text in passages_of(pages.pages[page], tokenizer)
        )
        answers = [frozenset(_behind(answer, passages)) for answer in question.answers]
        kept = tuple(answer for answer in answers if answer)
        if passages and (kept or not question.answers):
            half = sha256(question.pages[0].encode()).digest()[0] % 2
            asked.append(EvidenceQuestion(question.text, passages, kept, half))
    return asked


def _behind(answer: str, passages: Sequence[View]) -> set[tuple[int, int]]:
    """The sentences that an answer was written from."""
    found = set[tuple[int, int]]()
    for number, view in enumerate(passages):
        starts = {sentence.start: place for place, sentence in enumerate(view_sentences(view))}
        found.update((number, starts[start]) for start, _ in answer_sentences(answer, view.text))
    return found


def sentence_scores(reader: PassageReader, question: EvidenceQuestion) -> SentenceScores:
    """The evidence of all sentences; their best margin if the reader does not score sentences."""
    readings = reader.read(question.question, question.passages)
    return {
        (number, place): score
        for number, (view, reading) in enumerate(zip(question.passages, readings, strict=True))
        for place, score in enumerate(reading.evidence or _margins(view, reading))
    }


def _margins(view: View, reading: Reading) -> list[float]:
    return [
        max(
            (
                span.margin
                for span in reading.spans
                if span.start < sentence.end and sentence.start < span.end
            ),
            default=_NOT_MARKED,
        )
        for sentence in view_sentences(view)
    ]


def marking_threshold(asked: Sequence[Scored]) -> float:
    """The threshold with the best mean F1 of the questions that have an answer."""
    answerable = [each for each in asked if each.question.answers]
    return max(
        _THRESHOLDS,
        key=lambda threshold: sum(each.marks(threshold).f1 for each in answerable),
    )


def _cells(asked: Sequence[Scored], thresholds: tuple[float, ...]) -> list[str]:
    """:param thresholds: for the questions of each half"""
    answerable = [each for each in asked if each.question.answers]
    marks = [each.marks(thresholds[each.question.half]) for each in answerable]
    leads = [
        float(any(each.lead in answer for answer in each.question.answers)) for each in answerable
    ]
    wrongly = [
        max(each.scores.values()) >= thresholds[each.question.half]
        for each in asked
        if not each.question.answers
    ]
    values = (
        [each.precision for each in marks],
        [each.recall for each in marks],
        [each.f1 for each in marks],
        leads,
    )
    return [
        str(len(answerable)),
        *(_shown(each) for each in values),
        f"{sum(wrongly)} of {len(wrongly)}" if wrongly else "",
    ]


def _shown(values: Sequence[float]) -> str:
    error = float(np.std(values) / np.sqrt(len(values)))
    return Value(float(np.mean(values)), error).shown(100)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--reader", action="append", help="a reader's name or folder; may be given several times"
    )
    return parser


if __name__ == "__main__":
    main()
