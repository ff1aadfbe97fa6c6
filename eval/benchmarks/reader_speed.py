"""Speed of reading, against Transformers on PyTorch with the same weights, and of whole answers.

    python -m eval.benchmarks.reader_speed (--checkpoint FILE | --transformers DIR) \\
        [--squad FILE] [--chunks 10000]

Reading: the passages of each question are read by this project's reader (int8, onnxruntime) and by
Transformers' question-answering model (float32, PyTorch), in turns, in one process with the same
number of threads, from the texts to the best span. A third side is a whole answer of the service,
search included, which stops reading when the evidence is clear. Answers: every question is asked of
the service, over an index of so many chunks, in a process of its own that must not import torch.
Run it on an idle machine. Needs psutil, torch and transformers.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from eval.benchmarks.built_index import build_index
from eval.benchmarks.machine import print_machine, this_machine
from eval.benchmarks.material import load_sources, take
from eval.benchmarks.options import positive
from eval.benchmarks.serving import TORCH_PACKAGES, environment
from eval.benchmarks.timing import WALL
from eval.console import stderr, stdout
from eval.measuring.counting_reader import CountingReader
from eval.measuring.formulas import percentile
from index.collection import Collection
from index.encoding.encoder import load_encoder
from index.encoding.export import default_weights
from index.encoding.identity import DEFAULT_ENCODER
from index.text.view import View
from service.answering.service import AnswerService
from service.question import DEFAULT_TOP_K, make_question
from service.reader.decode import MAX_ANSWER_TOKENS, Flags, Floats
from service.reader.factory import DEFAULT_READER, load_passage_reader
from service.reader.passage import MAX_ROW_TOKENS, PassageReader
from service.settings import Settings, load_settings

INDEXED_CHUNKS = 10_000
COMPARED_READINGS = 60
ANSWERED_QUESTIONS = 200
READING_ROUNDS = 3

_WARM_UP = 10
# the threads of one side spin for a while after their work, and would slow down the other side's
_SETTLE_S = 0.02

PassageOffsets = tuple[int, int, int]
"""A span: the number of its passage, and code points of that passage, half-open."""

RetrievedQuestion = tuple[str, list[str]]
"""A question and its passages."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long something took, in milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class ReadingFigures:
    """Reading on both sides.

    :param tokens: the number of tokens of all questions' passages, without padding
    :param answer: the whole answer
    :param tokens_a_s: tokens per second of this project's reader; ``their_tokens_a_s`` are those of
        Transformers, both at the median
    :param ratio: of the medians; above 1, this project's reader is faster
    :param answer_ratio: the same for the whole answer against Transformers' reading of all passages
    :param same_span: the share of questions for which both give the same best span
    """

    questions: int
    rounds: int
    passages: int
    tokens: int
    ours: Latency
    theirs: Latency
    answer: Latency
    ratio: float
    answer_ratio: float
    tokens_a_s: float
    their_tokens_a_s: float
    same_span: float


@dataclass(frozen=True, slots=True)
class AnswerFigures:
    """Whole answers.

    :param passages: the mean number of passages read for a question
    :param stopped_early: the share of questions for which not all passages were read
    :param resident_mb: the largest resident memory of the process after an answer
    :param heavy: those of torch and its like that the process imported
    """

    questions: int
    times: Latency
    passages: float
    stopped_early: float
    resident_mb: float
    heavy: tuple[str, ...]


class TransformersSide:
    """Reads with Transformers alone: its tokenizer, its model, and the best allowed pair."""

    def __init__(self, folder: Path, threads: int) -> None:
        import torch
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        torch.set_num_threads(threads)
        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModelForQuestionAnswering.from_pretrained(
            folder, local_files_only=True
        ).eval()

    def best(self, question: str, passages: Sequence[str]) -> PassageOffsets:
        """The span with the greatest margin over its passage's null score."""
        batch = self._encoded(question, passages)
        offsets = batch.pop("offset_mapping").numpy()
        with self._torch.inference_mode():
            scores = self._model(**batch)
        start, end = scores.start_logits.numpy(), scores.end_logits.numpy()
        margins = []
        for row in range(len(passages)):
            inside = np.array([part == 1 for part in batch.sequence_ids(row)])
            first, last, score = _best_pair(start[row], end[row], inside)
            margins.append((score - start[row, 0] - end[row, 0], row, first, last))
        _, row, first, last = max(margins)
        return row, int(offsets[row, first, 0]), int(offsets[row, last, 1])

    def tokens(self, question: str, passages: Sequence[str]) -> int:
        """How many tokens the passages have, with the question, without padding."""
        return int(self._encoded(question, passages)["attention_mask"].sum())

    def _encoded(
        self, question: str, passages: Sequence[str]
    ) -> Any:  # Any: Transformers' BatchEncoding
        return self._tokenizer(
            [question] * len(passages),
            list(passages),
            padding=True,
            truncation="only_second",
            max_length=MAX_ROW_TOKENS,
            return_offsets_mapping=True,
            return_tensors="pt",
        )


