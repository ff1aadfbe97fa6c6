"""Encoders turn texts into vectors of length 1.

The default is all-MiniLM-L6-v2 as an int8 ONNX graph, which is exported once
(:mod:`index.encoding.export`). Any other name means a sentence-transformers model. The default runs
without importing torch or sentence-transformers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from tokenizers import Encoding, Tokenizer

from corpus.errors import SettingsError
from index.encoding.identity import DEFAULT_ENCODER, EncoderIdentity, altered_files, export_folder
from index.encoding.onnx_runtime import Graph, GraphInput
from index.encoding.vectors import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor


ENCODER_MAX_TOKENS = 256
"""The size of the default encoder's window in tokens, special ones included, as its authors set
it.
"""


class Encoder(Protocol):
    """Turns texts into vectors. It is thread-safe, and the same texts give the same vectors."""

    @property
    def identity(self) -> EncoderIdentity:
        """What the vectors depend on."""

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, float32 ``[len(texts), dimension]``. Text beyond the encoder's
        window is ignored.
        """

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """The tokens of each text as half-open spans of code points, without special tokens."""


class OnnxEncoder:
    """The default encoder: an exported graph from token ids to normalised vectors."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load the folder that :func:`index.encoding.export.export_encoder` wrote.

        :param threads: number of processor cores that one call may use
        :raises SettingsError: a file is missing or is not the one that was exported
        """
        self._identity = _checked_export(folder)
        # A question is one text. Several are documents, and questions go before them.
        self._graph = Graph(folder / "model.onnx", threads, yields=True)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(ENCODER_MAX_TOKENS)
        self._counter = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._counter.no_padding()
        self._counter.no_truncation()

    @property
    def identity(self) -> EncoderIdentity:
        """What the vectors depend on."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, float32 ``[len(texts), dimension]``. Text beyond the window is
        ignored.

        The vector of a text does not depend on the other texts.
        """
        encodings = self._tokenizer.encode_batch(list(texts))
        vectors = np.empty((len(encodings), self._identity.dimension), dtype=np.float32)
        for number, (vector,) in enumerate(
            self._graph.run([_row(encoding) for encoding in encodings], ["vectors"])
        ):
            vectors[number] = vector
        return vectors

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Where the tokens of each text stand in it, without special tokens."""
        return [
            encoding.offsets
            for encoding in self._counter.encode_batch(list(texts), add_special_tokens=False)
        ]


class TransformerEncoder:
    """Any sentence-transformers model, by name or folder, on PyTorch."""

    def __init__(self, name: str, threads: int) -> None:
        """Load a model on this machine. Nothing is downloaded.

        :raises SettingsError: this machine has no such model, or it is not usable for search
        """
        self._model = _load_transformer(name, threads)
        # Not every model knows its dimension, and the method that returns it was renamed.
        dimension = self._vectors(["length"]).shape[1]
        self._identity = EncoderIdentity(
            Path(name).name,
            sha256_of_weights(self._model.state_dict()),
            "sentence-transformers",
            dimension,
        )

    @property
    def identity(self) -> EncoderIdentity:
        """What the vectors depend on."""
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, float32 ``[len(texts), dimension]``. Text beyond the window is
        ignored.
        """
        if not texts:
            return np.empty((0, self._identity.dimension), dtype=np.float32)
        return self._vectors(texts)

    def token_spans(self, texts: Sequence[str]) -> list[list[tuple[int, int]]]:
        """Where the tokens of each text stand in it, without special tokens."""
        if not texts:
            return []
        encoded = self._model.tokenizer(
            list(texts),
            add_special_tokens=False,
            return_offsets_mapping=True,
            truncation=False,
            verbose=False,
        )
        return [[(start, end) for start, end in offsets] for offsets in encoded["offset_mapping"]]

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        vectors = self._model.encode(
            list(texts), normalize_embeddings=True, convert_to_numpy=True, show_progress_bar=False
        )
        return np.asarray(vectors, dtype=np.float32)


def load_encoder(name: str, models_dir: Path, threads: int) -> Encoder:
    """The encoder of that name: the exported default, or a sentence-transformers model.

    If the default has not been exported yet, this exports it, which needs torch and takes about a
    minute.

    :raises SettingsError: the model is missing or not usable
    """
    if name != DEFAULT_ENCODER:
        return TransformerEncoder(name, threads)
    folder = export_folder(models_dir)
    if not (folder / "export.json").is_file():
        from index.encoding.export import export_encoder

        export_encoder(folder)
    return OnnxEncoder(folder, threads)


def sha256_of_weights(weights: "Mapping[str, Tensor]") -> str:
    """The sha256 of named tensors, in hexadecimal."""
    state = hashlib.sha256()
    for name, value in sorted(weights.items()):
        state.update(name.encode() + value.cpu().contiguous().numpy().tobytes())
    return state.hexdigest()


def _row(encoding: Encoding) -> GraphInput:
    ids = np.array(encoding.ids, dtype=np.int64)
    return {"input_ids": ids, "attention_mask": np.ones_like(ids)}


def _checked_export(folder: Path) -> EncoderIdentity:
    try:
        described = json.loads((folder / "export.json").read_text())
        identity = EncoderIdentity(**described["identity"])
        altered = altered_files(folder, described["files"])
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise SettingsError(
            f"{folder}: the exported model is incomplete ({exc}); delete the folder, and it is "
            "exported again"
        ) from exc
    if altered:
        raise SettingsError(
            f"{folder}: {', '.join(altered)} is not what was exported; delete the folder, "
            "and it is exported again"
        )
    return identity


def _load_transformer(name: str, threads: int) -> "SentenceTransformer":
    try:
        import torch
        from sentence_transformers import SentenceTransformer
    except ImportError as exc:
        raise SettingsError(
            f"QUOTH_ENCODER={name} needs the packages sentence-transformers and torch"
        ) from exc
    torch.set_num_threads(threads)
    try:
        return SentenceTransformer(name, device="cpu", local_files_only=True)
    # The libraries raise many types: OSError, ValueError, KeyError, errors of the hub.
    except Exception as exc:
        raise SettingsError(
            f"QUOTH_ENCODER={name}: no such sentence-transformers model on this machine ({exc})"
        ) from exc
