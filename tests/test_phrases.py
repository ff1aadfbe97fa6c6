"""The phrases of a question and their kinds, worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.followups.phrases import has_verb, phrases, tokens


@pytest.mark.parametrize(
    ("question", "named"),
    [
        (
            "How much gas did Gazprom send through Power of Siberia in 2024?",
            ["gas", "Gazprom", "Power of Siberia", "2024"],
        ),
        ("What are the symptoms of lung cancer?", ["symptoms", "lung cancer"]),
        ("Tell me about the history of toilets.", ["history", "toilets"]),
        (
            "What is Netflix’s relationship with Blockbuster?",
            ["Netflix", "relationship", "Blockbuster"],
        ),
        ("Do we pay the First Lady?", ["First Lady"]),
        ('When was the "no limits" partnership signed?', ['"no limits" partnership']),
        ("How can I increase my levels naturally?", ["levels"]),
        ("Why?", []),
    ],
)
def test_phrases_are_what_a_question_names(question: str, named: list[str]) -> None:
    assert [phrase.text for phrase in phrases(question)] == named


def test_each_phrase_has_a_kind() -> None:
    asked, subject, name, time = (
        phrases("Which gas does the pipeline carry?")[0],
        *phrases("Did the pipelines reach Power of Siberia in May 2025?"),
    )
    assert (asked.is_asked, asked.is_subject) == (True, False)
    assert (subject.is_subject, subject.is_plural, subject.is_name) == (True, True, False)
    assert (name.is_name, name.is_relational) == (True, False)
    assert (time.is_time, time.text) == (True, "May 2025")
    assert phrases("What are the symptoms?")[0].is_relational


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in which waters", False),
        ("the Chinese one", False),
        ("LNG in September", False),
        ("What causes it?", True),
        ("Tell me about lung cancer.", True),
        ("where is it", True),
    ],
)
def test_a_sentence_has_a_verb_and_a_fragment_has_none(text: str, expected: bool) -> None:
    assert has_verb(text) is expected


@given(st.text(max_size=60))
def test_tokens_and_phrases_have_exact_offsets(text: str) -> None:
    assert all(text[token.start : token.end] == token.text for token in tokens(text))
    ends = [0, *(phrase.end for phrase in phrases(text))]
    assert ends == sorted(ends)
    assert all(0 <= phrase.start < phrase.end <= len(text) for phrase in phrases(text))
