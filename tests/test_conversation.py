"""Follow-up questions are resolved as people mean them, and complete questions stay as they are."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.encoding.encoder import Encoder
from service.followups.resolver import Resolver
from service.question import MAX_QUESTION_LENGTH, Role, Turn
from tests.conversations import Alike, Families, turns


@pytest.fixture(scope="module")
def resolver() -> Resolver:
    encoder: Encoder = Families()
    return Resolver(encoder)


@pytest.mark.parametrize(
    ("history", "question", "resolved"),
    [
        # pronouns
        (
            ["Tell me about lung cancer."],
            "What are its symptoms?",
            "What are lung cancer’s symptoms?",
        ),
        (
            ["Tell me about lung cancer.", "What are its symptoms?"],
            "Can it spread?",
            "Can lung cancer spread?",
        ),
        (["What are mammals?"], "What do they eat?", "What do mammals eat?"),
        (
            ["Who wrote the report?", "> Zhang Xin"],
            "When did he write it?",
            "When did Zhang Xin write the report?",
        ),
        (
            ["When did China and Russia sign it?"],
            "Where did they meet?",
            "Where did China and Russia meet?",
        ),
        (
            ["Which exercise came first?", "> Joint Sea 2025"],
            "Where did that exercise take place?",
            "Where did Joint Sea 2025 take place?",
        ),
        (
            ["Who did Li meet on 3 November 2025?"],
            "What happened after that?",
            "What happened after 3 November 2025?",
        ),
        (
            ["What was the Stanford Experiment?"],
            "Who led the experiment?",
            "Who led the Stanford Experiment?",
        ),
        (
            ["How long is the Siberia pipeline?"],
            "And its capacity?",
            "What is the Siberia pipeline’s capacity?",
        ),
        (["What are mammals?"], "their kinds?", "What are mammals’ kinds?"),
        # what is left out
        (["When was the treaty signed?", "> 1996"], "by whom?", "by whom was the treaty signed?"),
        (["When was the treaty signed?"], "Where?", "Where was the treaty signed?"),
        (
            ["How much did exports rise in 2024?"],
            "and in 2023?",
            "How much did exports rise in 2023?",
        ),
        (
            ["How much did exports rise in 2024?"],
            "And imports?",
            "How much did imports rise in 2024?",
        ),
        (["How much did exports rise?"], "what about 2023?", "How much did exports rise in 2023?"),
        (
            ["Who was the Russian chairman of the commission?"],
            "and the Chinese one?",
            "Who was the Chinese chairman of the commission?",
        ),
        (
            ["How many joint patrols were there?"],
            "When did the fifth one finish?",
            "When did the fifth joint patrol finish?",
        ),
        # the topic carried over
        (["What is anemia?"], "What are the symptoms?", "What are the symptoms of anemia?"),
        (
            ["What is anemia?", "What are the symptoms?"],
            "What is the cause?",
            "What is the cause of anemia?",
        ),
        # nothing said takes the place: both questions
        (
            ["What price did China want?"],
            "and penguins?",
            "What price did China want? and penguins?",
        ),
    ],
)
def test_a_follow_up_is_completed(
    history: list[str], question: str, resolved: str, resolver: Resolver
) -> None:
    assert resolver.resolve(question, turns(*history)) == resolved


@pytest.mark.parametrize(
    "question",
    [
        "What is the Galileo system and why is it important?",
        "How long is the Power of Siberia pipeline?",
        "Tell me about the RICE method.",
        "Is it possible to visit Moscow?",
        "When did Netflix shift from DVDs to a streaming service?",
        "How is Bitcoin generated?",
        "???",
    ],
)
def test_a_complete_question_stays_as_it_is(question: str, resolver: Resolver) -> None:
    assert resolver.resolve(question, turns("Who wrote the report?", "> Zhang Xin")) == question


def test_without_history_a_question_stays_as_it_is(resolver: Resolver) -> None:
    assert resolver.resolve("What are its symptoms?", []) == "What are its symptoms?"


def test_a_new_topic_replaces_the_old_one(resolver: Resolver) -> None:
    history = turns("What is throat cancer?", "Is it treatable?", "What is anemia?")
    assert resolver.resolve("Is it dangerous?", history) == "Is anemia dangerous?"


def test_people_and_things_are_kept_apart(resolver: Resolver) -> None:
    history = turns(
        "Tell me about turkeys.", "Why did Ben Franklin want it to be the national symbol?"
    )
    assert resolver.resolve("How did he cook it?", history) == "How did Ben Franklin cook turkeys?"


def test_a_person_does_not_become_the_topic_of_a_follow_up(resolver: Resolver) -> None:
    history = turns(
        "Tell me about turkeys.",
        "Why did Ben Franklin want it to be the national symbol?",
        "How did he cook it?",
    )
    assert resolver.resolve("Is it healthy?", history) == "Are turkeys healthy?"
    assert resolver.resolve("Where was he born?", history) == "Where was Ben Franklin born?"


@pytest.mark.parametrize(
    ("likeness", "resolved"),
    [
        (0.36, "How much did imports rise in 2024?"),
        (0.34, "How much did exports rise in 2024? and imports?"),
        (0.06, "How much did exports rise in 2024? and imports?"),
    ],
)
def test_a_phrase_replaces_another_only_if_the_encoder_finds_them_similar(
    likeness: float, resolved: str
) -> None:
    history = turns("How much did exports rise in 2024?")
    assert Resolver(Alike(likeness)).resolve("and imports?", history) == resolved


@pytest.mark.parametrize(
    "answer", ["The documents do not say.", "I do not know.", "", "\n", "x " * 5000]
)
def test_follow_ups_do_not_refer_to_a_refusal_or_a_long_answer(
    answer: str, resolver: Resolver
) -> None:
    history = turns("Who leads the Otter Bridge Trust?", f">{answer}")
    assert (
        resolver.resolve("When was she born?", history) == "When was the Otter Bridge Trust born?"
    )


def test_a_refusal_does_not_name_what_was_asked_for(resolver: Resolver) -> None:
    history = turns("Which exercise came first?", "> The documents do not say.")
    assert "documents" not in resolver.resolve("Where did that exercise take place?", history)


def test_a_time_that_replaces_another_does_not_become_the_topic(
    resolver: Resolver,
) -> None:
    history = turns("How much did exports rise in 2024?", "and in 2023?")
    assert resolver.resolve("What happened after that?", history) == "What happened after 2023?"
    assert "in 2023 mean" not in resolver.resolve("What does it mean?", history)


@pytest.mark.parametrize("text", ["it ", "the line ", "What is it? ", "China and ", "a, "])
def test_the_longest_history_is_fast_and_the_question_stays_short_enough(
    text: str, resolver: Resolver
) -> None:
    history = turns(*[(text * 20_000)[:20_000]] * 20)
    started = time.process_time()
    for question in ("and it?", "why?", "what about them?", (text * 500)[:1_000]):
        assert len(resolver.resolve(question, history)) <= MAX_QUESTION_LENGTH
    assert time.process_time() - started < 10


def test_assistant_turns_before_the_first_question_are_ignored(resolver: Resolver) -> None:
    assert (
        resolver.resolve("What does it cost?", turns("> The ticket costs 5 euros."))
        == "What does it cost?"
    )


def test_empty_turns_are_ignored(resolver: Resolver) -> None:
    history = turns("What is anemia?", " ", ">", "")
    assert resolver.resolve("Is it dangerous?", history) == "Is anemia dangerous?"


@given(
    history=st.lists(
        st.tuples(
            st.sampled_from(Role),
            st.text(max_size=40) | st.sampled_from(["What is it?", "And he?", "Why?"]),
        ),
        max_size=6,
    ),
    question=st.text(min_size=1, max_size=40)
    | st.sampled_from(["And it?", "where was that one?", "what about"]),
)
def test_any_history_gives_a_question_and_always_the_same_one(
    history: list[tuple[Role, str]], question: str, resolver: Resolver
) -> None:
    said = [Turn(role, text) for role, text in history]
    resolved = resolver.resolve(question, said)
    assert resolved.strip() or not question.strip()
    assert resolver.resolve(question, said) == resolved
