"""The graph, and Transformers, give the scores of the network that they were written from."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

torch = pytest.importorskip("torch")

# These imports need torch, which may be missing.
from eval.training.export import write_transformers  # noqa: E402
from eval.training.graph import build, quantised  # noqa: E402
from eval.training.model import Reader, Shape  # noqa: E402

SMALL = Shape(vocabulary=50, positions=32, width=24, inner=48, heads=3, layers=2)


def scores(path: Path, int8: bool, reader: Reader, inputs: dict[str, np.ndarray]) -> np.ndarray:
    weights = {name: value.detach().numpy() for name, value in reader.state_dict().items()}
    onnx.save(build(weights, SMALL.heads, 16, int8), path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return np.stack(session.run(["start_logits", "end_logits", "evidence_logits"], inputs))


def network_scores(reader: Reader, inputs: dict[str, np.ndarray]) -> np.ndarray:
    with torch.no_grad():
        return np.stack(
            [
                part.numpy()
                for part in reader(*(torch.from_numpy(value) for value in inputs.values()))
            ]
        )


@pytest.fixture
def reader() -> Reader:
    torch.manual_seed(1)
    return Reader(SMALL).eval()


@pytest.fixture
def inputs() -> dict[str, np.ndarray]:
    generator = np.random.default_rng(2)
    ids = generator.integers(0, 50, (3, 16))
    mask = np.ones_like(ids)
    mask[1, 9:] = 0
    kinds = np.zeros_like(ids)
    kinds[:, 5:] = 1
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": kinds}


@pytest.mark.parametrize(("int8", "off"), [(False, 1e-5), (True, 0.1)])
def test_the_graph_scores_like_the_network(
    tmp_path: Path, reader: Reader, inputs: dict[str, np.ndarray], int8: bool, off: float
) -> None:
    want = network_scores(reader, inputs)
    read = inputs["attention_mask"] == 1
    found = scores(tmp_path / "reader.onnx", int8, reader, inputs)
    assert found.shape == want.shape
    assert np.abs(found - want)[:, read].max() < off * max(1.0, np.abs(want).max())


def test_quantised_rows_are_off_by_half_a_step_at_most() -> None:
    table = np.random.default_rng(3).normal(size=(4, 9)).astype(np.float32)
    table[2] = 0
    small, scale = quantised(table)
    assert np.abs(small * scale[:, None] - table).max() <= scale.max() / 2 + 1e-6


@pytest.mark.models  # importing transformers takes as long as loading a model
def test_transformers_scores_like_the_network(
    tmp_path: Path, reader: Reader, inputs: dict[str, np.ndarray]
) -> None:
    transformers = pytest.importorskip("transformers")
    words = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "where": 5, "oslo": 6}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = (
        normalizers.BertNormalizer(),
        pre_tokenizers.BertPreTokenizer(),
    )
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(tmp_path / "given.json"))
    write_transformers(reader, tmp_path / "given.json", tmp_path / "model")
    model, report = transformers.AutoModelForQuestionAnswering.from_pretrained(
        tmp_path / "model", local_files_only=True, output_loading_info=True
    )
    assert not any(report.values()), report
    with torch.no_grad():
        found = model.eval()(**{name: torch.from_numpy(value) for name, value in inputs.items()})
    wanted = network_scores(reader, inputs)[:2]
    off = np.abs(np.stack([found.start_logits, found.end_logits]) - wanted)
    assert off[:, inputs["attention_mask"] == 1].max() < 1e-5
    loaded = transformers.AutoTokenizer.from_pretrained(tmp_path / "model", local_files_only=True)
    assert (
        loaded("Where", "Oslo")["input_ids"]
        == tokenizer.encode("Where", "Oslo").ids
        == [2, 5, 3, 6, 3]
    )
