"""Encoders: vectors of length 1, each of its text alone, and a default that never imports torch."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from corpus.errors import SettingsError
from index.encoding.encoder import Encoder, OnnxEncoder, TransformerEncoder, load_encoder
from index.encoding.export import DIMENSION, WEIGHTS_SHA256, default_weights
from index.encoding.identity import DEFAULT_ENCODER, sha256_of
from index.encoding.onnx_runtime import Graph
from service.settings import load_settings

SENTENCES = [
    "The pipeline carries 38 billion cubic metres of gas a year.",
    "Trade between the two countries reached a record in 2024.",
    "Who opened the line?",
    "It fell by 8.1 percent in the first half of 2025, customs data show.",
    "中文。",
    "Ελληνικά, русский и emoji 🙂",
    "a",
    "The second pipeline is being negotiated. " * 20,
]


def exported() -> Path:
    return load_settings().models_dir / f"{DEFAULT_ENCODER}-int8"


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"not a graph")
    with pytest.raises(SettingsError, match=r"model\.onnx: cannot be loaded as an ONNX model"):
        Graph(path, 1)


def test_an_export_without_its_description_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the exported model is incomplete"):
        OnnxEncoder(tmp_path, 1)
    (tmp_path / "export.json").write_text('{"identity": {}}')
    with pytest.raises(SettingsError, match="the exported model is incomplete"):
        OnnxEncoder(tmp_path, 1)


@pytest.mark.models
def test_a_model_that_is_not_here_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"QUOTH_ENCODER=.*no-such-model: no such sentence-transformers model"
    ):
        load_encoder(str(tmp_path / "no-such-model"), tmp_path, 1)


def test_the_default_is_the_export_of_the_published_weights(real_encoder: Encoder) -> None:
    identity = real_encoder.identity
    assert (identity.name, identity.digest, identity.dimension) == (
        DEFAULT_ENCODER,
        WEIGHTS_SHA256,
        DIMENSION,
    )
    assert sha256_of(default_weights() / "model.safetensors") == WEIGHTS_SHA256


def test_vectors_have_length_1(real_encoder: Encoder) -> None:
    vectors = real_encoder.encode(SENTENCES)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(SENTENCES), DIMENSION)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_same_texts_have_the_same_vectors(real_encoder: Encoder) -> None:
    assert np.array_equal(real_encoder.encode(SENTENCES), real_encoder.encode(SENTENCES))


def test_a_text_has_the_same_vector_whatever_is_beside_it(real_encoder: Encoder) -> None:
    together = real_encoder.encode(SENTENCES)
    alone = np.concatenate([real_encoder.encode([text]) for text in SENTENCES])
    assert np.array_equal(together, alone)
    assert np.array_equal(real_encoder.encode(SENTENCES[::-1]), together[::-1])


def test_no_texts_have_no_vectors(real_encoder: Encoder) -> None:
    assert real_encoder.encode([]).shape == (0, DIMENSION)
    assert real_encoder.token_spans([]) == []


def test_texts_of_one_meaning_are_nearer_than_others(real_encoder: Encoder) -> None:
    gas, same, other = real_encoder.encode(
        ["How much gas does the line carry?", SENTENCES[0], "The cat sleeps on the sofa."]
    )
    assert gas @ same > 0.5 > 0.2 > gas @ other


def test_text_past_the_window_is_cut_off(real_encoder: Encoder) -> None:
    # The window is 256 tokens with 2 special ones; "gas" is one token, so 254 of them fill it.
    full, more, less = (
        "gas " * 254,
        "gas " * 254 + "cats sleep " * 50,
        "gas " * 100 + "cats sleep " * 50,
    )
    assert np.array_equal(real_encoder.encode([full]), real_encoder.encode([more]))
    assert not np.allclose(real_encoder.encode([full]), real_encoder.encode([less]), atol=1e-3)


def test_tokens_past_the_window_are_counted(real_encoder: Encoder) -> None:
    spans = real_encoder.token_spans(["gas " * 500, "", "Unaffordable, 38!"])
    assert [len(some) for some in spans[:2]] == [500, 0]
    assert spans[0][499] == (4 * 499, 4 * 499 + 3)
    assert spans[2][-2:] == [(14, 16), (16, 17)]  # "38" and "!"


def test_offsets_count_code_points(real_encoder: Encoder) -> None:
    (spans,) = real_encoder.token_spans(["🙂🙂 é gas"])
    assert spans[-1] == (5, 8)  # two emoji, a space, a letter, a space


def test_the_export_agrees_with_the_published_model(real_encoder: Encoder) -> None:
    # Every text on its own, so that no padding or neighbour takes part. Dynamic int8 costs less
    # than 1 %.
    published = TransformerEncoder(str(default_weights()), threads=1)
    cosines = [
        float(real_encoder.encode([text])[0] @ published.encode([text])[0]) for text in SENTENCES
    ]
    assert np.mean(cosines) > 0.99
    assert min(cosines) > 0.97
    assert published.identity.dimension == DIMENSION
    assert published.identity != real_encoder.identity
    assert published.encode([]).shape == (0, DIMENSION)
    assert published.token_spans(SENTENCES) == real_encoder.token_spans(SENTENCES)


@pytest.mark.models
@pytest.mark.processes
def test_encoding_with_the_export_imports_no_torch() -> None:
    # In a fresh process: this one may have imported torch for another test.
    script = (
        "import sys; from service.settings import load_settings; from index.encoding.encoder "
        "import load_encoder\n"
        "settings = load_settings()\n"
        "encoder = load_encoder(settings.encoder, settings.models_dir, 1)\n"
        "assert encoder.encode(['gas']).shape == (1, 384)\n"
        "print([name for name in ('torch', 'sentence_transformers', 'transformers') if name "
        "in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.models
def test_an_export_that_was_altered_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "altered"
    shutil.copytree(exported(), folder)
    with (folder / "model.onnx").open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(
        SettingsError, match=r"model\.onnx is not what was exported; delete the folder"
    ):
        OnnxEncoder(folder, 1)
    (folder / "model.onnx").unlink()
    with pytest.raises(SettingsError, match="the exported model is incomplete"):
        OnnxEncoder(folder, 1)
