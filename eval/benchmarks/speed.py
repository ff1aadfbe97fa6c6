"""Speed and memory of adding, searching, asking and serving, measured on this machine.

    python -m eval.benchmarks.speed [--squad FILE] [--chunks 10000] \\
        [--parts adding,searching,asking,service]

What every figure means, and how it is taken, is in docs/benchmarks.md. Needs psutil; the part
``adding`` needs torch and sentence-transformers, and is measured last, so that neither is in this
process while the others run."""

import argparse
import json
import os
import platform
import random
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from importlib.resources import as_file, files
from itertools import count
from pathlib import Path

import httpx
import numpy as np
import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from corpus.document import Document, make_document
from corpus.errors import DocumentError
from corpus.load import ParseResult, find_files, read_document
from eval.measuring.measures import percentile
from eval.sets.squad import Article, articles
from index.collection import Collection
from index.encoding.encoder import (
    DEFAULT_ENCODER,
    MAX_TOKENS,
    Encoder,
    TransformerEncoder,
    Vectors,
    load_encoder,
)
from index.encoding.export import default_weights
from index.ingest import batches, prepare
from index.store.manifest import Manifest
from index.store.store import PreparedDocument, Store
from index.text.chunk import ChunkSettings, chunk_document
from index.text.sentences import sentences
from service.answering.question import DEFAULT_TOP_K
from service.answering.service import open_service
from service.settings import Settings, load_settings

SEED = 20251122
ADDED_CHUNKS = 1_500
SEARCHED_CHUNKS = 10_000
ROUNDS = 3
SEARCHES = 200
ASKS = 5
STARTS = 3
SERVICE_QUESTIONS = (
    "Who received Mishustin in Beijing on 4 November 2025?",
    "Where did Li Qiang and Mikhail Mishustin meet?",
    "How long is Power of Siberia?",
    "How much gas did Gazprom deliver to China in 2024?",
    "What is the design capacity of Power of Siberia?",
    "What price does China seek for the gas?",
    "What do European buyers pay for gas?",
    "How much gas is Power of Siberia 2 to carry?",
    "Which country will Power of Siberia 2 cross?",
    "When was the memorandum on Power of Siberia 2 signed?",
    "What was agreed for the Far Eastern Route?",
    "How large was trade between China and Russia in 2024?",
    "By how much did trade fall in 2025?",
    "Which companies are under sanctions of the United States?",
    "What did TASS report before the visit?",
    "When did the joint patrols begin?",
    "What does China's new Five-Year Plan say?",
    "Who is Alexander Novak?",
    "How did rail freight develop?",
    "What is the capital of Peru?",
)

_WARM_UP = 10
_WARM_UP_TEXTS = 64
_SPECIAL_TOKENS = 2
SWAPPED_WORDS = 0.3
_NOISE = 0.5
_OPENING_WORDS = 12
_POLL_S = 0.01
_READY_TIMEOUT_S = 120.0
_STOP_TIMEOUT_S = 15.0
_REQUEST_TIMEOUT_S = 60.0
_WIDTH = 130
_DISTRIBUTIONS = ("onnxruntime", "faiss-cpu", "tantivy", "torch", "sentence-transformers")
HEAVY = frozenset({"torch", "transformers", "sentence_transformers"})
_WORD = re.compile(r"\w+")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Part(StrEnum):
    """What can be measured, in the order of the table."""

    ADDING = "adding"
    SEARCHING = "searching"
    ASKING = "asking"
    SERVICE = "service"


class Bound(StrEnum):
    """On which side of its limit a figure should be."""

    AT_LEAST = "≥"
    BELOW = "<"
    AT_MOST = "≤"


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should reach."""

    bound: Bound
    limit: float

    def reached_by(self, value: float) -> bool:
        """Whether the value is on the right side of the limit."""
        match self.bound:
            case Bound.AT_LEAST:
                return value >= self.limit
            case Bound.BELOW:
                return value < self.limit
            case Bound.AT_MOST:
                return value <= self.limit


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    :param digits: after the point, where the value is shown
    :param detail: what it was taken from
    :param target: None where the figure is there to explain another one
    """

    part: Part
    name: str
    value: float
    unit: str
    digits: int
    detail: str
    target: Target | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached, None without one."""
        return None if self.target is None else self.target.reached_by(self.value)


@dataclass(frozen=True, slots=True)
class Machine:
    """What the figures were taken on.

    :param cores: that this process may use, and gives to every side of a comparison
    :param load: processes that wanted a core in the minute before; other work spoils the figures
    """

    cpu: str
    cores: int
    memory_gb: float
    load: float
    python: str
    libraries: dict[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for.

    :param real_chunks: how many chunks of the searched index are embedded text; the rest are varied
        copies"""

    parts: frozenset[Part]
    squad: Path | None
    chunks: int
    real_chunks: int
    added_chunks: int
    rounds: int
    json: Path | None


