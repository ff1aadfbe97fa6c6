"""Fit the ranking of spans and the confidence that come with Quoth.

    python -m eval.fitting.fit --data FOLDER

writes ``service/answering/calibration.json``. FOLDER holds ``squad/dev-v1.1-tune.json.gz`` and
``squad/dev-v2.0-tune.json.gz``, and a folder for each further kind of documents
(:mod:`eval.fitting.kinds`). Documents that the reader was trained on are left out.

Every article of SQuAD becomes a document of one collection. Some of the paragraphs are left out,
so that questions about them are on the right topic, but the fact is missing. Further unanswerable
questions were written to have no answer, or have a year or number replaced by another one from the
article. Folds are made of articles.

Whole sentences are also fitted on the other kinds of documents. Each of these is a fold of its own,
so that it is judged by numbers that were fitted on other kinds. Together they count as much as
SQuAD.

Thresholds are chosen, and the report is made, on questions that the numbers were not fitted on. The
stored numbers are fitted on all questions.
"""

import argparse
import json
import random
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.fitting.kinds import KINDS, AskedQuestion, asked_of_kinds
from eval.fitting.regression import (
    TARGET_PRECISION,
    Case,
    Judged,
    fit_confidence,
    fit_ranking,
    folds,
    judge_first_answers,
    report_of,
    threshold_of,
)
from eval.measuring.counting_reader import CountingReader
from eval.measuring.reader_scores import unseen
from eval.seed import SEED
from eval.sets.squad import Article, SquadQuestion, articles
from eval.training.perturb import Setting, swap_entity
from index.collection import Collection
from index.encoding.encoder import Encoder, load_encoder
from index.text.view import View
from service.question import DEFAULT_TOP_K
from service.reader.factory import load_passage_reader
from service.reader.fitted import Calibration, Feature, Fitted, Linear, Ranking, load_fitted
from service.reader.form import FITTED_FORMS, AnswerForm
from service.reader.passage import PassageReader, Reading
from service.reader.reader import SpanReader
from service.settings import load_settings

PARAGRAPHS_LEFT_OUT = 0.2
IMPOSSIBLE = 0.06
EXCHANGED = 0.06
_FIGURE = re.compile(r"\d+")
_CLEAR_MARGINS = (-4.0, -2.0, 0.0, 1.0, 2.0, 3.0, 5.0)
_CLEAR_LEADS = (0.0, 0.03, 0.06, 0.1)
_CLEAR_QUESTIONS = 900
_CLEAR_LOSS = 0.005

SearchedQuestions = Sequence[AskedQuestion]
_SQUAD = "squad"
_PRECISION = {AnswerForm.SHORT: TARGET_PRECISION, AnswerForm.SENTENCE: 0.87}
"""The share of given answers that is to be right. A sentence that is not the best one often helps
nevertheless.
"""


class RememberingReader:
    """Remembers readings, so that no passage is read twice for the same question."""

    def __init__(self, inner: PassageReader) -> None:
        self._inner = inner
        self._known: dict[tuple[str, View], Reading] = {}

    @property
    def digest(self) -> str:
        """The digest of the other reader."""
        return self._inner.digest

    def read(self, question: str, passages: Sequence[View]) -> list[Reading]:
        """The readings of the other reader, kept ones where there are any."""
        new = [
            passage for passage in dict.fromkeys(passages) if (question, passage) not in self._known
        ]
        for passage, reading in zip(new, self._inner.read(question, new), strict=True):
            self._known[question, passage] = reading
        return [self._known[question, passage] for passage in passages]


