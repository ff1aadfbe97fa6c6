"""A first question set, for a person to complete: from feedback, and from what the documents say.

A thumbs-down becomes a candidate question; a sentence with a figure or a name becomes one that
somebody has to ask. Every line that needs a person says so in its ``todo``, and a set with such
lines is refused by an evaluation."""

import random
import re
from collections.abc import Iterator, Mapping

from corpus.document import Document
from index.answers import Feedback
from index.collection import all_documents
from index.store.store import Store
from index.text.sentences import sentences

FEW = 3
"""How many sentences of a document are proposed."""

_SEED = 20251122
_FACT = re.compile(r"\d|(?<=[a-z,] )[A-Z]\w+")
_WORDS = range(6, 41)

Line = Mapping[str, object]


def draft(store: Store) -> list[Line]:
    """The lines of a set, feedback first."""
    said = [
        _of_feedback(feedback)
        for feedback in store.answers.feedback()
        if not feedback.helpful or feedback.correct
    ]
    chance = random.Random(_SEED)
    documents = (store.document(summary.id) for summary in all_documents(store))
    return said + [line for document in documents for line in _of_document(document, chance)]


def _of_feedback(feedback: Feedback) -> Line:
    line: dict[str, object] = {"id": f"feedback-{feedback.id}", "question": feedback.question}
    if feedback.correct:
        place = feedback.correct
        line |= {
            "answers": [place["quote"]],
            "evidence": [{"document": place["document_id"], "quote": place["quote"]}],
        }
        line["todo"] = "check that the quote answers the question"
    else:
        line["todo"] = "give answers and evidence, or answerable: false"
    note = f" ({feedback.comment})" if feedback.comment else ""
    return line | {"tags": ["feedback"], "todo": f"{line['todo']}{note}"}


def _of_document(document: Document, chance: random.Random) -> Iterator[Line]:
    """Sentences of a document that state a fact, in its order."""
    quotes = [document.text[start:end] for start, end in sentences(document.text)]
    facts = [quote for quote in quotes if _FACT.search(quote) and len(quote.split()) in _WORDS]
    chosen = set(chance.sample(range(len(facts)), min(FEW, len(facts))))
    for number in sorted(chosen):
        yield {
            "id": f"{document.id}-{number}",
            "question": "?",
            "evidence": [{"document": document.id, "quote": facts[number]}],
            "todo": "ask something that the quote answers, in the words of somebody who has "
            "not read it; give answers",
        }
