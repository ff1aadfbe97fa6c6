"""Runs an ONNX graph of extractive question answering, such as Quoth's own reader, without torch.

A folder holds ``tokenizer.json`` and one graph (``reader.onnx``, ``model.onnx`` or
``onnx/model.onnx``). Its inputs are ``input_ids``, ``attention_mask`` and optionally
``token_type_ids`` (int64 ``[B, L]``); its outputs are ``start_logits``, ``end_logits`` and
optionally ``evidence_logits`` (float32 ``[B, L]``). Training writes this layout. The export of a
Transformers model has no ``evidence_logits``.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer

from corpus.errors import SettingsError
from index.encoding.identity import altered_files, sha256_of
from index.encoding.onnx_runtime import Graph
from service.reader.passage import TokenRow, TokenScores

_GRAPHS = ("reader.onnx", "model.onnx", "onnx/model.onnx")
_OUTPUTS = ["start_logits", "end_logits"]
_EVIDENCE = "evidence_logits"


class OnnxScorer:
    """Scores tokens with onnxruntime on the processor."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load a folder.

        :param threads: number of processor cores that one call may use
        :raises SettingsError: a file is missing, altered, or not an extractive question-answering
            model
        """
        graph = graph_of(folder)
        if graph is None:
            raise SettingsError(f"{folder}: no reader, {' or '.join(_GRAPHS)} is missing")
        self.digest = _checked(folder, graph)
        self.tokenizer = read_tokenizer(folder / "tokenizer.json")
        self._graph = Graph(graph, threads)
        inputs, outputs = self._graph.inputs, self._graph.outputs
        if not {"input_ids", "attention_mask"} <= inputs or not set(_OUTPUTS) <= set(outputs):
            raise SettingsError(
                f"{graph}: not an extractive question-answering model (inputs {sorted(inputs)}, "
                f"outputs {list(outputs)})"
            )

        self._wanted = [*_OUTPUTS, *({_EVIDENCE} & set(outputs))]

    def score(self, rows: Sequence[TokenRow]) -> list[TokenScores]:
        """The scores of each row."""
        scored = self._graph.run([row.inputs for row in rows], self._wanted)
        return [TokenScores(*outputs) for outputs in scored]


def graph_of(folder: Path) -> Path | None:
    """The graph in a folder, if there is one."""
    return next((path for name in _GRAPHS if (path := folder / name).is_file()), None)


def read_tokenizer(path: Path) -> Tokenizer:
    """A tokenizer that neither truncates nor pads.

    :raises SettingsError: the file is missing or cannot be read
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as exc:  # tokenizers raises plain Exception
        raise SettingsError(f"{path}: not a tokenizer ({exc})") from exc
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _checked(folder: Path, graph: Path) -> str:
    """The graph's sha256. If the folder has a ``reader.json``, its files are first compared with
    the digests in it.
    """
    listed = folder / "reader.json"
    if not listed.is_file():
        return sha256_of(graph)
    try:
        digests: dict[str, str] = json.loads(listed.read_text(encoding="utf-8"))["sha256"]
        altered = altered_files(folder, digests)
        digest = digests[graph.name]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"{folder}: the reader's weights are incomplete ({exc}); reinstall Quoth"
        ) from exc
    if altered:
        raise SettingsError(
            f"{folder}: {', '.join(altered)} is not what was published; reinstall Quoth"
        )
    return digest
