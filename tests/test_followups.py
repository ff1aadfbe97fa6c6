"""What a resolved question may be, over a grid of first questions and follow-ups."""

import re
from itertools import product

import pytest

from service.followups.resolver import Resolver
from tests.conversations import Alike, turns

FIRST = [
    "What was the hotel limit in Germany in 2023?",
    "Who supplies the gas?",
    "Who approves the travel request?",
    "How long is the Power of Siberia pipeline?",
    "How much gas did Gazprom send to China in 2024?",
    "When was the treaty signed?",
    "Did exports rise in 2024?",
    "Which company runs the ferry to Helsinki?",
    "Tell me about lung cancer.",
    "Where did China and Russia hold the exercise?",
    "How many days of leave do employees get?",
    "Who leads the group that was founded in Oslo?",
    "Is the warranty valid in Canada?",
    "how do I reset the router",
    "Why did trade fall in 2025?",
    "What is Netflix's relationship with Blockbuster?",
]

COMPLETE = [
    "What was the hotel limit in Germany in 2023?",
    "Who does the Power of Siberia supply deal run with?",
    "Who supplies the gas for the Power of Siberia pipeline?",
    "Which university announced its president will step down?",
    "Which state held a special election this week?",
    "Who spends the most money on their military?",
    "When did Netflix change its name?",
    "Is it safe to eat raw eggs?",
    "How long does it take to charge a Tesla?",
    "What does it mean when a market is saturated?",
    "What is CBT and how does it work?",
    "Which singer said she will tour Canada?",
    "Why did the US and its allies leave Kabul?",
    "Who is the one man who opposed the treaty?",
    "What does the report say about exports of coal to Japan?",
    "How many Burger King restaurants are there in North America?",
    "How was Kartini Day established?",
    "What office does He Lifeng hold?",
    "Which of these drugs lower blood pressure in children?",
    "capacity of the Otter tunnel in tonnes",
    "Were the two teams founded in the same year?",
    "Does Damian Priest have any awards to his name?",
]

INCOMPLETE = [
    "Why?",
    "When?",
    "Since when?",
    "By whom?",
    "In which city?",
    "Which companies?",
    "How much?",
    "and in 2022?",
    "And in Poland?",
    "what about imports?",
    "and the managers?",
    "What about Norway?",
    "for contractors?",
    "What does it cost?",
    "How do they pay for it?",
    "When was he born?",
    "Who lives there?",
    "Does the same apply to contractors?",
    "What are the exceptions?",
    "Who decides that?",
    "And its capacity?",
    "What happened after that?",
    "Is that one bigger?",
    "How many of those are left?",
]

AUXILIARIES = re.compile(r"\b(?:do|does|did|is|are|was|were|has|have|had|can|will)\b", re.I)
_AGREEING = {"are": "is", "were": "was", "have": "has", "do": "does", "don't": "doesn't"}
DOUBLED = re.compile(
    r"\b(?:the|a|an|in|of|to|for|by|on) (?:the|a|an|in|of|to|for|by|on) (?:the|in|of|to|by)\b"
    r"|\b(\w+) \1\b|\bthe (?:the|an?|his|its|their)\b|  ",
    re.I,
)


@pytest.fixture(scope="module", params=[0.9, 0.1], ids=["alike", "unlike"])
def resolver(request: pytest.FixtureRequest) -> Resolver:
    """Resolvers for which every phrase may take the place of any other, or none may."""
    return Resolver(Alike(request.param))


def sentences(text: str) -> list[str]:
    """The questions that a resolved question consists of."""
    return [part for part in re.split(r"(?<=[?!.]) (?=\S)", text) if part]


def words(text: str) -> list[str]:
    """Its words in lower case, with one number for verbs and without the marks of possession."""
    found = re.findall(r"[\w-]+(?:['’]t)?", re.sub(r"[’']s?\b(?!t)|[’'] ", " ", text.lower()))
    return [_AGREEING.get(word, word) for word in found]


@pytest.mark.parametrize(("first", "question"), list(product(FIRST, COMPLETE)))
def test_a_complete_question_stays_as_it_is_after_any_other(
    first: str, question: str, resolver: Resolver
) -> None:
    assert resolver.resolve(question, turns(first)) == question
    assert resolver.resolve(question, turns(first, "> the travel office")) == question


@pytest.mark.parametrize(("first", "question"), list(product(FIRST, INCOMPLETE)))
def test_a_resolved_question_is_made_of_whole_parts_of_what_was_said(
    first: str, question: str, resolver: Resolver
) -> None:
    resolved = resolver.resolve(question, turns(first))
    said = {*words(first), *words(question), "in", "on", "of", "for", "what", "is", "and"}
    assert set(words(resolved)) <= said
    parts = sentences(resolved)
    if len(parts) == 2:
        # Both questions follow each other as they were typed.
        assert resolved == f"{first.rstrip('?. ')}? {question}"
        return
    assert len(parts) == 1
    # One question stands alone: it has no more verbs than the questions that it was made of, and
    # nothing is doubled.
    allowed = max(len(AUXILIARIES.findall(first)), len(AUXILIARIES.findall(question)), 1)
    assert len(AUXILIARIES.findall(resolved)) <= allowed
    assert not DOUBLED.search(resolved), resolved


@pytest.mark.parametrize(
    ("first", "question", "resolved"),
    [
        ("Who supplies the gas?", "When?", "Who supplies the gas? When?"),
        ("Who supplies the gas?", "By whom?", "Who supplies the gas? By whom?"),
        ("Did exports rise in 2024?", "Why?", "Why did exports rise in 2024?"),
        (
            "How long is the Elm tunnel?",
            "and in Mongolia?",
            "How long is the Elm tunnel in Mongolia?",
        ),
        (
            "When did China and Russia carry out their first submarine patrol together?",
            "In which waters?",
            "In which waters did China and Russia carry out their first submarine patrol together?",
        ),
        ("Where did they meet in Hangzhou?", "Who lives there?", "Who lives in Hangzhou?"),
        ("Is the warranty valid in Canada?", "Is it cold there?", "Is it cold in Canada?"),
        (
            "What is the limit for hotels?",
            "Does the same apply to contractors?",
            "What is the limit for hotels? Does the same apply to contractors?",
        ),
    ],
)
def test_incomplete_questions_are_joined_only_where_the_result_is_grammatical(
    first: str, question: str, resolved: str
) -> None:
    assert Resolver(Alike(0.1)).resolve(question, turns(first)) == resolved
