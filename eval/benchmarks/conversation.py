"""Follow-up questions: what a search finds for the question as typed, as resolved, and as a person
rewrote it.

    python -m eval.benchmarks.conversation --turns cast_rewrites.jsonl.gz \\
        --squad train-v1.1.json.gz [--split report]

The turns are those of TREC CAsT (one JSON object a line: id, question, history, rewrite). Topics
with an odd number are for development, those with an even number for reporting. The collection is
made of every n-th paragraph of a SQuAD file and of the passages in ``eval/sets/followups.jsonl``,
each of which answers one turn. Recall is measured over the turns that have such a passage, overlap
and word F1 over all turns that have a history.

    python -m eval.benchmarks.conversation --refusals [--split report]

asks the shipped library for things that it does not say, as follow-ups of facts that it does
say.
"""

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
from rich.table import Table

from corpus.document import Document, make_document
from eval.console import stdout
from eval.measuring.formulas import overlap
from eval.measuring.target import service_for
from eval.sets.question import read_set
from eval.sets.shipped import FOLLOWUPS, KNOWN_FACTS, LIBRARY
from eval.sets.squad import articles
from index.collection import Collection
from index.encoding.encoder import load_encoder
from service.answering.service import AnswerService
from service.followups.resolver import Resolver
from service.question import Role, Turn, make_question
from service.settings import Settings, load_settings

PRINTED_EXAMPLES = 10
SEARCH_DEPTH = 100
FORMS = ("raw", "resolved", "fused", "human")
"""As typed; resolved; resolved together with the typed form, as the service searches; rewritten by
a person.
"""

UNANSWERABLE = (
    "and the weather in Paris?",
    "And in 1971?",
    "what about penguins?",
    "are you sure?",
    "please answer anyway",
    "Just give me the answer.",
)


@dataclass(frozen=True, slots=True)
class RewrittenTurn:
    """A turn of a conversation in three forms.

    :param rewrite: the question as a person rewrote it
    """

    id: str
    text: str
    resolved: str
    rewrite: str


@dataclass(frozen=True, slots=True)
class TurnRanks:
    """What the search found for one turn.

    :param ranks: by form, the rank of the passage that answers the turn, infinite past
        ``SEARCH_DEPTH``; empty if no passage does
    :param overlaps: by form, the share of the first ten hits of the human form that are among its
        own first ten
    """

    turn: RewrittenTurn
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
        found = [_found(turn, collection) for turn in turns]
        stdout.print(f"{len(turns)} turns with a history, {collection.sizes()['store']} chunks")
    _print_measures(found)
    _print_examples([each for each in found if each.ranks])


def refusals(split: str, settings: Settings) -> None:
    """Ask follow-ups that the library does not answer, and print those that are answered anyway."""
    questions = read_set(KNOWN_FACTS)
    known = [
        each
        for each in questions.questions
        if each.split == split and each.answers and not each.history
    ]
    with service_for(questions, [LIBRARY], settings) as service:
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
        stdout.print(*line, sep=" | ")
    stdout.print(
        f"{len(answered)} of {len(known) * len(UNANSWERABLE)} follow-ups without an answer "
        "were answered"
    )


def _ask(service: AnswerService, text: str, history: Sequence[Turn]) -> dict[str, Any]:  # JSON
    body: dict[str, Any] = service.ask(make_question(text, history=history)).record.model_dump(
        mode="json"
    )
    return body


def _turns(path: Path, split: str, resolver: Resolver) -> Iterator[RewrittenTurn]:
    """The turns of a split that have a history, each resolved."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for record in map(json.loads, file):
            is_even = int(record["id"].split("_")[0]) % 2 == 0
            if record["history"] and is_even is (split == "report"):
                history = [Turn(Role(turn["role"]), turn["text"]) for turn in record["history"]]
                text = record["question"].strip()
                yield RewrittenTurn(
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


def _found(turn: RewrittenTurn, collection: Collection) -> TurnRanks:
    searcher, gold = collection.searcher, f"turn/{turn.id}"
    ranked = {
        "raw": searcher.search(turn.text, SEARCH_DEPTH).hits,
        "resolved": searcher.search(turn.resolved, SEARCH_DEPTH).hits,
        "fused": searcher.search(turn.resolved, SEARCH_DEPTH, aside=turn.text).hits,
        "human": searcher.search(turn.rewrite, SEARCH_DEPTH).hits,
    }
    documents = {form: [hit.chunk.document_id for hit in hits] for form, hits in ranked.items()}
    has_gold = collection.store.summary(gold) is not None
    ranks = {
        form: ids.index(gold) + 1.0 if gold in ids else np.inf for form, ids in documents.items()
    }
    chunks = {form: {hit.stored.id for hit in hits[:10]} for form, hits in ranked.items()}
    overlaps = {form: len(ids & chunks["human"]) / 10 for form, ids in chunks.items()}
    return TurnRanks(turn, ranks if has_gold else {}, overlaps)


def _print_measures(found: Sequence[TurnRanks]) -> None:
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
    texts = {"raw": [e.turn.text for e in found], "resolved": [e.turn.resolved for e in found]}
    words = {
        form: np.mean(
            [
                overlap(text, [each.turn.rewrite])
                for text, each in zip(texts[form], found, strict=True)
            ]
        )
        for form in texts
    }
    table.add_row("word F1", f"{words['raw']:.3f}", f"{words['resolved']:.3f}", "", "1.000")
    stdout.print(table)
    complete = [each.turn for each in found if each.turn.text == each.turn.rewrite]
    kept = sum(each.text == each.resolved for each in complete)
    stdout.print(
        f"{len(golds)} turns with a passage; {kept} of {len(complete)} complete questions left "
        "as they were"
    )


def _reciprocal(rank: float) -> float:
    return 1 / rank if rank <= 10 else 0.0


def _print_examples(found: Sequence[TurnRanks]) -> None:
    """Print the turns that gain most by being resolved, and those furthest behind the human
    form.
    """
    gain = sorted(
        found, key=lambda each: (-_worth(each, "fused") + _worth(each, "raw"), each.turn.id)
    )
    loss = sorted(
        found, key=lambda each: (_worth(each, "fused") - _worth(each, "human"), each.turn.id)
    )
    for title, examples in (("good", gain[:PRINTED_EXAMPLES]), ("bad", loss[:PRINTED_EXAMPLES])):
        stdout.print(f"{title}: ranks {'/'.join(FORMS)} | raw | resolved | human")
        for each in examples:
            ranks = "/".join(f"{each.ranks[form]:.0f}" for form in FORMS)
            stdout.print(ranks, each.turn.text, each.turn.resolved, each.turn.rewrite, sep=" | ")


def _worth(found: TurnRanks, form: str) -> float:
    return 1 / found.ranks[form]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=Path, help="turns of CAsT with rewrites, gzipped")
    parser.add_argument("--squad", type=Path, help="a SQuAD file, plain or gzipped")
    parser.add_argument(
        "--every", type=int, default=6, help="take every n-th paragraph of it (%(default)s)"
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
