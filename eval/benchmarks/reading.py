"""Speed of reading, against Transformers on PyTorch with the same weights, and of whole answers.

    python -m eval.benchmarks.reading (--checkpoint FILE | --transformers DIR) [--squad FILE] \\
        [--chunks 10000]

Reading: the passages of a question are read by this project's reader (int8, onnxruntime) and by
Transformers' model of question answering (float32, PyTorch), question by question in turns, in one
process with the same number of threads, from the texts to the best span; the third side is a whole
answer of the service, search and all, which stops reading when the evidence is clear. Answers: each
question through the service's service, over an index of so many chunks, in a process of its own,
which is to stay without torch. Run it when nothing else runs. Needs psutil, torch, transformers.
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

from eval.benchmarks.speed import (
    HEAVY,
    SEARCHED_CHUNKS,
    build_index,
    environment,
    err,
    load_sources,
    milliseconds,
    out,
    positive,
    print_machine,
    take,
    this_machine,
)
from eval.measuring.counting import CountingReader
from eval.measuring.measures import percentile
from index.collection import Collection
from index.encoding.encoder import DEFAULT_ENCODER, load_encoder
from index.encoding.export import default_weights
from service.answering.question import DEFAULT_TOP_K, make_question
from service.answering.service import AnswerService
from service.reader.decode import MAX_TOKENS, Flags, Floats
from service.reader.load import DEFAULT_READER, load_passage_reader
from service.reader.passage import MAX_ROW_TOKENS, PassageReader
from service.settings import Settings, load_settings

COMPARED = 60
ANSWERED = 200
ROUNDS = 3

_WARM_UP = 10
# the threads of one side spin for a while after their work, and would be in the way of the other's
_SETTLE_S = 0.02

Place = tuple[int, int, int]
"""A span: the number of its passage, and code points of that, half-open."""

Asked = tuple[str, list[str]]
"""A question and its passages."""


@dataclass(frozen=True, slots=True)
class Times:
    """How long something took, in milliseconds."""

    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Reading on both sides.

    :param tokens: of all the questions' rows, without padding
    :param answer: of the whole answer
    :param tokens_a_s: of this project's reader; ``their_tokens_a_s`` of Transformers, both at the
        median
    :param ratio: of the medians; above 1, this project's reader is the quicker one
    :param answer_ratio: the same for the whole answer against Transformers' reading of all passages
    :param same_span: share of questions for which both give the same best span
    """

    questions: int
    rounds: int
    passages: int
    tokens: int
    ours: Times
    theirs: Times
    answer: Times
    ratio: float
    answer_ratio: float
    tokens_a_s: float
    their_tokens_a_s: float
    same_span: float


@dataclass(frozen=True, slots=True)
class Answered:
    """Whole answers.

    :param passages: read for a question, the mean
    :param stopped_early: share of questions for which not all passages were read
    :param resident_mb: memory of the process, the most seen after an answer
    :param heavy: torch and its like, where the process imported them
    """

    questions: int
    times: Times
    passages: float
    stopped_early: float
    resident_mb: float
    heavy: tuple[str, ...]


class TransformersSide:
    """Reads as somebody would who takes Transformers: its tokenizer, its model, and the best of the
    allowed pairs.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        import torch
        from transformers import AutoModelForQuestionAnswering, AutoTokenizer

        torch.set_num_threads(threads)
        self._torch = torch
        self._tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = AutoModelForQuestionAnswering.from_pretrained(
            folder, local_files_only=True
        ).eval()

    def best(self, question: str, passages: Sequence[str]) -> Place:
        """The span that stands highest above its passage's null score."""
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
        """How many tokens the rows have, without padding."""
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
        figures = measure(given, settings, Path(scratch))
    for name, value in figures.items():
        out.print(f"{name}: {json.dumps(value)}", soft_wrap=True)
    if given.json:
        given.json.write_text(json.dumps({"machine": asdict(machine), **figures}, indent=2) + "\n")


