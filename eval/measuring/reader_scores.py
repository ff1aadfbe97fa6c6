"""Scores of readers on questions with known answers.

    python -m eval.measuring.reader_scores --data FOLDER [READER ...]

prints a line of JSON for each reader.

FOLDER holds ``squad/dev-v1.1-tune.json.gz`` and ``squad/dev-v2.0-tune.json.gz``. No question is
about an article that the reader was trained on. In open retrieval, these stand among the others.

- v1.1: exact match and F1 when the reader is given the right paragraph
- v2.0: how well margins separate questions that their paragraph answers from others, and the scores
  when a reader may refuse, with its threshold chosen on other articles
- open: the questions of v1.1 over all its paragraphs at once, each a document under the title of
  its article; Quoth's own search finds passages, and its ranking chooses the short answer
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from corpus.document import Document, make_document
from eval.measuring.formulas import FloatArray, auroc, contains, exact, overlap, thresholded
from eval.sets.squad import Article, SquadQuestion, articles
from eval.training.splits import is_trained_article
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.search.searcher import Hit, SearchResult
from index.text.view import View
from service.question import DEFAULT_TOP_K
from service.reader.factory import DEFAULT_READER, load_passage_reader
from service.reader.fitted import load_fitted
from service.reader.form import AnswerForm
from service.reader.passage import PassageReader
from service.reader.reader import SpanReader
from service.settings import load_settings

SearchedQuestion = tuple["ParagraphQuestion", SearchResult]
TextMeasure = Callable[[str, Sequence[str]], float]
Scores = dict[str, float]


@dataclass(frozen=True, slots=True)
class ParagraphQuestion:
    """A question with its paragraph as a document."""

    question: SquadQuestion
    paragraph: Document

    def is_found_by(self, hit: Hit) -> bool:
        """Whether a passage is from the paragraph and holds an accepted answer."""
        chunk = hit.chunk
        return chunk.document_id == self.paragraph.id and bool(
            contains(chunk.text, self.question.answers)
        )


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """The answer of a reader to a question.

    :param margin: its score above the null score
    """

    text: str
    margin: float


def main() -> None:
    """Score each reader, and print a line for each."""
    given = _parser().parse_args()
    settings = load_settings()
    first, second = (
        list(articles(given.data / f"squad/dev-{name}-tune.json.gz")) for name in ("v1.1", "v2.0")
    )
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    found = search(first, encoder, given.open_every) if given.open_every else []
    for name in given.readers:
        began = time.perf_counter()
        reader = load_passage_reader(name, settings.threads)
        scores = {
            "v1.1": gold_scores(reader, paragraph_questions(unseen(first))[:: given.every]),
            "v2.0": refusal_scores(reader, paragraph_questions(unseen(second))[:: given.every]),
        }
        if found:
            scores["open"] = open_scores(SpanReader(reader, load_fitted().ranking), found)
        rounded = {
            part: {key: round(value, 3) for key, value in values.items()}
            for part, values in scores.items()
        }
        seconds = round(time.perf_counter() - began)
        print(
            json.dumps({"reader": name, "digest": reader.digest, **rounded, "seconds": seconds}),
            flush=True,
        )


def unseen(read: Sequence[Article]) -> list[Article]:
    """The articles that the reader was not trained on."""
    return [article for article in read if not is_trained_article(article.title)]


def paragraph_questions(read: Sequence[Article]) -> list[ParagraphQuestion]:
    """The questions of articles, each with its paragraph."""
    return [
        ParagraphQuestion(question, document)
        for article in read
        for paragraph, document in zip(
            article.paragraphs, paragraph_documents(article), strict=True
        )
        for question in paragraph.questions
    ]


def paragraph_documents(article: Article) -> list[Document]:
    """Each paragraph of an article as a document."""
    texts = (paragraph.text for paragraph in article.paragraphs)
    return [
        make_document(text, document_id=f"{article.id}/{n}", title=article.title)
        for n, text in enumerate(texts)
    ]


def search(read: Sequence[Article], encoder: Encoder, every: int) -> list[SearchedQuestion]:
    """Every n-th question, with the result of a search in all paragraphs."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(Path(folder), encoder, writable=True) as collection,
    ):
        collection.put([document for article in read for document in paragraph_documents(article)])
        asked = paragraph_questions(unseen(read))[::every]
        return [
            (each, collection.searcher.search(each.question.text, DEFAULT_TOP_K)) for each in asked
        ]


