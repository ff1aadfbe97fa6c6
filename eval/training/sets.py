"""The training sets, pooled for each stage, with hard negatives."""

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eval.training.examples import Example, Examples, Paragraph, read_qamr, read_qed, read_squad
from eval.training.negatives import bm25_ranking

_NEGATIVES = 8


def read_sets(data: Path, qamr: int, seed: int) -> tuple[list[Examples], list[Examples]]:
    """The sets of the first stage and of the second, which leaves the easy and the noisy ones out.

    The second stage's come first in the first stage's, so that positions among its paragraphs hold
    in both.

    :param qamr: how many of QAMR's questions are taken
    """
    squad = read_squad(data / "squad/train-v1.1.json.gz", "squad")
    qed = read_qed(data / "natural_questions/qed_train.jsonl.gz")
    shifts = [
        read_squad(path, path.name) for path in sorted((data / "squadshifts").glob("*.json.gz"))
    ]
    sentences = read_qamr(data / "qamr/questions.jsonl.gz", seed)
    some = replace(sentences, examples=random.Random(seed).sample(sentences.examples, qamr))
    return [squad, qed, *shifts, some], [squad, qed]


def pooled(sets: Sequence[Examples]) -> tuple[list[Paragraph], list[Example]]:
    """One list of paragraphs and of the examples that point into it, out of several sets."""
    paragraphs: list[Paragraph] = []
    examples: list[Example] = []
    for found in sets:
        shift = len(paragraphs)
        paragraphs += found.paragraphs
        examples += [
            replace(item, paragraph=item.paragraph + shift) for item in found.examples if item.spans
        ]
    return paragraphs, examples


def kept_negatives(path: Path, sets: Sequence[Examples]) -> dict[str, list[int]]:
    """The hard negatives, ranked once and kept in a file."""
    if not path.exists():
        path.write_text(json.dumps(hard_negatives(sets)))
    kept: dict[str, list[int]] = json.loads(path.read_text())
    return kept


def hard_negatives(sets: Sequence[Examples]) -> dict[str, list[int]]:
    """For each question, the positions of well ranked paragraphs that hold none of its answers."""
    paragraphs, examples = pooled(sets)
    texts = [paragraph.text for paragraph in paragraphs]
    ranked = bm25_ranking([example.question for example in examples], texts, 2 * _NEGATIVES)
    low = [text.lower() for text in texts]
    return {
        example.id: _without_answers(example, places.tolist(), low)
        for example, places in zip(examples, ranked, strict=True)
    }


def _without_answers(example: Example, places: Sequence[int], low: Sequence[str]) -> list[int]:
    golds = [gold.lower() for gold in example.golds]
    held = (
        place
        for place in places
        if place != example.paragraph and not any(gold in low[place] for gold in golds)
    )
    return list(held)[:_NEGATIVES]
