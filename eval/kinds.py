"""How good readers are on each kind of document, alone: no search, no ranking, the right document
in hand.

    python -m eval.kinds --data FOLDER [--reader FOLDER ...]

FOLDER holds the sets, each in a folder of its own. Asked are questions about documents that were
never trained on (:mod:`eval.training.splits`), a seeded sample of each kind. A paragraph is read as
it is; of a long document, the passages that share most with the question, the right one among them.
The best span of all is the answer; for kinds whose answers are whole sentences, the sentences
around it.

The table gives, in percent, exact match, F1 and the share that is right (as people take it) of the
questions that have an answer; and where some have none, AUROC of the margin for having one or not,
and F1 where refusing counts 1 if there is none, with the threshold chosen on other documents. After
± stands the standard error; with several readers, a second table compares each with the first on
the same questions.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from eval.measuring.formulas import (
    FloatArray,
    auroc,
    contains,
    exact,
    is_right,
    overlap,
    thresholded,
)
from eval.training.documents import Pages, passages_of, read_folder, read_pages, shared_words
from eval.training.examples import Examples, read_squad
from eval.training.sets import pages_of_part
from eval.training.splits import TUNE_ARTICLES, is_trained_article, is_tune
from eval.training.tables import made_tables
from index.text.sentences import sentences
from index.text.view import View
from service.reader.factory import DEFAULT_READER, WEIGHTS, load_passage_reader
from service.reader.onnx import read_tokenizer
from service.reader.passage import PassageReader
from service.settings import load_settings

SEED = 20261127
PASSAGES = 8
"""How many passages of a long document are read: as many as Quoth reads."""

_TABLES = 120
_RESAMPLED = 400


@dataclass(frozen=True, slots=True)
class KindQuestion:
    """A question with the passages to be read for it.

    :param document: what it is about; thresholds are chosen on other documents
    :param answers: none where the passages do not answer
    :param whole: whether the answers are whole sentences
    """

    question: str
    document: str
    passages: tuple[str, ...]
    answers: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Scores:
    """What a reader reached on the cases of a kind, one number a case, in their order.

    :param answerable: whether there is an answer; ``exact``, ``overlap`` and ``right`` are 0 where
        there is none
    :param margin: how far the best span is above null
    """

    documents: tuple[str, ...]
    answerable: FloatArray
    exact: FloatArray
    overlap: FloatArray
    right: FloatArray
    margin: FloatArray


@dataclass(frozen=True, slots=True)
class Value:
    """A number and its standard error."""

    mean: float
    error: float

    def shown(self, scale: float, signed: bool = False) -> str:
        """As it stands in a table."""
        places = 1 if scale > 1 else 3
        mean = f"{scale * self.mean:{'+' if signed else ''}.{places}f}"
        return f"{mean} ±{scale * self.error:.{places}f}"


def main() -> None:
    """Ask every reader, print the tables."""
    given = _parser().parse_args()
    kinds = read_kinds(given.data, read_tokenizer(WEIGHTS / "tokenizer.json"), given.share)
    threads = load_settings().threads
    found: list[dict[str, Scores]] = []
    for name in given.reader or [DEFAULT_READER]:
        began = time.perf_counter()
        reader = load_passage_reader(name, threads)
        found.append({kind: scored(reader, cases) for kind, cases in kinds.items()})
        took = time.perf_counter() - began
        print(f"\n{name} ({reader.digest[:12]}, {took:.0f} s)\n\n{table(found[-1])}", flush=True)
        if len(found) > 1:
            print(f"\nagainst the first\n\n{comparison(found[0], found[-1])}", flush=True)


def read_kinds(
    data: Path, tokenizer: Tokenizer, share: float = 1.0
) -> dict[str, list[KindQuestion]]:
    """The cases of every kind, at most so many of each, drawn with a fixed seed.

    :param share: of these numbers, how many
    """
    squad = read_squad(data / "squad/dev-v1.1-tune.json.gz", "")
    squad2 = read_squad(data / "squad/dev-v2.0-tune.json.gz", "")
    policies = read_squad(data / "policyqa/dev.json.gz", "")
    news = data / "news"
    news_2025 = read_pages(
        news / "tune_2025_documents.jsonl.gz", news / "tune_2025_questions.jsonl.gz"
    )
    pages = {
        name: pages_of_part(name, read_folder(data / name), tune=True)
        for name in ("clapnq", "covidqa", "timeqa")
    }
    drawn = {
        "SQuAD v1.1": (_paragraphs(squad, lambda title, _: not is_trained_article(title)), 700),
        "SQuAD v2.0": (
            _paragraphs(squad2, lambda title, _: title.replace("_", " ") in TUNE_ARTICLES),
            1400,
        ),
        "clapnq": (
            [replace(case, whole=True) for case in _documents(pages["clapnq"], tokenizer)],
            160,
        ),
        "covidqa": (_documents(pages["covidqa"], tokenizer), 100),
        "policyqa": (_paragraphs(policies, lambda _, text: is_tune("policyqa", text)), 500),
        "timeqa": (_documents(pages["timeqa"], tokenizer), 320),
        "news 2025": (_documents(news_2025, tokenizer), 240),
        "tables": (_tables(made_tables(_TABLES, SEED, tune=True)), 600),
    }
    return {name: _sample(cases, round(share * count)) for name, (cases, count) in drawn.items()}


def _sample(cases: Sequence[KindQuestion], count: int) -> list[KindQuestion]:
    return random.Random(SEED).sample(cases, min(len(cases), count))


def _paragraphs(read: Examples, is_asked: Callable[[str, str], bool]) -> list[KindQuestion]:
    """Questions on single paragraphs.

    :param is_asked: told an article's title and a paragraph
    """
    cases = []
    for example in read.examples:
        paragraph = read.paragraphs[example.paragraph]
        title = paragraph.article.removeprefix("/")
        if is_asked(title, paragraph.text):
            answers = tuple(dict.fromkeys(example.golds))
            cases.append(
                KindQuestion(example.question, title or paragraph.text, (paragraph.text,), answers)
            )
    return cases


def _documents(pages: Pages, tokenizer: Tokenizer) -> list[KindQuestion]:
    """Questions on whole documents: the passages that share most with each, one that holds an
    answer among them.
    """
    cut: dict[str, list[str]] = {}
    cases = []
    for question in pages.questions:
        for page in question.pages:
            if page in pages.pages and page not in cut:
                cut[page] = passages_of(pages.pages[page], tokenizer)
        offered = [text for page in question.pages for text in cut.get(page, ())]
        ranked = sorted(
            zip(shared_words(question.text, offered), offered, strict=True),
            key=lambda each: -each[0],
        )
        kept = [text for _, text in ranked[:PASSAGES]]
        holding = [text for _, text in ranked if contains(text, question.answers)]
        kept = kept if set(kept) & set(holding) or not holding else [*kept[:-1], holding[0]]
        if kept:
            cases.append(
                KindQuestion(question.text, question.pages[0], tuple(kept), question.answers)
            )
    return cases


def _tables(made: Examples) -> list[KindQuestion]:
    """Questions on all passages of a table, or of what there is of it."""
    cases = []
    for example in made.examples:
        numbers = sorted({example.paragraph, *(place.paragraph for place in example.also)})
        texts = tuple(made.paragraphs[number].text for number in numbers)
        cases.append(
            KindQuestion(
                example.question, made.paragraphs[example.paragraph].article, texts, example.golds
            )
        )
    return cases


def scored(reader: PassageReader, cases: Sequence[KindQuestion]) -> Scores:
    """The reader's best spans, judged."""
    given = [_best(reader, case) for case in cases]
    texts = [text for text, _ in given]

    def each(measure: Callable[[str, Sequence[str]], float]) -> FloatArray:
        judged = (
            measure(text, case.answers) if case.answers else 0.0
            for text, case in zip(texts, cases, strict=True)
        )
        return np.array(list(judged), dtype=np.float64)

    answerable = np.array([float(bool(case.answers)) for case in cases])
    margins = np.array([margin for _, margin in given])
    documents = tuple(case.document for case in cases)
    return Scores(documents, answerable, each(exact), each(overlap), each(is_right), margins)


