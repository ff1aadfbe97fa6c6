"""Labelled questions on kinds of documents other than SQuAD's articles, to fit whole sentences on.

They are about documents that the reader was not trained on (:mod:`eval.training.splits`), since its
scores on those that it knows would promise too much. The documents of a kind are one collection.
Some are left out, so that the questions about them have no answer.
"""

import random
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from corpus.document import Document, make_document
from eval.seed import SEED
from eval.training.documents import PageQuestion, Pages, answer_sentences, read_folder
from eval.training.sets import pages_of_part
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.search.searcher import SearchResult
from service.question import DEFAULT_TOP_K
from service.reader.form import FITTED_FORMS, AnswerForm

DOCUMENTS_LEFT_OUT = 0.15
"""The share of the documents that are left out, where no question is unanswerable anyway."""

_MOST_QUESTIONS = 250


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A labelled question with the results of a search.

    :param kind: the kind of documents that it is about
    :param fold: questions of the same name are fitted on, or judged, together
    :param answers: accepted texts; none if the documents do not answer
    :param documents: the documents that a right answer is from
    :param forms: the forms that it tells the right answer of
    """

    text: str
    kind: str
    fold: str
    answers: tuple[str, ...]
    documents: frozenset[str]
    result: SearchResult
    forms: tuple[AnswerForm, ...] = FITTED_FORMS


@dataclass(frozen=True, slots=True)
class _Kind:
    """A set as a kind of documents.

    :param sentences: whether its answers are written from sentences of the documents, which are
        what is right then; otherwise they are words of the documents
    :param thinned: whether documents are left out
    """

    sentences: bool
    thinned: bool


KINDS: Mapping[str, _Kind] = {
    "clapnq": _Kind(sentences=True, thinned=False),
    "inscit": _Kind(sentences=True, thinned=True),
    "covidqa": _Kind(sentences=False, thinned=True),
}


@dataclass(frozen=True, slots=True)
class DrawnKind:
    """The documents of a kind, and questions about them.

    :param questions: each with its accepted texts, which are none if the documents do not answer
    """

    name: str
    documents: tuple[Document, ...]
    questions: tuple[tuple[PageQuestion, tuple[str, ...]], ...]


def drawn_kinds(data: Path) -> Iterator[DrawnKind]:
    """All kinds, each thinned as it should be."""
    for name, kind in KINDS.items():
        yield _drawn(name, kind, pages_of_part(name, read_folder(data / name), tune=True))


def asked_of_kinds(data: Path, encoder: Encoder) -> Iterator[AskedQuestion]:
    """The questions about all kinds, each asked of the documents of its kind."""
    for drawn in drawn_kinds(data):
        with (
            tempfile.TemporaryDirectory() as folder,
            Collection(Path(folder), encoder, writable=True) as collection,
        ):
            collection.put(drawn.documents)
            for question, answers in drawn.questions:
                yield AskedQuestion(
                    text=question.text,
                    kind=drawn.name,
                    fold=drawn.name,
                    answers=answers,
                    documents=frozenset(question.pages),
                    result=collection.searcher.search(question.text, DEFAULT_TOP_K),
                    forms=(AnswerForm.SENTENCE,),
                )


def _drawn(name: str, kind: _Kind, pages: Pages) -> DrawnKind:
    draws = random.Random(f"{SEED}/{name}")
    named = sorted({page for question in pages.questions for page in question.pages})
    left_out = {page for page in named if kind.thinned and draws.random() < DOCUMENTS_LEFT_OUT}
    kept = [pages.pages[page] for page in named if page in pages.pages and page not in left_out]
    questions = []
    for each in draws.sample(pages.questions, min(len(pages.questions), _MOST_QUESTIONS)):
        known = each if left_out.isdisjoint(each.pages) else replace(each, answers=())
        answers = _sentences(known, pages) if kind.sentences else known.answers
        # An answer of which no sentence is found cannot be judged.
        if bool(answers) == bool(known.answers):
            questions.append((known, answers))
    documents = (make_document(page.text, document_id=page.id, title=page.title) for page in kept)
    return DrawnKind(name, tuple(documents), tuple(questions))


def _sentences(question: PageQuestion, pages: Pages) -> tuple[str, ...]:
    """The sentences of its documents that the answers to a question were written from."""
    return tuple(
        dict.fromkeys(
            pages.pages[page].text[start:end]
            for page in question.pages
            for answer in question.answers
            for start, end in answer_sentences(answer, pages.pages[page].text)
        )
    )