def measure(given: argparse.Namespace, settings: Settings, scratch: Path) -> dict[str, object]:
    """Both parts; reading is the last, because it loads torch."""
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    err.print(f"building an index of {given.chunks} chunks")
    material = take(
        load_sources(given.squad), encoder, min(given.chunks, given.real_chunks or given.chunks)
    )
    built = build_index(scratch / "index", material, encoder, given.chunks)
    questions = material.questions(_WARM_UP + max(given.questions, given.compared))
    err.print("answering")
    answered = _answered(built.folder, questions[: _WARM_UP + given.questions], settings)
    err.print("reading")
    ours = load_passage_reader(DEFAULT_READER, settings.threads)
    folder = given.transformers or _in_transformers_format(
        given.checkpoint, scratch / "transformers"
    )
    with AnswerService(built.folder, encoder, ours, writable=False) as service:
        asked = [
            (each, _passages(service.collection, each))
            for each in questions[: _WARM_UP + given.compared]
        ]
        compared = compare(asked, service, TransformersSide(folder, settings.threads), given.rounds)
    return {
        "index": {"chunks": built.chunks, "real": built.real},
        "answers": answered,
        "reading": asdict(compared),
    }


def compare(
    asked: Sequence[Asked], service: AnswerService, theirs: TransformersSide, rounds: int
) -> Compared:
    """All sides in turns, each first in its share of them; the first questions only warm up."""
    sides: dict[str, Callable[[str, Sequence[str]], object]] = {
        "ours": partial(_best, service.passages),
        "theirs": theirs.best,
        "answer": lambda question, _: service.answerer.ask(
            make_question(question)
        ),  # the service would keep the first
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
            taken[name].append(milliseconds(partial(sides[name], *each)))
    times = {name: _times(values) for name, values in taken.items()}
    a_question = tokens / len(measured)
    return Compared(
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


def _best(reader: PassageReader, question: str, passages: Sequence[str]) -> Place:
    """The span that stands highest above its passage's null score, as the service reads."""
    spans = [
        (reading.spans[0], row)
        for row, reading in enumerate(reader.read(question, passages))
        if reading.spans
    ]
    span, row = max(spans, key=lambda found: found[0].margin)
    return row, span.start, span.end


def answer(folder: Path, questions: Sequence[str], settings: Settings) -> Answered:
    """Questions through the service's service, one after another, as this process sees it; the
    first only warm up.
    """
    encoder = load_encoder(settings.encoder, settings.models_dir, settings.threads)
    reader = CountingReader(load_passage_reader(settings.reader, settings.threads))
    times, counts, resident = list[float](), list[int](), list[int]()
    with AnswerService(folder, encoder, reader, writable=True) as service:
        for question in questions:
            reader.count = 0
            times.append(milliseconds(partial(service.ask, make_question(question))))
            counts.append(reader.count)
            resident.append(psutil.Process().memory_info().rss)
    read = np.array(counts[_WARM_UP:])
    return Answered(
        questions=len(read),
        times=_times(times[_WARM_UP:]),
        passages=round(float(read.mean()), 2),
        stopped_early=round(float((read < DEFAULT_TOP_K).mean()), 4),
        resident_mb=round(max(resident) / 1e6, 1),
        heavy=tuple(sorted(HEAVY & {name.partition(".")[0] for name in sys.modules})),
    )


def _answered(folder: Path, questions: Sequence[str], settings: Settings) -> object:
    """The same in a process of its own, without what this one has imported."""
    command = [sys.executable, "-m", "eval.benchmarks.reading", "--answers-of", str(folder)]
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
    scores = np.where(allowed & ~np.triu(allowed, MAX_TOKENS), pairs, -np.inf)
    first, last = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(first), int(last), float(scores[first, last])


def _times(values: Sequence[float]) -> Times:
    return Times(round(statistics.median(values), 2), round(percentile(values, 95), 2))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    weights = parser.add_mutually_exclusive_group(required=True)
    weights.add_argument(
        "--checkpoint", type=Path, help="of the training run that made the shipped weights"
    )
    weights.add_argument(
        "--transformers", type=Path, help="a folder that eval.training.export wrote from it"
    )
    weights.add_argument(
        "--answers-of", type=Path, help=argparse.SUPPRESS
    )  # what the process for answers is told
    parser.add_argument(
        "--squad", type=Path, help="a SQuAD file, plain or gzipped; without it, the shipped library"
    )
    parser.add_argument(
        "--chunks", type=positive, default=SEARCHED_CHUNKS, help="in the index (%(default)s)"
    )
    parser.add_argument(
        "--real-chunks", type=positive, help="embed so many, make the rest by varying those (all)"
    )
    parser.add_argument(
        "--questions", type=positive, default=ANSWERED, help="to answer (%(default)s)"
    )
    parser.add_argument(
        "--compared", type=positive, default=COMPARED, help="questions read by both (%(default)s)"
    )
    parser.add_argument(
        "--rounds", type=positive, default=ROUNDS, help="of both sides (%(default)s)"
    )
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    return parser


if __name__ == "__main__":
    main()
