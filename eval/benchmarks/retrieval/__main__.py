"""Chunking, the lexical analyser and fusion, varied one at a time from the defaults.

    python -m eval.benchmarks.retrieval --cache DIR [--squad FILE] [--scifact DIR] \\
        [--questions 3] [--documents 4]

SQuAD's articles are long documents, all in one collection. A chunk is right if it holds an
occurrence of an accepted answer. SciFact's evidence is whole documents, each ranked by its best
chunk. Chunks other than the default ones are tried on a part of SciFact: the documents with
evidence and every fourth of the others. Chunks and vectors are made as the product makes them,
dense scores are exact, and the terms of every analyser are in an index in memory. Variants are
chosen on one half of the questions and reported on the other (halves are made by a hash, SQuAD's by
article). Vectors are kept in the cache, so that a run that was cut off can be resumed.
docs/retrieval.md reports the results.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from rich import box
from rich.table import Table

from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.options import positive
from eval.benchmarks.retrieval.sets import Half, RetrievalSet, part_of, scifact_set, squad_set
from eval.benchmarks.retrieval.trial import MEASURES, Result, Trial
from eval.benchmarks.retrieval.variants import DEFAULT_VARIANT, Variant, searches
from eval.benchmarks.retrieval.vectors import VectorCache
from eval.console import print_wide, stdout
from eval.measuring.baseline import Change, compare
from index.encoding.encoder import load_encoder
from index.encoding.identity import DEFAULT_ENCODER
from service.settings import load_settings

CHOOSING = "nDCG@10"


def together(found: Sequence[Sequence[Result]]) -> Variant:
    """The analyser, the title's weight and the fusion that gain most over the defaults, on the
    choosing halves of all sets.

    Chunks stay the default ones: a longer chunk holds more, but takes longer to read.
    """
    gains: dict[Variant, float] = defaultdict(float)
    for tried in found:
        for result in tried:
            gains[result.variant] += result.mean(Half.CHOOSE, CHOOSING) - tried[0].mean(
                Half.CHOOSE, CHOOSING
            )
    best = DEFAULT_VARIANT
    for name in ("analyser", "context_weight", "fusion"):
        others = [
            each for each in searches() if getattr(each, name) != getattr(DEFAULT_VARIANT, name)
        ]
        chosen = max((DEFAULT_VARIANT, *others), key=lambda variant: gains[variant])
        best = replace(best, **{name: getattr(chosen, name)})
    return replace(best, part="together")


def main() -> None:
    """Try every variant on every set, print, write."""
    given = _parser().parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    machine = this_machine(settings.threads)
    print_machine(machine)
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    vectors = VectorCache(given.cache, encoder)
    trials = [(labelled, Trial(labelled, encoder, vectors)) for labelled in _sets(given)]
    found = [[trial.result(variant) for variant in labelled.variants] for labelled, trial in trials]
    best = together(found)
    for (labelled, trial), tried in zip(trials, found, strict=True):
        tried.append(trial.result(best))
        print_results(labelled, tried)
    if given.json:
        figures = {
            labelled.name: results_json(tried)
            for (labelled, _), tried in zip(trials, found, strict=True)
        }
        given.json.write_text(json.dumps({"machine": asdict(machine), **figures}, indent=2) + "\n")


def print_results(labelled: RetrievalSet, tried: Sequence[Result]) -> None:
    """Print a table. All its measures but the first are of the reported half."""
    chosen, reported = (
        sum(asked.question.split == half for asked in labelled.asked) for half in Half
    )
    stdout.print(
        f"{labelled.name}: {len(labelled.documents)} documents, {chosen} questions to choose "
        f"by, {reported} to report"
    )
    columns = (
        "chunks",
        "to choose by",
        "dense",
        "lexical",
        "fused",
        "against the defaults",
        "R@1",
        "R@10",
        "R@text",
    )
    table = Table("varied", "to", *columns, box=box.MARKDOWN)
    for result in tried:
        table.add_row(result.variant.part, result.variant.value, *_figures(result, tried[0]))
    print_wide(table, width=200)


def _figures(result: Result, default: Result) -> Iterator[str]:
    yield f"{result.chunks}"
    yield f"{result.mean(Half.CHOOSE, CHOOSING):.3f}"
    for side in ("dense", "lexical", "fused"):
        yield f"{result.mean(Half.REPORT, CHOOSING, side):.3f}"
    change = against(default, result)
    yield f"{change.now - change.before:+.3f} [{change.low:+.3f}, {change.high:+.3f}]"
    for name in ("R@1", "R@10", f"R@{result.text_depth}"):
        yield f"{result.mean(Half.REPORT, name):.3f}"


def against(default: Result, result: Result) -> Change:
    """How the fused ranking changed against the defaults', on the reported half."""
    before, now = (
        [row for row in each.rows["fused"] if row.split == Half.REPORT]
        for each in (default, result)
    )
    return compare(before, now, [CHOOSING])[0]


def results_json(tried: Sequence[Result]) -> list[dict[str, object]]:
    """Every figure of a set as JSON."""
    return [
        {
            "part": result.variant.part,
            "value": result.variant.value,
            "varied": _described(result.variant),
            "chunks": result.chunks,
            "text_depth": result.text_depth,
            "change": {name: getattr(against(tried[0], result), name) for name in ("low", "high")},
            **{half: _measured(result, half) for half in Half},
        }
        for result in tried
    ]


def _measured(result: Result, half: Half) -> dict[str, dict[str, float]]:
    names = {name: name for name in MEASURES} | {"R@text": f"R@{result.text_depth}"}
    return {
        side: {shown: round(result.mean(half, name, side), 4) for shown, name in names.items()}
        for side in result.rows
    }


def _described(variant: Variant) -> dict[str, str]:
    """The settings that differ from the defaults."""
    names = ("chunking", "analyser", "context_weight", "fusion")
    return {
        name: str(getattr(variant, name))
        for name in names
        if getattr(variant, name) != getattr(DEFAULT_VARIANT, name)
    }


def _sets(given: argparse.Namespace) -> list[RetrievalSet]:
    found = [squad_set(given.squad, given.questions)] if given.squad else []
    if given.scifact:
        scifact = scifact_set(given.scifact)
        found += [scifact, part_of(scifact, given.documents)]
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--cache", type=Path, required=True, help="the folder where vectors are kept"
    )
    parser.add_argument("--squad", type=Path, help="a SQuAD file, plain or gzipped")
    parser.add_argument("--scifact", type=Path, help="a BEIR folder")
    parser.add_argument(
        "--questions",
        type=positive,
        default=3,
        help="ask every n-th question of SQuAD (%(default)s)",
    )
    parser.add_argument(
        "--documents",
        type=positive,
        default=4,
        help="for other chunks, every n-th document of SciFact without evidence (%(default)s)",
    )
    parser.add_argument("--json", type=Path, help="also write all figures to this file")
    return parser


if __name__ == "__main__":
    main()
