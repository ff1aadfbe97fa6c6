"""Speed and memory of adding, searching, asking and serving, measured on this machine.

    python -m eval.benchmarks.speed [--squad FILE] [--chunks 10000] \\
        [--parts adding,searching,asking,service]

docs/benchmarks.md says what every figure means and how it is taken. Needs psutil. The part
``adding`` needs torch and sentence-transformers. It is measured last, so that neither is in this
process while the others run.
"""

import argparse
import json
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from eval.benchmarks.built_index import BuiltIndex, build_index
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.material import Material, add_documents, load_sources, take
from eval.benchmarks.options import positive
from eval.benchmarks.serving import (
    SERVICE_QUESTIONS,
    TORCH_PACKAGES,
    environment,
    quoth,
    serving,
)
from eval.benchmarks.speed_figure import (
    Bound,
    SpeedFigure,
    SpeedPart,
    Target,
    figures_json,
    print_figures,
)
from eval.benchmarks.timing import WALL
from eval.console import stderr
from eval.measuring.formulas import percentile
from index.encoding.encoder import ENCODER_MAX_TOKENS, Encoder, TransformerEncoder, load_encoder
from index.encoding.export import default_weights
from index.encoding.identity import DEFAULT_ENCODER
from service.answering.service import open_service
from service.question import DEFAULT_TOP_K
from service.settings import Settings, load_settings

ADDED_CHUNKS = 1_500
SEARCHED_CHUNKS = 10_000
ADDING_ROUNDS = 3
SEARCHES = 200
ASKS = 5
STARTS = 3

_WARM_UP = 10
_WARM_UP_TEXTS = 64
_SPECIAL_TOKENS = 2


@dataclass(frozen=True, slots=True)
class SpeedOptions:
    """The options of the command line.

    :param real_chunks: how many chunks of the searched index are real text; the rest are copies
    """

    parts: frozenset[SpeedPart]
    squad: Path | None
    chunks: int
    real_chunks: int
    added_chunks: int
    rounds: int
    json: Path | None


def main() -> None:
    """Measure, print, write."""
    options = parse_options()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    machine = this_machine(settings.threads)
    print_machine(machine)
    with tempfile.TemporaryDirectory(prefix="quoth-speed-") as scratch:
        order = list(SpeedPart)
        figures = sorted(
            measure_speed(options, settings, Path(scratch)),
            key=lambda figure: order.index(figure.part),
        )
    print_figures(figures)
    if options.json is not None:
        options.json.write_text(
            json.dumps(figures_json(machine, figures), indent=2, ensure_ascii=False) + "\n"
        )


