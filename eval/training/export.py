"""Exports a trained reader, as it is shipped and in the format of Transformers.

    python -m eval.training.export --checkpoint FILE [--start DIR] [--out DIR] \\
        [--float32 DIR] [--compact DIR] [--transformers DIR]

The shipped reader is an int8 ONNX graph. Weights are quantised per channel and activations per
call; the small head stays in float32. The tokenizer and ``reader.json``, with the digests that are
checked on load, are written beside it. The export needs torch and onnx, but the files do not.
"""

import argparse
import json
import shutil
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file

from eval.training.bert import to_bert
from eval.training.compact import write_compact
from eval.training.graph import Weights, build
from eval.training.model import Reader, Shape, fresh_head
from eval.training.start import start_from
from index.encoding.export import default_weights
from index.encoding.identity import sha256_of
from service.reader.passage import MAX_ROW_TOKENS

MOST_BYTES = 25_000_000
"""The largest total size of the shipped files."""

_TOKENIZER = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": True,
    "model_max_length": 512,
    "cls_token": "[CLS]",
    "mask_token": "[MASK]",
    "pad_token": "[PAD]",
    "sep_token": "[SEP]",
    "unk_token": "[UNK]",
}


@dataclass(frozen=True, slots=True)
class Trained:
    """A reader in float32, with the progress and the settings of its training run."""

    reader: Reader
    run: dict[str, object]


def load_trained(checkpoint: Path, *, averaged: bool, shape: Shape | None = None) -> Trained:
    """The reader of a checkpoint.

    :param averaged: use the running average of the weights instead of the last weights
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    reader = Reader(shape)
    reader.load_state_dict(
        fresh_head(reader) | state["reader"] | (state["average"] if averaged else {})
    )
    run = {"progress": state["progress"], "settings": state["settings"], "averaged": averaged}
    return Trained(reader.eval(), run)


def mix_weights(trained: Trained, folder: Path, share: float) -> Trained:
    """The reader whose weights lie between those that a run began from and its own.

    What a run learnt is kept for the most part, and less of what it began from is lost (Wortsman et
    al. 2022, arXiv 2109.01903).

    :param folder: what the run began from
    :param share: how much of the run's own weights is taken
    """
    reader = deepcopy(trained.reader)
    start_from(reader, folder)
    begun, own = reader.state_dict(), trained.reader.state_dict()
    reader.load_state_dict({name: torch.lerp(begun[name], own[name], share) for name in own})
    return Trained(reader.eval(), trained.run | {"share": share})


def ship(trained: Trained, tokenizer: Path, folder: Path, scores: object = None) -> None:
    """Write the folder that is shipped.

    :param scores: the reader's scores, to be recorded in ``reader.json``
    :raises ValueError: the folder is larger than ``MOST_BYTES``
    """
    write_graph(trained.reader, tokenizer, folder, int8=True)
    digests = {name: sha256_of(folder / name) for name in ("reader.onnx", "tokenizer.json")}
    described = {"sha256": digests, **trained.run} | ({} if scores is None else {"scores": scores})
    (folder / "reader.json").write_text(json.dumps(described, indent=1) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if size > MOST_BYTES:
        raise ValueError(f"{folder} holds {size} bytes, more than {MOST_BYTES}")


def write_graph(reader: Reader, tokenizer: Path, folder: Path, *, int8: bool) -> None:
    """Write the reader's graph, for rows of at most ``MAX_ROW_TOKENS``, and its tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    model = build(weights_of(reader), reader.shape.heads, MAX_ROW_TOKENS, int8)
    onnx.save(model, folder / "reader.onnx")
    shutil.copyfile(tokenizer, folder / "tokenizer.json")


def weights_of(reader: Reader) -> Weights:
    """The reader's weights by their names."""
    return {name: value.detach().numpy() for name, value in reader.state_dict().items()}


def write_transformers(reader: Reader, tokenizer: Path, folder: Path) -> None:
    """Write the reader in float32, as a folder that Transformers loads as a question-answering
    model.
    """
    from transformers import BertConfig  # this import takes seconds

    shape, state = reader.shape, reader.state_dict()
    config = BertConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.inner,
        max_position_embeddings=shape.positions,
        layer_norm_eps=shape.epsilon,
        architectures=["BertForQuestionAnswering"],
    )
    config.save_pretrained(folder)
    encoder = {f"bert.{name}": value for name, value in to_bert(state, shape.layers).items()}
    head = {f"qa_outputs.{part}": state[f"head.{part}"] for part in ("weight", "bias")}
    save_file(encoder | head, folder / "model.safetensors", metadata={"format": "pt"})
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    (folder / "tokenizer_config.json").write_text(
        json.dumps(_TOKENIZER, indent=1) + "\n", encoding="utf-8"
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument(
        "--tokenizer", type=Path, help="tokenizer.json (the published all-MiniLM-L6-v2's)"
    )
    parser.add_argument(
        "--raw", action="store_true", help="use the last weights, not their running average"
    )
    parser.add_argument(
        "--scores", type=Path, help="a line of eval.measuring.reader_scores, for reader.json"
    )
    parser.add_argument(
        "--start", type=Path, help="what the run began from, to take weights between the two"
    )
    parser.add_argument(
        "--share", type=float, default=0.6, help="the run's own share then (%(default)s)"
    )
    parser.add_argument("--out", type=Path, help="write the files that are shipped")
    parser.add_argument("--float32", type=Path, help="write the same graph, not quantised")
    parser.add_argument(
        "--compact", type=Path, help="write what training changed as a small file to go on from"
    )
    parser.add_argument(
        "--transformers", type=Path, help="write float32 weights in the format of Transformers"
    )
    given = parser.parse_args()
    trained = load_trained(given.checkpoint, averaged=not given.raw)
    if given.start:
        trained = mix_weights(trained, given.start, given.share)
    tokenizer = given.tokenizer or default_weights() / "tokenizer.json"
    if given.out:
        ship(
            trained,
            tokenizer,
            given.out,
            json.loads(given.scores.read_text()) if given.scores else None,
        )
    if given.float32:
        write_graph(trained.reader, tokenizer, given.float32, int8=False)
    if given.compact:
        write_compact(weights_of(trained.reader), given.compact)
    if given.transformers:
        write_transformers(trained.reader, tokenizer, given.transformers)


if __name__ == "__main__":
    main()