def main() -> None:
    """Build an index, measure both, print, write."""
    given = _parser().parse_args()
    settings = load_settings(encoder=DEFAULT_ENCODER, reader=DEFAULT_READER)
    if given.answers_of:
        print(json.dumps(asdict(answer(given.answers_of, json.load(sys.stdin), settings))))
        return
    machine = this_machine(settings.threads)
    print_machine(machine)
    with tempfile.TemporaryDirectory(prefix="quoth-reading-") as scratch:
        figures = measure_reading(given, settings, Path(scratch))
    for name, value in figures.items():
        stdout.print(f"{name}: {json.dumps(value)}", soft_wrap=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": asdict(machine), **figures}, indent=2) + "\n")


def measure_reading(
    given: argparse.Namespace, settings: Settings, scratch: Path
) -> dict[str, object]:
    """Measure both parts. Reading comes last, because it loads torch."""
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    stderr.print(f"building an index of {given.chunks} chunks")
    material = take(
        load_sources(given.squad), encoder, min(given.chunks, given.real_chunks or given.chunks)
    )
    built = build_index(scratch / "index", material, encoder, given.chunks)
    questions = material.questions(_WARM_UP + max(given.questions, given.compared))
    stderr.print("answering")
    answered = _answered(built.folder, questions[: _WARM_UP + given.questions], settings)
    stderr.print("reading")
    ours = load_passage_reader(DEFAULT_READER, settings.threads)
    folder = given.transformers or _in_transformers_format(
        given.checkpoint, scratch / "transformers"
    )
    with AnswerService(built.folder, encoder, ours, writable=False) as service:
        asked = [
            (each, _passages(service.collection, each))
            for each in questions[: _WARM_UP + given.compared]
        ]
        compared = compare_readers(
            asked, service, TransformersSide(folder, settings.threads), given.rounds
        )
    return {
        "index": {"chunks": built.chunks, "real": built.real},
        "answers": answered,
        "reading": asdict(compared),
    }


def compare_readers(
    asked: Sequence[RetrievedQuestion],
    service: AnswerService,
    theirs: TransformersSide,
    rounds: int,
) -> ReadingFigures:
    """Measure all sides in turns; each is the first in its share of them. The first questions only
    warm up.
    """
    sides: dict[str, Callable[[str, Sequence[str]], object]] = {
        "ours": partial(_best, service.passages),
        "theirs": theirs.best,
        # the service would keep the first answer, and look it up afterwards
        "answer": lambda question, _: service.answerer.ask(make_question(question)),
    }
    for warm_up in asked[:_WARM_UP]:
        for side in sides.values():
            side(*warm_up)
    measured = asked[_WARM_UP:]
    same = np.mean([_best(service.passages, *each) == theirs.best(*each) for each in measured])
    tokens = sum(theirs.tokens(*each) for each in measured)
    taken: dict[str, list[float]] = {name: [] for name in sides}
    for turn, each in enumerate(asked for _ in range(rounds) for asked in measured):
        names = list(sides)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            time.sleep(_SETTLE_S)
            taken[name].append(WALL.milliseconds(partial(sides[name], *each)))
    times = {name: _times(values) for name, values in taken.items()}
    a_question = tokens / len(measured)
    return ReadingFigures(
        questions=len(measured),
        rounds=rounds,
        passages=sum(len(passages) for _, passages in measured),
        tokens=tokens,
        **times,
        ratio=round(times["theirs"].p50 / times["ours"].p50, 2),
        answer_ratio=round(times["theirs"].p50 / times["answer"].p50, 2),
        tokens_a_s=round(1_000 * a_question / times["ours"].p50),
        their_tokens_a_s=round(1_000 * a_question / times["theirs"].p50),
        same_span=round(float(same), 4),
    )


def _best(reader: PassageReader, question: str, passages: Sequence[str]) -> PassageOffsets:
    """The span that stands highest above its passage's null score, as the service reads."""
    spans = [
        (reading.spans[0], row)
        for row, reading in enumerate(reader.read(question, list(map(View.of_text, passages))))
        if reading.spans
    ]
    span, row = max(spans, key=lambda found: found[0].margin)
    return row, span.start, span.end


def answer(folder: Path, questions: Sequence[str], settings: Settings) -> AnswerFigures:
    """Ask the service questions, one after another, in this process. The first only warm up."""
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    reader = CountingReader(load_passage_reader(settings.reader, settings.threads))
    times, counts, resident = list[float](), list[int](), list[int]()
    with AnswerService(folder, encoder, reader, writable=True) as service:
        for question in questions:
            reader.count = 0
            times.append(WALL.milliseconds(partial(service.ask, make_question(question))))
            counts.append(reader.count)
            resident.append(psutil.Process().memory_info().rss)
    read = np.array(counts[_WARM_UP:])
    return AnswerFigures(
        questions=len(read),
        times=_times(times[_WARM_UP:]),
        passages=round(float(read.mean()), 2),
        stopped_early=round(float((read < DEFAULT_TOP_K).mean()), 4),
        resident_mb=round(max(resident) / 1e6, 1),
        heavy=tuple(sorted(TORCH_PACKAGES & {name.partition(".")[0] for name in sys.modules})),
    )


def _answered(folder: Path, questions: Sequence[str], settings: Settings) -> object:
    """The same in a process of its own, which has not imported what this one has."""
    command = [sys.executable, "-m", "eval.benchmarks.reader_speed", "--answers-of", str(folder)]
    done = subprocess.run(
        command,
        env=environment(settings),
        input=json.dumps(questions),
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise SystemExit(f"answering failed ({done.returncode}): {done.stderr[-2_000:]}")
    return json.loads(done.stdout)


def _passages(collection: Collection, question: str) -> list[str]:
    return [hit.chunk.text for hit in collection.searcher.search(question, DEFAULT_TOP_K).hits]


def _in_transformers_format(checkpoint: Path, folder: Path) -> Path:
    from eval.training.export import load_trained, write_transformers

    reader = load_trained(checkpoint, averaged=True).reader
    write_transformers(reader, default_weights() / "tokenizer.json", folder)
    return folder


def _best_pair(start: Floats, end: Floats, inside: Flags) -> tuple[int, int, float]:
    """First and last token of the best allowed pair, and its score."""
    pairs = start[:, None] + end[None, :]
    allowed = np.triu(inside[:, None] & inside[None, :])
    scores = np.where(allowed & ~np.triu(allowed, MAX_ANSWER_TOKENS), pairs, -np.inf)
    first, last = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(first), int(last), float(scores[first, last])


def _times(values: Sequence[float]) -> Latency:
    return Latency(round(statistics.median(values), 2), round(percentile(values, 95), 2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument(
        "--checkpoint",
        type=Path,
        help="checkpoint of the training run that made the shipped weights",
    )
    weights.add_argument(
        "--transformers", type=Path, help="a folder that eval.training.export wrote from it"
    )
    # the process of its own is started with this option
    weights.add_argument("--answers-of", type=Path, help=argparse.SUPPRESS)
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD file, plain or gzipped; default: the shipped library"
    )
    parser.add_argument(
        "--chunks", type=positive, default=INDEXED_CHUNKS, help="in the index (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks",
        type=positive,
        help="how many of them to embed; the rest are copies (default: all)",
    )
    parser.add_argument(
        "--questions", type=positive, default=ANSWERED_QUESTIONS, help="to answer (%(default)s)"
    )
    parser.add_argument(
        "--compared",
        type=positive,
        default=COMPARED_READINGS,
        help="questions read by both (%(default)s)",
    )
    parser.add_argument(
        "--rounds", type=positive, default=READING_ROUNDS, help="of both sides (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser


if __name__ == "__main__":
    main()