def parse_options(arguments: Sequence[str] | None = None) -> SpeedOptions:
    """The options in a command line, by default this process's."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--parts",
        type=_parts,
        default=frozenset(SpeedPart),
        help=f"some of {','.join(SpeedPart)}",
    )
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD file, plain or gzipped; default: the shipped library"
    )
    parser.add_argument(
        "--chunks", type=positive, default=SEARCHED_CHUNKS, help="chunks to search (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks",
        type=positive,
        help="how many of them to embed; the rest are copies (default: all)",
    )
    parser.add_argument(
        "--added-chunks", type=positive, default=ADDED_CHUNKS, help="chunks to add (%(default)s)"
    )
    parser.add_argument(
        "--rounds",
        type=positive,
        default=ADDING_ROUNDS,
        help="rounds of both sides of adding (%(default)s)",
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args(arguments)
    return SpeedOptions(
        parts=given.parts,
        squad=given.squad,
        chunks=given.chunks,
        real_chunks=given.real_chunks or given.chunks,
        added_chunks=given.added_chunks,
        rounds=given.rounds,
        json=given.json,
    )


def measure_speed(
    options: SpeedOptions, settings: Settings, scratch: Path
) -> Iterator[SpeedFigure]:
    """The figures of all chosen parts.

    :param scratch: an empty folder
    """
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    own = environment(settings)
    if options.parts & {SpeedPart.SEARCHING, SpeedPart.ASKING}:
        stderr.print(f"building an index of {options.chunks} chunks")
        real = min(options.chunks, options.real_chunks)
        material = take(load_sources(options.squad), encoder, real)
        built = build_index(scratch / "searched", material, encoder, options.chunks)
        questions = material.questions(_WARM_UP + SEARCHES)
        if SpeedPart.SEARCHING in options.parts:
            yield from measure_searching(built, questions, settings)
        if SpeedPart.ASKING in options.parts:
            yield from measure_asking(built, questions, own)
    if SpeedPart.SERVICE in options.parts:
        stderr.print("indexing the library")
        library = [source.document for source in load_sources(None)]
        add_documents(library, encoder, scratch / "library")
        yield from measure_service(scratch / "library", own, scratch / "serve.log")
    # adding comes last, because it loads torch
    if SpeedPart.ADDING in options.parts:
        stderr.print("loading sentence-transformers")
        added = take(load_sources(options.squad), encoder, options.added_chunks)
        baseline = TransformerEncoder(str(default_weights()), settings.threads)
        yield from measure_adding(added, encoder, baseline, scratch, rounds=options.rounds)


def measure_adding(
    material: Material, encoder: Encoder, baseline: Encoder, scratch: Path, *, rounds: int
) -> Iterator[SpeedFigure]:
    """Adding documents against sentence-transformers' own encode of the texts of the same chunks,
    in turns.
    """
    tokens = seen_tokens(encoder, material.texts)
    compared = material.texts[:_WARM_UP_TEXTS]
    # the mean cosine between both sides' vectors; this also warms both up
    products = encoder.encode(compared) * baseline.encode(compared)
    cosine = float(np.mean(np.sum(products, axis=1)))
    adding, encoding = [], []
    for number in range(rounds):
        stderr.print(f"adding {len(material.texts)} chunks, then encoding them")
        folder = scratch / f"added-{number}"
        adding.append(tokens / WALL.seconds(partial(_add_all, material, encoder, folder)))
        encoding.append(tokens / WALL.seconds(partial(baseline.encode, material.texts)))
    rate, base = statistics.median(adding), statistics.median(encoding)
    what = f"{len(material.sources)} documents, {len(material.texts):,} chunks, {tokens:,} tokens"
    figure = partial(SpeedFigure, SpeedPart.ADDING)
    yield figure(
        name="adding",
        value=rate,
        unit="tokens/s",
        digits=0,
        detail=f"{what}; median of {_listed(adding)}",
        target=Target(Bound.AT_LEAST, 12_000),
    )
    yield figure(
        name="sentence-transformers' encode",
        value=base,
        unit="tokens/s",
        digits=0,
        detail=f"the same texts; median of {_listed(encoding)}",
    )
    yield figure(
        name="adding against it",
        value=rate / base,
        unit="times",
        digits=2,
        detail="ratio of the medians",
        target=Target(Bound.AT_LEAST, 1.8),
    )
    yield figure(
        name="cosine of both sides' vectors",
        value=cosine,
        unit="",
        digits=3,
        detail=f"mean over {len(compared)} chunks",
    )


def measure_searching(
    built: BuiltIndex, questions: Sequence[str], settings: Settings
) -> Iterator[SpeedFigure]:
    """Searching in this process, opened as the service opens it: one question after another,
    embedding included. The first questions only warm up.
    """
    stderr.print(f"searching {built.chunks} chunks")
    with open_service(
        settings.model_copy(update={"data_dir": built.folder}), writable=False
    ) as service:
        searcher = service.collection.searcher
        search = partial(searcher.search, top_k=DEFAULT_TOP_K)
        for question in questions[:_WARM_UP]:
            search(question)
        asked = questions[_WARM_UP:]
        times = [WALL.milliseconds(partial(search, question)) for question in asked]
        embedding = [
            WALL.milliseconds(partial(searcher.encoder.encode, [question])) for question in asked
        ]
    what = f"{built.chunks:,} chunks ({built.real:,} real, the rest copies), {len(times)} questions"
    figure = partial(SpeedFigure, SpeedPart.SEARCHING, unit="ms", digits=1)
    yield figure(
        name="search, p50", value=percentile(times, 50), detail=what, target=Target(Bound.BELOW, 15)
    )
    yield figure(name="search, p95", value=percentile(times, 95), detail=what)
    yield figure(
        name="embedding the question, p50",
        value=percentile(embedding, 50),
        detail="a part of the search",
    )


def measure_asking(
    built: BuiltIndex, questions: Sequence[str], environment: Mapping[str, str]
) -> Iterator[SpeedFigure]:
    """``quoth ask`` as a process of its own. Each asks another question, because a kept answer
    would only be looked up.
    """
    stderr.print("asking")
    warm_up, traced, *asked = questions[: ASKS + 2]
    ask = partial(_ask, built.folder, environment)
    ask(warm_up)
    times = [WALL.seconds(partial(ask, question)) for question in asked]
    # what `python -X importtime` writes: "import time: self | cumulative | module"
    trace = ask(traced, "-X", "importtime").splitlines()
    lines = [line for line in trace if line.startswith("import time:")]
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}
    heavy = sorted(TORCH_PACKAGES & imported)
    figure = partial(SpeedFigure, SpeedPart.ASKING)
    yield figure(
        name="quoth ask, whole process",
        value=statistics.median(times),
        unit="s",
        digits=2,
        detail=f"{built.chunks:,} chunks; median of {_listed(times, 2)}",
        target=Target(Bound.BELOW, 2),
    )
    yield figure(
        name="torch and its like imported by it",
        value=len(heavy),
        unit="packages",
        digits=0,
        detail=", ".join(heavy) or f"none of {', '.join(sorted(TORCH_PACKAGES))}",
        target=Target(Bound.AT_MOST, 0),
    )


def measure_service(
    folder: Path, environment: Mapping[str, str], log: Path
) -> Iterator[SpeedFigure]:
    """``quoth serve`` over an index: how soon it is ready, how fast it answers, and how much
    memory it takes.
    """
    stderr.print("serving")
    starts = []
    for _ in range(STARTS - 1):
        with serving(folder, environment, log) as service:
            starts.append(service.ready_s)
    with serving(folder, environment, log) as service:
        starts.append(service.ready_s)
        asked = [service.ask(question) for question in SERVICE_QUESTIONS]
    times, resident = [took for took, _ in asked], max(held for _, held in asked)
    figure = partial(SpeedFigure, SpeedPart.SERVICE)
    yield figure(
        name="start until ready",
        value=statistics.median(starts),
        unit="s",
        digits=2,
        detail=f"median of {_listed(starts, 2)}",
        target=Target(Bound.BELOW, 3),
    )
    yield figure(
        name="memory",
        value=resident / 1e6,
        unit="MB",
        digits=0,
        detail=f"resident, the largest of {len(times)} readings, one after each question",
        target=Target(Bound.BELOW, 500),
    )
    yield figure(
        name="/v1/ask over HTTP, p50",
        value=percentile(times, 50),
        unit="ms",
        digits=1,
        detail=f"{len(times)} questions about the shipped library",
    )


def seen_tokens(encoder: Encoder, texts: Sequence[str]) -> int:
    """How many tokens of the texts the encoder sees: special tokens count, those past its window
    do not.
    """
    return sum(
        min(len(spans) + _SPECIAL_TOKENS, ENCODER_MAX_TOKENS)
        for spans in encoder.token_spans(texts)
    )


def _add_all(material: Material, encoder: Encoder, folder: Path) -> None:
    chunks = add_documents(material.documents, encoder, folder)
    if chunks != len(material.texts):
        raise SystemExit(
            f"adding made {chunks} chunks, but {len(material.texts)} are to be compared"
        )


def _ask(folder: Path, environment: Mapping[str, str], question: str, *python: str) -> str:
    """Run ``quoth ask``, and return what it wrote to standard error.

    :param python: options for the interpreter
    """
    command = quoth("ask", "--data", str(folder), "--", question, python=python)
    done = subprocess.run(command, env=dict(environment), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(
            f"quoth ask {question!r} failed ({done.returncode}): {done.stderr[-2_000:]}"
        )
    return done.stderr


def _listed(values: Sequence[float], digits: int = 0) -> str:
    return ", ".join(f"{value:,.{digits}f}" for value in values)


def _parts(names: str) -> frozenset[SpeedPart]:
    try:
        return frozenset(SpeedPart(name) for name in names.split(","))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{exc}; the parts are {', '.join(SpeedPart)}") from exc


if __name__ == "__main__":
    main()
