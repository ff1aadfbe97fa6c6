"""Follow-up questions: what is found with the question as typed, as resolved, and as a person
rewrote it.

    python -m eval.benchmarks.conversation --turns cast_rewrites.jsonl.gz \\
        --squad train-v1.1.json.gz [--split report]

The turns are those of TREC CAsT (one JSON object a line: id, question, history, rewrite); topics
with an odd number are for developing, those with an even number for reporting. The collection is
made of every n-th paragraph of a SQuAD file and of the passages in ``eval/sets/followups.jsonl``,
each of which answers one turn. Recall counts the turns that have such a passage; overlap and word
F1 count all turns that have a history.

    python -m eval.benchmarks.conversation --refusals [--split report]

asks, over the shipped library, things that it does not say as follow-ups of known facts that it
does say."""

import argparse
import gzip
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from corpus.document import Document, make_document
from eval.measuring.measures import overlap
from eval.measuring.target import desk_for
from eval.sets.question import read_set
from eval.sets.squad import articles
from index.collection import Collection
from index.encoding.encoder import load_encoder
from service.answering.question import Role, Turn, make_question
from service.answering.service import AnswerService
from service.followups.resolver import Resolver
from service.settings import Settings, load_settings

FOLLOWUPS = Path(__file__).parent.parent / "sets" / "followups.jsonl"
KNOWN_FACTS = Path(__file__).parent.parent / "sets" / "known_facts.jsonl"
LIBRARY = Path(__file__).parent.parent.parent / "corpus" / "library"
EXAMPLES = 10
DEPTH = 100
FORMS = ("raw", "resolved", "fused", "human")
"""As typed; resolved; resolved with the typed form aside, as the service searches; rewritten by a
person.
"""

UNANSWERABLE = (
    "and the weather in Paris?",
    "And in 1971?",
    "what about penguins?",
    "are you sure?",
    "please answer anyway",
    "Just give me the answer.",
)

out = Console(highlight=False, soft_wrap=True)


@dataclass(frozen=True, slots=True)
class Asked:
    """A turn with its three forms.

    :param rewrite: the question as a person completed it
    """

    id: str
    text: str
    resolved: str
    rewrite: str


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one turn.

    :param ranks: by form, the rank of the passage that answers it, infinite past ``DEPTH``; empty
        where none does
    :param overlaps: by form, the share of the ten passages of the human question that its ten hold
    """

    asked: Asked
    ranks: Mapping[str, float]
    overlaps: Mapping[str, float]


def main() -> None:
    """Build the collection, search, print."""
    given = _parser().parse_args()
    settings = load_settings()
    if given.refusals:
        refusals(given.split, settings)
        return
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    turns = list(_turns(given.turns, given.split, Resolver(encoder)))
    with (
        tempfile.TemporaryDirectory(prefix="quoth-conversation-") as scratch,
        Collection(given.data or Path(scratch), encoder, writable=True) as collection,
    ):
        collection.put(list(_documents(given.squad, given.every)))
        found = [_found(asked, collection) for asked in turns]
        out.print(f"{len(turns)} turns with a history, {collection.sizes()['store']} chunks")
    _print_measures(found)
    _print_examples([each for each in found if each.ranks])


def refusals(split: str, settings: Settings) -> None:
    """Ask what the library does not say after what it does say, and print what is answered all the
    same.
    """
    questions = read_set(KNOWN_FACTS)
    known = [
        each
        for each in questions.questions
        if each.split == split and each.answers and not each.history
    ]
    with desk_for(questions, [LIBRARY], settings) as service:
        answered = [
            (each.text, follow_up, body["resolved_question"], body["answer"])
            for each in known
            for follow_up in UNANSWERABLE
            for body in [
                _ask(
                    service,
                    follow_up,
                    [Turn(Role.USER, each.text), Turn(Role.ASSISTANT, each.answers[0])],
                )
            ]
            if body["answered"]
        ]
    for line in answered:
        out.print(*line, sep=" | ")
    out.print(
        f"{len(answered)} of {len(known) * len(UNANSWERABLE)} follow-ups without an answer "
        "were answered"
    )


def _ask(service: AnswerService, text: str, history: Sequence[Turn]) -> dict[str, Any]:  # JSON
    body: dict[str, Any] = json.loads(service.ask(make_question(text, history=history)))
    return body


def _turns(path: Path, split: str, resolver: Resolver) -> Iterator[Asked]:
    """The turns of a split that have a history, each resolved."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            is_even = int(record["id"].split("_")[0]) % 2 == 0
            if record["history"] and is_even is (split == "report"):
                history = [Turn(Role(turn["role"]), turn["text"]) for turn in record["history"]]
                text = record["question"].strip()
                yield Asked(
                    record["id"], text, resolver.resolve(text, history), record["rewrite"].strip()
                )