@dataclass(frozen=True, slots=True)
class Source:
    """A document and what it can be asked."""

    document: Document
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """Sources, and the text of each of their chunks as the encoder sees it."""

    sources: tuple[Source, ...]
    texts: tuple[str, ...]

    @property
    def documents(self) -> list[Document]:
        """The documents alone."""
        return [source.document for source in self.sources]

    def questions(self, limit: int) -> list[str]:
        """Up to ``limit`` different questions, drawn evenly from all sources, the same in every
        run.
        """
        every = sorted({question for source in self.sources for question in source.questions})
        return random.Random(SEED).sample(every, min(limit, len(every)))


@dataclass(frozen=True, slots=True)
class Round:
    """One round of both sides of the comparison, in seconds."""

    adding_s: float
    baseline_s: float


@dataclass(frozen=True, slots=True)
class Built:
    """An index made for measuring.

    :param real: how many of its chunks hold text as it was written, with the vector of that text
    """

    folder: Path
    chunks: int
    real: int
    questions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """A running service.

    :param ready_s: from starting the process to the first 200 of /health/ready
    """

    process: psutil.Process
    client: httpx.Client
    ready_s: float


class Bench:
    """The parts, over one encoder and one scratch folder."""

    def __init__(self, options: Options, settings: Settings, scratch: Path) -> None:
        self._options = options
        self._settings = settings
        self._scratch = scratch
        self._encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
        self._environment = environment(settings)

    def figures(self) -> Iterator[Figure]:
        """The figures of all the parts that were asked for; adding is the last, because it loads
        torch.
        """
        parts = self._options.parts
        if parts & {Part.SEARCHING, Part.ASKING}:
            built = self._built()
            if Part.SEARCHING in parts:
                yield from measure_searching(built, self._settings)
            if Part.ASKING in parts:
                yield from measure_asking(built, self._environment)
        if Part.SERVICE in parts:
            yield from measure_service(
                self._library(), self._environment, self._scratch / "serve.log"
            )
        if Part.ADDING in parts:
            yield from self._adding()

    def _built(self) -> Built:
        real = min(self._options.chunks, self._options.real_chunks)
        err.print(f"building an index of {self._options.chunks} chunks")
        material = take(load_sources(self._options.squad), self._encoder, real)
        return build_index(
            self._scratch / "searched", material, self._encoder, self._options.chunks
        )

    def _library(self) -> Path:
        err.print("indexing the library")
        folder = self._scratch / "library"
        add([source.document for source in _library_sources()], self._encoder, folder)
        return folder

    def _adding(self) -> Iterator[Figure]:
        err.print("loading sentence-transformers")
        material = take(
            load_sources(self._options.squad), self._encoder, self._options.added_chunks
        )
        baseline = TransformerEncoder(str(default_weights()), self._settings.threads)
        yield from measure_adding(
            material, self._encoder, baseline, self._scratch, self._options.rounds
        )


def main() -> None:
    """Measure, print, write."""
    options = parse_options()
    settings = load_settings(encoder=DEFAULT_ENCODER)
    machine = this_machine(settings.threads)
    print_machine(machine)
    with tempfile.TemporaryDirectory(prefix="quoth-speed-") as scratch:
        order = list(Part)
        figures = sorted(
            Bench(options, settings, Path(scratch)).figures(),
            key=lambda figure: order.index(figure.part),
        )
    _print_figures(figures)
    if options.json is not None:
        options.json.write_text(
            json.dumps(_as_json(machine, figures), indent=2, ensure_ascii=False) + "\n"
        )


