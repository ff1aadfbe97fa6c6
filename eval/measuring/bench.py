"""Public sets: how well Quoth finds and answers on questions that others have made.

- ``scifact``: retrieval over a BEIR folder, by meaning, by words, and fused
- ``squad``: a SQuAD file as open retrieval and reading, every article one document of one
  collection"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.errors import EvaluationError
from eval.measuring.metrics import Measure, Row, Table, measure_of, row_of
from eval.measuring.runner import Outcome, Place, run
from eval.measuring.target import desk_for
from eval.sets.question import LabelledQuestion, QuestionSet, read_set
from index.search.searcher import DENSE_WEIGHT
from service.answering.service import AnswerService
from service.settings import Settings

RETRIEVAL = ("R@1", "R@5", "R@10", "R@100", "RR@10", "nDCG@10")
ANSWERS = (
    *RETRIEVAL,
    "EM",
    "F1",
    "Contains",
    "AUROC",
    "Precision",
    "Coverage",
    "FalseAnswers",
    "ECE",
)
_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Bench:
    """A public set.

    :param default: the file or folder, under the folder of all sets
    """

    default: str
    of: Callable[[QuestionSet, AnswerService], Mapping[str, Mapping[str, float]]]


def bench(
    name: str, folder: Path, settings: Settings, every: int = 1
) -> Mapping[str, Mapping[str, float]]:
    """Measures by side.

    :param folder: of all sets
    :param every: ask each n-th question only
    :raises EvaluationError: there is no such set
    """
    if name not in BENCHES:
        raise EvaluationError(f"there is no benchmark {name!r}; there are {', '.join(BENCHES)}")
    questions = read_set(folder / BENCHES[name].default)
    questions = replace(questions, questions=questions.questions[::every])
    with desk_for(questions, (), settings) as service:
        return BENCHES[name].of(questions, service)


def _answers(questions: QuestionSet, service: AnswerService) -> Mapping[str, Mapping[str, float]]:
    measures = [measure_of(name) for name in ANSWERS]
    table = Table.of([row_of(outcome, measures) for outcome in run(questions, service)])
    return {"quoth": {measure.name: measure.of(table) for measure in measures}}


def _retrieval(questions: QuestionSet, service: AnswerService) -> Mapping[str, Mapping[str, float]]:
    sides = {"dense": 1.0, "lexical": 0.0, "fused": DENSE_WEIGHT}
    return {side: _found(questions, service, weight) for side, weight in sides.items()}


def _found(questions: QuestionSet, service: AnswerService, weight: float) -> dict[str, float]:
    """Whole documents count, each where its best passage stands."""
    measures = [measure_of(name) for name in RETRIEVAL]
    rows = []
    for question in questions.questions:
        hits = service.collection.searcher.search(question.text, _DEPTH, dense_weight=weight).hits
        ranked = list(dict.fromkeys(hit.chunk.document_id for hit in hits))
        gold = [evidence.document_id for evidence in question.evidence]
        rows.append(
            found_row(question, [gold.index(id) if id in gold else -1 for id in ranked], measures)
        )
    table = Table.of(rows)
    return {measure.name: measure.of(table) for measure in measures}


def found_row(
    question: LabelledQuestion, retrieved: Sequence[int], measures: Sequence[Measure]
) -> Row:
    """What measures of retrieval need of a question that was searched for and not answered.

    :param retrieved: at each rank the number of the evidence found there, or -1
    """
    places = tuple(Place(evidence.document_id, 0, 1) for evidence in question.evidence)
    return row_of(
        Outcome(question, places, (), tuple(retrieved), "", "", (), 0.0, 1.0, True, "", {}),
        measures,
    )


BENCHES = {
    "scifact": Bench("scifact", _retrieval),
    "squad": Bench("squad/dev-v1.1-tune.json.gz", _answers),
    "squad2": Bench("squad/dev-v2.0-tune.json.gz", _answers),
}
