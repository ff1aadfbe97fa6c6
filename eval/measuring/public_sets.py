"""Public sets: how well Quoth finds and answers on questions that others have made.

- ``scifact``: retrieval over a BEIR folder, by meaning, by words, and fused
- ``squad``: a SQuAD file as open retrieval and reading; every article is a document of one
  collection
- ``squad2``: the same with questions that the articles do not answer
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.errors import EvaluationError
from eval.measuring.measures import Measure, ScoreRow, ScoreTable, measure_of, row_of
from eval.measuring.runner import RETRIEVED, EvidenceSpan, QuestionOutcome, run
from eval.measuring.target import service_for
from eval.sets.question import LabelledQuestion, QuestionSet, read_set
from index.search.fusion import DENSE_WEIGHT
from service.answering.service import AnswerService
from service.settings import Settings

RETRIEVAL_MEASURES = ("R@1", "R@5", "R@10", "R@100", "RR@10", "nDCG@10")
ANSWER_MEASURES = (
    *RETRIEVAL_MEASURES,
    *("EM", "F1", "Contains", "AUROC", "Precision", "Coverage", "FalseAnswers", "ECE"),
)

MeasuresBySide = Mapping[str, Mapping[str, float]]
"""Values by name of measure, by side of a comparison."""


@dataclass(frozen=True, slots=True)
class PublicSet:
    """A public set.

    :param path: its file or folder, relative to the folder of all sets
    """

    path: str
    measure: Callable[[QuestionSet, AnswerService], MeasuresBySide]


def bench(name: str, folder: Path, settings: Settings, every: int = 1) -> MeasuresBySide:
    """Measure on a public set.

    :param folder: of all sets
    :param every: ask only every n-th question
    :raises EvaluationError: there is no such set
    """
    if name not in PUBLIC_SETS:
        raise EvaluationError(f"there is no benchmark {name!r}; choose {', '.join(PUBLIC_SETS)}")
    public_set = PUBLIC_SETS[name]
    questions = read_set(folder / public_set.path)
    questions = replace(questions, questions=questions.questions[::every])
    with service_for(questions, (), settings) as service:
        return public_set.measure(questions, service)


def _answers(questions: QuestionSet, service: AnswerService) -> MeasuresBySide:
    measures = [measure_of(name) for name in ANSWER_MEASURES]
    table = ScoreTable.of([row_of(outcome, measures) for outcome in run(questions, service)])
    return {"quoth": {measure.name: measure.of(table) for measure in measures}}


def _retrieval(questions: QuestionSet, service: AnswerService) -> MeasuresBySide:
    sides = {"dense": 1.0, "lexical": 0.0, "fused": DENSE_WEIGHT}
    return {side: _searched(questions, service, weight) for side, weight in sides.items()}


def _searched(questions: QuestionSet, service: AnswerService, weight: float) -> dict[str, float]:
    """Measures of a search. Whole documents count, each ranked by its best passage."""
    measures = [measure_of(name) for name in RETRIEVAL_MEASURES]
    rows = []
    for question in questions.questions:
        hits = service.collection.searcher.search(
            question.text, RETRIEVED, dense_weight=weight
        ).hits
        documents = list(dict.fromkeys(hit.chunk.document_id for hit in hits))
        gold = [evidence.document_id for evidence in question.evidence]
        retrieved = [gold.index(each) if each in gold else -1 for each in documents]
        rows.append(searched_row(question, retrieved, measures))
    table = ScoreTable.of(rows)
    return {measure.name: measure.of(table) for measure in measures}


def searched_row(
    question: LabelledQuestion, retrieved: Sequence[int], measures: Sequence[Measure]
) -> ScoreRow:
    """The scores of a question that was searched for and not answered.

    :param retrieved: for each rank the number of the evidence found there, or -1
    """
    # measures of retrieval count spans; the offsets do not matter
    spans = tuple(EvidenceSpan(evidence.document_id, 0, 1) for evidence in question.evidence)
    outcome = QuestionOutcome(question, evidence_spans=spans, retrieved=tuple(retrieved))
    return row_of(outcome, measures)


PUBLIC_SETS = {
    "scifact": PublicSet("scifact", _retrieval),
    "squad": PublicSet("squad/dev-v1.1-tune.json.gz", _answers),
    "squad2": PublicSet("squad/dev-v2.0-tune.json.gz", _answers),
}