def gold_scores(reader: PassageReader, asked: Sequence[ParagraphQuestion]) -> Scores:
    """Exact match and F1 of questions that their paragraph answers, in percent."""
    return _means([_read(reader, each).text for each in asked], [each.question for each in asked])


def refusal_scores(reader: PassageReader, asked: Sequence[ParagraphQuestion]) -> Scores:
    """AUROC of the margin for being answerable, and exact match and F1 with refusal, in percent.

    The AUROC is from 0 to 1. Refusing scores 1 if there is no answer, else 0. The threshold for the
    questions of an article is the best one for all other articles.
    """
    questions = [each.question for each in asked]
    given = [_read(reader, each) for each in asked]
    texts = [each.text for each in given]
    margins = np.array([each.margin for each in given])
    refused = np.array([float(not question.answers) for question in questions])
    names = [question.document_id for question in questions]
    has = [
        (text, question)
        for text, question in zip(texts, questions, strict=True)
        if question.answers
    ]
    return {
        "auroc": auroc(margins, refused == 0),
        "em": 100 * thresholded(margins, _each(exact, texts, questions), refused, names),
        "f1": 100 * thresholded(margins, _each(overlap, texts, questions), refused, names),
        "f1_of_answerable": _means(*zip(*has, strict=True))["f1"],
    }


def open_scores(reader: SpanReader, found: Sequence[SearchedQuestion]) -> Scores:
    """Exact match and F1 of the first short answer, and how often the search finds the paragraph,
    in percent.
    """
    texts = [_first(reader, each.question.text, result) for each, result in found]
    held = [any(map(each.is_found_by, result.hits)) for each, result in found]
    return {
        **_means(texts, [each.question for each, _ in found]),
        "found": 100 * float(np.mean(held)),
    }


def _read(reader: PassageReader, asked: ParagraphQuestion) -> ReadAnswer:
    """The best span of the question's own paragraph, or an empty answer."""
    (reading,) = reader.read(asked.question.text, [View.of_text(asked.paragraph.text)])
    if not reading.spans:
        return ReadAnswer("", float("-inf"))
    best = reading.spans[0]
    return ReadAnswer(asked.paragraph.text[best.start : best.end], best.margin)


def _first(reader: SpanReader, question: str, result: SearchResult) -> str:
    spans = reader.spans(question, result, (AnswerForm.SHORT,))[AnswerForm.SHORT]
    return spans[0].quote if spans else ""


def _means(texts: Sequence[str], questions: Sequence[SquadQuestion]) -> Scores:
    return {
        name: 100 * float(_each(measure, texts, questions).mean())
        for name, measure in (("em", exact), ("f1", overlap))
    }


def _each(
    measure: TextMeasure, texts: Sequence[str], questions: Sequence[SquadQuestion]
) -> FloatArray:
    pairs = zip(texts, questions, strict=True)
    return np.array([measure(text, question.answers) for text, question in pairs], dtype=np.float64)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "readers",
        nargs="*",
        metavar="READER",
        default=[DEFAULT_READER],
        help="a reader's name or folder (%(default)s)",
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument(
        "--every", type=int, default=1, help="ask only every n-th question (%(default)s)"
    )
    parser.add_argument(
        "--open-every",
        type=int,
        default=4,
        help="the same in open retrieval; 0 to skip it (%(default)s)",
    )
    return parser


if __name__ == "__main__":
    main()
