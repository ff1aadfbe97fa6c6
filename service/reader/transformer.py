"""Runs any extractive question-answering model in Transformers' format on PyTorch."""

from collections.abc import Sequence

import numpy as np

from corpus.errors import SettingsError
from index.encoding.encoder import sha256_of_weights
from service.reader.passage import TokenRow, TokenScores


class TransformerScorer:
    """Scores tokens with a model that Transformers loads."""

    def __init__(self, name: str, threads: int) -> None:
        """Load a model on this machine by name or folder. Nothing is downloaded.

        :raises SettingsError: this machine has no such model, or the model is not an extractive
            question-answering model
        """
        try:
            import torch
            from transformers import AutoModelForQuestionAnswering, AutoTokenizer
        except ImportError as exc:
            raise SettingsError(
                f"QUOTH_READER={name} needs the packages transformers and torch"
            ) from exc
        torch.set_num_threads(threads)
        try:
            tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
            loaded = AutoModelForQuestionAnswering.from_pretrained(
                name, local_files_only=True, output_loading_info=True
            )
            self._model, report = loaded[0].eval(), loaded[1]
            self.tokenizer = tokenizer.backend_tokenizer
        # Transformers raises many types: OSError, ValueError, KeyError, errors of its hub.
        except Exception as exc:
            raise SettingsError(
                f"QUOTH_READER={name}: no such question-answering model on this machine ({exc})"
            ) from exc
        if report["missing_keys"]:
            raise SettingsError(
                f"QUOTH_READER={name}: not trained for question answering (it lacks "
                f"{sorted(report['missing_keys'])})"
            )
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self._inputs = frozenset(tokenizer.model_input_names)
        self.digest = sha256_of_weights(self._model.state_dict())

    def score(self, rows: Sequence[TokenRow]) -> list[TokenScores]:
        """The scores of each row."""
        return [self._scored(row) for row in rows]

    def _scored(self, row: TokenRow) -> TokenScores:
        import torch

        inputs = row.inputs
        tensors = {
            name: torch.from_numpy(inputs[name][np.newaxis])
            for name in inputs.keys() & self._inputs
        }
        with torch.inference_mode():
            output = self._model(**tensors)
        return TokenScores(np.asarray(output.start_logits[0]), np.asarray(output.end_logits[0]))