def main() -> None:
    """Search, fit, report and write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--questions", type=int, default=1_800)
    options.add_argument("--out", type=Path, default=Path("service/answering/calibration.json"))
    given = options.parse_args()
    settings = load_settings()
    passages = CountingReader(
        RememberingReader(load_passage_reader(settings.reader, settings.threads))
    )
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    articles_asked = _search(given.data, given.questions, encoder)
    by_margin = _stopping(
        random.Random(SEED).sample(articles_asked, min(_CLEAR_QUESTIONS, len(articles_asked))),
        passages,
    )
    asked = [*articles_asked, *asked_of_kinds(given.data, encoder)]
    judged = _judged(asked, passages, by_margin)
    cases = _read(asked, passages, by_margin)
    ranking = replace(by_margin, forms={kind: fit_ranking(cases, kind) for kind in FITTED_FORMS})
    cases = _read(asked, passages, ranking)
    thresholds = {kind: threshold_of(judged[kind], _PRECISION[kind]) for kind in FITTED_FORMS}
    fitted = Fitted(
        reader=passages.digest,
        ranking=ranking,
        calibrations={
            form: Calibration(fit_confidence(cases, form), thresholds[form])
            for form in FITTED_FORMS
        },
        evidence_threshold=load_fitted().evidence_threshold,
        report={form.value: _report(judged[form], thresholds[form]) for form in FITTED_FORMS},
    ).as_dict()
    print(json.dumps(fitted, indent=2))
    given.out.write_text(json.dumps(fitted, indent=2) + "\n")


def _report(judged: Sequence[Judged], threshold: float) -> dict[str, object]:
    """Measures of judged answers, all together and for each kind of documents alone."""
    kinds = dict.fromkeys(each.kind for each in judged)
    alone = {
        kind: report_of([each for each in judged if each.kind == kind], threshold) for kind in kinds
    }
    return report_of(judged, threshold) | {"kinds": alone}


def _search(data: Path, count: int, encoder: Encoder) -> list[AskedQuestion]:
    """Labelled questions with the results of a search in the articles."""
    draws = random.Random(SEED)
    thinned = [
        _thinned(article, draws)
        for article in unseen(list(articles(data / "squad/dev-v1.1-tune.json.gz")))
    ]
    ids = {article.title: article.id for article, _ in thinned}
    possible = [question for _, questions in thinned for question in questions]
    impossible = [
        replace(question, document_id=ids[article.title])
        for article in unseen(list(articles(data / "squad/dev-v2.0-tune.json.gz")))
        for paragraph in article.paragraphs
        for question in paragraph.questions
        if not question.answers
    ]
    exchanged = [question for article, _ in thinned for question in _exchanged(article, draws)]
    shares = (impossible, round(IMPOSSIBLE * count)), (exchanged, round(EXCHANGED * count))
    unanswerable = [
        question for questions, share in shares for question in draws.sample(questions, share)
    ]
    questions = unanswerable + draws.sample(possible, count - len(unanswerable))
    with (
        tempfile.TemporaryDirectory() as folder,
        Collection(Path(folder), encoder, writable=True) as collection,
    ):
        collection.put([article.document for article, _ in thinned])
        return [
            AskedQuestion(
                text=each.text,
                kind=_SQUAD,
                fold=each.document_id,
                answers=each.answers,
                documents=frozenset({each.document_id}),
                result=collection.searcher.search(each.text, DEFAULT_TOP_K),
            )
            for each in questions
        ]


def _thinned(article: Article, draws: random.Random) -> tuple[Article, list[SquadQuestion]]:
    """The article without some of its paragraphs, and the questions about all paragraphs. Those
    about missing paragraphs are unanswerable.
    """
    left_out = {
        paragraph for paragraph in article.paragraphs if draws.random() < PARAGRAPHS_LEFT_OUT
    }
    kept = (
        tuple(paragraph for paragraph in article.paragraphs if paragraph not in left_out)
        or article.paragraphs
    )
    questions = [
        question if paragraph in kept else replace(question, answers=())
        for paragraph in article.paragraphs
        for question in paragraph.questions
    ]
    return replace(article, paragraphs=kept), questions


def _exchanged(article: Article, draws: random.Random) -> Iterator[SquadQuestion]:
    """The questions with a year or a number, replaced by another one from the article."""
    text = article.document.text
    for paragraph in article.paragraphs:
        for question in paragraph.questions:
            if _FIGURE.search(question.text):
                changed = swap_entity(
                    question.text, Setting(paragraph.text, text, question.answers), draws
                )
                if changed and _FIGURE.findall(changed) != _FIGURE.findall(question.text):
                    yield replace(question, text=changed, answers=())


def _read(
    asked: SearchedQuestions,
    passages: PassageReader,
    ranking: Ranking,
    kinds: Sequence[AnswerForm] = FITTED_FORMS,
) -> list[Case]:
    reader = SpanReader(passages, ranking)
    in_articles = sum(each.kind == _SQUAD for each in asked)
    elsewhere = max(len(asked) - in_articles, 1)
    return [
        Case(
            fold=each.fold,
            answers=each.answers,
            documents=each.documents,
            spans=reader.spans(
                each.text, each.result, [kind for kind in kinds if kind in each.forms]
            ),
            kind=each.kind,
            # The other kinds together, which have fewer questions, count as much as SQuAD.
            weight=1.0 if each.kind == _SQUAD else in_articles / elsewhere,
        )
        for each in asked
    ]


def _stopping(asked: SearchedQuestions, passages: CountingReader) -> Ranking:
    """Ranking by the margin alone, with the conditions that stop reading as early as possible at
    next to no loss of right answers.
    """
    ranking = Ranking(dict.fromkeys(AnswerForm, Linear({Feature.MARGIN: 1.0})), float("inf"), 0.0)
    best = _share_right(_read(asked, passages, ranking, (AnswerForm.SHORT,)))
    chosen, fewest = ranking, float("inf")
    for margin in _CLEAR_MARGINS:
        for lead in _CLEAR_LEADS:
            tried = replace(ranking, clear_margin=margin, clear_lead=lead)
            passages.count = 0
            loss = best - _share_right(_read(asked, passages, tried, (AnswerForm.SHORT,)))
            read = passages.count / len(asked)
            print(
                f"margin {margin}, lead {lead}: {read:.2f} passages read, {100 * loss:.2f} "
                "points lost",
                flush=True,
            )
            if loss <= _CLEAR_LOSS and read < fewest:
                chosen, fewest = tried, read
    return chosen


def _share_right(cases: Sequence[Case]) -> float:
    """The share of answerable questions whose first short answer is right."""
    rights = [
        any(map(case.is_right, case.spans[AnswerForm.SHORT][:1])) for case in cases if case.answers
    ]
    return float(np.mean(rights))


def _judged(
    asked: SearchedQuestions, passages: PassageReader, by_margin: Ranking
) -> dict[AnswerForm, list[Judged]]:
    """The first answers to all questions, judged by numbers fitted on the other folds. A kind of
    documents other than SQuAD's articles is a fold of its own.
    """
    plainly = _read(asked, passages, by_margin)
    judged: dict[AnswerForm, list[Judged]] = {kind: [] for kind in FITTED_FORMS}
    in_articles = folds([case for case in plainly if case.kind == _SQUAD])
    for held in (*in_articles, *({kind} for kind in KINDS)):
        others = [case for case in plainly if case.fold not in held]
        cases = _read(
            asked,
            passages,
            replace(by_margin, forms={kind: fit_ranking(others, kind) for kind in FITTED_FORMS}),
        )
        for kind in FITTED_FORMS:
            log_odds = fit_confidence([case for case in cases if case.fold not in held], kind)
            judged[kind] += judge_first_answers(
                [case for case in cases if case.fold in held], kind, log_odds
            )
    return judged


if __name__ == "__main__":
    main()
