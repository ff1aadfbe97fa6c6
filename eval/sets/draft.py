"""A draft of a question set, made from feedback and documents, for a person to complete.

A thumbs-down becomes a candidate question. A sentence with a figure or a name becomes evidence that
needs a question. Every line says in its ``todo`` what a person has to do, and an evaluation refuses
a set with such lines.
"""

import random
import re
from collections.abc import Iterator, Mapping

from corpus.document import Document
from eval.seed import SEED
from index.store.store import Store
from index.text.sentences import sentences
from service.answering.history import AnswerHistory, Feedback

SENTENCES_PER_DOCUMENT = 3
"""How many sentences of a document are proposed."""

_FACT = re.compile(r"\d|(?<=[a-z,] )[A-Z]\w+")
_WORDS = range(6, 41)

DraftLine = Mapping[str, object]


def draft(store: Store) -> list[DraftLine]:
    """The lines of a draft, those from feedback first."""
    lines = [
        _of_feedback(feedback)
        for feedback in AnswerHistory(store.database).feedback()
        if not feedback.helpful or feedback.correct
    ]
    draws = random.Random(SEED)
    for summary in store.all_documents():
        lines += _of_document(store.document(summary.id), draws)
    return lines


def _of_feedback(feedback: Feedback) -> DraftLine:
    line: dict[str, object] = {"id": f"feedback-{feedback.id}", "question": feedback.question}
    if feedback.correct:
        marked = feedback.correct
        line |= {
            "answers": [marked["quote"]],
            "evidence": [{"document": marked["document_id"], "quote": marked["quote"]}],
        }
        line["todo"] = "check that the quote answers the question"
    else:
        line["todo"] = "give answers and evidence, or answerable: false"
    note = f" ({feedback.comment})" if feedback.comment else ""
    return line | {"tags": ["feedback"], "todo": f"{line['todo']}{note}"}


def _of_document(document: Document, draws: random.Random) -> Iterator[DraftLine]:
    """Up to :data:`SENTENCES_PER_DOCUMENT` sentences that state a fact, in their order."""
    quotes = [document.text[start:end] for start, end in sentences(document.text)]
    facts = [quote for quote in quotes if _FACT.search(quote) and len(quote.split()) in _WORDS]
    chosen = set(draws.sample(range(len(facts)), min(SENTENCES_PER_DOCUMENT, len(facts))))
    for number in sorted(chosen):
        yield {
            "id": f"{document.id}-{number}",
            "question": "?",
            "evidence": [{"document": document.id, "quote": facts[number]}],
            "todo": "ask a question that the quote answers, in the words of somebody who has "
            "not read it; give answers",
        }
