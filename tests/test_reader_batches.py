"""Rows and batches: answers stay in their windows, groups stay together."""

import random
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers

from eval.training.batches import (
    CLS,
    SEP,
    Buckets,
    Mix,
    Row,
    Source,
    Tokens,
    batches,
    collate,
    encode,
    token_span,
    window,
)
from eval.training.examples import Example, Paragraph, Place

TEXT = "Oslo has trams. Bergen has rain. Oslo has hills too. Nothing else is known of Oslo."
WORDS = sorted({*TEXT.replace(".", " .").split(), "where", "?", "[UNK]"})
MIX = Mix(
    lengths=((64, 1.0),), gold=1.0, group=1.0, entity=0.0, opposite=0.0, word=0.0, removed=0.0
)


def toy_tokenizer() -> Tokenizer:
    tokenizer = Tokenizer(
        models.WordLevel({word: 200 + n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    return tokenizer


def toy_source() -> tuple[Source, list[Example]]:
    paragraphs = [Paragraph(TEXT, "a"), Paragraph("Bergen has rain.", "a")]
    examples = [Example(str(n), "where ?", 0, ((0, 4),), ("Oslo",)) for n in range(5)]
    negatives = {example.id: [1] for example in examples}
    return Source(toy_tokenizer(), paragraphs, negatives, lambda _, words: words), examples


def test_a_span_of_letters_becomes_the_tokens_it_touches() -> None:
    tokens = encode(toy_tokenizer(), [TEXT])[0]
    assert token_span(tokens, (16, 22)) == (
        4,
        4,
    )  # "Bergen" is the fifth token, after "Oslo has trams ."
    assert tokens.heads.tolist() == [0, 4, 8, 13]


@given(st.integers(1, 80), st.integers(4, 40), st.data())
def test_a_window_holds_its_answer_and_keeps_its_size(
    length: int, size: int, data: st.DataObject
) -> None:
    heads = sorted({0, *data.draw(st.sets(st.integers(0, length - 1)))})
    first = data.draw(st.integers(0, length - 1))
    last = data.draw(st.integers(first, min(first + size, length) - 1))
    places = np.arange(length)
    tokens = Tokens(places, places, places + 1, np.array(heads))
    start, end = window(tokens, (first, last), size, random.Random(data.draw(st.integers(0, 99))))
    assert 0 <= start <= first <= last < end <= length
    assert end - start <= size


def test_a_gold_row_and_its_hard_negatives_are_one_group() -> None:
    source, examples = toy_source()
    ((gold, negative),) = source.groups(examples[0], MIX, random.Random(1))
    answer = gold.spans[0][0]
    assert gold.ids[answer] == 200 + WORDS.index("Oslo")
    assert gold.ids[0] == CLS
    assert gold.ids[gold.passage_at - 1] == gold.ids[-1] == SEP
    assert negative.spans == ((0, 0),)


def test_a_batch_holds_whole_groups_and_a_constant_number_of_tokens() -> None:
    source, examples = toy_source()
    for number, (_, batch) in zip(
        range(20), batches(source, examples, MIX, 640, seed=3), strict=False
    ):
        assert batch.ids.shape == (10, 64), number
        filled = batch.group[batch.weight > 0].tolist()
        assert all(filled.count(group) == 2 for group in set(filled))


def test_the_same_seed_gives_the_same_batches_and_a_start_skips_examples() -> None:
    source, examples = toy_source()
    drawn, batch = next(batches(source, examples, MIX, 640, seed=3))
    assert np.array_equal(next(batches(source, examples, MIX, 640, seed=3))[1].ids, batch.ids)
    assert next(batches(source, examples, MIX, 640, seed=3, start=drawn))[0] > drawn


def test_rows_left_over_have_no_weight() -> None:
    buckets = Buckets(640)
    groups = [[Row([CLS, 7, SEP, 8, SEP], 3, ((3, 3),))] * 3] * 5
    (batch,) = [made for made in map(buckets.add, groups) if made is not None]
    # Ten rows of 64: three groups of three fit, and one row stays empty.
    assert batch.weight.tolist() == [1.0] * 9 + [0.0]
    assert batch.spans[:9, 0].tolist() == [[3, 3]] * 9


def test_an_example_whose_answer_was_not_found_cannot_be_learnt_from() -> None:
    assert not Example("x", "where ?", 0, (), ("Oslo",)).is_usable
    assert Example("x", "where ?", 0, (), ()).is_usable


def test_a_question_without_an_answer_gives_rows_that_want_null() -> None:
    source, _ = toy_source()
    example = Example("x", "where ?", 0, (), (), (Place(1, ()),))
    groups = source.groups(example, MIX, random.Random(1))
    assert [[row.spans for row in group] for group in groups] == [[((0, 0),)], [((0, 0),)]]


def test_every_passage_that_may_hold_the_answer_joins_the_group() -> None:
    source, _ = toy_source()
    also = (Place(1, ((0, 6),)),)
    example = Example("x", "where ?", 0, ((16, 22),), ("Bergen",), also, exact=False, loose=True)
    ((first, second),) = source.groups(example, MIX, random.Random(1))
    bergen = 200 + WORDS.index("Bergen")
    assert [row.ids[row.spans[0][0]] for row in (first, second)] == [bergen, bergen]
    assert first.loose
    assert second.loose


def test_what_must_be_read_whole_is_not_cut() -> None:
    source, _ = toy_source()
    mix = Mix(lengths=((12, 1.0),), gold=1.0, group=0.0)
    answer = Example("x", "where ?", 0, ((0, 4),), ("Oslo",), exact=False)
    ((cut,),) = source.groups(answer, mix, random.Random(1))
    ((uncut,),) = source.groups(replace(answer, whole=True), mix, random.Random(1))
    assert len(cut.ids) <= 12 < len(uncut.ids)


def test_the_sentences_of_a_row_that_hold_the_answer_belong_to_it() -> None:
    source, examples = toy_source()
    (group, *_) = source.groups(examples[0], MIX, random.Random(1))
    # "Oslo" of the first sentence is the answer.
    assert group[0].heads == (4, 8, 12, 17)
    assert group[0].belongs == (1, 0, 0, 0)
    assert group[1].belongs == (0,)


def test_further_sentences_of_the_answer_belong_to_it_and_a_guess_does_not() -> None:
    source, examples = toy_source()
    longer = replace(examples[0], evidence=((33, 37),))
    assert source.groups(longer, MIX, random.Random(1))[0][0].belongs == (1, 0, 1, 0)
    guessed = replace(examples[0], guessed=True)
    assert source.groups(guessed, MIX, random.Random(1))[0][0].belongs == (-1, 0, 0, 0)


def test_a_batch_knows_the_sentence_of_each_token() -> None:
    row = Row([CLS, 7, SEP, 8, 9, 5, SEP], 3, ((3, 3),), heads=(3, 5), belongs=(1, 0))
    batch = collate([[row]], 2, 8)
    assert batch.sentences.tolist() == [[-1, -1, -1, 0, 0, 1, -1, -1], [-1] * 8]
    assert batch.belongs[:, :3].tolist() == [[1, 0, -1], [-1, -1, -1]]
