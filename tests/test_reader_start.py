"""Training goes on from what was shipped."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from eval.training.compact import NAME, write_compact  # noqa: E402  # after torch
from eval.training.export import Trained, mix_weights, weights_of  # noqa: E402
from eval.training.graph import build  # noqa: E402
from eval.training.model import Reader, Shape  # noqa: E402
from eval.training.start import start_from  # noqa: E402

SMALL = Shape(vocabulary=50, positions=16, width=24, inner=48, heads=3, layers=2)


def graph_of(reader: Reader, int8: bool) -> bytes:
    weights = weights_of(reader)
    model: bytes = build(weights, SMALL.heads, SMALL.positions, int8).SerializeToString()
    return model


@pytest.mark.parametrize("int8", [True, False])
def test_shipped_weights_come_back_and_ship_the_same_again(tmp_path: Path, int8: bool) -> None:
    torch.manual_seed(1)
    shipped, started = Reader(SMALL), Reader(SMALL)
    (tmp_path / "reader.onnx").write_bytes(graph_of(shipped, int8))
    with torch.no_grad():
        started.words.weight.copy_(shipped.words.weight)
        started.positions.weight.copy_(shipped.positions.weight)
    start_from(started, tmp_path)
    for name, value in shipped.state_dict().items():
        off = (started.state_dict()[name] - value).abs().max()
        assert off <= value.abs().max() / 254 + 1e-6, name
    assert graph_of(started, int8) == (tmp_path / "reader.onnx").read_bytes()


def test_word_embeddings_stay_as_they_were_built(tmp_path: Path) -> None:
    shipped, started = Reader(SMALL), Reader(SMALL)
    words = started.words.weight.detach().clone()
    (tmp_path / "reader.onnx").write_bytes(graph_of(shipped, int8=True))
    start_from(started, tmp_path)
    assert torch.equal(started.words.weight, words)


def test_a_compact_file_gives_the_same_as_what_is_shipped_and_holds_no_embeddings(
    tmp_path: Path,
) -> None:
    torch.manual_seed(2)
    trained = Reader(SMALL)
    started = []
    for name in ("shipped", "compact"):
        (tmp_path / name).mkdir()
        reader = Reader(SMALL)
        reader.load_state_dict({**trained.state_dict(), "words.weight": reader.words.weight})
        started.append(reader)
    (tmp_path / "shipped/reader.onnx").write_bytes(graph_of(trained, int8=True))
    write_compact(weights_of(trained), tmp_path / "compact")
    for reader, name in zip(started, ("shipped", "compact"), strict=True):
        start_from(reader, tmp_path / name)
    for name in trained.state_dict():
        if name != "words.weight":
            assert torch.equal(started[0].state_dict()[name], started[1].state_dict()[name]), name
    embeddings = trained.words.weight.numel() + trained.positions.weight.numel()
    whole = sum(value.numel() for value in trained.state_dict().values())
    assert (tmp_path / "compact" / NAME).stat().st_size < 4 * (whole - embeddings)


def test_weights_between_two_readers_are_as_near_to_each_as_was_asked(tmp_path: Path) -> None:
    first, second = Reader(SMALL), Reader(SMALL)
    write_compact(weights_of(first), tmp_path)
    middle = mix_weights(Trained(second, {}), tmp_path, 0.75)
    name = "layers.1.up.weight"
    want = 0.25 * first.state_dict()[name] + 0.75 * second.state_dict()[name]
    assert torch.allclose(middle.reader.state_dict()[name], want, atol=1e-3)
    assert torch.equal(middle.reader.words.weight, second.words.weight)
    assert middle.run == {"share": 0.75}
