"""Questions and passages changed so that they no longer fit each other."""

import random

import pytest

from eval.training.perturb import (
    Setting,
    entities,
    swap_entity,
    swap_opposite,
    swap_word,
    without_sentences,
)

PARAGRAPH = "Ada Lovelace met Charles Babbage in 1833. She wrote 3 notes in London."
SETTING = Setting(
    PARAGRAPH, PARAGRAPH + " In 1852 Mary Somerville left Paris with 7 books.", ("London",)
)


def test_entities_have_their_kinds() -> None:
    found = {PARAGRAPH[start:end]: kind for kind, (start, end) in entities(PARAGRAPH)}
    assert found == {
        "1833": "year",
        "3": "number",
        "Ada Lovelace": "names",
        "Charles Babbage": "names",
        "London": "name",
    }


@pytest.mark.parametrize("seed", range(20))
def test_a_year_is_swapped_for_another_year(seed: int) -> None:
    changed = swap_entity("Whom did she meet in 1833?", SETTING, random.Random(seed))
    # The paragraph alone has no other year; the article has 1852.
    assert changed in (None, "Whom did she meet in 1852?")


@pytest.mark.parametrize("seed", range(20))
def test_a_swapped_question_never_names_its_answer(seed: int) -> None:
    setting = Setting("They left Paris and London.", "They left Paris and London.", ("London",))
    assert swap_entity("Who left Paris?", setting, random.Random(seed)) is None


def test_a_word_becomes_its_opposite() -> None:
    changed = {
        swap_opposite("What is the largest tram?", random.Random(seed)) for seed in range(40)
    }
    assert changed == {"What is the smallest tram?", "What is not the largest tram?"}


def test_a_question_without_opposites_is_negated_or_left() -> None:
    changed = {swap_opposite("Where did Ada go?", random.Random(seed)) for seed in range(40)}
    assert changed == {"Where did Ada not go?", "Where did not Ada go?"}
    assert swap_opposite("Which tram?", random.Random(1)) is None


def test_a_shared_word_is_swapped_for_a_near_one_of_the_article() -> None:
    setting = Setting(
        "The copper statue stands.", "The copper statue stands. A silver column fell.", ("stands",)
    )
    orders = {"copper": ["silver"], "statue": ["column"]}
    changed = {
        swap_word(
            "Where is the copper statue?",
            setting,
            lambda word, _: orders[word],
            random.Random(seed),
        )
        for seed in range(20)
    }
    assert changed == {"Where is the silver statue?", "Where is the copper column?"}


def test_the_answering_sentence_is_taken_out() -> None:
    text = "One sentence is here. " * 8 + "It lies in London. " + "And more follows."
    cut = text.index("It lies")
    places = [(0, cut), (cut, cut + 19), (cut + 19, len(text))]
    left = without_sentences(text, places, ("london",))
    assert left is not None
    assert "London" not in left
    assert without_sentences("Only London.", [(0, 12)], ("London",)) is None
