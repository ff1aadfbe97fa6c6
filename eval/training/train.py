"""Trains the reader and writes what is shipped of it.

    python -m eval.training.train --data ../shared/data --out DIR [--start FOLDER]

``--start`` goes on from shipped weights; without it, training begins from MiniLM's encoder.
DIR/reader holds the result. A run that finds a checkpoint in DIR goes on from it; the number of
tokens may be changed between the parts of a run, and during one by writing it into DIR/budget.
SIGTERM ends a run with a checkpoint. Needs torch, scikit-learn and scipy.
"""

import argparse
import signal
from dataclasses import asdict, fields
from pathlib import Path

import torch
from tokenizers import Tokenizer

from eval.training.batches import Mix, Source
from eval.training.export import load_trained, ship
from eval.training.model import Layer, Reader, from_minilm
from eval.training.related import Related
from eval.training.sets import NO_NEGATIVES, SHARES, kept_negatives, mix_examples, pooled, read_sets
from eval.training.start import start_from
from eval.training.trainer import CHECKPOINT, Settings, Stage, Trainer
from index.encoding.export import default_weights
from service.reader.onnx import read_tokenizer

SHORT = Mix(
    lengths=((64, 0.2), (80, 0.2), (96, 0.3), (128, 0.3)), entity=0.18, opposite=0.07, word=0.07
)
FULL = Mix(
    lengths=((96, 0.1), (128, 0.2), (160, 0.2), (192, 0.25), (256, 0.15), (320, 0.1)),
    group=0.4,
    entity=0.16,
    opposite=0.07,
    word=0.07,
)
EXAMPLES = 160_000
"""How many examples a pass over the data draws."""


def main() -> None:
    """Train, and write the reader's folder when the budget is spent."""
    given = _parser().parse_args()
    settings = Settings(**{field.name: getattr(given, field.name) for field in fields(Settings)})
    minilm: Path = given.minilm or default_weights()
    given.out.mkdir(parents=True, exist_ok=True)
    reader = build(minilm, settings)
    if given.start:
        start_from(reader, given.start)
    trainer = Trainer(reader, settings, given.out, given.device)
    stages = stages_of(
        given.data, given.out, read_tokenizer(minilm / "tokenizer.json"), reader, settings
    )
    print(
        "resumed" if trainer.resume() else "started",
        asdict(trainer.progress),
        trainer.settings,
        flush=True,
    )
    signal.signal(signal.SIGTERM, trainer.stop)
    trainer.train(stages, given.every)
    print("stopped" if trainer.stopped else "done", asdict(trainer.progress), flush=True)
    if not trainer.stopped:
        trained = load_trained(given.out / CHECKPOINT, averaged=True)
        ship(trained, minilm / "tokenizer.json", given.out / "reader")


def build(minilm: Path, settings: Settings) -> Reader:
    """The reader before training: MiniLM's encoder, its word and position embeddings frozen."""
    torch.manual_seed(settings.seed)
    reader = from_minilm(minilm / "model.safetensors")
    reader.words.weight.requires_grad_(False)
    reader.positions.weight.requires_grad_(False)
    reader.dtype = torch.bfloat16 if settings.bfloat16 else torch.float32
    if settings.compiled:
        _compile_layers()
    return reader


def stages_of(
    data: Path, out: Path, tokenizer: Tokenizer, reader: Reader, settings: Settings
) -> list[Stage]:
    """Both stages: the same examples in short windows, then in long ones."""
    sets = read_sets(data, tokenizer, settings.seed)
    with_negatives = [found for found in sets if found.name not in NO_NEGATIVES]
    negatives = kept_negatives(out / "negatives.json", with_negatives)
    pool = pooled(sets)
    for name, found in pool.examples.items():
        unanswerable = sum(not example.spans for example in found)
        print(f"{name}: {len(found)} examples, {unanswerable} unanswerable", flush=True)
    examples = mix_examples(pool, SHARES, EXAMPLES, settings.seed)
    related = Related(tokenizer, reader.words.weight.detach().numpy())
    source = Source(tokenizer, pool.paragraphs, negatives, related.nearest)
    return [Stage(source, examples, mix) for mix in (SHORT, FULL)]


def _compile_layers() -> None:
    """Compile the parts that see a flat matrix of constant size, once for all buckets and numbers
    of threads.
    """
    import torch._inductor.config as inductor  # takes seconds

    inductor.cpp.dynamic_threads = True
    Layer.project = torch.compile(Layer.project)  # type: ignore[method-assign]  # the same signature, compiled
    Layer.finish = torch.compile(Layer.finish)  # type: ignore[method-assign]  # the same signature, compiled


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the sets, each in a folder of its own"
    )
    parser.add_argument(
        "--start", type=Path, help="a shipped reader's or a compact folder to go on from"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument(
        "--minilm",
        type=Path,
        help="folder of model.safetensors and tokenizer.json (the published all-MiniLM-L6-v2)",
    )
    parser.add_argument(
        "--every", type=float, default=400.0, help="processor seconds between checkpoints"
    )
    parser.add_argument("--device", default="cpu", help="where to train, as PyTorch names it")
    for field in fields(Settings):
        kind = type(field.default)
        parse = _is_true if kind is bool else kind
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=parse, default=field.default)
    return parser


def _is_true(text: str) -> bool:
    return text == "true"


if __name__ == "__main__":
    main()
