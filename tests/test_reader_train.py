"""Training goes on where it stopped, and its rate follows its budget."""

import json
import random
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer, models

from corpus.errors import SettingsError

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

# These imports need torch and scikit-learn, which may be missing.
from eval.training.batches import Batch, Mix, Row, Source, collate  # noqa: E402
from eval.training.examples import Example, Examples, Paragraph  # noqa: E402
from eval.training.export import load_trained, ship  # noqa: E402
from eval.training.model import Reader, Shape  # noqa: E402
from eval.training.sets import hard_negatives  # noqa: E402
from eval.training.trainer import Settings, Stage, Trainer, rate_at, with_budget  # noqa: E402
from service.reader.onnx import OnnxScorer  # noqa: E402

SMALL = Shape(vocabulary=120, positions=64, width=24, inner=48, heads=3, layers=2)
SETTINGS = Settings(tokens=1000, warm_up=0.1, decay=0.5, rate=0.01, compiled=False, bfloat16=False)


def batch(seed: int) -> Batch:
    ids = np.random.default_rng(seed).integers(5, 40, 6).tolist()
    return collate([[Row([2, *ids, 3], 3, ((4, 5),))], [Row([2, *ids, 3], 3, ((0, 0),))]], 3, 12)


def trainer(out: Path) -> Trainer:
    torch.manual_seed(1)
    return Trainer(Reader(SMALL), SETTINGS, out)


def scores(reader: Reader) -> np.ndarray:
    given = batch(9)
    with torch.no_grad():
        start, end, _ = reader(
            *(torch.from_numpy(part) for part in (given.ids, given.mask, given.kinds))
        )
    both: np.ndarray = np.stack([start.numpy(), end.numpy()])
    above: np.ndarray = both - both[..., :1]
    return above


def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    whole, first = trainer(tmp_path), trainer(tmp_path / "a")
    for seed in range(4):
        whole.step(batch(seed))
    for seed in range(2):
        first.step(batch(seed))
    first.save()
    second = trainer(tmp_path / "a")
    assert second.resume()
    for seed in range(2, 4):
        second.step(batch(seed))
    assert (
        second.progress.tokens == whole.progress.tokens == 4 * (8 + 8 + 1)
    )  # two rows, and one empty row's [CLS]
    # Scores above null, not weights: keys' and the head's biases change none, so their Adam steps
    # are rounding noise.
    assert np.allclose(scores(second.reader), scores(whole.reader), atol=1e-4)
    assert not np.allclose(scores(second.reader), scores(first.reader), atol=1e-4)


def test_without_a_checkpoint_a_run_starts(tmp_path: Path) -> None:
    assert not trainer(tmp_path).resume()


