"""Fit the sentence reader and its confidence on labelled questions, and report on others.

    python -m eval.fit_sentences --data FOLDER      writes service/calibration.json

FOLDER holds ``squad/train-v1.1.json.gz`` and ``squad/dev-v1.1-tune.json.gz``. Articles are split four ways, so that
nothing is judged on what it was fitted on: sentence weights, calibration, threshold (all from train), report (dev).
All weights are kept from being negative: more evidence never counts against an answer, in whatever documents.
Every article becomes one document; a share of its paragraphs is left out, so that questions about them are on the right
topic with the fact missing. Needs scipy.
"""

import argparse
import json
import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from eval.squad import Article, LabelledQuestion, articles
from index.collection import Collection
from index.embed import load_encoder
from service.agreement import grouped
from service.confidence import Calibration, confidence_features
from service.question import DEFAULT_TOP_K
from service.reader.sentence import SentenceReader, SentenceWeights
from service.reader.span import Span
from service.settings import load_settings

SEED = 20251122
TARGET_PRECISION = 0.9
LEFT_OUT = 0.2
ARTICLES = {"sentence": 20, "calibration": 20, "threshold": 20, "report": 29}
QUESTIONS = 400
_BINS = 10
_RIDGE = 0.1

Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A question asked of a collection: what was found, and whether each of it is right."""

    spans: tuple[Span, ...]
    right: tuple[bool, ...]
    answerable: bool


def main() -> None:
    """Fit, report, write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--data", type=Path, required=True)
    options.add_argument("--out", type=Path, default=Path("service/calibration.json"))
    given = options.parse_args()
    parts = _split(given.data)
    neutral = SentenceWeights({}, 0.0)
    sentence = _fit_sentences(list(_ask_all(parts["sentence"], neutral)))
    calibration = _fit_calibration(list(_ask_all(parts["calibration"], sentence)))
    calibration = replace(calibration, threshold=_threshold(list(_ask_all(parts["threshold"], sentence)), calibration))
    report = _report(list(_ask_all(parts["report"], sentence)), calibration)
    print(json.dumps(report, indent=2))
    given.out.write_text(
        json.dumps(
            {
                "sentence": {"weights": dict(sentence.weights), "intercept": sentence.intercept},
                "calibration": {
                    "weights": dict(calibration.weights),
                    "intercept": calibration.intercept,
                    "threshold": calibration.threshold,
                },
                "report": report,
            },
            indent=2,
        )
        + "\n"
    )


def _split(data: Path) -> dict[str, list[Article]]:
    train = list(articles(data / "squad/train-v1.1.json.gz"))
    random.Random(SEED).shuffle(train)
    parts = {}
    for part in ("sentence", "calibration", "threshold"):
        parts[part], train = train[: ARTICLES[part]], train[ARTICLES[part] :]
    parts["report"] = list(articles(data / "squad/dev-v1.1-tune.json.gz"))[: ARTICLES["report"]]
    return parts


def _ask_all(part: Sequence[Article], weights: SentenceWeights) -> Iterator[Case]:
    """Every sampled question of these articles, asked of a collection of them with some paragraphs left out."""
    settings = load_settings()
    chance = random.Random(SEED)
    thinned = [_thinned(article, chance) for article in part]
    pool = [question for _, questions in thinned for question in questions]
    with tempfile.TemporaryDirectory() as folder:
        encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
        with Collection(Path(folder), encoder, writable=True) as collection:
            collection.put([article.document for article, _ in thinned])
            reader = SentenceReader(encoder, weights)
            for question in chance.sample(pool, min(QUESTIONS, len(pool))):
                spans = reader.read(question.text, collection.searcher.search(question.text, DEFAULT_TOP_K))
                yield Case(tuple(spans), tuple(_is_right(span, question) for span in spans), bool(question.answers))


def _thinned(article: Article, chance: random.Random) -> tuple[Article, list[LabelledQuestion]]:
    """The article without some of its paragraphs, and the questions of all; those of the missing ones unanswerable."""
    left_out = {paragraph for paragraph in article.paragraphs if chance.random() < LEFT_OUT}
    kept = tuple(paragraph for paragraph in article.paragraphs if paragraph not in left_out) or article.paragraphs
    questions = [
        question if paragraph in kept else replace(question, answers=())
        for paragraph in article.paragraphs
        for question in paragraph.questions
    ]
    return replace(article, paragraphs=kept), questions


