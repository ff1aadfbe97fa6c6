"""Sources that disagree: how often different values are shown side by side, and how often this is
right.

    python -m eval.benchmarks.conflict --documents ramdocs.jsonl.gz [--split report]
    python -m eval.benchmarks.conflict --facts [--split report]

The first asks the questions of RAMDocs (one JSON object a line: question, answers, wrong,
documents) over one collection of all its documents. Questions with an even number are for
development, those with an odd number for reporting. A conflict is right if every value shown is
given by some document, be it true or false. The second asks the known facts about the shipped
library and lists every conflict that is shown. There should be hardly any.
"""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.document import Document, make_document
from eval.console import stdout
from eval.measuring.formulas import is_right, normalised
from eval.measuring.target import service_for
from eval.sets.question import read_set
from eval.sets.shipped import KNOWN_FACTS, LIBRARY
from service.answering.answer import Answer
from service.answering.service import AnswerService, open_service
from service.question import Turn, make_question
from service.settings import load_settings


@dataclass(frozen=True, slots=True)
class ConflictQuestion:
    """A question with the values that its documents give.

    :param values: one spelling of each, true or false
    """

    question: str
    values: tuple[str, ...]
    history: tuple[Turn, ...] = ()


def main() -> None:
    """Ask, count, print."""
    given = _parser().parse_args()
    settings = load_settings()
    if given.facts:
        questions = read_set(KNOWN_FACTS)
        chosen = [each for each in questions.questions if each.split == given.split]
        with service_for(questions, [LIBRARY], settings) as service:
            count_conflicts(
                [
                    ConflictQuestion(each.text, tuple(each.answers), tuple(each.history))
                    for each in chosen
                ],
                service,
            )
        return
    records = list(_records(given.documents))
    parity = 1 if given.split == "report" else 0
    with (
        tempfile.TemporaryDirectory(prefix="quoth-conflict-") as scratch,
        open_service(
            settings.model_copy(update={"data_dir": given.data or Path(scratch)}), writable=True
        ) as service,
    ):
        service.collection.put([document for record in records for document in _documents(record)])
        count_conflicts(
            [_case(record) for record in records if int(record["id"]) % 2 == parity], service
        )


def count_conflicts(cases: Sequence[ConflictQuestion], service: AnswerService) -> None:
    """Print every conflict that is shown, and how many there are."""
    several = [case for case in cases if len(case.values) > 1]
    answered, shown, right, found = 0, 0, 0, 0
    for case in cases:
        outcome = service.answerer.ask(make_question(case.question, history=case.history))
        answered += isinstance(outcome, Answer)
        if not isinstance(outcome, Answer) or not outcome.conflict:
            continue
        values = [statement.text for statement in (outcome.statement, *outcome.alternatives)]
        is_real = all(is_right(value, case.values) for value in values)
        shown, right, found = shown + 1, right + is_real, found + (is_real and case in several)
        stdout.print(
            "right" if is_real else "wrong",
            case.question,
            " / ".join(values),
            sep=" | ",
            soft_wrap=True,
        )
    stdout.print(
        f"{len(cases)} questions, {answered} answered, {len(several)} with several values; "
        f"{shown} conflicts shown, {right} of them right, {found} of the {len(several)} with "
        "several values",
        soft_wrap=True,
    )


def _records(path: Path) -> Iterator[dict[str, Any]]:  # JSON
    with gzip.open(path, "rt", encoding="utf-8") as file:
        yield from map(json.loads, file)


def _case(record: dict[str, Any]) -> ConflictQuestion:  # JSON
    values = {normalised(value): value for value in [*record["answers"], *record["wrong"]]}
    return ConflictQuestion(record["question"], tuple(values.values()))


def _documents(record: dict[str, Any]) -> Iterator[Document]:  # JSON
    for entry in record["documents"]:
        text = entry["text"].replace("\x00", " ")
        if text.strip():
            yield make_document(
                text, document_id=f"ramdocs/{entry['id']}", title=entry["title"] or None
            )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--documents", type=Path, help="RAMDocs, gzipped")
    what.add_argument(
        "--facts", action="store_true", help="the known facts about the shipped library"
    )
    parser.add_argument("--data", type=Path, help="keep the collection in this folder")
    parser.add_argument(
        "--split", choices=("tune", "report"), default="report", help="(%(default)s)"
    )
    return parser


if __name__ == "__main__":
    main()