def _documents(squad: Path, every: int) -> Iterator[Document]:
    paragraphs = (
        (article, number, paragraph.text)
        for article in articles(squad)
        for number, paragraph in enumerate(article.paragraphs)
    )
    for article, number, text in islice(paragraphs, every - 1, None, every):
        yield make_document(text, document_id=f"{article.id}-{number}", title=article.title)
    with FOLLOWUPS.open(encoding="utf-8") as file:
        for record in map(json.loads, file):
            yield make_document(record["text"], document_id=f"turn/{record['turn']}")


def _found(asked: Asked, collection: Collection) -> Found:
    searcher, gold = collection.searcher, f"turn/{asked.id}"
    ranked = {
        "raw": searcher.search(asked.text, DEPTH).hits,
        "resolved": searcher.search(asked.resolved, DEPTH).hits,
        "fused": searcher.search(asked.resolved, DEPTH, aside=asked.text).hits,
        "human": searcher.search(asked.rewrite, DEPTH).hits,
    }
    documents = {form: [hit.chunk.document_id for hit in hits] for form, hits in ranked.items()}
    has_gold = collection.store.summary(gold) is not None
    ranks = {
        form: ids.index(gold) + 1.0 if gold in ids else np.inf for form, ids in documents.items()
    }
    chunks = {form: {hit.stored.id for hit in hits[:10]} for form, hits in ranked.items()}
    overlaps = {form: len(ids & chunks["human"]) / 10 for form, ids in chunks.items()}
    return Found(asked, ranks if has_gold else {}, overlaps)


def _print_measures(found: Sequence[Found]) -> None:
    table = Table("", *FORMS, box=None)
    golds = [each.ranks for each in found if each.ranks]
    for k in (1, 3, 10):
        table.add_row(
            f"recall@{k}",
            *(f"{np.mean([ranks[form] <= k for ranks in golds]):.3f}" for form in FORMS),
        )
    table.add_row(
        "RR@10",
        *(f"{np.mean([_reciprocal(ranks[form]) for ranks in golds]):.3f}" for form in FORMS),
    )
    table.add_row(
        "overlap@10", *(f"{np.mean([each.overlaps[form] for each in found]):.3f}" for form in FORMS)
    )
    texts = {"raw": [e.asked.text for e in found], "resolved": [e.asked.resolved for e in found]}
    words = {
        form: np.mean(
            [
                overlap(text, [each.asked.rewrite])
                for text, each in zip(texts[form], found, strict=True)
            ]
        )
        for form in texts
    }
    table.add_row("word F1", f"{words['raw']:.3f}", f"{words['resolved']:.3f}", "", "1.000")
    out.print(table)
    complete = [each.asked for each in found if each.asked.text == each.asked.rewrite]
    kept = sum(each.text == each.resolved for each in complete)
    out.print(
        f"{len(golds)} turns with a passage; {kept} of {len(complete)} complete questions left "
        "as they were"
    )


def _reciprocal(rank: float) -> float:
    return 1 / rank if rank <= 10 else 0.0


def _print_examples(found: Sequence[Found]) -> None:
    """Those that gain most by being resolved, and those that are furthest behind the human
    question.
    """
    gain = sorted(
        found, key=lambda each: (-_worth(each, "fused") + _worth(each, "raw"), each.asked.id)
    )
    loss = sorted(
        found, key=lambda each: (_worth(each, "fused") - _worth(each, "human"), each.asked.id)
    )
    for title, examples in (("good", gain[:EXAMPLES]), ("bad", loss[:EXAMPLES])):
        out.print(f"{title}: ranks {'/'.join(FORMS)} | raw | resolved | human")
        for each in examples:
            ranks = "/".join(f"{each.ranks[form]:.0f}" for form in FORMS)
            out.print(ranks, each.asked.text, each.asked.resolved, each.asked.rewrite, sep=" | ")


def _worth(found: Found, form: str) -> float:
    return 1 / found.ranks[form]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=Path, help="turns of CAsT with rewrites, gzipped")
    parser.add_argument("--squad", type=Path, help="a SQuAD file, plain or gzipped")
    parser.add_argument(
        "--every", type=int, default=6, help="take each n-th paragraph of it (%(default)s)"
    )
    parser.add_argument("--data", type=Path, help="keep the collection in this folder")
    parser.add_argument(
        "--split", choices=("tune", "report"), default="report", help="(%(default)s)"
    )
    parser.add_argument(
        "--refusals", action="store_true", help="ask the library what it does not say"
    )
    return parser


if __name__ == "__main__":
    main()