def _is_right(span: Span, question: LabelledQuestion) -> bool:
    """Whether the sentence holds an accepted answer, in the document that the question is about."""
    same_document = span.hit.chunk.document_id == question.document_id
    return same_document and any(answer in span.quote for answer in question.answers)


def _fit_sentences(cases: Sequence[Case]) -> SentenceWeights:
    names = sorted(cases[0].spans[0].features)
    rows = [[span.features[name] for name in names] for case in cases for span in case.spans]
    labels = [right for case in cases for right in case.right]
    weights, intercept = _logistic(rows, labels)
    return SentenceWeights(dict(zip(names, weights, strict=True)), intercept)


def _fit_calibration(cases: Sequence[Case]) -> Calibration:
    first = [_first(case) for case in cases]
    names = sorted(first[0][0])
    weights, intercept = _logistic([[features[name] for name in names] for features, _ in first], [r for _, r in first])
    return Calibration(dict(zip(names, weights, strict=True)), intercept, 1.0)


def _logistic(rows: Sequence[Sequence[float]], labels: Sequence[bool]) -> tuple[list[float], float]:
    """The weights, none negative, and the intercept that make the labels likeliest, with a slight pull to 0."""
    features, signs = np.array(rows), np.where(labels, 1.0, -1.0)

    def loss(parameters: Vector) -> tuple[float, Vector]:
        weights, intercept = parameters[:-1], parameters[-1]
        margins = signs * (features @ weights + intercept)
        pull = -signs * expit(-margins)
        gradient = np.append(features.T @ pull + _RIDGE * weights, pull.sum())
        return float(np.logaddexp(0, -margins).sum() + _RIDGE / 2 * weights @ weights), gradient

    bounds = [(0.0, None)] * features.shape[1] + [(None, None)]
    found = minimize(loss, np.zeros(features.shape[1] + 1), jac=True, method="L-BFGS-B", bounds=bounds)
    return [round(float(weight), 4) for weight in found.x[:-1]], round(float(found.x[-1]), 4)


def _first(case: Case) -> tuple[dict[str, float], bool]:
    """What the confidence in the first answer rests on, and whether that answer is right."""
    rivals = [group[0] for group in grouped(case.spans)[1:]]
    return confidence_features(case.spans[0], rivals), case.right[0]


def _judged(cases: Sequence[Case], calibration: Calibration) -> list[tuple[float, bool]]:
    """Confidence and rightness of each first answer, the surest first."""
    judged = [
        (calibration.confidence(case.spans[0], [group[0] for group in grouped(case.spans)[1:]]), case.right[0])
        for case in cases
    ]
    return sorted(judged, reverse=True)


def _threshold(cases: Sequence[Case], calibration: Calibration) -> float:
    """The lowest confidence above which the target precision holds."""
    judged = _judged(cases, calibration)
    right = np.cumsum([right for _, right in judged]) / np.arange(1, len(judged) + 1)
    reached = np.flatnonzero(right >= TARGET_PRECISION)
    if not len(reached):
        raise SystemExit(f"no threshold reaches a precision of {TARGET_PRECISION}")
    return round(float(judged[reached[-1]][0]), 4)


def _report(cases: Sequence[Case], calibration: Calibration) -> dict[str, float]:
    judged = _judged(cases, calibration)
    answerable = [case for case in cases if case.answerable]
    given = [right for confidence, right in judged if confidence >= calibration.threshold]
    confidences, rights = np.array([c for c, _ in judged]), np.array([r for _, r in judged])
    bins = np.minimum((confidences * _BINS).astype(int), _BINS - 1)
    errors = [abs(confidences[bins == b].mean() - rights[bins == b].mean()) * (bins == b).mean() for b in set(bins)]
    measures = {
        "questions": len(cases),
        "answerable": len(answerable) / len(cases),
        "evidence_retrieved": float(np.mean([any(case.right) for case in answerable])),
        "first_sentence_right": float(np.mean([case.right[0] for case in answerable])),
        "precision_at_threshold": float(np.mean(given)) if given else 0.0,
        "coverage_at_threshold": len(given) / len(cases),
        "expected_calibration_error": float(sum(errors)),
    }
    return {name: round(value, 4) for name, value in measures.items()}


if __name__ == "__main__":
    main()