def _best(reader: PassageReader, case: KindQuestion) -> tuple[str, float]:
    """The best span of all passages, or the sentences around it where sentences are wanted, and its
    margin.
    """
    readings = zip(
        case.passages,
        reader.read(case.question, list(map(View.of_text, case.passages))),
        strict=True,
    )
    spans = [
        (span.margin, text, span.start, span.end)
        for text, reading in readings
        for span in reading.spans[:1]
    ]
    margin, text, start, end = max(
        spans, key=lambda each: each[0], default=(float("-inf"), "", 0, 0)
    )
    if case.whole:
        around = [place for place in sentences(text) if place[0] < end and start < place[1]]
        start, end = (around[0][0], around[-1][1]) if around else (start, end)
    return text[start:end], margin


def table(scores: dict[str, Scores]) -> str:
    """A Markdown table, a line for each kind."""
    lines = [
        "| kind | questions | EM | F1 | right | AUROC | F1 with refusal |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for kind, found in scores.items():
        cells = [
            kind,
            str(len(found.answerable)),
            *(_mean_of(found, each).shown(100) for each in _MEANS),
        ]
        lines.append(f"| {' | '.join([*cells, *_refusing(found)])} |")
    return "\n".join(lines)


def comparison(before: dict[str, Scores], after: dict[str, Scores]) -> str:
    """What changed on the same questions, as a Markdown table, with the differences' errors."""
    lines = ["| kind | EM | F1 | right | AUROC |", "| --- | --- | --- | --- | --- |"]
    for kind, first in before.items():
        second = after[kind]
        cells = [
            _mean(_with_answer(second, each) - _with_answer(first, each)).shown(100, signed=True)
            for each in _MEANS
        ]
        gained = _auroc_gain(first, second).shown(1, signed=True) if _has_both(first) else ""
        lines.append(f"| {' | '.join([kind, *cells, gained])} |")
    return "\n".join(lines)


_MEANS: tuple[Callable[[Scores], FloatArray], ...] = (
    lambda scores: scores.exact,
    lambda scores: scores.overlap,
    lambda scores: scores.right,
)


def _with_answer(scores: Scores, values: Callable[[Scores], FloatArray]) -> FloatArray:
    kept: FloatArray = values(scores)[scores.answerable == 1]
    return kept


def _mean_of(scores: Scores, values: Callable[[Scores], FloatArray]) -> Value:
    return _mean(_with_answer(scores, values))


def _mean(values: FloatArray) -> Value:
    return Value(float(values.mean()), float(values.std() / np.sqrt(len(values))))


def _has_both(scores: Scores) -> bool:
    return 0 < int(scores.answerable.sum()) < len(scores.answerable)


def _refusing(scores: Scores) -> Iterator[str]:
    """AUROC, and F1 with refusal, where some questions have no answer."""
    if not _has_both(scores):
        yield from ("", "")
        return
    error = float(np.std(list(_resampled(scores, lambda places: _auroc(scores, places)))))
    yield Value(_auroc(scores), error).shown(1)
    refused = 1 - scores.answerable
    yield f"{100 * thresholded(scores.margin, scores.overlap, refused, scores.documents):.1f}"


def _auroc_gain(first: Scores, second: Scores) -> Value:
    drawn = list(_resampled(first, lambda places: _auroc(second, places) - _auroc(first, places)))
    return Value(_auroc(second) - _auroc(first), float(np.std(drawn)))


def _auroc(scores: Scores, places: np.ndarray | None = None) -> float:
    chosen = slice(None) if places is None else places
    return auroc(scores.margin[chosen], scores.answerable[chosen] == 1)


def _resampled(scores: Scores, measure: Callable[[np.ndarray], float]) -> Iterator[float]:
    """The measure on questions drawn with replacement (the bootstrap of Efron 1979)."""
    chance = np.random.default_rng(SEED)
    count = len(scores.answerable)
    for _ in range(_RESAMPLED):
        places = chance.integers(0, count, count)
        if 0 < scores.answerable[places].sum() < count:
            yield measure(places)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--reader", action="append", help="a reader's name or folder; may be given several times"
    )
    parser.add_argument(
        "--share", type=float, default=1.0, help="ask this share of the questions (%(default)s)"
    )
    return parser


if __name__ == "__main__":
    main()