def parse_options(arguments: Sequence[str] | None = None) -> Options:
    """The options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m eval.benchmarks.speed", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument(
        "--parts", type=_parts, default=frozenset(Part), help=f"some of {','.join(Part)}"
    )
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD file, plain or gzipped; without it, the shipped library"
    )
    parser.add_argument(
        "--chunks", type=positive, default=SEARCHED_CHUNKS, help="chunks to search (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks",
        type=positive,
        help="embed so many of them, make the rest by varying those (all)",
    )
    parser.add_argument(
        "--added-chunks", type=positive, default=ADDED_CHUNKS, help="chunks to add (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=positive, default=ROUNDS, help="of both sides of adding (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    given = parser.parse_args(arguments)
    return Options(
        given.parts,
        given.squad,
        given.chunks,
        given.real_chunks or given.chunks,
        given.added_chunks,
        given.rounds,
        given.json,
    )


def this_machine(cores: int) -> Machine:
    """The machine that this runs on."""
    return Machine(
        cpu=_cpu(),
        cores=cores,
        memory_gb=round(psutil.virtual_memory().total / 1e9, 1),
        load=round(os.getloadavg()[0], 1),
        python=f"{platform.python_version()} on {platform.system()} {platform.release()}",
        libraries={name: version(name) for name in _DISTRIBUTIONS},
    )


# -- what is measured with


def load_sources(squad: Path | None) -> Iterator[Source]:
    """The articles of a SQuAD file with their questions, or the shipped library."""
    return (
        _library_sources()
        if squad is None
        else (_article_source(article) for article in articles(squad))
    )


def take(sources: Iterator[Source], encoder: Encoder, chunks: int) -> Material:
    """The first sources that together have at least that many chunks, or all of them."""
    taken: list[Source] = []
    texts: list[str] = []
    for source in sources:
        if len(texts) >= chunks:
            break
        taken.append(source)
        cut = chunk_document(source.document, encoder.token_spans, ChunkSettings())
        texts.extend(chunk.embedded_text for chunk in cut)
    return Material(tuple(taken), tuple(texts))


def add(documents: Sequence[Document], encoder: Encoder, folder: Path) -> int:
    """Add documents to a new index and close it: everything is on disk when this returns.

    :return: how many chunks they became
    :raises DocumentError: one of them was refused
    """
    chunks = 0
    with Collection(folder, encoder, writable=True) as collection:
        for result in collection.put_files(
            ParseResult(document.id, document) for document in documents
        ):
            if result.is_failure:
                raise DocumentError(result.source, result.reason or "was not added")
            chunks += result.chunks
    return chunks


def build_index(folder: Path, material: Material, encoder: Encoder, chunks: int) -> Built:
    """An index of about that many chunks (the last batch may pass it), written batch by batch as
    adding does.

    First the material as it is; where that is not enough, varied copies of it (:func:`varied`), as
    often as it takes."""
    real = list(_prepared(material.documents, encoder))
    made = 0
    for batch in real:
        made += _write(folder, batch, encoder)
    for batch in _copies(real):
        if made >= chunks:
            break
        made += _write(folder, batch, encoder)
    return Built(folder, made, len(material.texts), tuple(material.questions(SEARCHES + _WARM_UP)))


def varied(
    prepared: PreparedDocument, copy: int, words: Mapping[int, Sequence[str]]
) -> PreparedDocument:
    """A copy of a document with other text and other vectors, but the same chunks at the same
    offsets.

    Some of its words are swapped for words of the same length, drawn as often as they occur; each
    vector is turned away a little and is of length 1 again. It costs a search what a real document
    costs, and means nothing.

    :param copy: its number, part of the new document's id and of what the variation is drawn from
    :param words: words to draw from, by their length
    """
    id = f"{prepared.document.id}/{copy}"
    draw = random.Random(f"{SEED} {id}")
    text = _WORD.sub(partial(_swapped, words=words, draw=draw), prepared.document.text)
    document = make_document(text, document_id=id, title=prepared.document.title)
    chunks = tuple(
        replace(chunk, document_id=id, version=document.version, text=text[chunk.start : chunk.end])
        for chunk in prepared.chunks
    )
    return PreparedDocument(document, chunks, turned(prepared.vectors, draw.getrandbits(32)))


# -- the parts


def measure_adding(
    material: Material, encoder: Encoder, baseline: Encoder, scratch: Path, rounds: int
) -> Iterator[Figure]:
    """Adding documents, against sentence-transformers' own encode of the texts of the same chunks,
    in turns.
    """
    tokens = seen_tokens(encoder, material.texts)
    agreement = _agreement(encoder, baseline, material.texts[:_WARM_UP_TEXTS])
    taken = [
        _round(material, encoder, baseline, scratch / f"added-{number}") for number in range(rounds)
    ]
    adding = [tokens / one.adding_s for one in taken]
    other = [tokens / one.baseline_s for one in taken]
    rate, base = statistics.median(adding), statistics.median(other)
    what = f"{len(material.sources)} documents, {len(material.texts):,} chunks, {tokens:,} tokens"
    figure = partial(Figure, Part.ADDING)
    yield figure(
        "adding",
        rate,
        "tokens/s",
        0,
        f"{what}; median of {_listed(adding)}",
        Target(Bound.AT_LEAST, 12_000),
    )
    yield figure(
        "sentence-transformers' encode",
        base,
        "tokens/s",
        0,
        f"the same texts; median of {_listed(other)}",
    )
    yield figure(
        "adding against it",
        rate / base,
        "times",
        2,
        "ratio of the medians",
        Target(Bound.AT_LEAST, 1.8),
    )
    compared = min(_WARM_UP_TEXTS, len(material.texts))
    yield figure("cosine of both sides' vectors", agreement, "", 3, f"mean over {compared} chunks")


def measure_searching(built: Built, settings: Settings) -> Iterator[Figure]:
    """Searching in this process, opened as the service opens it: one question after another, with
    its embedding.
    """
    warm_up, questions = built.questions[:_WARM_UP], built.questions[_WARM_UP:]
    err.print(f"searching {built.chunks} chunks")
    with open_service(
        settings.model_copy(update={"data_dir": built.folder}), writable=False
    ) as service:
        searcher = service.collection.searcher
        search = partial(searcher.search, top_k=DEFAULT_TOP_K)
        for question in warm_up:
            search(question)
        times = [milliseconds(partial(search, question)) for question in questions]
        embedding = [
            milliseconds(partial(searcher.encoder.encode, [question])) for question in questions
        ]
    what = (
        f"{built.chunks:,} chunks ({built.real:,} real, the rest varied copies), {len(times)} "
        "questions"
    )
    figure = partial(Figure, Part.SEARCHING, unit="ms", digits=1)
    yield figure(
        name="search, p50", value=percentile(times, 50), detail=what, target=Target(Bound.BELOW, 15)
    )
    yield figure(name="search, p95", value=percentile(times, 95), detail=what)
    yield figure(
        name="embedding the question, p50",
        value=percentile(embedding, 50),
        detail="a part of the search",
    )


def measure_asking(built: Built, environment: Mapping[str, str]) -> Iterator[Figure]:
    """``quoth ask`` as a process of its own, a new question each time, because an answer once given
    is kept.
    """
    warm_up, traced, *questions = built.questions[: ASKS + 2]
    err.print("asking")
    _ask(built.folder, warm_up, environment)
    times = [_seconds(partial(_ask, built.folder, question, environment)) for question in questions]
    heavy = sorted(HEAVY & _imported(_ask(built.folder, traced, environment, "-X", "importtime")))
    figure = partial(Figure, Part.ASKING)
    what = f"{built.chunks:,} chunks; median of {_listed(times, 2)}"
    yield figure(
        "quoth ask, whole process", statistics.median(times), "s", 2, what, Target(Bound.BELOW, 2)
    )
    found = ", ".join(heavy) or f"none of {', '.join(sorted(HEAVY))}"
    yield figure(
        "torch and its like imported by it",
        len(heavy),
        "packages",
        0,
        found,
        Target(Bound.AT_MOST, 0),
    )


def measure_service(folder: Path, environment: Mapping[str, str], log: Path) -> Iterator[Figure]:
    """``quoth serve`` over an index: how soon it is ready, how quick it answers, and what it holds
    meanwhile.
    """
    err.print("serving")
    starts = [_start_and_stop(folder, environment, log) for _ in range(STARTS - 1)]
    with serving(folder, environment, log) as service:
        starts.append(service.ready_s)
        asked = [ask_service(service, question) for question in SERVICE_QUESTIONS]
    times, resident = [took for took, _ in asked], max(held for _, held in asked)
    figure = partial(Figure, Part.SERVICE)
    started = f"median of {_listed(starts, 2)}"
    yield figure(
        "start until ready", statistics.median(starts), "s", 2, started, Target(Bound.BELOW, 3)
    )
    what = f"resident, the most seen after each of {len(times)} questions"
    yield figure("memory", resident / 1e6, "MB", 0, what, Target(Bound.BELOW, 500))
    yield figure(
        "/v1/ask over HTTP, p50",
        percentile(times, 50),
        "ms",
        1,
        f"{len(times)} questions to the shipped library",
    )


def seen_tokens(encoder: Encoder, texts: Sequence[str]) -> int:
    """How many tokens of the texts the encoder sees: special ones counted, those past its window
    not.
    """
    return sum(
        min(len(spans) + _SPECIAL_TOKENS, MAX_TOKENS) for spans in encoder.token_spans(texts)
    )


@contextmanager
def serving(folder: Path, environment: Mapping[str, str], log: Path) -> Iterator[Service]:
    """The service as a process of its own on a free port, ready for questions."""
    url = f"http://127.0.0.1:{_free_port()}"
    command = _quoth("serve", "--data", str(folder), "--port", url.rpartition(":")[2])
    with (
        httpx.Client(base_url=url, timeout=_REQUEST_TIMEOUT_S, trust_env=False) as client,
        log.open("wb") as output,
    ):
        started = time.perf_counter()
        process = subprocess.Popen(
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            _wait_until_ready(client, process, log)
            yield Service(psutil.Process(process.pid), client, time.perf_counter() - started)
        finally:
            _stop(process)


# -- helpers of what is measured with


def _library_sources() -> Iterator[Source]:
    with as_file(files("corpus") / "library") as folder:
        for file in find_files([folder]):
            document = read_document(
                file.path, document_id=file.document_id, max_bytes=file.path.stat().st_size
            )
            yield Source(document, _openings(document))


def _article_source(article: Article) -> Source:
    questions = (
        question.text for paragraph in article.paragraphs for question in paragraph.questions
    )
    return Source(article.document, tuple(question for question in questions if question.strip()))


def _openings(document: Document) -> tuple[str, ...]:
    """The first words of each sentence: what a document without questions of its own is asked."""
    found = (document.text[start:end].split() for start, end in sentences(document.text))
    return tuple(" ".join(words[:_OPENING_WORDS]) for words in found if words)


def _prepared(documents: Sequence[Document], encoder: Encoder) -> Iterator[list[PreparedDocument]]:
    """The documents with chunks and vectors, in the batches in which adding would write them."""
    for batch in batches(ParseResult(document.id, document) for document in documents):
        yield prepare(
            [loaded.document for loaded in batch if loaded.document],
            encoder,
            ChunkSettings(),
            _none_known,
        )


def _none_known(_document_id: str) -> dict[str, Vectors]:
    return {}


def _copies(real: Sequence[Sequence[PreparedDocument]]) -> Iterator[list[PreparedDocument]]:
    words: dict[int, list[str]] = defaultdict(list)
    for batch in real:
        for prepared in batch:
            for word in _WORD.findall(prepared.document.text):
                words[len(word)].append(word)
    for copy in count(1):
        for batch in real:
            yield [varied(prepared, copy, words) for prepared in batch]


def _swapped(match: re.Match[str], words: Mapping[int, Sequence[str]], draw: random.Random) -> str:
    return draw.choice(words[len(match[0])]) if draw.random() < SWAPPED_WORDS else match[0]


def turned(vectors: Vectors, seed: int) -> Vectors:
    """Unit vectors near the given ones."""
    noise = np.random.default_rng(seed).normal(size=vectors.shape)
    noise *= _NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    turned = vectors + noise
    return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), dtype=np.float32)


def _write(folder: Path, batch: Sequence[PreparedDocument], encoder: Encoder) -> int:
    """Write a batch and let the indexes follow, which opening a collection does; how many chunks it
    had.
    """
    store = Store(folder)
    store.write(batch, manifest=Manifest(encoder.identity, ChunkSettings()).as_dict())
    store.close()
    Collection(folder, encoder, writable=True).close()
    return sum(len(prepared.chunks) for prepared in batch)


# -- helpers of the parts


def _round(material: Material, encoder: Encoder, baseline: Encoder, folder: Path) -> Round:
    err.print(f"adding {len(material.texts)} chunks, then encoding them with sentence-transformers")
    chunks: list[int] = []
    adding_s = _seconds(lambda: chunks.append(add(material.documents, encoder, folder)))
    if chunks != [len(material.texts)]:
        raise SystemExit(
            f"{chunks} chunks were added, but {len(material.texts)} are to be compared"
        )
    taken = Round(adding_s, _seconds(partial(baseline.encode, material.texts)))
    err.print(f"{taken.adding_s:.1f} s and {taken.baseline_s:.1f} s")
    return taken


def _agreement(encoder: Encoder, baseline: Encoder, texts: Sequence[str]) -> float:
    """The mean cosine between the vectors of both sides, which are warm after it."""
    return float(np.mean(np.sum(encoder.encode(texts) * baseline.encode(texts), axis=1)))


def environment(settings: Settings) -> dict[str, str]:
    """The environment in which ``quoth`` has the settings of this process, and its compiled code is
    kept.

    An installed Quoth is compiled; a checkout is only after its first run, and where Python is
    allowed to keep that."""
    own = {
        "QUOTH_ENCODER": settings.encoder,
        "QUOTH_MODELS_DIR": str(settings.models_dir),
        "QUOTH_THREADS": str(settings.threads),
    }
    return {
        name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
    } | own


def _quoth(*arguments: str, python: Sequence[str] = ()) -> list[str]:
    """The command line of ``quoth``, from the code and the interpreter that run this."""
    return [sys.executable, *python, "-m", "service.cli", *arguments]


def _ask(folder: Path, question: str, environment: Mapping[str, str], *python: str) -> str:
    """Run ``quoth ask``; what it wrote to standard error.

    :param python: options of the interpreter
    """
    command = _quoth("ask", "--data", str(folder), "--", question, python=python)
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(
            f"quoth ask {question!r} failed ({done.returncode}): {done.stderr[-2_000:]}"
        )
    return done.stderr


def _imported(trace: str) -> set[str]:
    """The packages in what ``python -X importtime`` wrote."""
    lines = (line for line in trace.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def _start_and_stop(folder: Path, environment: Mapping[str, str], log: Path) -> float:
    with serving(folder, environment, log) as service:
        return service.ready_s


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_ready(client: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        if _is_ready(client):
            return
        time.sleep(_POLL_S)
    raise SystemExit(
        f"quoth serve was not ready within {_READY_TIMEOUT_S:.0f} s: {log.read_text()[-2_000:]}"
    )


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").status_code == httpx.codes.OK
    except httpx.TransportError:  # it does not listen yet
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def ask_service(service: Service, question: str) -> tuple[float, int]:
    """How many milliseconds an answer took, and the bytes that were resident after it."""
    took = milliseconds(
        lambda: service.client.post("/v1/ask", json={"question": question}).raise_for_status()
    )
    return took, service.process.memory_info().rss


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def milliseconds(work: Callable[[], object]) -> float:
    return 1_000 * _seconds(work)


# -- printing


def _cpu() -> str:
    """The name of the processor: Linux keeps it in a file, elsewhere the platform module has to
    do.
    """
    described = Path("/proc/cpuinfo")
    names = (
        re.findall(r"^model name\s*:\s*(.+)$", described.read_text(), re.M)
        if described.is_file()
        else []
    )
    return names[0] if names else platform.processor() or platform.machine()


def print_machine(machine: Machine) -> None:
    out.print(
        f"{machine.cpu}, {machine.cores} cores used, {machine.memory_gb} GB, load "
        f"{machine.load} before the run"
    )
    libraries = ", ".join(f"{name} {number}" for name, number in machine.libraries.items())
    out.print(f"Python {machine.python}; {libraries}\n", soft_wrap=True)


def _print_figures(figures: Sequence[Figure]) -> None:
    table = Table("figure", "value", "target", "reached", box=box.MARKDOWN)
    for figure in figures:
        target = f"{figure.target.bound} {figure.target.limit:,g}" if figure.target else ""
        reached = {None: "", True: "yes", False: "no"}[figure.reached]
        value = f"{figure.value:,.{figure.digits}f} {figure.unit}".strip()
        table.add_row(f"{figure.part}: {figure.name}", value, target, reached)
    Console(highlight=False, width=_WIDTH).print(table)
    for figure in figures:
        out.print(f"- {figure.part}: {figure.name}: {figure.detail}", soft_wrap=True)


def _as_json(machine: Machine, figures: Sequence[Figure]) -> dict[str, object]:
    return {
        "machine": asdict(machine),
        "figures": [{**asdict(figure), "reached": figure.reached} for figure in figures],
    }


def _listed(values: Sequence[float], digits: int = 0) -> str:
    return ", ".join(f"{value:,.{digits}f}" for value in values)


def _parts(names: str) -> frozenset[Part]:
    try:
        return frozenset(Part(name) for name in names.split(","))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{exc}; the parts are {', '.join(Part)}") from exc


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


if __name__ == "__main__":
    main()
