"""Passages are read token by token, with a toy graph whose scores depend only on the token, and
with the real one.
"""

import hashlib
import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

from corpus.errors import SettingsError
from index.text.view import PartKind, View, ViewPart
from service.reader.factory import WEIGHTS, load_passage_reader
from service.reader.passage import PassageReader, log_probabilities, windows
from service.reader.sentences import view_sentences

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "oslo",
    "3",
    "##000",
    "km",
    "the",
    "pipe",
    ".",
    "é",
    "5",
]
SCORE = {"[CLS]": 1.0, "oslo": 4.0, "3": 3.0, "##000": 3.0, "km": 5.0, "the": -2.0, "5": 2.0}


def toy_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = normalizers.BertNormalizer(strip_accents=False)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return tokenizer


def toy_graph(outputs: tuple[str, ...] = ("start_logits", "end_logits")) -> onnx.ModelProto:
    """A graph in which all scores of a token are its entry in SCORE, or 0. The end score of a
    number's first piece is the same.
    """
    table = np.array([SCORE.get(word, 0.0) for word in WORDS], dtype=np.float32)
    ids, mask = (
        helper.make_tensor_value_info(n, TensorProto.INT64, ["b", "l"])
        for n in ("input_ids", "attention_mask")
    )
    results = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["b", "l"]) for name in outputs
    ]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], [name]) for name in outputs]
    graph = helper.make_graph(
        nodes, "toy", [ids, mask], results, [numpy_helper.from_array(table, "table")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    onnx.save(toy_graph(), tmp_path / "model.onnx")
    toy_tokenizer().save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def views(*passages: str) -> list[View]:
    return list(map(View.of_text, passages))


def load(folder: Path) -> PassageReader:
    return load_passage_reader(str(folder), threads=1)


@pytest.fixture
def reader(folder: Path) -> PassageReader:
    return load(folder)


def quotes(reader: PassageReader, passage: str) -> list[str]:
    return [
        passage[span.start : span.end] for span in reader.read("the pipe", views(passage))[0].spans
    ]


def test_a_span_is_cited_in_code_points_of_its_passage(reader: PassageReader) -> None:
    assert quotes(reader, "🙂🙂 é Oslo .")[0] == "Oslo"


def test_no_span_is_marked_in_a_question_or_a_footnote(reader: PassageReader) -> None:
    text = "Oslo . 3000 ."
    for kind in (PartKind.QUESTION, PartKind.FOOTNOTE):
        view = View(text, (ViewPart(0, 6, 0, kind=kind), ViewPart(7, len(text), 7)))
        (reading,) = reader.read("the pipe", [view])
        assert text[reading.spans[0].start : reading.spans[0].end] == "3000"
        assert all(span.start >= 7 for span in reading.spans)
        (nothing,) = reader.read("the pipe", [View(text, view.parts[:1])])
        assert nothing.spans == ()


def test_a_span_never_splits_a_word(reader: PassageReader) -> None:
    # 3 + ##000 is one word: by pieces the best start is "3" or "##000"; the word is quoted whole or
    # not at all.
    assert quotes(reader, "the pipe 3000 .")[0] == "3000"


def test_a_span_never_crosses_into_the_next_sentence(reader: PassageReader) -> None:
    # Joined, "Oslo. The km" would score 4 + 5, more than either alone.
    assert not any(". " in quote for quote in quotes(reader, "The Oslo. The km."))


def test_alternatives_do_not_overlap_the_best_span(reader: PassageReader) -> None:
    found = reader.read("the", views("Oslo the the pipe km"))[0].spans
    assert all(
        a.end <= b.start or b.end <= a.start for n, a in enumerate(found) for b in found[n + 1 :]
    )


def test_scores_and_null_score_are_those_of_the_graph(reader: PassageReader) -> None:
    span = reader.read("pipe", views("Oslo"))[0].spans[0]
    assert (span.score, span.null_score, span.margin) == (8.0, 2.0, 6.0)  # 4 + 4, 1 + 1


def test_readings_are_in_the_order_of_the_passages(reader: PassageReader) -> None:
    passages = ["the pipe " * 30 + "Oslo", "km", "the . 5", ""]
    best = [
        reading.spans[0] if reading.spans else None
        for reading in reader.read("the", views(*passages))
    ]
    texts = [
        span and passage[span.start : span.end]
        for span, passage in zip(best, passages, strict=True)
    ]
    assert texts == ["Oslo", "km", "5", None]


@pytest.fixture
def marking(folder: Path) -> PassageReader:
    """A reader that scores sentences too."""
    onnx.save(toy_graph(("start_logits", "end_logits", "evidence_logits")), folder / "model.onnx")
    return load(folder)


def test_the_evidence_of_a_sentence_is_the_mean_of_its_tokens(marking: PassageReader) -> None:
    passage = "The pipe. The Oslo. Oslo km."
    sentences = [passage[each.start : each.end] for each in view_sentences(View.of_text(passage))]
    assert sentences == ["The pipe.", "The Oslo.", "Oslo km."]
    evidence = marking.read("the", views(passage))[0].evidence
    assert evidence == pytest.approx([(-2 + 0 + 0) / 3, (-2 + 4 + 0) / 3, (4 + 5 + 0) / 3])


def test_the_evidence_of_a_sentence_cut_by_a_window_is_that_of_the_window_that_holds_it_whole(
    marking: PassageReader,
) -> None:
    # The first window ends within the second sentence, after a part that scores higher.
    passage = "The pipe " * 170 + ". The " + "km " * 30 + "the " * 60 + "."
    evidence = marking.read("the", views(passage))[0].evidence
    assert evidence[1] == pytest.approx((30 * 5 - 61 * 2) / 92)


def test_a_model_that_scores_no_sentences_gives_no_evidence(reader: PassageReader) -> None:
    assert reader.read("the", views("The pipe. The Oslo."))[0].evidence == ()


def test_a_long_passage_is_read_to_its_end(reader: PassageReader) -> None:
    passage = "the pipe . " * 400 + "km"
    assert quotes(reader, passage)[0] == "km"


def test_probabilities_of_all_spans_and_null_sum_to_at_most_one(reader: PassageReader) -> None:
    readings = reader.read("the", views("Oslo", "km", ""))
    total = sum(math.exp(log) for logs in log_probabilities(readings) for log in logs)
    # By hand: margins 6 and 8; masses 3 and 4 on either side: (e^3 e^3 + e^4 e^4) / (1 + e^3 +
    # e^4)^2.
    assert total == pytest.approx(
        (math.exp(6) + math.exp(8)) / (1 + math.exp(3) + math.exp(4)) ** 2, rel=1e-5
    )


@pytest.mark.parametrize(
    "question",
    ["gas", "?", "🙂", "", "a\nb\t```code```", "x" * 1000, "ما هو", "the " * 400, "\u200b"],
)
@pytest.mark.parametrize(
    "passage",
    [
        "",
        " ",
        "word",
        "x" * 5000,
        "مرحبا بالعالم",
        "e\u0301 é 🙂🏽 👩‍👩‍👧",
        "\n\n",
        "\x00\ud7ff",
        "0" * 150,
    ],
)
def test_odd_input_gives_spans_inside_the_passage(
    reader: PassageReader, question: str, passage: str
) -> None:
    for span in reader.read(question, views(passage))[0].spans:
        assert 0 <= span.start < span.end <= len(passage)


@given(st.integers(0, 900), st.integers(2, 300), st.data())
def test_windows_cover_the_passage_and_overlap(length: int, size: int, data: st.DataObject) -> None:
    stride = data.draw(st.integers(0, size - 1))
    found = windows(length, size, stride)
    assert {place for start, end in found for place in range(start, end)} == set(range(length))
    assert all(end - start <= size for start, end in found)
    assert all(before[1] - after[0] >= stride for before, after in pairwise(found))


def test_a_graph_for_another_task_is_refused(folder: Path) -> None:
    onnx.save(toy_graph(("logits", "other")), folder / "model.onnx")
    with pytest.raises(SettingsError, match="not an extractive question-answering model"):
        load(folder)


def test_a_missing_tokenizer_is_named(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(SettingsError, match=r"tokenizer\.json"):
        load(folder)


def test_an_altered_file_is_refused(folder: Path) -> None:
    names = ("model.onnx", "tokenizer.json")
    digests = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    (folder / "reader.json").write_text(json.dumps({"sha256": digests}))
    assert load(folder).digest == digests["model.onnx"]
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(SettingsError, match=r"model\.onnx is not what was published"):
        load(folder)


@pytest.mark.parametrize("size", [0, 40])
def test_a_truncated_graph_is_one_clear_error(folder: Path, size: int) -> None:
    path = folder / "model.onnx"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(SettingsError, match=r"cannot be loaded|no model"):
        load(folder)


def test_a_damaged_list_of_digests_is_one_clear_error(folder: Path) -> None:
    (folder / "reader.json").write_text("{")
    with pytest.raises(SettingsError, match="incomplete"):
        load(folder)


@pytest.mark.models
def test_a_missing_model_is_one_clear_error_and_nothing_is_downloaded(
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingsError, match=r"QUOTH_READER=.*no such question-answering model"):
        load(tmp_path)


@pytest.mark.models
def test_any_question_answering_model_of_transformers_can_read(tmp_path: Path) -> None:
    import torch
    from transformers import BertConfig, BertForQuestionAnswering, PreTrainedTokenizerFast

    tokenizer = toy_tokenizer()
    special = {
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
    }
    names = ["input_ids", "token_type_ids", "attention_mask"]
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # Transformers
        tokenizer_object=tokenizer, model_input_names=names, **special
    )
    fast.save_pretrained(tmp_path)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
    )
    model = BertForQuestionAnswering(config)
    model.train(False)
    model.save_pretrained(tmp_path)
    (span, *_) = load(tmp_path).read("the pipe", views("km Oslo 5"))[0].spans
    ids = [
        2,
        WORDS.index("the"),
        WORDS.index("pipe"),
        3,
        WORDS.index("km"),
        WORDS.index("oslo"),
        WORDS.index("5"),
        3,
    ]
    kinds = [0, 0, 0, 0, 1, 1, 1, 1]
    with torch.inference_mode():
        scores = model(torch.tensor([ids]), token_type_ids=torch.tensor([kinds]))
    start, end = scores.start_logits[0], scores.end_logits[0]
    best = max(float(start[a] + end[b]) for a in range(4, 7) for b in range(a, 7))
    assert span.score == pytest.approx(best, abs=1e-5)
    assert span.null_score == pytest.approx(float(start[0] + end[0]), abs=1e-5)


@pytest.mark.models
def test_the_reader_that_ships_with_quoth_is_complete_and_small() -> None:
    assert len(load_passage_reader("quoth", threads=1).digest) == 64
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) <= 25_000_000


