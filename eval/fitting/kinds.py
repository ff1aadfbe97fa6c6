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

from corpus.document import make_document
from eval.seed import SEED
from eval.training.documents import PageQuestion, Pages, answer_sentences, read_folder
from eval.training.sets import pages_of_part
from index.collection import Collection
from index.encoding.encoder import Encoder
from index.search.searcher import SearchResult
from service.question import DEFAULT_TOP_K
from service.reader.form import FITTED_FORMS, AnswerForm

LEFT_OUT = 0.15
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


def asked_of_kinds(data: Path, encoder: Encoder) -> Iterator[AskedQuestion]:
    """The questions about all kinds, each asked of the documents of its kind."""
    for name, kind in KINDS.items():
        pages = pages_of_part(name, read_folder(data / name), tune=True)
        yield from _asked(name, kind, pages, encoder)


def _asked(name: str, kind: _Kind, pages: Pages, encoder: Encoder) -> Iterator[AskedQuestion]:
    draws = random.Random(f"{SEED}/{name}")
    named = sorted({page for question in pages.questions for page in question.pages})
    left_out = {page for page in named if kind.thinned and draws.random() < LEFT_OUT}
    kept = [page for page in named if page in pages.pages and page not in left_out]
    questions = draws.sample(pages.questions, min(len(pages.questions), _MOST_QUESTIONS))
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(Path(folder), encoder, writable=True) as collection,
    ):
        collection.put(
            [
                make_document(
                    pages.pages[page].text, document_id=page, title=pages.pages[page].title
                )
                for page in kept
            ]
        )
        for question in questions:
            known = (
                question if left_out.isdisjoint(question.pages) else replace(question, answers=())
            )
            answers = _sentences(known, pages) if kind.sentences else known.answers
            if bool(answers) == bool(known.answers):
                yield AskedQuestion(
                    text=known.text,
                    kind=name,
                    fold=name,
                    answers=answers,
                    documents=frozenset(known.pages),
                    result=collection.searcher.search(known.text, DEFAULT_TOP_K),
                    forms=(AnswerForm.SENTENCE,),
                )


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