def test_a_step_lowers_the_loss_of_its_batch(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    losses = [run.step(batch(1)) for _ in range(12)]
    assert losses[-1] < losses[0]


def test_the_rate_warms_up_stays_level_and_ends_at_nothing() -> None:
    # 2 % at once, whole from a tenth on, linear over the last half.
    rates = [rate_at(tokens, SETTINGS) for tokens in (0, 50, 100, 500, 750, 1000, 1100)]
    assert rates == pytest.approx([0.0002, 0.0052, 0.01, 0.01, 0.005, 0.0, 0.0])


def test_a_budget_can_be_changed_under_way(tmp_path: Path) -> None:
    assert with_budget(SETTINGS, tmp_path) is SETTINGS
    (tmp_path / "budget").write_text("700\n")
    assert with_budget(SETTINGS, tmp_path).tokens == 700


def stages() -> list[Stage]:
    """Two stages of the same question, "a", on the same paragraph, "b", which is its answer."""
    tokenizer = Tokenizer(models.WordLevel({"a": 110, "b": 111, "[UNK]": 112}, unk_token="[UNK]"))
    source = Source(tokenizer, [Paragraph("b", "x")], {}, lambda _, words: words)
    mix = Mix(
        lengths=((64, 1.0),), gold=1.0, group=0.0, entity=0.0, opposite=0.0, word=0.0, removed=0.0
    )
    return [Stage(source, [Example("1", "a", 0, ((0, 1),), ("b",))], mix)] * 2


def toy_run(out: Path, tokens: int) -> Trainer:
    # Five tokens a row, ten rows a batch: 50 tokens a step.
    torch.manual_seed(1)
    settings = Settings(
        tokens=tokens, tokens_a_batch=640, short=0.5, compiled=False, bfloat16=False
    )
    return Trainer(Reader(SMALL), settings, out)


def test_a_run_goes_through_both_stages_and_ends_with_its_budget(tmp_path: Path) -> None:
    run = toy_run(tmp_path, 300)
    run.train(stages(), every_s=1e9)
    assert (run.progress.tokens, run.progress.steps, run.stage) == (300, 6, 2)
    assert all(drawn > 0 for drawn in run.progress.drawn)
    again = toy_run(tmp_path, 300)
    assert again.resume()
    again.train(stages(), every_s=1e9)
    assert again.progress == run.progress


def test_a_second_stage_goes_on_when_the_budget_grows_under_way(tmp_path: Path) -> None:
    run = toy_run(tmp_path, 100)
    first, second = stages()
    lengthened = iter(range(100))

    class Lengthening(Source):
        def groups(self, example: Example, mix: Mix, generator: random.Random) -> list[list[Row]]:
            if next(lengthened) == 0:
                (tmp_path / "budget").write_text("400")
            return first.source.groups(example, mix, generator)

    paragraph = Paragraph("b", "x")
    source = Lengthening(
        Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")),
        [paragraph],
        {},
        lambda _, w: w,
    )
    run.train([first, Stage(source, second.examples, second.mix)], every_s=1e9)
    # The second stage began at 50 of 100 tokens; of 400, that would be the first.
    assert (run.progress.tokens, run.stage) == (400, 2)


def test_a_stopped_run_keeps_what_it_has(tmp_path: Path) -> None:
    run = toy_run(tmp_path, 300)
    run.stop(15, None)
    run.train(stages(), every_s=1e9)
    assert toy_run(tmp_path, 300).resume()


def test_a_checkpoint_of_another_shape_is_refused(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    with pytest.raises(RuntimeError, match="size mismatch"):
        load_trained(tmp_path / "checkpoint.pt", averaged=False)


def test_a_run_from_before_the_evidence_head_goes_on_with_a_fresh_one(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    run.step(batch(1))
    run.save()
    path = tmp_path / "checkpoint.pt"
    state = torch.load(path, weights_only=True)
    for part in ("reader", "average"):
        state[part] = {
            name: value for name, value in state[part].items() if not name.startswith("evidence.")
        }
    torch.save(state, path)
    resumed = trainer(tmp_path)
    assert resumed.resume()
    assert resumed.progress.steps == 1
    assert np.array_equal(scores(resumed.reader), scores(run.reader))
    assert load_trained(path, averaged=True, shape=SMALL).reader.evidence is not None
    assert np.isfinite(resumed.step(batch(2)))


def test_a_checkpoint_holds_the_last_weights_and_their_average(tmp_path: Path) -> None:
    run = trainer(tmp_path)
    for seed in range(3):
        run.step(batch(seed))
    run.save()
    last, average = (
        load_trained(tmp_path / "checkpoint.pt", averaged=each, shape=SMALL)
        for each in (False, True)
    )
    assert np.array_equal(scores(last.reader), scores(run.reader))
    assert not np.array_equal(scores(average.reader), scores(run.reader))
    assert average.run["progress"] == asdict(run.progress)


def test_what_is_shipped_is_loaded_and_checked(tmp_path: Path) -> None:
    trainer(tmp_path).save()
    tokenizer = tmp_path / "tokenizer.json"
    Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]")).save(str(tokenizer))
    trained = load_trained(tmp_path / "checkpoint.pt", averaged=True, shape=SMALL)
    ship(trained, tokenizer, tmp_path / "reader", scores={"f1": 1.0})
    described = json.loads((tmp_path / "reader/reader.json").read_text())
    assert (described["scores"], described["settings"]["tokens"]) == ({"f1": 1.0}, 1000)
    scorer = OnnxScorer(tmp_path / "reader", threads=1)
    assert scorer.digest == described["sha256"]["reader.onnx"]
    (tmp_path / "reader/tokenizer.json").write_text("{}")
    with pytest.raises(SettingsError, match=r"tokenizer\.json is not what was published"):
        OnnxScorer(tmp_path / "reader", threads=1)


def test_hard_negatives_share_the_questions_words_and_hold_no_answer() -> None:
    # BM25 asks for 16 of more paragraphs than that; "Oslo" answers, and stands in every second
    # tram.
    texts = [f"Tram number{n} {'of Oslo' if n % 2 else 'elsewhere'}." for n in range(6)]
    others = [f"Ferry berth{n} quay." for n in range(30)]
    paragraphs = [Paragraph(text, "x") for text in texts + others]
    example = Example("1", "Whose tram?", 1, ((16, 20),), ("Oslo",))
    found = hard_negatives([Examples("x", paragraphs, [example])])["1"]
    assert set(found[:3]) == {0, 2, 4}
    assert all("Oslo" not in paragraphs[place].text for place in found)