@pytest.mark.models
def test_the_real_reader_marks_a_short_answer_and_recognises_when_there_is_none(
    real_passages: PassageReader,
) -> None:
    passage = (
        "The Otter Bridge was opened on 4 May 1931. It is 212 metres long and was drawn by "
        "Ada Fenwick."
    )
    asked = (
        "How long is the Otter Bridge?",
        "Who drew the bridge?",
        "How many trains cross the bridge every day?",
    )
    length, designer, trains = (
        real_passages.read(question, views(passage))[0].spans[0] for question in asked
    )
    assert passage[length.start : length.end].startswith("212")
    assert passage[designer.start : designer.end] == "Ada Fenwick"
    assert trains.margin < min(length.margin, designer.margin)


@pytest.mark.models
@pytest.mark.parametrize("question", ["gas", "🦦", "a\nb", "x" * 1000, "ما هو؟"])
@pytest.mark.parametrize(
    "passage", ["word", "x" * 3000, "مرحبا بالعالم", "e\u0301 é 🙂🏽 👩‍👩‍👧", "1 " * 900]
)
def test_the_real_reader_accepts_any_input(
    real_passages: PassageReader, question: str, passage: str
) -> None:
    for span in real_passages.read(question, views(passage))[0].spans:
        assert 0 <= span.start < span.end <= len(passage)
