"""The training sets, each with its share of what is drawn, and hard negatives for them."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tokenizers import Tokenizer

from eval.training.documents import Pages, examples_of, read_folder, read_pages
from eval.training.examples import Example, Examples, Paragraph, read_qamr, read_qed, read_squad
from eval.training.negatives import bm25_ranking
from eval.training.splits import is_trained_article, is_tune
from eval.training.tables import made_tables

SHARES = {
    "squad": 0.36,
    "qed": 0.08,
    "shifts": 0.03,
    "qamr": 0.10,
    "squad2": 0.14,
    "timeqa": 0.08,
    "policyqa": 0.05,
    "news": 0.05,
    "clapnq": 0.05,
    "covidqa": 0.02,
    "inscit": 0.03,
    "tables": 0.10,
}
"""How much of what is drawn comes from each set. People's unanswerable questions (squad2, timeqa,
clapnq) are a part of it only: trained on alone, they cost what the other kinds had learnt.
"""

NO_NEGATIVES = frozenset({"shifts", "qamr", "policyqa", "tables"})
"""Sets whose paragraphs are no hard negatives: short, or all alike and each an answer to the
others' questions.
"""

_NEGATIVES = 8
_TABLES = 6_000


@dataclass(frozen=True, slots=True)
class Pool:
    """All sets in one list of paragraphs, and each set's examples on it."""

    paragraphs: list[Paragraph]
    examples: dict[str, list[Example]]


def read_sets(data: Path, tokenizer: Tokenizer, seed: int) -> list[Examples]:
    """The train part of every set, those with hard negatives first."""
    shifts = [
        read_squad(path, path.name) for path in sorted((data / "squadshifts").glob("*.json.gz"))
    ]
    negative_free = [
        replace(_joined(shifts), name="shifts"),
        read_qamr(data / "qamr/questions.jsonl.gz", seed),
        _policies(data / "policyqa/dev.json.gz"),
        made_tables(_TABLES, seed),
    ]
    return [
        read_squad(data / "squad/train-v1.1.json.gz", "squad"),
        read_qed(data / "natural_questions/qed_train.jsonl.gz"),
        _squad2(data / "squad/dev-v2.0-tune.json.gz"),
        *_documents(data, tokenizer),
        *negative_free,
    ]


def _documents(data: Path, tokenizer: Tokenizer) -> list[Examples]:
    """The sets of whole documents."""
    found = []
    for name in ("timeqa", "covidqa", "clapnq", "inscit"):
        pages = pages_of_part(name, read_folder(data / name), tune=False)
        found.append(examples_of(name, pages, tokenizer, loose=name in ("clapnq", "inscit")))
    return [*found, examples_of("news", _news(data / "news"), tokenizer)]


def pages_of_part(name: str, pages: Pages, *, tune: bool) -> Pages:
    """The questions about documents of one part; of conversations, those that have an answer, each
    with the question before it.
    """
    kept = {
        id for id, page in pages.pages.items() if is_tune(name, page.title or page.text) == tune
    }
    asked = [
        replace(each, text=f"{each.before} {each.text}".strip())
        for each in pages.questions
        if kept.issuperset(each.pages)
    ]
    unclear = name == "inscit"  # its answers are missing where nobody wrote one
    return replace(pages, questions=[each for each in asked if each.answers or not unclear])


def _news(folder: Path) -> Pages:
    """The news of 2024, without the articles that those of 2025 share."""
    pages, later = (
        read_pages(folder / f"{part}_documents.jsonl.gz", folder / f"{part}_questions.jsonl.gz")
        for part in ("train_2024", "tune_2025")
    )
    kept = {id: page for id, page in pages.pages.items() if id not in later.pages}
    return Pages(kept, [each for each in pages.questions if kept.keys() & set(each.pages)])


def _squad2(path: Path) -> Examples:
    """The questions of SQuAD v2.0's trained articles, which are not changed."""
    read = read_squad(path, "squad2")
    kept = [
        replace(example, exact=False)
        for example in read.examples
        if is_trained_article(read.paragraphs[example.paragraph].article.removeprefix("squad2/"))
    ]
    return replace(read, examples=kept)


def _policies(path: Path) -> Examples:
    read = read_squad(path, "policyqa")
    kept = [
        example
        for example in read.examples
        if not is_tune("policyqa", read.paragraphs[example.paragraph].text)
    ]
    return replace(read, examples=[replace(example, exact=False) for example in kept])


def _joined(sets: Sequence[Examples]) -> Examples:
    """Several sets as one."""
    found = Examples(sets[0].name if sets else "", [], [])
    for each in sets:
        found.examples.extend(example.shifted(len(found.paragraphs)) for example in each.examples)
        found.paragraphs.extend(each.paragraphs)
    return found


def pooled(sets: Sequence[Examples]) -> Pool:
    """One list of paragraphs, and of each set the examples that point into it and can be learnt
    from.
    """
    pool = Pool([], {})
    for found in sets:
        shift = len(pool.paragraphs)
        pool.paragraphs.extend(found.paragraphs)
        pool.examples[found.name] = [
            item.shifted(shift) for item in found.examples if item.is_usable
        ]
    return pool


def mix_examples(pool: Pool, shares: dict[str, float], total: int, seed: int) -> list[Example]:
    """About ``total`` examples, of each set its share: small sets come round several times, of
    large ones come some.
    """
    whole = sum(shares[name] for name, examples in pool.examples.items() if examples)
    found: list[Example] = []
    for name, examples in pool.examples.items():
        count = round(total * shares[name] / whole) if examples else 0
        order = random.Random(f"{seed}/{name}").sample(examples, len(examples))
        found.extend(order[number % len(order)] for number in range(count))
    return found


def kept_negatives(path: Path, sets: Sequence[Examples]) -> dict[str, list[int]]:
    """The hard negatives, ranked once and kept in a file."""
    if not path.exists():
        path.write_text(json.dumps(hard_negatives(sets)))
    kept: dict[str, list[int]] = json.loads(path.read_text())
    return kept


def hard_negatives(sets: Sequence[Examples]) -> dict[str, list[int]]:
    """For each question, the positions of well ranked paragraphs that hold none of its answers.

    Positions count over the paragraphs of the sets given, which stand first in the pool.
    """
    pool = pooled(sets)
    texts = [paragraph.text for paragraph in pool.paragraphs]
    examples = [example for found in pool.examples.values() for example in found if example.spans]
    ranked = bm25_ranking([example.question for example in examples], texts, 2 * _NEGATIVES)
    low = [text.lower() for text in texts]
    return {
        example.id: _without_answers(example, places.tolist(), low)
        for example, places in zip(examples, ranked, strict=True)
    }


def _without_answers(example: Example, places: Sequence[int], low: Sequence[str]) -> list[int]:
    golds = [gold.lower() for gold in example.golds]
    own = {example.paragraph, *(place.paragraph for place in example.also)}
    held = (
        place
        for place in places
        if place not in own and not any(gold in low[place] for gold in golds)
    )
    return list(held)[:_NEGATIVES]
